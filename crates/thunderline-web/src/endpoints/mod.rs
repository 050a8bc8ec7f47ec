//! One file per endpoint.

pub mod artifacts;
pub mod blackboard;
pub mod consumers;
pub mod dead_letters;
pub mod decisions;
pub mod domains;
pub mod events;
pub mod federations;
pub mod flags;
pub mod health;
pub mod lineage;
pub mod nodes;
pub mod openapi;
pub mod page;
pub mod rounds;
pub mod webhooks;

use axum::http::Uri;
use thunderline_core::{Error, Result};

use crate::problem::Failure;

/// There is no such path.
pub async fn unknown(uri: Uri) -> Failure {
    Error::not_found(format_args!("{} (see /openapi.json)", uri.path())).into()
}

/// A place in a list that goes by time.
fn before(text: Option<&str>) -> Result<Option<thunderline_core::Timestamp>> {
    let parse = |text: &str| {
        text.parse().map_err(|_| {
            let reason = format!("'{text}' is not a time");
            Error::invalid_value("before", reason, "the 'next' of the piece before, as 2027-01-31T12:00:00Z")
        })
    };
    text.map(parse).transpose()
}
