//! Data retention.

pub mod list;
pub mod preview;
pub mod run;
pub mod set;
pub mod unset;

use thunderblock::retention::Scope;
use thunderline_core::Result;

/// The scope that is meant.
fn scope(text: Option<&str>) -> Result<Scope> {
    text.map_or(Ok(Scope::Global), str::parse)
}
