//! Choosing clients exactly as the accountant assumes.
//!
//! The draw comes from a secret key, not from the spec's seed, which everybody may read: who can tell who took part gets no
//! amplification by sampling. Nothing that clients answer has a say, and the sum's divisor is fixed here.

use std::{collections::HashMap, fmt};

use thunderline_core::{NodeId, RoundId};
use thunderline_numerics::{
    privacy::noise::{Key, derive},
    random::Rng,
};

use crate::{
    select::Candidate,
    spec::{
        FederationSpec,
        dp::{Dp, Draw},
    },
};

/// What a draw depends on beside the spec.
#[derive(Clone)]
pub struct Secrets {
    /// The federation's key.
    pub key: Key,
    /// In how many rounds each node took part that made a model, and the last one's number.
    pub past: HashMap<NodeId, (u32, u32)>,
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The key must not reach a log.
        f.debug_struct("Secrets").field("past", &self.past).finish_non_exhaustive()
    }
}

/// Who takes part.
#[derive(Clone, Debug, PartialEq)]
pub struct Drawn {
    /// The nodes, in fold order.
    pub nodes: Vec<NodeId>,
    /// What the clipped sum is divided by.
    pub divisor: f64,
}

/// Draws from the eligible nodes, of which there are at least `min_clients`; `None` where the round has to wait for more.
#[must_use]
pub fn draw(
    spec: &FederationSpec,
    dp: &Dp,
    (round, number): (RoundId, u32),
    eligible: &[&Candidate],
    secrets: &Secrets,
) -> Option<Drawn> {
    let mut sorted: Vec<_> = eligible.to_vec();
    sorted.sort_by(|a, b| a.name.cmp(&b.name).then(a.node.cmp(&b.node)));
    let mut rng = Rng::keyed(derive(&secrets.key, &["select", &round.to_string()]));
    let (rate, all) = (spec.client_fraction, sorted.len() as f64);
    let nodes = |chosen: Vec<&Candidate>| chosen.into_iter().map(|candidate| candidate.node).collect();
    Some(match dp.sampling {
        Draw::All => Drawn { nodes: nodes(sorted), divisor: all },
        Draw::Poisson => {
            let chosen = sorted.into_iter().filter(|_| rng.uniform() < rate).collect();
            Drawn { nodes: nodes(chosen), divisor: rate * all }
        }
        Draw::FixedSize => {
            // Never more than the share that is accounted for; the spec sees to it that this is at least one.
            let count = (rate * all * (1.0 + 1e-12)).floor().max(1.0);
            Drawn { nodes: nodes(pick(&mut rng, &sorted, count as usize)), divisor: count }
        }
        Draw::Limited => {
            let (most, separation) = (dp.max_participations.unwrap_or(0), dp.min_separation.unwrap_or(1));
            let allowed: Vec<_> = sorted
                .into_iter()
                .filter(|candidate| {
                    secrets
                        .past
                        .get(&candidate.node)
                        .is_none_or(|(times, last)| *times < most && number >= last + separation)
                })
                .collect();
            // The rounds' noise cancels only where all have the same divisor.
            let count = (rate * f64::from(spec.min_clients)).round().max(1.0);
            if (allowed.len() as f64) < count {
                return None;
            }
            Drawn { nodes: nodes(pick(&mut rng, &allowed, count as usize)), divisor: count }
        }
    })
}

/// So many of them, in their order.
fn pick<'a>(rng: &mut Rng, from: &[&'a Candidate], count: usize) -> Vec<&'a Candidate> {
    let mut places = rng.sample(from.len(), count);
    places.sort_unstable();
    places.into_iter().map(|place| from[place]).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use thunderline_contracts::link::NodeKind;
    use thunderline_core::RoundId;

    use super::*;

    fn spec(extra: &Value) -> FederationSpec {
        let mut document = json!({ "model_ref": "builtin:softmax(4,2)", "num_rounds": 10, "min_clients": 10,
            "dp": { "epsilon": 5, "delta": 1e-5, "clip_norm": 1, "accountant": "rdp" } });
        for (key, value) in extra.as_object().unwrap() {
            match value {
                Value::Object(inner) => document[key].as_object_mut().unwrap().extend(inner.clone()),
                plain => document[key] = plain.clone(),
            }
        }
        FederationSpec::parse(&document, 1).unwrap()
    }

    fn candidates(count: u64) -> Vec<Candidate> {
        (1..=count)
            .map(|number| Candidate {
                capabilities: Default::default(),
                node: NodeId::from_bits(number),
                name: format!("n{number:03}"),
                kind: NodeKind::Runner,
                tags: Vec::new(),
                online: true,
            })
            .collect()
    }

    fn rounds(spec: &FederationSpec, count: u64, times: u64, secrets: &Secrets) -> Vec<Drawn> {
        let candidates = candidates(count);
        let eligible: Vec<_> = candidates.iter().collect();
        (0..times)
            .map(|time| {
                let round = RoundId(uuid::Uuid::from_u128(time.into()));
                draw(spec, spec.dp.as_ref().unwrap(), (round, 1), &eligible, secrets).unwrap()
            })
            .collect()
    }

    fn secrets(key: u8) -> Secrets {
        Secrets { key: [key; 32], past: HashMap::new() }
    }

    #[test]
    fn poisson_draws_each_client_by_itself_with_the_accounted_probability() {
        let spec = spec(&json!({ "client_fraction": 0.2 }));
        let drawn = rounds(&spec, 20, 5000, &secrets(1));
        let sizes: Vec<f64> = drawn.iter().map(|drawn| drawn.nodes.len() as f64).collect();
        let mean = sizes.iter().sum::<f64>() / 5000.0;
        let variance = sizes.iter().map(|size| (size - mean).powi(2)).sum::<f64>() / 5000.0;
        // Binomial(20, 0.2): a fixed number of clients would have no variance.
        assert!((mean - 4.0).abs() < 0.1 && (variance - 3.2).abs() < 0.25, "{mean} {variance}");
        assert!(sizes.contains(&0.0), "a round without clients is a round");
        for node in 1..=20 {
            let times = drawn.iter().filter(|drawn| drawn.nodes.contains(&NodeId::from_bits(node))).count();
            assert!(times.abs_diff(1000) < 130, "{node}: {times}");
        }
        assert!(drawn.iter().all(|drawn| drawn.divisor == 4.0));
    }

    #[test]
    fn a_fixed_size_never_exceeds_the_accounted_share() {
        let spec = spec(&json!({ "client_fraction": 0.3, "dp": { "sampling": "fixed_size" } }));
        for (there, wanted) in [(10, 3), (11, 3), (13, 3), (14, 4), (20, 6)] {
            for drawn in rounds(&spec, there, 20, &secrets(1)) {
                assert_eq!((drawn.nodes.len(), drawn.divisor), (wanted, wanted as f64), "{there}");
            }
        }
    }

    #[test]
    fn the_draw_is_secret_repeatable_and_new_in_every_round() {
        let spec = spec(&json!({ "client_fraction": 0.5 }));
        let first = rounds(&spec, 30, 2, &secrets(1));
        assert_eq!(first, rounds(&spec, 30, 2, &secrets(1)));
        assert_ne!(first[0], first[1]);
        assert_ne!(first, rounds(&spec, 30, 2, &secrets(2)), "the spec and its seed do not give it away");
    }

    #[test]
    fn without_sampling_everybody_takes_part() {
        let drawn = rounds(&spec(&json!({})), 12, 1, &secrets(1));
        assert_eq!((drawn[0].nodes.len(), drawn[0].divisor), (12, 12.0));
    }

    #[test]
    fn correlated_noise_asks_nobody_too_often_or_too_soon() {
        let spec = spec(&json!({ "client_fraction": 0.5,
            "dp": { "mechanism": "dp_ftrl", "min_separation": 3, "max_participations": 2 } }));
        let candidates = candidates(12);
        let eligible: Vec<_> = candidates.iter().collect();
        let node = NodeId::from_bits;
        // Five who were here in round 4, two who may not come any more: five are left, and five are wanted.
        let mut past: HashMap<_, _> = (1..=5).map(|number| (node(number), (1, 4))).collect();
        past.extend([(node(6), (2, 1)), (node(7), (2, 1))]);
        let secrets = Secrets { key: [1; 32], past };
        let dp = spec.dp.as_ref().unwrap();
        let round = RoundId(uuid::Uuid::nil());
        let drawn = draw(&spec, dp, (round, 6), &eligible, &secrets).unwrap();
        assert_eq!((drawn.nodes, drawn.divisor), ((8..=12).map(node).collect(), 5.0));
        assert_eq!(draw(&spec, dp, (round, 6), &eligible[..11], &secrets), None, "the round waits");
        let later = draw(&spec, dp, (round, 7), &eligible[..11], &secrets).unwrap();
        assert!(!later.nodes.contains(&node(6)) && !later.nodes.contains(&node(7)));
    }
}
