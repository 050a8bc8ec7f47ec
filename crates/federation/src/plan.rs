//! What is to be done next: a pure function from what is stored to the steps that follow.
//!
//! Every step can be repeated or lost: after a crash the view is read again and the plan goes on from there. A step that
//! somebody else has done meanwhile fails with a conflict, which is fine.

mod buffered;
mod causes;

use std::collections::HashSet;

use thunderline_core::{
    FederationId, LeaseId, NodeId, RoundId, SignedDuration, Timestamp,
    seams::{Bug, planted},
};

use crate::{
    masked::{self, Exchange, Masked},
    privacy::draw::{self, Secrets},
    select::{self, Candidate, Groups, Wanted},
    spec::FederationSpec,
    state::{FederationState, LeaseState, RoundState},
};

/// How often a task is handed out again to a node that lost it.
pub const MAX_DELIVERIES: u32 = 5;

pub use buffered::MOST_LOSSES;
pub(crate) use causes::causes;

/// What a lease is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// Train on local data and send the update.
    Train,
    /// Judge the model on local data and send metrics.
    Evaluate,
}

impl Purpose {
    /// The name in tables, events, listings and Flower's `message_type`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Train => "train",
            Self::Evaluate => "evaluate",
        }
    }

    /// The purpose of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        [Self::Train, Self::Evaluate].into_iter().find(|purpose| purpose.name() == name)
    }
}

/// All that a plan depends on, read in one snapshot.
#[derive(Clone, Debug)]
pub struct View {
    /// Which federation.
    pub id: FederationId,
    /// Where it stands.
    pub state: FederationState,
    /// What it is to do.
    pub spec: FederationSpec,
    /// Rounds completed so far.
    pub completed_rounds: u32,
    /// Rounds that failed since the last completed one.
    pub failures: u32,
    /// The newest round.
    pub round: Option<RoundView>,
    /// The newest round's leases, in the order in which their updates are folded. Where clients are not asked in rounds: all that
    /// are open, and those that ended while this round's buffer was filled.
    pub leases: Vec<LeaseView>,
    /// Accepted updates that wait for a buffer; none where clients are asked in rounds.
    pub waiting: u32,
    /// While clients are looked for, every node of the tenant that is known; otherwise those with a lease.
    pub nodes: Vec<Candidate>,
    /// What private draws come from; none where the spec asks for no privacy.
    pub secrets: Option<Secrets>,
    /// How far its secure aggregation is; none where the spec asks for none, and while the round looks for clients.
    pub masked: Option<Masked>,
    /// The tenant's groups of nodes, while clients are looked for and the spec names groups.
    pub groups: Groups,
}

/// A round, as far as plans need it.
#[derive(Clone, Debug)]
pub struct RoundView {
    /// Which round.
    pub id: RoundId,
    /// Its number, from 1.
    pub number: u32,
    /// Which try of this number, from 1.
    pub attempt: u32,
    /// Where it stands.
    pub state: RoundState,
    /// How many updates it wants; 0 while it looks for clients.
    pub wanted: u32,
    /// How many of these suffice.
    pub quorum: u32,
}

/// A lease, as far as plans need it.
#[derive(Clone, Debug)]
pub struct LeaseView {
    /// Which lease.
    pub id: LeaseId,
    /// Whose.
    pub node: NodeId,
    /// What for.
    pub purpose: Purpose,
    /// Where it stands.
    pub state: LeaseState,
    /// How often its task was handed out.
    pub deliveries: u32,
    /// When it ends by itself.
    pub expires_at: Timestamp,
}

/// One thing to do: one action, one transaction.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// Rounds may begin.
    Start,
    /// A round looks for clients.
    OpenRound {
        /// Its number, from 1.
        number: u32,
        /// Which try, from 1.
        attempt: u32,
    },
    /// The chosen nodes get their training leases.
    StartRound {
        /// Which round.
        round: RoundId,
        /// The chosen nodes, in fold order.
        nodes: Vec<NodeId>,
        /// How many updates are wanted.
        wanted: u32,
        /// How many of these suffice.
        quorum: u32,
        /// What a private sum is divided by.
        divisor: Option<f64>,
    },
    /// More nodes get training leases while a buffer is filled.
    IssueLeases {
        /// Which round.
        round: RoundId,
        /// The nodes.
        nodes: Vec<NodeId>,
    },
    /// A node will not deliver.
    EndLease {
        /// Which lease.
        lease: LeaseId,
        /// Whether it ran out, rather than being taken away.
        expired: bool,
        /// Why.
        reason: String,
    },
    /// No more is said in an exchange of a secure aggregation.
    CloseExchange {
        /// Which round.
        round: RoundId,
        /// Which exchange.
        exchange: Exchange,
    },
    /// No more updates are taken.
    CloseRound {
        /// Which round.
        round: RoundId,
    },
    /// The updates become the next model.
    Aggregate {
        /// Which round.
        round: RoundId,
        /// Who judges the model; empty where nobody does.
        evaluators: Vec<NodeId>,
    },
    /// Model and metrics stand.
    CompleteRound {
        /// Which round.
        round: RoundId,
    },
    /// No model comes of the round.
    FailRound {
        /// Which round.
        round: RoundId,
        /// Why.
        reason: String,
        /// Whether its deadline passed.
        timed_out: bool,
    },
    /// All rounds are done.
    Complete,
    /// The federation cannot go on.
    Fail {
        /// Why.
        reason: String,
    },
}

/// The steps that follow from the view now. Empty: nothing to do until something happens or a deadline passes.
#[must_use]
pub fn next(view: &View, now: Timestamp) -> Vec<Step> {
    match view.state {
        FederationState::Created => vec![Step::Start],
        FederationState::Running | FederationState::Paused => next_in_round(view, now),
        FederationState::Completed | FederationState::Failed | FederationState::Cancelled => Vec::new(),
    }
}

fn next_in_round(view: &View, now: Timestamp) -> Vec<Step> {
    let Some(round) = view.round.as_ref() else {
        return open_round(view, 1, 1);
    };
    if let Some(buffer) = view.spec.strategy.buffer() {
        return buffered::next(view, round, &buffer, now);
    }
    match &round.state {
        RoundState::Selecting => start_round(view, round),
        RoundState::Running { deadline } => collect(view, round, *deadline, now),
        RoundState::Aggregating => {
            vec![Step::Aggregate { round: round.id, evaluators: evaluators(view, round) }]
        }
        RoundState::Evaluating { deadline } => judge(view, round, *deadline, now),
        RoundState::Completed if view.completed_rounds >= view.spec.num_rounds => vec![Step::Complete],
        RoundState::Completed => open_round(view, round.number + 1, 1),
        RoundState::Failed { reason } | RoundState::TimedOut { reason } => over(view, round, reason),
    }
}

/// After a round without a model.
fn over(view: &View, round: &RoundView, reason: &str) -> Vec<Step> {
    if view.failures > view.spec.round.max_failures {
        let reason = match view.failures {
            1 => format!("round {} failed: {reason}", round.number),
            failures => format!("{failures} rounds failed in a row; the last: {reason}"),
        };
        return vec![Step::Fail { reason }];
    }
    let attempt = if planted(Bug::ReuseAttempt) { round.attempt } else { round.attempt + 1 };
    open_round(view, round.number, attempt)
}

fn open_round(view: &View, number: u32, attempt: u32) -> Vec<Step> {
    if view.state == FederationState::Paused {
        return Vec::new();
    }
    vec![Step::OpenRound { number, attempt }]
}

fn start_round(view: &View, round: &RoundView) -> Vec<Step> {
    let wanted = Wanted::new(&view.spec.client_selector, &view.spec.app, &view.groups);
    let eligible: Vec<_> = view.nodes.iter().filter(|node| wanted.takes(node)).collect();
    if view.state == FederationState::Paused || eligible.len() < view.spec.min_clients as usize {
        return Vec::new();
    }
    if let (Some(dp), Some(secrets)) = (&view.spec.dp, &view.secrets) {
        let drawn = draw::draw(&view.spec, dp, (round.id, round.number), &eligible, secrets);
        let Some(draw::Drawn { nodes, divisor }) = drawn else { return Vec::new() };
        let (wanted, quorum) = (nodes.len() as u32, view.spec.quorum(nodes.len()) as u32);
        return vec![Step::StartRound { round: round.id, nodes, wanted, quorum, divisor: Some(divisor) }];
    }
    let wanted = view.spec.wanted(eligible.len());
    let asked = (wanted as f64 * view.spec.round.over_selection).round() as usize;
    let nodes =
        select::choose(view.spec.seed, round.number, round.attempt, &eligible, asked.min(eligible.len()));
    let quorum = view.spec.quorum(wanted) as u32;
    vec![Step::StartRound { round: round.id, nodes, wanted: wanted as u32, quorum, divisor: None }]
}

/// What the federation waits for, where it waits for clients.
#[must_use]
pub fn waits_for(view: &View) -> Option<String> {
    let waiting = view.round.as_ref().is_some_and(|round| {
        let buffered = view.spec.strategy.buffer().is_some() && buffered::waits(view, round);
        round.state == RoundState::Selecting || buffered
    });
    if !waiting || view.state != FederationState::Running {
        return None;
    }
    let selecting = view.round.as_ref().is_some_and(|round| round.state == RoundState::Selecting);
    let least = if selecting { view.spec.min_clients as usize } else { 1 };
    short_of(&view.spec, &view.nodes, &view.groups, least)
}

/// What is missing until at least so many of these nodes fit; none where they do.
#[must_use]
pub fn short_of(spec: &FederationSpec, nodes: &[Candidate], groups: &Groups, least: usize) -> Option<String> {
    let wanted = Wanted::new(&spec.client_selector, &spec.app, groups);
    let eligible = nodes.iter().filter(|node| wanted.takes(node)).count();
    (eligible < least).then(|| {
        let why = wanted.shortage(nodes);
        format!("waits for clients: {eligible} of {least} are eligible; {why}")
    })
}

/// Leases whose node cannot be expected to deliver any more.
fn lost_leases(view: &View, now: Timestamp) -> Vec<Step> {
    let mut steps = Vec::new();
    let online: HashSet<_> = view.nodes.iter().filter(|node| node.online).map(|node| node.node).collect();
    for lease in view.leases.iter().filter(|lease| lease.state.is_open()) {
        let late =
            if planted(Bug::WrongDeadline) { SignedDuration::from_mins(1) } else { SignedDuration::ZERO };
        let (expired, reason) = if now >= lease.expires_at + late {
            let had =
                if lease.state == LeaseState::Issued { "never asked for its task" } else { "did not answer" };
            (true, format!("the deadline passed: the node {had}"))
        } else if !online.contains(&lease.node) {
            (false, "the node is gone".into())
        } else if lease.deliveries >= MAX_DELIVERIES {
            (false, format!("the node lost its task {MAX_DELIVERIES} times"))
        } else {
            continue;
        };
        steps.push(Step::EndLease { lease: lease.id, expired, reason });
    }
    steps
}

fn collect(view: &View, round: &RoundView, deadline: Option<Timestamp>, now: Timestamp) -> Vec<Step> {
    if let (Some(masked), Some(deadline)) = (&view.masked, deadline) {
        return masked::collect(masked, round, &view.leases, lost_leases(view, now), deadline, now);
    }
    let accepted = count(view, Purpose::Train, |state| *state == LeaseState::Released);
    let enough = accepted >= round.wanted as usize;
    if enough {
        return vec![Step::CloseRound { round: round.id }];
    }
    let mut steps = lost_leases(view, now);
    let open = count(view, Purpose::Train, LeaseState::is_open) - steps.len();
    let out_of_time = deadline.is_some_and(|deadline| now >= deadline);
    if open > 0 && !out_of_time {
        return steps;
    }
    steps.push(if accepted >= round.quorum as usize {
        Step::CloseRound { round: round.id }
    } else {
        let reason = format!(
            "{accepted} of {} clients delivered; {} were needed{}",
            round.wanted,
            round.quorum,
            causes(&view.leases, &steps)
        );
        Step::FailRound { round: round.id, reason, timed_out: out_of_time }
    });
    steps
}

fn judge(view: &View, round: &RoundView, deadline: Timestamp, now: Timestamp) -> Vec<Step> {
    let mut steps = lost_leases(view, now);
    let open = count(view, Purpose::Evaluate, LeaseState::is_open) - steps.len();
    if open == 0 || now >= deadline {
        steps.push(Step::CompleteRound { round: round.id });
    }
    steps
}

/// Those whose update was taken judge the new model, if they are still there: their app and data are warm.
fn evaluators(view: &View, round: &RoundView) -> Vec<NodeId> {
    if !view.spec.evaluation.federated || !view.spec.evaluates(round.number) {
        return Vec::new();
    }
    let online = |node: NodeId| view.nodes.iter().any(|known| known.node == node && known.online);
    view.leases
        .iter()
        .filter(|lease| lease.purpose == Purpose::Train && lease.state == LeaseState::Released)
        .map(|lease| lease.node)
        .filter(|node| online(*node))
        .collect()
}

fn count(view: &View, purpose: Purpose, fits: impl Fn(&LeaseState) -> bool) -> usize {
    view.leases.iter().filter(|lease| lease.purpose == purpose && fits(&lease.state)).count()
}

#[cfg(test)]
mod tests;
