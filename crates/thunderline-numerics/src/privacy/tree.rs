//! Noise that is correlated over rounds: DP-FTRL by tree aggregation (Kairouz et al. 2021, arXiv 2103.00039; Honaker 2015
//! describes the tree).
//!
//! Every prefix of the rounds is the union of O(log T) blocks, the nodes of a binary tree over the rounds, and each node has
//! noise of its own. The model after t rounds is the first one plus all sums so far plus the noise of t's nodes: noise grows
//! with log t rather than with √t, and no sampling is assumed. What it needs instead is that a client comes seldom.

use super::{
    Participation,
    noise::{Key, derive},
};

/// The squared distance of two neighbours' nodes over so many rounds, where a client moves a round's sum by 1: an upper bound.
/// A block of 2^l rounds meets a client at most ⌈2^l/separation⌉ times, and all blocks of a level together as often as it takes
/// part.
#[must_use]
pub fn squared_sensitivity(participation: Participation, rounds: u64) -> u64 {
    let times = participation.times(rounds);
    if times == 0 {
        return 0;
    }
    let separation = u64::from(participation.separation.max(1));
    (0..=rounds.ilog2()).map(|level| times * (1u64 << level).div_ceil(separation).min(times)).sum()
}

/// A block of 2^level rounds, the `index`-th of that length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Node {
    level: u32,
    index: u64,
}

/// The blocks that make up the first `rounds` rounds.
fn nodes(rounds: u64) -> Vec<Node> {
    (0..u64::BITS)
        .filter(|level| rounds >> level & 1 == 1)
        .map(|level| Node { level, index: (rounds >> level) - 1 })
        .collect()
}

/// The noise of round `round` (from 1), as keys with signs: the nodes that begin to count are added, those that they stand for
/// are taken away, so that after every round the noise of exactly its nodes is in the model. `key` is the federation's.
#[must_use]
pub fn changes(key: &Key, round: u64) -> Vec<(Key, i64)> {
    let (before, after) = (nodes(round - 1), nodes(round));
    let named = |node: &Node| derive(key, &["tree", &node.level.to_string(), &node.index.to_string()]);
    let gone = before.iter().filter(|node| !after.contains(node)).map(|node| (named(node), -1));
    let come = after.iter().filter(|node| !before.contains(node)).map(|node| (named(node), 1));
    gone.chain(come).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_client_that_comes_once_is_in_one_node_of_each_level() {
        let once = Participation { most: 1, separation: 1 };
        for (rounds, levels) in [(1, 1), (2, 2), (3, 2), (4, 3), (7, 3), (8, 4), (1000, 10)] {
            assert_eq!(squared_sensitivity(once, rounds), levels, "{rounds}");
        }
        assert_eq!(squared_sensitivity(once, 0), 0);
    }

    proptest! {
        /// Every pattern of participation that the rule allows moves the tree's nodes by no more than is accounted for.
        #[test]
        fn no_allowed_pattern_moves_the_nodes_further(
            rounds in 1..40u64, separation in 1..9u32, most in 1..12u32, gaps in prop::collection::vec(0..6u64, 40),
        ) {
            let rule = Participation { most, separation };
            let mut at = gaps[0];
            let mut there = Vec::new();
            for gap in &gaps[1..] {
                if at >= rounds || there.len() as u32 == most {
                    break;
                }
                there.push(at);
                at += u64::from(separation) + gap;
            }
            let mut moved = 0;
            for level in 0..=rounds.ilog2() {
                for index in 0..rounds >> level {
                    let inside = there.iter().filter(|round| *round >> level == index).count() as u64;
                    moved += inside * inside;
                }
            }
            prop_assert!(moved <= squared_sensitivity(rule, rounds), "{moved} {rule:?} {there:?}");
        }

        #[test]
        fn after_every_round_the_noise_of_exactly_its_nodes_counts(rounds in 1..200u64) {
            let key = [3; 32];
            let mut there: Vec<Key> = Vec::new();
            for round in 1..=rounds {
                for (node, sign) in changes(&key, round) {
                    if sign > 0 {
                        there.push(node);
                    } else {
                        let place = there.iter().position(|held| *held == node).expect("it was added before");
                        there.remove(place);
                    }
                }
                prop_assert_eq!(there.len() as u32, round.count_ones());
            }
        }
    }
}
