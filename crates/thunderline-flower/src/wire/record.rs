//! Bodies of config and metric records.

use bytes::Bytes;

/// A list of values.
#[derive(Clone, PartialEq, prost::Message)]
pub struct DoubleList {
    /// Floats.
    #[prost(double, repeated, tag = "1")]
    pub vals: Vec<f64>,
}

/// A list of values.
#[derive(Clone, PartialEq, prost::Message)]
pub struct SintList {
    /// Integers.
    #[prost(sint64, repeated, tag = "1")]
    pub vals: Vec<i64>,
}

/// A list of values.
#[derive(Clone, PartialEq, prost::Message)]
pub struct UintList {
    /// Numbers above 2^63−1.
    #[prost(uint64, repeated, tag = "1")]
    pub vals: Vec<u64>,
}

/// A list of values.
#[derive(Clone, PartialEq, prost::Message)]
pub struct BoolList {
    /// Truth values.
    #[prost(bool, repeated, tag = "1")]
    pub vals: Vec<bool>,
}

/// A list of values.
#[derive(Clone, PartialEq, prost::Message)]
pub struct StringList {
    /// Texts.
    #[prost(string, repeated, tag = "1")]
    pub vals: Vec<String>,
}

/// A list of values.
#[derive(Clone, PartialEq, prost::Message)]
pub struct BytesList {
    /// Byte strings.
    #[prost(bytes = "bytes", repeated, tag = "1")]
    pub vals: Vec<Bytes>,
}

/// Configuration, in order.
#[derive(Clone, PartialEq, prost::Message)]
pub struct ConfigRecord {
    /// Key and value.
    #[prost(message, repeated, tag = "1")]
    pub items: Vec<ConfigRecordItem>,
}

/// One entry.
#[derive(Clone, PartialEq, prost::Message)]
pub struct ConfigRecordItem {
    /// The name.
    #[prost(string, tag = "1")]
    pub key: String,
    /// The value.
    #[prost(message, optional, tag = "2")]
    pub value: Option<ConfigRecordValue>,
}

/// One value.
#[derive(Clone, PartialEq, prost::Message)]
pub struct ConfigRecordValue {
    /// The value; absent where the sender is broken.
    #[prost(oneof = "ConfigRecordValueKind", tags = "1, 2, 3, 4, 5, 6, 21, 22, 23, 24, 25, 26")]
    pub value: Option<ConfigRecordValueKind>,
}

/// Metrics, in order.
#[derive(Clone, PartialEq, prost::Message)]
pub struct MetricRecord {
    /// Key and value.
    #[prost(message, repeated, tag = "1")]
    pub items: Vec<MetricRecordItem>,
}

/// One entry.
#[derive(Clone, PartialEq, prost::Message)]
pub struct MetricRecordItem {
    /// The name.
    #[prost(string, tag = "1")]
    pub key: String,
    /// The value.
    #[prost(message, optional, tag = "2")]
    pub value: Option<MetricRecordValue>,
}

/// One value.
#[derive(Clone, PartialEq, prost::Message)]
pub struct MetricRecordValue {
    /// The value; absent where the sender is broken.
    #[prost(oneof = "MetricRecordValueKind", tags = "1, 2, 3, 21, 22, 23")]
    pub value: Option<MetricRecordValueKind>,
}

/// What a configuration value can be.
#[derive(Clone, PartialEq, prost::Oneof)]
pub enum ConfigRecordValueKind {
    /// A float.
    #[prost(double, tag = "1")]
    Double(f64),
    /// An integer.
    #[prost(sint64, tag = "2")]
    Sint64(i64),
    /// A number above 2^63−1.
    #[prost(uint64, tag = "3")]
    Uint64(u64),
    /// A truth value.
    #[prost(bool, tag = "4")]
    Bool(bool),
    /// A text.
    #[prost(string, tag = "5")]
    String(String),
    /// Raw bytes.
    #[prost(bytes = "bytes", tag = "6")]
    Bytes(Bytes),
    /// Floats.
    #[prost(message, tag = "21")]
    DoubleList(DoubleList),
    /// Integers.
    #[prost(message, tag = "22")]
    SintList(SintList),
    /// Numbers above 2^63−1.
    #[prost(message, tag = "23")]
    UintList(UintList),
    /// Truth values.
    #[prost(message, tag = "24")]
    BoolList(BoolList),
    /// Texts.
    #[prost(message, tag = "25")]
    StringList(StringList),
    /// Byte strings.
    #[prost(message, tag = "26")]
    BytesList(BytesList),
}

/// What a metric can be.
#[derive(Clone, PartialEq, prost::Oneof)]
pub enum MetricRecordValueKind {
    /// A float.
    #[prost(double, tag = "1")]
    Double(f64),
    /// An integer.
    #[prost(sint64, tag = "2")]
    Sint64(i64),
    /// A number above 2^63−1.
    #[prost(uint64, tag = "3")]
    Uint64(u64),
    /// Floats.
    #[prost(message, tag = "21")]
    DoubleList(DoubleList),
    /// Integers.
    #[prost(message, tag = "22")]
    SintList(SintList),
    /// Numbers above 2^63−1.
    #[prost(message, tag = "23")]
    UintList(UintList),
}
