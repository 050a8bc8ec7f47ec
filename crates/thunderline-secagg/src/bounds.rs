//! How many neighbours, shares and members it takes, from what is assumed of the cohort.
//!
//! Assumed: at most `corrupt` of the n members work with the server, and at most `dropouts` fall away at any stage, with
//! corrupt + 2·dropouts < n, as in Bell et al. 2020 against a server that does not follow the protocol.
//!
//! The neighbours are those within h places on a ring in a random order (a Harary graph of degree k = 2h). Of all
//! members, X fall into a stretch of h places, or into a neighbourhood of k, with the hypergeometric law. Wanted, with a
//! union bound over the n stretches and the n neighbourhoods:
//!
//! - each stretch has fewer corrupt members than `least`, but with 2^-40. A client reveals nothing unless `least` members
//!   of every stretch survive; then an honest one survives in every h places, so the honest survivors are connected and
//!   only the sum over all of them can be told, whichever drop-outs the server makes up after it has seen the ring;
//! - each neighbourhood has fewer corrupt members than `threshold`, but with 2^-40, so that they cannot rebuild a secret;
//! - with `dropouts` members gone at random, every stretch keeps `least` members and every neighbourhood `threshold`,
//!   but with 2^-20 each: how often an honest round has to be done again.
//!
//! The smallest h that allows both pairs is taken. Where it would not spare a quarter of the neighbours at least,
//! everybody is everybody's neighbour, and the counts hold without exception: any n − dropouts survivors leave
//! n − dropouts − 1 neighbours to each.

use libm::{exp, log};

use crate::Refusal;

/// The exponent of the probability at which privacy may fail for an unlucky ring.
const PRIVACY: f64 = 40.0;

/// The exponent of the probability at which a round with the assumed drop-outs may have to be done again.
const COMPLETION: f64 = 20.0;

/// The most members that a roster can have.
pub const MOST_MEMBERS: usize = 16_384;

/// The numbers of one cohort. A pure function of its size and the terms, so every client computes its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// n, the members.
    pub members: usize,
    /// How many of them may work with the server.
    pub corrupt: usize,
    /// How many may fall away.
    pub dropouts: usize,
    /// How many must share, survive and consent: n − dropouts.
    pub quorum: usize,
    /// h: how far the neighbourhood reaches to either side of the ring; `None` where all are neighbours.
    pub reach: Option<usize>,
    /// How many of any `reach` places in a row must survive; zero where all are neighbours.
    pub least: usize,
    /// How many shares rebuild a secret.
    pub threshold: usize,
}

impl Bounds {
    /// The bounds of a cohort of `members`, of whom `corrupt` and `dropouts` in a thousand are assumed (rounded down,
    /// but one corrupt member at least).
    ///
    /// # Errors
    ///
    /// Where nothing stands what is assumed.
    pub fn of(members: usize, corrupt: u16, dropouts: u16) -> Result<Self, Refusal> {
        if members > MOST_MEMBERS {
            return Err(Refusal::TooMany { have: members, most: MOST_MEMBERS });
        }
        let share = |permille: u16| members * usize::from(permille) / 1000;
        let (corrupt, dropouts) = (share(corrupt).max(1), share(dropouts));
        // Two honest survivors at least, or the sum is somebody's input.
        if corrupt + 2 * dropouts >= members || members - dropouts < corrupt + 2 {
            return Err(Refusal::Unreachable { members });
        }
        let quorum = members - dropouts;
        let whole = Self { members, corrupt, dropouts, quorum, reach: None, least: 0, threshold: quorum - 1 };
        let logs = Logs::up_to(members);
        let sparse = (1..)
            .take_while(|reach| 8 * reach <= 3 * (members - 1))
            .find_map(|reach| whole.within(&logs, reach));
        Ok(sparse.unwrap_or(whole))
    }

    /// The same cohort on a ring with this reach, if it stands.
    fn within(&self, logs: &Logs, reach: usize) -> Option<Self> {
        let degree = 2 * reach;
        let each = log(self.members as f64);
        let (privacy, completion) =
            (-PRIVACY * core::f64::consts::LN_2 - each, -COMPLETION * core::f64::consts::LN_2 - each);
        let least = logs.beyond(self.members, self.corrupt, reach, privacy)?;
        let lost = logs.beyond(self.members, self.dropouts, reach, completion)?;
        let threshold = logs.beyond(self.members - 1, self.corrupt, degree, privacy)?;
        let silent = logs.beyond(self.members - 1, self.dropouts, degree, completion)?;
        let stands = least + lost <= reach + 1 && threshold + silent <= degree + 1;
        stands.then_some(Self { reach: Some(reach), least, threshold, ..*self })
    }

    /// k, how many neighbours a member has.
    #[must_use]
    pub fn degree(&self) -> usize {
        self.reach.map_or(self.members - 1, |reach| 2 * reach)
    }
}

/// Logarithms of factorials. Those of `libm` are the same on every machine, and both ends must come to the same bounds.
struct Logs(Vec<f64>);

impl Logs {
    fn up_to(most: usize) -> Self {
        let mut sum = 0.0;
        Self(
            (0..=most)
                .map(|n| {
                    if n > 0 {
                        sum += log(n as f64);
                    }
                    sum
                })
                .collect(),
        )
    }

    fn choose(&self, n: usize, k: usize) -> f64 {
        self.0[n] - self.0[k] - self.0[n - k]
    }

    /// The smallest x for which `drawn` out of `population`, `marked` of it, have x marked ones or more with a
    /// probability of at most e^`budget`. `None` where not even all of them are so improbable.
    fn beyond(&self, population: usize, marked: usize, drawn: usize, budget: f64) -> Option<usize> {
        let most = drawn.min(marked);
        let fewest = (drawn + marked).saturating_sub(population);
        let total = self.choose(population, drawn);
        let budget = exp(budget);
        let mut tail = 0.0;
        for x in (fewest..=most).rev() {
            tail += exp(self.choose(marked, x) + self.choose(population - marked, drawn - x) - total);
            if tail > budget {
                return (x < drawn).then_some(x + 1);
            }
        }
        Some(fewest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tail_is_that_of_counting() {
        // Ten, four of them marked, three drawn: P[X = 3] = 4/120, P[X >= 2] = 40/120, P[X >= 1] = 100/120.
        let logs = Logs::up_to(10);
        let beyond = |probability: f64| logs.beyond(10, 4, 3, log(probability));
        assert_eq!(beyond(0.03), None);
        assert_eq!(beyond(0.04), Some(3));
        assert_eq!(beyond(0.34), Some(2));
        assert_eq!(beyond(0.84), Some(1));
    }

    #[test]
    fn small_cohorts_are_each_others_neighbours() {
        let bounds = Bounds::of(101, 200, 300).expect("it stands");
        assert_eq!((bounds.corrupt, bounds.dropouts, bounds.quorum), (20, 30, 71));
        assert_eq!((bounds.reach, bounds.degree(), bounds.threshold), (None, 100, 70));
    }

    #[test]
    fn large_cohorts_have_neighbourhoods_that_grow_slowly() {
        let degrees: Vec<_> = [1_000, 4_000, 16_000]
            .map(|members| Bounds::of(members, 200, 300).expect("it stands").degree())
            .into();
        assert!(degrees[0] < 400 && degrees[2] < degrees[0] + 150, "{degrees:?}");
        assert!(degrees.is_sorted(), "{degrees:?}");
    }

    #[test]
    fn a_cohort_that_could_hide_nobody_is_refused() {
        for (members, corrupt, dropouts) in [(2, 100, 0), (10, 500, 300), (3, 0, 400), (0, 0, 0)] {
            assert_eq!(Bounds::of(members, corrupt, dropouts), Err(Refusal::Unreachable { members }));
        }
        assert!(Bounds::of(3, 100, 0).is_ok());
    }

    #[test]
    fn whatever_stands_keeps_more_shares_than_the_corrupt_have_and_leaves_enough() {
        for members in 3..400 {
            for (corrupt, dropouts) in [(100, 100), (200, 300), (330, 300), (50, 450)] {
                let Ok(bounds) = Bounds::of(members, corrupt, dropouts) else { continue };
                let Bounds { corrupt, dropouts, quorum, threshold, .. } = bounds;
                assert!(
                    2 * quorum > members + corrupt,
                    "{bounds:?}: two survivors' sets could both find a quorum"
                );
                assert!(
                    threshold <= bounds.degree() && threshold > corrupt * bounds.degree() / members,
                    "{bounds:?}"
                );
                if bounds.reach.is_none() {
                    assert!(threshold > corrupt && threshold < members - dropouts, "{bounds:?}");
                }
            }
        }
    }

    #[test]
    fn whom_enough_are_left_around_has_neighbours_enough_to_rebuild_its_secrets() {
        let (mut whole, mut rings) = (0, 0);
        for members in (3..400).step_by(7).chain([700, 1500]) {
            for (corrupt, dropouts) in
                [(0, 0), (10, 10), (20, 200), (50, 50), (100, 100), (200, 300), (300, 50)]
            {
                let Ok(bounds) = Bounds::of(members, corrupt, dropouts) else { continue };
                // A neighbourhood is two stretches, one to either side; or all others.
                let left = if bounds.reach.is_some() { 2 * bounds.least } else { bounds.quorum - 1 };
                assert!(left >= bounds.threshold, "{bounds:?}");
                (whole, rings) = if bounds.reach.is_some() { (whole, rings + 1) } else { (whole + 1, rings) };
            }
        }
        assert!(whole > 20 && rings > 200, "{whole} and {rings}");
    }
}
