//! A whole federation in memory: plans are carried out as the actions would, and nodes do what they like in between.

use proptest::prelude::*;
use serde_json::json;
use thunderline_core::{FederationId, LeaseId, NodeId, RoundId, Timestamp};
use uuid::Uuid;

use super::super::{LeaseView, Purpose, next, waits_for};
use super::*;
use crate::{
    buffer::{self, Filling, Place},
    select::Candidate,
    spec::FederationSpec,
};

const NODES: u64 = 6;

/// What happens between two plans.
#[derive(Clone, Copy, Debug)]
enum Happens {
    Delivers(u64),
    Fails(u64),
    Leaves(u64),
    Joins(u64),
    Passes(i64),
    Plans,
}

#[derive(Clone, Copy, Debug)]
struct Update {
    lease: LeaseId,
    version: u32,
}

struct World {
    view: View,
    buffer: Buffer,
    now: i64,
    /// On which version each lease was issued.
    versions: Vec<u32>,
    waiting: Vec<Update>,
    taken: Vec<(LeaseId, u32)>,
    /// What went into each version.
    made: Vec<Vec<LeaseId>>,
}

/// Numbers of nodes begin at 1.
fn node(number: u64) -> NodeId {
    NodeId::from_bits(number + 1)
}

fn candidate(number: u64) -> Candidate {
    Candidate {
        node: node(number),
        name: format!("n{number}"),
        kind: thunderline_contracts::link::NodeKind::Runner,
        tags: vec![],
        capabilities: Default::default(),
        online: true,
    }
}

impl World {
    fn new(buffer: Buffer, rounds: u32) -> Self {
        let params = json!({
            "buffer_size": buffer.size, "max_staleness": buffer.max_staleness,
            "max_concurrency": buffer.max_concurrency,
        });
        let document = json!({
            "model_ref": "builtin:softmax(4,2)", "num_rounds": rounds, "min_clients": 1,
            "strategy": { "name": "fedbuff", "params": params }, "round": { "max_failures": 1000 },
        });
        let view = View {
            id: FederationId(Uuid::nil()),
            state: FederationState::Running,
            spec: FederationSpec::parse(&document, 7).unwrap(),
            completed_rounds: 0,
            failures: 0,
            round: None,
            leases: Vec::new(),
            waiting: 0,
            nodes: (0..NODES).map(candidate).collect(),
            masked: None,
            secrets: None,
            groups: Default::default(),
        };
        let (waiting, taken, made) = (Vec::new(), Vec::new(), Vec::new());
        Self { view, buffer, now: 0, versions: Vec::new(), waiting, taken, made }
    }

    fn now(&self) -> Timestamp {
        Timestamp::from_second(self.now).unwrap()
    }

    fn round(&mut self) -> &mut RoundView {
        self.view.round.as_mut().unwrap()
    }

    fn issue(&mut self, nodes: &[NodeId]) {
        let version = self.round().number - 1;
        for &node in nodes {
            self.view.leases.push(LeaseView {
                id: LeaseId(Uuid::from_u128(self.versions.len() as u128)),
                node,
                purpose: Purpose::Train,
                state: LeaseState::Claimed,
                deliveries: 1,
                expires_at: Timestamp::from_second(self.now + 600).unwrap(),
            });
            self.versions.push(version);
        }
    }

    /// Carries out one plan. False where nothing is to be done.
    fn plan(&mut self) -> bool {
        self.view.waiting = self.waiting.len() as u32;
        let steps = next(&self.view, self.now());
        for step in &steps {
            self.apply(step);
            self.check();
        }
        !steps.is_empty()
    }

    fn apply(&mut self, step: &Step) {
        match step {
            Step::OpenRound { number, attempt } => {
                self.view.leases.retain(|lease| lease.state.is_open());
                self.taken.clear();
                self.view.round = Some(RoundView {
                    id: RoundId(Uuid::from_u128(u128::from(*number))),
                    number: *number,
                    attempt: *attempt,
                    state: RoundState::Selecting,
                    wanted: 0,
                    quorum: 0,
                });
            }
            Step::StartRound { nodes, wanted, .. } => {
                assert_eq!(*wanted, self.buffer.size);
                self.round().state = RoundState::Running { deadline: None };
                let count = self.waiting.len().min(self.buffer.size as usize);
                for update in self.waiting.drain(..count).collect::<Vec<_>>() {
                    self.take(update);
                }
                self.issue(nodes);
            }
            Step::IssueLeases { nodes, .. } => {
                assert!(self.taken.len() < self.buffer.size as usize, "the buffer was full");
                self.issue(nodes);
            }
            Step::EndLease { lease, reason, .. } => {
                let lease = self.view.leases.iter_mut().find(|known| known.id == *lease).unwrap();
                assert!(lease.state.is_open());
                lease.state = LeaseState::Dropped { reason: reason.clone() };
            }
            Step::CloseRound { .. } => self.round().state = RoundState::Aggregating,
            Step::Aggregate { evaluators, .. } => {
                assert!(evaluators.is_empty());
                let into: Vec<_> = self.taken.iter().map(|(lease, _)| *lease).collect();
                assert_eq!(into.len(), self.buffer.size as usize, "a version of a buffer that is not full");
                self.made.push(into);
                self.round().state = RoundState::Completed;
                (self.view.completed_rounds, self.view.failures) = (self.view.completed_rounds + 1, 0);
            }
            Step::FailRound { reason, .. } => {
                self.round().state = RoundState::Failed { reason: reason.clone() };
                self.view.failures += 1;
                let back = self.taken.drain(..).map(|(lease, _)| lease);
                let version = |lease: LeaseId| self.versions[lease.0.as_u128() as usize];
                let back: Vec<_> = back.map(|lease| Update { lease, version: version(lease) }).collect();
                self.waiting.splice(..0, back);
            }
            Step::Complete => self.view.state = FederationState::Completed,
            other => panic!("{other:?} is not for buffers"),
        }
    }

    fn take(&mut self, update: Update) {
        let staleness = buffer::staleness(self.round().number, update.version);
        self.taken.push((update.lease, staleness));
        // What was issued in an earlier round is not in the view otherwise.
        if !self.view.leases.iter().any(|lease| lease.id == update.lease) {
            self.view.leases.push(LeaseView {
                id: update.lease,
                node: NodeId::from_bits(1000),
                purpose: Purpose::Train,
                state: LeaseState::Released,
                deliveries: 1,
                expires_at: Timestamp::MAX,
            });
        }
    }

    fn happen(&mut self, happens: Happens) {
        let open = |world: &Self, number: u64| {
            let mut leases = world.view.leases.iter();
            leases.position(|lease| lease.node == node(number) && lease.state.is_open())
        };
        match happens {
            Happens::Plans => {
                self.plan();
            }
            Happens::Passes(seconds) => self.now += seconds,
            Happens::Leaves(number) => self.view.nodes[number as usize].online = false,
            Happens::Joins(number) => self.view.nodes[number as usize].online = true,
            Happens::Fails(number) => {
                if let Some(place) = open(self, number) {
                    self.view.leases[place].state = LeaseState::Dropped { reason: "it failed".into() };
                }
            }
            Happens::Delivers(number) => {
                if let Some(place) = open(self, number) {
                    self.deliver(place);
                }
            }
        }
        self.check();
    }

    fn deliver(&mut self, place: usize) {
        let lease = self.view.leases[place].id;
        let version = self.versions[lease.0.as_u128() as usize];
        let round = self.view.round.as_ref().unwrap();
        let filling = Filling {
            round: round.number,
            state: &round.state,
            taken: self.taken.len() as u32,
            waiting: self.waiting.len() as u32,
        };
        match buffer::place(&self.buffer, self.view.spec.num_rounds, &filling, version) {
            Place::Taken { .. } => {
                self.view.leases[place].state = LeaseState::Released;
                self.take(Update { lease, version });
            }
            Place::Waits => {
                self.view.leases.remove(place);
                self.waiting.push(Update { lease, version });
            }
            Place::Refused(reason) => self.view.leases[place].state = LeaseState::Dropped { reason },
        }
    }

    fn check(&self) {
        let mut open: Vec<_> = self.view.leases.iter().filter(|lease| lease.state.is_open()).collect();
        assert!(open.len() <= self.buffer.max_concurrency as usize, "too many train at once");
        open.sort_by_key(|lease| lease.node);
        assert!(open.windows(2).all(|pair| pair[0].node != pair[1].node), "a node has two leases");
        assert!(self.taken.len() <= self.buffer.size as usize, "the buffer is too full");
        let most = (self.buffer.size - 1 + self.buffer.max_concurrency) as usize;
        assert!(
            self.waiting.len() + self.taken.len() <= most.max(self.buffer.size as usize),
            "too many wait"
        );
        for (lease, staleness) in &self.taken {
            assert!(*staleness <= self.buffer.max_staleness, "{lease} is too stale");
        }
        assert_eq!(self.made.len() as u32, self.view.completed_rounds);
    }
}

fn happens() -> impl Strategy<Value = Happens> {
    let which = 0..NODES;
    prop_oneof![
        6 => Just(Happens::Plans),
        6 => which.clone().prop_map(Happens::Delivers),
        1 => which.clone().prop_map(Happens::Fails),
        1 => which.clone().prop_map(Happens::Leaves),
        2 => which.prop_map(Happens::Joins),
        1 => (1i64..700).prop_map(Happens::Passes),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn whatever_nodes_do_every_version_is_made_of_exactly_one_full_buffer_and_the_federation_ends(
        size in 1u32..6, most in 0u32..4, concurrency in 1u32..8, rounds in 1u32..6,
        story in prop::collection::vec(happens(), 0..150),
    ) {
        let buffer = Buffer { size, max_staleness: most, max_concurrency: concurrency };
        let mut world = World::new(buffer, rounds);
        for event in story {
            world.happen(event);
        }
        // From now on all nodes behave.
        for number in 0..NODES {
            world.happen(Happens::Joins(number));
        }
        for turn in 0..1000 {
            while world.plan() {}
            if world.view.state == FederationState::Completed {
                break;
            }
            world.happen(Happens::Delivers(turn % NODES));
        }
        prop_assert_eq!(world.view.state, FederationState::Completed);
        prop_assert_eq!(world.made.len() as u32, rounds);
        let mut counted: Vec<_> = world.made.concat();
        let count = counted.len();
        counted.sort_unstable();
        counted.dedup();
        prop_assert_eq!(counted.len(), count, "an update counted twice");
    }
}

#[test]
fn every_free_node_trains_at_once_as_far_as_there_is_room() {
    let mut world = World::new(Buffer { size: 2, max_staleness: 9, max_concurrency: 4 }, 3);
    while world.plan() {}
    assert_eq!(world.view.leases.len(), 4);
    let first = world.view.leases[0].node;
    world.deliver(0);
    let steps = next(&world.view, world.now());
    let [Step::IssueLeases { nodes, .. }] = &steps[..] else { panic!("{steps:?}") };
    assert_eq!(nodes.len(), 1, "one has delivered, and one gets a lease");
    world.deliver(1);
    assert!(matches!(next(&world.view, world.now())[..], [Step::CloseRound { .. }]));
    while world.plan() {}
    let round = world.view.round.as_ref().unwrap();
    assert_eq!((round.number, round.state.name()), (2, "running"));
    assert!(world.view.leases.iter().any(|lease| world.versions[lease.id.0.as_u128() as usize] == 0));
    assert!(world.view.nodes.iter().any(|known| known.node == first));
}

#[test]
fn a_node_that_fails_again_and_again_is_left_out_until_the_next_round() {
    let mut world = World::new(Buffer { size: 2, max_staleness: 9, max_concurrency: 9 }, 3);
    for number in 1..NODES {
        world.happen(Happens::Leaves(number));
    }
    while world.plan() {}
    for _ in 0..MOST_LOSSES {
        world.happen(Happens::Fails(0));
        assert!(world.plan());
    }
    let round = world.view.round.as_ref().unwrap();
    let reason = round.state.reason().unwrap();
    assert_eq!(
        reason,
        "0 of 2 updates came, and every client that is left was lost or refused 3 times; 1 client: it failed"
    );
    while world.plan() {}
    let round = world.view.round.as_ref().unwrap();
    assert_eq!((round.number, round.attempt, round.state.name()), (1, 2, "running"));
}

#[test]
fn a_buffer_that_nobody_fills_waits_and_says_so() {
    let mut world = World::new(Buffer { size: 2, max_staleness: 9, max_concurrency: 9 }, 3);
    while world.plan() {}
    for number in 0..NODES {
        world.happen(Happens::Leaves(number));
    }
    while world.plan() {}
    assert_eq!(world.view.round.as_ref().unwrap().state.name(), "running");
    let waits = waits_for(&world.view).unwrap();
    assert!(waits.starts_with("waits for clients: 0 of 1 are eligible"), "{waits}");
}

#[test]
fn a_paused_federation_fills_its_buffer_and_begins_no_other() {
    let mut world = World::new(Buffer { size: 2, max_staleness: 9, max_concurrency: 9 }, 3);
    while world.plan() {}
    world.view.state = FederationState::Paused;
    world.deliver(0);
    world.deliver(1);
    while world.plan() {}
    assert_eq!((world.made.len(), world.view.round.as_ref().unwrap().state.name()), (1, "completed"));
    world.happen(Happens::Delivers(5));
    assert_eq!(world.waiting.len(), 1, "who trains goes on, and what it brings waits");
}
