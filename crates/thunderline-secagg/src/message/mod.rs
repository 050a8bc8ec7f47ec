//! What client and server say to each other. The roster, which is a message too, is in `roster.rs`.
//!
//! | kind | message | from, to | bytes in its body |
//! |---|---|---|---|
//! | 1 | [`Advertisement`] | client to server | 224 |
//! | 2 | [`crate::Roster`] | server to all | 34 + 192 a member |
//! | 3 | [`SealedShares`] | client to server | 36 + 82 a neighbour |
//! | 4 | [`Delivery`] | server to one | 36 + 2 a sharer + 82 a neighbour |
//! | 5 | [`MaskedInput`] | client to server | 134 + 4 a number |
//! | 6 | [`Survivors`] | server to all | 34 + 98 a survivor |
//! | 7 | [`Consent`] | client to server | 98 |
//! | 8 | [`Consents`] | server to all | 34 + 66 a consent |
//! | 9 | [`Reveal`] | client to server | 36 + 34 a neighbour |
//!
//! Every one begins with four letters, the version and its kind. Those after the roster name its digest, which stands
//! for the session, its terms and everybody's keys. Fields are public: what a message says is believed only by what
//! checks it.

mod advertisement;
pub(crate) mod consent;
pub(crate) mod input;
mod reveal;
mod shares;
mod survivors;

pub use advertisement::Advertisement;
pub use consent::{Consent, Consents};
pub use input::MaskedInput;
pub use reveal::Reveal;
pub use shares::{Delivery, SealedShares};
pub use survivors::{Survivor, Survivors};

pub(crate) use shares::sharers_digest;
