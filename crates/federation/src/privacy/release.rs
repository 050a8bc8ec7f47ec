//! From a round's updates to their private mean: one model, which the strategy then takes for the only update there is.

use std::{io::Write as _, ops::Range};

use serde::Serialize;
use thunderline_core::{Error, Result, RoundId};
use thunderline_numerics::{
    ArrayReader, FileArrays, ModelSchema,
    privacy::{
        noise::{Key, derive},
        sum::{self, Added, Release, levels},
        tree,
    },
};
use thunderline_objects::Area;

use super::rows::PrivateRound;
use crate::{
    masked::Unmasked,
    spec::dp::{Dp, Draw},
};

/// What a round's release is made of beside the updates.
#[derive(Clone, Debug)]
pub(crate) struct Terms {
    pub dp: Dp,
    pub key: Key,
    pub round: RoundId,
    pub number: u32,
    pub fixed: PrivateRound,
}

/// What a mean is made private from.
#[derive(Clone, Copy)]
pub(crate) enum Sources<'a> {
    /// Updates as clients sent them: they are clipped here.
    Open(&'a [&'a dyn ArrayReader]),
    /// The sum of updates that clients clipped before they masked them.
    Masked(&'a Unmasked),
}

/// What was released. Everything here is noisy or was fixed before.
#[derive(Clone, Debug, Serialize)]
pub struct Released {
    /// z of the whole release.
    pub noise_multiplier: f64,
    /// C of this round.
    pub clip_norm: f64,
    /// C': how far one client can move a sum that came masked: C and what rounding to levels adds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sensitivity: Option<f64>,
    /// What the sum was divided by.
    pub divisor: f64,
    /// The standard deviation of the noise in each element of the mean.
    pub deviation: f64,
    /// C of the next round.
    pub next_clip_norm: f64,
}

/// Writes the private mean among the round's uploads, with which it is thrown away, and opens it. Repeating it gives the same
/// bytes: the noise of a round is drawn once. Blocking.
pub(crate) fn private_mean(
    uploads: &Area,
    schema: &ModelSchema,
    model: &dyn ArrayReader,
    sources: Sources<'_>,
    terms: &Terms,
    threads: usize,
) -> Result<(FileArrays, Released)> {
    let Terms { dp, key, round, number, fixed } = terms;
    let of_round = |what: &str| derive(key, &[what, &round.to_string()]);
    let noise = match (dp.sampling, dp.band()) {
        (Draw::Limited, Some(band)) => band.noise(key, u64::from(*number)),
        (Draw::Limited, None) => Added::Each(tree::changes(key, u64::from(*number))),
        _ => Added::Each(vec![(of_round("noise"), 1)]),
    };
    let rule = dp.rule();
    let multiplier =
        rule.map_or(Ok(dp.noise_multiplier), |rule| rule.noise_for_updates(dp.noise_multiplier))?;
    let clip = fixed.clip_norm;
    let sensitivity = match sources {
        Sources::Open(_) => None,
        Sources::Masked(unmasked) => {
            let longest = unmasked.longest.ok_or_else(|| Error::internal("the clients were told no norm"))?;
            Some(levels::sensitivity(longest, schema.bytes() / 4, multiplier * dp.movement())?)
        }
    };
    let deviation = multiplier * dp.movement() * sensitivity.unwrap_or(clip);
    let release = Release { model, clip, deviation, divisor: fixed.divisor, noise: &noise };
    let mut file = uploads.writer()?;
    let mut out = |bytes: &[u8]| Ok(file.write_all(bytes)?);
    let norms = match sources {
        Sources::Open(updates) => {
            let norms = sum::norms(schema, model, updates, threads)?;
            sum::release(schema, updates, &norms, release, threads, &mut out)?;
            norms
        }
        Sources::Masked(unmasked) => {
            levels::release(schema, unmasked.levels()?, release, threads, &mut out)?;
            Vec::new()
        }
    };
    let (digest, length) = file.finish(None)?;
    if length != schema.bytes() {
        return Err(Error::internal("the private mean has another length than the model"));
    }
    let ranges: Vec<Range<u64>> = (0..schema.len())
        .map(|array| schema.array_offset(array)..schema.array_offset(array) + schema.array_bytes(array))
        .collect();
    let within = norms.iter().filter(|norm| **norm <= clip).count() as u64;
    let counts = (within, norms.len() as u64);
    let next_clip_norm =
        rule.map_or(clip, |rule| rule.next(clip, counts, fixed.divisor, dp.movement(), &of_round("count")));
    let released = Released {
        noise_multiplier: dp.noise_multiplier,
        clip_norm: clip,
        sensitivity,
        divisor: fixed.divisor,
        deviation: noise.spread() * deviation / fixed.divisor,
        // Whatever the noise says, a norm stays a norm.
        next_clip_norm: next_clip_norm.clamp(1e-9, 1e9),
    };
    Ok((FileArrays::new(uploads.open(&digest)?, ranges), released))
}
