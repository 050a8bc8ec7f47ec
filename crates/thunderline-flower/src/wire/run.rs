//! Runs and app bundles.

use std::collections::BTreeMap;

use bytes::Bytes;

/// A federation, as Flower sees it.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Run {
    /// The run.
    #[prost(uint64, tag = "1")]
    pub run_id: u64,
    /// `publisher/name` of the bundle.
    #[prost(string, tag = "2")]
    pub fab_id: String,
    /// The bundle's version.
    #[prost(string, tag = "3")]
    pub fab_version: String,
    /// Values that replace the bundle's own; every key must exist in the bundle.
    #[prost(btree_map = "string, message", tag = "4")]
    pub override_config: BTreeMap<String, Scalar>,
    /// SHA-256 of the bundle, lower-case hex.
    #[prost(string, tag = "5")]
    pub fab_hash: String,
    /// ISO 8601, or empty.
    #[prost(string, tag = "6")]
    pub pending_at: String,
    /// ISO 8601, or empty.
    #[prost(string, tag = "7")]
    pub starting_at: String,
    /// ISO 8601, or empty.
    #[prost(string, tag = "8")]
    pub running_at: String,
    /// ISO 8601, or empty.
    #[prost(string, tag = "9")]
    pub finished_at: String,
    /// The state.
    #[prost(message, optional, tag = "10")]
    pub status: Option<RunStatus>,
    /// The federation's name.
    #[prost(string, tag = "12")]
    pub federation: String,
    /// Runs of one series share the clients' state.
    #[prost(uint64, tag = "18")]
    pub series_id: u64,
}

/// A run's state.
#[derive(Clone, PartialEq, prost::Message)]
pub struct RunStatus {
    /// `pending`, `starting`, `running` or `finished`.
    #[prost(string, tag = "1")]
    pub status: String,
    /// `completed`, `failed` or `stopped` when finished.
    #[prost(string, tag = "2")]
    pub sub_status: String,
    /// In words.
    #[prost(string, tag = "3")]
    pub details: String,
}

/// One configuration value.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Scalar {
    /// The value; absent where the sender is broken.
    #[prost(oneof = "ScalarKind", tags = "1, 6, 8, 13, 14, 15")]
    pub scalar: Option<ScalarKind>,
}

/// An app bundle.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Fab {
    /// SHA-256 of the content, lower-case hex.
    #[prost(string, tag = "1")]
    pub hash_str: String,
    /// The zip file.
    #[prost(bytes = "bytes", tag = "2")]
    pub content: Bytes,
    /// Signatures, where the nodes demand them.
    #[prost(btree_map = "string, string", tag = "3")]
    pub verifications: BTreeMap<String, String>,
}

/// What a scalar can be.
#[derive(Clone, PartialEq, prost::Oneof)]
pub enum ScalarKind {
    /// A float.
    #[prost(double, tag = "1")]
    Double(f64),
    /// A number above 2^63−1.
    #[prost(uint64, tag = "6")]
    Uint64(u64),
    /// An integer.
    #[prost(sint64, tag = "8")]
    Sint64(i64),
    /// A truth value.
    #[prost(bool, tag = "13")]
    Bool(bool),
    /// A text.
    #[prost(string, tag = "14")]
    String(String),
    /// Raw bytes.
    #[prost(bytes = "bytes", tag = "15")]
    Bytes(Bytes),
}
