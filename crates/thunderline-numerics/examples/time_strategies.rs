//! Times strategies on arrays from a file, for `bench/strategies/compare.py`.
//!
//! Reads one line after another, `STRATEGY THREADS PARAM=VALUE…`, and answers each with the seconds that the aggregation took,
//! the seconds that this thread had a processor in that time, and the sum of the result, so that both sides can be seen to
//! have done the same. The first line says
//! `FILE CLIENTS ELEMENTS`: little-endian `float32`, the model first, then the clients.

use std::{collections::BTreeMap, io::BufRead, time::Instant};

use thunderline_numerics::{
    ArraySpec, DType, MemoryArrays, ModelSchema,
    strategy::{Kind, Part, Round, Update},
};

fn main() {
    let mut lines = std::io::stdin().lock().lines().map(|line| line.expect("lines are text"));
    let first = lines.next().expect("the first line names the file");
    let [file, clients, elements]: [&str; 3] =
        first.split(' ').collect::<Vec<_>>().try_into().expect("FILE CLIENTS ELEMENTS");
    let clients: usize = clients.parse().expect("a number of clients");
    let elements: usize = elements.parse().expect("a number of elements");
    let bytes = std::fs::read(file).expect("the file can be read");
    let schema =
        ModelSchema::new(vec![ArraySpec::new("w", DType::F32, &[elements])]).expect("it fits memory");
    let mut models = bytes
        .chunks_exact(4 * elements)
        .map(|bytes| MemoryArrays::new(schema.clone(), bytes.to_vec()).expect("the lengths agree"));
    let model = models.next().expect("the model comes first");
    let readers: Vec<_> = models.collect();
    assert_eq!(readers.len(), clients);
    let metrics: Vec<BTreeMap<String, f64>> = (0..clients).map(metrics).collect();
    let updates: Vec<_> = readers
        .iter()
        .zip(&metrics)
        .map(|(reader, metrics)| Update { reader, weight: metrics["num-examples"], metrics, began: None })
        .collect();
    for line in lines {
        let mut words = line.split(' ').filter(|word| !word.is_empty());
        let name = words.next().expect("a strategy");
        let threads = words.next().and_then(|text| text.parse().ok()).expect("a number of threads");
        let params: Vec<(&str, f64)> = words
            .map(|word| word.split_once('=').expect("PARAM=VALUE"))
            .map(|(name, value)| (name, value.parse().expect("a number")))
            .collect();
        let strategy = Kind::named(name).expect("a known strategy").with(&params).expect("good parameters");
        let round = Round {
            schema: &schema,
            model: &model,
            state: None,
            number: 1,
            participation: 1.0,
            updates: &updates,
            threads,
        };
        let mut next = vec![0u8; 4 * elements];
        let (started, cpu) = (Instant::now(), cpu_seconds());
        let mut at = 0;
        strategy
            .aggregate(&round, &mut |part, piece| {
                if part == Part::Model {
                    next[at..at + piece.len()].copy_from_slice(piece);
                    at += piece.len();
                }
                Ok(())
            })
            .expect("the arrays are finite");
        let (seconds, cpu) = (started.elapsed().as_secs_f64(), cpu_seconds() - cpu);
        let sum: f64 = next.as_chunks::<4>().0.iter().map(|raw| f64::from(f32::from_le_bytes(*raw))).sum();
        println!("{seconds} {cpu} {sum}");
    }
}

/// What the script gives Flower's side, too.
fn metrics(client: usize) -> BTreeMap<String, f64> {
    let metrics = [("num-examples", 10.0 + client as f64), ("num-steps", 10.0), ("train_loss", 1.0)];
    metrics.map(|(name, value)| (name.to_owned(), value)).into()
}

/// How long this thread has had a processor.
fn cpu_seconds() -> f64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").expect("Linux tells");
    let nanoseconds: f64 = text.split(' ').next().and_then(|text| text.parse().ok()).expect("a number");
    nanoseconds / 1e9
}
