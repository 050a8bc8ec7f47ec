//! Clients that take their time, and servers that wait for them in different ways.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet, BinaryHeap},
};

use thunderline_numerics::{
    ArrayReader, MemoryArrays, Result,
    dataset::Dataset,
    model::{Network, evaluate},
    random::Rng,
    strategy::{Earlier, Kind, Round, Strategy, Update},
};

use crate::clients;

/// The accuracy on held-out data that is to be reached.
pub const GOAL: f64 = 0.95;
const CLIENTS: usize = 20;
/// Every so many clients' tasks take so many times as long.
const SLOW_EVERY: usize = 5;
const SLOWER: f64 = 10.0;
/// Of the logarithm of a task's time.
const SPREAD: f64 = 0.5;
/// Updates that a round wants.
const WANTED: usize = 10;
/// After this, a run has not reached its goal.
const MOST_UPDATES: u32 = 10_000;

/// How a server waits.
#[derive(Clone, Copy, Debug)]
pub enum Way {
    /// In rounds of [`WANTED`] updates, asking so many times that many clients: the first to answer count.
    Rounds { over_selection: f64 },
    /// For any `size` updates while `concurrency` clients train.
    Buffer { size: u32, concurrency: usize },
}

impl Way {
    pub fn name(self) -> String {
        match self {
            Self::Rounds { over_selection: 1.0 } => format!("`fedavg`, {WANTED} clients"),
            Self::Rounds { over_selection } => {
                format!("`fedavg`, {WANTED} of {} clients", (WANTED as f64 * over_selection).round())
            }
            Self::Buffer { size, concurrency } => {
                format!("`fedbuff`, buffer_size {size}, {concurrency} clients at once")
            }
        }
    }
}

/// One run.
#[derive(Clone, Copy, Debug)]
pub struct Job {
    pub way: Way,
    pub alpha: f64,
    pub seed: u64,
}

/// What came of it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Outcome {
    pub reached: bool,
    /// Virtual.
    pub time: f64,
    pub versions: u32,
    /// Updates that clients trained until then, whether or not they counted.
    pub sent: u32,
    pub counted: u32,
    /// Summed over the updates that counted.
    pub staleness: u32,
}

impl Job {
    pub fn run(&self) -> Result<Outcome> {
        let (training, held_out) = clients::digits(self.seed)?;
        let mut world = World {
            job: *self,
            shards: clients::deal(&training, CLIENTS, self.alpha, self.seed)?,
            held_out,
            model: clients::initial(self.seed)?,
            outcome: Outcome::default(),
        };
        match self.way {
            Way::Rounds { over_selection } => {
                let asked = (WANTED as f64 * over_selection).round() as usize;
                while !world.is_over() {
                    world.round(asked)?;
                }
            }
            Way::Buffer { size, concurrency } => world.buffers(size, concurrency)?,
        }
        Ok(world.outcome)
    }
}

struct World {
    job: Job,
    shards: Vec<Dataset>,
    held_out: Dataset,
    model: Network,
    outcome: Outcome,
}

/// A client's work and what it began from.
struct Sent {
    network: Network,
    metrics: BTreeMap<String, f64>,
    version: u32,
}

impl World {
    fn is_over(&self) -> bool {
        self.outcome.reached || self.outcome.sent >= MOST_UPDATES
    }

    /// How long a client's next task takes. The first clients are the slow ones; their data is like the others'.
    fn takes(&mut self, client: usize) -> f64 {
        self.outcome.sent += 1;
        let labels = ["time", &self.outcome.sent.to_string()];
        let time = (SPREAD * Rng::derive(self.job.seed, &labels).normal()).exp();
        if client.is_multiple_of(SLOW_EVERY) { SLOWER * time } else { time }
    }

    fn train(&self, client: usize, task: u32) -> Result<Sent> {
        let mut rng = Rng::derive(self.job.seed, &["train", &task.to_string(), &client.to_string()]);
        let config = clients::sgd(5, 0.0);
        let trained = clients::train(&self.model, &self.shards[client], &config, None, &mut rng)?;
        Ok(Sent { network: trained.network, metrics: trained.metrics, version: self.outcome.versions })
    }

    /// One round: the slowest of those that are needed ends it, and the others are let go.
    fn round(&mut self, asked: usize) -> Result<()> {
        let number = (self.outcome.versions + 1).to_string();
        let chosen = Rng::derive(self.job.seed, &["select", &number]).sample(CLIENTS, asked);
        let mut times: Vec<_> = chosen.into_iter().map(|client| (self.takes(client), client)).collect();
        times.sort_by(|one, other| one.0.total_cmp(&other.0));
        times.truncate(WANTED);
        self.outcome.time += times.last().expect("a round asks somebody").0;
        let mut chosen: Vec<_> = times.into_iter().map(|(_, client)| client).collect();
        chosen.sort_unstable();
        let task = self.outcome.versions;
        let sent = chosen.iter().map(|&client| self.train(client, task)).collect::<Result<Vec<_>>>()?;
        let weights = sent.iter().map(|sent| sent.metrics["num-examples"]).collect();
        self.make(Kind::named("fedavg").expect("it is known").with(&[])?.as_ref(), &sent, weights, &[])
    }

    /// Buffer after buffer, until the goal is reached.
    fn buffers(&mut self, size: u32, concurrency: usize) -> Result<()> {
        let kind = Kind::named("fedbuff").expect("it is known");
        let strategy = kind.with(&[("buffer_size", f64::from(size))])?;
        let limits = strategy.buffer().expect("it has a buffer");
        let mut free: BTreeSet<usize> = (0..CLIENTS).collect();
        // By the moment at which they end; nobody's time is negative, so its bits are in order.
        let mut ends = BinaryHeap::new();
        let mut under_way: BTreeMap<usize, Sent> = BTreeMap::new();
        let (mut buffer, mut earlier) = (Vec::new(), vec![self.model.clone()]);
        while !self.is_over() {
            let room = concurrency.saturating_sub(under_way.len()).min(free.len());
            let candidates: Vec<_> = free.iter().copied().collect();
            let labels = ["select", &self.outcome.sent.to_string()];
            for place in Rng::derive(self.job.seed, &labels).sample(candidates.len(), room) {
                let client = candidates[place];
                free.remove(&client);
                let end = self.outcome.time + self.takes(client);
                ends.push(Reverse((end.to_bits(), client)));
                under_way.insert(client, self.train(client, self.outcome.sent)?);
            }
            let Reverse((end, client)) = ends.pop().expect("somebody trains");
            self.outcome.time = f64::from_bits(end);
            free.insert(client);
            let sent = under_way.remove(&client).expect("who ends has begun");
            if self.outcome.versions - sent.version <= limits.max_staleness {
                buffer.push(sent);
            }
            if buffer.len() == size as usize {
                let sent = std::mem::take(&mut buffer);
                let weights = vec![1.0; sent.len()];
                self.make(strategy.as_ref(), &sent, weights, &earlier)?;
                earlier.push(self.model.clone());
            }
        }
        Ok(())
    }

    /// The next version.
    fn make(
        &mut self,
        strategy: &dyn Strategy,
        sent: &[Sent],
        weights: Vec<f64>,
        earlier: &[Network],
    ) -> Result<()> {
        let schema = self.model.schema().clone();
        let memory = |network: &Network| MemoryArrays::new(schema.clone(), network.to_bytes());
        let readers = sent.iter().map(|sent| memory(&sent.network)).collect::<std::io::Result<Vec<_>>>()?;
        let staleness = |sent: &Sent| self.outcome.versions - sent.version;
        let stale: BTreeSet<_> =
            sent.iter().filter(|sent| staleness(sent) > 0).map(|it| it.version).collect();
        let bases = stale
            .into_iter()
            .map(|version| Ok((version, memory(&earlier[version as usize])?)))
            .collect::<std::io::Result<BTreeMap<_, _>>>()?;
        let updates: Vec<_> = sent
            .iter()
            .zip(&readers)
            .zip(weights)
            .map(|((sent, reader), weight)| Update {
                reader,
                weight,
                metrics: &sent.metrics,
                began: bases
                    .get(&sent.version)
                    .map(|model| Earlier { model: model as &dyn ArrayReader, versions: staleness(sent) }),
            })
            .collect();
        let model = memory(&self.model)?;
        let round = Round {
            schema: &schema,
            model: &model,
            state: None,
            number: self.outcome.versions + 1,
            participation: 1.0,
            updates: &updates,
            threads: 1,
        };
        let mut next = Vec::new();
        strategy.aggregate(&round, &mut |_, piece| {
            next.extend_from_slice(piece);
            Ok(())
        })?;
        self.outcome.staleness += sent.iter().map(staleness).sum::<u32>();
        self.outcome.counted += sent.len() as u32;
        self.outcome.versions += 1;
        self.model = Network::from_bytes(&clients::spec(), &next)?;
        self.outcome.reached = evaluate(&self.model, &self.held_out)?.accuracy >= GOAL;
        Ok(())
    }
}
