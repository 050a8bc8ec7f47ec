//! A node's presence from its coming to its going, and what is counted of it.

use serde::Serialize;
use thunderline_core::{NodeId, SessionId, SignedDuration, TenantId, Timestamp};

/// How a node's requests travel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Transport {
    /// Flower's Fleet API over HTTP.
    #[default]
    Http,
    /// Flower's Fleet API over gRPC.
    Grpc,
    /// Thunderline's own runner, over HTTP.
    Runner,
}

impl Transport {
    /// The name in tables and listings.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Grpc => "grpc",
            Self::Runner => "runner",
        }
    }

    pub(crate) fn named(name: &str) -> Option<Self> {
        [Self::Http, Self::Grpc, Self::Runner].into_iter().find(|transport| transport.name() == name)
    }
}

/// How a session stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SessionState {
    /// The node is heard as it promised.
    Established,
    /// A sign of life is overdue.
    Degraded,
    /// The node has gone.
    Closed,
}

impl SessionState {
    /// The name in tables and listings.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Established => "established",
            Self::Degraded => "degraded",
            Self::Closed => "closed",
        }
    }

    pub(crate) fn named(name: &str) -> Option<Self> {
        [Self::Established, Self::Degraded, Self::Closed].into_iter().find(|state| state.name() == name)
    }
}

/// A node's presence, from its coming to its going.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Session {
    /// Its id.
    pub id: SessionId,
    /// Whose it is.
    #[serde(skip)]
    pub tenant: TenantId,
    /// Which node.
    pub node: NodeId,
    /// How its requests travel.
    pub transport: Transport,
    /// The process that hears it.
    #[serde(skip)]
    pub home: String,
    /// How it stands.
    pub state: SessionState,
    /// When the node came.
    pub opened_at: Timestamp,
    /// When it went.
    pub closed_at: Option<Timestamp>,
    /// Why.
    pub reason: Option<String>,
    /// How many requests came.
    pub requests: u32,
    /// Mean age of a request's signature when it came: the network's delay and the difference of both clocks.
    pub lag_micros: Option<i64>,
    /// The longest time between two requests.
    pub longest_gap_micros: i64,
    /// When the node was last heard, where this process hears it.
    pub last_seen: Option<Timestamp>,
}

/// What is counted of requests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) requests: u32,
    lag_sum: i64,
    lags: u32,
    pub(crate) longest_gap_micros: i64,
}

impl Tally {
    /// What was counted before this process took the session over.
    pub(crate) fn of(session: &Session) -> Self {
        let lags = if session.lag_micros.is_some() { session.requests } else { 0 };
        Self {
            requests: session.requests,
            lag_sum: session.lag_micros.unwrap_or(0).saturating_mul(lags.into()),
            lags,
            longest_gap_micros: session.longest_gap_micros,
        }
    }

    pub(crate) fn count(&mut self, gap: SignedDuration, lag: Option<SignedDuration>) {
        self.requests = self.requests.saturating_add(1);
        self.longest_gap_micros = self.longest_gap_micros.max(micros(gap));
        if let Some(lag) = lag {
            self.lag_sum = self.lag_sum.saturating_add(micros(lag));
            self.lags = self.lags.saturating_add(1);
        }
    }

    pub(crate) fn mean_lag(&self) -> Option<i64> {
        (self.lags > 0).then(|| self.lag_sum / i64::from(self.lags))
    }
}

fn micros(duration: SignedDuration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tally_keeps_the_mean_lag_and_the_longest_gap() {
        let ms = SignedDuration::from_millis;
        let mut tally = Tally::default();
        assert_eq!(tally.mean_lag(), None);
        tally.count(ms(100), Some(ms(10)));
        tally.count(ms(30), Some(ms(20)));
        tally.count(ms(30), None);
        assert_eq!((tally.requests, tally.mean_lag(), tally.longest_gap_micros), (3, Some(15_000), 100_000));
    }
}
