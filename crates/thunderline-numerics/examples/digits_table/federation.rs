//! The rounds: who takes part, what is aggregated, and how good the model is.

use std::collections::BTreeMap;

use thunderline_numerics::{
    ArrayReader, MemoryArrays, Result,
    dataset::Dataset,
    model::{Network, evaluate},
    random::Rng,
    strategy::{Kind, Part, Round, Strategy, Update},
    variates::Variates,
    weighting::{By, Claim, Weighting},
};

use crate::{
    Named,
    attack::Attack,
    clients::{self, Setting, Trained},
};

/// Rounds at the end whose accuracy is averaged.
const LAST: u32 = 5;

/// One federation.
#[derive(Clone, Copy, Debug)]
pub struct Job {
    pub strategy: Named,
    pub alpha: f64,
    pub seed: u64,
    pub setting: Setting,
    pub attack: Attack,
}

impl Job {
    /// The mean accuracy of the last rounds.
    pub fn run(&self) -> Result<f64> {
        let (training, held_out) = clients::digits(self.seed)?;
        let mut shards = clients::deal(&training, self.setting.clients, self.alpha, self.seed)?;
        let liars = if self.attack == Attack::None { 0 } else { self.setting.clients / 5 };
        if self.attack == Attack::LabelFlip {
            for shard in &mut shards[..liars] {
                *shard = clients::flipped(shard)?;
            }
        }
        let kind = Kind::named(self.strategy.0).expect("the table names known strategies");
        let mut simulation = Simulation {
            job: *self,
            kind,
            strategy: kind.with(self.strategy.1)?,
            shards,
            liars,
            global: clients::initial(self.seed)?,
            state: Vec::new(),
            own: BTreeMap::new(),
        };
        let mut accuracy = 0.0;
        for number in 1..=self.setting.rounds {
            simulation.round(number)?;
            if number + LAST > self.setting.rounds {
                accuracy += evaluate(&simulation.global, &held_out)?.accuracy;
            }
        }
        Ok(accuracy / f64::from(LAST.min(self.setting.rounds)))
    }
}

struct Simulation {
    job: Job,
    kind: &'static Kind,
    strategy: Box<dyn Strategy>,
    shards: Vec<Dataset>,
    /// So many of the first clients lie.
    liars: usize,
    global: Network,
    state: Vec<u8>,
    /// Control variates of those that took part.
    own: BTreeMap<usize, Vec<f32>>,
}

impl Simulation {
    fn round(&mut self, number: u32) -> Result<()> {
        let Job { seed, setting, attack, .. } = self.job;
        let mut rng = Rng::derive(seed, &["select", &number.to_string()]);
        let mut chosen = rng.sample(setting.clients, setting.wanted);
        chosen.sort_unstable();
        let mut trained = Vec::with_capacity(chosen.len());
        for &client in &chosen {
            trained.push(self.train(client, number)?);
        }
        let mut networks: Vec<Network> = trained.iter().map(|trained| trained.network.clone()).collect();
        let liars = chosen.iter().filter(|&&client| client < self.liars).count();
        attack.apply(&self.global, &mut networks, liars);
        self.aggregate(number, &networks, &trained)?;
        for (client, trained) in chosen.into_iter().zip(trained) {
            trained.own.map(|own| self.own.insert(client, own));
        }
        Ok(())
    }

    fn train(&self, client: usize, number: u32) -> Result<Trained> {
        let config = self.strategy.client_config();
        let mu = config.iter().find(|(name, _)| *name == "proximal-mu").map_or(0.0, |(_, mu)| *mu);
        let labels = ["train", &number.to_string(), &client.to_string()];
        let variates = self.kind.built_in_only.then(|| {
            let zero = vec![0.0; self.global.parameters().len()];
            let server = self.state.as_chunks::<4>().0.iter().map(|raw| f32::from_le_bytes(*raw)).collect();
            Variates {
                server: if self.state.is_empty() { zero.clone() } else { server },
                own: self.own.get(&client).cloned().unwrap_or(zero),
            }
        });
        let mut rng = Rng::derive(self.job.seed, &labels);
        clients::train(&self.global, &self.shards[client], &clients::sgd(5, mu), variates.as_ref(), &mut rng)
    }

    fn aggregate(&mut self, number: u32, networks: &[Network], trained: &[Trained]) -> Result<()> {
        let schema = self.global.schema().clone();
        let memory = |network: &Network| MemoryArrays::new(schema.clone(), network.to_bytes());
        let readers = networks.iter().map(memory).collect::<std::io::Result<Vec<_>>>()?;
        let claims: Vec<_> = trained
            .iter()
            .map(|trained| Claim { examples: trained.metrics["num-examples"], metric: None })
            .collect();
        let weighting =
            Weighting { by: self.kind.weighting.unwrap_or(By::Examples), cap: 1.0, half_life: 1.0 };
        let weights = weighting.weigh(&claims);
        let mut updates = Vec::with_capacity(readers.len());
        for ((reader, trained), weight) in readers.iter().zip(trained).zip(weights) {
            self.strategy.check_metrics(&trained.metrics)?;
            updates.push(Update { reader, weight, metrics: &trained.metrics, began: None });
        }
        let kept = self.strategy.state(&schema)?.filter(|_| !self.state.is_empty());
        let state = kept.map(|kept| MemoryArrays::new(kept, std::mem::take(&mut self.state))).transpose()?;
        let model = memory(&self.global)?;
        let round = Round {
            schema: &schema,
            model: &model,
            state: state.as_ref().map(|state| state as &dyn ArrayReader),
            number,
            participation: updates.len() as f64 / self.job.setting.clients as f64,
            updates: &updates,
            threads: 1,
        };
        let [mut next, mut first, mut second] = [const { Vec::new() }; 3];
        self.strategy.aggregate(&round, &mut |part, piece| {
            match part {
                Part::Model => next.extend_from_slice(piece),
                Part::First => first.extend_from_slice(piece),
                Part::Second => second.extend_from_slice(piece),
            }
            Ok(())
        })?;
        self.global = Network::from_bytes(&clients::spec(), &next)?;
        self.state = [first, second].concat();
        Ok(())
    }
}
