//! What liars send instead of their updates.

use thunderline_numerics::model::Network;

/// What a fifth of the clients does. All but the label flip know what the honest ones send in the same round.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Attack {
    /// Nothing.
    None,
    /// Their own steps, turned round and five times as long.
    SignFlip,
    /// A little is enough (Baruch et al. 2019, arXiv 1902.06156): as far from the honest mean as goes unnoticed.
    LittleIsEnough,
    /// Inner-product manipulation (Xie et al. 2019, arXiv 1903.03936): the honest mean step, turned round.
    InnerProduct,
    /// Honest training on wrong labels.
    LabelFlip,
}

impl Attack {
    pub const ALL: [Self; 5] =
        [Self::None, Self::SignFlip, Self::LittleIsEnough, Self::InnerProduct, Self::LabelFlip];

    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "no attack",
            Self::SignFlip => "sign flip",
            Self::LittleIsEnough => "ALIE",
            Self::InnerProduct => "IPM",
            Self::LabelFlip => "label flip",
        }
    }

    /// Replaces the updates of the liars, who are the first.
    pub fn apply(self, global: &Network, updates: &mut [Network], liars: usize) {
        let (bad, honest) = updates.split_at_mut(liars);
        if bad.is_empty() || matches!(self, Self::None | Self::LabelFlip) {
            return;
        }
        for (place, x) in global.parameters().iter().enumerate() {
            let values: Vec<f64> =
                honest.iter().map(|update| f64::from(update.parameters()[place])).collect();
            let mean = values.iter().sum::<f64>() / values.len() as f64;
            let variance =
                values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / values.len() as f64;
            for update in &mut *bad {
                let own = &mut update.parameters_mut()[place];
                *own = match self {
                    Self::SignFlip => x - 5.0 * (*own - x),
                    Self::LittleIsEnough => (mean - NORMAL_QUANTILE * variance.sqrt()) as f32,
                    _ => x - (mean as f32 - x),
                };
            }
        }
    }
}

/// Of 15 clients 3 lie, so s = ⌊15/2⌋ + 1 − 3 = 5 honest ones have to be further off than they: the normal distribution's
/// quantile of (15 − 3 − 5) / (15 − 3) = 7/12.
const NORMAL_QUANTILE: f64 = 0.2104;
