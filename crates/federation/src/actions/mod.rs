//! Everything that can be done in this domain. Each is one transaction; there is no other way to write.

pub mod accept_reply;
pub mod announce_reply;
pub mod cancel;
pub mod claim_lease;
pub mod close_round;
pub mod complete;
pub mod complete_round;
pub mod end_lease;
pub mod fail;
pub mod fail_round;
mod fill_buffer;
pub mod hand_over;
pub mod import_artifact;
mod issue_leases;
pub mod issue_more;
pub mod open_round;
pub mod pause;
pub mod read;
pub mod record_aggregate;
pub mod refuse_reply;
pub mod resume;
pub mod start;
pub mod start_round;
pub mod submit;

use thunderline_contracts::federation::UpdateAccepted;
use thunderline_core::{Action, Cx, Error, FederationId, LeaseId, Result, RoundId, Subject};
use thunderline_store::{Query, Write};

use crate::{
    Federations,
    rows::{self, Federation, Lease, Round},
    task::Report,
};

/// Every action, for the policy matrix.
pub const ALL: &[&Action] = &[
    &accept_reply::ACTION,
    &announce_reply::ACTION,
    &cancel::ACTION,
    &claim_lease::ACTION,
    &close_round::ACTION,
    &complete::ACTION,
    &complete_round::ACTION,
    &end_lease::ACTION,
    &fail::ACTION,
    &fail_round::ACTION,
    &hand_over::ACTION,
    &import_artifact::ACTION,
    &issue_more::ACTION,
    &crate::masked::CLOSE,
    &crate::masked::SAY,
    &open_round::ACTION,
    &pause::ACTION,
    &crate::privacy::budgets::SET,
    &crate::privacy::exhaust::ACTION,
    &crate::project::ACTION,
    &crate::retain::ACTION,
    &read::ACTION,
    &read::NODE_ACTION,
    &record_aggregate::ACTION,
    &refuse_reply::ACTION,
    &resume::ACTION,
    &start::ACTION,
    &start_round::ACTION,
    &submit::ACTION,
];

/// The federation of the caller's tenant, or 'not found', also where it is somebody else's.
pub(crate) async fn federation(query: &mut impl Query, cx: &Cx, id: FederationId) -> Result<Federation> {
    let found = rows::federations::by_id(query, id, cx.tenant()).await?;
    found.ok_or_else(|| Error::not_found(format_args!("federation {id}")))
}

/// The round of the caller's tenant, or 'not found'.
pub(crate) async fn round(query: &mut impl Query, cx: &Cx, id: RoundId) -> Result<Round> {
    let found = rows::rounds::by_id(query, id, cx.tenant()).await?;
    found.ok_or_else(|| Error::not_found(format_args!("round {id}")))
}

pub(crate) fn about_federation(id: FederationId) -> Subject {
    Subject::new("federation", id)
}

/// That the result of a lease counts in this round. Whoever takes it adds what else is known.
pub(crate) fn accepted(round: &Round, lease: &Lease, report: &Report) -> UpdateAccepted {
    UpdateAccepted {
        federation: lease.federation,
        round: round.number,
        client: lease.node,
        lease: lease.id,
        round_id: Some(round.id),
        purpose: lease.purpose.name().into(),
        num_examples: report.num_examples,
        metrics: serde_json::to_value(&report.metrics).expect("metrics are plain data"),
        update_sha256: None,
        max_examples: None,
        staleness: None,
    }
}

/// Held by whoever decides what goes into a federation's buffer, or out of it.
pub(crate) fn buffer_lock(id: FederationId) -> String {
    format!("federation:{id}:buffer")
}

/// Throws away what was uploaded under leases that are over. Repeating it is harmless; what a crash leaves is swept later.
pub(crate) async fn remove_lease_uploads(domain: &Federations, leases: Vec<LeaseId>) -> Result<()> {
    if leases.is_empty() {
        return Ok(());
    }
    let objects = domain.objects.clone();
    crate::blocking(move || {
        leases.iter().try_for_each(|id| objects.area(&crate::task::lease_area(*id))?.remove())
    })
    .await
}

/// Ends what a federation that is over has open, in its last round; gives the leases whose uploads can go.
pub(crate) async fn end_all(
    cx: &Cx,
    write: &mut Write,
    federation: &Federation,
    last: &Round,
    why: &str,
) -> Result<Vec<LeaseId>> {
    let buffered = federation.spec.strategy.buffer().is_some();
    let within = buffered.then_some(last.id);
    let open = rows::leases::end_open_of_federation(write, federation.id, why, cx.now(), within).await?;
    end_lease::tell_dropped(write, &open, last.number, why);
    let mut uploads = rows::updates::remove_all(write, federation.id).await?;
    uploads.extend(open.iter().map(|lease| lease.id));
    Ok(if buffered { uploads } else { Vec::new() })
}

/// The key that wakes a node's held request.
#[must_use]
pub fn node_key(node: thunderline_core::NodeId) -> String {
    format!("node:{node}")
}
