//! What a round's clients agree to, as it goes to them with their task; and how long an exchange may take.

use serde::{Deserialize, Serialize};
use thunderline_core::{Error, Result, RoundId, SignedDuration, Timestamp};
use thunderline_numerics::{DType, ModelSchema};
use thunderline_secagg::Session;

use super::{Exchange, refused};
use crate::spec::{FederationSpec, SecureAgg};

/// The setting under which clients get the terms.
pub(crate) const KEY: &str = "thunderline.secure_agg";

/// The terms of a masked round, as JSON in the task's settings. The task's manifest is signed over them.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Terms {
    /// The round: what makes the session one of a kind.
    pub round: RoundId,
    /// Updates are clipped to ±`clip`, number by number.
    pub clip: f32,
    /// The most that one client can weigh; with 1, all weigh the same.
    pub max_weight: u32,
    /// The fewest clients.
    pub min_members: u16,
    /// The most clients.
    pub max_members: u16,
    /// How many in a thousand may work with the server.
    pub corrupt: u16,
    /// How many in a thousand may fall away.
    pub dropouts: u16,
}

/// The terms of a round that asks for so many clients.
pub(crate) fn of_round(spec: &SecureAgg, round: RoundId, wanted: u32) -> Terms {
    let permille = |share: f64| (share * 1000.0).round() as u16;
    Terms {
        round,
        clip: spec.clip as f32,
        max_weight: spec.max_weight,
        min_members: 3,
        max_members: u16::try_from(wanted).unwrap_or(u16::MAX),
        corrupt: permille(spec.corrupt),
        dropouts: permille(spec.dropouts),
    }
}

impl Terms {
    /// The session for models of this schema.
    ///
    /// # Errors
    /// `invalid` where such a model cannot be masked, or the terms cannot be kept.
    pub fn session(&self, schema: &ModelSchema) -> Result<Session> {
        let mut dimension = 0u64;
        for array in schema.arrays() {
            if array.dtype != DType::F32 {
                let why = format!("secure aggregation takes f32 arrays; '{}' is {}", array.name, array.dtype);
                return Err(Error::new(thunderline_core::ErrorKind::Invalid, why));
            }
            dimension += array.bytes().unwrap_or(u64::MAX) / 4;
        }
        let terms = thunderline_secagg::Terms {
            dimension: u32::try_from(dimension).unwrap_or(u32::MAX),
            clip: self.clip,
            max_weight: self.max_weight,
            min_members: self.min_members,
            max_members: self.max_members,
            corrupt: self.corrupt,
            dropouts: self.dropouts,
        };
        Session::new(self.round.to_string().as_bytes(), terms).map_err(|refusal| refused(&refusal))
    }
}

/// An exchange without training takes an eighth of the round's time at most, and two minutes.
fn short(spec: &FederationSpec) -> SignedDuration {
    SignedDuration::from_secs(i64::from(spec.round.deadline / 8).clamp(1, 120))
}

/// When the first exchange ends: clients have the task to fetch, and the model.
pub(crate) fn first_deadline(spec: &FederationSpec, now: Timestamp, round_ends: Timestamp) -> Timestamp {
    sum(now, short(spec) + short(spec)).min(round_ends)
}

/// When an exchange that begins now ends. Training has what the two that follow it leave of the round's time.
pub(super) fn deadline(
    spec: &FederationSpec,
    exchange: Exchange,
    now: Timestamp,
    round_ends: Timestamp,
) -> Timestamp {
    let ends = match exchange {
        Exchange::Mask => sum(round_ends, -(short(spec) + short(spec))).max(sum(now, short(spec))),
        _ => sum(now, short(spec)),
    };
    ends.min(round_ends)
}

fn sum(time: Timestamp, by: SignedDuration) -> Timestamp {
    time.checked_add(by).unwrap_or(time)
}
