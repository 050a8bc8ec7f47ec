//! Strategies, end to end: from the spec to the stored model and the optimiser's state.

use federation::{
    Federation, Federations, Round,
    actions::{
        accept_reply::{self, Acceptance},
        read,
    },
    state::FederationState,
};
use thunderline_core::{NodeId, Result, SignedDuration};
use thunderline_numerics::{checkpoint::CheckpointHeader, strategy::KINDS};
use thunderline_objects::{Objects, Sha256};
use thunderline_testkit::{TestDb, both};

use crate::site::{SPEC, Site};

const ADAM: &str =
    "strategy: {name: fedadam, params: {eta: 0.05, beta_1: 0.8, beta_2: 0.9, tau: 0.01}}\nseed: 7\n";

/// What every client says in each of three rounds: value and examples.
const ROUNDS: [[(f32, f64); 2]; 3] =
    [[(1.0, 10.0), (5.0, 30.0)], [(-2.0, 1.0), (3.0, 3.0)], [(0.5, 2.0), (0.25, 2.0)]];

fn adam(rounds: u32) -> String {
    format!("{}{ADAM}", SPEC.replace("num_rounds: 1", &format!("num_rounds: {rounds}")))
}

/// FedAdam, one coordinate by itself: x after each of the three rounds.
fn expected(start: f64) -> [f64; 3] {
    let (mut x, mut m, mut v) = (start, 0.0, 0.0);
    let mut after = [0.0; 3];
    for (round, clients) in (1..).zip(&ROUNDS) {
        let examples: f64 = clients.iter().map(|(_, examples)| examples).sum();
        let mean =
            clients.iter().map(|(value, examples)| f64::from(*value) * examples).sum::<f64>() / examples;
        let delta = mean - x;
        m = 0.8 * m + 0.2 * delta;
        v = 0.9 * v + 0.1 * delta * delta;
        let eta = 0.05 * (1.0 - 0.9f64.powi(round + 1)).sqrt() / (1.0 - 0.8f64.powi(round + 1));
        x += eta * m / (f64::sqrt(v) + 0.01);
        after[round as usize - 1] = x;
    }
    after
}

impl Site {
    /// All nodes answer the round that is open, and the round is carried on.
    async fn answer_all(&self, federation: &Federation, answers: &[(f32, f64)]) -> Result<()> {
        self.drive(federation).await?;
        for (number, (value, examples)) in (1..).zip(answers) {
            let task = self.claim(NodeId::from_bits(number)).await?.expect("every node has a task");
            self.answer(&task, *value, *examples).await?;
        }
        self.drive(federation).await
    }

    async fn rounds(&self, federation: &Federation) -> Result<Vec<Round>> {
        read::list_rounds(&self.t.viewer(), &self.domain, federation.id, 0, 100).await
    }

    async fn assert_model(&self, federation: &Federation, start: &[f32], round: usize) -> Result<()> {
        let model = self.elements(&self.get(federation).await?.model.expect("a round made one"))?;
        assert_eq!(model.len(), start.len());
        for (found, start) in model.iter().zip(start) {
            let wanted = expected(f64::from(*start))[round];
            assert!((f64::from(*found) - wanted).abs() < 1e-6, "{found} instead of {wanted}");
        }
        Ok(())
    }

    async fn start(&self, federation: &Federation) -> Result<Vec<f32>> {
        self.drive(federation).await?;
        let rounds = self.rounds(federation).await?;
        self.elements(rounds[0].model_in.as_deref().expect("every round begins from a model"))
    }
}

async fn site(t: TestDb, nodes: u64) -> Result<Site> {
    let site = Site::new(t)?;
    for number in 1..=nodes {
        site.join(number).await?;
    }
    Ok(site)
}

both!(
    three_rounds_of_fedadam_with_a_restart_between_them_equal_an_independent_computation,
    async |t: TestDb| {
        let mut site = site(t, 2).await?;
        let federation = site.submit(&adam(3)).await?;
        let start = site.start(&federation).await?;
        for (round, answers) in ROUNDS.iter().enumerate() {
            site.answer_all(&federation, answers).await?;
            site.assert_model(&federation, &start, round).await?;
            let objects = Objects::open(site.t.dir().join("objects"))?;
            let domain = Federations::new(site.t.reopen().await?, objects);
            site = Site { domain, ..site };
        }
        assert_eq!(site.get(&federation).await?.state, FederationState::Completed);
        for round in site.domain.objects.below("rounds")? {
            let left = site.domain.objects.below(&format!("rounds/{round}"))?;
            assert!(left.is_empty(), "what a step wrote meanwhile is left over: {left:?}");
        }
    }
);

both!(the_optimisers_state_is_a_file_that_the_round_and_the_models_lineage_name, async |t: TestDb| {
    let site = site(t, 2).await?;
    let federation = site.submit(&adam(2)).await?;
    site.start(&federation).await?;
    for answers in &ROUNDS[..2] {
        site.answer_all(&federation, answers).await?;
    }
    let rounds = site.rounds(&federation).await?;
    let states: Vec<Sha256> =
        rounds.iter().map(|round| round.state_out.as_deref().unwrap().parse()).collect::<Result<_>>()?;
    let checkpoints = site.domain.objects.checkpoints()?;
    assert!(checkpoints.verify(&states[0])? && checkpoints.verify(&states[1])?);
    let header = CheckpointHeader::read(&mut checkpoints.open(&states[1])?)?;
    let names: Vec<_> = header.schema.arrays().iter().map(|spec| spec.name.as_str()).collect();
    let mut wanted = Vec::new();
    for half in ["m", "v"] {
        let model: Sha256 = rounds[1].model_out.as_deref().unwrap().parse()?;
        let model = CheckpointHeader::read(&mut checkpoints.open(&model)?)?;
        wanted.extend(model.schema.arrays().iter().map(|spec| format!("{half}/{}", spec.name)));
    }
    assert_eq!(names, wanted);
    let artifacts =
        read::list_artifacts(&site.t.viewer(), &site.domain, Some(federation.id), None, 10).await?;
    let of_round = |id| artifacts.iter().find(|artifact| artifact.round == Some(id)).unwrap();
    let (first, second) = (of_round(rounds[0].id), of_round(rounds[1].id));
    assert!(first.metadata["optimiser_state"]["before"].is_null());
    assert_eq!(first.metadata["optimiser_state"]["after"], states[0].to_string());
    assert_eq!(second.metadata["optimiser_state"]["before"], states[0].to_string());
    assert_eq!(second.metadata["optimiser_state"]["after"], states[1].to_string());
    assert_eq!(second.metadata["strategy"]["name"], "fedadam");
});

both!(a_failed_round_keeps_the_state_of_the_round_before, async |t: TestDb| {
    let site = site(t, 2).await?;
    let federation = site.submit(&format!("{}round: {{deadline: 60}}\n", adam(2))).await?;
    let start = site.start(&federation).await?;
    site.answer_all(&federation, &ROUNDS[0]).await?;
    site.drive(&federation).await?;
    site.t.clock.advance(SignedDuration::from_secs(60));
    site.drive(&federation).await?;
    let rounds = site.rounds(&federation).await?;
    assert_eq!((rounds[1].number, rounds[1].state.name()), (2, "timed_out"));
    assert_eq!(rounds[1].state_out, None);
    site.answer_all(&federation, &ROUNDS[1]).await?;
    site.assert_model(&federation, &start, 1).await?;
    assert_eq!(site.get(&federation).await?.state, FederationState::Completed);
});

both!(aggregating_again_what_an_earlier_try_left_on_disk_gives_the_same_files, async |t: TestDb| {
    // Whatever a crash between the files and the commit leaves is what a twin with the same seed and updates has stored.
    let site = site(t, 2).await?;
    let mut results = Vec::new();
    for _ in 0..2 {
        let federation = site.submit(&adam(2)).await?;
        site.start(&federation).await?;
        for answers in &ROUNDS[..2] {
            site.answer_all(&federation, answers).await?;
        }
        let rounds = site.rounds(&federation).await?;
        results.push(rounds.into_iter().map(|round| (round.model_out, round.state_out)).collect::<Vec<_>>());
    }
    assert_eq!(results[0], results[1]);
    assert!(results[0].iter().all(|(model, state)| model.is_some() && state.is_some()));
});

both!(median_and_trimmed_mean_do_not_believe_one_loud_client, async |t: TestDb| {
    let site = site(t, 5).await?;
    let answers = [(1.0, 1.0), (2.0, 1.0), (3.0, 1.0), (5.0, 1.0), (1e30, 1e6)];
    for (strategy, wanted) in [
        ("fedmedian", 3.0),
        ("{name: fedtrimmedavg, params: {beta: 0.2}}", 10.0 / 3.0),
        ("{name: fedtrimmedavg, params: {beta: 0.4}}", 3.0),
    ] {
        let federation = site.submit(&format!("{SPEC}strategy: {strategy}\n")).await?;
        site.answer_all(&federation, &answers).await?;
        let done = site.get(&federation).await?;
        assert_eq!(done.state, FederationState::Completed);
        assert_eq!(site.elements(&done.model.unwrap())?, [wanted as f32; 4], "{strategy}");
        assert_eq!(site.rounds(&federation).await?[0].state_out, None);
    }
});

both!(fedavgm_with_its_defaults_is_fedavg_and_keeps_nothing, async |t: TestDb| {
    let site = site(t, 2).await?;
    let mut models = Vec::new();
    for strategy in ["fedavg", "fedavgm"] {
        let federation = site.submit(&format!("{SPEC}strategy: {strategy}\nseed: 3\n")).await?;
        site.answer_all(&federation, &[(0.1, 3.0), (0.7, 4.0)]).await?;
        models.push(site.get(&federation).await?.model.unwrap());
        assert_eq!(site.rounds(&federation).await?[0].state_out, None);
    }
    assert_eq!(models[0], models[1]);
});

both!(a_step_beyond_all_bounds_fails_the_round_and_says_why, async |t: TestDb| {
    let site = site(t, 2).await?;
    let strategy = "strategy: {name: fedavgm, params: {server_learning_rate: 1e30, server_momentum: 0.5}}\n";
    let federation = site.submit(&format!("{SPEC}{strategy}round: {{max_failures: 0}}\n")).await?;
    site.answer_all(&federation, &[(1e20, 1.0), (1e20, 1.0)]).await?;
    let failed = site.get(&federation).await?;
    assert_eq!(failed.state, FederationState::Failed);
    let rounds = site.rounds(&federation).await?;
    let reason = rounds[0].state.reason().unwrap();
    assert!(reason.contains("beyond all bounds"), "{reason}");
    assert_eq!((rounds[0].model_out.as_ref(), rounds[0].state_out.as_ref()), (None, None));
});

both!(robust_strategies_do_not_believe_one_loud_client_either, async |t: TestDb| {
    let site = site(t, 7).await?;
    let answers = [(1.0, 1.0), (1.1, 1.0), (0.9, 1.0), (1.05, 1.0), (1e20, 1e6), (0.95, 1.0), (1.0, 1.0)];
    for strategy in [
        "{name: krum, params: {num_malicious_nodes: 1}}",
        "{name: multikrum, params: {num_malicious_nodes: 1, num_nodes_to_select: 4}}",
        "{name: bulyan, params: {num_malicious_nodes: 1}}\nmin_clients: 7",
        "{name: bulyan, params: {num_malicious_nodes: 1, iterated: false}}\nmin_clients: 7",
        "{name: geometricmedian, params: {iterations: 50}}\nweighting: {by: uniform}",
        "{name: centeredclipping, params: {clipping_radius: 1, iterations: 3}}",
        "{name: normbounded, params: {max_norm: 3}}\nweighting: {by: uniform}",
    ] {
        let spec = SPEC.replace("min_clients: 2\n", "");
        let federation = site.submit(&format!("{spec}strategy: {strategy}\n")).await?;
        site.answer_all(&federation, &answers).await?;
        let done = site.get(&federation).await?;
        assert_eq!(done.state, FederationState::Completed, "{strategy}");
        let model = site.elements(&done.model.unwrap())?;
        assert!(model.iter().all(|value| (0.5..2.0).contains(value)), "{strategy}: {model:?}");
    }
});

both!(the_order_in_which_clients_answer_changes_no_bit_of_any_strategy, async |t: TestDb| {
    let site = site(t, 5).await?;
    let answers = [(0.1, 3.0), (0.7, 1e6), (-1e-9, 7.0), (1e8, 11.0), (0.3, 13.0)];
    for kind in KINDS {
        let params: Vec<_> =
            kind.params.iter().filter(|param| param.default.is_none()).map(|param| param.name).collect();
        let params: String = params
            .iter()
            .filter(|name| **name != "client_learning_rate")
            .map(|name| format!("params: {{{name}: 1}}\n"))
            .collect();
        // One of everybody fills it, so that each buffer has the same updates.
        let params = if kind.name == "fedbuff" { "params: {buffer_size: 5}\n".into() } else { params };
        let app = "app: {builtin: {momentum: 0}}\n";
        let spec = SPEC.replace("num_rounds: 1", "num_rounds: 2").replace("min_clients: 2", "min_clients: 5");
        let mut results = Vec::new();
        for order in [[1, 2, 3, 4, 5], [5, 4, 3, 2, 1], [3, 5, 1, 4, 2]] {
            let name = kind.name;
            let federation = site.submit(&format!("{spec}strategy: {name}\n{params}{app}seed: 1\n")).await?;
            for _ in 0..2 {
                site.drive(&federation).await?;
                for number in order {
                    let task = site.claim(NodeId::from_bits(number)).await?.expect("every node has a task");
                    let (value, examples) = answers[number as usize - 1];
                    assert_eq!(site.answer(&task, value, examples).await?, Acceptance::Accepted, "{name}");
                }
                site.drive(&federation).await?;
            }
            let rounds = site.rounds(&federation).await?;
            assert!(rounds[1].model_out.is_some(), "{name}: {:?}", rounds[1].state);
            results
                .push(rounds.into_iter().map(|round| (round.model_out, round.state_out)).collect::<Vec<_>>());
        }
        assert!(results.iter().all(|result| *result == results[0]), "{}", kind.name);
    }
});

both!(
    a_reply_without_the_metric_that_a_strategy_needs_is_refused_and_the_round_goes_on,
    async |t: TestDb| {
        let site = site(t, 3).await?;
        let federation = site.submit(&format!("{SPEC}strategy: qfedavg\n")).await?;
        site.drive(&federation).await?;
        let task = site.claim(NodeId::from_bits(1)).await?.unwrap();
        let mut reply = site.reply(&task, 1.0, 1.0)?;
        reply.metrics.remove("train_loss");
        let refused =
            accept_reply::accept_reply(&site.t.node(task.node), &site.domain, task.lease, reply).await?;
        let Acceptance::Refused(reason) = refused else { panic!("it was taken") };
        assert!(reason.contains("'train_loss' is missing"), "{reason}");
        for number in [2, 3] {
            let task = site.claim(NodeId::from_bits(number)).await?.unwrap();
            assert_eq!(site.answer(&task, 1.0, 1.0).await?, Acceptance::Accepted);
        }
        site.drive(&federation).await?;
        assert_eq!(site.get(&federation).await?.state, FederationState::Completed);
    }
);

both!(weights_are_made_as_the_spec_says_and_stand_in_the_lineage, async |t: TestDb| {
    let site = site(t, 2).await?;
    for (weighting, wanted, weights) in [
        ("{by: examples}", 0.9, [10.0, 90.0]),
        ("{by: uniform}", 0.5, [1.0, 1.0]),
        ("{by: examples, cap: 0.75}", 0.75, [0.25, 0.75]),
        ("{by: entropy}", 0.9, [10.0, 90.0]),
    ] {
        let federation = site.submit(&format!("{SPEC}weighting: {weighting}\n")).await?;
        site.answer_all(&federation, &[(0.0, 10.0), (1.0, 90.0)]).await?;
        let model = site.get(&federation).await?.model.unwrap();
        assert_eq!(site.elements(&model)?, [wanted as f32; 4], "{weighting}");
        let artifacts =
            read::list_artifacts(&site.t.viewer(), &site.domain, Some(federation.id), None, 10).await?;
        let made = artifacts.iter().find(|artifact| artifact.sha256.to_string() == model).unwrap();
        let found: Vec<_> = made.metadata["clients"]
            .as_array()
            .unwrap()
            .iter()
            .map(|it| it["weight"].as_f64().unwrap())
            .collect();
        assert_eq!(found, weights, "{weighting}");
    }
});

both!(scaffold_hands_its_control_variates_down_with_the_next_rounds_tasks, async |t: TestDb| {
    let site = site(t, 2).await?;
    let spec = SPEC.replace("num_rounds: 1", "num_rounds: 2");
    let app = "app: {builtin: {momentum: 0, learning_rate: 0.5}}\n";
    let federation = site.submit(&format!("{spec}strategy: scaffold\n{app}")).await?;
    let start = site.start(&federation).await?;
    site.drive(&federation).await?;
    let first: Vec<_> = [1, 2].map(NodeId::from_bits).into();
    for (node, value) in first.iter().zip([1.0, 3.0]) {
        let task = site.claim(*node).await?.unwrap();
        assert_eq!(task.state, None);
        let app = task.config.iter().find(|(key, _)| key == "thunderline.app").unwrap();
        assert!(format!("{:?}", app.1).contains("control_variates"), "{app:?}");
        site.answer(&task, value, 1.0).await?;
    }
    site.drive(&federation).await?;
    let state = site.rounds(&federation).await?[0].state_out.clone().unwrap();
    // c = mean of (x − y) / (K·η) with K = 4 steps: the mean of the answers is 2.
    let c = site.elements(&state)?;
    for (c, x) in c.iter().zip(&start) {
        assert!((f64::from(*c) - (f64::from(*x) - 2.0) / 2.0).abs() < 1e-6, "{c} from {x}");
    }
    site.drive(&federation).await?;
    let task = site.claim(first[0]).await?.unwrap();
    assert_eq!(task.state.map(|digest| digest.to_string()), Some(state));
});
