//! Looking: what people may see, and what a node may see of its own.

use std::collections::HashMap;

use thunderline_core::{
    Action, Actor, ArtifactId, Cx, Error, FederationId, LeaseId, NodeId, Result, Role, RoundId, Rule, RunId,
    Timestamp,
};
use thunderline_objects::Sha256;
use thunderline_store::Query;

use crate::{
    Federations,
    artifact::{Artifact, ArtifactKind},
    drive,
    manifest::{self, ManifestClaims},
    masked,
    plan::{self, Purpose},
    rollup::Rollup,
    rows::{self, Federation, Lease, Round},
    spec::{App, Scalar},
    state::{FederationState, LeaseState, RoundState},
    task::{self, Task},
};

/// People look.
pub const ACTION: Action = Action::new("fl.federation.read", Rule::AtLeast(Role::Viewer));
/// A node looks at what is its own.
pub const NODE_ACTION: Action = Action::new("fl.lease.read", Rule::Node);

/// Federations, the newest first. `before` continues a listing after the last one's `created_at`.
///
/// # Errors
/// `forbidden`.
pub async fn list_federations(
    cx: &Cx,
    domain: &Federations,
    state: Option<FederationState>,
    before: Option<Timestamp>,
    limit: u32,
) -> Result<Vec<Federation>> {
    let mut read = domain.db.read(cx, &ACTION).await?;
    rows::federations::list(&mut read, cx.tenant(), state, before, limit).await
}

/// One federation.
///
/// # Errors
/// `not_found`.
pub async fn get_federation(cx: &Cx, domain: &Federations, id: FederationId) -> Result<Federation> {
    let mut read = domain.db.read(cx, &ACTION).await?;
    super::federation(&mut read, cx, id).await
}

/// What a federation waits for, where it waits for clients: how many nodes fit which part of its selector.
///
/// # Errors
/// `not_found`.
pub async fn waits_for(cx: &Cx, domain: &Federations, id: FederationId) -> Result<Option<String>> {
    Ok(plan::waits_for(&drive::view(cx, domain, id).await?))
}

/// What each of these federations waits for, as [`waits_for`] says it; without those that do not wait. The nodes are read once for
/// all whose next round has to begin.
///
/// # Errors
/// `forbidden`.
pub async fn list_waits(
    cx: &Cx,
    domain: &Federations,
    federations: &[Federation],
) -> Result<HashMap<FederationId, String>> {
    let (mut waits, mut selecting, mut buffered) = (HashMap::new(), Vec::new(), Vec::new());
    let mut read = domain.db.read(cx, &ACTION).await?;
    for it in federations.iter().filter(|it| it.state == FederationState::Running) {
        let newest = rows::rounds::newest(&mut read, it.id, cx.tenant()).await?;
        if newest.is_some_and(|round| round.state == RoundState::Selecting) {
            selecting.push(it);
        } else if it.spec.strategy.buffer().is_some() {
            buffered.push(it.id);
        }
    }
    if !selecting.is_empty() {
        let nodes = rows::nodes::of_tenant(&mut read, cx.tenant()).await?;
        let groups = rows::groups::of_tenant(&mut read, cx.tenant()).await?;
        let short = |it: &Federation| plan::short_of(&it.spec, &nodes, &groups, it.spec.min_clients as usize);
        waits.extend(selecting.into_iter().filter_map(|it| Some((it.id, short(it)?))));
    }
    drop(read);
    for id in buffered {
        waits.extend(waits_for(cx, domain, id).await?.map(|wait| (id, wait)));
    }
    Ok(waits)
}

/// Rounds in order, beginning after the number `after`.
///
/// # Errors
/// `not_found` where there is no such federation.
pub async fn list_rounds(
    cx: &Cx,
    domain: &Federations,
    federation: FederationId,
    after: u32,
    limit: u32,
) -> Result<Vec<Round>> {
    let mut read = domain.db.read(cx, &ACTION).await?;
    super::federation(&mut read, cx, federation).await?;
    rows::rounds::list(&mut read, federation, cx.tenant(), after, limit).await
}

/// The newest round of a federation with its leases; where clients are not asked in rounds, with all that are open.
///
/// # Errors
/// `not_found` where there is no such federation.
pub async fn newest_round(
    cx: &Cx,
    domain: &Federations,
    federation: FederationId,
) -> Result<Option<(Round, Vec<Lease>)>> {
    let mut read = domain.db.read(cx, &ACTION).await?;
    let found = super::federation(&mut read, cx, federation).await?;
    let Some(round) = rows::rounds::newest(&mut read, federation, cx.tenant()).await? else {
        return Ok(None);
    };
    let leases = drive::present_leases(&mut read, cx, &found, &round).await?;
    Ok(Some((round, leases)))
}

/// A round's leases: training first, each purpose in fold order. Where clients are not asked in rounds: those that ended in it, and
/// with the newest round those that no round counts yet, so that each is listed with one round.
///
/// # Errors
/// `not_found` where there is no such round.
pub async fn list_leases(cx: &Cx, domain: &Federations, round: RoundId) -> Result<Vec<Lease>> {
    list_leases_of(cx, domain, round).await.map(|(_, leases)| leases)
}

/// The same, with the round.
///
/// # Errors
/// As [`list_leases`].
pub async fn list_leases_of(cx: &Cx, domain: &Federations, round: RoundId) -> Result<(Round, Vec<Lease>)> {
    let mut read = domain.db.read(cx, &ACTION).await?;
    let round = super::round(&mut read, cx, round).await?;
    let federation = super::federation(&mut read, cx, round.federation).await?;
    if federation.spec.strategy.buffer().is_none() {
        let leases = rows::leases::of_round(&mut read, round.id, cx.tenant()).await?;
        return Ok((round, leases));
    }
    let mut leases = rows::leases::ended_in(&mut read, round.id, cx.tenant()).await?;
    let newest = rows::rounds::newest(&mut read, federation.id, cx.tenant()).await?;
    if newest.is_some_and(|newest| newest.id == round.id) {
        leases.extend(rows::leases::uncounted(&mut read, federation.id, cx.tenant()).await?);
        leases.sort_by_key(|lease| (lease.version, lease.ordinal));
    }
    Ok((round, leases))
}

/// The metrics of every completed round after that number (0: of all), in order.
///
/// # Errors
/// `not_found` where there is no such federation.
pub async fn list_rollups(
    cx: &Cx,
    domain: &Federations,
    federation: FederationId,
    after: u32,
) -> Result<Vec<(u32, Rollup)>> {
    let mut read = domain.db.read(cx, &ACTION).await?;
    super::federation(&mut read, cx, federation).await?;
    rows::rollups::of_federation(&mut read, federation, after, cx.tenant()).await
}

/// The names of the programs that specs may ask for as their strategies here.
///
/// # Errors
/// `forbidden`.
pub fn list_programs(cx: &Cx, domain: &Federations) -> Result<Vec<String>> {
    ACTION.authorize(cx)?;
    Ok(domain.programs.names().map(str::to_owned).collect())
}

/// Artifacts, the newest first.
///
/// # Errors
/// `forbidden`.
pub async fn list_artifacts(
    cx: &Cx,
    domain: &Federations,
    federation: Option<FederationId>,
    before: Option<Timestamp>,
    limit: u32,
) -> Result<Vec<Artifact>> {
    let mut read = domain.db.read(cx, &ACTION).await?;
    rows::artifacts::list(&mut read, cx.tenant(), federation, before, limit).await
}

/// One artifact.
///
/// # Errors
/// `not_found`.
pub async fn get_artifact(cx: &Cx, domain: &Federations, id: ArtifactId) -> Result<Artifact> {
    let mut read = domain.db.read(cx, &ACTION).await?;
    let found = rows::artifacts::by_id(&mut read, id, cx.tenant()).await?;
    found.ok_or_else(|| Error::not_found(format_args!("artifact {id}")))
}

/// The node that asks.
fn caller(cx: &Cx) -> Result<NodeId> {
    match cx.actor() {
        Actor::Node(node) => Ok(*node),
        other => Err(Error::forbidden(format!("{other} is not a node"))),
    }
}

/// The lease, if it is the calling node's; background work sees every lease.
pub(crate) async fn own_lease(query: &mut impl Query, cx: &Cx, id: LeaseId) -> Result<Lease> {
    let found = rows::leases::by_id(query, id, cx.tenant()).await?;
    let own = |lease: &Lease| match cx.actor() {
        Actor::Node(node) => lease.node == *node,
        Actor::System(_) => true,
        Actor::User { .. } => false,
    };
    found.filter(own).ok_or_else(|| Error::not_found(format_args!("lease {id}")))
}

/// The calling node's next task: the one that it holds but lost, else the oldest that waits for it. None as well while it
/// waits for others in a masked round.
///
/// # Errors
/// `forbidden` where the caller is no node.
pub async fn next_task(cx: &Cx, domain: &Federations) -> Result<Option<Task>> {
    let node = caller(cx)?;
    if !domain.board.has(cx, domain, node).await? {
        return Ok(None);
    }
    let mut read = domain.db.read(cx, &NODE_ACTION).await?;
    let Some(lease) = rows::leases::open_of_node(&mut read, node, cx.tenant()).await? else {
        return Ok(None);
    };
    let task = task_of(&mut read, cx, &lease).await?;
    Ok(Some(task).filter(|task| task.turn.is_none_or(|turn| !turn.waits)))
}

/// The task of the calling node's own lease.
///
/// # Errors
/// `not_found` where the lease is another node's.
pub async fn task(cx: &Cx, domain: &Federations, lease: LeaseId) -> Result<Task> {
    let mut read = domain.db.read(cx, &NODE_ACTION).await?;
    let lease = own_lease(&mut read, cx, lease).await?;
    task_of(&mut read, cx, &lease).await
}

/// What the calling node's own lease allows, ready to be signed.
///
/// # Errors
/// `not_found` where the lease is another node's.
pub async fn manifest(cx: &Cx, domain: &Federations, lease: LeaseId) -> Result<ManifestClaims> {
    let mut read = domain.db.read(cx, &NODE_ACTION).await?;
    let lease = own_lease(&mut read, cx, lease).await?;
    let federation = super::federation(&mut read, cx, lease.federation).await?;
    Ok(manifest::claims(&task_of(&mut read, cx, &lease).await?, &federation, lease.message.as_deref()))
}

async fn task_of(query: &mut impl Query, cx: &Cx, lease: &Lease) -> Result<Task> {
    let round = super::round(query, cx, lease.round).await?;
    let federation = super::federation(query, cx, lease.federation).await?;
    let model = match lease.purpose {
        Purpose::Train => round.model_in,
        Purpose::Evaluate => round.model_out,
    };
    let model = model.ok_or_else(|| Error::internal("a lease's round has no model"))?;
    let wants_state = lease.purpose == Purpose::Train && federation.spec.strategy.kind().built_in_only;
    let state = if wants_state {
        rows::rounds::state_before(query, federation.id, round.number, cx.tenant()).await?.flatten()
    } else {
        None
    };
    let mut config = task::config(&federation.spec, round.number, lease);
    let terms = masked::of_round(&federation.spec, round.id, round.wanted);
    if let Some(terms) = terms.filter(|_| lease.purpose == Purpose::Train) {
        let terms = serde_json::to_string(&terms).expect("terms are plain data");
        config.push((masked::KEY.into(), Scalar::Text(terms)));
    }
    let turn = match masked::in_messages(&federation, lease) {
        true => masked::of_lease(query, lease).await?,
        false => None,
    };
    Ok(Task {
        lease: lease.id,
        node: lease.node,
        federation: federation.id,
        run: federation.run,
        round: round.id,
        round_number: round.number,
        attempt: round.attempt,
        purpose: lease.purpose,
        turn,
        config,
        uploads: task::area_of(lease),
        model: model.parse()?,
        state: state.map(|digest| digest.parse()).transpose()?,
        issued_at: lease.issued_at,
        expires_at: lease.expires_at,
    })
}

/// What a node must know of a run.
#[derive(Clone, Debug)]
pub struct RunInfo {
    /// The federation.
    pub federation: Federation,
    /// The bundle that its clients run, where they run one.
    pub bundle: Option<Artifact>,
}

/// The run of this number, if the calling node was ever given a task of it.
///
/// # Errors
/// `not_found` where there is no such run.
pub async fn run(cx: &Cx, domain: &Federations, run: RunId) -> Result<RunInfo> {
    let node = caller(cx)?;
    let mut read = domain.db.read(cx, &NODE_ACTION).await?;
    let found = rows::federations::by_run(&mut read, run, cx.tenant()).await?;
    let unknown = || Error::not_found(format_args!("run {run}"));
    let federation = found.ok_or_else(unknown)?;
    if !rows::leases::any_of_node(&mut read, node, federation.id, cx.tenant()).await? {
        return Err(unknown());
    }
    let bundle = match &federation.spec.app {
        App::Flower(app) => bundle(&mut read, cx, &app.bundle).await?,
        App::Builtin(_) | App::Command(_) => None,
    };
    Ok(RunInfo { federation, bundle })
}

async fn bundle(query: &mut impl Query, cx: &Cx, digest: &Sha256) -> Result<Option<Artifact>> {
    rows::artifacts::by_digest(query, digest, ArtifactKind::Bundle, cx.tenant()).await
}

/// What a message that answers another is to us.
#[derive(Clone, Debug)]
pub enum Expected {
    /// The node holds the lease: its result is awaited.
    Open(Lease),
    /// The result was taken already.
    Repeated(Lease),
    /// The lease has ended without a result.
    Late(Lease),
    /// The node was never given such a task.
    Unknown,
}

/// Finds the calling node's lease by the wire's name for its task message.
///
/// # Errors
/// `forbidden` where the caller is no node.
pub async fn expected_reply(cx: &Cx, domain: &Federations, message: &str) -> Result<Expected> {
    let node = caller(cx)?;
    let mut read = domain.db.read(cx, &NODE_ACTION).await?;
    let found = rows::leases::by_message(&mut read, message, node, cx.tenant()).await?;
    Ok(match found {
        None => Expected::Unknown,
        Some(lease) => match lease.state {
            LeaseState::Issued | LeaseState::Claimed => Expected::Open(lease),
            LeaseState::Released => Expected::Repeated(lease),
            LeaseState::Expired { .. } | LeaseState::Dropped { .. } => Expected::Late(lease),
        },
    })
}
