//! Which bands, for so many rounds and participations.

use super::{Band, LEAST_RESIDUE};
use crate::privacy::Participation;

/// The most bands that are chosen without being asked for. Each costs one more normal for each number of the model and round.
const USUAL: u32 = 8;

/// A band is left away where the error grows by no more than this.
const WORTH: f64 = 1.03;

/// What has the least error (see [`Band::error`]) of what is left open. Where `bands` is, the fewest up to eight whose error is
/// within three per cent of the least.
#[must_use]
pub fn choose(participation: Participation, rounds: u64, bands: Option<u32>, residue: Option<f64>) -> Band {
    let at = |bands: u32, residue: f64| {
        let band = Band { bands, residue };
        (band, band.error(participation, rounds))
    };
    let best = |bands: u32| match residue {
        _ if bands == 1 => at(1, 1.0),
        Some(residue) => at(bands, residue),
        None => {
            // The error is flat where it is least: a tenth of the residue more or less changes it by a thousandth.
            let coarse = (0..=9).map(|halvings| at(bands, 0.5f64.powi(halvings)));
            let (rough, _) = least(coarse);
            let finer = (-7..8).map(|step| rough.residue * libm::exp2(f64::from(step) / 8.0));
            least(finer.map(|residue| at(bands, rounded(residue.clamp(LEAST_RESIDUE, 1.0)))))
        }
    };
    let fewest = if residue.is_some_and(|residue| residue < 1.0) { 2 } else { 1 };
    match bands {
        Some(bands) => best(bands).0,
        None => {
            let all: Vec<_> = (fewest..=USUAL).map(best).collect();
            let (_, error) = least(all.iter().copied());
            all.into_iter().find(|one| one.1 <= WORTH * error).expect("the least is among them").0
        }
    }
}

fn least(of: impl Iterator<Item = (Band, f64)>) -> (Band, f64) {
    of.min_by(|a, b| a.1.total_cmp(&b.1)).expect("there is one")
}

/// To three digits behind the point's zeros, so that people can read it.
fn rounded(residue: f64) -> f64 {
    let unit = if residue < 0.01 { 1e5 } else { 1e4 };
    (residue * unit).round() / unit
}
