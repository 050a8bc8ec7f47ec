//! Why clients did not deliver, for the reason of a round that fails.

use thunderline_core::{NodeId, brief};

use super::{LeaseView, Purpose, Step};

/// How many different causes are named.
const NAMED: usize = 2;
/// Characters of a cause.
const LONGEST: usize = 240;

/// What became of the clients that were asked to train and did not deliver, the most frequent first; `steps` are about to be
/// done. Empty where no client was lost, otherwise it follows what the round came to.
pub(crate) fn causes(leases: &[LeaseView], steps: &[Step]) -> String {
    let mut counted: Vec<(String, Vec<NodeId>)> = Vec::new();
    for lease in leases.iter().filter(|lease| lease.purpose == Purpose::Train) {
        let ends = steps.iter().find_map(|step| match step {
            Step::EndLease { lease: ended, reason, .. } if *ended == lease.id => Some(reason.as_str()),
            _ => None,
        });
        let Some(cause) = ends.or(lease.state.reason()).filter(|cause| !cause.is_empty()) else { continue };
        let cause = brief(cause, LONGEST);
        match counted.iter_mut().find(|(known, _)| *known == cause) {
            // Where clients are not asked in rounds, one may have been asked again.
            Some((_, clients)) if clients.contains(&lease.node) => {}
            Some((_, clients)) => clients.push(lease.node),
            None => counted.push((cause, vec![lease.node])),
        }
    }
    counted.sort_by_key(|(_, clients)| std::cmp::Reverse(clients.len()));
    let clients = |count: usize| if count == 1 { "1 client".to_owned() } else { format!("{count} clients") };
    let (named, rest) = counted.split_at(counted.len().min(NAMED));
    let mut text: String =
        named.iter().map(|(cause, whose)| format!("; {}: {cause}", clients(whose.len()))).collect();
    if !rest.is_empty() {
        let others = rest.iter().map(|(_, whose)| whose.len()).sum();
        text.push_str(&format!("; {} for other reasons", clients(others)));
    }
    text
}

#[cfg(test)]
mod tests {
    use thunderline_core::{LeaseId, NodeId, Timestamp};

    use super::*;
    use crate::state::LeaseState;

    fn lease(number: u128, state: LeaseState) -> LeaseView {
        LeaseView {
            id: LeaseId::from(uuid::Uuid::from_u128(number)),
            node: NodeId::from_bits(number as u64),
            purpose: Purpose::Train,
            state,
            deliveries: 1,
            expires_at: Timestamp::UNIX_EPOCH,
        }
    }

    fn dropped(number: u128, reason: &str) -> LeaseView {
        lease(number, LeaseState::Dropped { reason: reason.into() })
    }

    #[test]
    fn the_most_frequent_causes_are_named_and_the_rest_is_counted() {
        let leases = [
            dropped(1, "gone"),
            dropped(2, "not finite"),
            lease(3, LeaseState::Claimed),
            lease(4, LeaseState::Released),
            dropped(5, "Traceback (most recent call last):\n  File\nValueError: x"),
            dropped(6, "not finite"),
            dropped(7, "other"),
        ];
        let ends = Step::EndLease { lease: leases[2].id, expired: true, reason: "late".into() };
        let says = causes(&leases, &[ends]);
        assert_eq!(says, "; 2 clients: not finite; 1 client: gone; 3 clients for other reasons");
        assert_eq!(causes(&leases[4..5], &[]), "; 1 client: ValueError: x");
        assert_eq!(causes(&leases[3..4], &[]), "");
    }
}
