//! What the site owner decides.

use std::{collections::BTreeMap, path::PathBuf, time::Duration};

use serde_json::Value;
use thunderline_core::{Error, Problem, Result};
use thunderline_secagg::Floor;

/// A program that federations may ask for by name. The command line is the site owner's alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedCommand {
    /// The name that a federation's app says.
    pub name: String,
    /// The program.
    pub program: PathBuf,
    /// Its arguments.
    pub arguments: Vec<String>,
}

impl NamedCommand {
    /// Reads `name=/path/to/trainer arg…`; arguments are separated by spaces and cannot contain any.
    ///
    /// # Errors
    /// `invalid` where the name or the program is missing.
    pub fn parse(text: &str) -> Result<Self> {
        let refuse = || {
            Error::invalid_value(
                "command",
                format!("'{text}' names no program"),
                "name=/path/to/trainer args…",
            )
        };
        let (name, line) = text.split_once('=').ok_or_else(refuse)?;
        let mut words = line.split_whitespace();
        let program = words.next().ok_or_else(refuse)?;
        if name.trim().is_empty() {
            return Err(refuse());
        }
        Ok(Self {
            name: name.trim().into(),
            program: program.into(),
            arguments: words.map(str::to_owned).collect(),
        })
    }
}

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
    /// many of them it takes for the server's, and whom it believes to be clients.
    pub floor: Floor,
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
            floor: Floor::default(),
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
    fn a_command_line_is_read_as_the_site_owner_writes_it() {
        let command = NamedCommand::parse("resnet=/opt/train.py --gpu 0").unwrap();
        assert_eq!((command.name.as_str(), command.program.to_str()), ("resnet", Some("/opt/train.py")));
        assert_eq!(command.arguments, ["--gpu", "0"]);
        for text in ["", "x", "x=", "=y", "x=  "] {
            assert!(NamedCommand::parse(text).is_err(), "{text}");
        }
    }

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
