//! What a payload says about itself, little-endian: `TLE`, the version 1, the encoding's number, bits (rotations only, else 0),
//! the element type's number, the number of axes; the seed in 8 bytes (rotations only, else 0); each axis in 8 bytes.

use super::{Encoding, source::Source};
use crate::{ArraySpec, DType, Result, malformed};

const MAGIC: [u8; 4] = *b"TLE\x01";
const FIXED: usize = 16;
/// As many as NumPy allows.
const MOST_AXES: u8 = 64;

/// A payload's header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    kind: u8,
    bits: u8,
    dtype: u8,
    shape: Vec<u64>,
    /// What a rotation is drawn from.
    pub seed: u64,
}

/// Bytes of the header of an array with so many axes.
pub(super) fn length(axes: usize) -> u64 {
    (FIXED + 8 * axes) as u64
}

fn kind(encoding: Encoding) -> u8 {
    match encoding {
        Encoding::Full => 0,
        Encoding::Fp16 => 1,
        Encoding::Bf16 => 2,
        Encoding::Int8 => 3,
        Encoding::Rotation { .. } => 4,
        Encoding::TopK { .. } => 5,
    }
}

/// The types of floats, numbered from 1.
fn number(dtype: DType) -> u8 {
    match dtype {
        DType::F16 => 1,
        DType::BF16 => 2,
        DType::F32 => 3,
        DType::F64 => 4,
        _ => 0,
    }
}

impl Header {
    pub(super) fn of(encoding: Encoding, spec: &ArraySpec, seed: u64) -> Self {
        let (bits, seed) = match encoding {
            Encoding::Rotation { bits } => (bits, seed),
            _ => (0, 0),
        };
        let shape = spec.shape.iter().map(|&axis| axis as u64).collect();
        Self { kind: kind(encoding), bits, dtype: number(spec.dtype), shape, seed }
    }

    pub(super) fn write(&self, out: &mut Vec<u8>) {
        out.extend(MAGIC);
        out.extend([self.kind, self.bits, self.dtype, self.shape.len() as u8]);
        out.extend(self.seed.to_le_bytes());
        self.shape.iter().for_each(|axis| out.extend(axis.to_le_bytes()));
    }

    pub(super) fn read(source: &mut Source<'_>) -> Result<Self> {
        let mut fixed = [0; FIXED];
        source.fill(&mut fixed)?;
        let [t, l, e, version, kind, bits, dtype, axes, seed @ ..] = fixed;
        if [t, l, e, version] != MAGIC {
            return Err(malformed("payload", "it does not begin as one"));
        }
        if axes > MOST_AXES {
            return Err(malformed("payload", format!("it has {axes} axes")));
        }
        let mut shape = Vec::with_capacity(axes.into());
        for _ in 0..axes {
            let mut axis = [0; 8];
            source.fill(&mut axis)?;
            shape.push(u64::from_le_bytes(axis));
        }
        Ok(Self { kind, bits, dtype, shape, seed: u64::from_le_bytes(seed) })
    }

    /// Whether this is what is expected of the array; the seed is the sender's to choose.
    pub(super) fn check(&self, encoding: Encoding, spec: &ArraySpec) -> Result<()> {
        let expected = Self::of(encoding, spec, self.seed);
        if (self.kind, self.bits) != (expected.kind, expected.bits) {
            let why =
                format!("it is in encoding {} with {} bits, not {}", self.kind, self.bits, encoding.name());
            return Err(malformed("payload", why));
        }
        if (self.dtype, &self.shape, self.seed) != (expected.dtype, &expected.shape, expected.seed) {
            return Err(malformed("payload", format!("it is not of {spec}")));
        }
        Ok(())
    }
}
