//! Steps along differences from the model: x + Σ fᵢ·(xᵢ − x) and what strategies make of it. Where an update says that its client
//! began from an older model, the difference is from that one.
//!
//! The sums are of differences and not of values, so that a factor far from 1/n loses nothing where client and model agree.
//! All in `f64`, in the order of the updates, rounded once. Integers and booleans are counters and masks: they take the
//! weighted mean.

use crate::{
    Result, kernels, mean,
    state::{self, Pieces},
    strategy::{Out, Round},
    tiles::{self, TILE_ELEMENTS, Tile},
};

/// What a step sees of one tile. `sum` becomes the next model and `kept` the next state.
pub(crate) struct Elements<'a> {
    /// The model.
    pub x: &'a [f64],
    /// Σ fᵢ·(xᵢ − x).
    pub sum: &'a mut [f64],
    /// Σ gᵢ·(xᵢ − x); empty without such factors.
    pub other: &'a [f64],
    /// The state, zeros at first; empty where nothing is kept.
    pub kept: &'a mut [f64],
}

/// The factors of the sums, one for each update.
#[derive(Clone, Copy)]
pub(crate) struct Factors<'a> {
    pub sum: &'a [f64],
    pub other: Option<&'a [f64]>,
}

/// Sums the differences of each tile, lets `step` make the next model of it, and writes the results.
pub(crate) fn step(
    round: &Round<'_>,
    factors: Factors<'_>,
    keeps: bool,
    step: impl Fn(Elements<'_>) + Sync,
    out: Out<'_>,
) -> Result<()> {
    let total = mean::total_weight(&round.weighted())?;
    let places = state::places(round.schema, keeps, 0);
    let (places, step) = (&places, &step);
    let worker = || {
        let mut buffers = Buffers::default();
        move |tile: Tile, pieces: &mut Pieces| {
            pieces.model.resize(tile.bytes(), 0);
            pieces.first.clear();
            if !tile.dtype.is_float() {
                return buffers.mean(round, total, tile, pieces);
            }
            buffers.differences(round, factors, tile)?;
            let place = places[tile.array];
            let Buffers { input, x, sum, other, kept, .. } = &mut buffers;
            state::load(tile, place, round.state, input, kept)?;
            if !keeps {
                kept.clear();
            }
            step(Elements { x, sum, other, kept });
            state::store(tile, place, kept, &mut pieces.first);
            kernels::finish(tile.dtype, sum, 1.0, &mut pieces.model);
            Ok(())
        }
    };
    tiles::run(round.schema, TILE_ELEMENTS, round.threads, worker, |tile, pieces| {
        pieces.emit(round.schema, tile, out)
    })
}

/// Writes x + Σ fᵢ·(xᵢ − x).
pub(crate) fn move_by(round: &Round<'_>, factors: &[f64], out: Out<'_>) -> Result<()> {
    let add = |it: Elements<'_>| it.sum.iter_mut().zip(it.x).for_each(|(sum, x)| *sum += x);
    step(round, Factors { sum: factors, other: None }, false, add, out)
}

#[derive(Default)]
struct Buffers {
    input: Vec<u8>,
    x: Vec<f64>,
    earlier: Vec<f64>,
    values: Vec<f64>,
    sum: Vec<f64>,
    other: Vec<f64>,
    kept: Vec<f64>,
}

impl Buffers {
    fn differences(&mut self, round: &Round<'_>, factors: Factors<'_>, tile: Tile) -> Result<()> {
        let Self { input, x, earlier, values, sum, other, .. } = self;
        tile.read(round.model, format_args!("the model"), input)?;
        kernels::widen(tile.dtype, input, x);
        sum.clear();
        sum.resize(tile.elements, 0.0);
        other.clear();
        other.resize(if factors.other.is_some() { tile.elements } else { 0 }, 0.0);
        for (place, update) in round.updates.iter().enumerate() {
            let (factor, second) = (factors.sum[place], factors.other.map_or(0.0, |other| other[place]));
            if factor == 0.0 && second == 0.0 {
                continue;
            }
            tile.read(update.reader, format_args!("update {place}"), input)?;
            kernels::widen(tile.dtype, input, values);
            let from = match update.began {
                None => &*x,
                Some(began) => {
                    tile.read(began.model, format_args!("what update {place} began from"), input)?;
                    kernels::widen(tile.dtype, input, earlier);
                    &*earlier
                }
            };
            kernels::add_differences(sum, values, from, factor);
            kernels::add_differences(other, values, from, second);
        }
        Ok(())
    }

    fn mean(&mut self, round: &Round<'_>, total: f64, tile: Tile, pieces: &mut Pieces) -> Result<()> {
        self.sum.clear();
        self.sum.resize(tile.elements, 0.0);
        for (place, update) in round.updates.iter().enumerate() {
            tile.read(update.reader, format_args!("update {place}"), &mut self.input)?;
            kernels::fold(tile.dtype, &mut self.sum, &self.input, update.weight);
        }
        kernels::finish(tile.dtype, &self.sum, total, &mut pieces.model);
        Ok(())
    }
}
