//! Records: configuration, metrics, arrays by name, and the dictionary that holds them.

use bytes::Bytes;
use prost::Message as _;
use thunderline_core::{Error, Result};

use crate::{Kind, Object, ObjectId, json, malformed, wire};

/// The most entries of one config or metric record.
pub const MAX_ITEMS: usize = 65_536;

/// A configuration value.
#[derive(Clone, Debug, PartialEq)]
pub enum ConfigValue {
    /// A float.
    Double(f64),
    /// An integer.
    Int(i64),
    /// An integer above 2^63−1.
    Uint(u64),
    /// A truth value.
    Bool(bool),
    /// A text.
    Text(String),
    /// Raw bytes.
    Bytes(Bytes),
    /// Floats.
    Doubles(Vec<f64>),
    /// Integers.
    Ints(Vec<i64>),
    /// Integers of which one is above 2^63−1.
    Uints(Vec<u64>),
    /// Truth values.
    Bools(Vec<bool>),
    /// Texts.
    Texts(Vec<String>),
    /// Byte strings.
    BytesList(Vec<Bytes>),
}

/// A metric.
#[derive(Clone, Debug, PartialEq)]
pub enum MetricValue {
    /// A float.
    Double(f64),
    /// An integer.
    Int(i64),
    /// An integer above 2^63−1.
    Uint(u64),
    /// Floats.
    Doubles(Vec<f64>),
    /// Integers.
    Ints(Vec<i64>),
    /// Integers of which one is above 2^63−1.
    Uints(Vec<u64>),
}

impl From<u64> for ConfigValue {
    fn from(value: u64) -> Self {
        i64::try_from(value).map_or(Self::Uint(value), Self::Int)
    }
}

impl From<u64> for MetricValue {
    fn from(value: u64) -> Self {
        i64::try_from(value).map_or(Self::Uint(value), Self::Int)
    }
}

impl MetricValue {
    /// The metric as a float, where it is one number. Integers above 2^53 are rounded.
    #[must_use]
    pub fn as_f64(&self) -> Option<f64> {
        match *self {
            Self::Double(value) => Some(value),
            Self::Int(value) => Some(value as f64),
            Self::Uint(value) => Some(value as f64),
            Self::Doubles(_) | Self::Ints(_) | Self::Uints(_) => None,
        }
    }
}

/// Configuration entries in order.
pub type Config = Vec<(String, ConfigValue)>;

/// Metrics in order.
pub type Metrics = Vec<(String, MetricValue)>;

/// The object of a config record.
#[must_use]
pub fn config_object(config: &[(String, ConfigValue)]) -> Object {
    let items = config
        .iter()
        .map(|(key, value)| wire::ConfigRecordItem { key: key.clone(), value: Some(config_to_wire(value)) })
        .collect();
    Object::leaf(Kind::ConfigRecord, wire::ConfigRecord { items }.encode_to_vec())
}

/// Reads a config record.
///
/// # Errors
/// `invalid` where it is no config record, a value is missing or a key is repeated.
pub fn config_from_object(object: &Object) -> Result<Config> {
    expect(object, Kind::ConfigRecord)?;
    let record = wire::ConfigRecord::decode(object.body.clone()).map_err(|error| unreadable(&error))?;
    let config = record
        .items
        .into_iter()
        .map(|item| match item.value.and_then(|value| value.value) {
            Some(value) => Ok((item.key, config_from_wire(value))),
            None => Err(malformed("record", format!("'{}' has no value", item.key), "a value for every key")),
        })
        .collect::<Result<Config>>()?;
    distinct(config.iter().map(|(key, _)| key.as_str()))?;
    Ok(config)
}

/// The object of a metric record.
#[must_use]
pub fn metrics_object(metrics: &[(String, MetricValue)]) -> Object {
    let items = metrics
        .iter()
        .map(|(key, value)| wire::MetricRecordItem { key: key.clone(), value: Some(metric_to_wire(value)) })
        .collect();
    Object::leaf(Kind::MetricRecord, wire::MetricRecord { items }.encode_to_vec())
}

/// Reads a metric record. Values may be NaN or infinite: that is for the reader to judge.
///
/// # Errors
/// `invalid` where it is no metric record, a value is missing or a key is repeated.
pub fn metrics_from_object(object: &Object) -> Result<Metrics> {
    expect(object, Kind::MetricRecord)?;
    let record = wire::MetricRecord::decode(object.body.clone()).map_err(|error| unreadable(&error))?;
    let metrics = record
        .items
        .into_iter()
        .map(|item| match item.value.and_then(|value| value.value) {
            Some(value) => Ok((item.key, metric_from_wire(value))),
            None => Err(malformed("record", format!("'{}' has no value", item.key), "a value for every key")),
        })
        .collect::<Result<Metrics>>()?;
    distinct(metrics.iter().map(|(key, _)| key.as_str()))?;
    Ok(metrics)
}

/// An object that maps names to other objects: an array record or a record dictionary.
///
/// # Panics
/// Never for [`Kind::ArrayRecord`] and [`Kind::RecordDict`], the kinds whose body is such a map.
#[must_use]
pub fn names_object(kind: Kind, names: &[(String, ObjectId)]) -> Object {
    assert!(matches!(kind, Kind::ArrayRecord | Kind::RecordDict), "a {} has no names", kind.name());
    let mut seen = std::collections::HashSet::new();
    let children = names.iter().map(|&(_, id)| id).filter(|id| seen.insert(*id)).collect();
    let entries = json::Entries(names.iter().map(|(name, id)| (name.clone(), id.to_string())).collect());
    Object { kind, children, body: Bytes::from(json::to_bytes(&entries)) }
}

/// Reads an array record or a record dictionary: names and ids in order.
///
/// # Errors
/// `invalid` where it is of another kind, a name is repeated, or a name's object is not among its children.
pub fn names_from_object(kind: Kind, object: &Object) -> Result<Vec<(String, ObjectId)>> {
    expect(object, kind)?;
    let entries: json::Entries = serde_json::from_slice(&object.body)
        .map_err(|error| malformed("record", error.to_string(), "a JSON object of names and object ids"))?;
    let children: std::collections::HashSet<_> = object.children.iter().collect();
    entries
        .0
        .into_iter()
        .map(|(name, id)| {
            let id: ObjectId = id.parse()?;
            if !children.contains(&id) {
                return Err(malformed("record", format!("'{name}' is no child"), "the id of a child"));
            }
            Ok((name, id))
        })
        .collect()
}

fn expect(object: &Object, kind: Kind) -> Result<()> {
    if object.kind == kind {
        Ok(())
    } else {
        Err(malformed("record", format!("it is a {}", object.kind.name()), kind.name()))
    }
}

fn unreadable(error: &prost::DecodeError) -> Error {
    malformed("record", error.to_string(), "protobuf of the record's type")
}

fn distinct<'a>(keys: impl Iterator<Item = &'a str>) -> Result<()> {
    let mut seen = std::collections::HashSet::new();
    for key in keys {
        if !seen.insert(key) {
            return Err(malformed("record", format!("the key '{key}' is there twice"), "distinct keys"));
        }
        if seen.len() > MAX_ITEMS {
            return Err(malformed("record", "too many entries", "at most 65536"));
        }
    }
    Ok(())
}

fn config_to_wire(value: &ConfigValue) -> wire::ConfigRecordValue {
    use wire::ConfigRecordValueKind as Kind;
    let kind = match value.clone() {
        ConfigValue::Double(v) => Kind::Double(v),
        ConfigValue::Int(v) => Kind::Sint64(v),
        ConfigValue::Uint(v) => Kind::Uint64(v),
        ConfigValue::Bool(v) => Kind::Bool(v),
        ConfigValue::Text(v) => Kind::String(v),
        ConfigValue::Bytes(v) => Kind::Bytes(v),
        ConfigValue::Doubles(vals) => Kind::DoubleList(wire::DoubleList { vals }),
        ConfigValue::Ints(vals) => Kind::SintList(wire::SintList { vals }),
        ConfigValue::Uints(vals) => Kind::UintList(wire::UintList { vals }),
        ConfigValue::Bools(vals) => Kind::BoolList(wire::BoolList { vals }),
        ConfigValue::Texts(vals) => Kind::StringList(wire::StringList { vals }),
        ConfigValue::BytesList(vals) => Kind::BytesList(wire::BytesList { vals }),
    };
    wire::ConfigRecordValue { value: Some(kind) }
}

fn config_from_wire(value: wire::ConfigRecordValueKind) -> ConfigValue {
    use wire::ConfigRecordValueKind as Kind;
    match value {
        Kind::Double(v) => ConfigValue::Double(v),
        Kind::Sint64(v) => ConfigValue::Int(v),
        Kind::Uint64(v) => ConfigValue::Uint(v),
        Kind::Bool(v) => ConfigValue::Bool(v),
        Kind::String(v) => ConfigValue::Text(v),
        Kind::Bytes(v) => ConfigValue::Bytes(v),
        Kind::DoubleList(list) => ConfigValue::Doubles(list.vals),
        Kind::SintList(list) => ConfigValue::Ints(list.vals),
        Kind::UintList(list) => ConfigValue::Uints(list.vals),
        Kind::BoolList(list) => ConfigValue::Bools(list.vals),
        Kind::StringList(list) => ConfigValue::Texts(list.vals),
        Kind::BytesList(list) => ConfigValue::BytesList(list.vals),
    }
}

fn metric_to_wire(value: &MetricValue) -> wire::MetricRecordValue {
    use wire::MetricRecordValueKind as Kind;
    let kind = match value.clone() {
        MetricValue::Double(v) => Kind::Double(v),
        MetricValue::Int(v) => Kind::Sint64(v),
        MetricValue::Uint(v) => Kind::Uint64(v),
        MetricValue::Doubles(vals) => Kind::DoubleList(wire::DoubleList { vals }),
        MetricValue::Ints(vals) => Kind::SintList(wire::SintList { vals }),
        MetricValue::Uints(vals) => Kind::UintList(wire::UintList { vals }),
    };
    wire::MetricRecordValue { value: Some(kind) }
}

fn metric_from_wire(value: wire::MetricRecordValueKind) -> MetricValue {
    use wire::MetricRecordValueKind as Kind;
    match value {
        Kind::Double(v) => MetricValue::Double(v),
        Kind::Sint64(v) => MetricValue::Int(v),
        Kind::Uint64(v) => MetricValue::Uint(v),
        Kind::DoubleList(list) => MetricValue::Doubles(list.vals),
        Kind::SintList(list) => MetricValue::Ints(list.vals),
        Kind::UintList(list) => MetricValue::Uints(list.vals),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use thunderline_core::{Sha256, hex};

    fn id(text: &str) -> ObjectId {
        text.parse().unwrap()
    }

    #[test]
    fn a_config_record_has_the_bytes_and_the_id_that_flower_computes() {
        let config = vec![
            ("lr".to_owned(), ConfigValue::Double(0.01)),
            ("server-round".to_owned(), ConfigValue::from(1)),
        ];
        let object = config_object(&config);
        let hex = hex::encode(&object.body);
        assert_eq!(hex, "0a0f0a026c721209097b14ae47e17a843f0a120a0c7365727665722d726f756e6412021002");
        assert_eq!(
            ObjectId::of(&object.encode()),
            id("1e657e3c15fe518cffb72b3edda0497c3fd70e30f043cbfc8c563ad4cff12bbf")
        );
        assert_eq!(config_from_object(&object).unwrap(), config);
    }

    #[test]
    fn a_metric_record_has_the_id_that_flower_computes() {
        let metrics = vec![
            ("num-examples".to_owned(), MetricValue::from(10)),
            ("train_loss".to_owned(), MetricValue::Double(0.5)),
        ];
        let object = metrics_object(&metrics);
        assert_eq!(
            ObjectId::of(&object.encode()),
            id("982c36925e98b85ad826e9fe8bf6aff1fe3e795d920f5c64ba8942d643b6a3b1")
        );
        assert_eq!(metrics_from_object(&object).unwrap(), metrics);
    }

    #[test]
    fn named_objects_have_the_ids_that_flower_computes() {
        let array = id("9a6df3451aa0b992591a9034c8bd92ed282fdd133b06f879662523e78df61e38");
        let arrays = names_object(Kind::ArrayRecord, &[("w".into(), array)]);
        let arrays_id = ObjectId::of(&arrays.encode());
        assert_eq!(arrays_id, id("b41f787437c019063e90bf05eaf81d7ef181bc0fc5dc11cee0db6f8042a8c21f"));
        let config = id("1e657e3c15fe518cffb72b3edda0497c3fd70e30f043cbfc8c563ad4cff12bbf");
        let names = [("arrays".to_owned(), arrays_id), ("config".to_owned(), config)];
        let dict = names_object(Kind::RecordDict, &names);
        assert_eq!(
            ObjectId::of(&dict.encode()),
            id("09ecc3ad241d5199fd88c0d1059c46d596b78a0c3384f30f4274bbfe91fc3b6e")
        );
        assert_eq!(names_from_object(Kind::RecordDict, &dict).unwrap(), names);
        assert!(names_from_object(Kind::ArrayRecord, &dict).is_err());
    }

    #[test]
    fn two_names_of_one_object_share_a_child() {
        let one = ObjectId::of(b"one");
        let object = names_object(Kind::ArrayRecord, &[("a".into(), one), ("b".into(), one)]);
        assert_eq!(object.children, [one]);
        assert_eq!(names_from_object(Kind::ArrayRecord, &object).unwrap().len(), 2);
    }

    #[test]
    fn a_repeated_key_and_a_missing_value_are_refused() {
        let twice = [("a".to_owned(), ConfigValue::Bool(true)), ("a".to_owned(), ConfigValue::Bool(false))];
        assert!(config_from_object(&config_object(&twice)).unwrap_err().to_string().contains("twice"));
        let item = wire::MetricRecordItem { key: "m".into(), value: None };
        let body = wire::MetricRecord { items: vec![item] }.encode_to_vec();
        let error = metrics_from_object(&Object::leaf(Kind::MetricRecord, body)).unwrap_err();
        assert!(error.to_string().contains("no value"), "{error}");
    }

    fn config_value() -> impl Strategy<Value = ConfigValue> {
        prop_oneof![
            (-1e300..1e300).prop_map(ConfigValue::Double),
            any::<i64>().prop_map(ConfigValue::Int),
            any::<u64>().prop_map(ConfigValue::Uint),
            any::<bool>().prop_map(ConfigValue::Bool),
            any::<String>().prop_map(ConfigValue::Text),
            any::<Vec<u8>>().prop_map(|bytes| ConfigValue::Bytes(bytes.into())),
            proptest::collection::vec(-1e300..1e300, 0..4).prop_map(ConfigValue::Doubles),
            any::<Vec<i64>>().prop_map(ConfigValue::Ints),
            any::<Vec<u64>>().prop_map(ConfigValue::Uints),
            any::<Vec<bool>>().prop_map(ConfigValue::Bools),
            any::<Vec<String>>().prop_map(ConfigValue::Texts),
            any::<Vec<Vec<u8>>>()
                .prop_map(|list| ConfigValue::BytesList(list.into_iter().map(Bytes::from).collect())),
        ]
    }

    proptest! {
        #[test]
        fn a_config_survives_the_wire(values in proptest::collection::vec(config_value(), 0..6)) {
            let config: Config = values.into_iter().enumerate().map(|(i, value)| (i.to_string(), value)).collect();
            prop_assert_eq!(config_from_object(&config_object(&config)).unwrap(), config);
        }

        #[test]
        fn names_survive_the_wire(names in proptest::collection::btree_map(any::<String>(), any::<[u8; 32]>(), 0..6)) {
            let names: Vec<_> = names.into_iter().map(|(name, id)| (name, ObjectId(Sha256::from_bytes(id)))).collect();
            let object = names_object(Kind::ArrayRecord, &names);
            prop_assert_eq!(names_from_object(Kind::ArrayRecord, &object).unwrap(), names);
        }

        #[test]
        fn arbitrary_bodies_never_panic(body: Vec<u8>) {
            let of = |kind| Object::leaf(kind, body.clone());
            let _ = config_from_object(&of(Kind::ConfigRecord));
            let _ = metrics_from_object(&of(Kind::MetricRecord));
            let _ = names_from_object(Kind::RecordDict, &of(Kind::RecordDict));
        }
    }
}
