//! Whose turn it is, for clients that are asked in messages.
//!
//! A runner holds a call until an exchange is over. A Flower client knows tasks only: each exchange is a task of its own,
//! under the same lease. Which one follows from what is kept, so that a lost task is handed out again as it was.

use thunderline_core::Result;
use thunderline_store::Query;

use super::{Exchange, rows};
use crate::{
    plan::Purpose,
    rows::{Federation, Lease},
    spec::App,
};

/// The exchange that is open, for one client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Turn {
    /// Which exchange.
    pub exchange: Exchange,
    /// Whether there is nothing to ask the client now: it has spoken, or the round goes on without it.
    pub waits: bool,
}

/// Whose lease goes through exchanges in messages: a training lease of a Flower app in a masked round.
pub(crate) fn in_messages(federation: &Federation, lease: &Lease) -> bool {
    let spec = &federation.spec;
    spec.secure_agg.is_some() && matches!(spec.app, App::Flower(_)) && lease.purpose == Purpose::Train
}

/// The turn of such a lease; `None` where its round is over.
pub(crate) async fn of_lease(query: &mut impl Query, lease: &Lease) -> Result<Option<Turn>> {
    let Some(open) = rows::open(query, lease.round).await? else { return Ok(None) };
    let exchange = open.exchange;
    let invited = match exchange.before() {
        None => true,
        Some(before) => rows::said(query, lease.round, before, lease.id).await?.is_some(),
    };
    let spoken = rows::said(query, lease.round, exchange, lease.id).await?.is_some();
    Ok(Some(Turn { exchange, waits: exchange == Exchange::Done || spoken || !invited }))
}
