//! What one event says about lineage. Pure.

use serde_json::{Value, json};
use thunderline_contracts::{
    federation::{AggregateCompleted, ArtifactStored, ClientsSelected, FederationCreated, UpdateAccepted},
    link::NodeJoined,
};
use thunderline_core::{Envelope, Event, Result};

/// The events that lineage is built from.
pub const EVENTS: &[&str] = &[
    FederationCreated::NAME,
    ArtifactStored::NAME,
    ClientsSelected::NAME,
    UpdateAccepted::NAME,
    AggregateCompleted::NAME,
    NodeJoined::NAME,
];

/// One thing that an event says.
#[derive(Clone, Debug, PartialEq)]
pub enum Fact {
    /// There is this thing. Attributes that are known already are kept unless they are told again.
    Thing {
        /// `kind:id`.
        key: String,
        /// What people call it.
        label: String,
        /// The digest of an artifact's bytes.
        digest: Option<String>,
        /// The federation that an artifact was made in.
        federation: Option<String>,
        /// What else is known.
        attributes: Value,
    },
    /// The source was made from, or with, the target.
    Edge {
        /// What was made.
        source: String,
        /// How.
        relation: &'static str,
        /// What from.
        target: String,
    },
    /// The round began from the bytes of this digest: whichever artifact of the federation had them by then.
    BeganFrom {
        /// The round's key.
        round: String,
        /// The federation.
        federation: String,
        /// The digest.
        digest: String,
    },
}

/// A model ← the round that made it.
pub const MADE_BY: &str = "made_by";
/// A round ← the model that it began from.
pub const BEGAN_FROM: &str = "began_from";
/// A round ← its federation.
pub const OF: &str = "of";
/// A round ← an update that it took.
pub const TOOK: &str = "took";
/// An update ← the node that made it.
pub const BY: &str = "by";
/// A round ← the optimiser's state that it continued.
pub const CONTINUED: &str = "continued";
/// A round ← the optimiser's state that it left.
pub const LEFT: &str = "left";

fn key(kind: &str, id: impl std::fmt::Display) -> String {
    format!("{kind}:{id}")
}

fn thing(key: String, label: impl Into<String>, attributes: Value) -> Fact {
    Fact::Thing { key, label: label.into(), digest: None, federation: None, attributes }
}

fn edge(source: &str, relation: &'static str, target: &str) -> Fact {
    Fact::Edge { source: source.into(), relation, target: target.into() }
}

/// What the event says.
///
/// # Errors
/// `internal` where its payload does not fit its contract.
pub fn facts(event: &Envelope) -> Result<Vec<Fact>> {
    Ok(match event.name.as_str() {
        FederationCreated::NAME => {
            let it: FederationCreated = event.decode()?;
            let known = json!({
                "spec_sha256": it.spec_sha256, "seed": it.seed, "strategy": it.strategy, "model_ref": it.model_ref,
            });
            vec![thing(key("federation", it.federation), it.name, known)]
        }
        ArtifactStored::NAME => {
            let it: ArtifactStored = event.decode()?;
            let origin = if it.seed.is_some() { "fresh" } else { "brought" };
            vec![Fact::Thing {
                key: key("artifact", it.artifact),
                label: it.name,
                digest: Some(it.sha256),
                federation: it.federation.map(|id| id.to_string()),
                attributes: json!({ "kind": it.kind, "uri": it.uri, "seed": it.seed, "origin": origin }),
            }]
        }
        ClientsSelected::NAME => {
            let it: ClientsSelected = event.decode()?;
            let (round, federation) = (key("round", it.round_id), key("federation", it.federation));
            let mut facts = vec![
                thing(
                    round.clone(),
                    format!("round {}", it.round),
                    json!({ "number": it.round, "attempt": it.attempt, "seed": it.seed }),
                ),
                edge(&round, OF, &federation),
            ];
            facts.extend(it.model.map(|digest| Fact::BeganFrom {
                round,
                federation: it.federation.to_string(),
                digest,
            }));
            facts
        }
        UpdateAccepted::NAME => update(&event.decode()?),
        AggregateCompleted::NAME => aggregate(event.decode()?),
        NodeJoined::NAME => {
            let it: NodeJoined = event.decode()?;
            vec![thing(key("node", it.node), it.name, json!({ "kind": it.kind.name(), "tags": it.tags }))]
        }
        _ => Vec::new(),
    })
}

/// Evaluations make no model; results that do not name their round are from before lineage was kept.
fn update(it: &UpdateAccepted) -> Vec<Fact> {
    let Some(round) = it.round_id.filter(|_| it.purpose == "train") else { return Vec::new() };
    let (update, round, node) = (key("update", it.lease), key("round", round), key("node", it.client));
    let known = json!({
        "node": it.client, "num_examples": it.num_examples, "sha256": it.update_sha256, "metrics": it.metrics,
    });
    vec![
        thing(update.clone(), format!("update of node {}", it.client), known),
        edge(&round, TOOK, &update),
        edge(&update, BY, &node),
    ]
}

fn aggregate(it: AggregateCompleted) -> Vec<Fact> {
    let artifact = Fact::Thing {
        key: key("artifact", it.artifact),
        label: format!("model of round {}", it.round),
        digest: Some(it.sha256),
        federation: Some(it.federation.to_string()),
        attributes: json!({ "kind": "model", "uri": it.uri, "origin": "trained" }),
    };
    let Some(round) = it.round_id.map(|id| key("round", id)) else { return vec![artifact] };
    let mut facts = vec![
        artifact,
        thing(
            round.clone(),
            format!("round {}", it.round),
            json!({
                "number": it.round, "attempt": it.attempt, "strategy": it.strategy, "clients": it.clients,
                "num_examples": it.num_examples,
            }),
        ),
        edge(&key("artifact", it.artifact), MADE_BY, &round),
        edge(&round, OF, &key("federation", it.federation)),
    ];
    for (relation, digest) in [(CONTINUED, it.state_before), (LEFT, it.state_after)] {
        let Some(digest) = digest else { continue };
        let state = key("state", &digest);
        facts.push(thing(state.clone(), "optimiser state", json!({ "sha256": digest })));
        facts.push(edge(&round, relation, &state));
    }
    facts.extend(it.parent.map(|digest| Fact::BeganFrom {
        round,
        federation: it.federation.to_string(),
        digest,
    }));
    facts
}
