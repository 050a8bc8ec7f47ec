//! Models of which only some arrays are trained: strategies see those arrays and nothing else, and the others go from the old
//! model's file into the new one's, byte by byte.

use std::{borrow::Borrow, io};

use thunderline_core::{Error, Result};
use thunderline_numerics::{ArrayReader, FileArrays, ModelSchema, for_each_piece};

use crate::spec::UpdateSpec;

/// The trained arrays of a model, as if it had no others.
pub(crate) struct Trained<R> {
    whole: R,
    places: Vec<usize>,
}

impl<R> Trained<R> {
    /// Those of a model of this schema.
    pub fn new(whole: R, schema: &ModelSchema, update: &UpdateSpec) -> Self {
        let names = schema.arrays().iter().enumerate();
        let places = names.filter(|(_, array)| update.trains(&array.name)).map(|(place, _)| place).collect();
        Self { whole, places }
    }
}

impl<R: Borrow<FileArrays> + Send + Sync> ArrayReader for Trained<R> {
    fn read_at(&self, array: usize, byte_offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        self.whole.borrow().read_at(self.places[array], byte_offset, buffer)
    }
}

/// Makes a whole model of the trained arrays, which come in order, and the old model.
pub(crate) struct Whole<'a> {
    schema: &'a ModelSchema,
    update: &'a UpdateSpec,
    model: &'a FileArrays,
    /// The array that comes next, or of which bytes are still to come.
    array: usize,
    /// How many of its bytes came.
    done: u64,
}

impl<'a> Whole<'a> {
    pub fn new(schema: &'a ModelSchema, update: &'a UpdateSpec, model: &'a FileArrays) -> Self {
        Self { schema, update, model, array: 0, done: 0 }
    }

    /// Takes the next bytes of the trained arrays.
    pub fn write(&mut self, mut bytes: &[u8], out: &mut dyn FnMut(&[u8]) -> Result<()>) -> Result<()> {
        while !bytes.is_empty() {
            self.copy(out)?;
            if self.array == self.schema.len() {
                return Err(Error::internal("a strategy wrote more than the trained arrays"));
            }
            let left = self.schema.array_bytes(self.array) - self.done;
            let count = usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len());
            out(&bytes[..count])?;
            self.done += count as u64;
            bytes = &bytes[count..];
            if self.done == self.schema.array_bytes(self.array) {
                (self.array, self.done) = (self.array + 1, 0);
            }
        }
        Ok(())
    }

    /// Ends the model; the file that it is written to knows whether anything is missing.
    pub fn finish(mut self, out: &mut dyn FnMut(&[u8]) -> Result<()>) -> Result<()> {
        self.copy(out)
    }

    /// Copies the arrays before the next trained one, which has elements.
    fn copy(&mut self, out: &mut dyn FnMut(&[u8]) -> Result<()>) -> Result<()> {
        while self.done == 0
            && let Some(spec) = self.schema.arrays().get(self.array)
        {
            if self.update.trains(&spec.name) && self.schema.array_bytes(self.array) > 0 {
                break;
            }
            for_each_piece(self.model, self.schema, self.array, &mut |_, piece| out(piece))?;
            self.array += 1;
        }
        Ok(())
    }
}
