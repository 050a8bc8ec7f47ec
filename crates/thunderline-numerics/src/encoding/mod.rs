//! Smaller updates: what training changed in one array, in fewer bytes.
//!
//! A client sends the difference between its trained array and the one that it was given, encoded; the server adds what it
//! decodes to its own copy of the latter. Each encoded array is one payload of bytes that says itself what it holds
//! ([`header`]), so that it travels wherever a one-dimensional array of `uint8` does. Both directions are fixed to the bit,
//! whatever the platform: `python/src/thunderline/encoding.py` does the same in NumPy. The formats are in `docs/encodings.md`.
//!
//! *Encodings*: [`half`] (fp16, bf16), [`int8`], [`rotation`] (1 to 4 bits), [`top_k`]. *Around them*: [`delta`] (differences
//! and their sums), [`terms`] (what a client is told). An array that would not become smaller travels as it is, and so do
//! integers and booleans.
//!
//! Decoding trusts nothing: payloads come from clients. It holds one block at a time, of 65 536 elements at most.

pub mod delta;
mod hadamard;
mod half;
pub mod header;
mod int8;
mod rotation;
mod source;
pub mod terms;
mod top_k;

use std::io::Read;

use header::Header;
use serde::{Deserialize, Serialize};
use source::Source;

use crate::{ArraySpec, Result, malformed};

/// Elements that are in memory at once.
const PIECE: usize = 1 << 16;

/// How the difference of an array is written.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Form", into = "Form")]
pub enum Encoding {
    /// Not at all: arrays travel as they are.
    Full,
    /// IEEE 754 binary16, scaled by a power of two.
    Fp16,
    /// The upper half of binary32.
    Bf16,
    /// Eight bits, with one scale for each index of the first axis.
    Int8,
    /// A random rotation and 1 to 4 bits for each coordinate: EDEN (Vargaftik et al. 2022, arXiv 2108.08842).
    Rotation {
        /// Bits for each coordinate.
        bits: u8,
    },
    /// The largest so many, in (0, 1]; what is left out is the client's to keep (Stich et al. 2018, arXiv 1809.07599).
    TopK {
        /// The share of elements that is sent.
        fraction: f64,
    },
}

/// The bits where nobody says how many.
pub const DEFAULT_BITS: u8 = 4;
/// The share where nobody says which.
pub const DEFAULT_FRACTION: f64 = 0.01;

impl Encoding {
    /// The names that a spec may use.
    pub const NAMES: [&str; 6] = ["full", "fp16", "bf16", "int8", "rotation", "top_k"];

    /// The encoding of this name, its setting being the default.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Some(match name {
            "full" => Self::Full,
            "fp16" => Self::Fp16,
            "bf16" => Self::Bf16,
            "int8" => Self::Int8,
            "rotation" => Self::Rotation { bits: DEFAULT_BITS },
            "top_k" => Self::TopK { fraction: DEFAULT_FRACTION },
            _ => return None,
        })
    }

    /// Its name, without its setting.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Fp16 => "fp16",
            Self::Bf16 => "bf16",
            Self::Int8 => "int8",
            Self::Rotation { .. } => "rotation",
            Self::TopK { .. } => "top_k",
        }
    }

    /// Whether what is lost in one round must be added in the next, by whoever encodes.
    #[must_use]
    pub const fn keeps_rest(self) -> bool {
        matches!(self, Self::TopK { .. })
    }

    /// How many bytes an array's payload has, at most with top-k and exactly otherwise; `None` for arrays that travel as they
    /// are: those of integers and booleans, and those that would not become smaller.
    #[must_use]
    pub fn length(self, spec: &ArraySpec) -> Option<u64> {
        let elements = spec.elements()?;
        let body = match self {
            Self::Full => return None,
            Self::Fp16 => half::fp16_length(elements),
            Self::Bf16 => half::bf16_length(elements),
            Self::Int8 => int8::length(&spec.shape, elements),
            Self::Rotation { bits } => rotation::length(elements, bits),
            Self::TopK { fraction } => top_k::longest(elements, fraction),
        };
        let length = header::length(spec.shape.len()) + body;
        (spec.dtype.is_float() && length < spec.bytes()?).then_some(length)
    }
}

/// Encodes a difference, all its elements in order. The same difference and seed give the same bytes; the seed only matters
/// with rotations, and must differ between updates for their errors to cancel. `None` where the array travels as it is.
///
/// # Errors
/// `invalid` where the difference has another length than the array, or numbers that cannot be encoded: infinities, NaNs, and
/// such as are too large.
pub fn encode(encoding: Encoding, spec: &ArraySpec, delta: &[f32], seed: u64) -> Result<Option<Vec<u8>>> {
    let Some(length) = encoding.length(spec) else { return Ok(None) };
    if spec.elements() != Some(delta.len()) {
        return Err(malformed("encoding", format!("{} differences for {spec}", delta.len())));
    }
    if !delta.iter().all(|value| value.is_finite()) {
        return Err(malformed("encoding", format!("array {spec} has a NaN or an infinity")));
    }
    let mut out = Vec::with_capacity(usize::try_from(length).unwrap_or_default());
    Header::of(encoding, spec, seed).write(&mut out);
    match encoding {
        Encoding::Full => return Ok(None),
        Encoding::Fp16 => half::write_fp16(delta, &mut out),
        Encoding::Bf16 => half::write_bf16(delta, &mut out)?,
        Encoding::Int8 => int8::write(&spec.shape, delta, &mut out),
        Encoding::Rotation { bits } => rotation::write(delta, bits, seed, &mut out)?,
        Encoding::TopK { fraction } => top_k::write(delta, fraction, &mut out)?,
    }
    Ok(Some(out))
}

/// Decodes a payload of `length` bytes and hands over the difference, in order, a piece at a time. Every number is finite.
///
/// # Errors
/// `invalid` where the payload is not of this array in this encoding, or does not follow the format in any way; `internal` where
/// it cannot be read.
pub fn decode(
    encoding: Encoding,
    spec: &ArraySpec,
    payload: &mut dyn Read,
    length: u64,
    out: &mut dyn FnMut(&[f32]) -> Result<()>,
) -> Result<()> {
    let longest = encoding.length(spec).ok_or_else(|| malformed("payload", "the array travels as it is"))?;
    let exact = !matches!(encoding, Encoding::TopK { .. });
    if length > longest || (exact && length < longest) {
        let most = if exact { "" } else { " at most" };
        return Err(malformed("payload", format!("it has {length} bytes, not{most} {longest}")));
    }
    let elements = spec.elements().expect("an array whose payload has a length has a number of elements");
    let mut source = Source::new(payload, length);
    let header = Header::read(&mut source)?;
    header.check(encoding, spec)?;
    match encoding {
        Encoding::Full => unreachable!("a payload in no encoding has no length"),
        Encoding::Fp16 => half::read_fp16(&mut source, elements, out)?,
        Encoding::Bf16 => half::read_bf16(&mut source, elements, out)?,
        Encoding::Int8 => int8::read(&mut source, &spec.shape, elements, out)?,
        Encoding::Rotation { bits } => rotation::read(&mut source, elements, bits, header.seed, out)?,
        Encoding::TopK { fraction } => top_k::read(&mut source, elements, fraction, out)?,
    }
    source.finish()
}

/// As documents have it: a name, or a name with a setting.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Form {
    Name(String),
    With(With),
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct With {
    by: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    bits: Option<u8>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    fraction: Option<f64>,
}

impl From<Encoding> for Form {
    fn from(encoding: Encoding) -> Self {
        let by = encoding.name().to_owned();
        match encoding {
            Encoding::Rotation { bits } => Self::With(With { by, bits: Some(bits), fraction: None }),
            Encoding::TopK { fraction } => Self::With(With { by, bits: None, fraction: Some(fraction) }),
            _ => Self::Name(by),
        }
    }
}

impl TryFrom<Form> for Encoding {
    type Error = String;

    fn try_from(form: Form) -> Result<Self, String> {
        let With { by, bits, fraction } = match form {
            Form::Name(by) => With { by, bits: None, fraction: None },
            Form::With(with) => with,
        };
        let default = Self::named(&by).ok_or_else(|| format!("'{by}' is no encoding"))?;
        match (default, bits, fraction) {
            (Self::Rotation { bits: default }, bits, None) => {
                let bits = bits.unwrap_or(default);
                let fits = (1..=4).contains(&bits);
                fits.then_some(Self::Rotation { bits })
                    .ok_or_else(|| format!("{bits} bits instead of 1 to 4"))
            }
            (Self::TopK { fraction: default }, None, fraction) => {
                let fraction = fraction.unwrap_or(default);
                let fits = fraction > 0.0 && fraction <= 1.0;
                fits.then_some(Self::TopK { fraction })
                    .ok_or_else(|| format!("the fraction {fraction} instead of above 0 and at most 1"))
            }
            (_, None, None) => Ok(default),
            _ => Err(format!("'{by}' has no such setting")),
        }
    }
}

#[cfg(test)]
mod tests;
