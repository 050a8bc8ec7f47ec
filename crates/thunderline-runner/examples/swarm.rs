//! Many nodes in one process, for measuring a server: they register as runners, answer every task with made-up arrays of
//! the model's own names, types and shapes, and hold no model. Run with a release build:
//!
//! `cargo run --release -p thunderline-runner --example swarm -- http://127.0.0.1:8000 50`
//!
//! Node `i` (from 1) sends i·(j mod 997) as element j of every chunk, with weight 1, so that an average can be checked.

use std::{env, error::Error, io::Read, sync::Arc, thread, time::Duration};

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use prost::Message as _;
use thunderline_core::{Clock, SystemClock};
use thunderline_flower::{
    CHUNK_BYTES, Kind, Object, ObjectId, Rpc, SERVER_NODE_ID,
    array::{Array, NUMPY},
    auth::SigningKey,
    record::{self, MetricValue},
    tree::{self, Listed},
    wire,
};
use thunderline_numerics::{DType, npy};
use ureq::Agent;

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

fn main() -> Outcome<()> {
    let mut args = env::args().skip(1);
    let server: Arc<str> = args.next().ok_or("usage: swarm SERVER CLIENTS")?.into();
    let clients: u64 = args.next().ok_or("usage: swarm SERVER CLIENTS")?.parse()?;
    let threads: Vec<_> = (1..=clients)
        .map(|number| {
            let server = server.clone();
            thread::spawn(move || {
                if let Err(error) = Node::enrol(&server, number).and_then(|node| node.work()) {
                    eprintln!("node {number}: {error}");
                }
            })
        })
        .collect();
    for thread in threads {
        thread.join().map_err(|_| "a node panicked")?;
    }
    Ok(())
}

struct Node {
    agent: Agent,
    server: String,
    key: SigningKey,
    number: u64,
    id: u64,
}

impl Node {
    fn enrol(server: &str, number: u64) -> Outcome<Self> {
        let agent = Agent::config_builder().http_status_as_error(false).build().new_agent();
        let key = SigningKey::from_pkcs8(&SigningKey::generate()?)?;
        let mut node = Self { agent, server: server.into(), key, number, id: 0 };
        let body = serde_json::json!({
            "public_key": STANDARD.encode(node.key.public_key().pem()),
            "name": format!("swarm-{number:05}"), "tags": ["swarm"], "capacity": {}, "version": "swarm",
        });
        let answer = node.post("/v1/runner/enrol", "application/json", body.to_string().as_bytes())?;
        let answer: serde_json::Value = serde_json::from_slice(&answer)?;
        node.id = answer["node_id"].as_str().ok_or("no node id")?.parse()?;
        Ok(node)
    }

    fn post(&self, path: &str, content: &str, body: &[u8]) -> Outcome<Vec<u8>> {
        loop {
            let mut request =
                self.agent.post(format!("{}{path}", self.server)).header("content-type", content);
            for (name, value) in self.key.sign(SystemClock.now())?.to_headers() {
                request = request.header(name, value);
            }
            let Ok(mut response) = request.send(body) else {
                thread::sleep(Duration::from_millis(200));
                continue;
            };
            let mut bytes = Vec::new();
            response.body_mut().as_reader().read_to_end(&mut bytes)?;
            match response.status().as_u16() {
                200 => return Ok(bytes),
                502..=504 => thread::sleep(Duration::from_millis(200)),
                status => return Err(format!("{path}: {status} {}", String::from_utf8_lossy(&bytes)).into()),
            }
        }
    }

    fn call<T: prost::Message + Default>(&self, rpc: Rpc, request: &impl prost::Message) -> Outcome<T> {
        let bytes = self.post(rpc.http_path(), "application/protobuf", &request.encode_to_vec())?;
        Ok(T::decode(Bytes::from(bytes))?)
    }

    fn node(&self) -> Option<wire::Node> {
        Some(wire::Node { node_id: self.id })
    }

    fn work(&self) -> Outcome<()> {
        loop {
            let request = wire::PullMessagesRequest { node: self.node(), message_ids: Vec::new() };
            let pulled: wire::PullMessagesResponse = self.call(Rpc::PullMessages, &request)?;
            let (Some(message), Some(objects)) =
                (pulled.messages_list.into_iter().next(), pulled.message_object_trees.into_iter().next())
            else {
                continue;
            };
            self.answer(&message, &objects)?;
        }
    }

    /// Downloads everything, keeps the descriptions of the arrays only, and sends arrays of the same form.
    fn answer(&self, message: &wire::Message, objects: &wire::ObjectTree) -> Outcome<()> {
        let metadata = message.metadata.as_ref().ok_or("no metadata")?;
        let (mut arrays, mut names) = (std::collections::HashMap::new(), Vec::new());
        for listed in tree::read(objects)? {
            let request = wire::PullObjectRequest {
                node: self.node(),
                run_id: metadata.run_id,
                object_id: listed.id.to_string(),
            };
            let pulled: wire::PullObjectResponse = self.call(Rpc::PullObject, &request)?;
            if ObjectId::of(&pulled.object_content) != listed.id {
                return Err("an object came with other bytes than its id says".into());
            }
            let object = Object::decode(&pulled.object_content)?;
            match object.kind {
                Kind::Array => drop(arrays.insert(listed.id, Array::from_object(&object)?)),
                Kind::ArrayRecord => names = record::names_from_object(Kind::ArrayRecord, &object)?,
                _ => {}
            }
        }
        let confirm = wire::ConfirmMessageReceivedRequest {
            node: self.node(),
            run_id: metadata.run_id,
            message_object_id: metadata.message_id.clone(),
        };
        let _: wire::ConfirmMessageReceivedResponse = self.call(Rpc::ConfirmMessageReceived, &confirm)?;
        let mut upload = Upload { node: self, run: metadata.run_id, made: Vec::new() };
        let mut records = Vec::new();
        if metadata.message_type.starts_with("train") {
            let mut made = Vec::new();
            for (name, id) in names {
                made.push((name, upload.array(&arrays[&id])?));
            }
            records.push(("arrays".to_owned(), upload.add(&record::names_object(Kind::ArrayRecord, &made))));
        }
        let metrics =
            [("num-examples".to_owned(), MetricValue::Int(1)), ("loss".into(), MetricValue::Double(1.0))];
        records.push(("metrics".to_owned(), upload.add(&record::metrics_object(&metrics))));
        let content = upload.add(&record::names_object(Kind::RecordDict, &records));
        upload.send(metadata, content)
    }
}

/// Objects are made twice, once for their ids and once to be sent, so that a node never holds a model.
struct Upload<'a> {
    node: &'a Node,
    run: u64,
    made: Vec<(Listed, Made)>,
}

enum Made {
    Whole(Bytes),
    Chunk { header: Vec<u8>, first: u64, elements: usize },
}

impl Upload<'_> {
    fn add(&mut self, object: &Object) -> ObjectId {
        let bytes = object.encode();
        let id = ObjectId::of(&bytes);
        self.made.push((Listed { id, children: object.children.clone() }, Made::Whole(bytes)));
        id
    }

    fn array(&mut self, like: &Array) -> Outcome<ObjectId> {
        let shape: Vec<usize> = like.shape.iter().map(|axis| *axis as usize).collect();
        let total: usize = shape.iter().product();
        let mut header = npy::header(DType::F32, &shape)?;
        let (mut first, mut chunks) = (0, Vec::new());
        loop {
            let elements = ((CHUNK_BYTES - header.len()) / 4).min(total - first as usize);
            let chunk = Made::Chunk { header: std::mem::take(&mut header), first, elements };
            let id = ObjectId::of(&self.bytes(&chunk));
            self.made.push((Listed { id, children: Vec::new() }, chunk));
            chunks.push(id);
            first += elements as u64;
            if first as usize >= total {
                break;
            }
        }
        let array = Array { dtype: "float32".into(), shape: like.shape.clone(), stype: NUMPY.into(), chunks };
        Ok(self.add(&array.to_object()))
    }

    fn bytes(&self, made: &Made) -> Bytes {
        match made {
            Made::Whole(bytes) => bytes.clone(),
            Made::Chunk { header, first, elements } => {
                let mut body = header.clone();
                let scale = self.node.number as f32;
                for element in *first..*first + *elements as u64 {
                    body.extend_from_slice(&(scale * (element % 997) as f32).to_le_bytes());
                }
                Object::leaf(Kind::ArrayChunk, body).encode()
            }
        }
    }

    fn send(&mut self, task: &wire::Metadata, content: ObjectId) -> Outcome<()> {
        let mut message = wire::Message {
            metadata: Some(wire::Metadata {
                message_id: String::new(),
                src_node_id: self.node.id,
                dst_node_id: SERVER_NODE_ID,
                reply_to_message_id: task.message_id.clone(),
                ..task.clone()
            }),
            ..Default::default()
        };
        let body = message.encode_to_vec();
        let object = Object { kind: Kind::Message, children: vec![content], body: Bytes::from(body) };
        let root = self.add(&object);
        if let Some(metadata) = message.metadata.as_mut() {
            metadata.message_id = root.to_string();
        }
        message.content = Some(wire::RecordDict {});
        let listed: Vec<Listed> = self.made.iter().map(|(listed, _)| listed.clone()).collect();
        let request = wire::PushMessagesRequest {
            node: self.node.node(),
            messages_list: vec![message],
            message_object_trees: vec![tree::build(&listed, root)?],
            clientapp_runtime_list: vec![0.0],
        };
        let answer: wire::PushMessagesResponse = self.node.call(Rpc::PushMessages, &request)?;
        for (listed, made) in &self.made {
            let id = listed.id.to_string();
            if !answer.objects_to_push.contains(&id) {
                continue;
            }
            let push = wire::PushObjectRequest {
                node: self.node.node(),
                run_id: self.run,
                object_id: id,
                object_content: self.bytes(made),
                session_id: answer.session_id.clone(),
            };
            let _: wire::PushObjectResponse = self.node.call(Rpc::PushObject, &push)?;
        }
        Ok(())
    }
}
