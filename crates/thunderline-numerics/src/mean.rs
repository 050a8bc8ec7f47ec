//! The weighted mean of model updates, the heart of federated averaging (McMahan et al. 2017, arXiv 1602.05629).
//!
//! The model is cut into tiles; a worker folds one tile over all updates and rounds it once. So memory is
//! O(threads × tile) for any number of clients and any size of model, and the result depends on the order of the updates
//! alone: not on the number of threads, not on the tile size, not on which update arrived first.

use crate::{
    ArrayReader, Error, ErrorKind, ModelSchema, Result, kernels,
    tiles::{self, TILE_ELEMENTS, Tile},
};

/// How many updates are folded at once.
const FOUR: usize = 4;

/// One update and what it counts.
#[derive(Clone, Copy)]
pub struct Weighted<'a> {
    /// The update's arrays.
    pub reader: &'a dyn ArrayReader,
    /// Finite and not negative; usually the number of examples it was trained on.
    pub weight: f64,
}

/// Writes Σ wᵢ·xᵢ / Σ wᵢ to `out`, array after array in schema order, in pieces of any length.
///
/// Sums are kept in `f64`, in the order of `updates`, and rounded once (half to even) to the array's own type. Integer and
/// boolean arrays keep their type, unlike in Flower, where they turn into floats: a batch counter stays a counter. 64-bit
/// integers beyond ±2^53 lose their last digits.
///
/// `threads` is at least 1; `out` is called on the caller's thread only. Values are taken as they are: see
/// [`finite`](crate::finite) for refusing infinities and NaNs when an update arrives.
///
/// # Errors
/// `invalid` where there is no update, a weight is negative or not finite, or their sum is not above zero; `internal`
/// where a reader fails; whatever `out` returns, at once.
pub fn weighted_mean(
    schema: &ModelSchema,
    updates: &[Weighted<'_>],
    threads: usize,
    out: &mut dyn FnMut(&[u8]) -> Result<()>,
) -> Result<()> {
    fold(
        schema,
        updates,
        threads,
        || {
            |tile: Tile, total, sums: &mut [f64], piece: &mut Vec<u8>| {
                piece.resize(tile.bytes(), 0);
                kernels::finish(tile.dtype, sums, total, piece);
                Ok(())
            }
        },
        |_, piece| out(piece),
    )
}

/// Folds each tile over all updates in their order, and lets `finish` make a piece of the result from the sums Σ wᵢ·xᵢ
/// and the total weight.
pub(crate) fn fold<P: Default + Send, F: FnMut(Tile, f64, &mut [f64], &mut P) -> Result<()>>(
    schema: &ModelSchema,
    updates: &[Weighted<'_>],
    threads: usize,
    finish: impl Fn() -> F + Sync,
    out: impl FnMut(Tile, &P) -> Result<()>,
) -> Result<()> {
    let total = total_weight(updates)?;
    let worker = || {
        let (mut sums, mut inputs, mut finish) = (Vec::new(), <[Vec<u8>; FOUR]>::default(), finish());
        move |tile: Tile, piece: &mut P| {
            sums.clear();
            sums.resize(tile.elements, 0.0);
            for (group, updates) in updates.chunks(FOUR).enumerate() {
                for ((place, update), input) in updates.iter().enumerate().zip(&mut inputs) {
                    let place = group * FOUR + place;
                    tile.read(update.reader, format_args!("update {place}"), input)?;
                }
                let mut read = updates.iter().zip(&inputs).map(|(update, input)| (&input[..], update.weight));
                if updates.len() == FOUR {
                    let four = std::array::from_fn(|_| read.next().expect("there are four"));
                    kernels::fold_four(tile.dtype, &mut sums, four);
                } else {
                    read.for_each(|(input, weight)| kernels::fold(tile.dtype, &mut sums, input, weight));
                }
            }
            finish(tile, total, &mut sums, piece)
        }
    };
    tiles::run(schema, TILE_ELEMENTS, threads, worker, out)
}

pub(crate) fn total_weight(updates: &[Weighted<'_>]) -> Result<f64> {
    if let Some((place, update)) =
        updates.iter().enumerate().find(|(_, update)| !update.weight.is_finite() || update.weight < 0.0)
    {
        let path = format!("updates[{place}].weight");
        return Err(Error::invalid_value(path, format!("{} is not a weight", update.weight), "0 or more"));
    }
    let total: f64 = updates.iter().map(|update| update.weight).sum();
    if !(total.is_finite() && total > 0.0) {
        let reason = format!("the weights of {} updates add up to {total}", updates.len());
        return Err(Error::new(ErrorKind::Invalid, reason));
    }
    Ok(total)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ArraySpec, DType, MemoryArrays};

    fn mean(schema: &ModelSchema, models: &[(f64, Vec<u8>)], threads: usize) -> Result<Vec<u8>> {
        let readers: Vec<_> = models
            .iter()
            .map(|(_, bytes)| MemoryArrays::new(schema.clone(), bytes.clone()).unwrap())
            .collect();
        let updates: Vec<_> =
            readers.iter().zip(models).map(|(reader, &(weight, _))| Weighted { reader, weight }).collect();
        let mut out = Vec::new();
        weighted_mean(schema, &updates, threads, &mut |piece| {
            out.extend_from_slice(piece);
            Ok(())
        })?;
        Ok(out)
    }

    fn one(dtype: DType, shape: &[usize]) -> ModelSchema {
        ModelSchema::new(vec![ArraySpec::new("w", dtype, shape)]).unwrap()
    }

    #[test]
    fn the_mean_of_one_model_is_that_model_in_every_type() {
        for dtype in DType::ALL {
            let bytes: Vec<u8> = match dtype {
                DType::Bool => vec![0, 1, 1],
                DType::F16 | DType::BF16 => vec![0x01, 0x3C, 0x12, 0xB4, 0x00, 0x00],
                _ => (1..=3 * dtype.size()).map(|byte| byte as u8 & 0x3F).collect(),
            };
            // 64-bit integers are exact up to 2^53 only.
            let bytes = if matches!(dtype, DType::I64 | DType::U64) {
                [7u64, 1 << 53, 0].iter().flat_map(|value| value.to_le_bytes()).collect()
            } else {
                bytes
            };
            let schema = one(dtype, &[3]);
            assert_eq!(mean(&schema, &[(4.0, bytes.clone())], 1).unwrap(), bytes, "{dtype}");
        }
    }

    #[test]
    fn integers_keep_their_type_and_round_half_to_even() {
        let bytes =
            |values: [i32; 3]| values.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<_>>();
        let schema = one(DType::I32, &[3]);
        let models = [(1.0, bytes([1, 2, -3])), (1.0, bytes([2, 3, -4]))];
        assert_eq!(mean(&schema, &models, 1).unwrap(), bytes([2, 2, -4]));
        let flags = [(1.0, vec![1, 1, 0]), (2.0, vec![1, 0, 1])];
        assert_eq!(mean(&one(DType::Bool, &[3]), &flags, 1).unwrap(), [1, 0, 1]);
    }

    #[test]
    fn weights_that_cannot_be_are_refused() {
        let schema = one(DType::F32, &[1]);
        let model = vec![0; 4];
        for weights in
            [&[][..], &[0.0, 0.0], &[f64::NAN], &[1.0, -0.5], &[f64::INFINITY], &[f64::MAX, f64::MAX]]
        {
            let models: Vec<_> = weights.iter().map(|&weight| (weight, model.clone())).collect();
            assert_eq!(mean(&schema, &models, 1).unwrap_err().code(), "invalid", "{weights:?}");
        }
    }

    #[test]
    fn threads_change_nothing_and_the_order_of_arrays_is_kept() {
        let schema = ModelSchema::new(vec![
            ArraySpec::new("10", DType::F32, &[3, TILE_ELEMENTS]),
            ArraySpec::new("empty", DType::F64, &[0]),
            ArraySpec::new("9", DType::U8, &[TILE_ELEMENTS + 1]),
            ArraySpec::new("scalar", DType::F64, &[]),
        ])
        .unwrap();
        let model = |seed: u32| -> Vec<u8> {
            let elements = 3 * TILE_ELEMENTS as u32;
            let floats = (0..elements).flat_map(|i| ((i * 31 + seed) as f32 / 7.0).to_le_bytes());
            let small = (0..=TILE_ELEMENTS as u32).map(|i| (i * seed) as u8);
            floats.chain(small).chain(f64::from(seed).to_le_bytes()).collect()
        };
        let models = [(2.0, model(1)), (5.5, model(2)), (0.25, model(3))];
        let single = mean(&schema, &models, 1).unwrap();
        for threads in [2, 3, 8] {
            assert!(single == mean(&schema, &models, threads).unwrap(), "{threads} threads");
        }
        let scalar = f64::from_le_bytes(single[single.len() - 8..].try_into().unwrap());
        assert_eq!(scalar, (2.0 + 11.0 + 0.75) / 7.75);
    }

    #[test]
    fn a_reader_or_a_receiver_that_fails_ends_the_work() {
        struct Broken;
        impl ArrayReader for Broken {
            fn read_at(&self, _: usize, _: u64, _: &mut [u8]) -> std::io::Result<()> {
                Err(std::io::Error::other("gone"))
            }
        }
        let schema = one(DType::F32, &[10 * TILE_ELEMENTS]);
        let broken = [Weighted { reader: &Broken, weight: 1.0 }];
        let sound = MemoryArrays::new(schema.clone(), vec![0; 40 * TILE_ELEMENTS]).unwrap();
        let sound = [Weighted { reader: &sound, weight: 1.0 }];
        for threads in [1, 3] {
            let error = weighted_mean(&schema, &broken, threads, &mut |_| Ok(())).unwrap_err();
            assert!(
                error.chain().contains("update 0 at byte") && error.chain().contains("gone"),
                "{}",
                error.chain()
            );
            let mut calls = 0;
            let refuse = &mut |_: &[u8]| {
                calls += 1;
                Err(Error::unavailable("disk full"))
            };
            assert_eq!(weighted_mean(&schema, &sound, threads, refuse).unwrap_err().code(), "unavailable");
            assert_eq!(calls, 1);
        }
    }
}
