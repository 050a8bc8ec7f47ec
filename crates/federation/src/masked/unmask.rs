//! From a round's masked inputs to the mean of its updates.

use thunderline_core::{Error, LeaseId, Result};
use thunderline_numerics::{ArrayReader, MemoryArrays, ModelSchema};
use thunderline_objects::Area;
use thunderline_secagg::{
    message::{Consent, MaskedInput, Reveal},
    server::Collecting,
};

use super::{
    Exchange, Terms,
    close::{self, Said, kept},
    refused, rows,
};

/// What a masked round has kept.
#[derive(Clone, Debug)]
pub(crate) struct Kept {
    pub terms: Terms,
    pub messages: Vec<rows::Message>,
}

/// What comes of a masked round.
pub(crate) struct Unmasked {
    /// The model that the clients' mean update leads to.
    pub mean: MemoryArrays,
    /// Whose updates are in it.
    pub leases: Vec<LeaseId>,
}

/// Sums the masked inputs, takes the masks off, and moves the model by the mean. The sum and two models are in memory.
/// Repeating it gives the same bytes. Blocking.
///
/// # Errors
/// `invalid` where the shares do not give the secrets that they should: somebody has tampered.
pub(crate) fn unmask(
    kept_messages: &Kept,
    area: &Area,
    schema: &ModelSchema,
    model: &dyn ArrayReader,
    threads: usize,
) -> Result<Unmasked> {
    let said = Said { area, messages: &kept_messages.messages };
    let roster = said.roster(kept_messages.terms.session(schema)?)?;
    let places = said.places(&roster)?;
    let mut server = Collecting::again(roster, close::sharers(&said)?);
    for (_, bytes) in said.up(Exchange::Mask) {
        server.take(&kept(MaskedInput::decode(&bytes?))?).map_err(|refusal| refused(&refusal))?;
    }
    let mut server = server.close().map_err(|refusal| refused(&refusal))?;
    for (_, bytes) in said.up(Exchange::Consent) {
        server.take(&kept(Consent::decode(&bytes?))?).map_err(|refusal| refused(&refusal))?;
    }
    let mut server = server.close().map_err(|refusal| refused(&refusal))?;
    for (_, bytes) in said.up(Exchange::Reveal) {
        server.take(kept(Reveal::decode(&bytes?))?).map_err(|refusal| refused(&refusal))?;
    }
    let sum = server.close(threads).map_err(|refusal| refused(&refusal))?;
    let mean = sum.mean().map_err(|refusal| refused(&refusal))?;
    let leases = sum.survivors.iter().filter_map(|place| places.get(place).copied()).collect();
    Ok(Unmasked { mean: moved(schema, model, &mean.values)?, leases })
}

/// The model plus the mean update, array by array.
fn moved(schema: &ModelSchema, model: &dyn ArrayReader, mean: &[f32]) -> Result<MemoryArrays> {
    let length = usize::try_from(schema.bytes()).map_err(|_| Error::internal("the model is too large"))?;
    let mut bytes = vec![0; length];
    let mut start = 0;
    for array in 0..schema.len() {
        let end = start + usize::try_from(schema.array_bytes(array)).expect("the whole model fits");
        model.read_at(array, 0, &mut bytes[start..end])?;
        start = end;
    }
    for (number, change) in bytes.as_chunks_mut::<4>().0.iter_mut().zip(mean) {
        *number = (f32::from_le_bytes(*number) + change).to_le_bytes();
    }
    Ok(MemoryArrays::new(schema.clone(), bytes)?)
}
