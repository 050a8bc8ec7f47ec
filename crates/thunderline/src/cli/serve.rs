//! `thunderline serve`

use std::{net::SocketAddr, path::Path, time::Duration};

use clap::Args;
use thunderline_bridge::NamedCommand;
use tokio::signal::unix::{SignalKind, signal};

use super::{Global, runner::command};
use crate::{
    client::ServerFile,
    compose::{Options, Server, Stopped},
    failure::{Failure, Result},
    output::say,
};

/// Run the server
///
/// Serves REST and the page, Flower's Fleet API over HTTP (flwr 1.40 and newer, and thunderline runners) and over gRPC
/// (flwr up to 1.39). Ctrl-C finishes what has begun and stops; federations go on at the next start.
#[derive(Args, Debug)]
pub struct Serve {
    /// The database: sqlite:PATH or postgres://USER@HOST/DATABASE; a file in the data folder unless given
    #[arg(long, env = "THUNDERLINE_DATABASE", value_name = "URL", hide_env_values = true)]
    database: Option<String>,
    /// Where REST and the page are served
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:4000")]
    web: SocketAddr,
    /// Where runners and flower-supernodes of flwr 1.40 and newer connect
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:8000")]
    fleet_http: SocketAddr,
    /// Where flower-supernodes of flwr up to 1.39 connect
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:9092")]
    fleet_grpc: SocketAddr,
    /// Allow addresses that other machines can reach, although nothing is encrypted
    #[arg(long)]
    allow_plaintext: bool,
    /// Let webhooks be sent to private addresses: of this machine, of the local network
    #[arg(long)]
    allow_private_webhooks: bool,
    /// What this process is called among those that share a database
    #[arg(
        long,
        env = "THUNDERLINE_NODE",
        hide_env_values = true,
        value_name = "NAME",
        default_value = "server"
    )]
    node: String,
    /// A program that federations may name as their strategy (docs/strategies.md); may be given several times
    #[arg(long = "strategy", value_name = "NAME=PROGRAM ARGS…", value_parser = command)]
    strategies: Vec<NamedCommand>,
    /// How long such a program may take for a round, in seconds: at most a week
    #[arg(long, value_name = "SECONDS", default_value_t = 600, value_parser = clap::value_parser!(u64).range(1..=604_800))]
    strategy_limit: u64,
    /// Milliseconds between two ticks of the domain mesh: 50 to 60000
    #[arg(long, value_name = "MS", default_value_t = 1000, value_parser = clap::value_parser!(u64).range(50..=60_000))]
    tick_interval: u64,
}

impl Serve {
    /// Serves until told to stop.
    pub fn run(&self, global: &Global) -> Result<()> {
        let options = Options {
            data: global.data_dir.clone(),
            database: self.database.clone(),
            web: self.web,
            fleet_http: self.fleet_http,
            fleet_grpc: self.fleet_grpc,
            allow_plaintext: self.allow_plaintext,
            private_webhooks: self.allow_private_webhooks,
            strategies: self.strategies.clone(),
            strategy_limit: Duration::from_secs(self.strategy_limit),
            node: self.node.clone(),
            tick_interval: Duration::from_millis(self.tick_interval),
        };
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        let stopped = runtime.block_on(serve(&options, global.json))?;
        report(&stopped)
    }
}

async fn serve(options: &Options, json: bool) -> Result<Stopped> {
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    let server = Server::start(options).await?;
    let addresses = server.addresses();
    if json {
        say(&serde_json::to_string(addresses).expect("addresses are plain data"));
    } else {
        say(&banner(addresses, &options.data));
    }
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
        () = server.failed() => {}
    }
    eprintln!(
        "stopping: no new work is taken, requests that have begun are finished (again Ctrl-C: at once)"
    );
    tokio::select! {
        stopped = server.stop() => Ok(stopped),
        _ = interrupt.recv() => Err(Failure::failed("stopped at once; nothing is lost: what was committed is there at the next start")),
    }
}

/// What to do next, for people.
fn banner(addresses: &ServerFile, data: &Path) -> String {
    format!(
        "Thunderline {} serves {}\n  page and REST   {}\n  runners         thunderline runner --server {} --name NAME --data FILE.csv\n  \
             Flower ≥ 1.40   flower-supernode --insecure --superlink {}\n  Flower ≤ 1.39   flower-supernode --insecure --superlink {}\n\
             Ctrl-C stops it; federations go on at the next start.",
        addresses.version,
        data.display(),
        addresses.web,
        addresses.fleet_http,
        addresses.fleet_http.trim_start_matches("http://"),
        addresses.fleet_grpc
    )
}

fn report(stopped: &Stopped) -> Result<()> {
    for part in &stopped.cut_off {
        eprintln!("{part} did not end in time and was stopped");
    }
    let says = match stopped.unfinished {
        0 => "stopped; no federation is under way".to_owned(),
        1 => "stopped; 1 federation continues at the next start".to_owned(),
        many => format!("stopped; {many} federations continue at the next start"),
    };
    eprintln!("{says}");
    match &stopped.failure {
        Some(error) => Err(Failure::failed(error.to_string())),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_banner_says_that_runners_have_names() {
        let addresses = ServerFile {
            web: "http://127.0.0.1:1".into(),
            fleet_http: "http://127.0.0.1:2".into(),
            fleet_grpc: "127.0.0.1:3".into(),
            pid: 4,
            version: "5".into(),
        };
        let says = banner(&addresses, Path::new("/data"));
        let line = "thunderline runner --server http://127.0.0.1:2 --name NAME --data FILE.csv";
        assert!(says.contains(line), "{says}");
    }
}
