//! Differential privacy, end to end: who is asked, what is released, and what it costs. Each control has a test that fails
//! where the control does nothing.

use federation::{Federation, Round, actions::read, privacy::budgets, state::FederationState};
use serde_json::Value;
use thunderline_core::{ErrorKind, NodeId, Result, SignedDuration};
use thunderline_numerics::privacy::noise::{LATTICE_BITS, Noise, WEIGHT_BITS, derive};
use thunderline_testkit::{TestDb, both};

use crate::site::{SPEC, Site};

/// Little noise beside the clipping norm of 100: what is clipped and divided can be seen.
const QUIET: &str = "dp: {epsilon: 1000, delta: 0.1, clip_norm: 100, accountant: rdp}\n";

fn spec(rounds: u32, dp: &str) -> String {
    format!("{}{dp}", SPEC.replace("num_rounds: 1", &format!("num_rounds: {rounds}")))
}

async fn site(t: TestDb, nodes: u64) -> Result<Site> {
    let site = Site::new(t)?;
    for number in 1..=nodes {
        site.join(number).await?;
    }
    Ok(site)
}

/// Everybody who was asked answers with a model whose every element is `value`.
async fn play(site: &Site, federation: &Federation, nodes: u64, value: f32, examples: f64) -> Result<()> {
    site.drive(federation).await?;
    for number in 1..=nodes {
        if let Some(task) = site.claim(NodeId::from_bits(number)).await? {
            site.answer(&task, value, examples * number as f64).await?;
        }
    }
    site.drive(federation).await
}

async fn rounds(site: &Site, federation: &Federation) -> Result<Vec<Round>> {
    read::list_rounds(&site.t.viewer(), &site.domain, federation.id, 0, 100).await
}

/// How far the round's model is from the one before, element by element.
fn moved(site: &Site, round: &Round) -> Result<Vec<f32>> {
    let before = site.elements(round.model_in.as_deref().expect("every round begins from a model"))?;
    let after = site.elements(round.model_out.as_deref().expect("the round made a model"))?;
    Ok(after.iter().zip(before).map(|(after, before)| after - before).collect())
}

async fn events(site: &Site, name: &str) -> Vec<Value> {
    site.t.events().await.into_iter().filter(|event| event.name == name).map(|event| event.payload).collect()
}

both!(all_clients_weigh_the_same_and_nothing_of_theirs_is_told, async |t: TestDb| {
    let site = site(t, 2).await?;
    let federation = site.submit(&spec(1, QUIET)).await?;
    site.drive(&federation).await?;
    let (one, two) =
        (site.claim(NodeId::from_bits(1)).await?.unwrap(), site.claim(NodeId::from_bits(2)).await?.unwrap());
    site.answer(&one, 0.0, 1.0).await?;
    site.answer(&two, 40.0, 1e6).await?;
    site.drive(&federation).await?;
    let done = site.get(&federation).await?;
    assert_eq!(done.state, FederationState::Completed);
    // The mean of 0 and 40 with the noise of z·C/n in each element: weighted by examples it would be 40.
    let deviation = federation.spec.dp.as_ref().unwrap().noise_multiplier * 100.0 / 2.0;
    for element in site.elements(&done.model.unwrap())? {
        assert!((f64::from(element) - 20.0).abs() < 4.0 * deviation, "{element}, ±{deviation}");
    }
    let rollups = read::list_rollups(&site.t.viewer(), &site.domain, federation.id, 0).await?;
    assert!(rollups[0].1.train.metrics.is_empty() && rollups[0].1.train.num_examples == 2.0);
    for event in events(&site, "fl.client.update_accepted").await {
        assert_eq!((event["num_examples"].as_f64(), event["metrics"]["loss"].as_f64()), (Some(1.0), None));
    }
});

both!(an_update_that_is_too_long_is_clipped, async |t: TestDb| {
    let site = site(t, 2).await?;
    let dp = "dp: {epsilon: 1000, delta: 0.1, clip_norm: 0.01, accountant: rdp}\n";
    let federation = site.submit(&spec(1, dp)).await?;
    play(&site, &federation, 2, 1e6, 1.0).await?;
    let moved = moved(&site, &rounds(&site, &federation).await?[0])?;
    // Two updates of length 0.01 in the same direction over two clients, and a little noise.
    let length = moved.iter().map(|x| f64::from(x * x)).sum::<f64>().sqrt();
    assert!((0.005..0.02).contains(&length), "{length}");
    assert!(moved.iter().all(|x| *x > 0.0), "{moved:?}");
});

both!(the_noise_is_there_and_is_new_in_every_round, async |t: TestDb| {
    let site = site(t, 2).await?;
    let dp = "dp: {epsilon: 1, delta: 1e-5, clip_norm: 1, accountant: rdp}\n";
    let federation = site.submit(&spec(20, dp)).await?;
    let mut all = Vec::new();
    for _ in 0..20 {
        // Clients that send the same model back change nothing: what moves the model is noise.
        site.drive(&federation).await?;
        let newest = rounds(&site, &federation).await?.pop().unwrap();
        for number in 1..=2 {
            let task = site.claim(NodeId::from_bits(number)).await?.unwrap();
            site.answer(&task, 0.0, 1.0).await?;
        }
        site.drive(&federation).await?;
        let done = rounds(&site, &federation).await?.into_iter().find(|round| round.id == newest.id).unwrap();
        all.extend(moved(&site, &done)?.into_iter().map(f64::from));
    }
    let deviation = federation.spec.dp.as_ref().unwrap().noise_multiplier / 2.0;
    let found = (all.iter().map(|x| x * x).sum::<f64>() / all.len() as f64).sqrt();
    // Eighty draws; the clipped way back to zero adds a little.
    assert!((0.75 * deviation..1.35 * deviation).contains(&found), "{found} instead of {deviation}");
    all.sort_by(f64::total_cmp);
    all.dedup();
    assert_eq!(all.len(), 80, "no two draws are the same");
    let spent = budgets::spent(&site.t.viewer(), &site.domain, federation.id).await?;
    let wanted = federation.spec.dp.as_ref().unwrap().plan(1.0).epsilon(20, 1e-5);
    assert!(spent.epsilon >= wanted && spent.epsilon < wanted + 1e-8 && spent.epsilon <= 1.0, "{spent:?}");
    assert_eq!((spent.delta, spent.rounds), (1e-5, 20));
});

both!(poisson_rounds_go_on_without_any_client_and_divide_by_the_expected_number, async |t: TestDb| {
    let site = site(t, 3).await?;
    let dp = "client_fraction: 0.3\ndp: {epsilon: 1000, delta: 0.1, clip_norm: 1, accountant: rdp}\n";
    let federation = site.submit(&spec(30, dp)).await?;
    for _ in 0..30 {
        play(&site, &federation, 3, 1e6, 1.0).await?;
        if site.get(&federation).await?.state != FederationState::Running {
            break;
        }
    }
    // A drive goes on by itself after a round without clients, so that not every round is seen here.
    let rounds = rounds(&site, &federation).await?;
    assert_eq!(rounds.len(), 30, "no round has failed");
    let wanted: Vec<u32> = rounds.iter().map(|round| round.wanted).collect();
    assert!(wanted.contains(&0) && wanted.iter().any(|count| *count > 1), "{wanted:?}");
    for round in &rounds {
        let length = moved(&site, round)?.iter().map(|x| f64::from(x * x)).sum::<f64>().sqrt();
        // Clipped updates of length 1 point the same way; their sum is divided by 0.9, however many there are.
        let expected = f64::from(round.wanted) / 0.9;
        assert!((length - expected).abs() < 0.7, "{length} instead of {expected}");
    }
});

both!(a_round_that_the_budget_does_not_pay_for_is_refused_before_any_lease, async |t: TestDb| {
    let site = site(t, 2).await?;
    let admin = site.t.admin();
    let federation =
        site.submit(&spec(3, "dp: {epsilon: 3, delta: 1e-5, clip_norm: 1, accountant: rdp}\n")).await?;
    let plan = federation.spec.dp.as_ref().unwrap().plan(1.0);
    // Enough for two of the three rounds.
    let limit = (plan.epsilon(2, 1e-5) + plan.epsilon(3, 1e-5)) / 2.0;
    budgets::set(&admin, &site.domain, "nodes:*", Some((limit, 1e-5))).await?;
    for _ in 0..3 {
        play(&site, &federation, 2, 0.5, 1.0).await?;
    }
    let done = site.get(&federation).await?;
    let reason = done.reason.unwrap();
    assert_eq!((done.state, done.completed_rounds), (FederationState::Completed, 2), "{reason}");
    assert!(reason.starts_with("privacy_budget_exhausted") && reason.contains("nodes:*"), "{reason}");
    let rounds = rounds(&site, &federation).await?;
    let leases = read::list_leases(&site.t.viewer(), &site.domain, rounds[2].id).await?;
    assert_eq!((rounds[2].state.name(), leases.len()), ("failed", 0));
    assert_eq!(events(&site, "fl.privacy.spent").await.len(), 2);
    assert_eq!(events(&site, "fl.privacy.exhausted").await.len(), 1);
    // What is left is not enough for anybody else either, and the others' accounts tell the same.
    let (budget, spends) = budgets::show(&site.t.viewer(), &site.domain, "nodes:*").await?;
    assert_eq!(spends.len(), 2);
    assert!(budget.account.spent <= budget.account.limit.unwrap());
    let second =
        site.submit(&spec(3, "dp: {epsilon: 3, delta: 1e-5, clip_norm: 1, accountant: rdp}\n")).await?;
    site.drive(&second).await?;
    let second = site.get(&second).await?;
    assert_eq!(second.state, FederationState::Failed);
    assert!(second.reason.unwrap().starts_with("privacy_budget_exhausted"));
    site.t.assert_audited("fl.privacy.set_budget", "nodes:*").await;
});

both!(a_round_that_fails_has_cost_as_much_and_its_repetition_ends_the_budget, async |t: TestDb| {
    let site = site(t, 2).await?;
    let dp = "round: {deadline: 60}\ndp: {epsilon: 2, delta: 1e-5, clip_norm: 1, accountant: rdp}\n";
    let federation = site.submit(&spec(2, dp)).await?;
    let spare = site.submit(&spec(2, &dp.replace("clip_norm: 1", "clip_norm: 1, spare_rounds: 1"))).await?;
    for (federation, completed) in [(&federation, 1), (&spare, 2)] {
        site.drive(federation).await?;
        site.t.clock.advance(SignedDuration::from_secs(60));
        for _ in 0..3 {
            play(&site, federation, 2, 0.5, 1.0).await?;
        }
        let done = site.get(federation).await?;
        assert_eq!((done.state, done.completed_rounds), (FederationState::Completed, completed));
        let reason = done.reason.unwrap_or_default();
        assert_eq!(reason.contains("dp.epsilon"), completed == 1, "{reason}");
        let spent = budgets::spent(&site.t.viewer(), &site.domain, federation.id).await?;
        assert!(spent.epsilon <= 2.0 && spent.rounds == u64::from(completed) + 1, "{spent:?}");
    }
});

both!(a_restart_neither_charges_twice_nor_draws_other_noise, async |t: TestDb| {
    let mut site = site(t, 2).await?;
    let federation =
        site.submit(&spec(2, "dp: {epsilon: 2, delta: 1e-5, clip_norm: 1, accountant: rdp}\n")).await?;
    site.drive(&federation).await?;
    for _ in 0..3 {
        let objects = thunderline_objects::Objects::open(site.t.dir().join("objects"))?;
        let domain = federation::Federations::new(site.t.reopen().await?, objects);
        site = Site { domain, ..site };
        site.drive(&federation).await?;
    }
    let spent = budgets::spent(&site.t.viewer(), &site.domain, federation.id).await?;
    assert_eq!(spent.rounds, 1);
    assert_eq!(events(&site, "fl.privacy.spent").await.len(), 1);
});

both!(limited_data_is_closed_to_federations_without_privacy, async |t: TestDb| {
    let site = site(t, 2).await?;
    let before = site.submit(SPEC).await?;
    let refused = budgets::set(&site.t.operator(), &site.domain, "*", Some((1.0, 1e-5))).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Forbidden);
    budgets::set(&site.t.admin(), &site.domain, "*", Some((1.0, 1e-5))).await?;
    let refused = site.submit(SPEC).await.unwrap_err();
    assert_eq!(refused.problems()[0].path, "dp");
    site.drive(&before).await?;
    let ended = site.get(&before).await?;
    assert_eq!(ended.state, FederationState::Failed);
    assert!(ended.reason.unwrap().contains("has a privacy budget"));
    budgets::set(&site.t.admin(), &site.domain, "*", None).await?;
    site.submit(SPEC).await?;
    for (name, limit) in
        [("dataset", Some((1.0, 0.1))), ("uri:", None), ("*", Some((-1.0, 0.1))), ("*", Some((1.0, 1.0)))]
    {
        let refused = budgets::set(&site.t.admin(), &site.domain, name, limit).await.unwrap_err();
        assert_eq!(refused.problems().len(), 1, "{name}");
    }
});

both!(adaptive_clipping_follows_the_updates_lengths, async |t: TestDb| {
    let site = site(t, 2).await?;
    let dp = "dp: {epsilon: 1000, delta: 0.1, clip_norm: 0.01, accountant: rdp, clipping: adaptive}\n";
    let federation = site.submit(&spec(10, dp)).await?;
    for _ in 0..10 {
        play(&site, &federation, 2, 1e6, 1.0).await?;
    }
    let norms: Vec<f64> = events(&site, "fl.privacy.spent")
        .await
        .iter()
        .map(|event| event["clip_norm"].as_f64().unwrap())
        .collect();
    // Everybody is clipped in every round: the norm grows by about e^(0.2·0.5) each time, give or take the count's noise.
    assert_eq!((norms.len(), norms[0]), (10, 0.01));
    assert!(norms[9] > 0.018 && norms[9] < 0.035, "{norms:?}");
});

both!(a_trees_noise_is_that_of_the_rounds_own_nodes_and_does_not_add_up, async |t: TestDb| {
    let site = site(t, 16).await?;
    let dp = "client_fraction: 0.5\ndp: {epsilon: 0.5, delta: 1e-3, clip_norm: 1, accountant: rdp, \
        mechanism: dp_ftrl, matrix: tree, max_participations: 8}\n";
    let federation = site.submit(&spec(8, dp)).await?;
    for _ in 0..8 {
        play(&site, &federation, 16, 0.0, 1.0).await?;
        if site.get(&federation).await?.completed_rounds == 7 {
            break;
        }
    }
    let view = federation::drive::view(&site.t.system(), &site.domain, federation.id).await?;
    let key = view.secrets.expect("the federation is not over").key;
    play(&site, &federation, 16, 0.0, 1.0).await?;
    let rounds = rounds(&site, &federation).await?;
    assert!(rounds.len() == 8 && rounds.iter().all(|round| round.wanted == 1), "half of min_clients");
    let (first, last) = (rounds[0].model_in.as_deref().unwrap(), rounds[7].model_out.as_deref().unwrap());
    let (first, last) = (site.elements(first)?, site.elements(last)?);
    // Eight rounds are one node. Clients moved the model by 8 at most; the noise of eight rounds would be far more.
    let z = federation.spec.dp.as_ref().unwrap().noise_multiplier;
    assert!(z > 50.0, "{z}");
    let node = derive(&key, &["tree", "3", "0"]);
    let noise = [0, 1 << 40].into_iter().flat_map(|stream| {
        let mut noise = Noise::new(&node, stream);
        [noise.draw(), noise.draw()]
    });
    for ((first, last), noise) in first.iter().zip(last).zip(noise) {
        let noise = noise as f64 / (1u64 << LATTICE_BITS) as f64 * z;
        assert!((f64::from(last - first) - noise).abs() < 9.0, "{last} - {first}, and {noise}");
    }
    let spent = budgets::spent(&site.t.viewer(), &site.domain, federation.id).await?;
    assert!(spent.epsilon > 0.4 && spent.epsilon <= 0.5, "{spent:?}");
});

both!(bands_take_past_noise_away_and_neither_a_restart_nor_a_repetition_changes_it, async |t: TestDb| {
    let mut site = site(t, 16).await?;
    let dp = "client_fraction: 0.5\nround: {deadline: 60}\ndp: {epsilon: 0.05, delta: 1e-3, clip_norm: 1, \
        accountant: rdp, mechanism: dp_ftrl, max_participations: 8, bands: 3, residue: 0.25}\n";
    let federation = site.submit(&spec(8, dp)).await?;
    for round in 1..=7 {
        if round == 4 {
            // Nobody answers in time, and the round is tried again by a process that knows nothing of the first try.
            site.drive(&federation).await?;
            site.t.clock.advance(SignedDuration::from_secs(60));
            let objects = thunderline_objects::Objects::open(site.t.dir().join("objects"))?;
            let domain = federation::Federations::new(site.t.reopen().await?, objects);
            site = Site { domain, ..site };
        }
        while site.get(&federation).await?.completed_rounds < round {
            play(&site, &federation, 16, 0.0, 1.0).await?;
        }
    }
    let view = federation::drive::view(&site.t.system(), &site.domain, federation.id).await?;
    let key = view.secrets.expect("the federation is not over").key;
    play(&site, &federation, 16, 0.0, 1.0).await?;
    let rounds = rounds(&site, &federation).await?;
    assert_eq!(rounds.iter().filter(|round| round.model_out.is_none()).count(), 1, "the one that failed");
    let dp = federation.spec.dp.as_ref().unwrap();
    let band = dp.band().expect("bands are what is usual");
    let weights: Vec<f64> =
        band.weights().iter().map(|weight| *weight as f64 / 2f64.powi(WEIGHT_BITS as i32)).collect();
    assert_eq!(weights.len(), 3);
    // Of each round, its normals: four numbers in two arrays.
    let normals: Vec<Vec<f64>> = (1..=8)
        .map(|round| {
            let key = derive(&key, &["banded", &round.to_string()]);
            let draw = |stream| {
                let mut noise = Noise::new(&key, stream);
                [noise.draw(), noise.draw()].map(|drawn| drawn as f64 / (1u64 << LATTICE_BITS) as f64)
            };
            [draw(0), draw(1 << 40)].concat()
        })
        .collect();
    let mut far = 0.0f64;
    let mut done = rounds.iter().filter(|round| round.model_out.is_some());
    for number in 1..=8usize {
        for (element, moved) in moved(&site, done.next().unwrap())?.into_iter().enumerate() {
            let own = (0..3.min(number)).map(|back| weights[back] * normals[number - 1 - back][element]);
            let noise = own.sum::<f64>() * dp.noise_multiplier;
            // One client, whose change is clipped to 1, and the sum's divisor is 1.
            assert!((f64::from(moved) - noise).abs() < 1.01, "round {number}: {moved}, and {noise}");
            far = far.max(noise.abs());
        }
    }
    assert!(far > 50.0, "{far}");
    let spent = budgets::spent(&site.t.viewer(), &site.domain, federation.id).await?;
    assert!(spent.epsilon > 0.04 && spent.epsilon <= 0.05 && spent.rounds == 9, "{spent:?}");
});

both!(nobody_can_take_the_noise_away_once_the_federation_is_over, async |t: TestDb| {
    let site = site(t, 2).await?;
    let federation = site.submit(&spec(1, QUIET)).await?;
    site.drive(&federation).await?;
    let keys = async |site: &Site| -> Result<usize> {
        let view = federation::drive::view(&site.t.system(), &site.domain, federation.id).await?;
        Ok(usize::from(view.secrets.is_some()))
    };
    assert_eq!(keys(&site).await?, 1);
    play(&site, &federation, 2, 1.0, 1.0).await?;
    assert_eq!(site.get(&federation).await?.state, FederationState::Completed);
    assert_eq!(keys(&site).await?, 0);
});
