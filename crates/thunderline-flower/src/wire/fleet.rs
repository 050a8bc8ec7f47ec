//! Requests and responses of the twelve Fleet calls.

use std::collections::BTreeMap;

use bytes::Bytes;

use super::{Fab, Message, ObjectTree, Run};

/// The caller. Its id must be the one that its key stands for.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Node {
    /// The node's id.
    #[prost(uint64, tag = "1")]
    pub node_id: u64,
}

/// First call of a node that made its own key.
#[derive(Clone, PartialEq, prost::Message)]
pub struct RegisterNodeFleetRequest {
    /// PEM, SubjectPublicKeyInfo.
    #[prost(bytes = "bytes", tag = "1")]
    pub public_key: Bytes,
}

/// Answer to registering.
#[derive(Clone, PartialEq, prost::Message)]
pub struct RegisterNodeFleetResponse {
    /// The node's id; clients do not read it here.
    #[prost(uint64, tag = "1")]
    pub node_id: u64,
}

/// The node is there and will send heartbeats.
#[derive(Clone, PartialEq, prost::Message)]
pub struct ActivateNodeRequest {
    /// PEM, SubjectPublicKeyInfo.
    #[prost(bytes = "bytes", tag = "1")]
    pub public_key: Bytes,
    /// Seconds between heartbeats that the node promises.
    #[prost(double, tag = "2")]
    pub heartbeat_interval: f64,
}

/// Answer to activating.
#[derive(Clone, PartialEq, prost::Message)]
pub struct ActivateNodeResponse {
    /// The node's id, never zero.
    #[prost(uint64, tag = "1")]
    pub node_id: u64,
}

/// The node goes away for a while.
#[derive(Clone, PartialEq, prost::Message)]
pub struct DeactivateNodeRequest {
    /// The node's id.
    #[prost(uint64, tag = "1")]
    pub node_id: u64,
}

/// Nothing to say.
#[derive(Clone, PartialEq, prost::Message)]
pub struct DeactivateNodeResponse {}

/// The node goes away for good; its key was its own.
#[derive(Clone, PartialEq, prost::Message)]
pub struct UnregisterNodeFleetRequest {
    /// The node's id.
    #[prost(uint64, tag = "1")]
    pub node_id: u64,
}

/// Nothing to say.
#[derive(Clone, PartialEq, prost::Message)]
pub struct UnregisterNodeFleetResponse {}

/// The node is alive.
#[derive(Clone, PartialEq, prost::Message)]
pub struct SendNodeHeartbeatRequest {
    /// The caller.
    #[prost(message, optional, tag = "1")]
    pub node: Option<Node>,
    /// Seconds until the next heartbeat, at most.
    #[prost(double, tag = "2")]
    pub heartbeat_interval: f64,
}

/// Answer to a heartbeat.
#[derive(Clone, PartialEq, prost::Message)]
pub struct SendNodeHeartbeatResponse {
    /// False ends the client's heartbeat thread for good: never say so to a node that should go on.
    #[prost(bool, tag = "1")]
    pub success: bool,
}

/// Is there work?
#[derive(Clone, PartialEq, prost::Message)]
pub struct PullMessagesRequest {
    /// The caller.
    #[prost(message, optional, tag = "1")]
    pub node: Option<Node>,
    /// Unused by clients.
    #[prost(string, repeated, tag = "2")]
    pub message_ids: Vec<String>,
}

/// Unused by clients; kept so that responses can carry it.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Reconnect {
    /// Seconds.
    #[prost(uint64, tag = "1")]
    pub reconnect: u64,
}

/// Work, or nothing.
#[derive(Clone, PartialEq, prost::Message)]
pub struct PullMessagesResponse {
    /// Unused by clients.
    #[prost(message, optional, tag = "1")]
    pub reconnect: Option<Reconnect>,
    /// At most one message is read.
    #[prost(message, repeated, tag = "2")]
    pub messages_list: Vec<Message>,
    /// The tree of the message's objects.
    #[prost(message, repeated, tag = "3")]
    pub message_object_trees: Vec<ObjectTree>,
}

/// A reply is announced; its objects follow.
#[derive(Clone, PartialEq, prost::Message)]
pub struct PushMessagesRequest {
    /// The caller.
    #[prost(message, optional, tag = "1")]
    pub node: Option<Node>,
    /// Exactly one message.
    #[prost(message, repeated, tag = "2")]
    pub messages_list: Vec<Message>,
    /// Exactly one tree; its root is the message.
    #[prost(message, repeated, tag = "3")]
    pub message_object_trees: Vec<ObjectTree>,
    /// Seconds that the work took.
    #[prost(double, repeated, tag = "4")]
    pub clientapp_runtime_list: Vec<f64>,
}

/// Which objects the server lacks.
#[derive(Clone, PartialEq, prost::Message)]
pub struct PushMessagesResponse {
    /// Unused by clients.
    #[prost(message, optional, tag = "1")]
    pub reconnect: Option<Reconnect>,
    /// Unused by clients.
    #[prost(btree_map = "string, uint32", tag = "2")]
    pub results: BTreeMap<String, u32>,
    /// Ids of the objects to send.
    #[prost(string, repeated, tag = "3")]
    pub objects_to_push: Vec<String>,
    /// Comes back with each pushed object; may be empty. Absent before flwr 1.40.
    #[prost(string, tag = "4")]
    pub session_id: String,
}

/// What run is this message of?
#[derive(Clone, PartialEq, prost::Message)]
pub struct GetRunRequest {
    /// The caller.
    #[prost(message, optional, tag = "1")]
    pub node: Option<Node>,
    /// The run.
    #[prost(uint64, tag = "2")]
    pub run_id: u64,
}

/// The run.
#[derive(Clone, PartialEq, prost::Message)]
pub struct GetRunResponse {
    /// The run.
    #[prost(message, optional, tag = "1")]
    pub run: Option<Run>,
}

/// The app bundle of a run.
#[derive(Clone, PartialEq, prost::Message)]
pub struct GetFabRequest {
    /// The caller.
    #[prost(message, optional, tag = "1")]
    pub node: Option<Node>,
    /// SHA-256 of the bundle, lower-case hex.
    #[prost(string, tag = "2")]
    pub hash_str: String,
    /// The run.
    #[prost(uint64, tag = "3")]
    pub run_id: u64,
}

/// The bundle.
#[derive(Clone, PartialEq, prost::Message)]
pub struct GetFabResponse {
    /// The bundle.
    #[prost(message, optional, tag = "1")]
    pub fab: Option<Fab>,
}

/// One object of a message.
#[derive(Clone, PartialEq, prost::Message)]
pub struct PullObjectRequest {
    /// The caller.
    #[prost(message, optional, tag = "1")]
    pub node: Option<Node>,
    /// The run.
    #[prost(uint64, tag = "2")]
    pub run_id: u64,
    /// SHA-256 of the object, lower-case hex.
    #[prost(string, tag = "3")]
    pub object_id: String,
}

/// The object, or that it is not (yet) there.
#[derive(Clone, PartialEq, prost::Message)]
pub struct PullObjectResponse {
    /// False makes the client drop the message.
    #[prost(bool, tag = "1")]
    pub object_found: bool,
    /// False makes the client ask again later.
    #[prost(bool, tag = "2")]
    pub object_available: bool,
    /// The object's bytes, header included.
    #[prost(bytes = "bytes", tag = "3")]
    pub object_content: Bytes,
}

/// One object of a reply.
#[derive(Clone, PartialEq, prost::Message)]
pub struct PushObjectRequest {
    /// The caller.
    #[prost(message, optional, tag = "1")]
    pub node: Option<Node>,
    /// The run.
    #[prost(uint64, tag = "2")]
    pub run_id: u64,
    /// SHA-256 of the object, lower-case hex.
    #[prost(string, tag = "3")]
    pub object_id: String,
    /// The object's bytes, header included.
    #[prost(bytes = "bytes", tag = "4")]
    pub object_content: Bytes,
    /// What the announcement's answer said. Absent before flwr 1.40.
    #[prost(string, tag = "5")]
    pub session_id: String,
}

/// Whether the object is kept.
#[derive(Clone, PartialEq, prost::Message)]
pub struct PushObjectResponse {
    /// False makes the client drop its whole reply.
    #[prost(bool, tag = "1")]
    pub stored: bool,
}

/// The node has all objects of the message.
#[derive(Clone, PartialEq, prost::Message)]
pub struct ConfirmMessageReceivedRequest {
    /// The caller.
    #[prost(message, optional, tag = "1")]
    pub node: Option<Node>,
    /// The run.
    #[prost(uint64, tag = "2")]
    pub run_id: u64,
    /// The message's id.
    #[prost(string, tag = "3")]
    pub message_object_id: String,
}

/// Nothing to say.
#[derive(Clone, PartialEq, prost::Message)]
pub struct ConfirmMessageReceivedResponse {}
