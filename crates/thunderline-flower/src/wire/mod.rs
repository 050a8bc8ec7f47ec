//! Protobuf messages of the Fleet API, written by hand so that no protobuf compiler is needed.
//!
//! `proto/thunderline_fleet.proto` documents the same schema; a test compares the two field by field. Fields that neither
//! side reads are left out: protobuf skips what it does not know. A oneof of message `X` is the enum `XKind`.

mod fleet;
mod message;
mod record;
mod run;

pub use fleet::{
    ActivateNodeRequest, ActivateNodeResponse, ConfirmMessageReceivedRequest, ConfirmMessageReceivedResponse,
    DeactivateNodeRequest, DeactivateNodeResponse, GetFabRequest, GetFabResponse, GetRunRequest,
    GetRunResponse, Node, PullMessagesRequest, PullMessagesResponse, PullObjectRequest, PullObjectResponse,
    PushMessagesRequest, PushMessagesResponse, PushObjectRequest, PushObjectResponse, Reconnect,
    RegisterNodeFleetRequest, RegisterNodeFleetResponse, SendNodeHeartbeatRequest, SendNodeHeartbeatResponse,
    UnregisterNodeFleetRequest, UnregisterNodeFleetResponse,
};
pub use message::{Error, Message, Metadata, ObjectTree, RecordDict};
pub use record::{
    BoolList, BytesList, ConfigRecord, ConfigRecordItem, ConfigRecordValue, ConfigRecordValueKind,
    DoubleList, MetricRecord, MetricRecordItem, MetricRecordValue, MetricRecordValueKind, SintList,
    StringList, UintList,
};
pub use run::{Fab, Run, RunStatus, Scalar, ScalarKind};

#[cfg(test)]
mod schema_test;
