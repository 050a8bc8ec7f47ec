//! A made-up node: what it asks next, and what it makes of the answers.
//!
//! It behaves as Flower's client does: it asks again where it heard nothing, keeps one reply per task, drops a reply that
//! is not wanted, and loses everything but its key when it dies. Each reply can be told apart from every other in the
//! model that it becomes part of: see [`elements`].

use std::collections::VecDeque;

use bytes::Bytes;
use prost::Message;
use thunderline_core::Timestamp;
use thunderline_flower::{
    Kind, Object, ObjectId, Rpc,
    array::{Array, NUMPY},
    record::{self, MetricValue},
    tree::{self, Listed},
    wire,
};
use thunderline_numerics::{DType, npy};

use crate::{
    fixture::ARRAY,
    wire::{Answer, Caller, Sent},
};

/// How often a node promises to show that it is there, in seconds.
pub(crate) const HEARTBEAT: f64 = 30.0;

/// Replies of one node are numbered from 1 up to this and then from 1 again.
const NUMBERS: u32 = 15;

/// A node.
pub(crate) struct Node {
    pub(crate) caller: Caller,
    pub(crate) index: usize,
    pub(crate) alive: bool,
    /// The next reply is one that must be refused.
    pub(crate) spoiled: bool,
    stage: Stage,
    made: u32,
}

enum Stage {
    /// It has not come yet.
    Away,
    /// It has no work.
    Idle,
    /// It has a task.
    Tasked { task: wire::Message, reply: Option<Reply> },
    /// Its reply was announced.
    Sending { reply: Reply, session: String, left: VecDeque<ObjectId> },
}

/// A reply with its objects, children first.
#[derive(Clone)]
struct Reply {
    task: String,
    message: wire::Message,
    tree: wire::ObjectTree,
    objects: Vec<(ObjectId, Bytes)>,
}

/// What a request is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Intent {
    Come,
    Pull,
    Announce,
    Push,
    Beat,
    Leave,
}

/// What a node has learnt from an answer.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Learnt {
    Nothing,
    /// It holds the task of this message.
    Task(String),
    /// Its reply to this message is complete at the server, as far as it was told.
    Taken(String),
}

/// A reply that was made, to be found again in a model.
pub(crate) struct Made {
    /// The message of the task.
    pub(crate) task: String,
    /// The number in the elements.
    pub(crate) number: u32,
}

/// The four elements of a reply: who, which reply, and one twice to show that weights add up to one.
fn elements(index: usize, number: u32) -> [f32; 4] {
    [(1_u32 << index) as f32, (number * 16_u32.pow(index as u32)) as f32, 1.0, 1.0]
}

/// Who is in a mean of `count` replies, and with which number: what [`elements`] put in, taken out again.
pub(crate) fn contributors(mean: &[f32], count: usize) -> Option<Vec<(usize, u32)>> {
    let whole = |value: f32| {
        let sum = f64::from(value) * count as f64;
        ((sum - sum.round()).abs() < 0.01 && sum >= 0.0).then(|| sum.round() as u32)
    };
    if mean.len() != 4 || (mean[2], mean[3]) != (1.0, 1.0) {
        return None;
    }
    let (who, numbers) = (whole(mean[0])?, whole(mean[1])?);
    let present = (0..4).filter(|index| who >> index & 1 == 1);
    let found: Vec<_> = present.map(|index| (index, numbers >> (4 * index) & 15)).collect();
    // Anything counted twice, or left over, does not fit into bits and digits.
    let again = found.iter().map(|(index, number)| number << (4 * index)).sum::<u32>();
    (who < 16 && again == numbers && found.len() == count && found.iter().all(|(_, number)| *number > 0))
        .then_some(found)
}

impl Node {
    pub(crate) fn new(caller: Caller, index: usize) -> Self {
        Self { caller, index, alive: true, spoiled: false, stage: Stage::Away, made: 0 }
    }

    fn me(&self) -> Option<wire::Node> {
        Some(wire::Node { node_id: self.caller.id.get() })
    }

    /// Forgets everything but who it is.
    pub(crate) fn forget(&mut self) {
        self.stage = Stage::Away;
    }

    /// True where more than one object of a reply is still to be sent: the next request is only one of several.
    pub(crate) fn sends_many(&self) -> bool {
        matches!(&self.stage, Stage::Sending { left, .. } if left.len() > 1)
    }

    /// What it asks next, and the reply that it made for that.
    pub(crate) fn next(&mut self, now: Timestamp) -> (Intent, Sent, Option<Made>) {
        let mut made = None;
        let (intent, rpc, message) = match &mut self.stage {
            Stage::Away => {
                let request = wire::ActivateNodeRequest {
                    public_key: self.caller.pem(),
                    heartbeat_interval: HEARTBEAT,
                };
                (Intent::Come, Rpc::ActivateNode, request.encode_to_vec())
            }
            Stage::Idle => {
                let request = wire::PullMessagesRequest { node: self.me(), message_ids: vec![] };
                (Intent::Pull, Rpc::PullMessages, request.encode_to_vec())
            }
            Stage::Tasked { task, reply } => {
                let task = task.clone();
                let known = reply.clone();
                let reply = match known {
                    Some(reply) => reply,
                    None => {
                        let (reply, number) = self.reply(&task);
                        made = Some(Made { task: reply.task.clone(), number });
                        self.stage = Stage::Tasked { task, reply: Some(reply.clone()) };
                        reply
                    }
                };
                let request = wire::PushMessagesRequest {
                    node: self.me(),
                    messages_list: vec![reply.message],
                    message_object_trees: vec![reply.tree],
                    clientapp_runtime_list: vec![0.5],
                };
                (Intent::Announce, Rpc::PushMessages, request.encode_to_vec())
            }
            Stage::Sending { reply, session, left } => {
                let id = *left.front().expect("a reply that is sent leaves this stage");
                let (_, content) =
                    reply.objects.iter().find(|(known, _)| *known == id).expect("only its own objects");
                let request = wire::PushObjectRequest {
                    node: Some(wire::Node { node_id: self.caller.id.get() }),
                    run_id: 1,
                    object_id: id.to_string(),
                    object_content: content.clone(),
                    session_id: session.clone(),
                };
                (Intent::Push, Rpc::PushObject, request.encode_to_vec())
            }
        };
        (intent, self.caller.send(now, rpc, &message), made)
    }

    /// A sign of life, in its own or another's name.
    pub(crate) fn beat(&mut self, now: Timestamp, name: u64) -> Sent {
        let request = wire::SendNodeHeartbeatRequest {
            node: Some(wire::Node { node_id: name }),
            heartbeat_interval: HEARTBEAT,
        };
        self.caller.send(now, Rpc::SendNodeHeartbeat, &request.encode_to_vec())
    }

    /// A goodbye.
    pub(crate) fn leave(&mut self, now: Timestamp, for_good: bool) -> Sent {
        let node_id = self.caller.id.get();
        if for_good {
            let request = wire::UnregisterNodeFleetRequest { node_id };
            self.caller.send(now, Rpc::UnregisterNode, &request.encode_to_vec())
        } else {
            let request = wire::DeactivateNodeRequest { node_id };
            self.caller.send(now, Rpc::DeactivateNode, &request.encode_to_vec())
        }
    }

    /// Takes in the answer to its last request.
    pub(crate) fn hear(&mut self, intent: Intent, answer: &Answer) -> Learnt {
        let message = match answer {
            Answer::Message(message) => message.clone(),
            Answer::Retry => return Learnt::Nothing,
            Answer::Over | Answer::Leave => {
                if matches!(intent, Intent::Announce | Intent::Push) {
                    self.stage = Stage::Idle;
                }
                return Learnt::Nothing;
            }
        };
        let stage = std::mem::replace(&mut self.stage, Stage::Idle);
        let (stage, learnt) = match (intent, stage) {
            (Intent::Come, Stage::Away) => (Stage::Idle, Learnt::Nothing),
            (Intent::Leave, _) => (Stage::Away, Learnt::Nothing),
            (Intent::Pull, Stage::Idle) => pulled(message),
            (Intent::Announce, Stage::Tasked { reply: Some(reply), .. }) => announced(message, reply),
            (Intent::Push, Stage::Sending { reply, session, left }) => pushed(message, reply, session, left),
            (_, stage) => (stage, Learnt::Nothing),
        };
        self.stage = stage;
        learnt
    }

    /// The reply to a task.
    fn reply(&mut self, task: &wire::Message) -> (Reply, u32) {
        let number = self.made % NUMBERS + 1;
        self.made += 1;
        let metadata = task.metadata.as_ref().expect("a message has metadata");
        let spoiled = std::mem::take(&mut self.spoiled);
        let mut objects = Vec::new();
        let mut names = Vec::new();
        let mut error = None;
        if spoiled && number.is_multiple_of(2) {
            error = Some(wire::Error { code: 2, reason: "ZeroDivisionError".into() });
        } else {
            if metadata.message_type == "train" {
                let mut elements = elements(self.index, number);
                if spoiled {
                    elements[3] = f32::NAN;
                }
                names.push(("arrays".to_owned(), arrays(&mut objects, elements)));
            }
            let metrics = [
                ("num-examples".to_owned(), MetricValue::from(1_u64)),
                ("number".to_owned(), MetricValue::from(u64::from(number))),
            ];
            names.push(("metrics".to_owned(), add(&mut objects, &record::metrics_object(&metrics))));
        }
        let children = match error {
            None => vec![add(&mut objects, &record::names_object(Kind::RecordDict, &names))],
            Some(_) => Vec::new(),
        };
        let mut own = wire::Metadata {
            message_id: String::new(),
            src_node_id: self.caller.id.get(),
            dst_node_id: 1,
            reply_to_message_id: metadata.message_id.clone(),
            ..metadata.clone()
        };
        let body = wire::Message { metadata: Some(own.clone()), content: None, error: error.clone() };
        let object = Object { kind: Kind::Message, children, body: body.encode_to_vec().into() };
        let id = add(&mut objects, &object);
        own.message_id = id.to_string();
        let content = error.is_none().then_some(wire::RecordDict {});
        let listed: Vec<_> = objects.iter().map(|(listed, _)| listed.clone()).collect();
        let reply = Reply {
            task: metadata.message_id.clone(),
            message: wire::Message { metadata: Some(own), content, error },
            tree: tree::build(&listed, id).expect("children come first"),
            objects: objects.into_iter().map(|(listed, bytes)| (listed.id, bytes)).collect(),
        };
        (reply, number)
    }
}

fn pulled(message: Bytes) -> (Stage, Learnt) {
    let pulled = wire::PullMessagesResponse::decode(message).expect("it is the call's answer");
    match pulled.messages_list.into_iter().next() {
        None => (Stage::Idle, Learnt::Nothing),
        Some(task) => {
            let id = task.metadata.as_ref().expect("a message has metadata").message_id.clone();
            (Stage::Tasked { task, reply: None }, Learnt::Task(id))
        }
    }
}

fn announced(message: Bytes, reply: Reply) -> (Stage, Learnt) {
    let answer = wire::PushMessagesResponse::decode(message).expect("it is the call's answer");
    let wanted = |id: &ObjectId| answer.objects_to_push.contains(&id.to_string());
    let left: VecDeque<_> = reply.objects.iter().map(|(id, _)| *id).filter(wanted).collect();
    if left.is_empty() {
        return (Stage::Idle, Learnt::Taken(reply.task));
    }
    (Stage::Sending { reply, session: answer.session_id, left }, Learnt::Nothing)
}

fn pushed(message: Bytes, reply: Reply, session: String, mut left: VecDeque<ObjectId>) -> (Stage, Learnt) {
    let answer = wire::PushObjectResponse::decode(message).expect("it is the call's answer");
    if !answer.stored {
        return (Stage::Idle, Learnt::Nothing);
    }
    left.pop_front();
    if left.is_empty() {
        return (Stage::Idle, Learnt::Taken(reply.task));
    }
    (Stage::Sending { reply, session, left }, Learnt::Nothing)
}

fn arrays(objects: &mut Vec<(Listed, Bytes)>, elements: [f32; 4]) -> ObjectId {
    let mut data = npy::header(DType::F32, &[2, 2]).expect("NumPy has float32");
    data.extend(elements.iter().flat_map(|element| element.to_le_bytes()));
    let chunk = add(objects, &Object::leaf(Kind::ArrayChunk, data));
    let array =
        Array { dtype: "float32".into(), shape: vec![2, 2], stype: NUMPY.into(), chunks: vec![chunk] };
    let array = add(objects, &array.to_object());
    add(objects, &record::names_object(Kind::ArrayRecord, &[(ARRAY.into(), array)]))
}

fn add(objects: &mut Vec<(Listed, Bytes)>, object: &Object) -> ObjectId {
    let bytes = object.encode();
    let id = ObjectId::of(&bytes);
    objects.push((Listed { id, children: object.children.clone() }, bytes));
    id
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mean(replies: &[(usize, u32)]) -> Vec<f32> {
        let all: Vec<_> = replies.iter().map(|(index, number)| elements(*index, *number)).collect();
        (0..4).map(|at| all.iter().map(|one| one[at]).sum::<f32>() / all.len() as f32).collect()
    }

    #[test]
    fn a_mean_says_whose_replies_are_in_it() {
        for replies in [
            &[(0, 1)][..],
            &[(1, 15), (3, 7)],
            &[(0, 3), (1, 2), (2, 9)],
            &[(0, 15), (1, 15), (2, 15), (3, 15)],
        ] {
            assert_eq!(contributors(&mean(replies), replies.len()), Some(replies.to_vec()));
        }
    }

    #[test]
    fn a_reply_that_was_counted_twice_or_not_at_all_shows() {
        assert_eq!(contributors(&mean(&[(0, 1), (0, 1)]), 2), None);
        assert_eq!(contributors(&mean(&[(0, 1), (2, 1)]), 3), None);
        assert_eq!(contributors(&[3.0, 3.0, 0.5, 1.0], 1), None);
    }
}
