//! Plans where clients are not asked in rounds: each client that is free gets a lease on the newest version, until the buffer of
//! the newest round is full.

use thunderline_core::{NodeId, Timestamp};
use thunderline_numerics::strategy::Buffer;

use super::{RoundView, Step, View, causes, lost_leases, open_round, over};
use crate::{
    select::{self, Candidate, Wanted},
    state::{FederationState, LeaseState, RoundState},
};

/// A node that was lost, or whose results were refused, so often while one buffer is filled is not asked again before the next.
pub const MOST_LOSSES: usize = 3;

/// The steps of a federation whose strategy has this buffer.
pub(super) fn next(view: &View, round: &RoundView, buffer: &Buffer, now: Timestamp) -> Vec<Step> {
    // Leases live on from round to round, so they are looked after in every state.
    let lost = lost_leases(view, now);
    if !lost.is_empty() {
        return lost;
    }
    match &round.state {
        RoundState::Selecting => begin(view, round, buffer),
        RoundState::Running { .. } => fill(view, round, buffer),
        RoundState::Aggregating => vec![Step::Aggregate { round: round.id, evaluators: Vec::new() }],
        RoundState::Evaluating { .. } => vec![Step::CompleteRound { round: round.id }],
        RoundState::Completed if view.completed_rounds >= view.spec.num_rounds => vec![Step::Complete],
        RoundState::Completed => open_round(view, round.number + 1, 1),
        RoundState::Failed { reason } | RoundState::TimedOut { reason } => over(view, round, reason),
    }
}

fn begin(view: &View, round: &RoundView, buffer: &Buffer) -> Vec<Step> {
    if view.state == FederationState::Paused || eligible(view).len() < view.spec.min_clients as usize {
        return Vec::new();
    }
    let size = buffer.size;
    // Where what waits fills the buffer at once, nobody is asked: otherwise ever more would wait.
    let nodes = if view.waiting < size { free(view, round, buffer) } else { Vec::new() };
    vec![Step::StartRound { round: round.id, nodes, wanted: size, quorum: size, divisor: None }]
}

fn fill(view: &View, round: &RoundView, buffer: &Buffer) -> Vec<Step> {
    let taken = view.leases.iter().filter(|lease| lease.state == LeaseState::Released).count();
    if taken >= buffer.size as usize {
        return vec![Step::CloseRound { round: round.id }];
    }
    let nodes = free(view, round, buffer);
    if !nodes.is_empty() {
        return vec![Step::IssueLeases { round: round.id, nodes }];
    }
    let open = view.leases.iter().any(|lease| lease.state.is_open());
    if open || eligible(view).is_empty() {
        return Vec::new();
    }
    let reason = format!(
        "{taken} of {} updates came, and every client that is left was lost or refused {MOST_LOSSES} times{}",
        buffer.size,
        causes(&view.leases, &[])
    );
    vec![Step::FailRound { round: round.id, reason, timed_out: false }]
}

fn eligible(view: &View) -> Vec<&Candidate> {
    let wanted = Wanted::new(&view.spec.client_selector, &view.spec.app, &view.groups);
    view.nodes.iter().filter(|node| wanted.takes(node)).collect()
}

/// Those who get a lease now, as far as there is room.
fn free(view: &View, round: &RoundView, buffer: &Buffer) -> Vec<NodeId> {
    let open = view.leases.iter().filter(|lease| lease.state.is_open()).count();
    let room = (buffer.max_concurrency as usize).saturating_sub(open);
    let mut free = eligible(view);
    free.retain(|node| {
        let mut its = view.leases.iter().filter(|lease| lease.node == node.node);
        let lost = its.clone().filter(|lease| lease.state.reason().is_some()).count();
        lost < MOST_LOSSES && !its.any(|lease| lease.state.is_open())
    });
    let count = room.min(free.len());
    // Each draw of a round is another one.
    select::choose_again(view.spec.seed, (round.number, round.attempt, view.leases.len()), &free, count)
}

/// Whether all that a federation can do is wait for clients.
pub(super) fn waits(view: &View, round: &RoundView) -> bool {
    match round.state {
        RoundState::Running { .. } => {
            eligible(view).is_empty() && !view.leases.iter().any(|lease| lease.state.is_open())
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests;
