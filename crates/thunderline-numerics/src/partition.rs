//! Splits a labelled data set into shards, as sites of a federation would hold it.

use crate::{Error, Result, random::Rng};

/// Splits into `shards` shards whose label mixtures differ: the smaller `concentration`, the more. 0.1 gives most labels
/// to a few shards, 100 is nearly even.
///
/// The concentration is that of Hsu et al. 2019 (arXiv 1909.06335). They draw a mixture of labels for every client and
/// keep clients equally large; here the shares of the clients are drawn for every label (Yurochkin et al. 2019, arXiv
/// 1905.12022), so that sizes differ too, as they do between sites. Shards below `minimum` are then filled up with random
/// examples of the largest ones. Every example is in exactly one shard; shards list their examples in ascending order.
///
/// # Errors
/// `invalid` where the concentration is not above 0, there is no shard, or `shards × minimum` examples do not exist.
pub fn dirichlet(
    labels: &[u32],
    shards: usize,
    concentration: f64,
    minimum: usize,
    rng: &mut Rng,
) -> Result<Vec<Vec<usize>>> {
    check(labels.len(), shards, minimum)?;
    if !(concentration.is_finite() && concentration > 0.0) {
        let reason = format!("{concentration} is no concentration");
        return Err(Error::invalid_value("concentration", reason, "a number above 0"));
    }
    let mut result = vec![Vec::new(); shards];
    for examples in by_label(labels) {
        let mut examples = examples;
        rng.shuffle(&mut examples);
        let shares = rng.dirichlet(concentration, shards);
        let (mut start, mut sum) = (0, 0.0);
        for (shard, share) in result.iter_mut().zip(shares) {
            sum += share;
            let end = ((sum * examples.len() as f64).round() as usize).clamp(start, examples.len());
            shard.extend_from_slice(&examples[start..end]);
            start = end;
        }
        // What rounding left over.
        result[shards - 1].extend_from_slice(&examples[start..]);
    }
    fill_up(&mut result, minimum, rng);
    result.iter_mut().for_each(|shard| shard.sort_unstable());
    Ok(result)
}

/// Splits at random into `shards` shards of equal size (within one).
///
/// # Errors
/// `invalid` where there is no shard or there are fewer examples than shards.
pub fn iid(examples: usize, shards: usize, rng: &mut Rng) -> Result<Vec<Vec<usize>>> {
    check(examples, shards, 1)?;
    let mut places: Vec<usize> = (0..examples).collect();
    rng.shuffle(&mut places);
    let mut result = vec![Vec::with_capacity(examples / shards + 1); shards];
    for (turn, place) in places.into_iter().enumerate() {
        result[turn % shards].push(place);
    }
    result.iter_mut().for_each(|shard| shard.sort_unstable());
    Ok(result)
}

/// The places of every label, by ascending label; labels that do not occur have none.
pub(crate) fn by_label(labels: &[u32]) -> Vec<Vec<usize>> {
    let classes = labels.iter().max().map_or(0, |&largest| largest as usize + 1);
    let mut result = vec![Vec::new(); classes];
    for (place, &label) in labels.iter().enumerate() {
        result[label as usize].push(place);
    }
    result
}

fn check(examples: usize, shards: usize, minimum: usize) -> Result<()> {
    if shards == 0 {
        return Err(Error::invalid_value("shards", "no shard at all", "1 or more"));
    }
    match shards.checked_mul(minimum) {
        Some(needed) if needed <= examples => Ok(()),
        _ => Err(Error::invalid_value(
            "minimum",
            format!("{shards} shards of at least {minimum} need more than {examples} examples"),
            format!("at most {}", examples / shards),
        )),
    }
}

fn fill_up(shards: &mut [Vec<usize>], minimum: usize, rng: &mut Rng) {
    while let Some(small) = shards.iter().position(|shard| shard.len() < minimum) {
        // Enough examples exist, so while one shard is below the minimum, the largest is above it.
        let largest =
            (0..shards.len()).rev().max_by_key(|&place| shards[place].len()).expect("there are shards");
        let place = rng.place(shards[largest].len());
        let moved = shards[largest].swap_remove(place);
        shards[small].push(moved);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::random::Rng;

    proptest! {
        #[test]
        fn every_example_is_in_exactly_one_shard(
            labels in proptest::collection::vec(0u32..7, 20..200),
            shards in 1usize..10,
            concentration in 0.01f64..100.0,
            minimum in 0usize..3,
            seed: u64,
        ) {
            let mut rng = Rng::derive(seed, &[]);
            let split = dirichlet(&labels, shards, concentration, minimum, &mut rng).unwrap();
            let even = iid(labels.len(), shards, &mut rng).unwrap();
            prop_assert!(split.iter().all(|shard| shard.len() >= minimum));
            prop_assert!(even.iter().all(|shard| shard.len().abs_diff(labels.len() / shards) <= 1));
            for result in [split, even] {
                prop_assert_eq!(result.len(), shards);
                let mut all = result.concat();
                all.sort_unstable();
                prop_assert_eq!(all, (0..labels.len()).collect::<Vec<_>>());
            }
        }
    }

    #[test]
    fn a_small_concentration_skews_the_labels() {
        let labels: Vec<u32> = (0..5000).map(|place| place % 10).collect();
        let largest_share = |concentration| {
            let mut rng = Rng::derive(3, &["skew"]);
            let shards = dirichlet(&labels, 10, concentration, 1, &mut rng).unwrap();
            let shares = shards.iter().map(|shard| {
                let held: Vec<u32> = shard.iter().map(|&place| labels[place]).collect();
                let most = by_label(&held).iter().map(Vec::len).max().unwrap_or(0);
                most as f64 / held.len() as f64
            });
            shares.sum::<f64>() / 10.0
        };
        assert!(largest_share(0.1) > 0.4, "{}", largest_share(0.1));
        assert!(largest_share(1000.0) < 0.15, "{}", largest_share(1000.0));
    }

    #[test]
    fn what_cannot_be_split_is_refused() {
        let mut rng = Rng::derive(1, &[]);
        assert!(dirichlet(&[0, 1, 1], 2, 0.5, 2, &mut rng).is_err());
        assert!(dirichlet(&[0, 1, 1], 0, 0.5, 0, &mut rng).is_err());
        assert!(dirichlet(&[0, 1, 1], 2, 0.0, 0, &mut rng).is_err());
        assert!(iid(3, 4, &mut rng).is_err());
    }
}
