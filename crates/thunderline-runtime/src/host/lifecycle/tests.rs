use DomainState::{Active, Crashed, Degraded, Inactive, Restarting, Waiting};
use proptest::prelude::*;

use super::*;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).unwrap()
}

fn life(state: DomainState) -> Life {
    Life { state, ..Life::new(at(0)) }
}

fn working(missed: u64) -> Running {
    Running::Working { missed, trouble: None }
}

fn step(life: &Life, running: &Running, dependencies: bool, second: i64) -> Option<Step> {
    next(life, running, dependencies, at(second), &Limits::default())
}

fn goes_to(life: &Life, running: &Running, second: i64) -> Option<DomainState> {
    match step(life, running, true, second) {
        Some(Step::Become(state, _)) => Some(state),
        _ => None,
    }
}

#[test]
fn a_domain_starts_when_what_it_depends_on_is_active_and_not_before() {
    assert_eq!(step(&life(Waiting), &Running::Nothing, false, 29), None);
    assert_eq!(step(&life(Waiting), &Running::Nothing, true, 0), Some(Step::Start));
    assert_eq!(goes_to(&life(Waiting), &working(0), 0), Some(Active));
}

#[test]
fn a_domain_that_has_waited_for_thirty_seconds_is_reported_and_still_starts() {
    let Some(Step::Become(Degraded, reason)) = step(&life(Waiting), &Running::Nothing, false, 30) else {
        panic!("it is not reported");
    };
    assert!(reason.starts_with("tick_timeout"), "{reason}");
    assert_eq!(step(&life(Degraded), &Running::Nothing, true, 31), Some(Step::Start));
    assert_eq!(goes_to(&life(Degraded), &working(0), 31), Some(Active));
}

#[test]
fn three_missed_ticks_degrade_and_ten_crash() {
    let states: Vec<_> = (0..=10).map(|missed| goes_to(&life(Active), &working(missed), 1)).collect();
    let mut expected = vec![None; 3];
    expected.extend([Some(Degraded); 7]);
    expected.push(Some(Crashed));
    assert_eq!(states, expected);
    assert_eq!(goes_to(&life(Degraded), &working(9), 1), None);
    assert_eq!(goes_to(&life(Degraded), &working(0), 1), Some(Active));
    assert_eq!(goes_to(&life(Degraded), &working(10), 1), Some(Crashed));
}

#[test]
fn trouble_degrades_and_its_end_heals() {
    let troubled = Running::Working { missed: 0, trouble: Some("x failed".into()) };
    assert_eq!(step(&life(Active), &troubled, true, 1), Some(Step::Become(Degraded, "x failed".into())));
    assert_eq!(goes_to(&life(Degraded), &troubled, 2), None);
    assert_eq!(goes_to(&life(Degraded), &working(0), 3), Some(Active));
}

#[test]
fn pauses_double_from_one_second_and_the_sixth_failure_is_the_last() {
    let mut failed = life(Crashed);
    for (failures, pause) in [(1, 1), (2, 2), (3, 4), (4, 8), (5, 16)] {
        failed.failures = (0..failures).map(at).collect();
        assert_eq!(goes_to(&failed, &Running::Nothing, 0), Some(Restarting));
        let resting = Life { state: Restarting, ..failed.clone() };
        assert_eq!(step(&resting, &Running::Nothing, true, pause - 1), None);
        assert_eq!(step(&resting, &Running::Nothing, true, pause), Some(Step::Start));
    }
    failed.failures.push_back(at(6));
    assert_eq!(goes_to(&failed, &Running::Nothing, 0), Some(Inactive));
    failed.failures = (0..60).map(at).collect();
    let long = failed.restart_at(&Limits::default()).duration_since(failed.since);
    assert_eq!(long.as_secs(), 60);
}

#[test]
fn an_activation_that_hangs_is_a_failure() {
    assert_eq!(goes_to(&life(Waiting), &Running::Starting(9), 9), None);
    assert_eq!(goes_to(&life(Waiting), &Running::Starting(10), 10), Some(Crashed));
}

#[test]
fn what_an_operator_deactivated_stays_so_whatever_happens() {
    for state in DomainState::ALL {
        let unwanted = Life { unwanted: Some("deactivated by me".into()), ..life(state) };
        let expected = (state != Inactive).then_some(Inactive);
        assert_eq!(goes_to(&unwanted, &Running::Nothing, 1_000), expected);
    }
}

fn any_running() -> impl Strategy<Value = Running> {
    prop_oneof![
        Just(Running::Nothing),
        (0u64..20).prop_map(Running::Starting),
        (0u64..20, proptest::option::of("[a-z]{1,8}"))
            .prop_map(|(missed, trouble)| Running::Working { missed, trouble }),
        "[a-z]{1,8}".prop_map(Running::Failed),
    ]
}

proptest! {
    /// As the host applies them: failures are counted, tasks are gone where nothing works.
    #[test]
    fn from_anywhere_a_few_steps_lead_to_rest(
        state in proptest::sample::select(&DomainState::ALL[..]),
        running in any_running(),
        failures in 0usize..8,
        dependencies: bool,
        unwanted: bool,
        second in 0i64..100,
    ) {
        let mut life = life(state);
        life.failures = (0..failures).map(|n| at(n as i64)).collect();
        life.unwanted = unwanted.then(|| "unwanted".to_owned());
        let mut running = running;
        let mut states = vec![state];
        while let Some(step) = step(&life, &running, dependencies, second) {
            match step {
                Step::Start => {
                    prop_assert_eq!(&running, &Running::Nothing);
                    prop_assert!(!unwanted);
                    running = Running::Starting(0);
                }
                Step::Become(to, _) => {
                    prop_assert_ne!(to, life.state);
                    if to == Crashed {
                        life.failures.push_back(at(second));
                    }
                    if !matches!(to, Active | Degraded) {
                        running = Running::Nothing;
                    }
                    life.state = to;
                    life.since = at(second);
                    states.push(to);
                }
            }
            prop_assert!(states.len() <= 5, "it does not come to rest: {states:?}");
        }
        prop_assert!(life.state != Crashed, "nobody looks after it: {states:?}");
    }
}
