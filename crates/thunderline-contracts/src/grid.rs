//! Thundergrid's events: places, and who holds them.

use thunderline_core::{NodeId, Timestamp, ZoneId};

use crate::event;

event! {
    /// There is a new zone.
    ZoneCreated = "grid.zone.created" about "zone" zone {
        /// Which zone.
        zone: ZoneId,
        /// Its name, unique within the tenant.
        name: String,
    }
}

event! {
    /// A zone is no more.
    ZoneDeleted = "grid.zone.deleted" about "zone" zone {
        /// Which zone.
        zone: ZoneId,
        /// The name that it had.
        name: String,
    }
}

event! {
    /// A zone has an owner, until it lets go of it or the time is over. Renewals are not told.
    ZoneClaimed = "grid.zone.claimed" about "zone" zone {
        /// Which zone.
        zone: ZoneId,
        /// Whose it is.
        owner: String,
        /// Grows with each claim: what an earlier owner still sends can be told by its smaller number.
        token: i64,
        /// When it ends unless it is renewed.
        expires_at: Timestamp,
    }
}

event! {
    /// A zone has no owner any more.
    ZoneReleased = "grid.zone.released" about "zone" zone {
        /// Which zone.
        zone: ZoneId,
        /// Whose it was.
        owner: String,
        /// Of the claim that ended.
        token: i64,
        /// Whether its time was over, rather than being given back.
        expired: bool,
    }
}

event! {
    /// A node's place has become known, or is another one now.
    ZoneNodeAssigned = "grid.zone.node_assigned" about "node" node {
        /// Which node.
        node: NodeId,
        /// Where it is; none where no zone fits it any more.
        zone: Option<ZoneId>,
        /// Whether somebody said so, rather than its labels.
        by_hand: bool,
    }
}
