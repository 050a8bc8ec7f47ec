//! From a round's updates to the next model: fold, store, verify, judge, record.

use std::{
    collections::{BTreeMap, HashMap},
    io::BufReader,
    time::Duration,
};

use serde::Serialize;
use thunderline_bridge::Stop;
use thunderline_core::{Cx, Error, LeaseId, NodeId, Result, RoundId};
use thunderline_numerics::{
    ArrayReader, FileArrays, ModelSchema,
    checkpoint::CheckpointHeader,
    dataset::Dataset,
    model::{self, ModelSpec, Network},
    random::Rng,
};
use thunderline_objects::{Area, Objects, Sha256};
use thunderline_store::{Alone, Read};
use tokio_util::sync::CancellationToken;

use crate::{
    Federations,
    actions::{complete_round, fail_round, read, record_aggregate},
    drive,
    external::{Given, until_over},
    fold::{self, Inputs, OptimiserState},
    masked,
    plan::Purpose,
    privacy::{
        self,
        release::{Released, Terms},
    },
    rollup::{Rollup, ServerMetrics},
    rows::{self, Lease},
    spec::{FederationSpec, ServerEvaluation},
    task::upload_area,
};

/// A model that is stored and verified.
#[derive(Clone, Debug)]
pub struct StoredModel {
    /// The digest of its file.
    pub sha256: Sha256,
    /// The length of its file.
    pub size_bytes: u64,
    /// Whose updates went in, in fold order, with their weights.
    pub clients: Vec<Contribution>,
    /// What the strategy keeps; none where it keeps nothing.
    pub optimiser: Option<OptimiserState>,
    /// How it was made private; none where nobody asked for privacy.
    pub released: Option<Released>,
    /// What an external strategy measured; nothing with ours.
    pub metrics: BTreeMap<String, f64>,
}

/// One client's part in a model: its lineage.
#[derive(Clone, Debug, Serialize)]
pub struct Contribution {
    /// The node.
    pub node: NodeId,
    /// How many examples it reported.
    pub num_examples: f64,
    /// What it counted.
    pub weight: f64,
    /// The lease under which it was taken.
    pub lease: LeaseId,
    /// By how many versions the model was newer than the one that the client began from; none where clients are asked in rounds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub staleness: Option<u32>,
}

/// The schema of a stored model. Blocking.
///
/// # Errors
/// `not_found` where there is no such model.
pub fn schema(checkpoints: &Area, digest: &Sha256) -> Result<ModelSchema> {
    Ok(header(checkpoints, digest)?.schema)
}

fn header(checkpoints: &Area, digest: &Sha256) -> Result<CheckpointHeader> {
    CheckpointHeader::read(&mut BufReader::new(checkpoints.open(digest)?))
}

/// Makes and stores the first model of a federation that begins from a fresh network. The same seed gives the same bytes.
/// Blocking.
///
/// # Errors
/// `invalid` where no network has these layers.
pub fn store_initial_model(objects: &Objects, network: &ModelSpec, seed: u64) -> Result<StoredModel> {
    let network = Network::initial(network, &mut Rng::derive(seed, &["initial-model"]))?;
    let bytes = network.to_bytes();
    let (sha256, size_bytes) = fold::store(&objects.checkpoints()?, network.schema(), |out| out(&bytes))?;
    Ok(StoredModel {
        sha256,
        size_bytes,
        clients: Vec::new(),
        optimiser: None,
        released: None,
        metrics: BTreeMap::new(),
    })
}

/// Carries out a round's aggregation. Repeating it after a crash gives the same bytes, hence the same file. A program that
/// aggregates is ended when `stopping` is cancelled, and the round stays as it is.
pub(crate) async fn aggregate_round(
    cx: &Cx,
    domain: &Federations,
    id: RoundId,
    evaluators: &[NodeId],
    stopping: &CancellationToken,
) -> Result<()> {
    let mut read = domain.db.read(cx, &read::ACTION).await?;
    let found = rows::rounds::by_id(&mut read, id, cx.tenant()).await?;
    let round = found.ok_or_else(|| Error::not_found(format_args!("round {id}")))?;
    let found = rows::federations::by_id(&mut read, round.federation, cx.tenant()).await?;
    let federation = found.ok_or_else(|| Error::not_found("the round's federation"))?;
    let buffered = federation.spec.strategy.buffer().is_some();
    let mut leases = drive::present_leases(&mut read, cx, &federation, &round).await?;
    let (updates, bases) = if buffered {
        leases.retain(|lease| lease.ended_in == Some(id));
        (rows::updates::of_buffer(&mut read, id).await?, bases(&mut read, cx, &leases).await?)
    } else {
        (rows::updates::of_round(&mut read, id).await?, HashMap::new())
    };
    let masked = match masked::of_round(&federation.spec, id, round.wanted) {
        Some(terms) => Some(masked::Kept { terms, messages: masked::rows::of_round(&mut read, id).await? }),
        None => None,
    };
    let state = rows::rounds::state_before(&mut read, round.federation, round.number, cx.tenant()).await?;
    let private = match &federation.spec.dp {
        Some(dp) => {
            let lost = || Error::internal("a private round's terms are gone");
            let key = privacy::rows::key(&mut read, federation.id).await?.ok_or_else(lost)?;
            let fixed = privacy::rows::round(&mut read, id).await?.ok_or_else(lost)?;
            Some(Terms { dp: dp.clone(), key, round: id, number: round.number, fixed })
        }
        None => None,
    };
    drop(read);
    let state = state.map(|digest| digest.map(|digest| digest.parse()).transpose()).transpose()?;
    let parent: Sha256 =
        round.model_in.as_deref().ok_or_else(|| Error::internal("the round has no model"))?.parse()?;
    let mut train = complete_round::summarise(&leases, Purpose::Train);
    if let (true, Some(began), Some(closed)) = (buffered, round.started_at, round.closed_at) {
        // Clients train across rounds: what counts is how long the buffer took to fill.
        train.seconds = closed.duration_since(began).as_secs_f64();
    }
    let closed = round.closed_at.unwrap_or_else(|| cx.now());
    let objects = domain.objects.clone();
    let spec = federation.spec;
    let external = spec.strategy.program().is_some();
    // One program for a round, however many servers share the database.
    let _alone = if external { Some(alone(domain, id).await?) } else { None };
    let stop = Stop::new();
    let given = Given(stop.clone());
    let programs = domain.programs.clone();
    let folding = crate::blocking(move || {
        let (number, wanted) = (round.number, round.wanted);
        let inputs = Inputs {
            round: id,
            number,
            spec: &spec,
            wanted,
            parent,
            state,
            leases: &leases,
            updates: &updates,
            bases: &bases,
            private,
            masked,
            programs: &programs,
            stop: &stop,
        };
        let model = fold::fold(&objects, &inputs)?;
        let server = judge(&objects, &spec, &model.sha256, round.number)?;
        Ok((model, server))
    });
    let outcome = if external {
        let mut folding = std::pin::pin!(folding);
        tokio::select! {
            outcome = &mut folding => outcome,
            () = until_over(cx, domain, id) => return Ok(()),
            () = stopping.cancelled() => {
                given.0.stop();
                // Then the program is gone. Whoever stopped us may have stopped it as well: why it ended says nothing about it.
                match folding.await {
                    Err(error) => {
                        tracing::info!(round = %id, error = error.chain(), "aggregation is left to the next start");
                        return Ok(());
                    }
                    made => made,
                }
            }
        }
    } else {
        folding.await
    };
    drop(given);
    let (model, server) = match outcome {
        Ok(outcome) => outcome,
        Err(error) => {
            tracing::error!(round = %id, error = error.chain(), "aggregation failed");
            let reason = format!("aggregation failed: {}", error.external());
            return fail_round::fail_round(cx, domain, id, &reason, false).await;
        }
    };
    let aggregate_seconds = cx.now().duration_since(closed).as_secs_f64();
    let aggregate_metrics = model.metrics.clone();
    let rollup = Rollup { train, evaluate: None, server, aggregate_seconds, aggregate_metrics };
    record_aggregate::record_aggregate(cx, domain, id, &model, &rollup, evaluators).await?;
    if evaluators.is_empty() {
        return fail_round::remove_uploads(domain, id).await;
    }
    let uploads = domain.objects.area(&upload_area(id, Purpose::Train))?;
    crate::blocking(move || uploads.remove()).await
}

async fn alone(domain: &Federations, round: RoundId) -> Result<Alone> {
    let name = format!("strategy of round {round}");
    let taken = domain.db.be_alone(&name, Duration::ZERO).await?;
    taken.ok_or_else(|| Error::conflict("another server runs this round's strategy"))
}

/// The models that these leases were issued on.
async fn bases(read: &mut Read, cx: &Cx, leases: &[Lease]) -> Result<HashMap<LeaseId, Sha256>> {
    let mut of_rounds: HashMap<RoundId, Sha256> = HashMap::new();
    let mut bases = HashMap::new();
    for lease in leases {
        let base = match of_rounds.get(&lease.round) {
            Some(known) => *known,
            None => {
                let found = rows::rounds::by_id(read, lease.round, cx.tenant()).await?;
                let model = found.and_then(|round| round.model_in);
                model.ok_or_else(|| Error::internal("a lease's round has no model"))?.parse()?
            }
        };
        of_rounds.insert(lease.round, base);
        bases.insert(lease.id, base);
    }
    Ok(bases)
}

/// The server's own judgement of a model, where the spec asks for it in this round.
fn judge(
    objects: &Objects,
    spec: &FederationSpec,
    model: &Sha256,
    round: u32,
) -> Result<Option<ServerMetrics>> {
    let (Some(ServerEvaluation { data, scale }), Some(network)) =
        (&spec.evaluation.server, spec.model_ref.network())
    else {
        return Ok(None);
    };
    if !spec.evaluates(round) {
        return Ok(None);
    }
    let checkpoints = objects.checkpoints()?;
    let data = Dataset::read_csv(BufReader::new(checkpoints.open(data)?), (1.0 / *scale) as f32)?;
    let network = load(&checkpoints, model, &network)?;
    let judged = model::evaluate(&network, &data)?;
    Ok(Some(ServerMetrics { loss: judged.loss, accuracy: judged.accuracy, examples: judged.examples }))
}

fn load(checkpoints: &Area, digest: &Sha256, network: &ModelSpec) -> Result<Network> {
    let header = header(checkpoints, digest)?;
    let arrays = FileArrays::new(checkpoints.open(digest)?, header.ranges());
    let mut bytes = Vec::new();
    for array in 0..header.schema.len() {
        let start = bytes.len();
        bytes.resize(start + header.schema.array_bytes(array) as usize, 0);
        arrays.read_at(array, 0, &mut bytes[start..])?;
    }
    Network::from_bytes(network, &bytes)
}
