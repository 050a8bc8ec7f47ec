//! The privacy accountants against Google's dp-accounting: never below, and above by a hundredth at most.

use serde_json::{Value, json};
use thunderline_numerics::privacy::{Accountant, Participation, Plan, Sampling};

use crate::google::Record;

const RECORD: Record = Record { script: "accounting.py", file: "accounting.jsonl", again: "record_google" };
/// Every so many settings Google's library is asked once more.
const ASKED_AGAIN: usize = 12;

struct Case {
    plan: Plan,
    releases: u64,
    delta: f64,
}

fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    let mut add = |accountant, sampling, noise_multiplier, releases, delta| {
        cases.push(Case { plan: Plan { accountant, sampling, noise_multiplier }, releases, delta });
    };
    // Rates that are exact in binary, so that both sides mean the same share.
    let rates = [1.0 / 1024.0, 1.0 / 128.0, 1.0 / 16.0, 0.25, 0.5];
    for noise in [0.6, 1.0, 1.7, 4.0] {
        for (releases, delta) in [(1, 1e-5), (30, 1e-6), (300, 1e-5), (3000, 1e-9)] {
            add(Accountant::Rdp, Sampling::All, noise, releases, delta);
            let once = Participation { most: 1, separation: 1 };
            add(Accountant::Rdp, Sampling::Tree(once), noise, releases, delta);
            for rate in rates {
                add(Accountant::Rdp, Sampling::Poisson { rate }, noise, releases, delta);
                // Google's bound for a fixed size takes seconds a setting.
                if releases == 30 || (releases == 3000 && rate < 0.2) {
                    add(Accountant::Rdp, Sampling::FixedSize { rate }, noise, releases, delta);
                }
            }
        }
        for (releases, delta) in [(1, 1e-5), (40, 1e-6), (1000, 1e-8)] {
            if releases < 1000 {
                add(Accountant::Pld, Sampling::All, noise, releases, delta);
            }
            for rate in rates {
                add(Accountant::Pld, Sampling::Poisson { rate }, noise, releases, delta);
            }
        }
    }
    cases
}

fn name(sampling: Sampling) -> (&'static str, f64) {
    match sampling {
        Sampling::All => ("all", 1.0),
        Sampling::Poisson { rate } => ("poisson", rate),
        Sampling::FixedSize { rate } => ("fixed_size", rate),
        Sampling::Tree(_) => ("tree", 1.0),
        Sampling::Banded(..) => unreachable!("tests/it/banded.rs compares those"),
    }
}

fn settings(cases: &[Case]) -> Vec<Value> {
    cases
        .iter()
        .map(|case| {
            let (sampling, rate) = name(case.plan.sampling);
            let accountant = if case.plan.accountant == Accountant::Rdp { "rdp" } else { "pld" };
            json!({ "accountant": accountant, "sampling": sampling, "rate": rate, "releases": case.releases,
                "noise_multiplier": case.plan.noise_multiplier, "delta": case.delta })
        })
        .collect()
}

#[test]
#[ignore = "writes the record that the tests read, in minutes"]
fn record_google() {
    RECORD.write::<f64>(&settings(&cases()));
}

#[test]
fn what_google_said_is_what_google_says() {
    let settings = settings(&cases());
    for (settings, then, now) in RECORD.ask_again::<f64>(&settings, ASKED_AGAIN) {
        assert!((now - then).abs() <= 1e-9 * then, "{settings}: {now}, recorded is {then}; {}", RECORD.how());
    }
}

#[test]
fn epsilon_is_googles_or_up_to_a_hundredth_more() {
    let cases = cases();
    let settings = settings(&cases);
    let reference: Vec<f64> = RECORD.read(&settings);
    let mut told = 0;
    let mut wrong = Vec::new();
    let mut worst = [0.0f64; 2];
    for ((case, settings), &wanted) in cases.iter().zip(&settings).zip(&reference) {
        let got = case.plan.epsilon(case.releases, case.delta);
        if wanted > 0.0 && wanted.is_finite() {
            told += 1;
            let worst = &mut worst[usize::from(case.plan.accountant == Accountant::Pld)];
            *worst = worst.max(got / wanted - 1.0);
        }
        if !(got >= wanted && got <= wanted * 1.01) {
            wrong.push(format!("{settings}: {got}, and Google says {wanted}"));
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
    assert!(told >= 200, "only {told} settings say anything");
    println!("{told} settings; above Google's by at most {:e} (RDP) and {:e} (PLD)", worst[0], worst[1]);
}
