//! Federations.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use thunderline_core::Timestamp;
use utoipa::ToSchema;

use super::{privacy::PrivacySpent, round::Round};

/// A federation, as lists show it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Federation {
    /// Its id.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// `created`, `running`, `paused`, `completed`, `failed` or `cancelled`.
    pub state: String,
    /// Why it failed or was cancelled; before that, why its last round failed, until one is completed.
    pub reason: Option<String>,
    /// What it waits for, where it waits for clients: how many nodes fit which part of its selector.
    #[serde(default)]
    pub waiting: Option<String>,
    /// The number under which Flower clients know it.
    pub run_id: String,
    /// The strategy's name, as the spec has it: `fedavg`, `fedadam`.
    pub strategy: String,
    /// What the clients run: `builtin`, `command` or `flower`.
    pub app: String,
    /// Rounds to run.
    pub rounds_total: u32,
    /// Rounds completed.
    pub completed_rounds: u32,
    /// Rounds that failed since the last completed one.
    pub failures: u32,
    /// SHA-256 of the current global model.
    pub model: Option<String>,
    /// Who submitted it.
    pub created_by: String,
    /// When.
    pub created_at: Timestamp,
    /// When its first round began.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub completed_at: Option<Timestamp>,
}

/// A federation with all that is known of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct FederationDetails {
    /// What lists show.
    #[serde(flatten)]
    pub federation: Federation,
    /// The spec as it is carried out: every default spelled out.
    pub spec: Value,
    /// The document as it was submitted.
    pub document: String,
    /// The newest round.
    pub current_round: Option<Round>,
    /// How many clients of the newest round's present exchange are in each state: `issued`, `claimed`, `released`,
    /// `expired`, `dropped`.
    pub clients: BTreeMap<String, u32>,
    /// What it has spent of its privacy; none where it asks for none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub privacy: Option<PrivacySpent>,
}

/// Why a federation is to end.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CancelRequest {
    /// Why; shown to whoever looks at it later.
    #[serde(default)]
    pub reason: String,
}

impl From<federation::Federation> for Federation {
    fn from(it: federation::Federation) -> Self {
        use federation::spec::App;
        let strategy = it.spec.strategy.name();
        let app = match it.spec.app {
            App::Builtin(_) => "builtin",
            App::Command(_) => "command",
            App::Flower(_) => "flower",
        };
        Self {
            id: it.id.to_string(),
            name: it.name,
            state: it.state.name().to_owned(),
            reason: it.reason,
            waiting: None,
            run_id: it.run.to_string(),
            strategy: strategy.to_owned(),
            app: app.to_owned(),
            rounds_total: it.rounds_total,
            completed_rounds: it.completed_rounds,
            failures: it.failures,
            model: it.model,
            created_by: it.created_by,
            created_at: it.created_at,
            started_at: it.started_at,
            completed_at: it.completed_at,
        }
    }
}

impl FederationDetails {
    /// Puts a federation and its newest round together.
    #[must_use]
    pub fn new(
        it: federation::Federation,
        newest: Option<(federation::Round, Vec<federation::Lease>)>,
        spent: federation::privacy::budgets::Spent,
    ) -> Self {
        let privacy = it.spec.dp.as_ref().map(|dp| PrivacySpent {
            epsilon: spent.epsilon,
            delta: spent.delta,
            rounds: spent.rounds,
            epsilon_goal: dp.epsilon,
            delta_goal: dp.delta,
            noise_multiplier: dp.noise_multiplier,
        });
        let (round, leases) = newest.unzip();
        let leases = leases.unwrap_or_default();
        // Evaluation, once it has begun, is the present exchange.
        let present = leases.iter().map(|lease| lease.purpose.name()).min();
        let mut clients = BTreeMap::new();
        for lease in leases.iter().filter(|lease| Some(lease.purpose.name()) == present) {
            *clients.entry(lease.state.name().to_owned()).or_default() += 1;
        }
        Self {
            spec: serde_json::to_value(&it.spec).unwrap_or_default(),
            document: it.document.clone(),
            federation: it.into(),
            current_round: round.map(Into::into),
            clients,
            privacy,
        }
    }
}
