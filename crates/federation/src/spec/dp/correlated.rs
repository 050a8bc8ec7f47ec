//! The keys of `dp_ftrl`: how often a client may come, and what correlates the noise of rounds.

use serde::{Deserialize, Serialize};
use thunderline_numerics::privacy::{Participation, banded};

use super::{
    super::fields::{Fields, Problems},
    choice,
};

/// What correlates the noise of rounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Matrix {
    /// A tree over the rounds (Kairouz et al. 2021).
    Tree,
    /// The last few rounds' noise is taken away again (Kalinin et al. 2025).
    Banded,
}

/// What the keys say.
#[derive(Clone, Copy)]
pub(super) struct Correlated {
    pub limits: Participation,
    pub matrix: Matrix,
    pub band: Option<banded::Band>,
}

impl Correlated {
    /// Reads the keys for so many rounds. Bands win over the tree in every setting that was compared, hence the default.
    pub fn read(group: &mut Fields<'_>, rounds: u32, problems: &mut Problems) -> Self {
        let limits = read_limits(group, rounds, problems);
        let matrix = match choice(group, "matrix", &["banded", "tree"], problems) {
            Some("tree") => Matrix::Tree,
            _ => Matrix::Banded,
        };
        let band = if matrix == Matrix::Banded {
            Some(read_band(group, limits, rounds, problems))
        } else {
            refuse_keys(&["bands", "residue"], "the tree has none", "with matrix: banded", group, problems);
            None
        };
        Self { limits, matrix, band }
    }
}

/// Refuses the keys, as what belongs to another mechanism.
pub(super) fn refuse(group: &mut Fields<'_>, problems: &mut Problems) {
    let keys = ["max_participations", "min_separation", "matrix", "bands", "residue"];
    refuse_keys(&keys, "fresh noise in each round needs none", "with mechanism: dp_ftrl", group, problems);
}

fn refuse_keys(
    keys: &[&'static str],
    reason: &str,
    allowed: &str,
    group: &mut Fields<'_>,
    problems: &mut Problems,
) {
    for key in keys {
        if group.get(key).is_some() {
            problems.add(group.path(key), reason, allowed);
        }
    }
}

/// How often a client may come.
fn read_limits(group: &mut Fields<'_>, rounds: u32, problems: &mut Problems) -> Participation {
    if group.get("sampling").is_some_and(|value| value != "limited") {
        problems.add("dp.sampling", "dp_ftrl does not sample", "the key left out");
    }
    let separation = group.whole("min_separation", 1..=100_000, 1, problems) as u32;
    let all = rounds.div_ceil(separation);
    let most = group.whole("max_participations", 1..=100_000, all.into(), problems) as u32;
    Participation { most: most.min(all), separation }
}

/// The bands of the noise: what is left open is what leaves the least noise in the model.
fn read_band(
    group: &mut Fields<'_>,
    limits: Participation,
    rounds: u32,
    problems: &mut Problems,
) -> banded::Band {
    let before = problems.0.len();
    let bands = group.get("bands").map(|_| group.whole("bands", 1..=banded::MOST.into(), 1, problems) as u32);
    let fits = |x: f64| (banded::LEAST_RESIDUE..=1.0).contains(&x);
    let residue = group.get("residue").map(|_| group.number("residue", fits, "0.001 to 1", 1.0, problems));
    if let (Some(1), Some(residue)) = (bands, residue)
        && residue < 1.0
    {
        let reason = "a single band takes nothing away of the rounds before";
        problems.add(group.path("residue"), reason, "with bands: 1: 1, or the key left out");
    }
    if problems.0.len() > before {
        // What is refused is not looked for.
        return banded::Band { bands: 1, residue: 1.0 };
    }
    banded::choose(limits, rounds.into(), bands, residue)
}
