//! The walk over a model that every aggregation shares: the model is cut into tiles, each tile is worked on by one
//! thread, and the results come out in order.
//!
//! So memory is O(threads × tile) for any model, and a result that depends on nothing outside its tile depends neither on
//! the number of threads nor on the size of the tiles.

use std::{fmt, sync::mpsc};

use crate::{ArrayReader, DType, Error, ModelSchema, Result};

/// Elements per tile where a tile is folded over all updates. Small enough for the accumulator to stay in the second-level
/// cache while all updates pass over it, large enough for the reads to be long.
pub const TILE_ELEMENTS: usize = 16 * 1024;

/// A piece of one array.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tile {
    /// The array's place in the schema.
    pub array: usize,
    pub dtype: DType,
    /// Where the tile begins within the array, in elements.
    pub start: usize,
    pub elements: usize,
}

impl Tile {
    pub fn bytes(&self) -> usize {
        self.elements * self.dtype.size()
    }

    /// Reads the tile's bytes of one model.
    pub fn read(
        &self,
        reader: &dyn ArrayReader,
        whose: fmt::Arguments<'_>,
        buffer: &mut Vec<u8>,
    ) -> Result<()> {
        buffer.resize(self.bytes(), 0);
        let offset = (self.start * self.dtype.size()) as u64;
        reader.read_at(self.array, offset, buffer).map_err(|error| {
            let what = format!("reading array {} of {whose} at byte {offset}", self.array);
            Error::internal(what).caused_by(error)
        })
    }
}

fn tiles(schema: &ModelSchema, longest: usize) -> impl Iterator<Item = Tile> {
    schema.arrays().iter().enumerate().flat_map(move |(array, spec)| {
        let dtype = spec.dtype;
        let elements =
            usize::try_from(schema.array_bytes(array)).expect("a schema's arrays fit memory") / dtype.size();
        (0..elements).step_by(longest).map(move |start| Tile {
            array,
            dtype,
            start,
            elements: longest.min(elements - start),
        })
    })
}

/// Works on every tile of at most `longest` elements and hands the pieces to `out` in order, on the caller's thread.
/// `worker` makes what one thread works with; a worker overwrites the piece that it is given.
///
/// # Errors
/// The first of a worker or of `out`, at once.
pub(crate) fn run<P: Default + Send, W: FnMut(Tile, &mut P) -> Result<()>>(
    schema: &ModelSchema,
    longest: usize,
    threads: usize,
    worker: impl Fn() -> W + Sync,
    mut out: impl FnMut(Tile, &P) -> Result<()>,
) -> Result<()> {
    if threads <= 1 {
        let (mut work, mut piece) = (worker(), P::default());
        return tiles(schema, longest).try_for_each(|tile| {
            work(tile, &mut piece)?;
            out(tile, &piece)
        });
    }
    let worker = &worker;
    std::thread::scope(|scope| {
        // Worker `i` of `n` does tiles i, i+n, i+2n, …: the collector knows where the next one comes from, and a worker
        // that runs ahead waits at its channel.
        let finished: Vec<_> = (0..threads)
            .map(|first| {
                let (sender, receiver) = mpsc::sync_channel::<Result<P>>(8);
                scope.spawn(move || {
                    let mut work = worker();
                    for tile in tiles(schema, longest).skip(first).step_by(threads) {
                        let mut piece = P::default();
                        let result = work(tile, &mut piece).map(|()| piece);
                        let failed = result.is_err();
                        if sender.send(result).is_err() || failed {
                            return;
                        }
                    }
                });
                receiver
            })
            .collect();
        for (place, tile) in tiles(schema, longest).enumerate() {
            let piece =
                finished[place % threads].recv().map_err(|_| Error::internal("a worker ended early"))?;
            out(tile, &piece?)?;
        }
        Ok(())
    })
}
