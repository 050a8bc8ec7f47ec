//! When an exchange is over: a pure function.

use std::collections::BTreeSet;

use thunderline_core::{LeaseId, Timestamp};

use super::Exchange;
use crate::plan::{LeaseView, Purpose, RoundView, Step, causes};

/// How far the secure aggregation of a round is.
#[derive(Clone, Debug)]
pub struct Masked {
    /// The exchange that is open.
    pub exchange: Exchange,
    /// When it ends, whoever is missing.
    pub deadline: Timestamp,
    /// How many must have spoken in it.
    pub quorum: u32,
    /// Whose turn it is; `None` where everybody's.
    pub invited: Option<BTreeSet<LeaseId>>,
    /// Who has spoken.
    pub said: BTreeSet<LeaseId>,
}

/// What follows in a running round. `steps` are the leases that end now, whatever else.
pub(crate) fn collect(
    masked: &Masked,
    round: &RoundView,
    leases: &[LeaseView],
    mut steps: Vec<Step>,
    round_ends: Timestamp,
    now: Timestamp,
) -> Vec<Step> {
    if masked.exchange == Exchange::Done {
        steps.push(Step::CloseRound { round: round.id });
        return steps;
    }
    let mut over: BTreeSet<_> = steps.iter().filter_map(ends).collect();
    // Who has missed an exchange has no part in those that follow, and is free for other work.
    if let (Some(invited), Some(before)) = (&masked.invited, masked.exchange.before()) {
        let missed = |lease: &&LeaseView| lease.purpose == Purpose::Train && lease.state.is_open();
        let missed = leases.iter().filter(missed).map(|lease| lease.id);
        let missed: Vec<_> =
            missed.filter(|lease| !invited.contains(lease) && !over.contains(lease)).collect();
        over.extend(&missed);
        let reason = format!("secure aggregation: '{}' was over before the client spoke", before.name());
        let end = |lease| Step::EndLease { lease, expired: false, reason: reason.clone() };
        steps.extend(missed.into_iter().map(end));
    }
    let awaited = leases
        .iter()
        .filter(|lease| lease.purpose == Purpose::Train && lease.state.is_open() && !over.contains(&lease.id))
        .filter(|lease| masked.invited.as_ref().is_none_or(|invited| invited.contains(&lease.id)))
        .any(|lease| !masked.said.contains(&lease.id));
    let out_of_time = now >= masked.deadline.min(round_ends);
    if awaited && !out_of_time {
        return steps;
    }
    let (said, quorum) = (masked.said.len(), masked.quorum as usize);
    steps.push(if said >= quorum {
        Step::CloseExchange { round: round.id, exchange: masked.exchange }
    } else {
        let exchange = masked.exchange.name();
        let reason = format!(
            "secure aggregation: {said} clients went through '{exchange}', and it takes {quorum}{}",
            causes(leases, &steps)
        );
        Step::FailRound { round: round.id, reason, timed_out: out_of_time }
    });
    steps
}

fn ends(step: &Step) -> Option<LeaseId> {
    match step {
        Step::EndLease { lease, .. } => Some(*lease),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use thunderline_core::{NodeId, SignedDuration};

    use super::*;
    use crate::state::{LeaseState, RoundState};

    const START: Timestamp = Timestamp::UNIX_EPOCH;

    fn at(seconds: i64) -> Timestamp {
        START + SignedDuration::from_secs(seconds)
    }

    fn lease(number: u128, state: LeaseState) -> LeaseView {
        LeaseView {
            id: uuid::Uuid::from_u128(number).into(),
            node: NodeId::from_bits(number as u64),
            purpose: Purpose::Train,
            state,
            deliveries: 1,
            expires_at: at(100),
        }
    }

    fn round() -> RoundView {
        RoundView {
            id: uuid::Uuid::from_u128(9).into(),
            number: 1,
            attempt: 1,
            state: RoundState::Running { deadline: Some(at(100)) },
            wanted: 4,
            quorum: 3,
        }
    }

    fn ids(numbers: &[u128]) -> BTreeSet<LeaseId> {
        numbers.iter().map(|&number| uuid::Uuid::from_u128(number).into()).collect()
    }

    fn next(exchange: Exchange, invited: Option<&[u128]>, said: &[u128], now: i64) -> Vec<Step> {
        let leases: Vec<_> = (1..=4).map(|number| lease(number, LeaseState::Claimed)).collect();
        let masked =
            Masked { exchange, deadline: at(10), quorum: 3, invited: invited.map(ids), said: ids(said) };
        collect(&masked, &round(), &leases, Vec::new(), at(100), at(now))
    }

    #[test]
    fn an_exchange_is_over_when_all_whose_turn_it_is_have_spoken() {
        let close = |exchange| vec![Step::CloseExchange { round: round().id, exchange }];
        assert_eq!(next(Exchange::Advertise, None, &[1, 2, 3], 1), []);
        assert_eq!(next(Exchange::Advertise, None, &[1, 2, 3, 4], 1), close(Exchange::Advertise));
        assert_eq!(next(Exchange::Share, Some(&[1, 2, 3, 4]), &[1, 2, 3], 1), []);
        assert_eq!(next(Exchange::Share, Some(&[1, 2, 3, 4]), &[1, 2, 3, 4], 1), close(Exchange::Share));
    }

    #[test]
    fn the_lease_of_one_who_missed_an_exchange_ends() {
        let reason = "secure aggregation: 'advertise' was over before the client spoke".into();
        let ends = Step::EndLease { lease: uuid::Uuid::from_u128(4).into(), expired: false, reason };
        let steps = next(Exchange::Share, Some(&[1, 2, 3]), &[1, 2], 1);
        assert_eq!(steps, std::slice::from_ref(&ends));
        let close = Step::CloseExchange { round: round().id, exchange: Exchange::Share };
        assert_eq!(next(Exchange::Share, Some(&[1, 2, 3]), &[1, 2, 3], 1), [ends, close]);
    }

    #[test]
    fn when_time_is_up_enough_close_it_and_too_few_fail_the_round() {
        let close = vec![Step::CloseExchange { round: round().id, exchange: Exchange::Mask }];
        assert_eq!(next(Exchange::Mask, Some(&[1, 2, 3, 4]), &[1, 2, 3], 10), close);
        let reason = "secure aggregation: 2 clients went through 'mask', and it takes 3".to_owned();
        let fail = vec![Step::FailRound { round: round().id, reason, timed_out: true }];
        assert_eq!(next(Exchange::Mask, Some(&[1, 2, 3, 4]), &[1, 2], 10), fail);
    }

    #[test]
    fn an_exchange_is_over_with_its_round_at_the_latest() {
        let leases: Vec<_> = (1..=4).map(|number| lease(number, LeaseState::Claimed)).collect();
        let (exchange, said) = (Exchange::Advertise, ids(&[1, 2, 3]));
        let masked = Masked { exchange, deadline: at(200), quorum: 3, invited: None, said };
        let next = |now| collect(&masked, &round(), &leases, Vec::new(), at(100), at(now));
        assert_eq!(next(99), []);
        assert_eq!(next(100), [Step::CloseExchange { round: round().id, exchange }]);
    }

    #[test]
    fn those_who_are_gone_are_not_waited_for() {
        let leases: Vec<_> = (1..=4)
            .map(|number| {
                let gone = LeaseState::Dropped { reason: "gone".into() };
                lease(number, if number == 4 { gone } else { LeaseState::Claimed })
            })
            .collect();
        let masked = Masked {
            exchange: Exchange::Mask,
            deadline: at(10),
            quorum: 2,
            invited: Some(ids(&[1, 2, 3, 4])),
            said: ids(&[1, 2]),
        };
        let ends = Step::EndLease { lease: leases[2].id, expired: false, reason: "gone".into() };
        let steps = collect(&masked, &round(), &leases, vec![ends.clone()], at(100), at(1));
        assert_eq!(steps, [ends, Step::CloseExchange { round: round().id, exchange: Exchange::Mask }]);
    }

    #[test]
    fn when_all_was_said_the_round_is_closed() {
        assert_eq!(next(Exchange::Done, Some(&[]), &[], 1), [Step::CloseRound { round: round().id }]);
    }
}
