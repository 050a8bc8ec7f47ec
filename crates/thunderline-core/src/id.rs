//! Typed identifiers: a federation's id cannot be passed where a round's is wanted.
//!
//! Ids that we mint are UUID version 7 (RFC 9562): sortable by creation time. [`NodeId`] and [`RunId`] are the 64-bit
//! numbers that Flower's wire format carries; both stay below 2^63 so that they fit a signed SQL integer.

use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};
use uuid::Uuid;

use crate::{Error, Result};

/// The name of a kind of thing with the article before it.
fn article(what: &str) -> String {
    let article = if what.starts_with(['a', 'e', 'i', 'o', 'u']) { "an" } else { "a" };
    format!("{article} {what}")
}

macro_rules! uuid_id {
    ($($(#[$doc:meta])* $name:ident = $what:literal),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl From<Uuid> for $name {
            fn from(uuid: Uuid) -> Self { Self(uuid) }
        }
        impl From<$name> for Uuid {
            fn from(id: $name) -> Self { id.0 }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { self.0.fmt(f) }
        }
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { write!(f, concat!($what, ":{}"), self.0) }
        }
        impl FromStr for $name {
            type Err = Error;
            fn from_str(text: &str) -> Result<Self> {
                Uuid::parse_str(text).map(Self).map_err(|_| {
                    Error::invalid_value("id", format!("'{text}' is not {} id", article($what)), "a UUID, as the listing prints it")
                })
            }
        }
    )+};
}

uuid_id! {
    /// A tenant: the border that data and permissions do not cross.
    TenantId = "tenant",
    /// A federated training run.
    FederationId = "federation",
    /// One round of a federation.
    RoundId = "round",
    /// The right and duty of one node to do one task of one round.
    LeaseId = "lease",
    /// A stored model or other output.
    ArtifactId = "artifact",
    /// A round's summary of metrics.
    RollupId = "rollup",
    /// An event in the outbox.
    EventId = "event",
    /// A queued job.
    JobId = "job",
    /// A workflow being carried out.
    ExecutionId = "execution",
    /// A schedule of jobs.
    ScheduleId = "schedule",
}

macro_rules! wire_id {
    ($($(#[$doc:meta])* $name:ident = $what:literal),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(u64);

        impl $name {
            /// Keeps the low 63 bits and avoids zero, which Flower reads as 'absent'.
            #[must_use]
            pub const fn from_bits(bits: u64) -> Self {
                let low = bits & (u64::MAX >> 1);
                Self(if low == 0 { 1 } else { low })
            }
            /// The number as it travels on the wire.
            #[must_use]
            pub const fn get(self) -> u64 { self.0 }
            /// The number as an SQL integer: lossless, since it is below 2^63.
            #[must_use]
            pub const fn as_i64(self) -> i64 { self.0.cast_signed() }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { self.0.fmt(f) }
        }
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { write!(f, concat!($what, ":{}"), self.0) }
        }
        impl TryFrom<u64> for $name {
            type Error = Error;
            fn try_from(bits: u64) -> Result<Self> {
                if bits == 0 || bits > u64::MAX >> 1 {
                    let reason = format!("{bits} is not {} id", article($what));
                    return Err(Error::invalid_value("id", reason, "1 to 9223372036854775807"));
                }
                Ok(Self(bits))
            }
        }
        impl TryFrom<i64> for $name {
            type Error = Error;
            fn try_from(bits: i64) -> Result<Self> { Self::try_from(bits.cast_unsigned()) }
        }
        impl FromStr for $name {
            type Err = Error;
            fn from_str(text: &str) -> Result<Self> {
                text.parse::<u64>().ok().and_then(|bits| Self::try_from(bits).ok()).ok_or_else(|| {
                    Error::invalid_value("id", format!("'{text}' is not {} id", article($what)), "1 to 9223372036854775807")
                })
            }
        }
        // A string in JSON: JavaScript cannot hold 63-bit integers.
        impl Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, s: S) -> std::result::Result<S::Ok, S::Error> {
                s.collect_str(&self.0)
            }
        }
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(d: D) -> std::result::Result<Self, D::Error> {
                let text = String::deserialize(d)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    )+};
}

wire_id! {
    /// A training node, as Flower numbers them (`node_id`).
    NodeId = "node",
    /// A federation as Flower numbers runs (`run_id`).
    RunId = "run",
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_id_is_never_zero_and_always_fits_a_signed_integer() {
        for bits in [0, 1, u64::MAX, 1 << 63] {
            let id = NodeId::from_bits(bits);
            assert!(id.get() > 0 && id.as_i64() > 0, "{bits} gave {id}");
            assert_eq!(NodeId::try_from(id.as_i64()).unwrap(), id);
        }
        assert!(NodeId::try_from(0u64).is_err());
        assert!(NodeId::try_from(u64::MAX).is_err());
    }

    #[test]
    fn a_malformed_id_says_what_is_allowed() {
        let error = "nonsense".parse::<FederationId>().unwrap_err();
        assert_eq!(error.code(), "invalid");
        assert!(error.to_string().contains("'nonsense' is not a federation id"), "{error}");
        let error = "x".parse::<ArtifactId>().unwrap_err();
        assert!(error.to_string().contains("is not an artifact id"), "{error}");
    }
}
