//! A round's summary: who took part, what they measured, what it cost.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::task::{NUM_EXAMPLES, Report};

/// What the clients of one exchange measured, averaged by examples.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Exchange {
    /// How many results count.
    pub clients: u32,
    /// The sum of their weights.
    pub num_examples: f64,
    /// For each metric, Σ wᵢmᵢ / Σ wᵢ over the clients that reported it.
    pub metrics: BTreeMap<String, f64>,
    /// Bytes of array elements that were sent, encoded where they were.
    pub bytes: u64,
    /// Bytes that the model has, as often: what the updates would be if nothing was left out or encoded.
    #[serde(default)]
    pub plain_bytes: u64,
    /// All bytes of the replies on the wire: arrays, their descriptions, metrics.
    #[serde(default)]
    pub wire_bytes: u64,
    /// From the first lease to the last result, in seconds.
    pub seconds: f64,
    /// Leases that ended without a result.
    pub dropped: u32,
    /// How stale the results were; none where clients are asked in rounds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub staleness: Option<Staleness>,
}

/// By how many versions a model was newer than those that the updates in it began from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Staleness {
    /// On average over the updates.
    pub mean: f64,
    /// The greatest.
    pub most: u32,
}

/// The mean and the greatest of these; none where there is nothing to tell.
#[must_use]
pub fn staleness(of: &[u32]) -> Option<Staleness> {
    let most = of.iter().copied().max()?;
    let sum: f64 = of.iter().copied().map(f64::from).sum();
    Some(Staleness { mean: sum / of.len() as f64, most })
}

/// Held-out data, judged on the server.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ServerMetrics {
    /// Mean cross-entropy.
    pub loss: f64,
    /// The fraction that was classified rightly.
    pub accuracy: f64,
    /// How many examples were judged.
    pub examples: u64,
}

/// A round's summary.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Rollup {
    /// The training exchange.
    pub train: Exchange,
    /// The evaluation exchange, where there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evaluate: Option<Exchange>,
    /// The server's own judgement, where there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server: Option<ServerMetrics>,
    /// Seconds from the last update to the stored, verified checkpoint.
    pub aggregate_seconds: f64,
    /// What an external strategy measured.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub aggregate_metrics: BTreeMap<String, f64>,
}

/// Summarises the results of one exchange, in fold order.
#[must_use]
pub fn exchange(reports: &[&Report], leases: usize, seconds: f64) -> Exchange {
    let mut sums: BTreeMap<&str, (f64, f64)> = BTreeMap::new();
    for report in reports {
        for (name, value) in report.metrics.iter().filter(|(name, _)| *name != NUM_EXAMPLES) {
            let (sum, weight) = sums.entry(name).or_default();
            *sum += value * report.num_examples;
            *weight += report.num_examples;
        }
    }
    Exchange {
        clients: reports.len() as u32,
        num_examples: reports.iter().map(|report| report.num_examples).sum(),
        metrics: sums.into_iter().map(|(name, (sum, weight))| (name.to_owned(), sum / weight)).collect(),
        bytes: reports.iter().map(|report| report.bytes).sum(),
        plain_bytes: reports.iter().map(|report| report.plain_bytes).sum(),
        wire_bytes: reports.iter().map(|report| report.wire_bytes).sum(),
        seconds,
        dropped: (leases - reports.len()) as u32,
        staleness: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(num_examples: f64, metrics: &[(&str, f64)]) -> Report {
        let metrics = metrics.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect();
        Report { num_examples, metrics, bytes: 8, plain_bytes: 16, wire_bytes: 20 }
    }

    #[test]
    fn metrics_are_averaged_over_those_who_reported_them() {
        let reports = [
            report(10.0, &[("loss", 1.0), (NUM_EXAMPLES, 10.0)]),
            report(30.0, &[("loss", 2.0), ("accuracy", 0.5)]),
        ];
        let summary = exchange(&reports.iter().collect::<Vec<_>>(), 3, 1.5);
        assert_eq!(summary.metrics["loss"], 1.75);
        assert_eq!(summary.metrics["accuracy"], 0.5);
        assert!(!summary.metrics.contains_key(NUM_EXAMPLES));
        assert_eq!((summary.plain_bytes, summary.wire_bytes), (32, 40));
        assert_eq!((summary.clients, summary.num_examples, summary.dropped, summary.bytes), (2, 40.0, 1, 16));
    }
}
