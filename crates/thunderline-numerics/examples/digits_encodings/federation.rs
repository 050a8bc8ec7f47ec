//! The rounds, and what becomes of an update on its way.

use std::collections::BTreeMap;

use thunderline_numerics::{
    MemoryArrays, Result, Weighted,
    dataset::Dataset,
    encoding::{
        Encoding, decode,
        delta::{difference, restore},
        encode,
        terms::{Terms, fits},
    },
    model::{Network, evaluate},
    random::Rng,
    sgd::train_while,
    weighted_mean,
};

use crate::clients;

const CLIENTS: usize = 10;
const WANTED: usize = 5;
/// Rounds at the end whose accuracy is averaged.
const LAST: u32 = 5;

/// What is sent, and how.
#[derive(Clone, Copy, Debug)]
pub struct Way {
    pub encoding: Encoding,
    /// Whether what top-k leaves out is kept for the next round.
    pub feedback: bool,
    /// Which arrays are trained; all where it is empty.
    pub trainable: &'static str,
}

/// One federation.
#[derive(Clone, Copy, Debug)]
pub struct Job {
    pub way: Way,
    pub alpha: f64,
    pub seed: u64,
    pub rounds: u32,
}

/// What came of it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Outcome {
    /// On held-out data, over the last rounds.
    pub accuracy: f64,
    /// Sent for each number of the model, in the last round.
    pub bytes: f64,
    /// ‖x − x̂‖² / ‖x‖² of what was to be sent, on average over the last round's updates.
    pub error: f64,
}

struct Simulation {
    job: Job,
    shards: Vec<Dataset>,
    global: Network,
    /// What was left out so far, by client and array.
    rests: BTreeMap<(usize, usize), Vec<f32>>,
}

/// An update as the server has it.
struct Sent {
    bytes: Vec<u8>,
    length: usize,
    error: f64,
    examples: f64,
}

impl Job {
    pub fn run(&self) -> Result<Outcome> {
        let (training, held_out) = clients::digits(self.seed)?;
        let mut simulation = Simulation {
            job: *self,
            shards: clients::deal(&training, CLIENTS, self.alpha, self.seed)?,
            global: clients::initial(self.seed)?,
            rests: BTreeMap::new(),
        };
        let mut outcome = Outcome::default();
        for number in 1..=self.rounds {
            let sent = simulation.round(number)?;
            let count = sent.len() as f64;
            let numbers = count * simulation.global.parameters().len() as f64;
            outcome.bytes = sent.iter().map(|sent| sent.length as f64).sum::<f64>() / numbers;
            outcome.error = sent.iter().map(|sent| sent.error).sum::<f64>() / count;
            if number + LAST > self.rounds {
                let judged = evaluate(&simulation.global, &held_out)?.accuracy;
                outcome.accuracy += judged / f64::from(LAST.min(self.rounds));
            }
        }
        Ok(outcome)
    }
}

impl Simulation {
    fn round(&mut self, number: u32) -> Result<Vec<Sent>> {
        let mut rng = Rng::derive(self.job.seed, &["select", &number.to_string()]);
        let mut chosen = rng.sample(CLIENTS, WANTED);
        chosen.sort_unstable();
        let sent = chosen.iter().map(|&client| self.client(client, number)).collect::<Result<Vec<_>>>()?;
        let schema = self.global.schema();
        let readers: Vec<_> = sent
            .iter()
            .map(|sent| MemoryArrays::new(schema.clone(), sent.bytes.clone()))
            .collect::<std::io::Result<_>>()?;
        let updates: Vec<_> = readers
            .iter()
            .zip(&sent)
            .map(|(reader, sent)| Weighted { reader, weight: sent.examples })
            .collect();
        let mut next = Vec::new();
        weighted_mean(schema, &updates, 1, &mut |piece| {
            next.extend_from_slice(piece);
            Ok(())
        })?;
        self.global = Network::from_bytes(&clients::spec(), &next)?;
        Ok(sent)
    }

    fn trains(&self, name: &str) -> bool {
        self.job.way.trainable.is_empty() || fits(self.job.way.trainable, name)
    }

    fn client(&mut self, client: usize, number: u32) -> Result<Sent> {
        let task = ["train", &number.to_string(), &client.to_string()].map(str::to_owned);
        let labels = task.each_ref().map(String::as_str);
        let schema = self.global.schema().clone();
        let element = |bytes: u64| bytes as usize / 4;
        let frozen: Vec<_> = (0..schema.len())
            .filter(|place| !self.trains(&schema.arrays()[*place].name))
            .map(|place| {
                let start = schema.array_offset(place);
                element(start)..element(start + schema.array_bytes(place))
            })
            .collect();
        let mut network = self.global.clone();
        let mut rng = Rng::derive(self.job.seed, &labels);
        let config = clients::sgd(5, 0.0);
        let report =
            train_while(&mut network, &self.shards[client], &config, &[], &frozen, &mut rng, &|| true)?;
        let terms =
            Terms { encoding: self.job.way.encoding, seed: rng.bits(), trainable: vec![], last: false };
        let (old, new) = (self.global.to_bytes(), network.to_bytes());
        let base = MemoryArrays::new(schema.clone(), old.clone())?;
        let mut sent = Sent { bytes: Vec::new(), length: 0, error: 0.0, examples: report.examples as f64 };
        let (mut lost, mut whole) = (0.0, 0.0);
        for (place, spec) in schema.arrays().iter().enumerate() {
            let start = schema.array_offset(place) as usize;
            let range = start..start + schema.array_bytes(place) as usize;
            if !self.trains(&spec.name) {
                sent.bytes.extend_from_slice(&old[range]);
                continue;
            }
            let mut delta = difference(spec.dtype, &old[range.clone()], &new[range.clone()])?;
            let rest = self.rests.get(&(client, place));
            rest.into_iter().flatten().zip(&mut delta).for_each(|(rest, delta)| *delta += rest);
            whole += delta.iter().map(|value| f64::from(*value).powi(2)).sum::<f64>();
            let Some(payload) = encode(terms.encoding, spec, &delta, terms.seed_of(&spec.name))? else {
                sent.length += range.len();
                sent.bytes.extend_from_slice(&new[range]);
                continue;
            };
            sent.length += payload.len();
            let length = payload.len() as u64;
            let mut left = delta.iter_mut();
            decode(terms.encoding, spec, &mut payload.as_slice(), length, &mut |piece| {
                left.by_ref().zip(piece).for_each(|(delta, decoded)| *delta -= decoded);
                Ok(())
            })?;
            drop(left);
            restore(terms.encoding, spec, (&mut payload.as_slice(), length), (&base, place), &mut |bytes| {
                sent.bytes.extend_from_slice(bytes);
                Ok(())
            })?;
            lost += delta.iter().map(|value| f64::from(*value).powi(2)).sum::<f64>();
            if self.job.way.feedback && terms.encoding.keeps_rest() {
                self.rests.insert((client, place), delta);
            }
        }
        sent.error = lost / whole;
        Ok(sent)
    }
}
