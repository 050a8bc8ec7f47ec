//! What follows from which view, and that no view leads nowhere.

use proptest::prelude::*;
use serde_json::json;
use thunderline_contracts::link::NodeKind;
use uuid::Uuid;

use super::*;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).unwrap()
}

fn spec(changes: &serde_json::Value) -> FederationSpec {
    let mut document = json!({ "model_ref": "builtin:softmax(4,2)", "num_rounds": 2, "min_clients": 2 });
    for (key, value) in changes.as_object().unwrap() {
        document[key] = value.clone();
    }
    FederationSpec::parse(&document, 7).unwrap()
}

fn node(number: u64, online: bool) -> Candidate {
    Candidate {
        node: NodeId::from_bits(number),
        name: format!("n{number}"),
        kind: NodeKind::Runner,
        tags: vec![],
        capabilities: Default::default(),
        online,
    }
}

fn lease(number: u64, purpose: Purpose, state: LeaseState) -> LeaseView {
    LeaseView {
        id: LeaseId(Uuid::from_u128(number.into())),
        node: NodeId::from_bits(number),
        purpose,
        state,
        deliveries: 1,
        expires_at: at(600),
    }
}

fn view(state: RoundState, leases: Vec<LeaseView>) -> View {
    View {
        id: FederationId(Uuid::nil()),
        state: FederationState::Running,
        spec: spec(&json!({})),
        completed_rounds: 0,
        failures: 0,
        round: Some(RoundView {
            id: RoundId(Uuid::nil()),
            number: 1,
            attempt: 1,
            state,
            wanted: 3,
            quorum: 2,
        }),
        leases,
        waiting: 0,
        nodes: vec![node(1, true), node(2, true), node(3, true)],
        groups: Default::default(),
        secrets: None,
        masked: None,
    }
}

fn running(leases: Vec<LeaseView>) -> View {
    view(RoundState::Running { deadline: Some(at(600)) }, leases)
}

fn released(number: u64) -> LeaseView {
    lease(number, Purpose::Train, LeaseState::Released)
}

fn claimed(number: u64) -> LeaseView {
    lease(number, Purpose::Train, LeaseState::Claimed)
}

const ROUND: RoundId = RoundId(Uuid::nil());

#[test]
fn a_round_waits_until_enough_nodes_are_eligible() {
    let mut waiting = view(RoundState::Selecting, vec![]);
    waiting.nodes = vec![node(1, true), node(2, false)];
    assert_eq!(next(&waiting, at(0)), []);
    waiting.nodes[1].online = true;
    let steps = next(&waiting, at(0));
    assert!(
        matches!(&steps[..], [Step::StartRound { nodes, wanted: 2, quorum: 1, .. }] if nodes.len() == 2),
        "{steps:?}"
    );
}

#[test]
fn over_selection_asks_more_nodes_than_it_wants() {
    let mut waiting = view(RoundState::Selecting, vec![]);
    waiting.nodes = (1..=10).map(|number| node(number, true)).collect();
    waiting.spec =
        spec(&json!({ "client_fraction": 0.5, "round": { "over_selection": 1.4, "quorum": 1.0 } }));
    let steps = next(&waiting, at(0));
    assert!(
        matches!(&steps[..], [Step::StartRound { nodes, wanted: 5, quorum: 5, .. }] if nodes.len() == 7),
        "{steps:?}"
    );
}

#[test]
fn selection_depends_on_the_seed_and_not_on_who_connected_first() {
    let mut one = view(RoundState::Selecting, vec![]);
    one.spec = spec(&json!({ "client_fraction": 0.3, "seed": 1 }));
    one.nodes = (1..=20).map(|number| node(number, true)).collect();
    let mut other = one.clone();
    other.nodes.reverse();
    assert_eq!(next(&one, at(0)), next(&other, at(0)));
    other.spec.seed = 2;
    assert_ne!(next(&one, at(0)), next(&other, at(0)));
}

#[test]
fn a_round_closes_as_soon_as_all_wanted_updates_are_in() {
    assert_eq!(next(&running(vec![released(1), released(2), claimed(3)]), at(0)), []);
    let all = running(vec![released(1), released(2), released(3)]);
    assert_eq!(next(&all, at(0)), [Step::CloseRound { round: ROUND }]);
}

#[test]
fn a_lost_client_is_ended_with_its_reason_and_the_others_suffice() {
    let mut view = running(vec![released(1), released(2), claimed(3)]);
    view.nodes[2].online = false;
    let steps = next(&view, at(0));
    let [Step::EndLease { expired: false, reason, .. }, Step::CloseRound { .. }] = &steps[..] else {
        panic!("{steps:?}")
    };
    assert_eq!(reason, "the node is gone");
}

#[test]
fn a_stalled_client_is_ended_at_the_deadline() {
    let steps = next(&running(vec![released(1), released(2), claimed(3)]), at(600));
    assert!(
        matches!(&steps[..], [Step::EndLease { expired: true, .. }, Step::CloseRound { .. }]),
        "{steps:?}"
    );
}

#[test]
fn too_few_updates_at_the_deadline_time_the_round_out_and_it_is_tried_again() {
    let steps = next(&running(vec![released(1), claimed(2), claimed(3)]), at(600));
    assert!(matches!(steps.last(), Some(Step::FailRound { timed_out: true, .. })), "{steps:?}");
    let mut failed = view(RoundState::TimedOut { reason: "slow".into() }, vec![]);
    failed.failures = 1;
    assert_eq!(next(&failed, at(700)), [Step::OpenRound { number: 1, attempt: 2 }]);
    failed.failures = 4;
    assert!(matches!(&next(&failed, at(700))[..], [Step::Fail { reason }] if reason.contains("slow")));
}

#[test]
fn a_round_that_cannot_reach_its_quorum_fails_before_the_deadline() {
    let dropped = |number| lease(number, Purpose::Train, LeaseState::Dropped { reason: "x".into() });
    let steps = next(&running(vec![released(1), dropped(2), dropped(3)]), at(1));
    let [Step::FailRound { timed_out: false, reason, .. }] = &steps[..] else { panic!("{steps:?}") };
    assert!(reason.ends_with("; 2 clients: x"), "{reason}");
}

#[test]
fn a_federation_that_may_not_fail_once_says_which_round_did() {
    let mut failed = view(RoundState::Failed { reason: "x".into() }, vec![]);
    failed.spec.round.max_failures = 0;
    failed.failures = 1;
    assert_eq!(next(&failed, at(0)), [Step::Fail { reason: "round 1 failed: x".into() }]);
}

#[test]
fn a_paused_federation_finishes_its_round_and_opens_no_other() {
    let mut done = running(vec![released(1), released(2), released(3)]);
    done.state = FederationState::Paused;
    assert_eq!(next(&done, at(0)), [Step::CloseRound { round: ROUND }]);
    let mut between = view(RoundState::Completed, vec![]);
    between.completed_rounds = 1;
    between.state = FederationState::Paused;
    assert_eq!(next(&between, at(0)), []);
    between.completed_rounds = 2;
    assert_eq!(next(&between, at(0)), [Step::Complete]);
}

#[test]
fn the_model_is_judged_by_those_who_made_it_and_are_still_there() {
    let mut view = view(RoundState::Aggregating, vec![released(1), released(2), claimed(3)]);
    view.nodes[1].online = false;
    let evaluators = vec![NodeId::from_bits(1)];
    assert_eq!(next(&view, at(0)), [Step::Aggregate { round: ROUND, evaluators }]);
}

fn any_state() -> impl Strategy<Value = LeaseState> {
    prop_oneof![
        Just(LeaseState::Issued),
        Just(LeaseState::Claimed),
        Just(LeaseState::Released),
        Just(LeaseState::Expired { reason: "x".into() }),
        Just(LeaseState::Dropped { reason: "x".into() }),
    ]
}

proptest! {
    #[test]
    fn a_running_round_always_ends_by_its_deadline(
        states in prop::collection::vec(any_state(), 1..8),
        online in prop::collection::vec(any::<bool>(), 8),
        second in 600i64..10_000,
    ) {
        let leases = states.into_iter().enumerate()
            .map(|(index, state)| lease(index as u64 + 1, Purpose::Train, state)).collect();
        let mut view = running(leases);
        view.nodes = online.iter().enumerate().map(|(index, online)| node(index as u64 + 1, *online)).collect();
        let steps = next(&view, at(second));
        prop_assert!(
            matches!(steps.last(), Some(Step::CloseRound { .. } | Step::FailRound { .. })),
            "{:?}", steps
        );
    }

    #[test]
    fn only_open_leases_are_ended_and_each_once(
        states in prop::collection::vec(any_state(), 1..8),
        second in 0i64..1_000,
    ) {
        let leases: Vec<_> = states.into_iter().enumerate()
            .map(|(index, state)| lease(index as u64 + 1, Purpose::Train, state)).collect();
        let view = running(leases.clone());
        let mut ended: Vec<_> = next(&view, at(second)).into_iter()
            .filter_map(|step| match step { Step::EndLease { lease, .. } => Some(lease), _ => None })
            .collect();
        for id in &ended {
            prop_assert!(leases.iter().any(|lease| lease.id == *id && lease.state.is_open()));
        }
        let count = ended.len();
        ended.sort_unstable();
        ended.dedup();
        prop_assert_eq!(ended.len(), count);
    }
}
