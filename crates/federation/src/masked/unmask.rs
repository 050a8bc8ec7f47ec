//! From a round's masked inputs to their sum, and to the mean of its updates where nobody asked for privacy.
//!
//! The sum lives in memory only. With differential privacy it has no noise yet, and nothing of it may be stored or told.

use std::collections::BTreeSet;

use thunderline_core::{Error, LeaseId, Result};
use thunderline_numerics::{ArrayReader, MemoryArrays, ModelSchema, privacy::sum::levels::Levels};
use thunderline_objects::Area;
use thunderline_secagg::{
    message::{Consent, MaskedInput, Reveal, Survivors},
    server::{Collecting, Sum},
};

use super::{
    Exchange, Terms,
    close::{self, Transcript, kept},
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
    /// The clients' sum.
    sum: Sum,
    /// How far one client that follows the protocol can move it; none where the terms have no norm.
    pub longest: Option<f64>,
    /// Whose updates are in it.
    pub leases: Vec<LeaseId>,
}

/// Sums the masked inputs and takes the masks off. Repeating it gives the same bytes. Blocking.
///
/// # Errors
/// `invalid` where the shares do not give the secrets that they should: somebody has tampered.
pub(crate) fn unmask(
    kept_messages: &Kept,
    area: &Area,
    schema: &ModelSchema,
    threads: usize,
) -> Result<Unmasked> {
    let said = Transcript { area, messages: &kept_messages.messages };
    let roster = said.roster(kept_messages.terms.session(schema)?)?;
    let places = said.places(&roster)?;
    let longest = roster.session().terms().longest();
    let mut server = Collecting::again(roster, close::sharers(&said)?);
    let told = kept(Survivors::decode(&said.told_all(Exchange::Mask)?))?;
    let survivors: BTreeSet<u16> = told.survivors.iter().map(|survivor| survivor.member).collect();
    for (_, bytes) in said.up(Exchange::Mask) {
        let input = kept(MaskedInput::decode(&bytes?))?;
        // Who spoke while the list was made is not on it: what the others signed is the sum without it.
        if survivors.contains(&input.from) {
            server.take(&input).map_err(|refusal| refused(&refusal))?;
        }
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
    let leases = sum.survivors.iter().filter_map(|place| places.get(place).copied()).collect();
    Ok(Unmasked { sum, longest, leases })
}

impl Unmasked {
    /// The model that the clients' weighted mean leads to. The sum and two models are in memory.
    ///
    /// # Errors
    /// `invalid` where the clients' weights cannot be.
    pub(crate) fn mean(&self, schema: &ModelSchema, model: &dyn ArrayReader) -> Result<MemoryArrays> {
        let mean = self.sum.mean().map_err(|refusal| refused(&refusal))?;
        moved(schema, model, &mean.values)
    }

    /// The sum in whole numbers, for noise.
    ///
    /// # Errors
    /// `invalid` where a client weighs more than others.
    pub(crate) fn levels(&self) -> Result<Levels<'_>> {
        let sum = self.sum.changes().map_err(|refusal| refused(&refusal))?;
        Ok(Levels { levels: sum.levels, zero: sum.zero, half_step: sum.half_step })
    }
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
