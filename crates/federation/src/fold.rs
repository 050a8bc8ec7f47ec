//! A round's updates become one model in a file, and the optimiser's state another.
//!
//! Everything streams, tile by tile: neither the updates nor the model nor the state is ever whole in memory. The same
//! updates, model and state give the same bytes, hence the same files, however often.

use std::{
    collections::{BTreeMap, HashMap},
    io::{BufReader, Read, Write},
};

use serde::Serialize;
use thunderline_bridge::Stop;
use thunderline_core::{Error, LeaseId, Result, RoundId};
use thunderline_numerics::{
    ArrayReader, FileArrays, ModelSchema,
    checkpoint::{CheckpointHeader, CheckpointWriter},
    strategy::{Earlier, Part, Round, Update},
};
use thunderline_objects::{Area, Objects, Sha256, Writer};

use crate::{
    aggregate::{Contribution, StoredModel},
    external::{self, Client, Made, Order, Programs},
    frozen::{Trained, Whole},
    layout::UpdateLayout,
    masked::{Kept, area, unmask},
    plan::Purpose,
    privacy::release::{Sources, Terms, private_mean},
    rows::Lease,
    spec::{FederationSpec, Program},
    task::{Report, area_of, upload_area},
};

/// Aggregation uses this many threads at most: it is bound by memory, not by arithmetic.
const MOST_THREADS: usize = 4;

/// Bytes that are copied at once.
const PIECE: usize = 1 << 20;

/// What a round is folded from.
pub(crate) struct Inputs<'a> {
    pub round: RoundId,
    /// The round's number, from 1.
    pub number: u32,
    pub spec: &'a FederationSpec,
    /// How many updates the round wanted.
    pub wanted: u32,
    /// The model that the clients began from.
    pub parent: Sha256,
    /// What the strategy left when that model was made: `None` where no round made it, `Some(None)` where that round
    /// kept nothing.
    pub state: Option<Option<Sha256>>,
    pub leases: &'a [Lease],
    /// What the released training leases brought.
    pub updates: &'a HashMap<LeaseId, UpdateLayout>,
    /// The models that leases were issued on; empty where clients are asked in rounds.
    pub bases: &'a HashMap<LeaseId, Sha256>,
    /// How the updates become their private mean; none where nobody asked for privacy.
    pub private: Option<Terms>,
    /// What a masked round has kept; none where updates came as they are.
    pub masked: Option<Kept>,
    /// What aggregates where the strategy is not one of ours, and what ends it early.
    pub programs: &'a Programs,
    pub stop: &'a Stop,
}

/// What a strategy keeps, before and after a round: a safetensors file in the kept area with arrays such as `m/…` and `v/…`.
#[derive(Clone, Debug, Serialize)]
pub struct OptimiserState {
    /// Absent in the first round.
    pub before: Option<Sha256>,
    /// What the next round begins with.
    pub after: Sha256,
    /// The length of its file.
    pub size_bytes: u64,
}

/// Aggregates the accepted updates as the strategy says; stores the results and reads them back. Blocking.
pub(crate) fn fold(objects: &Objects, inputs: &Inputs<'_>) -> Result<StoredModel> {
    let checkpoints = objects.checkpoints()?;
    let uploads = objects.area(&upload_area(inputs.round, Purpose::Train))?;
    let (whole, old) = arrays(&checkpoints, &inputs.parent)?;
    let trains = &inputs.spec.update;
    let (schema, parent) = (trains.trained(&whole), Trained::new(&old, &whole, trains));
    let accepted: Vec<(&Lease, &Report, &UpdateLayout)> = inputs
        .leases
        .iter()
        .filter_map(|lease| Some((lease, lease.report.as_ref()?, inputs.updates.get(&lease.id)?)))
        .collect();
    let areas =
        accepted.iter().map(|(lease, ..)| objects.area(&area_of(lease))).collect::<Result<Vec<_>>>()?;
    let readers = accepted
        .iter()
        .zip(&areas)
        .map(|((_, _, update), area)| update.reader(&schema, area))
        .collect::<Result<Vec<_>>>()?;
    let earlier = earlier_models(&checkpoints, &whole, inputs)?;
    let began = |lease: &Lease| {
        let versions = lease.staleness.filter(|versions| *versions > 0)?;
        Some(Earlier { model: &earlier[&inputs.bases[&lease.id]], versions })
    };
    let reports: Vec<_> = accepted.iter().map(|(_, report, _)| *report).collect();
    let weights = if reports.is_empty() { Vec::new() } else { weights(inputs.spec, &reports) };
    let updates: Vec<Update<'_>> = readers
        .iter()
        .zip(&accepted)
        .zip(&weights)
        .map(|((reader, (lease, report, _)), weight)| Update {
            reader,
            weight: *weight,
            metrics: &report.metrics,
            began: began(lease),
        })
        .collect();
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(MOST_THREADS);
    let unmasked = match &inputs.masked {
        Some(kept) => Some(unmask(kept, &objects.area(&area(inputs.round))?, &schema, threads)?),
        None => None,
    };
    let open: Vec<_> = updates.iter().map(|update| update.reader).collect();
    let private = match &inputs.private {
        Some(terms) => {
            let sources = unmasked.as_ref().map_or(Sources::Open(&open), Sources::Masked);
            Some(private_mean(&uploads, &schema, &parent, sources, terms, threads)?)
        }
        None => None,
    };
    let mean = match (&private, &unmasked) {
        (None, Some(unmasked)) => Some(unmasked.mean(&schema, &parent)?),
        _ => None,
    };
    // The strategy sees the mean and nothing else of a round that is private or masked.
    let nothing = BTreeMap::new();
    let only = |mean| vec![Update { reader: mean, weight: 1.0, metrics: &nothing, began: None }];
    let updates = match (&private, &mean) {
        (Some((mean, _)), _) => only(mean as &dyn ArrayReader),
        (None, Some(mean)) => only(mean as &dyn ArrayReader),
        (None, None) => updates,
    };
    let count = unmasked.as_ref().map_or(accepted.len(), |unmasked| unmasked.leases.len());
    let made = match inputs.spec.strategy.program() {
        Some(program) => {
            // A mean is nobody's own.
            let known = |place: usize| accepted.get(place).filter(|_| private.is_none());
            let clients: Vec<_> = updates
                .iter()
                .enumerate()
                .map(|(place, update)| Client {
                    reader: update.reader,
                    node: known(place).map(|(lease, ..)| lease.node),
                    num_examples: known(place).map(|(_, report, _)| report.num_examples),
                    weight: update.weight,
                    metrics: update.metrics,
                })
                .collect();
            by_program(program, &checkpoints, inputs, (&whole, &old), &clients)?
        }
        None => {
            let participation = participation(inputs, count);
            let (number, state) = (inputs.number, None);
            let (schema, model) = (&schema, &parent as &dyn ArrayReader);
            let round = Round { schema, model, state, number, participation, updates: &updates, threads };
            by_ourselves(&checkpoints, &uploads, inputs, round, (&whole, &old))?
        }
    };
    let optimiser = made.state.map(|(after, size_bytes)| OptimiserState {
        before: inputs.state.flatten(),
        after,
        size_bytes,
    });
    let hidden = unmasked.iter().flat_map(|unmasked| &unmasked.leases);
    let hidden = hidden.filter_map(|id| inputs.leases.iter().find(|lease| lease.id == *id));
    // What a masked client weighed is not known.
    let hidden = hidden.map(|lease| Contribution {
        node: lease.node,
        num_examples: 1.0,
        weight: 1.0,
        lease: lease.id,
        staleness: None,
    });
    let clients = accepted
        .iter()
        .zip(&weights)
        .map(|((lease, report, _), weight)| Contribution {
            node: lease.node,
            num_examples: report.num_examples,
            weight: *weight,
            lease: lease.id,
            staleness: lease.staleness,
        })
        .chain(hidden)
        .collect();
    let released = private.map(|(_, released)| released);
    let (sha256, size_bytes) = made.model;
    Ok(StoredModel { sha256, size_bytes, clients, optimiser, released, metrics: made.metrics })
}

fn by_ourselves(
    checkpoints: &Area,
    uploads: &Area,
    inputs: &Inputs<'_>,
    round: Round<'_>,
    (whole, old): (&ModelSchema, &FileArrays),
) -> Result<Made> {
    let strategy = inputs.spec.strategy.build();
    let kept = strategy.state(round.schema)?;
    let before =
        kept.as_ref().map(|kept| state_before(checkpoints, kept, inputs.state)).transpose()?.flatten();
    let state = before.as_ref().map(|arrays| arrays as &dyn ArrayReader);
    let files = Files::begin(checkpoints, uploads, whole, kept.as_ref())?;
    let frozen = Whole::new(whole, &inputs.spec.update, old);
    let (model, state) = files.fill(frozen, |out| strategy.aggregate(&Round { state, ..round }, out))?;
    Ok(Made { model, state, metrics: BTreeMap::new() })
}

fn by_program(
    program: &Program,
    checkpoints: &Area,
    inputs: &Inputs<'_>,
    (schema, model): (&ModelSchema, &FileArrays),
    clients: &[Client<'_>],
) -> Result<Made> {
    let state = inputs.state.flatten().map(|digest| arrays(checkpoints, &digest)).transpose()?;
    let (round, number, seed) = (inputs.round, inputs.number, inputs.spec.seed);
    let order = Order { round, number, seed, program, schema, model, state, clients };
    external::aggregate(inputs.programs, &order, checkpoints, inputs.stop)
}

/// The models that stale updates began from: no more than the strategy lets updates be stale.
fn earlier_models(
    checkpoints: &Area,
    schema: &ModelSchema,
    inputs: &Inputs<'_>,
) -> Result<HashMap<Sha256, Trained<FileArrays>>> {
    let mut earlier = HashMap::new();
    let stale = inputs.leases.iter().filter(|lease| lease.staleness.is_some_and(|versions| versions > 0));
    for lease in stale {
        let lost = || Error::internal("it is not known which model a lease was issued on");
        let digest = inputs.bases.get(&lease.id).ok_or_else(lost)?;
        if earlier.contains_key(digest) {
            continue;
        }
        let (found, model) = arrays(checkpoints, digest)?;
        if let Some(difference) = schema.difference(&found) {
            return Err(Error::internal(format!("an earlier model has {difference}")));
        }
        earlier.insert(*digest, Trained::new(model, schema, &inputs.spec.update));
    }
    Ok(earlier)
}

/// What each update counts.
fn weights(spec: &FederationSpec, reports: &[&Report]) -> Vec<f64> {
    match &spec.weighting {
        Some(weighting) => weighting.weigh(reports),
        // Integers are averaged by examples where a strategy does not weigh.
        None => reports.iter().map(|report| report.num_examples).collect(),
    }
}

/// Which share of all clients this many updates are. A round wants `client_fraction` of them; where it wants more, since
/// `min_clients` says so, this is too small, and what depends on it moves too slowly rather than too fast.
fn participation(inputs: &Inputs<'_>, updates: usize) -> f64 {
    (updates as f64 / f64::from(inputs.wanted.max(1)) * inputs.spec.client_fraction).min(1.0)
}

/// Streams a model into the kept area and reads it back.
pub(crate) fn store(
    checkpoints: &Area,
    schema: &ModelSchema,
    produce: impl FnOnce(&mut dyn FnMut(&[u8]) -> Result<()>) -> Result<()>,
) -> Result<(Sha256, u64)> {
    let mut file = begin(checkpoints, schema)?;
    produce(&mut |bytes| file.write(bytes))?;
    end(checkpoints, file)
}

fn begin(area: &Area, schema: &ModelSchema) -> Result<CheckpointWriter<Writer>> {
    CheckpointWriter::new(area.writer()?, schema, &BTreeMap::new())
}

fn end(area: &Area, file: CheckpointWriter<Writer>) -> Result<(Sha256, u64)> {
    let (digest, length) = file.finish()?.finish(None)?;
    if !area.verify(&digest)? {
        return Err(Error::internal("a checkpoint could not be read back as it was written"));
    }
    Ok((digest, length))
}

pub(crate) fn arrays(area: &Area, digest: &Sha256) -> Result<(ModelSchema, FileArrays)> {
    let header = CheckpointHeader::read(&mut BufReader::new(area.open(digest)?))?;
    let arrays = FileArrays::new(area.open(digest)?, header.ranges());
    Ok((header.schema, arrays))
}

/// The state to go on from; `None` before the first step.
fn state_before(
    area: &Area,
    expected: &ModelSchema,
    latest: Option<Option<Sha256>>,
) -> Result<Option<FileArrays>> {
    let Some(latest) = latest else { return Ok(None) };
    let digest = latest.ok_or_else(|| Error::internal("the last round left no state"))?;
    let (found, arrays) = arrays(area, &digest)?;
    match expected.difference(&found) {
        None => Ok(Some(arrays)),
        Some(difference) => Err(Error::internal(format!("the strategy's state has {difference}"))),
    }
}

/// The files that a strategy writes: the model, the state, and the state's second half until the first is complete.
struct Files<'a> {
    checkpoints: &'a Area,
    uploads: &'a Area,
    model: CheckpointWriter<Writer>,
    state: Option<CheckpointWriter<Writer>>,
    /// Among the round's uploads, and thrown away with them: the memory that a model-sized array would need goes to disk.
    second: Option<Writer>,
}

type Stored = (Sha256, u64);

impl<'a> Files<'a> {
    fn begin(
        checkpoints: &'a Area,
        uploads: &'a Area,
        schema: &ModelSchema,
        state: Option<&ModelSchema>,
    ) -> Result<Self> {
        let state = state.map(|schema| begin(checkpoints, schema)).transpose()?;
        Ok(Self { checkpoints, uploads, model: begin(checkpoints, schema)?, state, second: None })
    }

    fn fill(
        mut self,
        mut whole: Whole<'_>,
        produce: impl FnOnce(&mut dyn FnMut(Part, &[u8]) -> Result<()>) -> Result<()>,
    ) -> Result<(Stored, Option<Stored>)> {
        produce(&mut |part, bytes| match part {
            Part::Model => whole.write(bytes, &mut |bytes| self.model.write(bytes)),
            Part::First => keep(&mut self.state, bytes),
            Part::Second => {
                if self.second.is_none() {
                    self.second = Some(self.uploads.writer()?);
                }
                Ok(self.second.as_mut().expect("it was made just now").write_all(bytes)?)
            }
        })?;
        whole.finish(&mut |bytes| self.model.write(bytes))?;
        if let Some(second) = self.second {
            let (digest, _) = second.finish(None)?;
            let mut second = self.uploads.open(&digest)?;
            let mut buffer = vec![0; PIECE];
            loop {
                match second.read(&mut buffer)? {
                    0 => break,
                    count => keep(&mut self.state, &buffer[..count])?,
                }
            }
        }
        let state = self.state.map(|state| end(self.checkpoints, state)).transpose()?;
        Ok((end(self.checkpoints, self.model)?, state))
    }
}

fn keep(state: &mut Option<CheckpointWriter<Writer>>, bytes: &[u8]) -> Result<()> {
    let state = state.as_mut().ok_or_else(|| Error::internal("a state came that nobody keeps"))?;
    state.write(bytes)
}
