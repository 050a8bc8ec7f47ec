//! Values that are bound to statements, and the conversions from and to Rust types.
//!
//! Five kinds cross the border to both engines. Everything else is written as one of them, in one place, here:
//! booleans as the integers 0 and 1, timestamps as microseconds since the epoch, node and run ids as integers (they
//! stay below 2^63), JSON as text. A `NaN` must not be bound: SQLite stores it as null.

use thunderline_core::{
    ArtifactId, EventId, ExecutionId, FederationId, JobId, LeaseId, NodeId, RollupId, RoundId, RunId,
    ScheduleId, TenantId, Timestamp,
};
use uuid::Uuid;

/// One bound or fetched value; nulls keep their type, since PostgreSQL wants to know it.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// `bigint`.
    I64(Option<i64>),
    /// `double precision`.
    F64(Option<f64>),
    /// `text`.
    Text(Option<String>),
    /// `bytea` or `blob`.
    Bytes(Option<Vec<u8>>),
    /// `uuid` or a 16-byte `blob`.
    Uuid(Option<Uuid>),
}

impl Value {
    /// True for a null of any type.
    #[must_use]
    pub fn is_null(&self) -> bool {
        matches!(
            self,
            Self::I64(None) | Self::F64(None) | Self::Text(None) | Self::Bytes(None) | Self::Uuid(None)
        )
    }

    /// The kind of value, for messages.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            _ if self.is_null() => "null",
            Self::I64(_) => "an integer",
            Self::F64(_) => "a float",
            Self::Text(_) => "text",
            Self::Bytes(_) => "bytes",
            Self::Uuid(_) => "a uuid",
        }
    }
}

/// Types whose absence can be bound as a typed null.
pub trait Nullable {
    /// The null of this type.
    const NULL: Value;
}

/// Types that can be fetched from a column.
pub trait FromValue: Sized {
    /// The value as this type; `None` where it does not fit.
    fn from_value(value: &Value) -> Option<Self>;
}

impl<T: Nullable + Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(T::NULL, Into::into)
    }
}

impl<T: FromValue> FromValue for Option<T> {
    fn from_value(value: &Value) -> Option<Self> {
        if value.is_null() { Some(None) } else { T::from_value(value).map(Some) }
    }
}

/// Binds a list of types as one kind of value.
macro_rules! bind {
    ($kind:ident: $($type:ty => |$value:ident| $convert:expr),+ $(,)?) => {$(
        impl From<$type> for Value {
            fn from($value: $type) -> Self { Self::$kind(Some($convert)) }
        }
        impl Nullable for $type {
            const NULL: Value = Value::$kind(None);
        }
    )+};
}

bind!(I64:
    i64 => |v| v,
    i32 => |v| v.into(),
    u32 => |v| v.into(),
    u16 => |v| v.into(),
    bool => |v| v.into(),
    Timestamp => |v| v.as_microsecond(),
    NodeId => |v| v.as_i64(),
    RunId => |v| v.as_i64(),
);
bind!(F64: f64 => |v| v, f32 => |v| v.into());
bind!(Text:
    &str => |v| v.to_owned(),
    String => |v| v,
    &String => |v| v.clone(),
    serde_json::Value => |v| v.to_string(),
    &serde_json::Value => |v| v.to_string(),
);
bind!(Bytes: Vec<u8> => |v| v, &[u8] => |v| v.to_vec());
bind!(Uuid:
    Uuid => |v| v,
    TenantId => |v| v.0,
    FederationId => |v| v.0,
    RoundId => |v| v.0,
    LeaseId => |v| v.0,
    ArtifactId => |v| v.0,
    RollupId => |v| v.0,
    EventId => |v| v.0,
    JobId => |v| v.0,
    ExecutionId => |v| v.0,
    ScheduleId => |v| v.0,
);

/// Fetches a list of types by a function.
macro_rules! fetch {
    ($($type:ty => |$value:ident| $convert:expr),+ $(,)?) => {$(
        impl FromValue for $type {
            fn from_value($value: &Value) -> Option<Self> { $convert }
        }
    )+};
}

fetch!(
    i64 => |v| integer(v),
    i32 => |v| integer(v)?.try_into().ok(),
    u32 => |v| integer(v)?.try_into().ok(),
    u16 => |v| integer(v)?.try_into().ok(),
    u64 => |v| integer(v)?.try_into().ok(),
    bool => |v| match integer(v)? { 0 => Some(false), 1 => Some(true), _ => None },
    Timestamp => |v| Timestamp::from_microsecond(integer(v)?).ok(),
    NodeId => |v| NodeId::try_from(integer(v)?).ok(),
    RunId => |v| RunId::try_from(integer(v)?).ok(),
    f64 => |v| if let Value::F64(value) = v { *value } else { None },
    String => |v| text(v).map(str::to_owned),
    serde_json::Value => |v| serde_json::from_str(text(v)?).ok(),
    Vec<u8> => |v| if let Value::Bytes(bytes) = v { bytes.clone() } else { None },
    Uuid => |v| uuid(v),
    TenantId => |v| uuid(v).map(Self),
    FederationId => |v| uuid(v).map(Self),
    RoundId => |v| uuid(v).map(Self),
    LeaseId => |v| uuid(v).map(Self),
    ArtifactId => |v| uuid(v).map(Self),
    RollupId => |v| uuid(v).map(Self),
    EventId => |v| uuid(v).map(Self),
    JobId => |v| uuid(v).map(Self),
    ExecutionId => |v| uuid(v).map(Self),
    ScheduleId => |v| uuid(v).map(Self),
);

fn integer(value: &Value) -> Option<i64> {
    if let Value::I64(value) = value { *value } else { None }
}

fn text(value: &Value) -> Option<&str> {
    if let Value::Text(Some(text)) = value { Some(text) } else { None }
}

fn uuid(value: &Value) -> Option<Uuid> {
    match value {
        Value::Uuid(uuid) => *uuid,
        // SQLite knows no uuid type: it comes back as its 16 bytes.
        Value::Bytes(Some(bytes)) => Uuid::from_slice(bytes).ok(),
        _ => None,
    }
}

/// The arguments of a statement, in the order of its placeholders: `args![id, "created", Some(at)]`.
#[macro_export]
macro_rules! args {
    ($($value:expr),* $(,)?) => { ::std::vec![$($crate::Value::from($value)),*] };
}

#[cfg(test)]
mod tests {
    use super::*;

    fn there_and_back<T: FromValue + Into<Value> + Clone + PartialEq + std::fmt::Debug>(value: &T) {
        assert_eq!(T::from_value(&value.clone().into()).as_ref(), Some(value));
    }

    #[test]
    fn every_type_comes_back_as_it_was_bound() {
        there_and_back(&-5i64);
        there_and_back(&7u32);
        there_and_back(&true);
        there_and_back(&0.25f64);
        there_and_back(&"word".to_owned());
        there_and_back(&vec![1u8, 2]);
        there_and_back(&Timestamp::from_microsecond(1_800_000_000_000_001).unwrap());
        there_and_back(&NodeId::from_bits(u64::MAX));
        there_and_back(&TenantId(Uuid::from_u128(9)));
        there_and_back(&serde_json::json!({"a": [1, null]}));
        there_and_back(&Some(3i64));
        there_and_back(&None::<FederationId>);
    }

    #[test]
    fn a_null_keeps_its_type_and_is_not_a_zero() {
        assert_eq!(Value::from(None::<Timestamp>), Value::I64(None));
        assert_eq!(i64::from_value(&Value::I64(None)), None);
        assert_eq!(Option::<i64>::from_value(&Value::Text(None)), Some(None));
    }

    #[test]
    fn what_does_not_fit_is_refused_rather_than_cut() {
        assert_eq!(u32::from_value(&Value::I64(Some(-1))), None);
        assert_eq!(bool::from_value(&Value::I64(Some(2))), None);
        assert_eq!(Uuid::from_value(&Value::Bytes(Some(vec![0; 15]))), None);
        assert_eq!(String::from_value(&Value::I64(Some(1))), None);
    }
}
