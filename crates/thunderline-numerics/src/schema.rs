//! The shape of a model: named arrays in an order that means something.

use std::{collections::HashSet, fmt};

use serde::{Deserialize, Serialize};

use crate::{DType, Error, ErrorKind, Result};

/// One array's name, element type and shape. An empty shape is a scalar.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ArraySpec {
    /// Unique within a model.
    pub name: String,
    /// Element type.
    pub dtype: DType,
    /// Lengths of the axes, slowest first (C order).
    pub shape: Vec<usize>,
}

impl ArraySpec {
    /// Describes an array.
    pub fn new(name: impl Into<String>, dtype: DType, shape: &[usize]) -> Self {
        Self { name: name.into(), dtype, shape: shape.to_vec() }
    }

    /// The number of elements; `None` where it does not fit the address space.
    #[must_use]
    pub fn elements(&self) -> Option<usize> {
        count(&self.shape)
    }

    /// The number of bytes; `None` where it does not fit a signed 64-bit number.
    #[must_use]
    pub fn bytes(&self) -> Option<u64> {
        let bytes = self.elements()?.checked_mul(self.dtype.size())?;
        i64::try_from(bytes).ok().map(i64::cast_unsigned)
    }
}

impl fmt::Display for ArraySpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "'{}' {}{:?}", self.name, self.dtype, self.shape)
    }
}

/// The product of the axes, where it fits. A zero anywhere makes it zero only if the other axes do not overflow:
/// NumPy refuses such shapes too.
pub(crate) fn count(shape: &[usize]) -> Option<usize> {
    let mut product = 1usize;
    for &axis in shape.iter().filter(|&&axis| axis != 0) {
        product = product.checked_mul(axis)?;
    }
    Some(if shape.contains(&0) { 0 } else { product })
}

/// A model's arrays, in order. The order is part of the model: Flower's records are ordered dictionaries, and names such
/// as "0", "1", …, "10" would be shuffled by sorting.
///
/// Holding one proves that names are unique and that all sizes fit 64 bits.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "Vec<ArraySpec>", into = "Vec<ArraySpec>")]
pub struct ModelSchema {
    arrays: Vec<ArraySpec>,
    offsets: Vec<u64>,
}

impl ModelSchema {
    /// A model of these arrays.
    ///
    /// # Errors
    /// `invalid` where a name occurs twice or sizes overflow.
    pub fn new(arrays: Vec<ArraySpec>) -> Result<Self> {
        let mut names = HashSet::with_capacity(arrays.len());
        let mut offsets = Vec::with_capacity(arrays.len() + 1);
        let mut total = 0u64;
        offsets.push(0);
        for array in &arrays {
            if !names.insert(array.name.as_str()) {
                return Err(refuse(format!("two arrays are named '{}'", array.name)));
            }
            total = array
                .bytes()
                .and_then(|bytes| total.checked_add(bytes))
                .filter(|&total| i64::try_from(total).is_ok())
                .ok_or_else(|| refuse(format!("array {array} is too large")))?;
            offsets.push(total);
        }
        Ok(Self { arrays, offsets })
    }

    /// The arrays in order.
    #[must_use]
    pub fn arrays(&self) -> &[ArraySpec] {
        &self.arrays
    }

    /// How many arrays.
    #[must_use]
    pub fn len(&self) -> usize {
        self.arrays.len()
    }

    /// Whether there is no array at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.arrays.is_empty()
    }

    /// The place of the array with this name.
    #[must_use]
    pub fn position(&self, name: &str) -> Option<usize> {
        self.arrays.iter().position(|array| array.name == name)
    }

    /// Bytes of all arrays together.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.offsets[self.arrays.len()]
    }

    /// Elements of all arrays together.
    #[must_use]
    pub fn elements(&self) -> u64 {
        (0..self.len()).map(|array| self.array_bytes(array) / self.arrays[array].dtype.size() as u64).sum()
    }

    /// Bytes of the array at this place. Panics where there is none.
    #[must_use]
    pub fn array_bytes(&self, array: usize) -> u64 {
        self.offsets[array + 1] - self.offsets[array]
    }

    /// Where the array at this place begins when all arrays lie one after another without gaps. Panics where there is
    /// none.
    #[must_use]
    pub fn array_offset(&self, array: usize) -> u64 {
        assert!(array < self.len(), "array {array} of {}", self.len());
        self.offsets[array]
    }

    /// The first difference from another model, in words; `None` where both are the same.
    #[must_use]
    pub fn difference(&self, other: &Self) -> Option<String> {
        if self.len() != other.len() {
            return Some(format!("{} arrays instead of {}", other.len(), self.len()));
        }
        let (place, (wanted, got)) =
            self.arrays.iter().zip(&other.arrays).enumerate().find(|(_, (wanted, got))| wanted != got)?;
        Some(format!("array {place} is {got} instead of {wanted}"))
    }
}

fn refuse(why: String) -> Error {
    Error::new(ErrorKind::Invalid, why)
}

impl TryFrom<Vec<ArraySpec>> for ModelSchema {
    type Error = Error;
    fn try_from(arrays: Vec<ArraySpec>) -> Result<Self> {
        Self::new(arrays)
    }
}

impl From<ModelSchema> for Vec<ArraySpec> {
    fn from(schema: ModelSchema) -> Self {
        schema.arrays
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_of_names_survives_json() {
        let arrays: Vec<_> =
            (0..12).map(|index| ArraySpec::new(index.to_string(), DType::F32, &[2, index])).collect();
        let schema = ModelSchema::new(arrays).unwrap();
        let back: ModelSchema = serde_json::from_str(&serde_json::to_string(&schema).unwrap()).unwrap();
        assert_eq!(back, schema);
        assert_eq!(back.arrays()[10].name, "10");
        assert_eq!(back.array_offset(3), 2 * 4 * 3);
        assert_eq!(back.bytes(), 2 * 4 * 66);
    }

    #[test]
    fn a_scalar_has_one_element_and_an_empty_axis_none() {
        assert_eq!(ArraySpec::new("s", DType::F64, &[]).bytes(), Some(8));
        assert_eq!(ArraySpec::new("e", DType::F64, &[3, 0, 5]).bytes(), Some(0));
    }

    #[test]
    fn sizes_that_overflow_and_names_that_repeat_are_refused() {
        let huge = ArraySpec::new("h", DType::F64, &[usize::MAX / 4, 2]);
        assert!(ModelSchema::new(vec![huge]).is_err());
        let sneaky = ArraySpec::new("z", DType::F64, &[0, usize::MAX, usize::MAX]);
        assert!(ModelSchema::new(vec![sneaky]).is_err());
        let half = ArraySpec::new("a", DType::U8, &[usize::MAX / 2]);
        let other = ArraySpec { name: "b".into(), ..half.clone() };
        assert!(ModelSchema::new(vec![half, other]).is_err());
        let twin = ArraySpec::new("w", DType::U8, &[]);
        assert!(ModelSchema::new(vec![twin.clone(), twin]).unwrap_err().to_string().contains("'w'"));
    }

    #[test]
    fn a_difference_names_the_first_array_that_differs() {
        let one = ModelSchema::new(vec![ArraySpec::new("w", DType::F32, &[2, 3])]).unwrap();
        let two = ModelSchema::new(vec![ArraySpec::new("w", DType::F32, &[3])]).unwrap();
        assert_eq!(one.difference(&one), None);
        assert_eq!(one.difference(&two).unwrap(), "array 0 is 'w' float32[3] instead of 'w' float32[2, 3]");
    }
}
