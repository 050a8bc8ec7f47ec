//! The key `secure_agg`: the server learns the sum of the clients' updates, and no single one.
//!
//! `true` stands for the group with its defaults. What cannot be done without looking at single updates is refused here.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use thunderline_numerics::weighting::By;

use super::{
    Strategy, Weighting,
    fields::{Fields, Problems, show},
};

/// Secure aggregation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SecureAgg {
    /// Updates are clipped to ±`clip`, number by number, before they are masked; above 0. With `dp` this is `dp.clip_norm`: no
    /// number of an update is larger than the whole is long.
    pub clip: f64,
    /// The most examples that count for one client; 1 where all weigh the same.
    pub max_weight: u32,
    /// The share of clients that may work with the server, in (0, 0.5].
    pub corrupt: f64,
    /// The share of clients that may fall away in a round, in [0, 0.5).
    pub dropouts: f64,
}

/// What of the rest of a spec the key depends on.
pub(super) struct Around<'a> {
    pub strategy: &'a Strategy,
    pub weighting: Option<&'a Weighting>,
    pub private: bool,
    /// `dp.clip_norm`.
    pub norm: Option<f64>,
    pub min_clients: u32,
    pub over_selection: f64,
}

/// Whether the key asks for it, right or wrong in what it says besides.
pub(super) fn wanted(top: &mut Fields<'_>) -> bool {
    top.get("secure_agg").is_some_and(|value| value.is_object() || *value == true)
}

/// Reads the key; `None` where it is not there, or `false`.
pub(super) fn read(top: &mut Fields<'_>, around: &Around<'_>, problems: &mut Problems) -> Option<SecureAgg> {
    let value = top.get("secure_agg")?;
    let mut group = match value {
        Value::Object(_) => top.group("secure_agg", problems),
        Value::Bool(true) => Fields::of("secure_agg", None, problems),
        Value::Bool(false) => return None,
        other => {
            let reason = format!("{} does not say whether updates are masked", show(other));
            problems.add("secure_agg", reason, "true, false, or {clip, max_weight, corrupt, dropouts}");
            return None;
        }
    };
    let uniform = around.private || around.weighting.is_some_and(|weighting| weighting.by == By::Uniform);
    let most = if uniform { 1 } else { 10_000 };
    let clip = match around.norm {
        None => group.number("clip", |x| (1e-6..=1e6).contains(&x), "1e-6 to 1e6", 4.0, problems),
        Some(norm) => {
            let allowed = "with dp: dp.clip_norm, or the key left out";
            group.number("clip", |x| x == norm, allowed, norm, problems)
        }
    };
    let spec = SecureAgg {
        clip,
        max_weight: group.whole("max_weight", 1..=1_000_000, most, problems) as u32,
        corrupt: group.number("corrupt", |x| x > 0.0 && x <= 0.5, "above 0, at most 0.5", 0.2, problems),
        dropouts: group.number("dropouts", |x| (0.0..0.5).contains(&x), "0 to below 0.5", 0.3, problems),
    };
    group.refuse_unknown(problems);
    if uniform && spec.max_weight != 1 {
        problems.add("secure_agg.max_weight", "all clients weigh the same", "1, or the key left out");
    }
    if spec.corrupt + 2.0 * spec.dropouts >= 1.0 {
        let reason = "corrupt + 2·dropouts reaches 1: so many could not be told from the server's own";
        problems.add("secure_agg.dropouts", reason, "corrupt + 2·dropouts below 1");
    }
    combine(around, problems);
    Some(spec)
}

/// What secure aggregation goes with.
fn combine(around: &Around<'_>, problems: &mut Problems) {
    let name = around.strategy.name();
    let of_mean = matches!(name, "fedavg" | "fedprox" | "fedavgm" | "fedadagrad" | "fedadam" | "fedyogi");
    // A program gets the mean as its one update.
    if !of_mean && around.strategy.program().is_none() {
        let reason = format!("{name} looks at single updates, which secure_agg hides");
        let allowed = "with secure_agg: fedavg, fedprox, fedavgm, fedadagrad, fedadam, fedyogi, external";
        problems.add("strategy", reason, allowed);
    }
    if let Some(weighting) = around.weighting {
        if !matches!(weighting.by, By::Examples | By::Uniform) {
            problems.add("weighting.by", "the weight is masked with the update", "examples or uniform");
        }
        if weighting.cap < 1.0 {
            let reason = "a share of weights that nobody sees cannot be capped";
            problems.add("weighting.cap", reason, "1, and secure_agg.max_weight");
        }
    }
    if around.min_clients < 3 {
        problems.add("min_clients", "a client hides among two others at least", "3 or more with secure_agg");
    }
    if around.over_selection != 1.0 {
        let reason = "who is late is a drop-out, which costs more than it saves";
        problems.add("round.over_selection", reason, "with secure_agg: 1");
    }
}
