//! Distances between updates, over the floating-point arrays: counters and masks say nothing about how far a client went.
//!
//! Everything is computed from differences in `f64`. Flower expands ‖a − b‖² to ‖a‖² + ‖b‖² − 2ab in the arrays' own type,
//! which for nearby `f32` models leaves little but rounding errors.

use crate::{
    ArrayReader, Error, ErrorKind, ModelSchema, Result, TILE_ELEMENTS, kernels, state,
    strategy::Round,
    tiles::{self, Tile},
};

/// The most that one thread holds of the clients' values while it compares them pairwise, as long as one block of each fits.
pub const PAIRWISE_BYTES: usize = 4 << 20;

/// Elements that are compared while they are in the cache.
const BLOCK: usize = 256;

/// Squared distances between all pairs.
#[derive(Clone, Debug, PartialEq)]
pub struct Distances {
    clients: usize,
    /// Row after row of the upper triangle without its diagonal.
    squared: Vec<f64>,
}

impl Distances {
    /// How many clients.
    #[must_use]
    pub fn clients(&self) -> usize {
        self.clients
    }

    /// The squared distance between two clients; 0 from a client to itself.
    #[must_use]
    pub fn squared(&self, one: usize, other: usize) -> f64 {
        match one.cmp(&other) {
            std::cmp::Ordering::Equal => 0.0,
            std::cmp::Ordering::Less => self.squared[self.place(one, other)],
            std::cmp::Ordering::Greater => self.squared[self.place(other, one)],
        }
    }

    fn place(&self, upper: usize, lower: usize) -> usize {
        upper * (2 * self.clients - upper - 1) / 2 + lower - upper - 1
    }
}

/// The squared Euclidean distances between all pairs of updates. The same bits for every number of threads; an exchange of
/// two updates exchanges their distances and changes no bit. O(clients² × elements) arithmetic, one pass over the updates,
/// [`PAIRWISE_BYTES`] for each thread.
///
/// # Errors
/// `invalid` where there is no update; `internal` where a reader fails.
pub fn pairwise(schema: &ModelSchema, updates: &[&dyn ArrayReader], threads: usize) -> Result<Distances> {
    let clients = updates.len();
    if clients == 0 {
        return Err(Error::new(ErrorKind::Invalid, "there is no update to aggregate"));
    }
    let pairs = clients * (clients - 1) / 2;
    let longest = (PAIRWISE_BYTES / 8 / clients / BLOCK * BLOCK).clamp(BLOCK, TILE_ELEMENTS);
    let mut squared = vec![0.0; pairs];
    let worker = || {
        let (mut input, mut gathered) = (Vec::new(), Vec::new());
        let mut rows = vec![Vec::with_capacity(BLOCK); clients];
        move |tile: Tile, sums: &mut Vec<f64>| {
            sums.clear();
            if !tile.dtype.is_float() {
                return Ok(());
            }
            sums.resize(pairs, 0.0);
            gathered.clear();
            for (place, update) in updates.iter().enumerate() {
                tile.read(*update, format_args!("update {place}"), &mut input)?;
                gathered.extend_from_slice(&input);
            }
            let block = BLOCK * tile.dtype.size();
            for start in (0..tile.bytes()).step_by(block) {
                let end = tile.bytes().min(start + block);
                for (row, bytes) in rows.iter_mut().zip(gathered.chunks_exact(tile.bytes())) {
                    kernels::widen(tile.dtype, &bytes[start..end], row);
                }
                add_pairs(&rows, sums);
            }
            Ok(())
        }
    };
    tiles::run(schema, longest, threads, worker, |_, sums: &Vec<f64>| {
        squared.iter_mut().zip(sums).for_each(|(total, sum)| *total += sum);
        Ok(())
    })?;
    Ok(Distances { clients, squared })
}

fn add_pairs(rows: &[Vec<f64>], sums: &mut [f64]) {
    let mut sums = sums.iter_mut();
    for (place, one) in rows.iter().enumerate() {
        for (other, sum) in rows[place + 1..].iter().zip(sums.by_ref()) {
            *sum += kernels::squared_distance(one, other);
        }
    }
}

/// A point beside the model: x + Σ fᵢ·(xᵢ − x) + s·state.
#[derive(Clone, Copy)]
pub(crate) struct Centre<'a> {
    /// One for each update; all 0 for the model itself.
    pub factors: &'a [f64],
    /// The factor of the state; 0 where there is none.
    pub state: f64,
}

/// The Euclidean distance from each update to the centre. Two passes over the updates, one where the centre is the model;
/// O(threads × tile) memory.
pub(crate) fn from_centre(round: &Round<'_>, centre: Centre<'_>) -> Result<Vec<f64>> {
    let places = state::places(round.schema, centre.state != 0.0, 0);
    let places = &places;
    let worker = || {
        let (mut input, mut x, mut values, mut sums) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        move |tile: Tile, squared: &mut Vec<f64>| {
            squared.clear();
            if !tile.dtype.is_float() {
                return Ok(());
            }
            tile.read(round.model, format_args!("the model"), &mut input)?;
            kernels::widen(tile.dtype, &input, &mut x);
            state::load(tile, places[tile.array], round.state, &mut input, &mut sums)?;
            sums.iter_mut().for_each(|sum| *sum *= centre.state);
            for (place, (update, &factor)) in round.updates.iter().zip(centre.factors).enumerate() {
                if factor != 0.0 {
                    tile.read(update.reader, format_args!("update {place}"), &mut input)?;
                    kernels::widen(tile.dtype, &input, &mut values);
                    kernels::add_differences(&mut sums, &values, &x, factor);
                }
            }
            x.iter_mut().zip(&sums).for_each(|(x, sum)| *x += sum);
            for (place, update) in round.updates.iter().enumerate() {
                tile.read(update.reader, format_args!("update {place}"), &mut input)?;
                kernels::widen(tile.dtype, &input, &mut values);
                squared.push(kernels::squared_distance(&values, &x));
            }
            Ok(())
        }
    };
    let mut squared = vec![0.0; round.updates.len()];
    tiles::run(round.schema, TILE_ELEMENTS, round.threads, worker, |_, sums: &Vec<f64>| {
        squared.iter_mut().zip(sums).for_each(|(total, sum)| *total += sum);
        Ok(())
    })?;
    Ok(squared.into_iter().map(f64::sqrt).collect())
}
