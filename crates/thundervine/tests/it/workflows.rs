//! Workflows on both engines, over a made-up world outside.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use futures::future::BoxFuture;
use serde_json::{Map, Value, json};
use thunderline_contracts::{
    dag::{NodeCompensated, NodeNoted, WorkflowCompensated, WorkflowFailed},
    federation::{FederationCancelled, FederationCompleted, FederationFailed},
};
use thunderline_core::{
    ArtifactId, Cx, Error, Event, ExecutionId, FederationId, Problem, Result, SignedDuration,
};
use thunderline_testkit::{TestDb, both};
use thundervine::{
    Vine,
    workflow::{
        actions::{
            cancel, decide, define,
            read::{self, Execution, NodeRow},
            snapshot,
            start::{self, Start},
        },
        catalogue::{ActionSpec, Catalogue, Field, Kind, Output, Ran, StepAction},
        drive::{self, Underway, drive_until},
        project,
    },
};
use uuid::Uuid;

/// What the world outside was asked for: effects by key, and how often each was asked for.
#[derive(Default)]
struct World {
    asked: Mutex<BTreeMap<String, usize>>,
    effects: Mutex<Vec<(String, Map<String, Value>)>>,
    /// Failures that come before the next success.
    fails: Mutex<Vec<Error>>,
}

/// An action of the world: `train` goes on outside, `make` and `undo` are done at once.
struct Outside(&'static ActionSpec, Arc<World>);

const WHAT: &[Field] = &[Field { name: "what", kind: Kind::Any, required: true, help: "what to do" }];
const TRAIN: ActionSpec = ActionSpec {
    name: "out.train",
    summary: "Trains.",
    input: WHAT,
    outputs: &[
        Output { name: "federation", sample: "0197f0a0-0000-7000-8000-000000000000" },
        Output { name: "sha256", sample: "00" },
    ],
};
const MAKE: ActionSpec = ActionSpec {
    name: "out.make",
    summary: "Makes.",
    input: WHAT,
    outputs: &[Output { name: "made", sample: "x" }],
};
const UNDO: ActionSpec = ActionSpec { name: "out.undo", summary: "Undoes.", input: WHAT, outputs: &[] };

impl StepAction for Outside {
    fn spec(&self) -> &'static ActionSpec {
        self.0
    }

    fn check(&self, input: &Map<String, Value>) -> Vec<Problem> {
        if input["what"]["rounds"] != json!("abc") {
            return Vec::new();
        }
        vec![Problem { path: "what.rounds".into(), reason: "no number".into(), allowed: "a number".into() }]
    }

    fn run(&self, _: Cx, key: String, input: Map<String, Value>) -> BoxFuture<'static, Result<Ran>> {
        let Self(spec, world) = self;
        let first = {
            let mut asked = world.asked.lock().unwrap();
            let count = asked.entry(key.clone()).or_default();
            *count += 1;
            *count == 1
        };
        let failure = world.fails.lock().unwrap().pop();
        let outcome = match failure {
            Some(error) => Err(error),
            None => {
                let mut effects = world.effects.lock().unwrap();
                if first || !effects.iter().any(|(known, _)| *known == key) {
                    effects.push((key.clone(), input.clone()));
                }
                Ok(if spec.name == "out.train" {
                    let id = federation_of(&key);
                    let outputs = Map::from_iter([("federation".to_owned(), json!(id))]);
                    Ran::Waiting {
                        subject: project::federation_subject(id),
                        words: format!("federation {id}"),
                        outputs,
                    }
                } else {
                    Ran::Done(Map::from_iter([("made".to_owned(), input["what"].clone())]))
                })
            }
        };
        Box::pin(std::future::ready(outcome))
    }
}

/// The same key is the same federation.
fn federation_of(key: &str) -> FederationId {
    let mut bits = 0xcbf2_9ce4_8422_2325_u128;
    for byte in key.bytes() {
        bits = (bits ^ u128::from(byte)).wrapping_mul(0x0100_0000_01b3_0000_0001);
    }
    FederationId(Uuid::from_u128(bits))
}

struct Site {
    t: TestDb,
    vine: Vine,
    world: Arc<World>,
}

impl Site {
    fn new(t: TestDb) -> Self {
        let world = Arc::<World>::default();
        let ports: Vec<Arc<dyn StepAction>> = [&TRAIN, &MAKE, &UNDO]
            .into_iter()
            .map(|spec| Arc::new(Outside(spec, world.clone())) as Arc<dyn StepAction>)
            .collect();
        let vine = Vine::with_catalogue(t.db().clone(), Catalogue::new(ports));
        Self { t, vine, world }
    }

    async fn start(&self, document: &str) -> Result<Execution> {
        let workflow = define::define(&self.t.operator(), &self.vine, document).await?;
        let start = Start { workflow: workflow.name, ..Start::default() };
        start::start(&self.t.operator(), &self.vine, &start).await
    }

    async fn drive(&self, id: ExecutionId) -> Result<()> {
        drive::drive(&self.t.system(), &self.vine, id).await
    }

    async fn get(&self, id: ExecutionId) -> Result<(Execution, Vec<NodeRow>)> {
        read::execution(&self.t.viewer(), &self.vine, id).await
    }

    async fn state(&self, id: ExecutionId) -> Result<String> {
        Ok(self.get(id).await?.0.state.name().to_owned())
    }

    /// Names of nodes with their states.
    async fn nodes(&self, id: ExecutionId) -> Result<Vec<String>> {
        let (_, nodes) = self.get(id).await?;
        Ok(nodes.iter().map(|node| format!("{} {}", node.name, node.state.name())).collect())
    }

    /// Tells an event and hands it to Vine.
    async fn tell(&self, event: &impl Event) -> Result<()> {
        let last = self.t.db().last_sequence().await?;
        self.t.tell(&self.t.system(), event).await?;
        self.t.hand_on(last, project::EVENTS, &project::ACTION, project::on_event).await
    }

    /// The federation that a node waits for.
    async fn federation(&self, id: ExecutionId, node: &str) -> Result<FederationId> {
        let (_, nodes) = self.get(id).await?;
        let row = nodes.iter().find(|row| row.name == node).expect("there is such a node");
        let subject = row.subject.as_deref().expect("it waits for something");
        subject.trim_start_matches("federation:").parse()
    }

    async fn complete(&self, federation: FederationId, sha256: &str) -> Result<()> {
        let artifact = ArtifactId(Uuid::from_u128(1));
        let (uri, sha256) = (String::from("u"), sha256.to_owned());
        self.tell(&FederationCompleted { federation, rounds_total: 3, artifact, uri, sha256 }).await
    }

    fn effects(&self) -> Vec<Map<String, Value>> {
        self.world.effects.lock().unwrap().iter().map(|(_, input)| input.clone()).collect()
    }

    fn whats(&self) -> Vec<String> {
        self.effects().iter().map(|input| input["what"].as_str().unwrap_or("-").to_owned()).collect()
    }
}

const CHAIN: &str = "
name: chain
nodes:
  first:
    action: out.train
    input: { what: base }
    retries: 1
    compensate: { action: out.undo, input: { what: 'undo ${first.federation}' } }
  check: { action: approve, needs: [first], input: { question: 'is ${first.sha256} good?' } }
  second:
    action: out.train
    needs: [check]
    timeout: 1h
    input: { what: '${first.sha256}' }
    compensate: { action: out.undo, input: { what: 'undo ${second.federation}' } }
  told: { action: note, input: { message: 'made ${second.sha256}', data: { n: 1 } } }
";

both!(a_workflow_goes_from_node_to_node_with_what_each_gave, async |t: TestDb| {
    let site = Site::new(t);
    let id = site.start(CHAIN).await?.id;
    site.drive(id).await?;
    assert_eq!(site.nodes(id).await?, ["first waiting", "check pending", "second pending", "told pending"]);
    site.complete(site.federation(id, "first").await?, "aa").await?;
    site.t.assert_jobs(["vine.execution.drive"]).await;
    site.drive(id).await?;
    let (_, nodes) = site.get(id).await?;
    assert_eq!(nodes[1].waits_for.as_deref(), Some("is aa good?"));
    decide::decide(&site.t.operator(), &site.vine, id, "check", true, "fine").await?;
    let again = decide::decide(&site.t.operator(), &site.vine, id, "check", true, "").await;
    assert_eq!(again.unwrap_err().code(), "conflict");
    site.drive(id).await?;
    assert_eq!(site.whats(), ["base", "aa"]);
    site.complete(site.federation(id, "second").await?, "bb").await?;
    site.drive(id).await?;
    assert_eq!(site.state(id).await?, "completed");
    let notes = site.t.events_of::<NodeNoted>().await;
    assert_eq!((notes.len(), notes[0].message.as_str(), &notes[0].data), (1, "made bb", &json!({ "n": 1 })));
    site.t.assert_audited("vine.node.decide", id).await;
    assert_eq!(cancel::cancel(&site.t.operator(), &site.vine, id, "x").await.unwrap_err().code(), "conflict");
});

both!(an_end_that_was_told_before_anybody_waited_is_not_lost, async |t: TestDb| {
    let site = Site::new(t);
    let id = site.start(CHAIN).await?.id;
    site.complete(federation_of(&format!("vine:{id}:first:1")), "aa").await?;
    site.drive(id).await?;
    assert_eq!(site.nodes(id).await?[..2], ["first done", "check waiting"]);
});

both!(a_refused_approval_undoes_what_was_done, async |t: TestDb| {
    let site = Site::new(t);
    let id = site.start(CHAIN).await?.id;
    site.drive(id).await?;
    let federation = site.federation(id, "first").await?;
    site.complete(federation, "aa").await?;
    site.drive(id).await?;
    let viewer = decide::decide(&site.t.viewer(), &site.vine, id, "check", true, "").await;
    assert_eq!(viewer.unwrap_err().code(), "forbidden");
    decide::decide(&site.t.operator(), &site.vine, id, "check", false, "too small").await?;
    site.drive(id).await?;
    assert_eq!(site.nodes(id).await?, ["first undone", "check failed", "second skipped", "told skipped"]);
    assert_eq!(site.whats(), ["base".to_owned(), format!("undo {federation}")]);
    let (execution, _) = site.get(id).await?;
    assert_eq!(execution.state.name(), "failed");
    assert_eq!(execution.state.reason(), Some("node check failed: user:operator refused it: too small"));
    let undone = &site.t.events_of::<WorkflowCompensated>().await[0].undone;
    assert_eq!(undone, &["first"]);
    assert!(!site.t.events_of::<WorkflowFailed>().await[0].halted);
});

both!(a_federation_that_fails_is_tried_again_under_another_key_and_not_for_ever, async |t: TestDb| {
    let site = Site::new(t);
    let id = site.start(CHAIN).await?.id;
    site.drive(id).await?;
    let first = site.federation(id, "first").await?;
    site.tell(&FederationFailed { federation: first, reason: "no clients".into() }).await?;
    site.drive(id).await?;
    assert_eq!(site.nodes(id).await?[0], "first retrying");
    site.t.assert_jobs(["vine.execution.drive"]).await;
    site.t.clock.advance(SignedDuration::from_secs(1));
    site.drive(id).await?;
    let second = site.federation(id, "first").await?;
    assert_ne!(first, second);
    site.tell(&FederationFailed { federation: second, reason: "no clients".into() }).await?;
    site.drive(id).await?;
    let (execution, _) = site.get(id).await?;
    assert_eq!(execution.state.name(), "failed");
    assert!(execution.state.reason().unwrap().contains("no clients"), "{execution:?}");
    assert_eq!(site.whats(), ["base".to_owned(), "base".into(), format!("undo {second}")]);
});

both!(a_federation_that_somebody_cancelled_is_not_tried_again, async |t: TestDb| {
    let site = Site::new(t);
    let id = site.start(CHAIN).await?.id;
    site.drive(id).await?;
    let federation = site.federation(id, "first").await?;
    site.tell(&FederationCancelled { federation, reason: "enough".into() }).await?;
    site.drive(id).await?;
    assert_eq!(site.state(id).await?, "failed");
});

both!(a_cancelled_execution_undoes_what_is_under_way, async |t: TestDb| {
    let site = Site::new(t);
    let id = site.start(CHAIN).await?.id;
    site.drive(id).await?;
    let federation = site.federation(id, "first").await?;
    cancel::cancel(&site.t.operator(), &site.vine, id, "changed my mind").await?;
    site.drive(id).await?;
    let (execution, _) = site.get(id).await?;
    assert_eq!((execution.state.name(), execution.state.reason()), ("cancelled", Some("changed my mind")));
    assert_eq!(site.whats()[1], format!("undo {federation}"));
});

both!(a_node_that_takes_too_long_fails_and_a_wait_ends_with_its_time, async |t: TestDb| {
    let site = Site::new(t);
    let document = "
name: late
nodes:
  pause: { action: wait, input: { for: 10m } }
  slow: { action: out.train, needs: [pause], timeout: 30s, input: { what: x } }
";
    let id = site.start(document).await?.id;
    site.drive(id).await?;
    site.t.clock.advance(SignedDuration::from_secs(599));
    site.drive(id).await?;
    assert_eq!(site.nodes(id).await?, ["pause waiting", "slow pending"]);
    site.t.clock.advance(SignedDuration::from_secs(1));
    site.drive(id).await?;
    assert_eq!(site.nodes(id).await?, ["pause done", "slow waiting"]);
    site.t.clock.advance(SignedDuration::from_secs(30));
    site.drive(id).await?;
    let (execution, _) = site.get(id).await?;
    assert_eq!(execution.state.reason(), Some("node slow failed: it was not done within 30 seconds"));
});

both!(failures_that_may_pass_are_tried_again_and_others_are_not, async |t: TestDb| {
    let site = Site::new(t);
    let document = "name: make\nnodes: { one: { action: out.make, retries: 2, input: { what: x } } }\n";
    *site.world.fails.lock().unwrap() = vec![Error::unavailable("away"), Error::unavailable("away")];
    let id = site.start(document).await?.id;
    for _ in 0..3 {
        site.drive(id).await?;
        site.t.clock.advance(SignedDuration::from_secs(10));
    }
    assert_eq!((site.state(id).await?.as_str(), site.whats().len()), ("completed", 1));
    assert_eq!(
        site.world.asked.lock().unwrap().len(),
        1,
        "the same key each time: whether it had an effect is not known"
    );
    *site.world.fails.lock().unwrap() = vec![Error::invalid_value("what", "wrong", "right")];
    let id = site.start(document).await?.id;
    site.drive(id).await?;
    assert_eq!(site.state(id).await?, "failed");
});

both!(what_cannot_be_undone_halts_and_says_so, async |t: TestDb| {
    let site = Site::new(t);
    let id = site.start(CHAIN).await?.id;
    site.drive(id).await?;
    cancel::cancel(&site.t.operator(), &site.vine, id, "stop").await?;
    *site.world.fails.lock().unwrap() = vec![Error::internal("broken")];
    site.drive(id).await?;
    let (execution, _) = site.get(id).await?;
    assert_eq!(execution.state.name(), "halted");
    assert_eq!(execution.state.reason(), Some("stop; node first could not be undone: broken"));
    assert!(site.t.events_of::<WorkflowFailed>().await[0].halted);
    assert!(site.t.events_of::<NodeCompensated>().await.is_empty());
});

/// Three effects in a row, the last of which fails: every path of a saga.
const FAILING: &str = "
name: failing
nodes:
  a: { action: out.make, input: { what: a }, compensate: { action: out.undo, input: { what: '-${a.made}' } } }
  b: { action: out.make, needs: [a], input: { what: b }, compensate: { action: out.undo, input: { what: '-${b.made}' } } }
  c: { action: wait, needs: [b], timeout: 1s, input: { for: 0s } }
  d: { action: approve, needs: [c], timeout: 1s, input: { question: q } }
";

both!(killed_at_every_step_each_effect_happens_once_and_is_undone_once, async |t: TestDb| {
    let site = Site::new(t);
    for kill_at in 0.. {
        site.world.effects.lock().unwrap().clear();
        let id = site.start(FAILING).await?.id;
        let mut crossed = 0;
        let mut dies = || {
            crossed += 1;
            crossed > kill_at
        };
        // The first process dies at that place, and others die a few places further on, until one lives long enough.
        let mut lived = drive_until(&site.t.system(), &site.vine, id, &mut dies).await?;
        let survived_first = lived;
        while !lived {
            let mut places = 0;
            let mut dies = || {
                places += 1;
                places > 4
            };
            lived = drive_until(&site.t.system(), &site.vine, id, &mut dies).await?;
        }
        site.t.clock.advance(SignedDuration::from_secs(2));
        let mut crossed = 0;
        let mut dies = || {
            crossed += 1;
            crossed > kill_at
        };
        if !drive_until(&site.t.system(), &site.vine, id, &mut dies).await? {
            site.drive(id).await?;
        }
        assert_eq!(site.state(id).await?, "failed", "killed at {kill_at}");
        assert_eq!(site.whats(), ["a", "b", "-b", "-a"], "killed at {kill_at}");
        if survived_first && kill_at > 20 {
            break;
        }
    }
});

both!(a_sweep_asks_for_every_execution_that_is_not_over, async |t: TestDb| {
    let site = Site::new(t);
    let (one, two) = (site.start(CHAIN).await?.id, site.start(CHAIN).await?.id);
    cancel::cancel(&site.t.operator(), &site.vine, one, "x").await?;
    site.drive(one).await?;
    assert_eq!(drive::sweep(&site.t.system(), &site.vine).await?, 1);
    site.drive(two).await?;
    let underway = drive::underway(&site.t.system(), &site.vine).await?;
    let (workflow, state) = (String::from("chain"), String::from("running"));
    assert_eq!(underway, [Underway { id: two, workflow, state, nodes: 4, done: 0, waiting: 1 }]);
    assert_eq!(drive::underway(&site.t.admin(), &site.vine).await.unwrap_err().code(), "forbidden");
    assert_eq!(site.state(two).await?, "running");
});

both!(the_same_definition_is_the_same_version_and_another_is_the_next, async |t: TestDb| {
    let site = Site::new(t);
    let operator = site.t.operator();
    let one = define::define(&operator, &site.vine, CHAIN).await?;
    let same = define::define(&operator, &site.vine, &format!("# again\n{CHAIN}")).await?;
    assert_eq!((one.version, same.version), (1, 1));
    let two = define::define(&operator, &site.vine, &CHAIN.replace("1h", "2h")).await?;
    assert_eq!(two.version, 2);
    let older = Start { workflow: "chain".into(), version: Some(1), ..Start::default() };
    let execution = start::start(&operator, &site.vine, &older).await?;
    assert_eq!(execution.definition.node("second").unwrap().timeout, Some(3_600));
    for missing in
        [Start { version: Some(3), ..older.clone() }, Start { workflow: "no".into(), ..Start::default() }]
    {
        assert_eq!(start::start(&operator, &site.vine, &missing).await.unwrap_err().code(), "not_found");
    }
    assert_eq!(define::define(&site.t.viewer(), &site.vine, CHAIN).await.unwrap_err().code(), "forbidden");
    assert_eq!(read::workflows(&site.t.viewer(), &site.vine, "", 10).await?.len(), 1);
});

both!(inputs_that_a_step_cannot_use_are_refused_before_anything_begins, async |t: TestDb| {
    let site = Site::new(t);
    let document = "
name: usable
inputs: { rounds: { description: how many }, pause: 1s, tag: x }
nodes:
  rest: { action: wait, input: { for: '${input.pause}' } }
  train: { action: out.train, needs: [rest], input: { what: { rounds: '${input.rounds}', tag: '${input.tag}' } } }
";
    define::define(&site.t.operator(), &site.vine, document).await?;
    let start = async |rounds: Value, pause: Value| {
        let inputs = Map::from_iter([("rounds".to_owned(), rounds), ("pause".to_owned(), pause)]);
        let start = Start { workflow: "usable".into(), inputs, ..Start::default() };
        start::start(&site.t.operator(), &site.vine, &start).await
    };
    let refused = start(json!("abc"), json!("soon")).await.unwrap_err();
    let told: Vec<_> = refused.problems().iter().map(|it| (it.path.as_str(), it.reason.as_str())).collect();
    assert_eq!(
        told,
        [
            ("inputs.pause", "nodes.rest.input.for: \"soon\" does not fit: how long"),
            ("inputs.rounds", "nodes.train.input.what.rounds: no number"),
        ]
    );
    site.t.assert_jobs([]).await;
    start(json!(3), json!("5m")).await?;
});

both!(inputs_are_checked_and_a_repeated_start_with_its_key_is_one_execution, async |t: TestDb| {
    let site = Site::new(t);
    let document = "
name: with-inputs
inputs: { size: 3, colour: { description: a colour } }
nodes: { one: { action: out.make, input: { what: '${input.colour}-${input.size}' } } }
";
    let operator = site.t.operator();
    define::define(&operator, &site.vine, document).await?;
    let wrong = Start {
        workflow: "with-inputs".into(),
        inputs: Map::from_iter([("shape".to_owned(), json!("round"))]),
        ..Start::default()
    };
    let error = start::start(&operator, &site.vine, &wrong).await.unwrap_err();
    let paths: Vec<_> = error.problems().iter().map(|problem| problem.path.as_str()).collect();
    assert_eq!(paths, ["inputs.shape", "inputs.colour"]);
    let right = Start {
        workflow: "with-inputs".into(),
        inputs: Map::from_iter([("colour".to_owned(), json!("red"))]),
        idempotency_key: Some("k".into()),
        ..Start::default()
    };
    let one = start::start(&operator, &site.vine, &right).await?;
    let two = start::start(&operator, &site.vine, &right).await?;
    assert_eq!(one.id, two.id);
    site.drive(one.id).await?;
    assert_eq!(site.whats(), ["red-3"]);
});

both!(a_snapshot_of_the_same_state_has_the_same_digest, async |t: TestDb| {
    let site = Site::new(t);
    let id = site.start(CHAIN).await?.id;
    let operator = site.t.operator();
    let one = snapshot::take(&operator, &site.vine, id).await?;
    site.t.clock.advance(SignedDuration::from_secs(60));
    let two = snapshot::take(&operator, &site.vine, id).await?;
    assert_eq!((one.sha256.len(), &one.sha256), (64, &two.sha256));
    site.drive(id).await?;
    let three = snapshot::take(&operator, &site.vine, id).await?;
    assert_ne!(one.sha256, three.sha256);
    assert_eq!(three.document["execution"]["nodes"][0]["state"], "waiting");
});
