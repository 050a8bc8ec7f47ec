//! Events are sent to other systems over HTTP, signed as [Standard Webhooks](https://www.standardwebhooks.com) say.
//!
//! An event that a webhook wants becomes a delivery, in the transaction that moves the consumer's cursor. A job sends what
//! waits for one webhook: of each thing the oldest event first, several things side by side, so that events about one
//! thing arrive in order and a thing that fails delays no other. What was sent and not noted down is sent again: each
//! event arrives at least once, under the same `webhook-id`. The socket is the edge's ([`Sender`]).

pub mod change;
pub mod create;
pub mod deliver;
pub mod patience;
pub mod pattern;
pub mod read;
pub(crate) mod rows;
pub mod sender;
pub mod sign;
pub mod sort;

pub use rows::{Delivery, DeliveryState, Webhook};
pub use sender::{Post, Sender};
