//! The exchanges of a masked round, in order.

/// What clients say next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Exchange {
    /// Their keys; they are told the roster.
    Advertise,
    /// Their sealed shares; they are told who has shared, and what was sealed for them.
    Share,
    /// Their masked inputs, after training; they are told whose are in the sum.
    Mask,
    /// That they were told so; they are told who else was.
    Consent,
    /// The shares that take the masks off. Nothing follows.
    Reveal,
    /// All was said.
    Done,
}

impl Exchange {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Advertise, Self::Share, Self::Mask, Self::Consent, Self::Reveal, Self::Done];

    /// The name in tables and paths.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Advertise => "advertise",
            Self::Share => "share",
            Self::Mask => "mask",
            Self::Consent => "consent",
            Self::Reveal => "reveal",
            Self::Done => "done",
        }
    }

    /// The exchange of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|exchange| exchange.name() == name)
    }

    /// The exchange of this name in which clients say something: when all was said, nobody does.
    #[must_use]
    pub fn spoken(name: &str) -> Option<Self> {
        Self::named(name).filter(|exchange| *exchange != Self::Done)
    }

    /// What comes after it.
    #[must_use]
    pub const fn next(self) -> Self {
        match self {
            Self::Advertise => Self::Share,
            Self::Share => Self::Mask,
            Self::Mask => Self::Consent,
            Self::Consent => Self::Reveal,
            Self::Reveal | Self::Done => Self::Done,
        }
    }

    /// Whose turn it is: those who spoke in this one. `None` where everybody may.
    #[must_use]
    pub const fn before(self) -> Option<Self> {
        match self {
            Self::Advertise => None,
            Self::Share => Some(Self::Advertise),
            Self::Mask => Some(Self::Share),
            Self::Consent => Some(Self::Mask),
            Self::Reveal | Self::Done => Some(Self::Consent),
        }
    }
}
