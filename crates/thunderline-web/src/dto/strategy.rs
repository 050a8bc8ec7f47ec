//! Strategies.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use thunderline_numerics::strategy::{Allowed, Kind, Param};
use utoipa::ToSchema;

/// A strategy that specs may name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Strategy {
    /// Its name: `strategy: NAME` in a spec, or `strategy: {external: NAME}`.
    pub name: String,
    /// Whether it is a program of the server's operator, which gets `params` as they are.
    pub external: bool,
    /// The arXiv number of its paper.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paper: Option<String>,
    /// What may be set of a built-in one, as `params`.
    pub params: Vec<StrategyParam>,
    /// How it weighs clients where a spec does not say; absent where it does not weigh them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weighting: Option<String>,
    /// Whether only `app.builtin` can do the clients' part of it.
    pub built_in_app_only: bool,
}

/// A parameter of a strategy.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct StrategyParam {
    /// Its key.
    pub name: String,
    /// What it is where a spec says nothing; absent where it must be said, or follows from the app.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<Value>,
    /// What it may be.
    pub allowed: String,
}

impl From<&Kind> for Strategy {
    fn from(kind: &Kind) -> Self {
        Self {
            name: kind.name.into(),
            external: false,
            paper: Some(kind.paper.to_owned()).filter(|paper| !paper.is_empty()),
            params: kind.params.iter().map(StrategyParam::from).collect(),
            weighting: kind.weighting.map(|by| by.name().to_owned()),
            built_in_app_only: kind.built_in_only,
        }
    }
}

impl Strategy {
    /// The operator's program of this name.
    #[must_use]
    pub fn external(name: String) -> Self {
        Self { name, external: true, ..Self::from(&thunderline_numerics::strategy::EXTERNAL) }
    }
}

impl From<&Param> for StrategyParam {
    fn from(param: &Param) -> Self {
        let written = |value: f64| match param.allowed {
            Allowed::Whole(..) => json!(value as u64),
            Allowed::Flag => json!(value != 0.0),
            _ => json!(value),
        };
        Self { name: param.name.into(), default: param.default.map(written), allowed: param.allowed.words() }
    }
}

#[cfg(test)]
mod tests {
    use thunderline_numerics::strategy::KINDS;

    use super::*;

    #[test]
    fn defaults_are_written_as_specs_write_them() {
        let all: Vec<_> = KINDS.iter().map(|kind| Strategy::from(*kind)).collect();
        let param = |name: &str, key: &str| {
            let strategy = all.iter().find(|it| it.name == name).unwrap();
            strategy.params.iter().find(|it| it.name == key).unwrap().clone()
        };
        assert_eq!(param("bulyan", "iterated").default, Some(json!(true)));
        assert!(param("fedbuff", "buffer_size").default.unwrap().is_u64());
        assert!(all.iter().all(|it| !it.external && it.paper.is_some()), "{all:?}");
        let own = Strategy::external("median".into());
        assert!(own.external && own.paper.is_none() && own.params.is_empty(), "{own:?}");
    }
}
