//! Stores what events say about decisions.

use thunderline_contracts::{
    federation::{
        AggregateCompleted, ClientDropped, ClientsSelected, FederationCancelled, FederationCompleted,
        FederationCreated, FederationFailed, FederationPaused, FederationResumed, RoundClosed, RoundFailed,
        UpdateAccepted, UpdateRefused,
    },
    link::NodeJoined,
};
use thunderline_core::{Action, Cx, Envelope, Event, NodeId, Result, Rule};
use thunderline_store::Write;

use crate::{
    decide::{self, SUBMITTED},
    rows::{self, Decision},
};

/// Background work only.
pub const ACTION: Action = Action::new("prism.decision.project", Rule::System);

/// The events that tell of decisions, and of what nodes are called.
pub const EVENTS: &[&str] = &[
    FederationCreated::NAME,
    FederationPaused::NAME,
    FederationResumed::NAME,
    FederationCancelled::NAME,
    FederationCompleted::NAME,
    FederationFailed::NAME,
    ClientsSelected::NAME,
    UpdateAccepted::NAME,
    UpdateRefused::NAME,
    ClientDropped::NAME,
    RoundClosed::NAME,
    RoundFailed::NAME,
    AggregateCompleted::NAME,
    NodeJoined::NAME,
];

/// Applies one event within the transaction that also moves the cursor. Applying it again changes nothing: a sentence that
/// was told stays as it was told.
///
/// # Errors
/// `internal` where an event does not fit its contract.
pub async fn on_event(_cx: &Cx, event: &Envelope, write: &mut Write) -> Result<()> {
    if event.name == NodeJoined::NAME {
        let joined: NodeJoined = event.decode()?;
        return rows::rename(write, event.tenant, joined.node, &joined.name).await;
    }
    let client = match decide::client(&event.payload) {
        Some(id) => {
            let node: NodeId = id.parse()?;
            let name = rows::name(write, event.tenant, node).await?;
            name.map_or_else(|| format!("node {id}"), |name| format!("node {name}"))
        }
        None => String::new(),
    };
    let Some(told) = decide::told(event, &client)? else { return Ok(()) };
    let began = rows::newest(write, event.tenant, told.federation, SUBMITTED, event.sequence).await?;
    let decision = Decision {
        id: event.id,
        sequence: event.sequence,
        at: event.time,
        kind: told.kind.into(),
        actor: event.actor.clone(),
        correlation: event.correlation,
        trail: began.as_ref().map_or(event.correlation, |began| began.trail),
        federation: Some(told.federation),
        round: told.round,
        attempt: told.attempt,
        round_id: told.round_id,
        summary: told.summary,
        detail: event.payload.clone(),
    };
    rows::insert(write, event.tenant, &decision).await?;
    for (kind, relation) in told.led_by {
        let earlier = rows::newest(write, event.tenant, told.federation, kind, event.sequence).await?;
        if let Some(earlier) = earlier {
            rows::link(write, event.tenant, earlier.id, relation, event.id).await?;
            break;
        }
    }
    if let (Some((kind, relation)), Some(round)) = (told.gathers, told.round_id) {
        rows::gather(write, event.tenant, round, kind, relation, event.id, event.sequence).await?;
    }
    Ok(())
}
