//! Flower's Fleet API, as a runner calls it.

use std::{
    io::Read,
    sync::{Arc, Mutex},
};

use bytes::Bytes;
use thunderline_core::{Error, NodeId, RunId};
use thunderline_flower::{ObjectId, Rpc, wire};

use crate::{
    channel::{CallError, CallResult, Channel},
    retry::until_answered,
    stop::Stop,
    upload::Progress,
};

/// The Fleet API in the name of one node. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Fleet {
    pub(crate) channel: Channel,
    pub(crate) stop: Stop,
    pub(crate) node: NodeId,
}

impl Fleet {
    fn caller(&self) -> Option<wire::Node> {
        Some(wire::Node { node_id: self.node.get() })
    }

    /// Calls until the server is there.
    fn call<T: prost::Message + Default>(&self, rpc: Rpc, request: &impl prost::Message) -> CallResult<T> {
        until_answered(self.channel.cx(), &self.stop, || self.once(rpc, request))
    }

    fn once<T: prost::Message + Default>(&self, rpc: Rpc, request: &impl prost::Message) -> CallResult<T> {
        self.channel.post_message(rpc.http_path(), request)
    }

    /// Makes a call that the server holds for long. It has a thread of its own, which is left behind where the stop signal is given:
    /// nobody waits for what is said to a runner that ends.
    pub(crate) fn held<T: Send + 'static>(
        &self,
        call: impl FnOnce(&Self) -> CallResult<T> + Send + 'static,
    ) -> CallResult<T> {
        let slot = Arc::new(Mutex::new(None));
        std::thread::spawn({
            let (fleet, slot) = (self.clone(), slot.clone());
            move || {
                let answered = call(&fleet);
                *slot.lock().expect("nobody panics while holding the slot") = Some(answered);
                fleet.stop.wake();
            }
        });
        let answered =
            self.stop.wait_for(|| slot.lock().expect("nobody panics while holding the slot").take());
        answered.unwrap_or(Err(CallError::Stopped))
    }

    /// A message, where there is work. The tree of its objects is not needed: each object names its children. The server holds the call until there is, for a while.
    pub(crate) fn pull_messages(&self) -> CallResult<Option<wire::Message>> {
        let request = wire::PullMessagesRequest { node: self.caller(), message_ids: Vec::new() };
        let answer: wire::PullMessagesResponse = self.call(Rpc::PullMessages, &request)?;
        Ok(answer.messages_list.into_iter().next())
    }

    /// An object's bytes, checked against its id. Waits where the server does not have it yet.
    pub(crate) fn pull_object(&self, run: RunId, id: ObjectId) -> CallResult<Bytes> {
        let request =
            wire::PullObjectRequest { node: self.caller(), run_id: run.get(), object_id: id.to_string() };
        let answer = until_answered(self.channel.cx(), &self.stop, || {
            let answer: wire::PullObjectResponse = self.once(Rpc::PullObject, &request)?;
            if answer.object_found && !answer.object_available {
                return Err(CallError::Away(format!("object {id} is not available yet")));
            }
            Ok(answer)
        })?;
        if !answer.object_found {
            return Err(CallError::Refused(format!("object {id} does not exist")));
        }
        if ObjectId::of(&answer.object_content) != id {
            return Err(Error::internal(format!("object {id} came with other bytes than its id says")).into());
        }
        Ok(answer.object_content)
    }

    /// All objects of the message are here.
    pub(crate) fn confirm(&self, run: RunId, message: &str) -> CallResult<()> {
        let request = wire::ConfirmMessageReceivedRequest {
            node: self.caller(),
            run_id: run.get(),
            message_object_id: message.into(),
        };
        let _: wire::ConfirmMessageReceivedResponse = self.call(Rpc::ConfirmMessageReceived, &request)?;
        Ok(())
    }

    /// Announces a reply; tells which of its objects the server lacks.
    pub(crate) fn push_messages(
        &self,
        message: wire::Message,
        tree: wire::ObjectTree,
        seconds: f64,
    ) -> CallResult<wire::PushMessagesResponse> {
        let request = wire::PushMessagesRequest {
            node: self.caller(),
            messages_list: vec![message],
            message_object_trees: vec![tree],
            clientapp_runtime_list: vec![seconds],
        };
        self.call(Rpc::PushMessages, &request)
    }

    /// How far the upload of a reply is; calls until the server is there.
    pub(crate) fn progress(&self, session: &str) -> CallResult<Progress> {
        until_answered(self.channel.cx(), &self.stop, || self.channel.get_json(&uploads(session)))
    }

    /// Adds to the upload of a reply, once.
    pub(crate) fn append(&self, session: &str, body: &mut dyn Read, length: u64) -> CallResult<Progress> {
        self.channel.patch_stream(&uploads(session), body, length)
    }

    /// Says that the node is alive, once.
    pub(crate) fn heartbeat(&self, interval: f64) -> CallResult<bool> {
        let request = wire::SendNodeHeartbeatRequest { node: self.caller(), heartbeat_interval: interval };
        let answer: wire::SendNodeHeartbeatResponse = self.once(Rpc::SendNodeHeartbeat, &request)?;
        Ok(answer.success)
    }

    /// Says goodbye, once.
    pub(crate) fn deactivate(&self) -> CallResult<()> {
        let request = wire::DeactivateNodeRequest { node_id: self.node.get() };
        let _: wire::DeactivateNodeResponse = self.once(Rpc::DeactivateNode, &request)?;
        Ok(())
    }
}

fn uploads(session: &str) -> String {
    format!("/v1/runner/uploads/{session}")
}
