//! A client, as a chain of stages. Each stage takes the one before, so a secret serves one roster, one input and one set
//! of survivors; nothing that a server sends can make a client go back.
//!
//! ```text
//! Advertised ── roster ──▶ Shared ── delivery, input ──▶ Masked ── survivors ──▶ Consented ── consents ──▶ Reveal
//! ```

mod advertised;
mod consented;
mod masked;
mod shared;

pub use advertised::Advertised;
pub use consented::Consented;
pub use masked::Masked;
pub use shared::Shared;

pub(crate) use advertised::commitment;
pub(crate) use shared::pair_sign;

use std::collections::BTreeMap;
use std::sync::Arc;

use zeroize::Zeroizing;

use crate::keys::Identity;
use crate::roster::Roster;

/// What a client knows of itself from the roster on.
struct Member {
    identity: Arc<Identity>,
    roster: Arc<Roster>,
    place: u16,
}

/// A neighbour's two shares: of the seed of its own mask, and of its mask key.
type Held = BTreeMap<u16, [Zeroizing<[u8; 32]>; 2]>;
