//! Banded noise against a dense computation in NumPy and Google's dp-accounting, and against the tree.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use thunderline_numerics::privacy::{
    Accountant, Participation, Plan, Sampling,
    banded::{Band, choose},
    tree,
};

use crate::google::Record;

const RECORD: Record = Record { script: "banded.py", file: "banded.jsonl", again: "record_banded" };
/// Every so many settings NumPy is asked once more.
const ASKED_AGAIN: usize = 9;

const DELTA: f64 = 1e-5;

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Answer {
    weights: Vec<i64>,
    sensitivity: f64,
    /// Whether every set of rounds was tried; else the earliest ones, of which others may be worse.
    worst: bool,
    error: f64,
    epsilon: f64,
}

struct Case {
    rounds: u64,
    rule: Participation,
    band: Band,
    noise_multiplier: f64,
}

fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for (rounds, separation, most) in [
        (1, 1, 1),
        (7, 1, 7),
        (9, 2, 3),
        (12, 3, 4),
        (12, 1, 2),
        (12, 5, 1),
        (64, 8, 8),
        (100, 7, 5),
        (256, 32, 8),
        (256, 256, 1),
        (300, 1, 300),
    ] {
        for (bands, residue) in [(1, 1.0), (2, 0.125), (3, 0.5), (4, 0.0625), (8, 0.25), (20, 0.03125)] {
            let rule = Participation { most, separation };
            let noise_multiplier = 2.0 * f64::from(most).sqrt();
            cases.push(Case { rounds, rule, band: Band { bands, residue }, noise_multiplier });
        }
    }
    cases
}

fn settings(cases: &[Case]) -> Vec<Value> {
    cases
        .iter()
        .map(|case| {
            json!({ "rounds": case.rounds, "separation": case.rule.separation, "most": case.rule.most,
                "bands": case.band.bands, "residue": case.band.residue,
                "noise_multiplier": case.noise_multiplier, "delta": DELTA })
        })
        .collect()
}

#[test]
#[ignore = "writes the record that the tests read"]
fn record_banded() {
    RECORD.write::<Answer>(&settings(&cases()));
}

#[test]
fn what_numpy_said_of_bands_is_what_numpy_says() {
    for (settings, then, now) in RECORD.ask_again::<Answer>(&settings(&cases()), ASKED_AGAIN) {
        let close = |a: f64, b: f64| (a - b).abs() <= 1e-9 * b;
        let same = close(now.sensitivity, then.sensitivity)
            && close(now.error, then.error)
            && close(now.epsilon, then.epsilon);
        assert!(same && now.weights == then.weights, "{settings}: {now:?}; {}", RECORD.how());
    }
}

#[test]
fn weights_sensitivity_error_and_cost_are_those_of_dense_matrices() {
    let cases = cases();
    let settings = settings(&cases);
    let mut exact = 0;
    for ((case, settings), answer) in cases.iter().zip(&settings).zip(RECORD.read::<Answer>(&settings)) {
        let weights = case.band.weights();
        let apart = weights.iter().zip(&answer.weights).map(|(a, b)| a.abs_diff(*b)).max();
        assert!(weights.len() == answer.weights.len() && apart <= Some(1), "{settings}: {weights:?}");
        // Weights may differ by a step of 2^-24, and bounds are rounded upwards.
        let sensitivity = case.band.squared_sensitivity(case.rule, case.rounds).sqrt();
        let ratio = sensitivity / answer.sensitivity;
        assert!(ratio > 1.0 - 1e-6, "{settings}: {sensitivity}");
        // Where C's numbers still grow beyond the separation, that is a bound on what others than the earliest rounds can do.
        let tight = ratio < 1.0 + 1e-5;
        let grows = case.rule.separation < 2 * case.band.bands;
        assert!(tight || (grows && ratio < 1.15), "{settings}: {ratio}");
        exact += u32::from(tight && answer.worst);
        let error = case.band.error(case.rule, case.rounds);
        assert!((error / answer.error / ratio - 1.0).abs() < 1e-5, "{settings}: {error}");
        let sampling = Sampling::Banded(case.rule, case.band);
        let plan = Plan { accountant: Accountant::Rdp, sampling, noise_multiplier: case.noise_multiplier };
        let epsilon = plan.epsilon(case.rounds, DELTA);
        assert!(epsilon > answer.epsilon * (1.0 - 1e-5), "{settings}: {epsilon}");
        assert!(!tight || epsilon < answer.epsilon * 1.001, "{settings}: {epsilon}");
    }
    assert!(exact >= 25, "only {exact} of the settings were compared with all sets of rounds");
}

/// As `Band::error`, for the tree: each node of a prefix counts.
fn tree_error(rule: Participation, rounds: u64) -> f64 {
    let nodes: u32 = (1..=rounds).map(u64::count_ones).sum();
    (tree::squared_sensitivity(rule, rounds) as f64 * f64::from(nodes) / rounds as f64).sqrt()
}

/// The table of `docs/privacy.md`: run with `--nocapture`.
#[test]
fn at_the_same_cost_bands_leave_less_noise_in_the_model_than_the_tree() {
    println!("| rounds | k | separation | independent | tree | banded | bands, residue | four bands |");
    let mut worst = f64::INFINITY;
    for rounds in [64u32, 256] {
        for most in [1, 4, 8, 16, rounds] {
            let rule = Participation { most, separation: rounds / most };
            let rounds = u64::from(rounds);
            let band = choose(rule, rounds, None, None);
            let alone = Band { bands: 1, residue: 1.0 }.error(rule, rounds);
            let (tree, banded) = (tree_error(rule, rounds), band.error(rule, rounds));
            let four = choose(rule, rounds, Some(4), None).error(rule, rounds);
            println!(
                "| {rounds} | {most} | {} | {alone:.2} | {tree:.2} | {banded:.2} | {}, {} | {four:.2} |",
                rule.separation, band.bands, band.residue
            );
            worst = worst.min(tree / banded);
            // The same with noise that is calibrated to the same ε and δ, instead of by its sensitivity alone.
            let cost = |sampling, noise_multiplier| {
                Plan { accountant: Accountant::Pld, sampling, noise_multiplier }.epsilon(rounds, DELTA)
            };
            let z = 2.0 * band.squared_sensitivity(rule, rounds).sqrt();
            let z_tree = 2.0 * (tree::squared_sensitivity(rule, rounds) as f64).sqrt();
            let (one, other) = (cost(Sampling::Banded(rule, band), z), cost(Sampling::Tree(rule), z_tree));
            assert!((one / other - 1.0).abs() < 1e-6, "{one} {other}");
        }
    }
    assert!(worst > 1.9, "the tree is only {worst} times as far off");
}
