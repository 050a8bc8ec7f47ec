//! How a server is set up.

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    time::Duration,
};

use federation::external::Programs;
use thunderline_bridge::NamedCommand;
use thunderline_core::{Error, Problem, Result};
use thunderlink::tick::INTERVAL;

/// Characters of a process's name; tokens have room for it.
const LONGEST_NAME: usize = 64;

/// How a server is set up.
#[derive(Clone, Debug)]
pub struct Options {
    /// The data folder: database (unless elsewhere), models, keys.
    pub data: PathBuf,
    /// The database's address; a file in the data folder where there is none.
    pub database: Option<String>,
    /// Where REST and the page are served.
    pub web: SocketAddr,
    /// Where Flower's Fleet API is served over HTTP, with the runners' channel.
    pub fleet_http: SocketAddr,
    /// Where Flower's Fleet API is served over gRPC.
    pub fleet_grpc: SocketAddr,
    /// Whether addresses that other machines can reach are allowed although nothing is encrypted.
    pub allow_plaintext: bool,
    /// Whether webhooks may go to addresses that are not of the public internet.
    pub private_webhooks: bool,
    /// Programs that federations may name as their strategies.
    pub strategies: Vec<NamedCommand>,
    /// How long such a program may take for a round.
    pub strategy_limit: Duration,
    /// What this process is called among those that share a database.
    pub node: String,
    /// The time between two ticks of the domain mesh.
    pub tick_interval: Duration,
}

impl Options {
    /// A server of this data folder on free ports of this machine.
    #[must_use]
    pub fn ephemeral(data: &Path) -> Self {
        let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        Self {
            data: data.to_owned(),
            database: None,
            web: any,
            fleet_http: any,
            fleet_grpc: any,
            allow_plaintext: false,
            private_webhooks: false,
            strategies: Vec::new(),
            strategy_limit: Duration::from_secs(600),
            node: "server".into(),
            tick_interval: INTERVAL,
        }
    }

    /// The database's address.
    #[must_use]
    pub fn database_url(&self) -> String {
        let own = || format!("sqlite:{}", self.data.join("thunderline.db").display());
        self.database.clone().unwrap_or_else(own)
    }

    /// The strategies with programs that are there.
    ///
    /// # Errors
    /// `invalid` where one is not, or where a name does not tell it from others.
    pub fn programs(&self) -> Result<Vec<NamedCommand>> {
        let located = |command: &NamedCommand| {
            command
                .located()
                .map_err(|error| Error::invalid(format!("--strategy {error}"), error.problems().to_vec()))
        };
        Programs::check(&self.strategies)?;
        self.strategies.iter().map(located).collect()
    }

    /// Refuses to speak in clear text to other machines unless that was asked for.
    ///
    /// # Errors
    /// `invalid` with every address that is not loopback, or for a name that is none.
    pub fn check(&self) -> Result<()> {
        if self.node.trim().is_empty() || self.node.chars().count() > LONGEST_NAME {
            let allowed = format!("1 to {LONGEST_NAME} characters");
            return Err(Error::invalid_value("--node", "empty or too long", allowed));
        }
        let addresses =
            [("--web", self.web), ("--fleet-http", self.fleet_http), ("--fleet-grpc", self.fleet_grpc)];
        let open =
            addresses.into_iter().filter(|(_, address)| !self.allow_plaintext && !address.ip().is_loopback());
        let problems: Vec<_> = open
            .map(|(option, address)| Problem {
                path: option.into(),
                reason: format!("{address} can be reached from other machines, and nothing is encrypted"),
                allowed: "a loopback address (put a TLS proxy in front), or --allow-plaintext in a network that you trust".into(),
            })
            .collect();
        match problems.first() {
            None => Ok(()),
            Some(first) => Err(Error::invalid(first.to_string(), problems)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clear_text_to_other_machines_must_be_asked_for() {
        let mut options = Options::ephemeral(Path::new("/x"));
        options.check().unwrap();
        options.web = "0.0.0.0:4000".parse().unwrap();
        options.fleet_grpc = "[::]:9092".parse().unwrap();
        assert_eq!(options.check().unwrap_err().problems().len(), 2);
        options.allow_plaintext = true;
        options.check().unwrap();
        options.node = "n".repeat(65);
        assert!(options.check().unwrap_err().to_string().contains("--node"));
    }

    #[test]
    fn a_strategy_without_a_program_is_refused_by_name() {
        let mut options = Options::ephemeral(Path::new("/x"));
        options.strategies = vec![NamedCommand::parse("median=/no/such/median.py").unwrap()];
        let error = options.programs().unwrap_err().to_string();
        assert!(error.contains("--strategy median") && error.contains("/no/such/median.py"), "{error}");
    }

    #[test]
    fn a_strategy_is_not_called_as_another_one() {
        let mut options = Options::ephemeral(Path::new("/x"));
        for (lines, why) in [
            (&["krum=sh"][..], "'krum' is the name of a built-in strategy"),
            (&["FedAvg=sh"][..], "built-in"),
            (&["external=sh"][..], "built-in"),
            (&["own=sh", "own=cat"][..], "two strategies are named 'own'"),
            (&["a b=sh"][..], "'a b' is no name (allowed: 1 to 64 letters, digits, '.', '_' or '-')"),
            (&["a/b=sh"][..], "'a/b' is no name"),
        ] {
            options.strategies = lines.iter().map(|line| NamedCommand::parse(line).unwrap()).collect();
            let error = options.programs().unwrap_err();
            assert!(error.problems()[0].path == "--strategy" && error.to_string().contains(why), "{error}");
        }
    }
}
