//! A node whose messages are put together by hand, so that each can be wrong in its own way.

use std::{
    io::{Read, Write},
    net::{Shutdown, TcpStream},
};

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use prost::Message as _;
use serde_json::Value;
use thunderline_core::{Clock, SystemClock, Timestamp};
use thunderline_flower::{
    Kind, Object, ObjectId, Rpc, SERVER_NODE_ID,
    array::{Array, NUMPY},
    auth::SigningKey,
    record::{self, MetricValue},
    tree::{self, Listed},
    wire,
};
use thunderline_numerics::{DType, npy};
use ureq::Agent;

use super::server::Server;

/// The node.
pub struct Hand {
    agent: Agent,
    address: String,
    key: SigningKey,
    /// Its id, as its key gives it.
    pub id: u64,
}

/// What the server said: the status, and its reason or the message's bytes.
#[derive(Debug)]
pub struct Said {
    pub status: u16,
    pub bytes: Bytes,
}

impl Said {
    /// The reason of a refusal, as Flower's clients print it.
    pub fn detail(&self) -> String {
        let parsed: Option<Value> = serde_json::from_slice(&self.bytes).ok();
        parsed.and_then(|value| Some(value["detail"].as_str()?.to_owned())).unwrap_or_default()
    }
}

/// Names and values of headers.
pub type Headers = Vec<(&'static str, String)>;

impl Hand {
    /// A node that nobody knows yet.
    pub fn new(server: &Server) -> Self {
        let agent = Agent::config_builder().http_status_as_error(false).build().new_agent();
        let key = SigningKey::from_pkcs8(&SigningKey::generate().unwrap()).unwrap();
        let id = key.public_key().node_id().get();
        Self { agent, address: server.fleet_http(), key, id }
    }

    /// Introduces itself as a runner.
    pub fn enrol(&self) {
        let key = STANDARD.encode(self.key.public_key().pem());
        let body = serde_json::json!({ "public_key": key, "name": "hand", "tags": ["hand"] }).to_string();
        let said = self.send("/v1/runner/enrol", &self.signed(SystemClock.now()), body.as_bytes());
        assert_eq!(said.status, 200, "{said:?}");
    }

    /// Its public key in PEM.
    pub fn pem(&self) -> Bytes {
        self.key.public_key().pem().into()
    }

    /// The headers that prove who it is, as of `now`.
    pub fn signed(&self, now: Timestamp) -> Headers {
        self.key.sign(now).unwrap().to_headers().into()
    }

    /// Sends these bytes.
    pub fn send(&self, path: &str, headers: &[(&'static str, String)], body: &[u8]) -> Said {
        let mut request = self.agent.post(format!("http://{}{path}", self.address));
        for (name, value) in headers {
            request = request.header(*name, value);
        }
        let answer = request.send(body).unwrap_or_else(|error| panic!("{path}: {error}"));
        let (status, mut bytes) = (answer.status().as_u16(), Vec::new());
        answer.into_body().into_reader().read_to_end(&mut bytes).unwrap();
        Said { status, bytes: bytes.into() }
    }

    /// Sends the beginning of a longer request and hangs up; gives what was answered to that, if anything.
    pub fn send_part(&self, path: &str, length: usize, part: &[u8]) -> String {
        let mut head =
            format!("POST {path} HTTP/1.1\r\nhost: {}\r\ncontent-length: {length}\r\n", self.address);
        for (name, value) in self.signed(SystemClock.now()) {
            head += &format!("{name}: {value}\r\n");
        }
        let mut stream = TcpStream::connect(&self.address).unwrap();
        stream.write_all(format!("{head}\r\n").as_bytes()).unwrap();
        stream.write_all(part).unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
        let mut answer = Vec::new();
        // A connection that is reset is an answer as well.
        let _reset = stream.read_to_end(&mut answer);
        String::from_utf8_lossy(&answer).into_owned()
    }

    /// Makes a call in good order.
    pub fn call(&self, rpc: Rpc, request: &impl prost::Message) -> Said {
        self.send(rpc.http_path(), &self.signed(SystemClock.now()), &request.encode_to_vec())
    }

    /// Makes a call that must succeed.
    pub fn ask<T: prost::Message + Default>(&self, rpc: Rpc, request: &impl prost::Message) -> T {
        let said = self.call(rpc, request);
        assert_eq!(said.status, 200, "{rpc:?}: {}", said.detail());
        T::decode(said.bytes).unwrap()
    }

    /// Itself, as messages name it.
    pub fn node(&self) -> Option<wire::Node> {
        Some(wire::Node { node_id: self.id })
    }

    /// Asks for work until there is some; gives the message.
    pub fn pull(&self) -> wire::Message {
        let request = wire::PullMessagesRequest { node: self.node(), message_ids: Vec::new() };
        for _ in 0..10 {
            let answer: wire::PullMessagesResponse = self.ask(Rpc::PullMessages, &request);
            if let Some(message) = answer.messages_list.into_iter().next() {
                return message;
            }
        }
        panic!("there is no work")
    }

    /// A good answer to a task: two numbers of this value.
    pub fn reply(&self, task: &wire::Message, value: f32) -> Reply {
        let mut reply = Reply::default();
        let mut file = npy::header(DType::F32, &[2]).unwrap();
        file.extend(value.to_le_bytes().repeat(2));
        let chunk = reply.add(&Object::leaf(Kind::ArrayChunk, file));
        let array =
            Array { dtype: "float32".into(), shape: vec![2], stype: NUMPY.into(), chunks: vec![chunk] };
        let array = reply.add(&array.to_object());
        let arrays = reply.add(&record::names_object(Kind::ArrayRecord, &[("w".to_owned(), array)]));
        let metrics = record::metrics_object(&[("num-examples".to_owned(), MetricValue::Int(1))]);
        let metrics = reply.add(&metrics);
        let names = [("arrays".to_owned(), arrays), ("metrics".to_owned(), metrics)];
        let content = reply.add(&record::names_object(Kind::RecordDict, &names));
        let task = task.metadata.clone().unwrap();
        let metadata = wire::Metadata {
            message_id: String::new(),
            src_node_id: self.id,
            dst_node_id: SERVER_NODE_ID,
            reply_to_message_id: task.message_id.clone(),
            ..task
        };
        let body = wire::Message { metadata: Some(metadata), content: None, error: None };
        let object =
            Object { kind: Kind::Message, children: vec![content], body: body.encode_to_vec().into() };
        let root = reply.add(&object);
        reply.message = body;
        reply.message.content = Some(wire::RecordDict {});
        if let Some(metadata) = &mut reply.message.metadata {
            metadata.message_id = root.to_string();
        }
        reply.root = Some(root);
        reply
    }

    /// The announcement of a reply.
    pub fn announcement(&self, reply: &Reply) -> wire::PushMessagesRequest {
        wire::PushMessagesRequest {
            node: self.node(),
            messages_list: vec![reply.message.clone()],
            message_object_trees: vec![tree::build(&reply.listed, reply.root.unwrap()).unwrap()],
            clientapp_runtime_list: vec![0.0],
        }
    }

    /// One object of a reply to a run.
    pub fn object(
        &self,
        run_id: u64,
        session: &str,
        id: ObjectId,
        content: Bytes,
    ) -> wire::PushObjectRequest {
        wire::PushObjectRequest {
            node: self.node(),
            run_id,
            object_id: id.to_string(),
            object_content: content,
            session_id: session.to_owned(),
        }
    }
}

/// An answer: the message and all its objects, children before parents.
#[derive(Default)]
pub struct Reply {
    pub message: wire::Message,
    pub objects: Vec<(ObjectId, Bytes)>,
    listed: Vec<Listed>,
    root: Option<ObjectId>,
}

impl Reply {
    fn add(&mut self, object: &Object) -> ObjectId {
        let bytes = object.encode();
        let id = ObjectId::of(&bytes);
        self.listed.push(Listed { id, children: object.children.clone() });
        self.objects.push((id, bytes));
        id
    }
}
