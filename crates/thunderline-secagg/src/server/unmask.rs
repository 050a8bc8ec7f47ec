//! Which masks are still on the sum, and taking them off.

use std::collections::BTreeMap;
use std::thread;

use zeroize::Zeroizing;

use crate::client::{commitment, pair_sign};
use crate::message::{Reveal, Survivors};
use crate::prg::{self, Sign};
use crate::roster::Roster;
use crate::{Refusal, keys, shamir};

/// A mask's key, and how it comes off.
pub(super) type Mask = (Zeroizing<[u8; 32]>, Sign);

/// The masks that are on the survivors' sum: each survivor's own, and those that a survivor put on with somebody who has
/// fallen away since.
pub(super) fn masks(
    roster: &Roster,
    sharers: &[u16],
    survivors: &Survivors,
    reveals: &BTreeMap<u16, Reveal>,
) -> Result<Vec<Mask>, Refusal> {
    let mut masks = Vec::new();
    for &about in sharers {
        let keys = &roster.members()[usize::from(about)];
        let neighbours = roster.neighbours(about);
        let shares = shares(&neighbours, about, reveals);
        if survivors.contains(about) {
            let bound = |seed: &[u8; 32]| commitment(roster.session().id(), seed) == keys.commitment;
            let seed = rebuild(roster, about, "own mask", &shares, bound)?;
            masks.push((keys::self_mask(roster.digest(), &seed), Sign::Minus));
            continue;
        }
        let secret =
            rebuild(roster, about, "mask key", &shares, |secret| keys::public(secret) == keys.mask_key)?;
        for &other in neighbours.iter().filter(|&&other| survivors.contains(other)) {
            let theirs = &roster.members()[usize::from(other)].mask_key;
            let key = keys::pair_mask(roster.digest(), &secret, theirs, (about, other))?;
            // What the survivor did is undone: that is what the one who is gone would have done.
            masks.push((key, pair_sign(about, other)));
        }
    }
    Ok(masks)
}

/// What was revealed about a member.
fn shares(neighbours: &[u16], about: u16, reveals: &BTreeMap<u16, Reveal>) -> Vec<(u16, [u8; 32])> {
    let share = |from: &u16| {
        let theirs = &reveals.get(from)?.shares;
        let found = theirs.binary_search_by_key(&about, |(about, _)| *about).ok()?;
        Some((*from, theirs[found].1))
    };
    neighbours.iter().filter_map(share).collect()
}

/// The secret that its owner is bound to. Shares that were tampered with are stepped over as long as enough others lie
/// side by side: with one to spare, one wrong share does no harm.
fn rebuild(
    roster: &Roster,
    member: u16,
    which: &'static str,
    shares: &[(u16, [u8; 32])],
    bound: impl Fn(&[u8; 32]) -> bool,
) -> Result<Zeroizing<[u8; 32]>, Refusal> {
    let (have, need) = (shares.len(), roster.bounds().threshold);
    if have < need {
        return Err(Refusal::TooFew { what: "shares of a secret", have, need });
    }
    let around: Vec<_> = shares.iter().chain(&shares[..need - 1]).copied().collect();
    around[..(have + need - 1)]
        .windows(need)
        .map(shamir::join)
        .find(|secret| bound(secret))
        .ok_or(Refusal::Secret { member, which })
}

/// Takes masks off a sum: each thread has a part of the masks and a sum of its own, and sums commute.
pub(super) fn take_off(sum: &mut [u32], masks: &[Mask], threads: usize) {
    let length = sum.len();
    let part = masks.len().div_ceil(threads.max(1)).max(1);
    let mut parts = masks.chunks(part);
    let first = parts.next().unwrap_or_default();
    thread::scope(|scope| {
        let others: Vec<_> = parts
            .map(|masks| {
                scope.spawn(move || {
                    let mut sum = vec![0; length];
                    masks.iter().for_each(|(key, sign)| prg::mask(&mut sum, key, *sign));
                    sum
                })
            })
            .collect();
        first.iter().for_each(|(key, sign)| prg::mask(sum, key, *sign));
        for other in others {
            let other = other.join().expect("adding masks does not panic");
            sum.iter_mut().zip(&other).for_each(|(sum, other)| *sum = sum.wrapping_add(*other));
        }
    });
}
