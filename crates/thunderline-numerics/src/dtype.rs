//! Element types and their names in the formats that we speak.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The type of an array's elements; always little-endian in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum DType {
    /// IEEE 754 binary16.
    #[serde(rename = "float16")]
    F16,
    /// The upper half of binary32. NumPy has no such type: it exists in checkpoints only.
    #[serde(rename = "bfloat16")]
    BF16,
    /// IEEE 754 binary32.
    #[serde(rename = "float32")]
    F32,
    /// IEEE 754 binary64.
    #[serde(rename = "float64")]
    F64,
    /// Signed, 8 bits.
    #[serde(rename = "int8")]
    I8,
    /// Signed, 16 bits.
    #[serde(rename = "int16")]
    I16,
    /// Signed, 32 bits.
    #[serde(rename = "int32")]
    I32,
    /// Signed, 64 bits.
    #[serde(rename = "int64")]
    I64,
    /// Unsigned, 8 bits.
    #[serde(rename = "uint8")]
    U8,
    /// Unsigned, 16 bits.
    #[serde(rename = "uint16")]
    U16,
    /// Unsigned, 32 bits.
    #[serde(rename = "uint32")]
    U32,
    /// Unsigned, 64 bits.
    #[serde(rename = "uint64")]
    U64,
    /// One byte, 0 or 1.
    #[serde(rename = "bool")]
    Bool,
}

impl DType {
    /// Every element type.
    pub const ALL: [Self; 13] = [
        Self::F16,
        Self::BF16,
        Self::F32,
        Self::F64,
        Self::I8,
        Self::I16,
        Self::I32,
        Self::I64,
        Self::U8,
        Self::U16,
        Self::U32,
        Self::U64,
        Self::Bool,
    ];

    /// Bytes per element.
    #[must_use]
    pub const fn size(self) -> usize {
        match self {
            Self::I8 | Self::U8 | Self::Bool => 1,
            Self::F16 | Self::BF16 | Self::I16 | Self::U16 => 2,
            Self::F32 | Self::I32 | Self::U32 => 4,
            Self::F64 | Self::I64 | Self::U64 => 8,
        }
    }

    /// Whether the elements are floating-point numbers, which can be infinite or not a number.
    #[must_use]
    pub const fn is_float(self) -> bool {
        matches!(self, Self::F16 | Self::BF16 | Self::F32 | Self::F64)
    }

    /// NumPy's name, which Flower's array objects carry: `float32`, `int64`, `bool`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::F16 => "float16",
            Self::BF16 => "bfloat16",
            Self::F32 => "float32",
            Self::F64 => "float64",
            Self::I8 => "int8",
            Self::I16 => "int16",
            Self::I32 => "int32",
            Self::I64 => "int64",
            Self::U8 => "uint8",
            Self::U16 => "uint16",
            Self::U32 => "uint32",
            Self::U64 => "uint64",
            Self::Bool => "bool",
        }
    }

    /// The type with this [`name`](Self::name).
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|dtype| dtype.name() == name)
    }

    /// The `descr` of a `.npy` header, for example `<f4`; `None` for what NumPy cannot hold.
    #[must_use]
    pub const fn npy_descr(self) -> Option<&'static str> {
        match self {
            Self::F16 => Some("<f2"),
            Self::BF16 => None,
            Self::F32 => Some("<f4"),
            Self::F64 => Some("<f8"),
            Self::I8 => Some("|i1"),
            Self::I16 => Some("<i2"),
            Self::I32 => Some("<i4"),
            Self::I64 => Some("<i8"),
            Self::U8 => Some("|u1"),
            Self::U16 => Some("<u2"),
            Self::U32 => Some("<u4"),
            Self::U64 => Some("<u8"),
            Self::Bool => Some("|b1"),
        }
    }

    /// The type with this [`npy_descr`](Self::npy_descr).
    #[must_use]
    pub fn from_npy_descr(descr: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|dtype| dtype.npy_descr() == Some(descr))
    }

    /// The name in a safetensors header: `F32`, `I64`, `BOOL`.
    #[must_use]
    pub const fn safetensors_name(self) -> &'static str {
        match self {
            Self::F16 => "F16",
            Self::BF16 => "BF16",
            Self::F32 => "F32",
            Self::F64 => "F64",
            Self::I8 => "I8",
            Self::I16 => "I16",
            Self::I32 => "I32",
            Self::I64 => "I64",
            Self::U8 => "U8",
            Self::U16 => "U16",
            Self::U32 => "U32",
            Self::U64 => "U64",
            Self::Bool => "BOOL",
        }
    }

    /// The type with this [`safetensors_name`](Self::safetensors_name).
    #[must_use]
    pub fn from_safetensors_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|dtype| dtype.safetensors_name() == name)
    }
}

impl fmt::Display for DType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_leads_back_to_its_type() {
        for dtype in DType::ALL {
            assert_eq!(DType::from_name(dtype.name()), Some(dtype));
            assert_eq!(DType::from_safetensors_name(dtype.safetensors_name()), Some(dtype));
            assert_eq!(serde_json::to_value(dtype).unwrap(), dtype.name());
            if let Some(descr) = dtype.npy_descr() {
                assert_eq!(DType::from_npy_descr(descr), Some(dtype));
            }
        }
    }
}
