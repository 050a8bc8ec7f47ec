//! Errors (RFC 9457).

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// An error.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ProblemDetails {
    /// A name for this kind of error: `urn:thunderline:problem:<code>`.
    pub r#type: String,
    /// The kind of error in words.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// The stable code for programs: `invalid`, `unauthenticated`, `forbidden`, `not_found`, `conflict`, `too_large`,
    /// `unavailable`, `timeout`, `internal`.
    pub code: String,
    /// What is wrong, in words.
    pub detail: String,
    /// All that is wrong with an input, at once.
    #[serde(default)]
    pub problems: Vec<Problem>,
    /// Names this request in the server's log.
    pub correlation: String,
}

/// One thing that is wrong with an input.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Problem {
    /// Where: `round.quorum`, `dataset_spec.uris[2]`.
    pub path: String,
    /// Why it is refused.
    pub reason: String,
    /// What would be accepted.
    pub allowed: String,
}

impl From<&thunderline_core::Problem> for Problem {
    fn from(problem: &thunderline_core::Problem) -> Self {
        let thunderline_core::Problem { path, reason, allowed } = problem.clone();
        Self { path, reason, allowed }
    }
}
