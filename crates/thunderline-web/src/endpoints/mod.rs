//! One file per endpoint.

pub mod artifacts;
pub mod backups;
pub mod blackboard;
pub mod changes;
pub mod checkpoints;
pub mod consumers;
pub mod dead_letters;
pub mod decisions;
pub mod domains;
pub mod events;
pub mod executions;
pub mod federations;
pub mod flags;
pub mod health;
pub mod jobs;
pub mod lineage;
pub mod node_groups;
pub mod nodes;
pub mod openapi;
pub mod page;
pub mod privacy;
pub mod retention;
pub mod rounds;
pub mod schedules;
pub mod sessions;
pub mod strategies;
pub mod webhooks;
pub mod workflows;
pub mod zones;

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

/// A place in a list that goes by time and, where times are the same, by id.
fn place<I: std::str::FromStr>(text: Option<&str>) -> Result<Option<(thunderline_core::Timestamp, I)>> {
    let parse = |text: &str| {
        let parts = text.split_once('_').and_then(|(time, id)| Some((time.parse().ok()?, id.parse().ok()?)));
        parts.ok_or_else(|| {
            let reason = format!("'{text}' is not a place in this list");
            Error::invalid_value("before", reason, "the 'next' of the piece before")
        })
    };
    text.map(parse).transpose()
}

/// An id that a parameter of this name may give.
fn id_in<I: std::str::FromStr<Err = Error>>(name: &str, text: Option<&str>) -> Result<Option<I>> {
    let named = |error: Error| match error.problems() {
        [problem] => Error::invalid_value(name, problem.reason.clone(), problem.allowed.clone()),
        _ => error,
    };
    text.map(|text| text.parse().map_err(named)).transpose()
}

/// Ids of nodes; the first that is none is told with its place.
fn node_ids(path: &str, texts: &[String]) -> Result<Vec<thunderline_core::NodeId>> {
    let parse = |(index, text): (usize, &String)| {
        let wrong = |_| {
            let reason = format!("'{text}' is not a node id");
            Error::invalid_value(format!("{path}[{index}]"), reason, "an id as 'nodes list' prints it")
        };
        text.parse().map_err(wrong)
    };
    texts.iter().enumerate().map(parse).collect()
}
