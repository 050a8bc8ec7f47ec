//! A server in this process. It checks every signature, keeps stored objects through its own restarts and forgets
//! announcements, as a real one may.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    io::{BufRead, BufReader, Read, Write},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Condvar, Mutex, MutexGuard},
};

use base64::{Engine, engine::general_purpose::STANDARD, engine::general_purpose::URL_SAFE_NO_PAD};
use bytes::Bytes;
use prost::Message as _;
use ring::signature::{Ed25519KeyPair, KeyPair};
use serde_json::{Value, json};
use thunderline_core::{Clock, NodeId, RunId, SystemClock};
use thunderline_flower::{
    CHUNK_BYTES, Kind, Object, ObjectId, Rpc,
    array::{Array, NUMPY},
    auth::Credentials,
    message::{self, Request, TaskKind},
    record::{self, Config, Metrics},
    tree, wire,
};
use thunderline_numerics::{ModelSchema, npy};

use crate::cohort::Cohort;

pub const RUN: u64 = 77;
pub const LEASE: &str = "0193-lease";

/// A reply that is complete.
pub struct Received {
    pub error: Option<String>,
    pub metrics: Metrics,
    /// The model's arrays, one after another.
    pub model: Vec<u8>,
}

#[derive(Default)]
pub struct State {
    /// Every object that was stored, in both directions.
    objects: HashMap<ObjectId, Bytes>,
    /// Announced, not complete. Lost in a restart.
    announced: Option<(message::Reply, Vec<ObjectId>)>,
    /// To be handed out.
    pub tasks: VecDeque<(TaskKind, u64, ObjectId)>,
    /// What was handed out, by the message's id.
    purposes: HashMap<String, TaskKind>,
    pub received: VecDeque<Received>,
    /// The paths that were called, in order.
    pub calls: Vec<String>,
    /// How many objects each announcement was asked for.
    pub wanted: Vec<usize>,
    /// The uploaded object (counted from 1) that kills the server when half of it is there.
    pub crash_at_push: Option<usize>,
    pushes: usize,
    /// The beginning of an object, and its id.
    partial: Option<(ObjectId, Vec<u8>)>,
    /// After the crash it says 'try again' to whoever announces a reply.
    pub busy_after_crash: bool,
    pub busy: bool,
    /// Bytes of objects that were uploaded.
    pub uploaded: usize,
    /// Whom the runner trains with where its updates are masked.
    pub cohort: Option<Cohort>,
    /// The exchange whose answer is held until the server closes.
    pub holds: Option<&'static str>,
    /// The messages whose replies are complete.
    answered: HashSet<String>,
    /// Dies when it has all of a reply, before it answers.
    pub crash_when_complete: bool,
    /// What was handed out, in order.
    pub handed: Vec<(TaskKind, u64, ObjectId)>,
    /// The signature that manifests get; a wrong seed makes a wrong one.
    pub manifest_seed: u8,
    /// Statuses to answer pulls with, before anything else.
    pub refuse_pulls: VecDeque<u16>,
    connections: Vec<TcpStream>,
    closing: bool,
}

#[derive(Clone)]
pub struct Server {
    pub address: SocketAddr,
    shared: Arc<(Mutex<State>, Condvar)>,
}

/// What happens to a connection after a call.
enum Answer {
    Body(u16, Vec<u8>),
    /// The process dies: no answer.
    Die,
}

impl Server {
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let state = State { manifest_seed: 1, ..State::default() };
        let server = Self {
            address: listener.local_addr().unwrap(),
            shared: Arc::new((Mutex::new(state), Condvar::new())),
        };
        let accepting = server.clone();
        std::thread::spawn(move || accepting.accept(&listener));
        server
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub fn state(&self) -> MutexGuard<'_, State> {
        self.shared.0.lock().unwrap()
    }

    /// Waits until the state is as wished.
    pub fn wait<T>(&self, mut ready: impl FnMut(&mut State) -> Option<T>) -> T {
        let mut state = self.state();
        loop {
            if let Some(value) = ready(&mut state) {
                return value;
            }
            state = self.shared.1.wait(state).unwrap();
        }
    }

    /// Makes a task and hands it out at the next pull.
    pub fn ask(&self, kind: TaskKind, round: u64, app: &Value, schema: &ModelSchema, model: &[u8]) {
        self.ask_with(kind, round, app, &[("arrays", schema, model)]);
    }

    /// The same, with several records of arrays.
    pub fn ask_with(&self, kind: TaskKind, round: u64, app: &Value, arrays: &[(&str, &ModelSchema, &[u8])]) {
        self.ask_encoded(kind, round, app, None, arrays);
    }

    /// The same, with terms under which the update is encoded.
    pub fn ask_encoded(
        &self,
        kind: TaskKind,
        round: u64,
        app: &Value,
        encoding: Option<&Value>,
        arrays: &[(&str, &ModelSchema, &[u8])],
    ) {
        let mut state = self.state();
        let mut add = |object: &Object| {
            let bytes = object.encode();
            let id = ObjectId::of(&bytes);
            state.objects.insert(id, bytes);
            id
        };
        let mut records = Vec::new();
        for (name, schema, model) in arrays {
            let mut names = Vec::new();
            for (place, spec) in schema.arrays().iter().enumerate() {
                let start = schema.array_offset(place) as usize;
                let mut file = npy::header(spec.dtype, &spec.shape).unwrap();
                file.extend_from_slice(&model[start..start + schema.array_bytes(place) as usize]);
                // Small pieces, so that a header, too, is cut.
                let size = if file.len() > 1000 { CHUNK_BYTES } else { 50 };
                let chunks =
                    file.chunks(size).map(|piece| add(&Object::leaf(Kind::ArrayChunk, piece.to_vec())));
                let chunks = chunks.collect();
                let shape = spec.shape.iter().map(|&axis| axis as u64).collect();
                let array = Array { dtype: spec.dtype.name().into(), shape, stype: NUMPY.into(), chunks };
                names.push((spec.name.clone(), add(&array.to_object())));
            }
            records.push(((*name).to_owned(), add(&record::names_object(Kind::ArrayRecord, &names))));
        }
        let text = |value: &Value| record::ConfigValue::Text(value.to_string());
        let mut config: Config =
            vec![("server-round".into(), round.into()), ("thunderline.app".into(), text(app))];
        config.extend(encoding.map(|terms| ("thunderline.encoding".into(), text(terms))));
        if app["secure_agg"] == true {
            config.push(("thunderline.secure_agg".into(), text(&Cohort::terms())));
        }
        records.push(("config".to_owned(), add(&record::config_object(&config))));
        let content = add(&record::names_object(Kind::RecordDict, &records));
        state.tasks.push_back((kind, round, content));
        self.shared.1.notify_all();
    }

    /// Ends all held calls.
    pub fn close(&self) {
        self.state().closing = true;
        self.shared.1.notify_all();
    }

    fn accept(&self, listener: &TcpListener) {
        loop {
            let (stream, _) = listener.accept().unwrap();
            let mut state = self.state();
            if state.closing {
                return;
            }
            if state.crash_at_push == Some(usize::MAX) {
                // Dead: everything in memory is gone, what is stored stays. Then it starts again at the same address, which it
                // keeps meanwhile: another program could be given it.
                drop(stream);
                state.crash_at_push = None;
                state.announced = None;
                for connection in state.connections.drain(..) {
                    let _ = connection.shutdown(Shutdown::Both);
                }
                continue;
            }
            state.connections.push(stream.try_clone().unwrap());
            let server = self.clone();
            std::thread::spawn(move || server.serve(stream));
        }
    }

    fn serve(&self, stream: TcpStream) {
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        let mut writer = stream;
        while let Some((method, path, headers, body)) = read_request(&mut reader) {
            let header = |name: &str| headers.get(name).cloned().unwrap_or_default();
            let credentials = Credentials::from_headers(
                &header("flwr-public-key"),
                &header("flwr-timestamp"),
                &header("flwr-signature"),
            );
            let (key, _) = credentials.unwrap().verify(SystemClock.now()).unwrap();
            self.state().calls.push(path.clone());
            // A pull is held, and somebody may wait for it to have come.
            self.shared.1.notify_all();
            match self.answer(&method, &path, key.node_id(), body.into()) {
                Answer::Die => {
                    let _ = TcpStream::connect(self.address);
                    return;
                }
                Answer::Body(status, body) => {
                    let head = format!("HTTP/1.1 {status} X\r\ncontent-length: {}\r\n\r\n", body.len());
                    if writer.write_all(&[head.as_bytes(), &body].concat()).is_err() {
                        return;
                    }
                }
            }
            self.shared.1.notify_all();
        }
    }

    fn answer(&self, method: &str, path: &str, node: NodeId, body: Bytes) -> Answer {
        let json = |value: Value| Answer::Body(200, value.to_string().into_bytes());
        match (path, Rpc::from_http_path(path)) {
            ("/v1/runner/enrol", _) => {
                let request: Value = serde_json::from_slice(&body).unwrap();
                assert!(
                    STANDARD
                        .decode(request["public_key"].as_str().unwrap())
                        .unwrap()
                        .starts_with(b"-----BEGIN")
                );
                assert!(request["capacity"]["cores"].as_u64().unwrap() > 0);
                let key = STANDARD.encode(signer(1).public_key().as_ref());
                json(json!({"node_id": node, "manifest_key": key, "heartbeat_seconds": 30.0}))
            }
            ("/v1/runner/leases/claim", _) => {
                let request: Value = serde_json::from_slice(&body).unwrap();
                assert_eq!(request["run_id"], RUN.to_string());
                let message = request["message_id"].as_str().unwrap();
                let state = self.state();
                let claims = json!({
                    "aud": node, "run_id": RUN.to_string(), "lease_id": LEASE, "exp": 4e9,
                    "message_id": message, "purpose": state.purposes[message].name(),
                });
                let manifest = sign(&signer(state.manifest_seed), &claims);
                json(json!({"lease_id": LEASE, "manifest": manifest, "expires_at": "2096-10-02T07:06:40Z"}))
            }
            ("/v1/runner/uploads/s", _) if method == "GET" => json(self.state().progress(false)),
            ("/v1/runner/uploads/s", _) => self.append(&body, false),
            (path, _) if path.starts_with("/v1/runner/uploads/") => self.other_upload(path, method, &body),
            (path, _) if path.starts_with("/v1/runner/exchanges/") => self.exchange(path, &body),
            (_, Some(rpc)) => self.fleet(rpc, node, body),
            _ => panic!("{path} is no path of the protocol"),
        }
    }

    fn fleet(&self, rpc: Rpc, node: NodeId, body: Bytes) -> Answer {
        match rpc {
            Rpc::PullMessages => self.pull(node),
            Rpc::PullObject => {
                let request = wire::PullObjectRequest::decode(body).unwrap();
                let content = self.state().objects.get(&request.object_id.parse().unwrap()).cloned();
                let object_found = content.is_some();
                let object_content = content.unwrap_or_default();
                ok(&wire::PullObjectResponse { object_found, object_available: object_found, object_content })
            }
            Rpc::ConfirmMessageReceived => ok(&wire::ConfirmMessageReceivedResponse {}),
            Rpc::PushMessages => self.announce(node, body),
            Rpc::SendNodeHeartbeat => ok(&wire::SendNodeHeartbeatResponse { success: true }),
            Rpc::DeactivateNode => ok(&wire::DeactivateNodeResponse {}),
            other => panic!("a runner does not call {other:?}"),
        }
    }

    fn pull(&self, node: NodeId) -> Answer {
        if let Some(status) = self.state().refuse_pulls.pop_front() {
            return Answer::Body(status, b"{\"detail\": \"go away\"}".to_vec());
        }
        let task = self.wait(|state| match state.tasks.pop_front() {
            Some(task) => {
                state.handed.push(task);
                Some(Some(task))
            }
            None => state.closing.then_some(None),
        });
        let message = task.map(|(kind, round, content)| {
            let (run, created_at) = (RunId::from_bits(RUN), 1.9e9 + round as f64);
            let request =
                Request { run, node, kind, group: round.to_string(), created_at, ttl: 600.0, content };
            let bytes = request.to_object().encode();
            let id = ObjectId::of(&bytes);
            let mut state = self.state();
            state.objects.insert(id, bytes);
            state.purposes.insert(id.to_string(), kind);
            request.to_wire(id)
        });
        ok(&wire::PullMessagesResponse { messages_list: message.into_iter().collect(), ..Default::default() })
    }

    fn announce(&self, node: NodeId, body: Bytes) -> Answer {
        if self.state().busy {
            return Answer::Body(503, Vec::new());
        }
        let request = wire::PushMessagesRequest::decode(body).unwrap();
        let listed = tree::read(&request.message_object_trees[0]).unwrap();
        let reply = message::Reply::read(node, &request.messages_list[0]).unwrap();
        let mut state = self.state();
        let wanted: Vec<ObjectId> =
            listed.iter().map(|object| object.id).filter(|id| !state.objects.contains_key(id)).collect();
        state.wanted.push(wanted.len());
        state.announced = Some((reply, wanted.clone()));
        let objects_to_push = wanted.iter().map(ToString::to_string).collect();
        ok(&wire::PushMessagesResponse { objects_to_push, session_id: "s".into(), ..Default::default() })
    }

    /// What is said in `mask`, or what became of an earlier message.
    fn other_upload(&self, path: &str, method: &str, body: &[u8]) -> Answer {
        let state = self.state();
        let message = path.split('/').nth(4).unwrap();
        assert!(state.purposes.contains_key(message), "{path}");
        if !path.ends_with("/mask") {
            assert_eq!(method, "GET");
            return if state.answered.contains(message) {
                Answer::Body(200, state.progress(false).to_string().into_bytes())
            } else {
                Answer::Body(403, b"{\"detail\": \"no such reply\"}".to_vec())
            };
        }
        if method == "GET" {
            return Answer::Body(200, state.progress(true).to_string().into_bytes());
        }
        drop(state);
        self.append(body, true)
    }

    fn exchange(&self, path: &str, body: &[u8]) -> Answer {
        let mut state = self.state();
        let words: Vec<_> = path.split('/').collect();
        let cohort = state.cohort.as_mut().unwrap();
        if words.get(6) == Some(&"answer") {
            let told = cohort.told(words[5]);
            if state.holds == Some(words[5]) {
                drop(state);
                self.wait(|state| state.closing.then_some(()));
            }
            return Answer::Body(200, told);
        }
        cohort.say(words[5], body);
        Answer::Body(200, Vec::new())
    }

    fn append(&self, mut body: &[u8], masked: bool) -> Answer {
        let mut state = self.state();
        while let Some(end) = body.iter().position(|&byte| byte == b'\n') {
            let head: Vec<_> = std::str::from_utf8(&body[..end]).unwrap().split(' ').collect();
            let id: ObjectId = head[0].parse().unwrap();
            let [offset, length]: [usize; 2] = [head[1], head[2]].map(|number| number.parse().unwrap());
            let (content, rest) = body[end + 1..].split_at((length - offset).min(body.len() - end - 1));
            let mut bytes = match state.partial.take() {
                Some((begun, bytes)) if begun == id => bytes,
                _ => Vec::new(),
            };
            assert_eq!(bytes.len(), offset, "asked for again, or left out");
            state.pushes += 1;
            let dies = state.crash_at_push == Some(state.pushes);
            let came = if dies { content.len() / 2 } else { content.len() };
            bytes.extend_from_slice(&content[..came]);
            state.uploaded += came;
            body = rest;
            if dies {
                state.partial = Some((id, bytes));
                state.crash_at_push = Some(usize::MAX);
                state.busy = state.busy_after_crash;
                return Answer::Die;
            }
            if bytes.len() < length {
                state.partial = Some((id, bytes));
                break;
            }
            assert_eq!(ObjectId::of(&bytes), id);
            if masked {
                state.cohort.as_mut().unwrap().say("mask", &bytes);
                break;
            }
            state.objects.insert(id, bytes.into());
            let (reply, mut wanted) = state.announced.take().unwrap();
            wanted.retain(|other| *other != id);
            if wanted.is_empty() {
                let received = receive(&reply, &state.objects);
                state.received.push_back(received);
                state.answered.insert(reply.reply_to.to_string());
                if std::mem::take(&mut state.crash_when_complete) {
                    state.crash_at_push = Some(usize::MAX);
                    state.busy = state.busy_after_crash;
                    return Answer::Die;
                }
            } else {
                state.announced = Some((reply, wanted));
            }
        }
        Answer::Body(200, state.progress(masked).to_string().into_bytes())
    }
}

impl State {
    fn progress(&self, masked: bool) -> Value {
        let missing = match &self.cohort {
            Some(cohort) if masked => usize::from(!cohort.has_said("mask")),
            _ => self.announced.as_ref().map_or(0, |(_, wanted)| wanted.len()),
        };
        let partial = self
            .partial
            .as_ref()
            .map(|(id, bytes)| json!({ "object_id": id.to_string(), "offset": bytes.len() }));
        json!({ "missing": missing, "partial": partial })
    }
}

fn receive(reply: &message::Reply, objects: &HashMap<ObjectId, Bytes>) -> Received {
    let get = |id: &ObjectId| Object::decode(&objects[id]).unwrap();
    if let Some(error) = &reply.error {
        return Received { error: Some(error.reason.clone()), metrics: Metrics::new(), model: Vec::new() };
    }
    let mut received = Received { error: None, metrics: Metrics::new(), model: Vec::new() };
    let content = get(&get(&reply.id).children[0]);
    for (_, id) in record::names_from_object(Kind::RecordDict, &content).unwrap() {
        let record = get(&id);
        if record.kind == Kind::MetricRecord {
            received.metrics = record::metrics_from_object(&record).unwrap();
            continue;
        }
        for (_, id) in record::names_from_object(Kind::ArrayRecord, &record).unwrap() {
            let chunks = Array::from_object(&get(&id)).unwrap().chunks;
            let file: Vec<u8> = chunks.iter().flat_map(|chunk| get(chunk).body).collect();
            let header = npy::parse_header(&file).unwrap();
            header.expect_total(file.len() as u64).unwrap();
            received.model.extend_from_slice(&file[header.data_offset..]);
        }
    }
    received
}

fn ok(answer: &impl prost::Message) -> Answer {
    Answer::Body(200, answer.encode_to_vec())
}

fn signer(seed: u8) -> Ed25519KeyPair {
    Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).unwrap()
}

fn sign(pair: &Ed25519KeyPair, claims: &Value) -> String {
    let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let signed = format!("{}.{}", encode(&json!({"alg": "EdDSA"})), encode(claims));
    let signature = URL_SAFE_NO_PAD.encode(pair.sign(signed.as_bytes()));
    format!("{signed}.{signature}")
}

type Headers = HashMap<String, String>;

fn read_request(reader: &mut BufReader<TcpStream>) -> Option<(String, String, Headers, Vec<u8>)> {
    let mut line = String::new();
    if reader.read_line(&mut line).ok()? == 0 {
        return None;
    }
    let mut words = line.split_whitespace().map(str::to_owned);
    let (method, path) = (words.next()?, words.next()?);
    let mut headers = Headers::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim_end().split_once(": ") else { break };
        headers.insert(name.to_lowercase(), value.to_owned());
    }
    let length = headers.get("content-length").map_or(Some(0), |length| length.parse().ok())?;
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some((method, path, headers, body))
}
