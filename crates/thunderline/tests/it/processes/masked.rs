//! Secure aggregation with the real server and real runners: the models are those that open updates lead to, and with differential
//! privacy it is the runners that clip.

use std::fs;

use serde_json::Value;
use thunderline_numerics::checkpoint::CheckpointHeader;

use super::{group::Group, node::start_runner, server::Server, turn, wait::LONG};

const RUNNERS: usize = 5;
const DIGITS: &str = include_str!("../../../../../data/digits/digits.csv");

fn prepare(server: &Server) -> Vec<Group> {
    let runners = (0..RUNNERS)
        .map(|runner| {
            let lines = DIGITS.lines().skip(runner).step_by(RUNNERS * (runner + 1));
            let data = server.folder().join(format!("site-{runner}.csv"));
            fs::write(&data, lines.map(|line| format!("{line}\n")).collect::<String>()).unwrap();
            // Nothing is asked of masks: the same runners train without them first.
            let arguments = ["--data", data.to_str().unwrap(), "--feature-scale", "16"];
            start_runner(server, &format!("site-{runner}"), &arguments)
        })
        .collect();
    server.wait_for_nodes(RUNNERS, LONG);
    runners
}

/// The elements of the models of a federation's rounds.
fn models(server: &Server, more: &str) -> Vec<Vec<f64>> {
    let id = server.submit(&format!(
        "model_ref: builtin:softmax(64,10)\nnum_rounds: 2\nmin_clients: {RUNNERS}\nseed: 1\n{more}"
    ));
    server.wait_until_completed(&id, LONG);
    server.models(&id).iter().map(|model| elements(server, model)).collect()
}

fn elements(server: &Server, model: &Value) -> Vec<f64> {
    let bytes = server.content(model, "safetensors");
    let header = CheckpointHeader::read(&mut bytes.as_slice()).unwrap();
    bytes[header.data_offset as usize..]
        .chunks_exact(4)
        .map(|raw| f64::from(f32::from_le_bytes(raw.try_into().unwrap())))
        .collect()
}

fn length(numbers: &[f64]) -> f64 {
    numbers.iter().map(|number| number * number).sum::<f64>().sqrt()
}

#[test]
fn masked_updates_lead_to_the_models_of_open_ones_and_runners_clip_them_where_they_are_private() {
    let _turn = turn::take();
    let server = Server::start();
    let _runners = prepare(&server);
    let open = models(&server, "");
    let masked = models(&server, "secure_agg: true\n");
    assert_eq!((open.len(), masked.len()), (2, 2));
    for (round, (open, masked)) in open.iter().zip(&masked).enumerate() {
        let apart = open.iter().zip(masked).map(|(open, masked)| (open - masked).abs());
        let furthest = apart.fold(0.0, f64::max);
        println!("round {round}: {furthest:e}");
        assert!(furthest > 0.0, "levels are rounded: these updates were not masked");
        assert!(furthest < 1e-5, "round {round}: {furthest}");
    }
    // What runners train is far longer than the norm. The five clipped ways add up to nearly five norms, over five clients; noise of
    // a tenth of the norm in each of 650 numbers, over five, is half a norm long.
    let norm = 0.01;
    let dp = "epsilon: 1000, delta: 0.1, noise_multiplier: 0.1";
    let private = models(&server, &format!("secure_agg: true\ndp: {{clip_norm: {norm}, {dp}}}\n"));
    let (first, moved) = (&open[0], &private[0]);
    assert!(length(first) > 20.0 * norm, "{}", length(first));
    assert!((0.6 * norm..1.6 * norm).contains(&length(moved)), "{}", length(moved));
    let along = first.iter().zip(moved).map(|(open, private)| open * private).sum::<f64>();
    let cosine = along / (length(first) * length(moved));
    println!("private: {} of a norm of {norm}, with a cosine of {cosine}", length(moved));
    assert!(cosine > 0.6, "{cosine}");
}
