//! A made-up Flower client.

use axum::{body::Body, extract::Request};
use base64::{Engine, engine::general_purpose::STANDARD_NO_PAD};
use bytes::{BufMut, Bytes, BytesMut};
use prost::Message;
use thunderline_core::NodeId;
use thunderline_flower::{
    Kind, Object, ObjectId, Rpc,
    array::{Array, NUMPY},
    auth::{self, SigningKey},
    record::{self, MetricValue},
    tree::{self, Listed},
    wire,
};
use thunderline_numerics::{DType, npy};

use crate::edge::{Edge, Refused};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    Http,
    Grpc,
}

pub struct Client {
    pub key: SigningKey,
    pub id: NodeId,
    transport: Transport,
}

/// A task as a client holds it.
pub struct Task {
    pub message: wire::Message,
    pub objects: Vec<Object>,
}

impl Task {
    pub fn metadata(&self) -> &wire::Metadata {
        self.message.metadata.as_ref().expect("a message has metadata")
    }

    pub fn id(&self) -> &str {
        &self.metadata().message_id
    }

    pub fn run(&self) -> u64 {
        self.metadata().run_id
    }
}

/// A reply with its objects, children first.
pub struct Reply {
    pub message: wire::Message,
    pub tree: wire::ObjectTree,
    pub objects: Vec<(ObjectId, Bytes)>,
}

impl Client {
    pub fn new(transport: Transport) -> Self {
        let key = SigningKey::generate().and_then(|document| SigningKey::from_pkcs8(&document));
        let key = key.expect("a key can be made");
        Self { id: key.public_key().node_id(), key, transport }
    }

    pub fn node(&self) -> Option<wire::Node> {
        Some(wire::Node { node_id: self.id.get() })
    }

    /// A signed request with any bytes as its message.
    pub fn request(&self, edge: &Edge, rpc: Rpc, message: &[u8]) -> Request<Body> {
        let credentials = self.key.sign(edge.t.system().now()).expect("signing works");
        let builder = match self.transport {
            Transport::Http => {
                let builder = Request::post(rpc.http_path());
                credentials
                    .to_headers()
                    .into_iter()
                    .fold(builder, |builder, (name, value)| builder.header(name, value))
            }
            Transport::Grpc => Request::post(rpc.grpc_path())
                .header("content-type", "application/grpc")
                .header("te", "trailers")
                .header(auth::PUBLIC_KEY_BIN, STANDARD_NO_PAD.encode(&credentials.public_key))
                .header(auth::TIMESTAMP, &credentials.timestamp)
                .header(auth::SIGNATURE_BIN, STANDARD_NO_PAD.encode(&credentials.signature)),
        };
        let mut body = BytesMut::new();
        if self.transport == Transport::Grpc {
            body.put_u8(0);
            body.put_u32(message.len() as u32);
        }
        body.put_slice(message);
        builder.body(Body::from(body.freeze())).expect("the request is well formed")
    }

    pub async fn raw(&self, edge: &Edge, rpc: Rpc, message: &[u8]) -> Result<Bytes, Refused> {
        let (parts, body, trailers) = edge.send(self.request(edge, rpc, message)).await;
        match self.transport {
            Transport::Http if parts.status.is_success() => Ok(body),
            Transport::Http => {
                let error: serde_json::Value = serde_json::from_slice(&body).expect("a refusal is JSON");
                assert_eq!(error["code"], parts.status.as_u16());
                assert!(error["detail"].is_string());
                Err(Refused::Http(parts.status))
            }
            Transport::Grpc => {
                assert_eq!(parts.status, 200);
                let trailers = trailers.unwrap_or(parts.headers);
                match trailers["grpc-status"].to_str().expect("digits").parse().expect("digits") {
                    0 => Ok(body.slice(5..)),
                    code => Err(Refused::Grpc(code)),
                }
            }
        }
    }

    pub async fn call<T: Message + Default>(
        &self,
        edge: &Edge,
        rpc: Rpc,
        request: &impl Message,
    ) -> Result<T, Refused> {
        let answer = self.raw(edge, rpc, &request.encode_to_vec()).await?;
        Ok(T::decode(answer).expect("the answer is the call's message"))
    }

    /// Registers and activates.
    pub async fn join(&self, edge: &Edge) -> Result<(), Refused> {
        let public_key = Bytes::from(self.key.public_key().pem());
        let request = wire::RegisterNodeFleetRequest { public_key: public_key.clone() };
        let registered: wire::RegisterNodeFleetResponse =
            self.call(edge, Rpc::RegisterNode, &request).await?;
        assert_eq!(registered.node_id, self.id.get());
        let request = wire::ActivateNodeRequest { public_key, heartbeat_interval: 30.0 };
        let active: wire::ActivateNodeResponse = self.call(edge, Rpc::ActivateNode, &request).await?;
        assert_eq!(active.node_id, self.id.get());
        Ok(())
    }

    pub async fn pull(&self, edge: &Edge) -> Result<Option<(wire::Message, wire::ObjectTree)>, Refused> {
        let request = wire::PullMessagesRequest { node: self.node(), message_ids: vec![] };
        let pulled: wire::PullMessagesResponse = self.call(edge, Rpc::PullMessages, &request).await?;
        Ok(pulled.messages_list.into_iter().next().zip(pulled.message_object_trees.into_iter().next()))
    }

    pub async fn pull_object(
        &self,
        edge: &Edge,
        run_id: u64,
        object_id: &str,
    ) -> Result<wire::PullObjectResponse, Refused> {
        let request = wire::PullObjectRequest { node: self.node(), run_id, object_id: object_id.into() };
        self.call(edge, Rpc::PullObject, &request).await
    }

    /// Pulls a task with all its objects and confirms it.
    pub async fn task(&self, edge: &Edge) -> Result<Option<Task>, Refused> {
        let Some((message, tree)) = self.pull(edge).await? else { return Ok(None) };
        let run_id = message.metadata.as_ref().expect("a message has metadata").run_id;
        let mut objects = Vec::new();
        for listed in tree::read(&tree).expect("the tree is well formed") {
            let answer = self.pull_object(edge, run_id, &listed.id.to_string()).await?;
            assert!(answer.object_found && answer.object_available);
            assert_eq!(ObjectId::of(&answer.object_content), listed.id);
            let object = Object::decode(&answer.object_content).expect("the object is well formed");
            assert_eq!(object.children, listed.children);
            objects.push(object);
        }
        let request = wire::ConfirmMessageReceivedRequest {
            node: self.node(),
            run_id,
            message_object_id: tree.object_id.clone(),
        };
        let _: wire::ConfirmMessageReceivedResponse =
            self.call(edge, Rpc::ConfirmMessageReceived, &request).await?;
        Ok(Some(Task { message, objects }))
    }

    /// The reply of a client that found these elements for the array `w`.
    pub fn reply(&self, task: &Task, elements: [f32; 4], num_examples: u64) -> Reply {
        let mut data = npy::header(DType::F32, &[2, 2]).expect("NumPy has float32");
        data.extend(elements.iter().flat_map(|element| element.to_le_bytes()));
        let mut objects = Vec::new();
        // In two pieces, cut within the elements.
        let cut = data.len() - 6;
        let chunks = [&data[..cut], &data[cut..]]
            .map(|part| add(&mut objects, &Object::leaf(Kind::ArrayChunk, part.to_vec())));
        let array = Array {
            dtype: "float32".into(),
            shape: vec![2, 2],
            stype: NUMPY.into(),
            chunks: chunks.to_vec(),
        };
        let array = add(&mut objects, &array.to_object());
        let arrays = add(&mut objects, &record::names_object(Kind::ArrayRecord, &[("w".into(), array)]));
        let metrics = [
            ("num-examples".into(), MetricValue::from(num_examples)),
            ("loss".into(), MetricValue::Double(0.5)),
        ];
        let metrics = add(&mut objects, &record::metrics_object(&metrics));
        let names = [("arrays".into(), arrays), ("metrics".into(), metrics)];
        let content = add(&mut objects, &record::names_object(Kind::RecordDict, &names));
        self.finish(task, objects, vec![content], None)
    }

    /// The reply of a client whose app raised an exception.
    pub fn error(&self, task: &Task, reason: &str) -> Reply {
        self.finish(task, Vec::new(), vec![], Some(wire::Error { code: 2, reason: reason.into() }))
    }

    /// A reply with a chunk of this many equal bytes, which is useless.
    pub fn useless(&self, task: &Task, byte: u8, count: usize) -> Reply {
        let mut objects = Vec::new();
        let chunk = add(&mut objects, &Object::leaf(Kind::ArrayChunk, vec![byte; count]));
        self.finish(task, objects, vec![chunk], None)
    }

    fn finish(
        &self,
        task: &Task,
        mut objects: Vec<(Listed, Bytes)>,
        children: Vec<ObjectId>,
        error: Option<wire::Error>,
    ) -> Reply {
        let mut metadata = wire::Metadata {
            message_id: String::new(),
            src_node_id: self.id.get(),
            dst_node_id: 1,
            reply_to_message_id: task.id().into(),
            ..task.metadata().clone()
        };
        let body = wire::Message { metadata: Some(metadata.clone()), content: None, error: error.clone() };
        let object = Object { kind: Kind::Message, children, body: body.encode_to_vec().into() };
        let id = add(&mut objects, &object);
        metadata.message_id = id.to_string();
        let content = error.is_none().then_some(wire::RecordDict {});
        let listed: Vec<_> = objects.iter().map(|(listed, _)| listed.clone()).collect();
        Reply {
            message: wire::Message { metadata: Some(metadata), content, error },
            tree: tree::build(&listed, id).expect("children come first"),
            objects: objects.into_iter().map(|(listed, bytes)| (listed.id, bytes)).collect(),
        }
    }

    pub async fn announce(&self, edge: &Edge, reply: &Reply) -> Result<wire::PushMessagesResponse, Refused> {
        let request = wire::PushMessagesRequest {
            node: self.node(),
            messages_list: vec![reply.message.clone()],
            message_object_trees: vec![reply.tree.clone()],
            clientapp_runtime_list: vec![0.5],
        };
        self.call(edge, Rpc::PushMessages, &request).await
    }

    pub async fn push(
        &self,
        edge: &Edge,
        session: &str,
        id: ObjectId,
        content: Bytes,
    ) -> Result<bool, Refused> {
        let request = wire::PushObjectRequest {
            node: self.node(),
            run_id: 1,
            object_id: id.to_string(),
            object_content: content,
            session_id: session.into(),
        };
        let answer: wire::PushObjectResponse = self.call(edge, Rpc::PushObject, &request).await?;
        Ok(answer.stored)
    }

    /// Announces a reply and sends what is asked for.
    pub async fn answer(&self, edge: &Edge, reply: &Reply) -> Result<(), Refused> {
        let announced = self.announce(edge, reply).await?;
        for (id, content) in &reply.objects {
            if announced.objects_to_push.contains(&id.to_string()) {
                assert!(self.push(edge, &announced.session_id, *id, content.clone()).await?);
            }
        }
        Ok(())
    }
}

fn add(objects: &mut Vec<(Listed, Bytes)>, object: &Object) -> ObjectId {
    let bytes = object.encode();
    let id = ObjectId::of(&bytes);
    objects.push((Listed { id, children: object.children.clone() }, bytes));
    id
}
