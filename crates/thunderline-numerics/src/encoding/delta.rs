//! Differences between arrays, and arrays plus differences, for every type of floats.

use std::io::Read;

use super::{Encoding, decode};
use crate::{ArrayReader, ArraySpec, DType, Error, Result, kernels, malformed};

/// `trained − base`, element by element, in `f64` and rounded once.
///
/// # Errors
/// `invalid` where a difference is a NaN or an infinity, or the arrays differ in length.
pub fn difference(dtype: DType, base: &[u8], trained: &[u8]) -> Result<Vec<f32>> {
    if base.len() != trained.len() {
        return Err(malformed("encoding", "the trained array has another length than the one that came"));
    }
    let (mut from, mut to) = (Vec::new(), Vec::new());
    kernels::widen(dtype, base, &mut from);
    kernels::widen(dtype, trained, &mut to);
    let delta: Vec<f32> = from.iter().zip(&to).map(|(from, to)| (to - from) as f32).collect();
    if delta.iter().all(|value| value.is_finite()) {
        Ok(delta)
    } else {
        Err(malformed("encoding", "a difference is a NaN or an infinity"))
    }
}

/// Decodes a payload onto the array that it is a difference from, and hands over the elements' bytes in order.
///
/// # Errors
/// Those of [`decode`]; `invalid` where a sum does not fit the type; `internal` where the array cannot be read.
pub fn restore(
    encoding: Encoding,
    spec: &ArraySpec,
    (payload, length): (&mut dyn Read, u64),
    (base, array): (&dyn ArrayReader, usize),
    out: &mut dyn FnMut(&[u8]) -> Result<()>,
) -> Result<()> {
    let (mut bytes, mut wide) = (Vec::new(), Vec::new());
    let mut offset = 0;
    decode(encoding, spec, payload, length, &mut |delta| {
        bytes.resize(delta.len() * spec.dtype.size(), 0);
        base.read_at(array, offset, &mut bytes).map_err(|error| {
            Error::internal(format!("reading array '{}' of the model", spec.name)).caused_by(error)
        })?;
        offset += bytes.len() as u64;
        kernels::widen(spec.dtype, &bytes, &mut wide);
        wide.iter_mut().zip(delta).for_each(|(value, delta)| *value += f64::from(*delta));
        kernels::finish(spec.dtype, &wide, 1.0, &mut bytes);
        out(&bytes)
    })
}
