//! Very many idle nodes in one process, for measuring a server: each has a key of its own, registers, activates, keeps a
//! signed pull open and sends a signed heartbeat every so often, as a SuperNode does over HTTP.
//!
//! `cargo run --release -p thunderline-runner --example many_nodes -- 127.0.0.1:8000 10000 120`
//!
//! Arguments: server, number of nodes, seconds to measure, and where they differ from 30, 20 and 3: seconds between heartbeats,
//! seconds for which the server holds a pull, seconds between pulls. Prints one line of JSON: how long the nodes took to come,
//! and of each kind of call in the measured time the number, the failures and the times in milliseconds. A pull's time is what
//! it took beyond the server's hold.

use std::{env, error::Error, sync::Arc, time::Duration};

use prost::Message;
use thunderline_core::{Clock, SystemClock};
use thunderline_flower::{Rpc, auth::SigningKey, wire};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::{Semaphore, mpsc},
    time::{Instant, sleep, sleep_until},
};

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// Nodes that come at the same time.
const AT_ONCE: usize = 64;

#[derive(Clone, Copy)]
struct Call {
    pull: bool,
    took: Option<Duration>,
}

/// Seconds.
#[derive(Clone, Copy)]
struct Rhythm {
    heartbeat: f64,
    hold: f64,
    pause: f64,
}

struct Node {
    server: Arc<str>,
    key: SigningKey,
    id: u64,
}

impl Node {
    async fn call(&self, stream: &mut Option<TcpStream>, rpc: Rpc, body: &[u8]) -> Outcome<Vec<u8>> {
        let mut head = format!(
            "POST {} HTTP/1.1\r\nhost: {}\r\ncontent-type: application/protobuf\r\ncontent-length: {}\r\n",
            rpc.http_path(),
            self.server,
            body.len()
        );
        for (name, value) in self.key.sign(SystemClock.now())?.to_headers() {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str("\r\n");
        let mut request = head.into_bytes();
        request.extend_from_slice(body);
        let mut connection = match stream.take() {
            Some(connection) => connection,
            None => TcpStream::connect(&*self.server).await?,
        };
        connection.write_all(&request).await?;
        let (mut answer, mut buffer) = (Vec::new(), [0; 2048]);
        let body = loop {
            let count = connection.read(&mut buffer).await?;
            if count == 0 {
                return Err("the server hung up".into());
            }
            answer.extend_from_slice(&buffer[..count]);
            let Some(end) = answer.windows(4).position(|four| four == b"\r\n\r\n") else { continue };
            let head = std::str::from_utf8(&answer[..end])?.to_ascii_lowercase();
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
            let length: usize = length.unwrap_or("0").trim().parse()?;
            if answer.len() >= end + 4 + length {
                if !head.starts_with("http/1.1 200") {
                    return Err(head.lines().next().unwrap_or_default().to_owned().into());
                }
                break answer[end + 4..end + 4 + length].to_vec();
            }
        };
        *stream = Some(connection);
        Ok(body)
    }

    fn node(&self) -> Option<wire::Node> {
        Some(wire::Node { node_id: self.id })
    }

    async fn come(&mut self, interval: f64) -> Outcome<()> {
        let mut stream = None;
        let public_key: bytes::Bytes = self.key.public_key().pem().into_bytes().into();
        let register = wire::RegisterNodeFleetRequest { public_key: public_key.clone() };
        let answer = self.call(&mut stream, Rpc::RegisterNode, &register.encode_to_vec()).await?;
        self.id = wire::RegisterNodeFleetResponse::decode(&*answer)?.node_id;
        let activate = wire::ActivateNodeRequest { public_key, heartbeat_interval: interval };
        self.call(&mut stream, Rpc::ActivateNode, &activate.encode_to_vec()).await.map(drop)
    }

    async fn beat(&self, interval: f64, first: Duration, calls: &mpsc::UnboundedSender<Call>) {
        let request = wire::SendNodeHeartbeatRequest { node: self.node(), heartbeat_interval: interval };
        let request = request.encode_to_vec();
        let mut due = Instant::now() + first;
        loop {
            sleep_until(due).await;
            due += Duration::from_secs_f64(interval);
            let started = Instant::now();
            // A connection of its own each time: the other one is busy with the pull.
            let done = self.call(&mut None, Rpc::SendNodeHeartbeat, &request).await;
            let _over = calls.send(Call { pull: false, took: done.ok().map(|_| started.elapsed()) });
        }
    }

    async fn pull(&self, rhythm: Rhythm, calls: &mpsc::UnboundedSender<Call>) {
        let request =
            wire::PullMessagesRequest { node: self.node(), message_ids: Vec::new() }.encode_to_vec();
        let mut stream = None;
        loop {
            let started = Instant::now();
            let done = self.call(&mut stream, Rpc::PullMessages, &request).await;
            if let Err(error) = &done {
                eprintln!("pull: {error}");
                sleep(Duration::from_secs(1)).await;
            }
            let took =
                done.ok().map(|_| started.elapsed().saturating_sub(Duration::from_secs_f64(rhythm.hold)));
            let _over = calls.send(Call { pull: true, took });
            sleep(Duration::from_secs_f64(rhythm.pause)).await;
        }
    }
}

#[tokio::main]
async fn main() -> Outcome<()> {
    let args: Vec<_> = env::args().skip(1).collect();
    let [server, count, seconds, rest @ ..] = &args[..] else {
        return Err("usage: many_nodes HOST:PORT NODES SECONDS [HEARTBEAT [HOLD [PAUSE]]]".into());
    };
    let (server, count, seconds): (Arc<str>, u32, u64) =
        (server.as_str().into(), count.parse()?, seconds.parse()?);
    let given = |place: usize, usual: f64| rest.get(place).map_or(Ok(usual), |text| text.parse());
    let rhythm = Rhythm { heartbeat: given(0, 30.0)?, hold: given(1, 20.0)?, pause: given(2, 3.0)? };
    let interval = rhythm.heartbeat;
    let (calls, mut called) = mpsc::unbounded_channel();
    let turns = Arc::new(Semaphore::new(AT_ONCE));
    let started = Instant::now();
    let mut coming = Vec::new();
    for number in 0..count {
        let turn = turns.clone().acquire_owned().await?;
        let (server, calls) = (server.clone(), calls.clone());
        coming.push(tokio::spawn(async move {
            let key = SigningKey::from_pkcs8(&SigningKey::generate()?)?;
            let mut node = Node { server, key, id: 0 };
            while let Err(error) = node.come(interval).await {
                eprintln!("node {number}: {error}");
                sleep(Duration::from_millis(500)).await;
            }
            drop(turn);
            let first = Duration::from_secs_f64(interval * f64::from(number % 997) / 997.0);
            tokio::spawn(async move {
                tokio::join!(node.beat(interval, first, &calls), node.pull(rhythm, &calls))
            });
            Ok::<_, Box<dyn Error + Send + Sync>>(())
        }));
    }
    for one in coming {
        one.await??;
    }
    let came = started.elapsed();
    eprintln!("{count} nodes came in {:.1} s", came.as_secs_f64());
    let settle = Instant::now() + Duration::from_secs_f64(interval.max(20.0));
    while tokio::time::timeout_at(settle, called.recv()).await.is_ok() {}
    println!("measuring");
    let end = Instant::now() + Duration::from_secs(seconds);
    let mut seen = Vec::new();
    while let Ok(Some(call)) = tokio::time::timeout_at(end, called.recv()).await {
        seen.push(call);
    }
    println!(
        "{{\"nodes\": {count}, \"came_seconds\": {:.1}, \"pull\": {}, \"heartbeat\": {}}}",
        came.as_secs_f64(),
        summary(&seen, true),
        summary(&seen, false)
    );
    Ok(())
}

fn summary(calls: &[Call], pull: bool) -> String {
    let of_kind = calls.iter().filter(|call| call.pull == pull);
    let mut times: Vec<_> = of_kind.clone().filter_map(|call| call.took).collect();
    times.sort_unstable();
    let failed = of_kind.count() - times.len();
    let at = |share: f64| {
        let place = (times.len() as f64 * share) as usize;
        times.get(place.min(times.len().saturating_sub(1))).map_or(0.0, |time| time.as_secs_f64() * 1000.0)
    };
    format!(
        "{{\"calls\": {}, \"failed\": {failed}, \"p50_ms\": {:.2}, \"p99_ms\": {:.2}, \"max_ms\": {:.2}}}",
        times.len(),
        at(0.5),
        at(0.99),
        at(1.0)
    )
}
