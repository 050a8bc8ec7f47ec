//! The key `secure_agg`: the server learns the sum of the clients' updates, and no single one.
//!
//! `true` stands for the group with its defaults. What cannot be done without looking at single updates is refused here.

use serde::{Deserialize, Serialize};
use thunderline_numerics::weighting::By;

use super::{
    App, Strategy, Weighting,
    fields::{Fields, Problems},
};

/// Secure aggregation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SecureAgg {
    /// Updates are clipped to ±`clip`, number by number, before they are masked; above 0.
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
    pub app: Option<&'a App>,
    pub private: bool,
    pub min_clients: u32,
    pub over_selection: f64,
}

/// Reads the key; `None` where it is not there, or `false`.
pub(super) fn read(top: &mut Fields<'_>, around: &Around<'_>, problems: &mut Problems) -> Option<SecureAgg> {
    let value = top.get("secure_agg")?;
    let mut group = if value.is_object() {
        top.group("secure_agg", problems)
    } else {
        if !top.flag("secure_agg", false, problems) {
            return None;
        }
        Fields::of("secure_agg", None, problems)
    };
    let uniform = around.weighting.is_some_and(|weighting| weighting.by == By::Uniform);
    let most = if uniform { 1 } else { 10_000 };
    let clip = |x: f64| (1e-6..=1e6).contains(&x);
    let spec = SecureAgg {
        clip: group.number("clip", clip, "1e-6 to 1e6", 4.0, problems),
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
    if !matches!(name, "fedavg" | "fedprox" | "fedavgm" | "fedadagrad" | "fedadam" | "fedyogi") {
        let reason = format!("{name} looks at single updates, which secure_agg hides");
        let allowed = "with secure_agg: fedavg, fedprox, fedavgm, fedadagrad, fedadam, fedyogi";
        problems.add("strategy", reason, allowed);
    }
    if matches!(around.app, Some(App::Flower(_))) {
        let reason = "Flower clients cannot mask what they send; runners can";
        problems.add("secure_agg", reason, "false with app.flower; or app: builtin or command");
    }
    if around.private {
        let reason = "the server cannot clip updates that it does not see";
        problems.add("secure_agg", reason, "false with dp");
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
