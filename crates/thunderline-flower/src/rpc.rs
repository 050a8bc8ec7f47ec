//! The twelve calls of the Fleet API and their names on both transports.

/// A call of the Fleet API.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Rpc {
    /// A node with a key of its own making introduces itself.
    RegisterNode,
    /// A node is there.
    ActivateNode,
    /// A node goes away for a while.
    DeactivateNode,
    /// A node that registered itself goes away for good.
    UnregisterNode,
    /// A node is alive.
    SendNodeHeartbeat,
    /// A node asks for work.
    PullMessages,
    /// A node announces a reply.
    PushMessages,
    /// A node asks about a run.
    GetRun,
    /// A node wants a run's app bundle.
    GetFab,
    /// A node wants one object of a message.
    PullObject,
    /// A node sends one object of a reply.
    PushObject,
    /// A node has all objects of a message.
    ConfirmMessageReceived,
}

impl Rpc {
    /// All calls.
    pub const ALL: [Self; 12] = [
        Self::RegisterNode,
        Self::ActivateNode,
        Self::DeactivateNode,
        Self::UnregisterNode,
        Self::SendNodeHeartbeat,
        Self::PullMessages,
        Self::PushMessages,
        Self::GetRun,
        Self::GetFab,
        Self::PullObject,
        Self::PushObject,
        Self::ConfirmMessageReceived,
    ];

    /// The path over HTTP/1.1 (flwr 1.40 and later).
    #[must_use]
    pub const fn http_path(self) -> &'static str {
        match self {
            Self::RegisterNode => "/v1/fleet/register-node",
            Self::ActivateNode => "/v1/fleet/activate-node",
            Self::DeactivateNode => "/v1/fleet/deactivate-node",
            Self::UnregisterNode => "/v1/fleet/unregister-node",
            Self::SendNodeHeartbeat => "/v1/fleet/send-node-heartbeat",
            Self::PullMessages => "/v1/fleet/pull-messages",
            Self::PushMessages => "/v1/fleet/push-messages",
            Self::GetRun => "/v1/fleet/get-run",
            Self::GetFab => "/v1/fleet/get-fab",
            Self::PullObject => "/v1/fleet/pull-object",
            Self::PushObject => "/v1/fleet/push-object",
            Self::ConfirmMessageReceived => "/v1/fleet/confirm-message-received",
        }
    }

    /// The path over gRPC (flwr 1.39 and earlier).
    #[must_use]
    pub const fn grpc_path(self) -> &'static str {
        match self {
            Self::RegisterNode => "/flwr.proto.Fleet/RegisterNode",
            Self::ActivateNode => "/flwr.proto.Fleet/ActivateNode",
            Self::DeactivateNode => "/flwr.proto.Fleet/DeactivateNode",
            Self::UnregisterNode => "/flwr.proto.Fleet/UnregisterNode",
            Self::SendNodeHeartbeat => "/flwr.proto.Fleet/SendNodeHeartbeat",
            Self::PullMessages => "/flwr.proto.Fleet/PullMessages",
            Self::PushMessages => "/flwr.proto.Fleet/PushMessages",
            Self::GetRun => "/flwr.proto.Fleet/GetRun",
            Self::GetFab => "/flwr.proto.Fleet/GetFab",
            Self::PullObject => "/flwr.proto.Fleet/PullObject",
            Self::PushObject => "/flwr.proto.Fleet/PushObject",
            Self::ConfirmMessageReceived => "/flwr.proto.Fleet/ConfirmMessageReceived",
        }
    }

    /// The call that an HTTP path names.
    #[must_use]
    pub fn from_http_path(path: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|rpc| rpc.http_path() == path)
    }

    /// The call that a gRPC path names.
    #[must_use]
    pub fn from_grpc_path(path: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|rpc| rpc.grpc_path() == path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_paths_of_a_call_say_the_same_name() {
        for rpc in Rpc::ALL {
            let camel = rpc.grpc_path().rsplit_once('/').unwrap().1;
            let kebab = rpc.http_path().rsplit_once('/').unwrap().1;
            let joined: String = kebab.split('-').collect();
            assert_eq!(camel.to_lowercase(), joined);
            assert_eq!(format!("{rpc:?}"), camel);
            assert_eq!(Rpc::from_http_path(rpc.http_path()), Some(rpc));
            assert_eq!(Rpc::from_grpc_path(rpc.grpc_path()), Some(rpc));
        }
        assert_eq!(Rpc::from_http_path("/v1/fleet/pull-message"), None);
    }
}
