//! Rounds that are masked and private: who clips, what noise there is, what is stored, and what a failed round costs.

use std::collections::HashSet;

use federation::{
    Federation, Federations,
    actions::{accept_reply, read},
    privacy::budgets,
    state::{FederationState, LeaseState},
    task::{CLIPPING_NORM, Reply},
};
use serde_json::Value;
use thunderline_core::{NodeId, Result};
use thunderline_numerics::privacy::noise::{Key, LATTICE_BITS, Noise, derive};
use thunderline_objects::Objects;
use thunderline_testkit::{TestDb, both};

use crate::{
    masked::{Client, begun_among, begun_with, claimed, exchange, found, late, runs},
    site::Site,
};

const NORM: f64 = 0.5;

fn spec(model: &str, dp: &str) -> String {
    format!(
        "model_ref: builtin:softmax({model})\nnum_rounds: 1\nmin_clients: 5\nseed: 3\nround: {{deadline: 800}}\n\
         secure_agg: true\ndp: {{delta: 0.1, clip_norm: {NORM}, accountant: rdp, {dp}}}\n"
    )
}

/// The federation's key, as long as there is one.
async fn key(site: &Site, federation: &Federation) -> Result<Key> {
    let view = federation::drive::view(&site.t.system(), &site.domain, federation.id).await?;
    Ok(view.secrets.expect("the federation is not over").key)
}

/// All exchanges that are left, on a server that is started anew before each.
async fn play(mut site: Site, federation: &Federation, clients: &mut [Client], left: usize) -> Result<Site> {
    for _ in 0..left {
        let objects = Objects::open(site.t.dir().join("objects"))?;
        site.domain = Federations::new(site.t.db().clone(), objects);
        exchange(&site, federation, clients).await?;
    }
    Ok(site)
}

/// How far the model has moved, and what the lineage says of its privacy.
async fn moved(site: &Site, federation: &Federation, client: &Client) -> Result<(Vec<f64>, Value)> {
    let done = site.get(federation).await?;
    assert_eq!((done.state, done.completed_rounds), (FederationState::Completed, 1), "{:?}", done.reason);
    let after = site.elements(&done.model.unwrap())?;
    let before = site.elements(&client.task.model.to_string())?;
    let models = read::list_artifacts(&site.t.viewer(), &site.domain, Some(federation.id), None, 10).await?;
    let privacy = models.iter().find_map(|model| model.metadata.get("privacy").filter(|it| !it.is_null()));
    let moved = after.iter().zip(before).map(|(after, before)| f64::from(after - before)).collect();
    Ok((moved, privacy.expect("the model was made private").clone()))
}

fn length(numbers: &[f64]) -> f64 {
    numbers.iter().map(|number| number * number).sum::<f64>().sqrt()
}

/// The sum of the clients' changes in a model that moved so: the divisor of five is undone, and the noise of this key is taken away.
fn without_noise(moved: &[f64], key: &Key, client: &Client, deviation: f64) -> Vec<f64> {
    let key = derive(key, &["noise", &client.task.round.to_string()]);
    let arrays = (0..client.schema.len()).flat_map(|array| {
        let mut noise = Noise::new(&key, (array as u64) << 40);
        let count = client.schema.array_bytes(array) / 4;
        (0..count).map(move |_| noise.draw() as f64 / (1u64 << LATTICE_BITS) as f64)
    });
    moved.iter().zip(arrays).map(|(moved, noise)| 5.0 * moved - noise * deviation).collect()
}

both!(an_update_that_is_a_hundred_times_too_long_moves_the_sum_by_the_norm, async |t: TestDb| {
    let site = Site::new(t)?;
    let (federation, mut clients) = begun_with(&site, &spec("8,4", "epsilon: 20")).await?;
    for (client, long) in clients.iter_mut().zip([100.0, 0.0, 0.0, 0.0, 0.0]) {
        assert_eq!((client.terms.norm, client.terms.max_weight), (Some(NORM), 1));
        assert!(client.task.config.iter().all(|(key, _)| key != CLIPPING_NORM), "there are not two norms");
        client.change.fill((long * NORM / 6.0) as f32);
    }
    let key = key(&site, &federation).await?;
    let site = play(site, &federation, &mut clients, 5).await?;
    let (moved, privacy) = moved(&site, &federation, &clients[0]).await?;
    let number = |name: &str| privacy[name].as_f64().unwrap();
    let (sensitivity, z) = (number("sensitivity"), number("noise_multiplier"));
    assert!(sensitivity > NORM && sensitivity < NORM * 1.000_001, "{sensitivity}");
    assert!((number("deviation") - z * sensitivity / 5.0).abs() < 1e-12);
    let sum = without_noise(&moved, &key, &clients[0], z * sensitivity);
    // The model is f32; noise of one deviation would be {z}.
    let long = length(&sum);
    assert!((long - NORM).abs() < 1e-4 * NORM, "{long}, with noise of {z} deviations");
    assert!(sum.iter().all(|number| (number - NORM / 6.0).abs() < 1e-4), "{sum:?}");
});

both!(
    clients_that_change_nothing_leave_noise_of_the_right_deviation_and_none_that_repeats,
    async |t: TestDb| {
        let site = Site::new(t)?;
        let (federation, mut clients) = begun_with(&site, &spec("64,30", "epsilon: 2")).await?;
        clients.iter_mut().for_each(|client| client.change.fill(0.0));
        let site = play(site, &federation, &mut clients, 5).await?;
        let (mut moved, _) = moved(&site, &federation, &clients[0]).await?;
        let deviation = federation.spec.dp.as_ref().unwrap().noise_multiplier * NORM / 5.0;
        let found = length(&moved) / (moved.len() as f64).sqrt();
        // 1950 draws: a deviation is known to within 1.6 %.
        assert!((0.93..1.07).contains(&(found / deviation)), "{found} instead of {deviation}");
        let mean = moved.iter().sum::<f64>() / moved.len() as f64;
        assert!(mean.abs() < 0.1 * deviation, "{mean}");
        moved.sort_by(f64::total_cmp);
        moved.dedup();
        assert!(moved.len() > 1940, "{} different ones", moved.len());
    }
);

both!(a_client_that_falls_away_counts_as_no_change, async |t: TestDb| {
    let site = Site::new(t)?;
    let (federation, mut clients) = begun_with(&site, &spec("8,4", "epsilon: 20")).await?;
    let key = key(&site, &federation).await?;
    exchange(&site, &federation, &mut clients).await?;
    exchange(&site, &federation, &mut clients).await?;
    clients.pop();
    clients.iter_mut().for_each(|client| client.change.fill(0.01));
    exchange(&site, &federation, &mut clients).await?;
    late(&site, &federation, 600).await?;
    let site = play(site, &federation, &mut clients, 2).await?;
    let (moved, privacy) = moved(&site, &federation, &clients[0]).await?;
    assert_eq!(privacy["divisor"].as_f64(), Some(5.0));
    let deviation = privacy["deviation"].as_f64().unwrap() * 5.0;
    let sum = without_noise(&moved, &key, &clients[0], deviation);
    assert!(sum.iter().all(|number| (number - 0.04).abs() < 1e-4), "{sum:?}");
});

both!(nothing_without_noise_is_stored, async |t: TestDb| {
    let site = Site::new(t)?;
    let (federation, mut clients) = begun_with(&site, &spec("8,4", "epsilon: 20")).await?;
    for client in &mut clients {
        // Short enough to go in as it is.
        client.change.iter_mut().for_each(|number| *number *= 0.05);
    }
    let unsaid = |clients: &[Client]| {
        let levels = u32::MAX / 5;
        let sums: Vec<u32> = (0..37).map(|at| clients.iter().map(|client| client.levels[at]).sum()).collect();
        let change = |sum: &u32| (2.0 * f64::from(*sum) - 5.0 * f64::from(levels)) * NORM / f64::from(levels);
        let (whole, mean): (Vec<_>, Vec<_>) =
            sums[1..].iter().map(|sum| (change(sum) as f32, (change(sum) / 5.0) as f32)).unzip();
        let bytes = |numbers: Vec<f32>| numbers.into_iter().map(f32::to_le_bytes).collect::<Vec<_>>();
        let own: Vec<_> = clients.iter().map(|client| bytes(client.change.clone())).collect();
        let words: Vec<_> = sums.iter().map(|word| word.to_le_bytes()).collect();
        let all = own.into_iter().chain([words, bytes(whole), bytes(mean)]);
        all.flat_map(|words| runs(&words).collect::<Vec<_>>()).collect::<HashSet<_>>()
    };
    for number in 0..5 {
        exchange(&site, &federation, &mut clients).await?;
        if number >= 2 {
            let unsaid = unsaid(&clients);
            assert!(unsaid.len() > 7 * 32, "there is something to be found");
            assert_eq!(found(site.t.dir(), &unsaid), 0, "after exchange {number}");
        }
    }
    // The search finds what is there: the model with its noise.
    let model: Vec<_> = site
        .elements(&site.get(&federation).await?.model.unwrap())?
        .into_iter()
        .map(f32::to_le_bytes)
        .collect();
    assert_eq!(found(site.t.dir(), &runs(&model).collect()), 33);
    let leases = read::list_leases(&site.t.viewer(), &site.domain, clients[0].task.round).await?;
    for lease in leases {
        let report = lease.report.unwrap();
        assert_eq!((report.num_examples, report.metrics.len()), (1.0, 1), "a client's metrics are told");
    }
    let rollups = read::list_rollups(&site.t.viewer(), &site.domain, federation.id, 0).await?;
    assert!(rollups[0].1.train.metrics.is_empty(), "{:?}", rollups[0].1.train.metrics);
});

both!(a_masked_round_that_the_budget_does_not_pay_for_is_refused_before_any_lease, async |t: TestDb| {
    let site = Site::new(t)?;
    for number in 1..=5 {
        site.join(number).await?;
    }
    budgets::set(&site.t.admin(), &site.domain, "nodes:*", Some((0.5, 0.2))).await?;
    let federation = site.submit(&spec("8,4", "epsilon: 20")).await?;
    site.drive(&federation).await?;
    let ended = site.get(&federation).await?;
    let reason = ended.reason.unwrap();
    assert_eq!(ended.state, FederationState::Failed);
    assert!(reason.starts_with("privacy_budget_exhausted") && reason.contains("nodes:*"), "{reason}");
    let rounds = read::list_rounds(&site.t.viewer(), &site.domain, federation.id, 0, 10).await?;
    assert!(read::list_leases(&site.t.viewer(), &site.domain, rounds[0].id).await?.is_empty());
    assert_eq!(budgets::spent(&site.t.viewer(), &site.domain, federation.id).await?.rounds, 0);
});

both!(a_masked_round_that_fails_has_cost_as_much_and_is_charged_again, async |t: TestDb| {
    let mut site = Site::new(t)?;
    for spare in [0, 1] {
        let spec = spec("8,4", &format!("epsilon: 20, spare_rounds: {spare}"));
        let (federation, mut clients) = begun_with(&site, &spec).await?;
        exchange(&site, &federation, &mut clients).await?;
        exchange(&site, &federation, &mut clients).await?;
        // Three of five are too few for what was agreed.
        exchange(&site, &federation, &mut clients[..3]).await?;
        late(&site, &federation, 600).await?;
        let spent = budgets::spent(&site.t.viewer(), &site.domain, federation.id).await?;
        assert_eq!(spent.rounds, 1 + spare);
        assert!(spent.epsilon <= 20.0, "{spent:?}");
        let after = site.get(&federation).await?;
        if spare == 0 {
            assert_eq!(after.state, FederationState::Failed);
            assert!(after.reason.unwrap().contains("dp.epsilon"));
            continue;
        }
        assert_eq!(after.state, FederationState::Running);
        let mut again = claimed(&site).await?;
        assert_ne!(again[0].task.round, clients[0].task.round, "other masks and other noise");
        site = play(site, &federation, &mut again, 5).await?;
        moved(&site, &federation, &again[0]).await?;
    }
});

both!(correlated_noise_does_not_add_up_where_updates_are_masked, async |t: TestDb| {
    let mut site = Site::new(t)?;
    for matrix in ["matrix: tree", "bands: 2, residue: 0.25"] {
        let spec = spec("8,4", &format!("epsilon: 20, mechanism: dp_ftrl, max_participations: 2, {matrix}"));
        let (federation, mut first) =
            begun_with(&site, &spec.replace("num_rounds: 1", "num_rounds: 2")).await?;
        let key = key(&site, &federation).await?;
        first.iter_mut().for_each(|client| client.change.fill(0.0));
        site = play(site, &federation, &mut first, 5).await?;
        let mut second = claimed(&site).await?;
        second.iter_mut().for_each(|client| client.change.fill(0.0));
        site = play(site, &federation, &mut second, 5).await?;
        let done = site.get(&federation).await?;
        assert_eq!((done.state, done.completed_rounds), (FederationState::Completed, 2), "{:?}", done.reason);
        let (before, after) =
            (site.elements(&first[0].task.model.to_string())?, site.elements(&done.model.unwrap())?);
        // Two rounds are one node of the tree, and the noise of the first is gone; of bands, three quarters of it.
        let noises: &[(&[&str], f64)] = match matrix {
            "matrix: tree" => &[(&["tree", "1", "0"], 1.0)],
            _ => &[(&["banded", "1"], 0.25), (&["banded", "2"], 1.0)],
        };
        let mut noises: Vec<_> =
            noises.iter().map(|(labels, share)| (Noise::new(&derive(&key, labels), 0), share)).collect();
        let z = federation.spec.dp.as_ref().unwrap().noise_multiplier;
        for (before, after) in before.iter().zip(after).take(32) {
            let drawn: f64 = noises.iter_mut().map(|(noise, share)| noise.draw() as f64 * *share).sum();
            let noise = drawn / (1u64 << LATTICE_BITS) as f64 * z * NORM;
            let sum = 5.0 * f64::from(after - before) - noise;
            assert!(sum.abs() < 1e-4, "{sum} is left beside noise of {noise}");
        }
    }
});

/// How a client goes whose masked update is taken.
#[derive(Clone, Copy)]
enum Goes {
    /// Its link breaks before the survivors are listed.
    BeforeTheList,
    /// It says that it failed, and does not consent.
    WithAnError,
    /// It does not consent, and time is up.
    InSilence,
    /// It consents, does not reveal, and time is up.
    AtLast,
}

/// Whoever is in the sum has taken part: with correlated noise it is not asked once more than was accounted.
async fn who_goes_after_masking_has_taken_part(t: TestDb, goes: Goes) -> Result<()> {
    let site = Site::new(t)?;
    let spec = spec("8,4", "epsilon: 20, mechanism: dp_ftrl, max_participations: 1, matrix: tree");
    let spec = spec.replace("num_rounds: 1", "num_rounds: 2").replace("min_clients: 5", "min_clients: 10");
    let (federation, mut clients) = begun_among(&site, &format!("{spec}client_fraction: 0.5\n")).await?;
    assert_eq!(clients.len(), 5);
    let round = clients[0].task.round;
    exchange(&site, &federation, &mut clients).await?;
    exchange(&site, &federation, &mut clients).await?;
    let gone = clients.last().unwrap().task.clone();
    if matches!(goes, Goes::BeforeTheList) {
        let (last, others) = clients.split_last_mut().unwrap();
        exchange(&site, &federation, std::slice::from_mut(last)).await?;
        site.leave(gone.node).await?;
        exchange(&site, &federation, others).await?;
        let number = (1..=10).find(|number| NodeId::from_bits(*number) == gone.node);
        site.join(number.expect("it is one of the ten")).await?;
    } else {
        exchange(&site, &federation, &mut clients).await?;
    }
    if matches!(goes, Goes::WithAnError) {
        let reply = Reply { error: Some("403".into()), ..Reply::default() };
        accept_reply::accept_reply(&site.t.node(gone.node), &site.domain, gone.lease, reply).await?;
    }
    if matches!(goes, Goes::AtLast) {
        exchange(&site, &federation, &mut clients).await?;
    }
    clients.pop();
    exchange(&site, &federation, &mut clients).await?;
    if matches!(goes, Goes::InSilence | Goes::AtLast) {
        late(&site, &federation, 101).await?;
    }
    if !matches!(goes, Goes::AtLast) {
        exchange(&site, &federation, &mut clients).await?;
    }
    assert_eq!(site.get(&federation).await?.completed_rounds, 1);
    let (cx, domain) = (site.t.viewer(), &site.domain);
    for lease in read::list_leases(&cx, domain, round).await? {
        assert_eq!(
            (lease.state, lease.report.map(|report| report.num_examples)),
            (LeaseState::Released, Some(1.0))
        );
    }
    let train = &read::list_rollups(&cx, domain, federation.id, 0).await?[0].1.train;
    assert_eq!((train.clients, train.dropped), (5, 0));
    let models = read::list_artifacts(&cx, domain, Some(federation.id), None, 10).await?;
    assert!(
        models.iter().any(|model| model.metadata["clients"].as_array().is_some_and(|all| all.len() == 5))
    );
    let second = read::list_rounds(&cx, domain, federation.id, 0, 10).await?;
    let second = second.iter().find(|round| round.number == 2).expect("five others are left");
    let asked = read::list_leases(&cx, domain, second.id).await?;
    assert_eq!(asked.len(), 5);
    assert!(asked.iter().all(|lease| lease.node != gone.node), "it is asked a second time");
    Ok(())
}

both!(who_is_gone_before_the_survivors_are_listed_has_taken_part, async |t: TestDb| {
    who_goes_after_masking_has_taken_part(t, Goes::BeforeTheList).await?;
});

both!(who_masks_and_then_fails_has_taken_part, async |t: TestDb| {
    who_goes_after_masking_has_taken_part(t, Goes::WithAnError).await?;
});

both!(who_masks_and_does_not_consent_has_taken_part, async |t: TestDb| {
    who_goes_after_masking_has_taken_part(t, Goes::InSilence).await?;
});

both!(who_masks_and_does_not_reveal_has_taken_part, async |t: TestDb| {
    who_goes_after_masking_has_taken_part(t, Goes::AtLast).await?;
});
