//! How often one client takes part.

/// The rule that noise which is correlated over rounds is calibrated to: of a [`tree`](super::tree) or of
/// [`bands`](super::banded).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Participation {
    /// The most rounds, from 1.
    pub most: u32,
    /// If it takes part in round r, the next one that it may take part in is r + separation; from 1.
    pub separation: u32,
}

impl Participation {
    /// In how many of so many rounds one client takes part at most.
    #[must_use]
    pub fn times(&self, rounds: u64) -> u64 {
        rounds.div_ceil(u64::from(self.separation.max(1))).min(u64::from(self.most))
    }
}
