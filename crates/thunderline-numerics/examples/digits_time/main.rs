//! The table of `docs/strategies.md` on time: rounds, rounds that ask more clients than they need, and a buffer without rounds,
//! where some clients are slow.
//!
//! ```sh
//! cargo run --release -p thunderline-numerics --example digits_time
//! ```
//!
//! `--seeds N` makes it shorter. Time is virtual: one unit is what half of the tasks of an ordinary client take less than.
//! Training and aggregation are those of runner and server, done in this process at once; only the waiting is made up.

#[expect(dead_code, reason = "the table of strategies uses the rest of it")]
#[path = "../digits_table/clients.rs"]
mod clients;
#[path = "../digits_table/jobs.rs"]
mod jobs;
mod simulation;

use simulation::{Job, Outcome, Way};

const WAYS: [Way; 7] = [
    Way::Rounds { over_selection: 1.0 },
    Way::Rounds { over_selection: 1.3 },
    Way::Rounds { over_selection: 2.0 },
    Way::Buffer { size: 10, concurrency: 10 },
    Way::Buffer { size: 5, concurrency: 10 },
    Way::Buffer { size: 3, concurrency: 10 },
    Way::Buffer { size: 5, concurrency: 20 },
];

const CONCENTRATIONS: [f64; 2] = [100.0, 0.5];

fn main() {
    let mut arguments = std::env::args().skip(1);
    let mut seeds = 5u64;
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--seeds" => seeds = arguments.next().and_then(|text| text.parse().ok()).expect("a whole number"),
            other => panic!("'{other}' is not known: --seeds N"),
        }
    }
    for alpha in CONCENTRATIONS {
        let jobs: Vec<_> =
            WAYS.iter().flat_map(|&way| (1..=seeds).map(move |seed| Job { way, alpha, seed })).collect();
        let outcomes = jobs::run_all(&jobs, |job| {
            job.run().expect("the digits are there, and the strategies take them")
        });
        println!("α = {alpha}\n");
        println!(
            "| | time to {} | versions | updates sent | counted | staleness | reached |",
            simulation::GOAL
        );
        println!("|---|---|---|---|---|---|---|");
        for (way, outcomes) in WAYS.iter().zip(outcomes.chunks(seeds as usize)) {
            println!("| {} | {} |", way.name(), cells(outcomes).join(" | "));
        }
        println!();
    }
}

/// Mean and standard deviation over the seeds that reached the goal.
fn cells(outcomes: &[Outcome]) -> [String; 6] {
    let reached: Vec<_> = outcomes.iter().filter(|outcome| outcome.reached).collect();
    let mean = |of: &dyn Fn(&Outcome) -> f64| {
        reached.iter().map(|outcome| of(outcome)).sum::<f64>() / reached.len() as f64
    };
    let time = mean(&|outcome| outcome.time);
    let variance = mean(&|outcome| (outcome.time - time).powi(2));
    [
        format!("{time:.1} ± {:.1}", variance.sqrt()),
        format!("{:.0}", mean(&|outcome| f64::from(outcome.versions))),
        format!("{:.0}", mean(&|outcome| f64::from(outcome.sent))),
        format!("{:.0}", mean(&|outcome| f64::from(outcome.counted))),
        format!("{:.2}", mean(&|outcome| f64::from(outcome.staleness) / f64::from(outcome.counted.max(1)))),
        format!("{} of {}", reached.len(), outcomes.len()),
    ]
}
