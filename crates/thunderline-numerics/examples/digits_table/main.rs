//! The tables of `docs/strategies.md`: every strategy on the digits, and defences against attacks.
//!
//! ```sh
//! cargo run --release -p thunderline-numerics --example digits_table            # every strategy, five seeds
//! cargo run --release -p thunderline-numerics --example digits_table -- robust  # attacks and defences
//! ```
//!
//! `--seeds N` and `--rounds N` make it shorter; `--only STRATEGY`, with `--with PARAM=VALUE,…`, tries one. Clients are simulated in this process; updates go through the same
//! strategies, with the same trainer, as in the server and the runner.

mod attack;
mod clients;
mod federation;
mod jobs;

use attack::Attack;
use clients::Setting;
use federation::Job;
use thunderline_numerics::{Result, model::evaluate, random::Rng, sgd::train};

/// A strategy's name and the parameters that are not its defaults.
type Named = (&'static str, &'static [(&'static str, f64)]);

const STRATEGIES: [Named; 17] = [
    ("fedavg", &[]),
    ("fedprox", &[("proximal_mu", 0.01)]),
    ("fedavgm", &[("server_momentum", 0.9)]),
    ("fedadagrad", &[]),
    ("fedadam", &[]),
    ("fedyogi", &[("eta", 0.1)]),
    ("fednova", &[]),
    ("scaffold", &[("client_learning_rate", clients::LEARNING_RATE)]),
    ("qfedavg", &[("client_learning_rate", clients::LEARNING_RATE)]),
    ("normbounded", &[("max_norm", 5.0)]),
    ("fedmedian", &[]),
    ("fedtrimmedavg", &[]),
    ("krum", &[("num_malicious_nodes", 1.0)]),
    ("multikrum", &[("num_malicious_nodes", 1.0), ("num_nodes_to_select", 3.0)]),
    ("bulyan", &[]),
    ("geometricmedian", &[]),
    ("centeredclipping", &[("clipping_radius", 5.0)]),
];

const DEFENCES: [Named; 9] = [
    ("fedavg", &[]),
    ("fedmedian", &[]),
    ("fedtrimmedavg", &[("beta", 0.2)]),
    ("krum", &[("num_malicious_nodes", 3.0)]),
    ("multikrum", &[("num_malicious_nodes", 3.0), ("num_nodes_to_select", 9.0)]),
    ("bulyan", &[("num_malicious_nodes", 3.0)]),
    ("geometricmedian", &[("iterations", 8.0)]),
    ("centeredclipping", &[("clipping_radius", 2.0), ("iterations", 3.0)]),
    ("normbounded", &[("max_norm", 2.0)]),
];

const CONCENTRATIONS: [f64; 3] = [100.0, 0.5, 0.1];

fn main() {
    let mut arguments = std::env::args().skip(1);
    let (mut robust, mut seeds, mut rounds, mut only, mut with) = (false, 5u64, 50u32, None, None);
    while let Some(argument) = arguments.next() {
        let mut number =
            || -> u32 { arguments.next().and_then(|text| text.parse().ok()).expect("a whole number") };
        match argument.as_str() {
            "robust" => robust = true,
            "--seeds" => seeds = u64::from(number()),
            "--rounds" => rounds = number(),
            "--only" => only = arguments.next(),
            "--with" => with = arguments.next(),
            other => {
                panic!("'{other}' is not known: robust, --seeds N, --rounds N, --only NAME, --with A=1,B=2")
            }
        }
    }
    let all = if robust { DEFENCES.as_slice() } else { STRATEGIES.as_slice() };
    let mut strategies: Vec<Named> =
        all.iter().filter(|(name, _)| only.as_deref().is_none_or(|only| only == *name)).copied().collect();
    if let (Some(with), [(_, params)]) = (with, strategies.as_mut_slice()) {
        *params = read_params(with);
    }
    if robust {
        robust_table(&strategies, seeds, rounds);
    } else {
        strategy_table(&strategies, seeds, rounds);
    }
}

/// `A=1,B=2`, for as long as the program runs.
fn read_params(text: String) -> &'static [(&'static str, f64)] {
    let pair = |pair: &'static str| {
        let (name, value) = pair.split_once('=').expect("PARAM=VALUE");
        (name, value.parse().expect("a number"))
    };
    text.leak().split(',').map(pair).collect::<Vec<_>>().leak()
}

fn strategy_table(strategies: &[Named], seeds: u64, rounds: u32) {
    let setting = Setting { clients: 10, wanted: 5, rounds };
    let mut jobs = Vec::new();
    for &strategy in strategies {
        for alpha in CONCENTRATIONS {
            jobs.extend((1..=seeds).map(|seed| Job { strategy, alpha, seed, setting, attack: Attack::None }));
        }
    }
    let results = run_all(&jobs);
    println!("| strategy | {} |", CONCENTRATIONS.map(|alpha| format!("α = {alpha}")).join(" | "));
    println!("|---|{}", "---|".repeat(CONCENTRATIONS.len()));
    let mut results = results.chunks(seeds as usize);
    for strategy in strategies {
        let cells: Vec<_> = results.by_ref().take(CONCENTRATIONS.len()).map(cell).collect();
        println!("| {} | {} |", label(strategy), cells.join(" | "));
    }
    let central: Vec<_> = (1..=seeds).map(|seed| central(seed).expect("the digits are there")).collect();
    println!("\nAll data in one place: {}", cell(&central));
}

fn robust_table(defences: &[Named], seeds: u64, rounds: u32) {
    // Bulyan withstands 20 % of 15.
    let setting = Setting { clients: 15, wanted: 15, rounds };
    let mut jobs = Vec::new();
    for &strategy in defences {
        for attack in Attack::ALL {
            jobs.extend((1..=seeds).map(|seed| Job { strategy, alpha: 0.5, seed, setting, attack }));
        }
    }
    let results = run_all(&jobs);
    println!("| defence | {} |", Attack::ALL.map(Attack::name).join(" | "));
    println!("|---|{}", "---|".repeat(Attack::ALL.len()));
    let mut results = results.chunks(seeds as usize);
    for strategy in defences {
        let cells: Vec<_> = results.by_ref().take(Attack::ALL.len()).map(cell).collect();
        println!("| {} | {} |", label(strategy), cells.join(" | "));
    }
}

/// The accuracies, in the order of the jobs. A strategy that fails has learnt nothing.
fn run_all(jobs: &[Job]) -> Vec<f64> {
    jobs::run_all(jobs, |job| {
        job.run().unwrap_or_else(|error| {
            eprintln!("{:?}: {error}", job.strategy);
            f64::NAN
        })
    })
}

/// The accuracy of the same network, trained on everything for as many epochs as a client sees.
fn central(seed: u64) -> Result<f64> {
    let (training, held_out) = clients::digits(seed)?;
    let mut network = clients::initial(seed)?;
    let config = clients::sgd(50, 0.0);
    train(&mut network, &training, &config, &mut Rng::derive(seed, &["central"]))?;
    Ok(evaluate(&network, &held_out)?.accuracy)
}

fn label((name, params): &Named) -> String {
    let shown: Vec<_> = params
        .iter()
        .filter(|(name, _)| *name != "client_learning_rate")
        .map(|(name, value)| format!("{name} {value}"))
        .collect();
    if shown.is_empty() { format!("`{name}`") } else { format!("`{name}` ({})", shown.join(", ")) }
}

/// Mean and standard deviation over the seeds.
fn cell(values: &[f64]) -> String {
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / values.len() as f64;
    format!("{mean:.3} ± {:.3}", variance.sqrt())
}
