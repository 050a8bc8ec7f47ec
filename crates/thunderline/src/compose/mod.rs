//! The server, put together: the only place where domains meet.

mod domains;
mod fleet;
mod home;
mod interactions;
mod lock;
mod mesh;
mod options;
mod steps;
mod webhooks;

use std::{fs, net::SocketAddr, os::unix::fs::DirBuilderExt, path::PathBuf, sync::Arc, time::Duration};

use federation::{external::Programs, running::running};
use thunderblock::checkpoint::{self, Reason};
use thunderline_core::{Actor, Cx, Error, Result, Role, SystemClock, SystemRandom};
use thunderline_objects::Objects;
use thunderline_runtime::{Host, Kind, Tasks, background};
use thunderline_store::{Alone, Db, Engine};
use thunderline_web::{Domains, Settings, Web};
use thunderlink::tick::TickGenerator;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::client::{SERVER_FILE, ServerFile};

pub use domains::{MANIFESTS, MIGRATIONS, all as domains};
pub use interactions::interactions;
pub use lock::DataLock;
pub use mesh::registry;
pub use options::Options;
pub use steps::connect;

/// How long work that has begun may take when the server stops.
const PATIENCE: Duration = Duration::from_secs(15);
/// How long the name of a predecessor that was killed may take to become free.
const NAME_PATIENCE: Duration = Duration::from_secs(15);

/// The context of the server itself.
#[must_use]
pub fn system() -> Cx {
    let (clock, random) = (Arc::new(SystemClock), Arc::new(SystemRandom));
    Cx::new(Actor::System("server"), thundergate::DEFAULT_TENANT, clock, random)
}

/// A running server.
pub struct Server {
    cx: Cx,
    db: Db,
    domains: Domains,
    host: Host,
    tasks: Tasks,
    file: PathBuf,
    addresses: ServerFile,
    _lock: DataLock,
    _name: Alone,
}

/// How a server stopped.
#[derive(Debug)]
pub struct Stopped {
    /// Federations that go on at the next start.
    pub unfinished: usize,
    /// Parts that did not end in time.
    pub cut_off: Vec<&'static str>,
    /// What brought the server down, if anything did.
    pub failure: Option<Error>,
}

impl Server {
    /// Starts everything: ports, database, objects, domains, background work; the ports are answered last.
    ///
    /// # Errors
    /// `invalid` for options that are refused; `conflict` where another server uses the data folder, or the name among
    /// those that share the database; `unavailable` where the database or a port cannot be had.
    pub async fn start(options: &Options) -> Result<Self> {
        options.check()?;
        let strategies = options.programs()?;
        let cx = system();
        // Keys, tokens and models are nobody else's business.
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&options.data).map_err(|error| {
            Error::unavailable(format!("the data folder {} cannot be made", options.data.display()))
                .caused_by(error)
        })?;
        let lock = DataLock::take(&options.data)?;
        // Before there are keys and tokens: a port that is taken leaves none behind.
        let web_listener = bind("web", options.web).await?;
        let http_listener = bind("fleet-http", options.fleet_http).await?;
        let grpc_listener = bind("fleet-grpc", options.fleet_grpc).await?;
        let generator = TickGenerator::new(&options.node, options.tick_interval)?;
        let db = Db::connect(&options.database_url()).await?;
        let name = take_name(&db, &options.node).await?;
        db.hold_to(thunderline_contracts::Registry);
        db.migrate(&cx, MIGRATIONS).await?;
        if db.engine() == Engine::Sqlite {
            // The lock says that nobody else works on this folder.
            db.jobs().take_over(&cx).await?;
        }
        if thundergate::local::ensure_operator_token(&cx, &db, &options.data, &options.node).await? {
            let path = thundergate::local::token_path(&options.data);
            tracing::info!(path = %path.display(), "made the operator's token");
        }
        let objects = Objects::open(options.data.join("objects"))?;
        let mut domains = Domains::over(&db, objects.clone());
        let programs = Programs::new(strategies, options.data.join("strategies"), options.strategy_limit)?;
        domains.federations = domains.federations.with_programs(programs);
        let mut domains = steps::connect(domains);
        domains.flow = domains.flow.sending(webhooks::sender(options.private_webhooks));
        let domains = home::at_home(domains, options, objects)?;
        checkpoint::begin(&cx, &domains.block).await?;
        let addresses = ServerFile {
            web: format!("http://{}", web_listener.local_addr()?),
            fleet_http: format!("http://{}", http_listener.local_addr()?),
            fleet_grpc: grpc_listener.local_addr()?.to_string(),
            pid: std::process::id(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
        };

        let tasks = Tasks::new();
        let host = mesh::host(&cx, &options.node, &domains);
        mesh::start(&tasks, &cx, &host, generator).await?;
        background::hear_wake_ups(&tasks, &db);
        let loopback_role = options.web.ip().is_loopback().then_some(Role::Viewer);
        let settings = Settings { loopback_role, ..Settings::default() };
        let web = Web::new(domains.clone(), host.live(), cx.clone(), settings, CancellationToken::new());
        mesh::first_tick(&host).await;
        let file = options.data.join(SERVER_FILE);
        fs::write(&file, serde_json::to_vec_pretty(&addresses).expect("addresses are plain data"))?;
        spawn_web(&tasks, web, web_listener)?;
        let listeners = [("fleet-http", http_listener), ("fleet-grpc", grpc_listener)];
        fleet::spawn(&tasks, &cx, &domains.federations, &domains.links, &options.data, listeners)?;

        tracing::info!(
            web = addresses.web,
            fleet_http = addresses.fleet_http,
            fleet_grpc = addresses.fleet_grpc,
            "ready"
        );
        Ok(Self { cx, db, domains, host, tasks, file, addresses, _lock: lock, _name: name })
    }

    /// Where it can be reached.
    #[must_use]
    pub fn addresses(&self) -> &ServerFile {
        &self.addresses
    }

    /// Resolves when a part without which the server is useless has failed.
    pub async fn failed(&self) {
        self.tasks.stopping().await;
    }

    /// Takes no new work, finishes what has begun, and says what is left for the next start.
    pub async fn stop(self) -> Stopped {
        let drained = self.tasks.drain(PATIENCE).await;
        let cut_off = self.host.stop(&self.cx).await.unwrap_or_else(|error| {
            tracing::warn!(error = error.chain(), "that the domains stopped was not recorded");
            Vec::new()
        });
        let unfinished = self.unfinished().await.unwrap_or(0);
        if let Err(error) = checkpoint::take(&self.cx, &self.domains.block, Reason::Shutdown).await {
            tracing::warn!(error = error.chain(), "that the server stopped in good order was not noted");
        }
        self.db.close().await;
        let _gone = fs::remove_file(&self.file);
        let failure = drained
            .failure
            .map(|(part, error)| Error::new(error.kind(), format!("{part} failed: {}", error.chain())));
        Stopped { unfinished, cut_off: [cut_off, drained.unfinished].concat(), failure }
    }

    async fn unfinished(&self) -> Result<usize> {
        Ok(running(&self.cx, &self.domains.federations).await?.len())
    }
}

async fn take_name(db: &Db, node: &str) -> Result<Alone> {
    let name = db.be_alone(node, NAME_PATIENCE).await?;
    name.ok_or_else(|| {
        let message = format!(
            "another server on this database is called '{node}': call this one something else with --node"
        );
        Error::conflict(message)
    })
}

async fn bind(what: &str, address: SocketAddr) -> Result<TcpListener> {
    TcpListener::bind(address).await.map_err(|error| {
        let hint = "another server may use it: see 'thunderline doctor', or choose another port";
        Error::unavailable(format!("--{what} {address} cannot be listened on; {hint}")).caused_by(error)
    })
}

fn spawn_web(tasks: &Tasks, web: Web, listener: TcpListener) -> Result<()> {
    let listener = Arc::new(listener.into_std()?);
    tasks.spawn("web", Kind::Vital, move |stop| {
        let (web, listener) = (web.clone(), listener.clone());
        async move {
            let listener = TcpListener::from_std(listener.try_clone()?)?;
            let serving = thunderline_web::serve(web.clone(), listener);
            let mut serving = std::pin::pin!(serving);
            tokio::select! {
                ended = &mut serving => return ended,
                () = stop.cancelled() => web.closing().cancel(),
            }
            serving.await
        }
    });
    Ok(())
}
