//! The table of `docs/encodings.md`: what each encoding sends of an update, what it loses, and what the digits are learnt to.
//!
//! ```sh
//! cargo run --release -p thunderline-numerics --example digits_encodings
//! ```
//!
//! `--seeds N` and `--rounds N` make it shorter. Ten clients, of which five train in a round; FedAvg. Updates are encoded and
//! decoded as by runner and server.

#[expect(dead_code, reason = "the table of strategies uses the rest of it")]
#[path = "../digits_table/clients.rs"]
mod clients;
mod federation;
#[path = "../digits_table/jobs.rs"]
mod jobs;

use federation::{Job, Outcome, Way};
use thunderline_numerics::encoding::Encoding;

const fn all(encoding: Encoding) -> Way {
    Way { encoding, feedback: true, trainable: "" }
}

const WAYS: [Way; 13] = [
    all(Encoding::Full),
    all(Encoding::Fp16),
    all(Encoding::Bf16),
    all(Encoding::Int8),
    all(Encoding::Rotation { bits: 4 }),
    all(Encoding::Rotation { bits: 3 }),
    all(Encoding::Rotation { bits: 2 }),
    all(Encoding::Rotation { bits: 1 }),
    all(Encoding::TopK { fraction: 0.1 }),
    all(Encoding::TopK { fraction: 0.01 }),
    Way { encoding: Encoding::TopK { fraction: 0.01 }, feedback: false, trainable: "" },
    Way { encoding: Encoding::Full, feedback: true, trainable: "layers.1.*" },
    Way { encoding: Encoding::Rotation { bits: 4 }, feedback: true, trainable: "layers.1.*" },
];

const CONCENTRATIONS: [f64; 2] = [100.0, 0.5];

fn main() {
    let mut arguments = std::env::args().skip(1);
    let (mut seeds, mut rounds) = (5u64, 30u32);
    while let Some(argument) = arguments.next() {
        let number = arguments.next().and_then(|text| text.parse().ok()).expect("a whole number");
        match argument.as_str() {
            "--seeds" => seeds = number,
            "--rounds" => rounds = number as u32,
            other => panic!("'{other}' is not known: --seeds N, --rounds N"),
        }
    }
    let mut jobs = Vec::new();
    for way in WAYS {
        for alpha in CONCENTRATIONS {
            jobs.extend((1..=seeds).map(|seed| Job { way, alpha, seed, rounds }));
        }
    }
    let outcomes = jobs::run_all(&jobs, |job| job.run().expect("the digits are there, and nothing diverges"));
    println!("| `update` | bytes a number | error | α = 100 | α = 0.5 |");
    println!("|---|---|---|---|---|");
    let mut outcomes = outcomes.chunks(seeds as usize);
    for way in WAYS {
        let (even, uneven) = (outcomes.next().expect("one for each job"), outcomes.next().expect("likewise"));
        let mean = |of: fn(&Outcome) -> f64| even.iter().map(of).sum::<f64>() / even.len() as f64;
        println!(
            "| {} | {:.3} | {:.2e} | {} | {} |",
            label(way),
            mean(|outcome| outcome.bytes),
            mean(|outcome| outcome.error),
            cell(even),
            cell(uneven)
        );
    }
}

fn label(way: Way) -> String {
    let encoding = match way.encoding {
        Encoding::Rotation { bits: 1 } => "`rotation`, 1 bit".into(),
        Encoding::Rotation { bits } => format!("`rotation`, {bits} bits"),
        Encoding::TopK { fraction } if way.feedback => format!("`top_k`, {fraction}"),
        Encoding::TopK { fraction } => format!("(top-k, {fraction}, what is left out lost)"),
        other => format!("`{}`", other.name()),
    };
    match way.trainable {
        "" => encoding,
        pattern => format!("{encoding}, `{pattern}` only"),
    }
}

/// Mean and standard deviation of the accuracy over the seeds.
fn cell(outcomes: &[Outcome]) -> String {
    let count = outcomes.len() as f64;
    let mean = outcomes.iter().map(|outcome| outcome.accuracy).sum::<f64>() / count;
    let variance = outcomes.iter().map(|outcome| (outcome.accuracy - mean).powi(2)).sum::<f64>() / count;
    format!("{mean:.3} ± {:.3}", variance.sqrt())
}
