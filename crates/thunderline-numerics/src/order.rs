//! Robust aggregation by order statistics, coordinate by coordinate: the median and the trimmed mean (Yin et al. 2018, arXiv
//! 1803.01498), and the mean of the values nearest the median (El Mhamdi et al. 2018, arXiv 1802.07927). A minority of clients can say what it likes without moving a coordinate beyond what honest ones said.
//!
//! Both are unweighted, as in the paper and in Flower: a weight that a client reports about itself would give the minority
//! its say back. Memory is bounded whatever the number of clients, by making tiles shorter: [`GATHER_BYTES`] for all threads
//! together. Integer and boolean arrays keep their type (half to even), unlike in Flower.

use std::ops::Range;

use crate::{
    ArrayReader, Error, ErrorKind, ModelSchema, Result, TILE_ELEMENTS, kernels,
    sorting::{LANES, Sorter},
    tiles::{self, Tile},
};

/// The most that all threads together hold of the clients' values, as long as one element of each client fits.
pub const GATHER_BYTES: usize = 16 << 20;

/// Which of a coordinate's values count, once they are sorted; their mean is the result.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum OrderStatistic {
    /// The middle value, or the mean of both.
    Median,
    /// All but the ⌊β·n⌋ smallest and as many of the largest.
    TrimmedMean {
        /// β in [0, 0.5).
        beta: f64,
    },
    /// Those nearest the median; of two that are equally far, the smaller.
    NearMedian {
        /// How many, from 1 to as many as there are.
        count: usize,
    },
}

impl OrderStatistic {
    /// The ranks that count among this many values.
    fn ranks(&self, clients: usize) -> Range<usize> {
        match self {
            Self::Median => (clients - 1) / 2..clients / 2 + 1,
            Self::TrimmedMean { beta } => {
                let cut = (beta * clients as f64) as usize;
                cut..clients - cut
            }
            Self::NearMedian { .. } => 0..clients,
        }
    }
}

/// Writes the statistic of the updates to `out`, array after array in schema order, in pieces of any length. The result does
/// not depend on the order of the updates. `threads` is at least 1; `out` is called on the caller's thread only. A negative
/// zero counts as zero.
///
/// # Errors
/// `invalid` where there is no update or β is not in its range; `internal` where a reader fails; whatever `out` returns, at
/// once.
pub fn order_statistic(
    schema: &ModelSchema,
    updates: &[&dyn ArrayReader],
    statistic: OrderStatistic,
    threads: usize,
    out: &mut dyn FnMut(&[u8]) -> Result<()>,
) -> Result<()> {
    if updates.is_empty() {
        return Err(Error::new(ErrorKind::Invalid, "there is no update to aggregate"));
    }
    if let OrderStatistic::TrimmedMean { beta } = statistic
        && !(0.0..0.5).contains(&beta)
    {
        return Err(Error::invalid_value(
            "beta",
            format!("{beta} is out of range"),
            "0 or more and below 0.5",
        ));
    }
    let near = match statistic {
        OrderStatistic::NearMedian { count } if (1..=updates.len()).contains(&count) => Some(count),
        OrderStatistic::NearMedian { count } => {
            let allowed = format!("1 to {}", updates.len());
            return Err(Error::invalid_value("count", format!("{count} is out of range"), allowed));
        }
        _ => None,
    };
    let worker = || {
        let mut gather = Gather {
            updates,
            near,
            sorter: Sorter::new(updates.len(), statistic.ranks(updates.len())),
            values: Vec::new(),
            input: Vec::new(),
            rows: vec![[0.0; LANES]; updates.len()],
            results: Vec::new(),
        };
        move |tile: Tile, piece: &mut Vec<u8>| gather.run(tile, piece)
    };
    let longest = longest_tile(updates.len(), threads);
    tiles::run(schema, longest, threads, worker, |_, piece| out(piece))
}

/// Elements of a tile such that all threads together hold [`GATHER_BYTES`] at most.
fn longest_tile(clients: usize, threads: usize) -> usize {
    (GATHER_BYTES / size_of::<f64>() / threads.max(1) / clients).clamp(1, TILE_ELEMENTS)
}

/// What one thread needs.
struct Gather<'a> {
    updates: &'a [&'a dyn ArrayReader],
    /// How many values nearest the median count; none where it is those of the sorter's ranks.
    near: Option<usize>,
    sorter: Sorter,
    /// The tile's bytes of every update, one after another.
    values: Vec<u8>,
    input: Vec<u8>,
    rows: Vec<[f64; LANES]>,
    results: Vec<f64>,
}

impl Gather<'_> {
    fn run(&mut self, tile: Tile, piece: &mut Vec<u8>) -> Result<()> {
        self.values.clear();
        for (place, update) in self.updates.iter().enumerate() {
            tile.read(*update, format_args!("update {place}"), &mut self.input)?;
            self.values.extend_from_slice(&self.input);
        }
        self.results.clear();
        let size = tile.dtype.size();
        for start in (0..tile.elements).step_by(LANES) {
            let count = LANES.min(tile.elements - start);
            for (row, values) in self.rows.iter_mut().zip(self.values.chunks_exact(tile.bytes())) {
                *row = [0.0; LANES];
                kernels::fold(tile.dtype, row, &values[start * size..][..count * size], 1.0);
            }
            let results = match self.near {
                None => self.sorter.means(&mut self.rows),
                Some(near) => {
                    self.sorter.sort(&mut self.rows);
                    std::array::from_fn(|lane| near_median(&self.rows, lane, near))
                }
            };
            self.results.extend_from_slice(&results[..count]);
        }
        piece.resize(tile.bytes(), 0);
        kernels::finish(tile.dtype, &self.results, 1.0, piece);
        Ok(())
    }
}

/// The mean of a sorted column's values nearest its median.
fn near_median(rows: &[[f64; LANES]], lane: usize, count: usize) -> f64 {
    let median = f64::midpoint(rows[(rows.len() - 1) / 2][lane], rows[rows.len() / 2][lane]);
    let (mut first, mut last) = (0, rows.len() - 1);
    while last - first + 1 > count {
        if median - rows[first][lane] > rows[last][lane] - median {
            first += 1;
        } else {
            last -= 1;
        }
    }
    rows[first..=last].iter().map(|row| row[lane]).sum::<f64>() / count as f64
}

#[cfg(test)]
mod tests;
