//! Sorting many short columns at once.
//!
//! A sorting network does the same comparisons whatever the values are, so a whole row of columns goes through each of
//! them with two vector instructions: Batcher's merge exchange (Knuth, The Art of Computer Programming, volume 3, algorithm
//! 5.2.2M), for any number of rows.

use std::ops::Range;

use crate::kernels::wide;

/// Columns that are sorted together: a row of them fills whole vector registers on every machine.
pub(crate) const LANES: usize = 32;

/// Longer columns are sorted one by one: a network grows with n·log²n.
const MOST_ROWS: usize = 256;

/// Sorts columns of a fixed height, as far as some ranks need it.
pub(crate) struct Sorter {
    rows: usize,
    ranks: Range<usize>,
    /// Which row is compared with which later one, in turn.
    network: Vec<(usize, usize)>,
    column: Vec<f64>,
}

impl Sorter {
    /// For columns of this height, of which these ranks (0 is the smallest value) will be asked for.
    pub fn new(rows: usize, ranks: Range<usize>) -> Self {
        let network = if rows <= MOST_ROWS { pruned(merge_exchange(rows), rows, &ranks) } else { Vec::new() };
        Self { rows, ranks, network, column: Vec::new() }
    }

    /// The mean of the values at the ranks, for every column. Summed in ascending order, so the order of the rows changes
    /// nothing. The values are finite and the zeros not negative; the rows are left in any order.
    pub fn means(&mut self, rows: &mut [[f64; LANES]]) -> [f64; LANES] {
        self.sort(rows);
        let mut means = [0.0; LANES];
        for row in &rows[self.ranks.clone()] {
            means.iter_mut().zip(row).for_each(|(mean, value)| *mean += value);
        }
        means.map(|sum| sum / self.ranks.len() as f64)
    }

    /// Sorts every column, as far as the ranks need it.
    pub fn sort(&mut self, rows: &mut [[f64; LANES]]) {
        assert_eq!(rows.len(), self.rows, "a sorter is for columns of one height");
        if self.rows <= MOST_ROWS {
            wide::run(
                #[inline(always)]
                || {
                    for &(upper, lower) in &self.network {
                        let (left, right) = rows.split_at_mut(lower);
                        exchange(&mut left[upper], &mut right[0]);
                    }
                },
            );
            return;
        }
        for lane in 0..LANES {
            self.column.clear();
            self.column.extend(rows.iter().map(|row| row[lane]));
            self.column.sort_unstable_by(f64::total_cmp);
            rows.iter_mut().zip(&self.column).for_each(|(row, &value)| row[lane] = value);
        }
    }
}

/// The smaller values go up, the larger ones down.
#[inline(always)]
fn exchange(upper: &mut [f64; LANES], lower: &mut [f64; LANES]) {
    for (upper, lower) in upper.iter_mut().zip(lower) {
        let (one, other) = (*upper, *lower);
        // Both conditions the same way round: each becomes one instruction, and no value is lost.
        *upper = if other < one { other } else { one };
        *lower = if other < one { one } else { other };
    }
}

fn merge_exchange(rows: usize) -> Vec<(usize, usize)> {
    let mut network = Vec::new();
    if rows < 2 {
        return network;
    }
    let top = rows.next_power_of_two() / 2;
    let mut p = top;
    while p > 0 {
        let (mut q, mut r, mut distance) = (top, 0, p);
        loop {
            network.extend((0..rows - distance).filter(|row| row & p == r).map(|row| (row, row + distance)));
            if q == p {
                break;
            }
            (distance, q, r) = (q - p, q / 2, p);
        }
        p /= 2;
    }
    network
}

/// Without the comparisons that no wanted rank depends on.
fn pruned(network: Vec<(usize, usize)>, rows: usize, ranks: &Range<usize>) -> Vec<(usize, usize)> {
    let mut needed: Vec<bool> = (0..rows).map(|row| ranks.contains(&row)).collect();
    let mut kept: Vec<_> = network
        .into_iter()
        .rev()
        .filter(|&(upper, lower)| {
            let matters = needed[upper] || needed[lower];
            if matters {
                (needed[upper], needed[lower]) = (true, true);
            }
            matters
        })
        .collect();
    kept.reverse();
    kept
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Rng;

    #[test]
    fn a_network_sorts_every_column_of_zeros_and_ones() {
        // By the 0-1 principle (Knuth, 5.3.4, theorem Z) it then sorts everything.
        for rows in 1..=12 {
            let network = merge_exchange(rows);
            for bits in 0..1u32 << rows {
                let mut column: Vec<_> = (0..rows).map(|row| bits >> row & 1).collect();
                for &(upper, lower) in &network {
                    if column[lower] < column[upper] {
                        column.swap(upper, lower);
                    }
                }
                assert!(column.is_sorted(), "{rows} rows, {bits:b}: {column:?}");
            }
        }
    }

    #[test]
    fn every_height_gives_the_mean_of_the_ranks_of_a_sorted_column() {
        let mut rng = Rng::derive(1, &["sorting"]);
        for rows in (1..=70).chain([MOST_ROWS - 1, MOST_ROWS, MOST_ROWS + 1, 700]) {
            let ranges =
                [(rows - 1) / 2..rows / 2 + 1, rows / 5..rows - rows / 5, 0..rows, 0..1, rows - 1..rows];
            for ranks in ranges {
                let mut values: Vec<[f64; LANES]> =
                    (0..rows).map(|_| std::array::from_fn(|_| rng.below(50) as f64 - 20.0)).collect();
                let wanted: [f64; LANES] = std::array::from_fn(|lane| {
                    let mut column: Vec<_> = values.iter().map(|row| row[lane]).collect();
                    column.sort_unstable_by(f64::total_cmp);
                    column[ranks.clone()].iter().sum::<f64>() / ranks.len() as f64
                });
                assert_eq!(Sorter::new(rows, ranks.clone()).means(&mut values), wanted, "{rows} {ranks:?}");
            }
        }
    }
}
