//! The federation domain's events. Names are the mission's (`fl.*`).

use serde::{Deserialize, Serialize};
use serde_json::Value;
use thunderline_core::{ArtifactId, FederationId, LeaseId, NodeId, RoundId, TenantId};

use crate::{event, record, words};

event! {
    /// A spec was accepted.
    FederationCreated = "fl.federation.created" about "federation" federation {
        /// Which federation.
        federation: FederationId,
        /// The name its spec gives it.
        name: String,
        /// Whose it is.
        tenant: TenantId,
        /// SHA-256 of the spec with every default spelled out, as JSON.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        spec_sha256: Option<String>,
        /// What all its chance is derived from.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        seed: Option<u64>,
        /// How updates become the next model, by name.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        strategy: Option<String>,
        /// The model that round 1 starts from, as the spec names it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        model_ref: Option<String>,
        /// How many rounds it will run.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        rounds_total: Option<u32>,
    }
}

event! {
    /// Rounds may begin.
    FederationStarted = "fl.federation.started" about "federation" federation {
        /// Which federation.
        federation: FederationId,
        /// How many rounds it will run.
        rounds_total: u32,
    }
}

event! {
    /// No new round begins until it is resumed; a running round finishes.
    FederationPaused = "fl.federation.paused" about "federation" federation {
        /// Which federation.
        federation: FederationId,
    }
}

event! {
    /// Rounds begin again.
    FederationResumed = "fl.federation.resumed" about "federation" federation {
        /// Which federation.
        federation: FederationId,
    }
}

event! {
    /// All rounds are done.
    FederationCompleted = "fl.federation.completed" about "federation" federation {
        /// Which federation.
        federation: FederationId,
        /// How many rounds it ran.
        rounds_total: u32,
        /// The final model.
        artifact: ArtifactId,
        /// Where it is.
        uri: String,
        /// Its digest.
        sha256: String,
    }
}

event! {
    /// It cannot go on.
    FederationFailed = "fl.federation.failed" about "federation" federation {
        /// Which federation.
        federation: FederationId,
        /// Why.
        reason: String,
    }
}

event! {
    /// Somebody stopped it for good.
    FederationCancelled = "fl.federation.cancelled" about "federation" federation {
        /// Which federation.
        federation: FederationId,
        /// Why, in the words of whoever did.
        reason: String,
    }
}

event! {
    /// A node may do a task.
    LeaseIssued = "fl.client.lease_issued" about "federation" federation {
        /// Which federation.
        federation: FederationId,
        /// Which round.
        round: u32,
        /// Which node.
        client: NodeId,
        /// The lease.
        lease: LeaseId,
        /// `train` or `evaluate`.
        purpose: String,
        /// Seconds until it expires.
        ttl_seconds: i64,
    }
}

event! {
    /// A node took its lease up.
    ClientJoined = "fl.client.joined" about "federation" federation {
        /// Which federation.
        federation: FederationId,
        /// Which round.
        round: u32,
        /// Which node.
        client: NodeId,
        /// The lease.
        lease: LeaseId,
    }
}

event! {
    /// A node's result was taken; it counts exactly once.
    UpdateAccepted = "fl.client.update_accepted" about "federation" federation {
        /// Which federation.
        federation: FederationId,
        /// Which round.
        round: u32,
        /// Which node.
        client: NodeId,
        /// The lease.
        lease: LeaseId,
        /// The round's own id.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        round_id: Option<RoundId>,
        /// `train` or `evaluate`.
        purpose: String,
        /// The weight that the node claims.
        num_examples: f64,
        /// What else it reported.
        metrics: Value,
        /// SHA-256 of the update: its arrays with the digests of the objects that hold their elements. Absent for evaluations.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        update_sha256: Option<String>,
        /// The greatest weight that is believed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        max_examples: Option<f64>,
        /// By how many versions the model of the round was newer than the one that the node began from. Absent where clients are
        /// asked in rounds.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        staleness: Option<u32>,
    }
}

event! {
    /// A node's lease ended without a result.
    ClientDropped = "fl.client.dropped" about "federation" federation {
        /// Which federation.
        federation: FederationId,
        /// Which round.
        round: u32,
        /// Which node.
        client: NodeId,
        /// The lease.
        lease: LeaseId,
        /// The round's own id.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        round_id: Option<RoundId>,
        /// `train` or `evaluate`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        purpose: Option<String>,
        /// Why.
        reason: String,
    }
}

event! {
    /// Something arrived that cannot be counted: late, twice, or not asked for.
    UpdateRefused = "fl.client.update_refused" about "federation" federation {
        /// Which federation.
        federation: FederationId,
        /// Which node.
        client: NodeId,
        /// The lease it was sent for.
        lease: LeaseId,
        /// Why.
        reason: String,
    }
}

event! {
    /// Clients were chosen and have their leases.
    RoundStarted = "fl.round.started" about "federation" federation {
        /// Which federation.
        federation: FederationId,
        /// The round's own id.
        round_id: RoundId,
        /// Which round, from 1.
        round: u32,
        /// The fraction of the eligible nodes that was asked for.
        client_fraction: f64,
        /// How many nodes were chosen.
        clients: u32,
    }
}

event! {
    /// The round's model and metrics stand.
    RoundCompleted = "fl.round.completed" about "federation" federation {
        /// Which federation.
        federation: FederationId,
        /// The round's own id.
        round_id: RoundId,
        /// Which round, from 1.
        round: u32,
        /// The rollup.
        metrics: Value,
    }
}

event! {
    /// The round ended without a model.
    RoundFailed = "fl.round.failed" about "federation" federation {
        /// Which federation.
        federation: FederationId,
        /// The round's own id.
        round_id: RoundId,
        /// Which round, from 1.
        round: u32,
        /// Why.
        reason: String,
        /// Whether its deadline passed.
        timed_out: bool,
        /// Which try of this number, from 1.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        attempt: Option<u32>,
    }
}

event! {
    /// A new global model is stored and verified.
    AggregateCompleted = "fl.aggregate.completed" about "federation" federation {
        /// Which federation.
        federation: FederationId,
        /// Which round.
        round: u32,
        /// The model.
        artifact: ArtifactId,
        /// Where it is.
        uri: String,
        /// Its digest.
        sha256: String,
        /// The round's own id.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        round_id: Option<RoundId>,
        /// Which try of this number, from 1.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        attempt: Option<u32>,
        /// Digest of the model that the round began from.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        parent: Option<String>,
        /// How the updates became this model, by name.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        strategy: Option<String>,
        /// How many updates went in.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        clients: Option<u32>,
        /// The sum of the weights that the clients claimed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        num_examples: Option<f64>,
        /// Digest of what the strategy's optimiser kept from the round before.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        state_before: Option<String>,
        /// Digest of what the strategy's optimiser keeps for the next round.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        state_after: Option<String>,
    }
}

record! {
    /// A node that was looked at when a round's clients were chosen.
    #[derive(PartialEq, Eq)]
    pub struct Considered {
        /// Which node.
        pub node: NodeId,
        /// Its name.
        pub name: String,
        /// What became of it.
        pub verdict: Verdict,
        /// Why it is not eligible; empty where it is.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        pub reasons: Vec<String>,
    }
}

/// What became of a node when a round's clients were chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It was drawn.
    Chosen,
    /// It is eligible and was not drawn.
    Spare,
    /// The federation cannot use it.
    Ineligible,
}

words!(Verdict: "chosen", "spare", "ineligible");

event! {
    /// A round's clients were chosen: who was looked at, and why each was taken or not.
    ClientsSelected = "fl.clients.selected" about "federation" federation {
        /// Which federation.
        federation: FederationId,
        /// The round's own id.
        round_id: RoundId,
        /// Which round, from 1.
        round: u32,
        /// Which try of this number, from 1.
        attempt: u32,
        /// What the draw is derived from, together with the round and the attempt.
        seed: u64,
        /// Digest of the model that the round begins from.
        model: Option<String>,
        /// How many nodes were looked at.
        candidates: u32,
        /// How many of these the federation could use.
        eligible: u32,
        /// How many were drawn.
        chosen: u32,
        /// How many updates are wanted.
        wanted: u32,
        /// How many of these suffice.
        quorum: u32,
        /// The nodes: chosen ones first, then spare ones, then the others, each by name. At most 1000; the counts are of all.
        listed: Vec<Considered>,
    }
}

event! {
    /// No more training results are taken in a round.
    RoundClosed = "fl.round.closed" about "federation" federation {
        /// Which federation.
        federation: FederationId,
        /// The round's own id.
        round_id: RoundId,
        /// Which round, from 1.
        round: u32,
        /// Which try of this number, from 1.
        attempt: u32,
        /// How many updates were taken.
        accepted: u32,
        /// How many were wanted.
        wanted: u32,
        /// How many of these suffice.
        quorum: u32,
        /// Why it was closed then.
        reason: String,
    }
}

event! {
    /// A blob that somebody brought, or that a federation begins from, is stored and known.
    ArtifactStored = "fl.artifact.stored" about "artifact" artifact {
        /// Which artifact.
        artifact: ArtifactId,
        /// `model`, `bundle` or `dataset`.
        kind: String,
        /// What people call it.
        name: String,
        /// Where it is.
        uri: String,
        /// Its digest.
        sha256: String,
        /// The federation that it was made for; absent where somebody brought it.
        federation: Option<FederationId>,
        /// What its fresh weights were drawn from; absent where somebody brought it.
        seed: Option<u64>,
    }
}

event! {
    /// A round began and was paid for.
    PrivacySpent = "fl.privacy.spent" about "federation" federation {
        /// Which federation.
        federation: FederationId,
        /// The round's own id.
        round_id: RoundId,
        /// Which round, from 1.
        round: u32,
        /// The names of the data whose budgets paid.
        datasets: Vec<String>,
        /// What the round cost.
        epsilon: f64,
        /// What the round cost.
        delta: f64,
        /// What the federation has spent with it.
        epsilon_total: f64,
        /// What the federation has spent with it.
        delta_total: f64,
        /// The noise's standard deviation divided by the most that two neighbours' sums differ.
        noise_multiplier: f64,
        /// The longest that an update may be.
        clip_norm: f64,
    }
}

event! {
    /// A round could not be paid for: its federation is over, and nobody was asked.
    PrivacyExhausted = "fl.privacy.exhausted" about "federation" federation {
        /// Which federation.
        federation: FederationId,
        /// The round's own id.
        round_id: RoundId,
        /// Which round, from 1.
        round: u32,
        /// Which budget, what it has left and what was wanted.
        reason: String,
    }
}

event! {
    /// Somebody set or lifted a limit.
    PrivacyBudgetSet = "fl.privacy.budget_set" about "privacy_budget" dataset {
        /// The name of the data.
        dataset: String,
        /// The most that may be spent; none where it is not limited any more.
        epsilon: Option<f64>,
        /// The same for δ.
        delta: Option<f64>,
    }
}
