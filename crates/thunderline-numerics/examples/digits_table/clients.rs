//! The clients: their data, their training, and what they keep.

use std::{collections::BTreeMap, fs::File, io::BufReader};

use thunderline_numerics::{
    Result,
    dataset::Dataset,
    model::{ModelSpec, Network},
    partition,
    random::Rng,
    sgd::{SgdConfig, train_while},
    variates::Variates,
};

/// The clients' step size.
pub const LEARNING_RATE: f64 = 0.1;

/// How many clients there are, how many take part in a round, and how many rounds there are.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    pub clients: usize,
    pub wanted: usize,
    pub rounds: u32,
}

/// The network that is trained.
pub fn spec() -> ModelSpec {
    ModelSpec::new(&[64, 64, 10])
}

pub fn sgd(local_epochs: u32, proximal_mu: f64) -> SgdConfig {
    SgdConfig {
        learning_rate: LEARNING_RATE as f32,
        momentum: 0.0,
        batch_size: 16,
        local_epochs,
        proximal_mu: proximal_mu as f32,
    }
}

/// The network from which a seed's federations begin.
pub fn initial(seed: u64) -> Result<Network> {
    Network::initial(&spec(), &mut Rng::derive(seed, &["initial-model"]))
}

/// The digits: those to train on, and a fifth that is held out.
pub fn digits(seed: u64) -> Result<(Dataset, Dataset)> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../data/digits/digits.csv");
    let data = Dataset::read_csv(BufReader::new(File::open(path)?), 1.0 / 16.0)?;
    data.split(0.2, &mut Rng::derive(seed, &["split"]))
}

/// Deals the training data out, unequally the smaller alpha is.
pub fn deal(training: &Dataset, count: usize, alpha: f64, seed: u64) -> Result<Vec<Dataset>> {
    let mut rng = Rng::derive(seed, &["partition"]);
    let shards = partition::dirichlet(training.labels(), count, alpha, 16, &mut rng)?;
    Ok(shards.iter().map(|places| training.subset(places)).collect())
}

/// The same examples with their labels turned round, 9 for 0.
pub fn flipped(shard: &Dataset) -> Result<Dataset> {
    let mut text = Vec::new();
    shard.write_csv(&mut text)?;
    let text = String::from_utf8(text).expect("a CSV file is text");
    let flip = |line: &str| {
        let (features, label) = line.rsplit_once(',').expect("every line has a label");
        let label: u32 = label.parse().expect("a label is a number");
        format!("{features},{}\n", 9 - label)
    };
    let text: String = text.lines().map(flip).collect();
    Dataset::read_csv(text.as_bytes(), 1.0)
}

/// A trained update and what came with it.
pub struct Trained {
    pub network: Network,
    pub metrics: BTreeMap<String, f64>,
    /// The client's next control variates.
    pub own: Option<Vec<f32>>,
}

/// One client's round.
pub fn train(
    global: &Network,
    shard: &Dataset,
    config: &SgdConfig,
    variates: Option<&Variates>,
    rng: &mut Rng,
) -> Result<Trained> {
    let mut network = global.clone();
    let correction = variates.map(Variates::correction).unwrap_or_default();
    let report = train_while(&mut network, shard, config, &correction, &[], rng, &|| true)?;
    let metrics = [
        ("num-examples", report.examples as f64),
        ("train_loss", report.loss),
        ("num-steps", report.steps as f64),
        ("step-norm", report.step_norm),
    ];
    let way = f64::from(config.learning_rate) * report.steps as f64;
    let own = variates.map(|variates| variates.next(global.parameters(), network.parameters(), way));
    Ok(Trained { network, metrics: metrics.map(|(name, value)| (name.to_owned(), value)).into(), own })
}
