//! Who is whose neighbour: places on a ring in an order that the roster decides.

use crate::bounds::Bounds;
use crate::prg::Stream;

/// The members in their order around the ring.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Ring {
    /// The member at each place.
    order: Vec<u16>,
    /// The place of each member.
    places: Vec<u16>,
    reach: Option<usize>,
}

impl Ring {
    /// The ring that `seed` shuffles (Fisher and Yates, without bias).
    pub(crate) fn new(bounds: &Bounds, seed: &[u8; 32]) -> Self {
        let members = u16::try_from(bounds.members).expect("bounds have at most 16384 members");
        let mut order: Vec<u16> = (0..members).collect();
        let mut stream = Stream::new(seed);
        for last in (1..members).rev() {
            order.swap(usize::from(last), usize::from(below(&mut stream, last + 1)));
        }
        let mut places = vec![0; order.len()];
        for (place, &member) in (0..).zip(&order) {
            places[usize::from(member)] = place;
        }
        Self { order, places, reach: bounds.reach }
    }

    /// The neighbours of a member, in ascending order.
    pub(crate) fn neighbours(&self, member: u16) -> Vec<u16> {
        let members = self.order.len();
        let Some(reach) = self.reach else {
            return (0..).take(members).filter(|&other| other != member).collect();
        };
        let place = usize::from(self.places[usize::from(member)]);
        let mut found: Vec<u16> = (1..=reach)
            .flat_map(|step| [(place + step) % members, (place + members - step) % members])
            .map(|place| self.order[place])
            .collect();
        found.sort_unstable();
        found
    }

    /// How many of `survivors` stand in the thinnest `reach` places in a row; `None` where all are neighbours.
    pub(crate) fn thinnest(&self, survivors: impl IntoIterator<Item = u16>) -> Option<usize> {
        let reach = self.reach?;
        let mut there = vec![false; self.order.len()];
        for member in survivors {
            there[usize::from(self.places[usize::from(member)])] = true;
        }
        let mut count = there[..reach].iter().filter(|there| **there).count();
        let mut thinnest = count;
        for start in 0..there.len() {
            count += usize::from(there[(start + reach) % there.len()]);
            count -= usize::from(there[start]);
            thinnest = thinnest.min(count);
        }
        Some(thinnest)
    }
}

/// A uniform number below `bound`: what would favour the low numbers is drawn again.
fn below(stream: &mut Stream, bound: u16) -> u16 {
    let bound = u32::from(bound);
    let fair = u32::MAX - u32::MAX % bound;
    loop {
        let mut bytes = [0; 4];
        stream.fill(&mut bytes);
        let drawn = u32::from_le_bytes(bytes);
        if drawn < fair {
            return u16::try_from(drawn % bound).expect("it is below a u16");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ring(members: usize, reach: Option<usize>) -> Ring {
        let bounds =
            Bounds { members, corrupt: 1, dropouts: 1, quorum: members - 1, reach, least: 1, threshold: 2 };
        Ring::new(&bounds, &[3; 32])
    }

    #[test]
    fn neighbourhoods_are_mutual_and_of_one_size() {
        for (members, reach, degree) in [(50, Some(6), 12), (9, None, 8)] {
            let ring = ring(members, reach);
            for member in 0..members as u16 {
                let neighbours = ring.neighbours(member);
                assert_eq!(neighbours.len(), degree);
                assert!(neighbours.is_sorted_by(|left, right| left < right) && !neighbours.contains(&member));
                assert!(neighbours.iter().all(|&other| ring.neighbours(other).contains(&member)));
            }
        }
    }

    #[test]
    fn the_seed_decides_the_order() {
        let bounds = Bounds::of(1_000, 200, 300).expect("it stands");
        assert_ne!(Ring::new(&bounds, &[1; 32]), Ring::new(&bounds, &[2; 32]));
    }

    #[test]
    fn the_thinnest_stretch_is_found_around_the_end_too() {
        let ring = ring(10, Some(3));
        let all_but = |gone: &[usize]| {
            let gone: Vec<u16> = gone.iter().map(|&place| ring.order[place]).collect();
            ring.thinnest((0..10).filter(move |member| !gone.contains(member)))
        };
        assert_eq!(all_but(&[]), Some(3));
        assert_eq!(all_but(&[4]), Some(2));
        assert_eq!(all_but(&[9, 0]), Some(1));
        assert_eq!(all_but(&[8, 9, 0]), Some(0));
        assert_eq!(all_but(&[0, 3, 6]), Some(2));
    }
}
