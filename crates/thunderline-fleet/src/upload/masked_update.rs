//! A runner's masked update on its way in: what it says in one exchange of a masked round. One object, which is handed on and
//! not kept as one.

use std::ops::RangeInclusive;

use federation::masked::{self, Exchange, Place};
use thunderline_core::{ErrorKind, LeaseId, Result};
use thunderline_flower::ObjectId;
use thunderline_objects::{Area, Partial, Sha256};

use super::{
    Begun, Progress,
    append::{Received, go_on},
    receive::digest,
};
use crate::{Fleet, blocking::blocking, exchange, fleet::Node};

/// The exchange in which a client says as much as its update has.
const EXCHANGE: Exchange = Exchange::Mask;

/// The update of one lease.
pub(crate) struct MaskedUpdate {
    lease: LeaseId,
    area: Area,
    /// Which one the domain has taken, once it has.
    taken: Option<Sha256>,
    lengths: RangeInclusive<u64>,
}

impl MaskedUpdate {
    /// The update of the lease that the node has for this message.
    ///
    /// # Errors
    /// `conflict` where nothing is waited for; `too_large` where the model is; those of the domain.
    pub(crate) async fn open(fleet: &Fleet, node: &Node, message: &str) -> Result<Self> {
        let lease = exchange::lease(fleet, node, message).await?;
        let place = masked::place(&node.cx, &fleet.federations, lease, EXCHANGE).await?;
        let Place { area, said: taken, lengths } = place;
        Ok(Self { lease, area, taken, lengths: exchange::within_limit(lengths)? })
    }

    /// How many bytes it can have.
    pub(crate) fn lengths(&self) -> RangeInclusive<u64> {
        self.lengths.clone()
    }

    fn owner(&self) -> String {
        self.lease.to_string()
    }

    /// How far it is, by what is on disk.
    ///
    /// # Errors
    /// `internal` where the disk fails.
    pub(crate) async fn progress(&self) -> Result<Progress> {
        if self.taken.is_some() {
            return Ok(Progress::default());
        }
        let (area, owner) = (self.area.clone(), self.owner());
        let partial = blocking(move || area.partial(&owner)).await?;
        let partial = partial.map(|(found, offset)| Received { object_id: found.to_string(), offset });
        Ok(Progress { missing: 1, partial })
    }

    /// Goes on with what has `offset` bytes already.
    ///
    /// # Errors
    /// `conflict` where another request goes on with it; `not_found` where the round is over; `internal` where the disk fails.
    pub(crate) async fn begin(&self, id: ObjectId, offset: u64) -> Result<Begun> {
        match self.taken {
            Some(taken) if taken == digest(&id) => return Ok(Begun::There),
            Some(_) => return Ok(Begun::Refused("the client has said something else")),
            None => {}
        }
        let (area, owner) = (self.area.clone(), self.owner());
        blocking(move || go_on(&area, &owner, id, offset)).await
    }

    /// Hands it on, all of its bytes being there. They stay until that is done: where it fails for a reason that may pass, the
    /// client ends its message again, with no more than a head.
    ///
    /// # Errors
    /// `invalid` where it is other bytes than its id says, or does not fit; those of the domain.
    pub(crate) async fn hand_on(
        &mut self,
        fleet: &Fleet,
        node: &Node,
        id: ObjectId,
        partial: Partial,
    ) -> Result<()> {
        // In memory only from here on, however long it took to come.
        let _share = fleet.spool.share(usize::try_from(partial.length()).unwrap_or(usize::MAX)).await;
        let said = blocking(move || partial.content()).await?;
        let received = masked::receive(&node.cx, &fleet.federations, self.lease, EXCHANGE, said).await;
        if received.as_ref().map_or_else(|error| error.kind() == ErrorKind::Invalid, |()| true) {
            let (area, owner) = (self.area.clone(), self.owner());
            blocking(move || area.forget_partial(&owner)).await?;
        }
        received?;
        self.taken = Some(digest(&id));
        Ok(())
    }
}
