//! Messages: putting a request together, and checking that a reply answers it.

use prost::Message as _;
use thunderline_core::{NodeId, Result, RunId};

use crate::{Kind, Object, ObjectId, SERVER_NODE_ID, malformed, wire};

/// Flower's codes for a message that has no content.
pub mod error_code {
    /// The client app could not be loaded.
    pub const LOAD_CLIENT_APP: i64 = 1;
    /// The client app raised an exception.
    pub const CLIENT_APP_RAISED: i64 = 2;
    /// The node does not accept the app bundle.
    pub const INVALID_FAB: i64 = 7;
    /// The client app died.
    pub const CLIENT_APP_CRASHED: i64 = 8;
}

/// What a node is asked to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TaskKind {
    /// Train and send the arrays back.
    Train,
    /// Evaluate and send metrics back.
    Evaluate,
}

impl TaskKind {
    /// The message type.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Train => "train",
            Self::Evaluate => "evaluate",
        }
    }
}

/// A request to one node.
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    /// The run.
    pub run: RunId,
    /// The receiver.
    pub node: NodeId,
    /// What to do.
    pub kind: TaskKind,
    /// Shown as the round in node logs.
    pub group: String,
    /// Unix time in seconds. Part of the message's identity: the same request is the same message.
    pub created_at: f64,
    /// Seconds that the request is valid for.
    pub ttl: f64,
    /// The record dictionary.
    pub content: ObjectId,
}

impl Request {
    fn metadata(&self) -> wire::Metadata {
        wire::Metadata {
            run_id: self.run.get(),
            message_id: String::new(),
            src_node_id: SERVER_NODE_ID,
            dst_node_id: self.node.get(),
            reply_to_message_id: String::new(),
            group_id: self.group.clone(),
            ttl: self.ttl,
            message_type: self.kind.name().into(),
            created_at: self.created_at,
            src_task_id: None,
            dst_task_id: None,
        }
    }

    /// The message's object. Its id is the message's id.
    #[must_use]
    pub fn to_object(&self) -> Object {
        let body = wire::Message { metadata: Some(self.metadata()), content: None, error: None };
        Object { kind: Kind::Message, children: vec![self.content], body: body.encode_to_vec().into() }
    }

    /// The message as `pull-messages` delivers it: the payload follows as objects.
    #[must_use]
    pub fn to_wire(&self, id: ObjectId) -> wire::Message {
        let metadata = wire::Metadata { message_id: id.to_string(), ..self.metadata() };
        wire::Message { metadata: Some(metadata), content: Some(wire::RecordDict {}), error: None }
    }
}

/// A reply as it is announced.
#[derive(Clone, Debug, PartialEq)]
pub struct Reply {
    /// The reply's own id.
    pub id: ObjectId,
    /// The run.
    pub run: RunId,
    /// The request that it answers.
    pub reply_to: ObjectId,
    /// `train`, `evaluate`, … without the `.action` that may follow.
    pub kind: String,
    /// Why there is no content, where there is none.
    pub error: Option<ReplyError>,
}

/// Why a node could not do what it was asked to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplyError {
    /// See [`error_code`].
    pub code: i64,
    /// In words; written by the node, so to be shown as text only.
    pub reason: String,
}

/// The longest error text that is kept, in bytes.
const MAX_REASON: usize = 4096;

impl Reply {
    /// Checks an announced reply by itself: it comes from `node`, goes to the server and says what it answers.
    ///
    /// # Errors
    /// `invalid` with the field that is wrong.
    pub fn read(node: NodeId, message: &wire::Message) -> Result<Self> {
        let refused = |field: &str, reason: &str, allowed: &str| {
            malformed(&format!("message.{field}"), reason, allowed)
        };
        let metadata =
            message.metadata.as_ref().ok_or_else(|| refused("metadata", "it is missing", "metadata"))?;
        if metadata.src_node_id != node.get() {
            return Err(refused("src_node_id", "it is not the caller's", "the caller's own id"));
        }
        if metadata.dst_node_id != SERVER_NODE_ID {
            return Err(refused("dst_node_id", "it is not the server's", "1"));
        }
        if !metadata.ttl.is_finite() || metadata.ttl <= 0.0 {
            return Err(refused("ttl", "it is no duration", "a number above 0"));
        }
        let kind = metadata.message_type.split('.').next().unwrap_or_default().to_owned();
        let error = match (&message.content, &message.error) {
            (_, Some(error)) => Some(ReplyError { code: error.code, reason: clip(&error.reason) }),
            (Some(_), None) => None,
            (None, None) => {
                return Err(refused("content", "there is neither content nor error", "one of them"));
            }
        };
        Ok(Self {
            id: metadata.message_id.parse()?,
            run: RunId::try_from(metadata.run_id)?,
            reply_to: metadata.reply_to_message_id.parse()?,
            kind,
            error,
        })
    }

    /// Checks that the reply's object says what was announced; gives the record dictionary's id, or none for an error.
    ///
    /// # Errors
    /// `invalid` where the object is another message.
    pub fn check_object(&self, node: NodeId, object: &Object) -> Result<Option<ObjectId>> {
        if object.kind != Kind::Message {
            return Err(malformed("message", format!("it is a {}", object.kind.name()), "Message"));
        }
        let mut body = wire::Message::decode(object.body.clone())
            .map_err(|error| malformed("message", error.to_string(), "a protobuf message"))?;
        if let Some(metadata) = &mut body.metadata {
            metadata.message_id = self.id.to_string();
        }
        // Inside the object the content is absent, since it is the child.
        body.content = if body.error.is_none() { Some(wire::RecordDict {}) } else { None };
        if Self::read(node, &body)? != *self {
            return Err(malformed(
                "message",
                "the object differs from what was announced",
                "the announced message",
            ));
        }
        match (object.children.as_slice(), &self.error) {
            ([], Some(_)) => Ok(None),
            ([content], None) => Ok(Some(*content)),
            _ => {
                Err(malformed("message", "it has the wrong number of children", "one, or none for an error"))
            }
        }
    }
}

fn clip(text: &str) -> String {
    text.char_indices().take_while(|(start, c)| start + c.len_utf8() <= MAX_REASON).map(|(_, c)| c).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(text: &str) -> ObjectId {
        text.parse().unwrap()
    }

    fn request() -> Request {
        Request {
            run: RunId::try_from(4242u64).unwrap(),
            node: NodeId::try_from(1000u64).unwrap(),
            kind: TaskKind::Train,
            group: "1".into(),
            created_at: 1_800_000_000.0,
            ttl: 600.0,
            content: id("09ecc3ad241d5199fd88c0d1059c46d596b78a0c3384f30f4274bbfe91fc3b6e"),
        }
    }

    #[test]
    fn a_message_has_the_id_that_flower_computes() {
        let object = request().to_object();
        assert_eq!(object.encode().len(), 114);
        assert_eq!(
            ObjectId::of(&object.encode()),
            id("585de7ace6a2c4e54137055d1ca0f18f78266dc3ac08f4bcbdabf822307386dd")
        );
    }

    fn reply() -> (NodeId, wire::Message) {
        let request = request();
        let metadata = wire::Metadata {
            message_id: ObjectId::of(b"reply").to_string(),
            src_node_id: 1000,
            dst_node_id: 1,
            reply_to_message_id: ObjectId::of(b"request").to_string(),
            message_type: "train.default".into(),
            ..request.metadata()
        };
        (
            request.node,
            wire::Message { metadata: Some(metadata), content: Some(wire::RecordDict {}), error: None },
        )
    }

    #[test]
    fn a_reply_is_read_and_matched_with_its_object() {
        let (node, message) = reply();
        let announced = Reply::read(node, &message).unwrap();
        assert_eq!((announced.kind.as_str(), announced.reply_to), ("train", ObjectId::of(b"request")));
        let inner = |message: &wire::Message| {
            let mut inner = message.clone();
            inner.metadata.as_mut().unwrap().message_id.clear();
            inner.content = None;
            inner.encode_to_vec()
        };
        let content = ObjectId::of(b"content");
        let object = Object { kind: Kind::Message, children: vec![content], body: inner(&message).into() };
        assert_eq!(announced.check_object(node, &object).unwrap(), Some(content));

        let mut other = message;
        other.metadata.as_mut().unwrap().run_id = 7;
        let object = Object { body: inner(&other).into(), ..object };
        assert!(announced.check_object(node, &object).unwrap_err().to_string().contains("differs"));
    }

    #[test]
    fn an_error_reply_has_no_child_and_a_bounded_reason() {
        let (node, mut message) = reply();
        message.content = None;
        message.error = Some(wire::Error { code: error_code::CLIENT_APP_RAISED, reason: "ä".repeat(5000) });
        let announced = Reply::read(node, &message).unwrap();
        assert_eq!(announced.error.as_ref().unwrap().reason.len(), MAX_REASON);
        message.metadata.as_mut().unwrap().message_id.clear();
        let object = Object::leaf(Kind::Message, message.encode_to_vec());
        assert_eq!(announced.check_object(node, &object).unwrap(), None);
    }

    #[test]
    fn a_reply_in_the_name_of_another_node_is_refused() {
        let (_, message) = reply();
        let error = Reply::read(NodeId::try_from(5u64).unwrap(), &message).unwrap_err();
        assert_eq!(error.problems()[0].path, "message.src_node_id");
    }

    #[test]
    fn a_reply_with_neither_content_nor_error_is_refused() {
        let (node, mut message) = reply();
        message.content = None;
        assert_eq!(Reply::read(node, &message).unwrap_err().problems()[0].path, "message.content");
        message.metadata = None;
        assert!(Reply::read(node, &message).is_err());
    }
}
