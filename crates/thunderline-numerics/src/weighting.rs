//! What each client counts in a mean.
//!
//! *Recency*: examples · 2^(−age / half-life), where the age of its data in seconds is what the client reports as
//! `data-age`; a client that does not say counts as the oldest that did. *Entropy*: examples · exp(H), where H in nats is the
//! entropy of its labels, reported as `label-entropy`; exp(H) is the effective number of labels, 1 where a client has one
//! label only, or does not say.
//!
//! *The cap* bounds the share of any one client. What is cut off goes to the others in proportion to their weights, again
//! and again until nobody is above it; where even equal shares would be, all are equal.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The metric by which clients report how old their newest example is, in seconds.
pub const DATA_AGE: &str = "data-age";
/// The metric by which clients report the entropy of their labels, in nats.
pub const LABEL_ENTROPY: &str = "label-entropy";

/// What weights are made from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum By {
    /// The number of examples.
    Examples,
    /// Every client the same.
    Uniform,
    /// Examples, less the older they are.
    Recency,
    /// Examples, more the more labels they have.
    Entropy,
}

impl By {
    /// Every way to weigh.
    pub const ALL: [Self; 4] = [Self::Examples, Self::Uniform, Self::Recency, Self::Entropy];

    /// The name in specs.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Examples => "examples",
            Self::Uniform => "uniform",
            Self::Recency => "recency",
            Self::Entropy => "entropy",
        }
    }

    /// The metric that a client has to report for it; none for the number of examples, which all report.
    #[must_use]
    pub const fn metric(self) -> Option<&'static str> {
        match self {
            Self::Examples | Self::Uniform => None,
            Self::Recency => Some(DATA_AGE),
            Self::Entropy => Some(LABEL_ENTROPY),
        }
    }
}

/// How clients are weighed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Weighting {
    /// What weights are made from.
    pub by: By,
    /// The largest share of one client, in (0, 1].
    pub cap: f64,
    /// Seconds in which a client's weight halves, above 0; for [`By::Recency`].
    pub half_life: f64,
}

/// What a client says about its data.
#[derive(Clone, Copy, Debug, Default)]
pub struct Claim {
    /// How many examples, above 0.
    pub examples: f64,
    /// The metric of [`By::metric`], if it was reported.
    pub metric: Option<f64>,
}

impl Weighting {
    /// The clients' weights, in their order. With [`By::Examples`] and a cap of 1 these are the numbers of examples.
    #[must_use]
    pub fn weigh(&self, clients: &[Claim]) -> Vec<f64> {
        let mut weights: Vec<f64> = match self.by {
            By::Examples => clients.iter().map(|client| client.examples).collect(),
            By::Uniform => vec![1.0; clients.len()],
            By::Recency => {
                let ages: Vec<_> =
                    clients.iter().map(|client| client.metric.map(|age| age.max(0.0))).collect();
                let oldest = ages.iter().flatten().copied().fold(0.0, f64::max);
                let youngest = ages.iter().flatten().copied().fold(oldest, f64::min);
                let fade = |age: Option<f64>| {
                    // Relative to the youngest, so that data that is old everywhere still counts; the floor keeps every
                    // client above 0.
                    libm::exp2(((youngest - age.unwrap_or(oldest)) / self.half_life).max(-60.0))
                };
                clients.iter().zip(&ages).map(|(client, age)| client.examples * fade(*age)).collect()
            }
            By::Entropy => clients
                .iter()
                // No data set has more labels than e^20.
                .map(|client| client.examples * libm::exp(client.metric.unwrap_or(0.0).clamp(0.0, 20.0)))
                .collect(),
        };
        limit(&mut weights, self.cap);
        weights
    }
}

/// The entropy of a data set's labels, in nats.
#[must_use]
pub fn label_entropy(labels: &[u32]) -> f64 {
    let mut counts = BTreeMap::new();
    for label in labels {
        *counts.entry(label).or_insert(0u64) += 1;
    }
    let total = labels.len() as f64;
    counts.values().map(|&count| count as f64 / total).map(|share| -share * libm::log(share)).sum()
}

/// Lowers weights until no share is above the cap.
fn limit(weights: &mut [f64], cap: f64) {
    let count = weights.len();
    if cap >= 1.0 {
        return;
    }
    if cap * count as f64 <= 1.0 + 1e-12 {
        weights.fill(1.0);
        return;
    }
    let total: f64 = weights.iter().sum();
    if weights.iter().all(|weight| weight / total <= cap) {
        return;
    }
    // With the k largest at the cap, the others share 1 − k·cap; the first k for which the next one fits is the answer.
    let mut order: Vec<usize> = (0..count).collect();
    order.sort_by(|&one, &other| weights[other].total_cmp(&weights[one]).then(one.cmp(&other)));
    let mut rest = total;
    for (above, &place) in order.iter().enumerate() {
        let left = 1.0 - above as f64 * cap;
        if weights[place] / rest * left <= cap {
            let scale = left / rest;
            order[above..].iter().for_each(|&place| weights[place] *= scale);
            order[..above].iter().for_each(|&place| weights[place] = cap);
            return;
        }
        rest = order[above + 1..].iter().map(|&place| weights[place]).sum();
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn weigh(by: By, cap: f64, clients: &[(f64, Option<f64>)]) -> Vec<f64> {
        let claims: Vec<_> = clients.iter().map(|&(examples, metric)| Claim { examples, metric }).collect();
        Weighting { by, cap, half_life: 10.0 }.weigh(&claims)
    }

    #[test]
    fn examples_without_a_cap_are_left_as_they_are() {
        assert_eq!(weigh(By::Examples, 1.0, &[(3.0, None), (1e9, Some(4.0))]), [3.0, 1e9]);
        assert_eq!(weigh(By::Examples, 0.1, &[(7.0, None)]), [1.0]);
        assert_eq!(weigh(By::Uniform, 1.0, &[(3.0, None), (1e9, None)]), [1.0, 1.0]);
    }

    #[test]
    fn data_fades_by_half_in_each_half_life_and_silence_counts_as_the_oldest() {
        let clients = [(8.0, Some(100.0)), (8.0, Some(110.0)), (8.0, Some(130.0)), (16.0, None)];
        assert_eq!(weigh(By::Recency, 1.0, &clients), [8.0, 4.0, 1.0, 2.0]);
        assert_eq!(weigh(By::Recency, 1.0, &[(5.0, None), (6.0, None)]), [5.0, 6.0]);
        assert!(
            weigh(By::Recency, 1.0, &[(5.0, Some(0.0)), (6.0, Some(1e300))])
                .iter()
                .all(|weight| *weight > 0.0)
        );
    }

    #[test]
    fn a_client_counts_by_its_effective_number_of_labels() {
        let weights = weigh(By::Entropy, 1.0, &[(5.0, Some(10f64.ln())), (5.0, Some(0.0)), (5.0, None)]);
        assert!((weights[0] - 50.0).abs() < 1e-12 && weights[1..] == [5.0, 5.0], "{weights:?}");
        assert!(weigh(By::Entropy, 1.0, &[(1.0, Some(1e9)), (1.0, None)])[0].is_finite());
    }

    #[test]
    fn labels_that_are_equally_frequent_have_the_entropy_of_their_number() {
        assert_eq!(label_entropy(&[3, 3, 3]), 0.0);
        assert_eq!(label_entropy(&[]), 0.0);
        assert!((label_entropy(&[0, 1, 2, 9, 9, 0, 1, 2]) - 4f64.ln()).abs() < 1e-15);
    }

    #[test]
    fn what_is_above_the_cap_goes_to_the_others() {
        let weights = weigh(By::Examples, 0.5, &[(80.0, None), (10.0, None), (10.0, None)]);
        assert_eq!(weights, [0.5, 0.25, 0.25]);
        // 0.6 is cut to 0.4, which lifts 0.3 above it in turn.
        let weights = weigh(By::Examples, 0.4, &[(6.0, None), (3.0, None), (1.0, None)]);
        assert!((weights[0] - 0.4).abs() < 1e-15 && (weights[1] - 0.4).abs() < 1e-15, "{weights:?}");
        assert!((weights[2] - 0.2).abs() < 1e-15, "{weights:?}");
        assert_eq!(weigh(By::Examples, 0.25, &[(6.0, None), (3.0, None), (1.0, None)]), [1.0, 1.0, 1.0]);
    }

    proptest! {
        #[test]
        fn no_share_is_above_the_cap_and_larger_clients_stay_larger(
            examples in proptest::collection::vec(1f64..1e6, 1..40),
            cap in 0.01f64..1.0,
        ) {
            let clients: Vec<_> = examples.iter().map(|examples| (*examples, None)).collect();
            let weights = weigh(By::Examples, cap, &clients);
            let total: f64 = weights.iter().sum();
            let bound = cap.max(1.0 / clients.len() as f64) * (1.0 + 1e-9);
            prop_assert!(weights.iter().all(|weight| *weight > 0.0 && weight / total <= bound));
            for (one, left) in weights.iter().zip(&examples) {
                for (other, right) in weights.iter().zip(&examples) {
                    prop_assert!(left < right || one >= &(other * (1.0 - 1e-12)));
                }
            }
        }
    }
}
