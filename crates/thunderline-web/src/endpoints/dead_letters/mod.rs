//! Events that consumers gave up.

pub mod drop;
pub mod list;
pub mod replay;
pub mod replay_all;
pub mod show;

use thunderline_core::{Error, Result};
use uuid::Uuid;

fn id(text: &str) -> Result<Uuid> {
    Uuid::parse_str(text).map_err(|_| {
        let reason = format!("'{text}' is not a dead letter's id");
        Error::invalid_value("id", reason, "a UUID, as the listing prints it")
    })
}
