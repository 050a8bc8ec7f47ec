//! What a message asks to run: the JSON under `thunderline.app` in its configuration.

use serde::Deserialize;
use serde_json::{Map, Value};
use thunderline_core::{Error, ErrorKind, Result};
use thunderline_flower::record::{Config, ConfigValue};
use thunderline_numerics::{model::ModelSpec, random::Rng, sgd::SgdConfig};

/// The configuration's key.
pub(crate) const KEY: &str = "thunderline.app";

/// What to run.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(crate) enum App {
    /// The trainer in this program.
    Builtin(BuiltinApp),
    /// A program that the site owner named.
    Command(CommandApp),
}

/// Settings of the built-in trainer. An unknown one is refused: leaving it out would train something else than was asked.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct BuiltinApp {
    pub(crate) model: ModelSpec,
    learning_rate: f32,
    #[serde(default)]
    momentum: f32,
    batch_size: usize,
    local_epochs: u32,
    #[serde(default)]
    proximal_mu: f32,
    /// Whether steps are corrected by control variates, of which this runner keeps its own (SCAFFOLD).
    #[serde(default)]
    pub(crate) control_variates: bool,
    /// A metric about the data that the federation weighs clients by; nothing about the data is told unasked.
    #[serde(default)]
    pub(crate) report: Option<String>,
    /// Whether the update leaves the site masked only: said here too, so that a runner that cannot mask refuses.
    #[serde(default)]
    pub(crate) secure_agg: bool,
    /// The federation's.
    #[serde(default)]
    pub(crate) seed: u64,
}

impl App {
    /// Whether the update must be masked.
    pub(crate) fn secure_agg(&self) -> bool {
        match self {
            Self::Builtin(app) => app.secure_agg,
            Self::Command(app) => app.secure_agg,
        }
    }
}

impl BuiltinApp {
    pub(crate) fn sgd(&self) -> SgdConfig {
        SgdConfig {
            learning_rate: self.learning_rate,
            momentum: self.momentum,
            batch_size: self.batch_size,
            local_epochs: self.local_epochs,
            proximal_mu: self.proximal_mu,
        }
    }
}

/// Which program, and what it is told.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CommandApp {
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) config: Map<String, Value>,
    #[serde(default)]
    pub(crate) proximal_mu: f64,
    #[serde(default)]
    pub(crate) secure_agg: bool,
    #[serde(default)]
    pub(crate) seed: u64,
}

/// Reads what to run.
///
/// # Errors
/// `invalid` where nothing is said, or nothing that this runner knows.
pub(crate) fn read(config: &Config) -> Result<App> {
    let value = config.iter().find(|(key, _)| key == KEY).map(|(_, value)| value);
    let Some(ConfigValue::Text(text)) = value else {
        let why =
            format!("the message does not say what to run ('{KEY}'); runners cannot run Flower app bundles");
        return Err(Error::new(ErrorKind::Invalid, why));
    };
    serde_json::from_str(text).map_err(|error| {
        Error::new(ErrorKind::Invalid, format!("'{KEY}' asks for something unknown: {error}"))
    })
}

/// The randomness of one task. The runner's name takes part and its id does not, so that a federation with the same seed
/// repeats itself with new keys.
pub(crate) fn randomness(seed: u64, task: &str, round: u64, runner: &str) -> Rng {
    Rng::derive(seed, &["runner", task, &round.to_string(), runner])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn app(json: &str) -> Result<App> {
        read(&vec![(KEY.to_owned(), ConfigValue::Text(json.into()))])
    }

    #[test]
    fn both_kinds_are_read() {
        let json = r#"{"kind":"builtin","model":{"layers":[4,2]},"learning_rate":0.05,"momentum":0.9,
            "batch_size":16,"local_epochs":2,"proximal_mu":0.0,"seed":18446744073709551615}"#;
        let App::Builtin(builtin) = app(json).unwrap() else { panic!("another kind") };
        assert_eq!((builtin.seed, builtin.sgd().batch_size), (u64::MAX, 16));
        let json = r#"{"kind":"command","name":"resnet","config":{"depth":50},"proximal_mu":0.1,"seed":1}"#;
        let App::Command(command) = app(json).unwrap() else { panic!("another kind") };
        assert_eq!((command.name.as_str(), &command.config["depth"]), ("resnet", &50.into()));
    }

    #[test]
    fn what_is_not_known_is_refused() {
        for json in [
            "{}",
            r#"{"kind":"shell","line":"rm"}"#,
            r#"{"kind":"command","name":"x","program":"/bin/sh"}"#,
            r#"{"kind":"builtin","model":{"layers":[4,2]},"learning_rate":1,"batch_size":1,"local_epochs":1,"x":1}"#,
        ] {
            assert_eq!(app(json).unwrap_err().code(), "invalid", "{json}");
        }
        assert!(read(&Config::new()).unwrap_err().to_string().contains("does not say"));
    }
}
