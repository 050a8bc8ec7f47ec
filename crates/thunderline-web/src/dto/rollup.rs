//! A round's summary.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Who took part in a completed round, what they measured, what it cost.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Rollup {
    /// Which round, from 1.
    pub round: u32,
    /// The training exchange.
    pub train: Exchange,
    /// The clients' evaluation, where there was one.
    pub evaluate: Option<Exchange>,
    /// The server's own judgement on held-out data, where there was one.
    pub server: Option<ServerMetrics>,
    /// Seconds from the last update to the stored, verified checkpoint.
    pub aggregate_seconds: f64,
    /// What an external strategy measured; absent with the others.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub aggregate_metrics: BTreeMap<String, f64>,
}

/// One exchange with the clients.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Exchange {
    /// How many results count.
    pub clients: u32,
    /// The sum of their examples.
    pub num_examples: f64,
    /// Each metric, averaged by examples.
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
    /// How stale the results were; absent where clients are asked in rounds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub staleness: Option<Staleness>,
}

/// By how many versions a model was newer than those that the updates in it began from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Staleness {
    /// On average over the updates.
    pub mean: f64,
    /// The greatest.
    pub most: u32,
}

/// Held-out data, judged on the server.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ServerMetrics {
    /// Mean cross-entropy in nats.
    pub loss: f64,
    /// The fraction that was classified rightly.
    pub accuracy: f64,
    /// How many examples were judged.
    pub examples: u64,
}

impl Rollup {
    /// The best available judgement of the round's model: the server's, else the clients', else what they saw while
    /// training.
    #[must_use]
    pub fn metric(&self, name: &str) -> Option<f64> {
        let server = self.server.as_ref().and_then(|server| match name {
            "accuracy" => Some(server.accuracy),
            "loss" => Some(server.loss),
            _ => None,
        });
        let evaluated = || self.evaluate.as_ref().and_then(|exchange| exchange.metrics.get(name).copied());
        server.or_else(evaluated).or_else(|| self.train.metrics.get(name).copied())
    }
}

impl From<(u32, federation::rollup::Rollup)> for Rollup {
    fn from((round, it): (u32, federation::rollup::Rollup)) -> Self {
        Self {
            round,
            train: it.train.into(),
            evaluate: it.evaluate.map(Into::into),
            server: it.server.map(Into::into),
            aggregate_seconds: it.aggregate_seconds,
            aggregate_metrics: it.aggregate_metrics,
        }
    }
}

impl From<federation::rollup::Exchange> for Exchange {
    fn from(it: federation::rollup::Exchange) -> Self {
        let federation::rollup::Exchange {
            clients,
            num_examples,
            metrics,
            bytes,
            plain_bytes,
            wire_bytes,
            seconds,
            dropped,
            staleness,
        } = it;
        let staleness = staleness.map(|it| Staleness { mean: it.mean, most: it.most });
        Self { clients, num_examples, metrics, bytes, plain_bytes, wire_bytes, seconds, dropped, staleness }
    }
}

impl From<federation::rollup::ServerMetrics> for ServerMetrics {
    fn from(it: federation::rollup::ServerMetrics) -> Self {
        let federation::rollup::ServerMetrics { loss, accuracy, examples } = it;
        Self { loss, accuracy, examples }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn held_out_data_outranks_what_clients_say() {
        let exchange = |accuracy| Exchange {
            metrics: [("accuracy".to_owned(), accuracy)].into(),
            ..Exchange::default()
        };
        let mut rollup = Rollup { train: exchange(0.1), ..Rollup::default() };
        assert_eq!(rollup.metric("accuracy"), Some(0.1));
        rollup.evaluate = Some(exchange(0.2));
        assert_eq!(rollup.metric("accuracy"), Some(0.2));
        rollup.server = Some(ServerMetrics { accuracy: 0.3, ..ServerMetrics::default() });
        assert_eq!(rollup.metric("accuracy"), Some(0.3));
        assert_eq!(rollup.metric("f1"), None);
    }
}
