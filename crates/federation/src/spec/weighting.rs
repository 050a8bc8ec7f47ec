//! What each client counts: `weighting`.

use serde::{Deserialize, Serialize};
use thunderline_numerics::weighting::{self, By, Claim};

use super::{
    Strategy,
    fields::{Fields, Problems},
};
use crate::task::Report;

/// How clients are weighed.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Weighting {
    /// What weights are made from.
    pub by: By,
    /// The largest share of one client, in (0, 1].
    pub cap: f64,
    /// Seconds in which the weight of data halves; for `recency`.
    #[serde(default = "default_half_life")]
    pub half_life: u32,
}

const DAY: u32 = 86_400;

fn default_half_life() -> u32 {
    30 * DAY
}

impl Weighting {
    /// Without a cap.
    #[must_use]
    pub fn by(by: By) -> Self {
        Self { by, cap: 1.0, half_life: default_half_life() }
    }

    /// The clients' weights, in their order.
    #[must_use]
    pub fn weigh(&self, reports: &[&Report]) -> Vec<f64> {
        let metric = |report: &Report| report.metrics.get(self.by.metric()?).copied();
        let claims: Vec<_> = reports
            .iter()
            .map(|report| Claim { examples: report.num_examples, metric: metric(report) })
            .collect();
        let half_life = f64::from(self.half_life);
        weighting::Weighting { by: self.by, cap: self.cap, half_life }.weigh(&claims)
    }
}

/// `weighting: {by, cap, half_life}`; none where the strategy does not weigh, nor with differential privacy.
pub(super) fn read(
    top: &mut Fields<'_>,
    strategy: &Strategy,
    private: bool,
    problems: &mut Problems,
) -> Option<Weighting> {
    let default = strategy.kind().weighting.filter(|_| !private);
    let Some(default) = default else {
        if top.get("weighting").is_some() {
            let (reason, allowed) = if private {
                ("all clients weigh the same, as dp accounts for".into(), "left out with dp")
            } else {
                (format!("{} does not weigh clients", strategy.name()), "left out with this strategy")
            };
            problems.add("weighting", reason, allowed);
        }
        return None;
    };
    let mut group = top.group("weighting", problems);
    let name = group.text("by", 40, problems);
    let by = match name.as_deref() {
        None => default,
        Some(name) => By::ALL.into_iter().find(|by| by.name() == name).unwrap_or_else(|| {
            let known = By::ALL.map(By::name).join(", ");
            problems.add("weighting.by", format!("'{name}' is not known"), known);
            default
        }),
    };
    let cap = group.number("cap", |x| x > 0.0 && x <= 1.0, "above 0 and at most 1", 1.0, problems);
    let century = u64::from(DAY) * 36_525;
    let half_life = group.seconds("half_life", 1..=century, default_half_life().into(), problems) as u32;
    group.refuse_unknown(problems);
    Some(Weighting { by, cap, half_life })
}
