//! Carrying a federation on: view → plan → steps, until nothing is left to do.

use serde::{Deserialize, Serialize};
use thunderline_core::{Cx, ErrorKind, FederationId, Job, LeaseId, Result, RoundId, TenantId};
use thunderline_store::Read;
use tokio_util::sync::CancellationToken;

use crate::{
    Federations,
    actions::{
        close_round, complete, complete_round, end_lease, fail, fail_round, hand_over, issue_more,
        open_round, read, remove_lease_uploads, start, start_round,
    },
    aggregate, masked,
    plan::{self, LeaseView, RoundView, Step, View},
    privacy::{self, draw::Secrets},
    rows::{self, Federation, Lease, Round},
    select::Groups,
    state::RoundState,
};

/// Conflicts after which a drive leaves the field to whoever is quicker.
const MOST_CONFLICTS: u32 = 5;

/// The job that carries a federation on.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Drive {
    /// Which federation.
    pub federation: FederationId,
}

impl Job for Drive {
    const NAME: &'static str = "fl.federation.drive";

    fn key(&self) -> String {
        self.federation.to_string()
    }
}

/// Reads all that a plan depends on in one snapshot.
///
/// # Errors
/// `not_found` where there is no such federation.
pub async fn view(cx: &Cx, domain: &Federations, id: FederationId) -> Result<View> {
    let mut read = domain.db.read(cx, &read::ACTION).await?;
    let found = rows::federations::by_id(&mut read, id, cx.tenant()).await?;
    let federation =
        found.ok_or_else(|| thunderline_core::Error::not_found(format_args!("federation {id}")))?;
    let round = rows::rounds::newest(&mut read, id, cx.tenant()).await?;
    let leases = match &round {
        Some(round) => present_leases(&mut read, cx, &federation, round).await?,
        None => Vec::new(),
    };
    // A round under way needs to know its own nodes only, unless it has room for more: there may be very many others.
    let mut groups = Groups::default();
    let buffer = federation.spec.strategy.buffer();
    let open = leases.iter().filter(|lease| lease.state.is_open()).count();
    let has_room = buffer.as_ref().is_some_and(|buffer| open < buffer.max_concurrency as usize);
    let nodes = match &round {
        Some(round)
            if round.state == RoundState::Selecting
                || (has_room && matches!(round.state, RoundState::Running { .. })) =>
        {
            if !federation.spec.client_selector.groups.is_empty() {
                groups = rows::groups::of_tenant(&mut read, cx.tenant()).await?;
            }
            rows::nodes::of_tenant(&mut read, cx.tenant()).await?
        }
        Some(_) if buffer.is_some() => rows::nodes::with_open(&mut read, id, cx.tenant()).await?,
        Some(round) => rows::nodes::of_round(&mut read, round.id, cx.tenant()).await?,
        None => Vec::new(),
    };
    let waiting = match buffer {
        Some(_) => rows::leases::count_waiting(&mut read, id).await?,
        None => 0,
    };
    let masked = match &round {
        Some(round) if federation.spec.secure_agg.is_some() => {
            masked::rows::view(&mut read, round.id).await?
        }
        _ => None,
    };
    let secrets = match privacy::rows::key(&mut read, id).await? {
        Some(key) => Some(Secrets { key, past: privacy::rows::past(&mut read, id).await? }),
        None => None,
    };
    Ok(View {
        id,
        state: federation.state,
        spec: federation.spec,
        completed_rounds: federation.completed_rounds,
        failures: federation.failures,
        round: round.map(|round| RoundView {
            id: round.id,
            number: round.number,
            attempt: round.attempt,
            state: round.state,
            wanted: round.wanted,
            quorum: round.quorum,
        }),
        leases: leases
            .into_iter()
            .map(|lease| LeaseView {
                id: lease.id,
                node: lease.node,
                purpose: lease.purpose,
                state: lease.state,
                deliveries: lease.deliveries,
                expires_at: lease.expires_at,
            })
            .collect(),
        waiting,
        nodes,
        groups,
        masked,
        secrets,
    })
}

/// The leases that the newest round has to do with.
pub(crate) async fn present_leases(
    read: &mut Read,
    cx: &Cx,
    federation: &Federation,
    round: &Round,
) -> Result<Vec<Lease>> {
    match federation.spec.strategy.buffer() {
        Some(_) => rows::leases::of_buffer(read, federation.id, round.id, cx.tenant()).await,
        None => rows::leases::of_round(read, round.id, cx.tenant()).await,
    }
}

/// Does all that can be done for a federation now.
///
/// # Errors
/// Those of the steps, but for conflicts: somebody else has done the step, and the next view shows it.
pub async fn drive(cx: &Cx, domain: &Federations, id: FederationId) -> Result<()> {
    drive_until(cx, domain, id, &CancellationToken::new()).await.map(drop)
}

/// How a drive ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Driven {
    /// Nothing is left to do now.
    Through,
    /// It was told to stop, and the next drive has to do again what it was at: nothing of it counts.
    Stopped,
}

/// The same, but what takes long is broken off when `stopping` is cancelled: a program that aggregates.
///
/// # Errors
/// As [`drive`].
pub async fn drive_until(
    cx: &Cx,
    domain: &Federations,
    id: FederationId,
    stopping: &CancellationToken,
) -> Result<Driven> {
    let driver = domain.driver(id);
    let _only_one = driver.lock().await;
    carry_on(cx, domain, id, By::Job, stopping).await
}

/// Who drives.
#[derive(Clone, Copy, PartialEq, Eq)]
enum By {
    /// It may take its time.
    Job,
    /// The others wait for it: it leaves to a job what may take long.
    Sweep,
}

async fn carry_on(
    cx: &Cx,
    domain: &Federations,
    id: FederationId,
    by: By,
    stopping: &CancellationToken,
) -> Result<Driven> {
    let mut conflicts = 0;
    while conflicts < MOST_CONFLICTS {
        let view = view(cx, domain, id).await?;
        let steps = plan::next(&view, cx.now());
        if steps.is_empty() {
            return Ok(Driven::Through);
        }
        for step in steps {
            tracing::debug!(federation = %id, ?step, "step");
            if is_long(&view, &step) {
                if by == By::Sweep {
                    return hand_over::hand_over(cx, domain, id).await.map(|()| Driven::Through);
                }
                if stopping.is_cancelled() {
                    return Ok(Driven::Stopped);
                }
            }
            match apply(cx, domain, &view, step, stopping).await {
                Err(error) if error.kind() == ErrorKind::Conflict => {
                    tracing::debug!(federation = %id, %error, "a step was done by somebody else");
                    conflicts += 1;
                    break;
                }
                other => other?,
            }
        }
    }
    // Others are quicker here, or a step is impossible: the sweep comes back to it.
    Ok(Driven::Through)
}

/// A program of somebody's own takes as long as it likes.
fn is_long(view: &View, step: &Step) -> bool {
    matches!(step, Step::Aggregate { .. }) && view.spec.strategy.program().is_some()
}

async fn apply(
    cx: &Cx,
    domain: &Federations,
    view: &View,
    step: Step,
    stopping: &CancellationToken,
) -> Result<()> {
    let id = view.id;
    match step {
        Step::Start => start::start(cx, domain, id).await,
        Step::OpenRound { number, attempt } => open_round::open_round(cx, domain, id, number, attempt).await,
        Step::StartRound { round, nodes, wanted, quorum, divisor } => {
            start_round::start_round(cx, domain, round, view, &nodes, (wanted, quorum), divisor).await
        }
        Step::IssueLeases { round, nodes } => issue_more::issue_more(cx, domain, round, &nodes).await,
        Step::EndLease { lease, expired, reason } => {
            end_lease::end_lease(cx, domain, lease, expired, &reason).await
        }
        Step::CloseExchange { round, exchange } => masked::close(cx, domain, round, exchange).await,
        Step::CloseRound { round } => close_round::close_round(cx, domain, round).await,
        Step::Aggregate { round, evaluators } => {
            aggregate::aggregate_round(cx, domain, round, &evaluators, stopping).await
        }
        Step::CompleteRound { round } => complete_round::complete_round(cx, domain, round).await,
        Step::FailRound { round, reason, timed_out } => {
            fail_round::fail_round(cx, domain, round, &reason, timed_out).await
        }
        Step::Complete => complete::complete(cx, domain, id).await,
        Step::Fail { reason } => fail::fail(cx, domain, id, &reason).await,
    }
}

/// Throws away the uploads of rounds and leases that are over: what a crash between a commit and its clean-up leaves. Gives how
/// many.
///
/// # Errors
/// Those of reading; `internal` where the disk fails.
pub async fn sweep_uploads(cx: &Cx, domain: &Federations) -> Result<usize> {
    let objects = domain.objects.clone();
    let names = crate::blocking(move || objects.below("rounds")).await?;
    let mut removed = 0;
    for id in names.iter().filter_map(|name| name.parse::<RoundId>().ok()) {
        let mut read = domain.db.read(cx, &read::ACTION).await?;
        let over = rows::rounds::is_over(&mut read, id).await?;
        drop(read);
        if over {
            fail_round::remove_uploads(domain, id).await?;
            removed += 1;
        }
    }
    let objects = domain.objects.clone();
    let names = crate::blocking(move || objects.below("leases")).await?;
    for id in names.iter().filter_map(|name| name.parse::<LeaseId>().ok()) {
        let mut read = domain.db.read(cx, &read::ACTION).await?;
        let needed = rows::leases::needed(&mut read, id).await?;
        drop(read);
        if !needed {
            remove_lease_uploads(domain, vec![id]).await?;
            removed += 1;
        }
    }
    Ok(removed)
}

/// Drives every federation that is not over and that nobody drives already: what makes a lost wake-up cost seconds, never truth.
///
/// # Errors
/// Those of reading the list; a federation that cannot be driven is logged and does not stop the others.
pub async fn sweep(cx: &Cx, domain: &Federations) -> Result<usize> {
    let mut read = domain.db.read(cx, &read::ACTION).await?;
    let active: Vec<(FederationId, TenantId)> = rows::federations::active(&mut read).await?;
    drop(read);
    let never = CancellationToken::new();
    for (id, tenant) in &active {
        let cx = cx.caused_by(*tenant, cx.correlation(), None);
        let driver = domain.driver(*id);
        let Ok(_only_one) = driver.try_lock() else { continue };
        if let Err(error) = carry_on(&cx, domain, *id, By::Sweep, &never).await {
            tracing::warn!(federation = %id, error = error.chain(), "cannot drive the federation");
        }
    }
    Ok(active.len())
}
