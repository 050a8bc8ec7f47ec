//! `thunderline openapi`

use crate::{failure::Result, output::say};

/// Prints the document.
pub fn run() -> Result<()> {
    say(&thunderline_web::openapi());
    Ok(())
}
