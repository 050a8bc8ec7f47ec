//! Strategies as a spec names them: the contract's `strategy` with its `params`.
//!
//! What there is, and what each parameter may be, is [`thunderline_numerics::strategy::KINDS`]; nothing is listed here again.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use thunderline_numerics::strategy::{self as strategies, Allowed, EXTERNAL, KINDS, Kind, Param};

use super::{
    App,
    fields::{Fields, Problems},
};

/// The parameter that the built-in trainer's own setting answers.
const CLIENT_LEARNING_RATE: &str = "client_learning_rate";

/// How a round's updates become the next model: a kind and a value for each of its parameters.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(into = "Written", try_from = "Written")]
pub struct Strategy {
    kind: &'static Kind,
    values: Vec<f64>,
    program: Option<Program>,
}

/// A strategy that is a program of the server's operator.
#[derive(Clone, Debug, PartialEq)]
pub struct Program {
    /// The name that the operator gave it.
    pub name: String,
    /// Handed to the program as they are.
    pub params: Map<String, Value>,
    label: String,
}

impl PartialEq for Strategy {
    fn eq(&self, other: &Self) -> bool {
        self.name() == other.name() && self.values == other.values && self.program == other.program
    }
}

impl Strategy {
    /// The strategy of this name with its defaults, but for the parameters that are named.
    ///
    /// # Errors
    /// `invalid` where there is no such strategy, or a parameter is unknown, missing or out of its range.
    pub fn new(name: &str, named: &[(&str, f64)]) -> thunderline_core::Result<Self> {
        let kind = Kind::named(name).ok_or_else(|| {
            thunderline_core::Error::invalid_value("strategy", format!("'{name}' is not known"), known())
        })?;
        kind.with(named)?;
        let value = |param: &Param| {
            let given = named.iter().find(|(name, _)| *name == param.name).map(|(_, value)| *value);
            given.or(param.default).expect("the strategy was built with these values")
        };
        Ok(Self { kind, values: kind.params.iter().map(value).collect(), program: None })
    }

    /// The program that the operator of the server named so.
    #[must_use]
    pub fn external(name: &str, params: Map<String, Value>) -> Self {
        let label = format!("{}:{name}", EXTERNAL.name);
        let program = Program { name: name.into(), params, label };
        Self { kind: &EXTERNAL, values: Vec::new(), program: Some(program) }
    }

    /// The name in listings: that in specs, or `external:` and the program's.
    #[must_use]
    pub fn name(&self) -> &str {
        self.program.as_ref().map_or(self.kind.name, |program| &program.label)
    }

    /// The program that aggregates; none where Thunderline does itself.
    #[must_use]
    pub fn program(&self) -> Option<&Program> {
        self.program.as_ref()
    }

    /// What there is to know about strategies of this name.
    #[must_use]
    pub fn kind(&self) -> &'static Kind {
        self.kind
    }

    /// How updates wait for each other; none where clients are asked in rounds.
    #[must_use]
    pub fn buffer(&self) -> Option<strategies::Buffer> {
        self.build().buffer()
    }

    /// The strategy, ready to aggregate.
    #[must_use]
    pub fn build(&self) -> Box<dyn strategies::Strategy> {
        self.kind.build(&self.values).expect("the values were checked when the spec was read")
    }
}

/// The strategy as it stands in a spec.
#[derive(Serialize, Deserialize)]
struct Written {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    external: Option<String>,
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    params: Map<String, Value>,
}

impl From<Strategy> for Written {
    fn from(strategy: Strategy) -> Self {
        if let Some(Program { name, params, .. }) = strategy.program {
            return Self { name: None, external: Some(name), params };
        }
        let write = |(param, value): (&Param, &f64)| {
            let value = match param.allowed {
                Allowed::Whole(..) => json!(*value as u64),
                Allowed::Flag => json!(*value != 0.0),
                _ => json!(value),
            };
            (param.name.to_owned(), value)
        };
        Self {
            name: Some(strategy.kind.name.into()),
            external: None,
            params: strategy.kind.params.iter().zip(&strategy.values).map(write).collect(),
        }
    }
}

impl TryFrom<Written> for Strategy {
    type Error = thunderline_core::Error;

    fn try_from(written: Written) -> thunderline_core::Result<Self> {
        if let Some(program) = &written.external {
            return Ok(Self::external(program, written.params));
        }
        let number = |value: &Value| {
            value.as_bool().map_or_else(|| value.as_f64(), |flag| Some(f64::from(u8::from(flag))))
        };
        let named: Vec<(&str, f64)> = written
            .params
            .iter()
            .map(|(name, value)| (name.as_str(), number(value).unwrap_or(f64::NAN)))
            .collect();
        Self::new(written.name.as_deref().unwrap_or_default(), &named)
    }
}

fn known() -> String {
    KINDS.iter().map(|kind| kind.name).collect::<Vec<_>>().join(", ")
}

/// `strategy: fedprox` with `params` beside it, or `strategy: {name, params}`, or `strategy: {external, params}`.
pub(super) fn read(top: &mut Fields<'_>, app: Option<&App>, problems: &mut Problems) -> Strategy {
    let value = top.get("strategy");
    let (name, mut params) = match value {
        None => ("fedavg".to_owned(), top.group("params", problems)),
        Some(Value::String(name)) => (name.to_lowercase(), top.group("params", problems)),
        Some(_) => {
            let mut group = top.group("strategy", problems);
            if group.get("external").is_some() {
                return read_external(group, problems);
            }
            let name = group.text("name", 40, problems).unwrap_or_else(|| "fedavg".into());
            let params = group.group("params", problems);
            group.refuse_unknown(problems);
            (name.to_lowercase(), params)
        }
    };
    let Some(kind) = Kind::named(&name) else {
        problems.add("strategy", format!("'{name}' is not known"), known());
        return Strategy::new("fedavg", &[]).expect("it has no parameters");
    };
    let values = kind.params.iter().map(|param| read_param(param, &mut params, app, problems)).collect();
    params.refuse_unknown(problems);
    let strategy = Strategy { kind, values, program: None };
    check_app(&strategy, &params, app, problems);
    strategy
}

/// Which programs there are is known where the spec is submitted, and asked there.
fn read_external(mut group: Fields<'_>, problems: &mut Problems) -> Strategy {
    let name = group.text("external", 100, problems).unwrap_or_default();
    if group.get("name").is_some() {
        problems.add("strategy.name", "says the strategy a second time", "external alone, or name alone");
    }
    let params = group.free("params", problems);
    group.refuse_unknown(problems);
    Strategy::external(&name, params)
}

fn read_param(param: &Param, params: &mut Fields<'_>, app: Option<&App>, problems: &mut Problems) -> f64 {
    let answered = match app {
        Some(App::Builtin(app)) if param.name == CLIENT_LEARNING_RATE => Some(app.learning_rate),
        _ => None,
    };
    let default = param.default.or(answered);
    if default.is_none() && params.get(param.name).is_none() {
        problems.add(params.path(param.name), "missing", param.allowed.words());
    }
    // Any value will do where there was a problem: the spec is refused.
    let default = default.unwrap_or(1.0);
    match param.allowed {
        Allowed::Flag => f64::from(u8::from(params.flag(param.name, default != 0.0, problems))),
        Allowed::Whole(least, most) => {
            params.whole(param.name, least.into()..=most.into(), default as u64, problems) as f64
        }
        allowed => params.number(param.name, |x| allowed.fits(x), &allowed.words(), default, problems),
    }
}

/// What the clients' part of a strategy asks of the app.
fn check_app(strategy: &Strategy, params: &Fields<'_>, app: Option<&App>, problems: &mut Problems) {
    let name = strategy.name();
    let rate = strategy.kind.params.iter().position(|param| param.name == CLIENT_LEARNING_RATE);
    if let (Some(App::Builtin(app)), Some(place)) = (app, rate)
        && strategy.values[place] != app.learning_rate
    {
        let reason = format!("the clients' learning rate is {}", app.learning_rate);
        problems.add(params.path(CLIENT_LEARNING_RATE), reason, "that of app.builtin, or left out");
    }
    if !strategy.kind.built_in_only {
        return;
    }
    match app {
        None => {}
        Some(App::Builtin(app)) if app.momentum == 0.0 => {}
        Some(App::Builtin(app)) => {
            let reason = format!("{name} corrects plain gradient steps; the momentum is {}", app.momentum);
            problems.add("app.builtin.momentum", reason, "0");
        }
        Some(App::Command(_) | App::Flower(_)) => {
            let reason = format!(
                "{name} needs clients that correct their own gradients and keep a control variate: Flower apps and \
                 programs do neither"
            );
            problems.add(
                "strategy",
                reason,
                "with this app, any other strategy; with this strategy, app.builtin",
            );
        }
    }
}
