//! Where a job stands.

/// The state of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JobState {
    /// It waits for its time or for a worker.
    Available,
    /// A worker holds it.
    Running,
    /// Its handler succeeded.
    Completed,
    /// It was given up after an error, or its workers vanished too often.
    Discarded,
    /// Somebody, or its handler, said that it shall not run; or the same job took its place.
    Cancelled,
}

impl JobState {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::Available, Self::Running, Self::Completed, Self::Discarded, Self::Cancelled];

    /// Its name in rows, listings and filters.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Available => "available",
            Self::Running => "running",
            Self::Completed => "completed",
            Self::Discarded => "discarded",
            Self::Cancelled => "cancelled",
        }
    }

    /// The state of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }
}
