//! Issue: hostile requests get a precise refusal, leave nothing behind and harm nobody.

use bytes::Bytes;
use prost::Message as _;
use thunderline_core::{Clock, SignedDuration, SystemClock};
use thunderline_flower::{ObjectId, Rpc, wire};

use super::{
    hand::{Hand, Said},
    model::Uniform,
    node::start_runner,
    server::Server,
    traces::Traces,
    wait::{LONG, wait_for},
};

/// A server, a federation, and a node of it that holds a task.
struct Scene {
    server: Server,
    federation: String,
    node: Hand,
    task: wire::Message,
    run: u64,
    before: Traces,
}

impl Scene {
    fn set() -> Self {
        let server = Server::start();
        Uniform::single().write(&server.folder().join("initial.safetensors"), 0.0);
        let node = Hand::new(&server);
        node.enrol();
        let federation = server.submit(
            "name: target
model_ref: initial.safetensors
app: { command: { name: any } }
num_rounds: 2
min_clients: 1
client_selector: { tags: [hand] }
evaluation: { federated: false }
",
        );
        let task = node.pull();
        let run = task.metadata.as_ref().unwrap().run_id;
        let before = Traces::of(&server);
        Self { server, federation, node, task, run, before }
    }

    /// Nothing was written, and the server answers.
    fn is_unharmed(&self, after: &str) {
        assert_eq!(Traces::of(&self.server), self.before, "after {after}");
        assert_eq!(
            ureq::get(format!("{}/readyz", self.server.web())).call().unwrap().status(),
            200,
            "{after}"
        );
    }

    /// The request was refused with this status, for this reason, and left nothing.
    fn refused(&self, what: &str, said: &Said, status: u16, reason: &str) {
        assert_eq!(said.status, status, "{what}: {}", said.detail());
        assert!(said.detail().contains(reason), "{what}: '{}' does not say '{reason}'", said.detail());
        self.is_unharmed(what);
    }

    /// A call of another kind of message or by somebody else than it says, refused.
    fn call_refused(&self, what: &str, rpc: Rpc, request: &impl prost::Message, status: u16, reason: &str) {
        self.refused(what, &self.node.call(rpc, request), status, reason);
    }
}

#[test]
fn hostile_fleet_requests_are_refused_precisely_and_leave_nothing_behind() {
    let mut scene = Scene::set();
    bodies(&scene);
    identities(&scene);
    runs(&scene);
    announcements(&scene);
    objects(&mut scene);
    replays(&mut scene);
    late(&mut scene);
    an_honest_runner_still_works(&scene);
}

/// Too long, cut off, not protobuf, not JSON, and calls that do not exist.
fn bodies(scene: &Scene) {
    let (node, pull) = (&scene.node, Rpc::PullMessages.http_path());
    let signed = || node.signed(SystemClock.now());
    let said = node.send(pull, &signed(), &vec![0; 100 << 10]);
    scene.refused("an oversized request", &said, 403, "102400 bytes; at most 65536");

    let answer = node.send_part(pull, 1000, b"\x0a");
    assert!(!answer.starts_with("HTTP/1.1 200"), "{answer}");
    scene.is_unharmed("a request that is cut off");

    let said = node.send(pull, &signed(), b"\xff\xff garbage \xff");
    scene.refused("garbage instead of protobuf", &said, 403, "not the call's protobuf message");
    let said = node.send("/v1/runner/enrol", &signed(), b"{\"name\": 7");
    scene.refused("garbage instead of JSON", &said, 403, "JSON");
    let said = node.send("/v1/fleet/drop-tables", &signed(), b"");
    scene.refused("a call that does not exist", &said, 403, "/v1/fleet/drop-tables");
}

/// Signatures that are missing, stale, of another time, and requests in another's name.
fn identities(scene: &Scene) {
    let (node, pull) = (&scene.node, Rpc::PullMessages.http_path());
    let request = wire::PullMessagesRequest { node: node.node(), message_ids: Vec::new() };
    let body = request.encode_to_vec();
    let now = SystemClock.now();

    let said = node.send(pull, &[], &body);
    scene.refused("an unsigned request", &said, 401, "flwr-public-key is missing");
    let said = node.send(pull, &node.signed(now - SignedDuration::from_hours(1)), &body);
    scene.refused("a stale signature", &said, 401, "s old");
    let said = node.send(pull, &node.signed(now + SignedDuration::from_hours(1)), &body);
    scene.refused("a signature of tomorrow", &said, 401, "ahead");
    let mut mixed = node.signed(now);
    mixed[1] = node.signed(now - SignedDuration::from_secs(1))[1].clone();
    scene.refused("a signature of another time", &node.send(pull, &mixed, &body), 401, "not of this key");

    let stranger = Hand::new(&scene.server);
    let said = stranger.send(pull, &stranger.signed(now), &body);
    scene.refused("an unknown node in another's name", &said, 401, &format!("of node {}", node.id));
    let request = wire::ActivateNodeRequest { public_key: node.pem(), heartbeat_interval: 30.0 };
    let said = stranger.call(Rpc::ActivateNode, &request);
    scene.refused("a stolen public key", &said, 401, "not the one that signed it");
}

/// Runs and bundles that are none of the node's business.
fn runs(scene: &Scene) {
    let node = || scene.node.node();
    let request = wire::GetRunRequest { node: node(), run_id: 4242 };
    scene.call_refused("a run that does not exist", Rpc::GetRun, &request, 403, "run 4242");
    let request = wire::GetFabRequest { node: node(), hash_str: "0".repeat(64), run_id: scene.run };
    scene.call_refused(
        "a bundle of a run without one",
        Rpc::GetFab,
        &request,
        403,
        "not one of a Flower app",
    );
}

/// Replies that are not answers to the task, or not what they claim to be.
fn announcements(scene: &Scene) {
    let node = &scene.node;
    let honest = node.announcement(&node.reply(&scene.task, 1.0));
    let altered = |change: &dyn Fn(&mut wire::PushMessagesRequest)| {
        let mut request = honest.clone();
        change(&mut request);
        request
    };
    let metadata = |change: &dyn Fn(&mut wire::Metadata)| {
        altered(&|request| change(request.messages_list[0].metadata.as_mut().unwrap()))
    };
    let refused = |what: &str, request: &wire::PushMessagesRequest, reason: &str| {
        scene.call_refused(what, Rpc::PushMessages, request, 403, reason);
    };
    let request = metadata(&|metadata| metadata.run_id = 4242);
    refused("a reply to a foreign run", &request, "run");
    let request = metadata(&|metadata| metadata.reply_to_message_id = "0".repeat(64));
    refused("a reply to nothing", &request, "answers no task");
    let request = metadata(&|metadata| metadata.src_node_id = 7);
    refused("a reply in another's name", &request, "src_node_id");
    let request = metadata(&|metadata| metadata.message_type = "evaluate".into());
    refused("a reply of another kind", &request, "another kind of task");
    let request = metadata(&|metadata| metadata.message_id = "f".repeat(64));
    refused("a tree of another message", &request, "tree is of another message");
    let request = altered(&|request| {
        let mut tree = wire::ObjectTree { object_id: "1".repeat(64), children: Vec::new() };
        for _ in 0..50 {
            tree = wire::ObjectTree { object_id: "2".repeat(64), children: vec![tree] };
        }
        request.message_object_trees[0] = tree;
    });
    refused("a tree that is too deep", &request, "too large");
    let request = altered(&|request| request.message_object_trees[0].object_id = "../../etc/passwd".into());
    refused("an id that is a path", &request, "");
    let request = altered(&|request| request.messages_list.clear());
    refused("no message at all", &request, "does not announce one message");
}

/// Objects under a wrong name, or that nobody asked for.
fn objects(scene: &mut Scene) {
    let node = &scene.node;
    let reply = node.reply(&scene.task, 1.0);
    let announced: wire::PushMessagesResponse = node.ask(Rpc::PushMessages, &node.announcement(&reply));
    assert_eq!(announced.objects_to_push.len(), reply.objects.len());
    // The announcement itself is kept: a restarted server must know what it waits for.
    scene.before = Traces::of(&scene.server);

    let stored = |run: u64, session: &str, id: ObjectId, content: Bytes| {
        let answer: wire::PushObjectResponse =
            node.ask(Rpc::PushObject, &node.object(run, session, id, content));
        answer.stored
    };
    let session = &announced.session_id;
    let (first, content) = reply.objects[0].clone();
    assert!(!stored(scene.run, session, first, Bytes::from_static(b"ArrayChunk  1\0x")));
    scene.is_unharmed("an object with a wrong hash");
    let foreign = Bytes::from_static(b"ArrayChunk  1\0y");
    assert!(!stored(scene.run, session, ObjectId::of(&foreign), foreign));
    scene.is_unharmed("an object that nobody asked for");
    let request = node.object(scene.run, session, first, vec![0; 17 << 20].into());
    let said = node.call(Rpc::PushObject, &request);
    scene.refused("an oversized object", &said, 403, "at most 16777216");
    let stranger = Hand::new(&scene.server);
    let request =
        wire::PushObjectRequest { node: stranger.node(), ..node.object(scene.run, session, first, content) };
    assert_eq!(node.call(Rpc::PushObject, &request).status, 401);
    scene.is_unharmed("an object in another's name");
}

/// The reply is sent in good order, counts once, and never again.
fn replays(scene: &mut Scene) {
    let node = &scene.node;
    let reply = node.reply(&scene.task, 1.0);
    let announcement = node.announcement(&reply);
    let announced: wire::PushMessagesResponse = node.ask(Rpc::PushMessages, &announcement);
    for (id, content) in &reply.objects {
        let request = node.object(scene.run, &announced.session_id, *id, content.clone());
        let answer: wire::PushObjectResponse = node.ask(Rpc::PushObject, &request);
        assert!(answer.stored);
    }
    wait_for("round 1 to be completed", LONG, || {
        (scene.server.federation(&scene.federation)["completed_rounds"] == 1).then_some(())
    });
    let next = node.pull();
    assert_ne!(next.metadata.as_ref().unwrap().message_id, scene.task.metadata.as_ref().unwrap().message_id);
    scene.before = Traces::of(&scene.server);

    let again: wire::PushMessagesResponse = node.ask(Rpc::PushMessages, &announcement);
    assert!(again.objects_to_push.is_empty(), "a reply that was counted is wanted again");
    scene.is_unharmed("a replayed announcement");
    let (id, content) = reply.objects[0].clone();
    let request = node.object(scene.run, &announced.session_id, id, content);
    let _harmless: wire::PushObjectResponse = node.ask(Rpc::PushObject, &request);
    scene.is_unharmed("a replayed object");
    scene.task = next;
}

/// A reply to a federation that was cancelled meanwhile: nobody wants it, and that is written down.
fn late(scene: &mut Scene) {
    let id = scene.federation.clone();
    scene.server.json(&["federations", "cancel", &id]);
    let node = &scene.node;
    let announcement = node.announcement(&node.reply(&scene.task, 1.0));
    let answer: wire::PushMessagesResponse = node.ask(Rpc::PushMessages, &announcement);
    assert!(answer.objects_to_push.is_empty(), "a late reply is wanted");
    let events = scene.server.rest().list("/api/v1/events?name=fl.client.update_refused");
    let [refusal] = &events[..] else { panic!("one refusal: {events:#?}") };
    assert!(refusal["payload"]["reason"].as_str().unwrap().contains("too late"), "{refusal:#}");
}

fn an_honest_runner_still_works(scene: &Scene) {
    let data = scene.server.folder().join("data.csv");
    std::fs::write(&data, "0,1,0\n1,0,1\n0,2,0\n2,0,1\n").unwrap();
    let arguments = ["--data", data.to_str().unwrap(), "--tag", "honest"];
    let _runner = start_runner(&scene.server, "honest", &arguments);
    let id = scene.server.submit(
        "name: honest
model_ref: builtin:softmax(2,2)
num_rounds: 2
min_clients: 1
client_selector: { tags: [honest] }
",
    );
    let completed = scene.server.wait_until_completed(&id, LONG);
    assert_eq!(completed["completed_rounds"], 2);
}
