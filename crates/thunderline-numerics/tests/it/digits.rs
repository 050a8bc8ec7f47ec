//! Federated averaging on the digits that ship with the repository: it learns, and it repeats itself.

use thunderline_numerics::{
    MemoryArrays, Weighted,
    dataset::Dataset,
    model::{ModelSpec, Network, evaluate},
    partition,
    random::Rng,
    sgd::{SgdConfig, train},
    weighted_mean,
};

const SHARDS: usize = 10;

fn digits(seed: u64) -> (Vec<Dataset>, Dataset) {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../data/digits/digits.csv");
    let file = std::io::BufReader::new(std::fs::File::open(path).unwrap());
    let all = Dataset::read_csv(file, 1.0 / 16.0).unwrap();
    assert_eq!((all.len(), all.columns(), all.classes()), (1797, 64, 10));
    let (training, held_out) = all.split(0.2, &mut Rng::derive(seed, &["split"])).unwrap();
    let places =
        partition::dirichlet(training.labels(), SHARDS, 0.5, 20, &mut Rng::derive(seed, &["partition"]))
            .unwrap();
    (places.iter().map(|places| training.subset(places)).collect(), held_out)
}

fn round(
    global: &Network,
    spec: &ModelSpec,
    shards: &[Dataset],
    config: &SgdConfig,
    seed: u64,
    round: u32,
) -> Network {
    let mut updates = Vec::new();
    for (place, shard) in shards.iter().enumerate() {
        let mut local = global.clone();
        let mut rng = Rng::derive(seed, &["train", &round.to_string(), &place.to_string()]);
        let report = train(&mut local, shard, config, &mut rng).unwrap();
        let arrays = MemoryArrays::new(local.schema().clone(), local.to_bytes()).unwrap();
        updates.push((arrays, report.examples as f64));
    }
    let weighted: Vec<_> =
        updates.iter().map(|(reader, weight)| Weighted { reader, weight: *weight }).collect();
    let mut bytes = Vec::new();
    weighted_mean(global.schema(), &weighted, 2, &mut |piece| {
        bytes.extend_from_slice(piece);
        Ok(())
    })
    .unwrap();
    Network::from_bytes(spec, &bytes).unwrap()
}

#[test]
fn ten_skewed_sites_learn_the_digits_together() {
    let spec = ModelSpec::new(&[64, 64, 10]);
    let config =
        SgdConfig { learning_rate: 0.05, momentum: 0.9, batch_size: 16, local_epochs: 2, proximal_mu: 0.0 };
    let run = |seed: u64, rounds: u32| {
        let (shards, held_out) = digits(seed);
        let mut global = Network::initial(&spec, &mut Rng::derive(seed, &["init"])).unwrap();
        for number in 1..=rounds {
            global = round(&global, &spec, &shards, &config, seed, number);
        }
        (evaluate(&global, &held_out).unwrap().accuracy, global.to_bytes())
    };
    let (accuracy, _) = run(1, 30);
    assert!(accuracy >= 0.94, "{accuracy}");
    assert!(run(2, 3).1 == run(2, 3).1, "the same seed gave other bytes");
    assert!(run(2, 1).1 != run(3, 1).1, "another seed gave the same bytes");
}
