//! Messages and the trees of their objects.

/// Who sends what to whom.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Metadata {
    /// The run.
    #[prost(uint64, tag = "1")]
    pub run_id: u64,
    /// Id of the message's object; blank inside that object.
    #[prost(string, tag = "2")]
    pub message_id: String,
    /// The sender; the server is 1.
    #[prost(uint64, tag = "3")]
    pub src_node_id: u64,
    /// The receiver; the server is 1.
    #[prost(uint64, tag = "4")]
    pub dst_node_id: u64,
    /// The request that this answers; empty in a request.
    #[prost(string, tag = "5")]
    pub reply_to_message_id: String,
    /// Shown as the round in node logs.
    #[prost(string, tag = "6")]
    pub group_id: String,
    /// Seconds that the message is valid for.
    #[prost(double, tag = "7")]
    pub ttl: f64,
    /// `train`, `evaluate` or `query`, optionally with `.action`.
    #[prost(string, tag = "8")]
    pub message_type: String,
    /// Unix time in seconds.
    #[prost(double, tag = "9")]
    pub created_at: f64,
    /// Set by a SuperLink; handed back as `dst_task_id`.
    #[prost(uint64, optional, tag = "10")]
    pub src_task_id: Option<u64>,
    /// See `src_task_id`.
    #[prost(uint64, optional, tag = "11")]
    pub dst_task_id: Option<u64>,
}

/// Why there is no content.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Error {
    /// Flower's error code, 0 to 8.
    #[prost(sint64, tag = "1")]
    pub code: i64,
    /// In words.
    #[prost(string, tag = "2")]
    pub reason: String,
}

/// The content: present, but always empty on the wire, since the payload travels as objects.
#[derive(Clone, PartialEq, prost::Message)]
pub struct RecordDict {}

/// A request to a node, or its reply.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Message {
    /// Who sends what to whom.
    #[prost(message, optional, tag = "1")]
    pub metadata: Option<Metadata>,
    /// Present unless there is an error.
    #[prost(message, optional, tag = "2")]
    pub content: Option<RecordDict>,
    /// Present unless there is content.
    #[prost(message, optional, tag = "3")]
    pub error: Option<Error>,
}

/// An object and what it is made of.
#[derive(Clone, PartialEq, prost::Message)]
pub struct ObjectTree {
    /// SHA-256 of the object, lower-case hex.
    #[prost(string, tag = "1")]
    pub object_id: String,
    /// Distinct children in first-use order.
    #[prost(message, repeated, tag = "2")]
    pub children: Vec<ObjectTree>,
}
