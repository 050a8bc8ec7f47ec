//! Strategies, end to end: from the spec to the stored model and the optimiser's state.

use federation::{Federation, Federations, Round, actions::read, state::FederationState};
use thunderline_core::{NodeId, Result, SignedDuration};
use thunderline_numerics::checkpoint::CheckpointHeader;
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
