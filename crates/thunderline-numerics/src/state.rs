//! What a strategy keeps from round to round: arrays beside those of the model, in `f32` beside arrays of 16 and 32 bits and
//! in `f64` beside those of 64. Integers and booleans have none.

use crate::{
    ArrayReader, ArraySpec, DType, Error, ErrorKind, ModelSchema, Result, finite::first_non_finite, kernels,
    tiles::Tile,
};

/// What a piece of the result belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The next model.
    Model,
    /// The first half of the next state.
    First,
    /// The second half of the next state.
    Second,
}

/// `<prefix>/<array>` for every floating-point array of the model, in order, for each prefix that is kept.
pub(crate) fn schema(model: &ModelSchema, halves: &[(&str, bool)]) -> Result<Option<ModelSchema>> {
    let arrays: Vec<_> = halves
        .iter()
        .filter(|(_, kept)| *kept)
        .flat_map(|(prefix, _)| {
            model.arrays().iter().filter(|spec| spec.dtype.is_float()).map(move |spec| {
                ArraySpec::new(format!("{prefix}/{}", spec.name), element_type(spec.dtype), &spec.shape)
            })
        })
        .collect();
    if arrays.is_empty() { Ok(None) } else { ModelSchema::new(arrays).map(Some) }
}

/// Where the arrays of one half stand in the state's schema, by place in the model's; the half begins at `first`.
pub(crate) fn places(model: &ModelSchema, kept: bool, first: usize) -> Vec<Option<usize>> {
    let mut next = first;
    let place = |spec: &ArraySpec| {
        (kept && spec.dtype.is_float()).then(|| {
            next += 1;
            next - 1
        })
    };
    model.arrays().iter().map(place).collect()
}

fn element_type(dtype: DType) -> DType {
    if dtype == DType::F64 { DType::F64 } else { DType::F32 }
}

/// The tile of the state that belongs to a tile of the model.
fn state_tile(tile: Tile, place: usize) -> Tile {
    Tile { array: place, dtype: element_type(tile.dtype), ..tile }
}

/// The state beside a tile; zeros where there is none.
pub(crate) fn load(
    tile: Tile,
    place: Option<usize>,
    state: Option<&dyn ArrayReader>,
    input: &mut Vec<u8>,
    values: &mut Vec<f64>,
) -> Result<()> {
    let (Some(place), Some(state)) = (place, state) else {
        values.clear();
        values.resize(tile.elements, 0.0);
        return Ok(());
    };
    let tile = state_tile(tile, place);
    tile.read(state, format_args!("the strategy's state"), input)?;
    kernels::widen(tile.dtype, input, values);
    Ok(())
}

/// The next state beside a tile. What its type cannot hold stays at the end of the range: the square of a huge step of one
/// client must not end the round.
pub(crate) fn store(tile: Tile, place: Option<usize>, values: &mut [f64], piece: &mut Vec<u8>) {
    if let Some(place) = place {
        let tile = state_tile(tile, place);
        let most = if tile.dtype == DType::F64 { f64::MAX } else { f64::from(f32::MAX) };
        values.iter_mut().for_each(|value| *value = value.clamp(-most, most));
        piece.resize(tile.bytes(), 0);
        kernels::finish(tile.dtype, values, 1.0, piece);
    }
}

/// The results of one tile; a half of the state that is not kept is empty.
#[derive(Default)]
pub(crate) struct Pieces {
    pub model: Vec<u8>,
    pub first: Vec<u8>,
    pub second: Vec<u8>,
}

impl Pieces {
    /// Hands the pieces over, unless one has an element that is not finite.
    pub fn emit(
        &self,
        schema: &ModelSchema,
        tile: Tile,
        out: &mut dyn FnMut(Part, &[u8]) -> Result<()>,
    ) -> Result<()> {
        let state = element_type(tile.dtype);
        let parts = [
            (Part::Model, self.model.as_slice(), tile.dtype),
            (Part::First, self.first.as_slice(), state),
            (Part::Second, self.second.as_slice(), state),
        ];
        for (part, piece, dtype) in parts.into_iter().filter(|(_, piece, _)| !piece.is_empty()) {
            if let Some(at) = first_non_finite(dtype, piece) {
                let name = &schema.arrays()[tile.array].name;
                let place = tile.start + at;
                let why = format!("the strategy took array '{name}' beyond all bounds at element {place}");
                return Err(Error::new(ErrorKind::Invalid, why));
            }
            out(part, piece)?;
        }
        Ok(())
    }
}
