//! A link that breaks after as many bytes as the test wants.

use std::{
    io::{self, Read, Write},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Condvar, Mutex, MutexGuard},
    thread,
    time::Duration,
};

/// Far longer than anything takes that a test waits for.
const LIMIT: Duration = Duration::from_secs(240);

/// When a link breaks.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Breaks {
    /// Not again.
    Never,
    /// After so many bytes in all.
    At(u64),
    /// So many bytes after the next request of this method begins whose path ends like this.
    Within(&'static str, &'static str, u64),
}

/// Passes on what clients send to a server, and what it answers.
pub struct Proxy {
    address: String,
    link: Arc<Link>,
}

struct Link {
    server: String,
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    /// Bytes that went to the server.
    crossed: u64,
    breaks: Breaks,
    broken: bool,
    /// Our end of the connection at which it broke; none once the server has read all that crossed it, and has ended it.
    breaking: Option<SocketAddr>,
    /// The connections' other ends.
    servers: Vec<TcpStream>,
}

impl Proxy {
    /// A link to `server`, `host:port`.
    pub fn start(server: String, breaks: Breaks) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let state = State { crossed: 0, breaks, broken: false, breaking: None, servers: Vec::new() };
        let link = Arc::new(Link { server, state: Mutex::new(state), changed: Condvar::new() });
        let accepting = link.clone();
        thread::spawn(move || {
            for client in listener.incoming() {
                // A server that is away, or a link that is broken: the client sees a connection that ends.
                let _ended = client.and_then(|client| accepting.connect(client));
            }
        });
        Self { address, link }
    }

    /// Where clients find it: `host:port`.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Waits until the link is broken and the server has read all that crossed it: what a slow server has not would be sent
    /// once more. The link stays broken.
    pub fn wait_until_broken(&self) {
        let state = self.link.state();
        let (state, _) =
            self.link.changed.wait_timeout_while(state, LIMIT, |state| !state.is_over()).unwrap();
        assert!(state.is_over(), "only {} bytes crossed the link", state.crossed);
    }

    /// Mends the link.
    pub fn mend(&self, breaks: Breaks) {
        let mut state = self.link.state();
        (state.broken, state.breaks) = (false, breaks);
    }

    /// How many bytes went to the server.
    pub fn crossed(&self) -> u64 {
        self.link.state().crossed
    }
}

impl State {
    fn is_over(&self) -> bool {
        self.broken && self.breaking.is_none()
    }

    /// What a client sends next. It sends a request when the one before it is answered, so that requests begin where a read does.
    fn look(&mut self, sent: &[u8]) {
        let Breaks::Within(method, path, after) = self.breaks else { return };
        let line = sent.split(|&byte| byte == b'\r').next().unwrap_or_default();
        let mut words = line.split(|&byte| byte == b' ');
        if words.next() == Some(method.as_bytes())
            && words.next().is_some_and(|word| word.ends_with(path.as_bytes()))
        {
            self.breaks = Breaks::At(self.crossed + after);
        }
    }
}

impl Link {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    fn connect(self: &Arc<Self>, client: TcpStream) -> io::Result<()> {
        if self.state().broken {
            return Ok(());
        }
        let server = TcpStream::connect(&self.server)?;
        let address = server.local_addr()?;
        self.state().servers.push(server.try_clone()?);
        let (link, up) = (self.clone(), (client.try_clone()?, server.try_clone()?));
        thread::spawn(move || {
            let _broken = link.pass_up(&up.0, &up.1);
            let _gone = up.1.shutdown(Shutdown::Write);
        });
        let link = self.clone();
        thread::spawn(move || {
            let _broken = io::copy(&mut &server, &mut &client);
            let _gone = client.shutdown(Shutdown::Write);
            let mut state = link.state();
            if state.breaking == Some(address) {
                state.breaking = None;
                link.changed.notify_all();
            }
        });
        Ok(())
    }

    fn pass_up(&self, mut client: &TcpStream, mut server: &TcpStream) -> io::Result<()> {
        let mut buffer = vec![0; 16 * 1024];
        loop {
            let count = client.read(&mut buffer)?;
            let mut state = self.state();
            if count == 0 {
                return Ok(());
            }
            if state.broken {
                break;
            }
            state.look(&buffer[..count]);
            let left = match state.breaks {
                Breaks::At(breaks_at) => breaks_at - state.crossed,
                Breaks::Never | Breaks::Within(..) => u64::MAX,
            };
            let passed = usize::try_from(left).map_or(count, |left| left.min(count));
            if server.write_all(&buffer[..passed]).is_err() {
                break;
            }
            state.crossed += passed as u64;
            if state.breaks == Breaks::At(state.crossed) {
                let breaking = server.local_addr()?;
                (state.broken, state.breaking) = (true, Some(breaking));
                for server in state.servers.drain(..) {
                    // This one's end is told by the server, which first reads what is there.
                    let own = server.local_addr().is_ok_and(|address| address == breaking);
                    let _gone = server.shutdown(if own { Shutdown::Write } else { Shutdown::Both });
                }
                break;
            }
        }
        // What is still on its way is lost. It is taken from the client all the same: one that can send no more and is not
        // told why would wait for its limit.
        io::copy(&mut client, &mut io::sink())?;
        Ok(())
    }
}
