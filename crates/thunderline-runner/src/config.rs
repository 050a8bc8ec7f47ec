//! What the site owner decides.

use std::{collections::BTreeMap, path::PathBuf, time::Duration};

use serde_json::Value;
use thunderline_bridge::NamedCommand;
use thunderline_core::{Error, Problem, Result};
use thunderline_secagg::Floor;

/// Everything that a runner needs to know.
#[derive(Clone, Debug)]
pub struct RunnerConfig {
    /// The server's base address, `http://host:port`. TLS is for a proxy in front, or for a tunnel.
    pub server: String,
    /// The runner's name, unique within the site. Local training is seeded with it, so that a federation with a seed
    /// repeats itself although keys and node ids are new.
    pub name: String,
    /// What clients can be selected by.
    pub tags: Vec<String>,
    /// What the runner can do beside what it finds out itself, and where it is: `gpu: true`, `region: "eu"`. Federations
    /// select by it.
    pub capabilities: BTreeMap<String, Value>,
    /// Where the key and temporary models are kept. Made where it is missing.
    pub state: PathBuf,
    /// The local data: a CSV for the built-in trainer (label last), anything for programs.
    pub data: Option<PathBuf>,
    /// Held-out data for evaluation; the local data where it is not given.
    pub evaluation_data: Option<PathBuf>,
    /// What every feature is divided by when the CSV is read, above 0, as with a spec's `evaluation.server.scale`.
    pub feature_scale: f64,
    /// The programs that federations may ask for.
    pub commands: Vec<NamedCommand>,
    /// How long a program may take.
    pub command_limit: Duration,
    /// What this site asks of a secure aggregation, whatever the server says: among how many clients it hides at least, how
    /// many of them it takes for the server's, and whom it believes to be clients. A site that asks anything trains with masks
    /// only: else a server would get around it by leaving the masks out. Without it, a task may have masks or not.
    pub floor: Option<Floor>,
}

impl RunnerConfig {
    /// A runner without data and programs, to be filled in.
    pub fn new(server: impl Into<String>, name: impl Into<String>, state: impl Into<PathBuf>) -> Self {
        Self {
            server: server.into(),
            name: name.into(),
            tags: Vec::new(),
            capabilities: BTreeMap::new(),
            state: state.into(),
            data: None,
            evaluation_data: None,
            feature_scale: 1.0,
            commands: Vec::new(),
            command_limit: Duration::from_secs(3600),
            floor: None,
        }
    }

    /// Checks what can be checked without touching anything.
    ///
    /// # Errors
    /// `invalid` with all that is wrong.
    pub fn validate(&self) -> Result<()> {
        let mut problems = Vec::new();
        let mut refuse = |path: &str, reason: String, allowed: &str| {
            problems.push(Problem { path: path.into(), reason, allowed: allowed.into() });
        };
        let host = self.server.strip_prefix("http://").unwrap_or_default();
        if host.is_empty() || host.starts_with('/') {
            let reason = format!("'{}' is no address that a runner can call", self.server);
            refuse("server", reason, "http://host:port (put a TLS proxy in front for https)");
        }
        if self.name.trim().is_empty() {
            refuse("name", "it is empty".into(), "a name that is unique within the site");
        }
        if !(self.feature_scale.is_finite() && self.feature_scale > 0.0) {
            refuse("feature_scale", format!("{} is no scale", self.feature_scale), "a number above 0");
        }
        for (place, command) in self.commands.iter().enumerate() {
            if self.commands[..place].iter().any(|other| other.name == command.name) {
                refuse("command", format!("'{}' is named twice", command.name), "distinct names");
            }
        }
        match problems.first() {
            None => Ok(()),
            Some(first) => Err(Error::invalid(first.to_string(), problems)),
        }
    }

    /// The server's address without a slash at its end.
    pub(crate) fn base(&self) -> &str {
        self.server.trim_end_matches('/')
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_that_is_wrong_is_told_at_once() {
        let twice = NamedCommand::parse("a=b").unwrap();
        let mut config = RunnerConfig::new("https://x", " ", "/tmp");
        config.feature_scale = 0.0;
        config.commands = vec![twice.clone(), twice];
        assert_eq!(config.validate().unwrap_err().problems().len(), 4);
        RunnerConfig::new("http://127.0.0.1:8000/", "site", "/tmp").validate().unwrap();
    }
}
