//! The federation domain's events. Names are the mission's (`fl.*`).

use serde_json::Value;
use thunderline_core::{ArtifactId, FederationId, LeaseId, NodeId, RoundId, TenantId};

use crate::event;

event! {
    /// A spec was accepted.
    FederationCreated = "fl.federation.created" about "federation" federation {
        /// Which federation.
        federation: FederationId,
        /// The name its spec gives it.
        name: String,
        /// Whose it is.
        tenant: TenantId,
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
        /// `train` or `evaluate`.
        purpose: String,
        /// The weight that the node claims.
        num_examples: f64,
        /// What else it reported.
        metrics: Value,
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
    }
}
