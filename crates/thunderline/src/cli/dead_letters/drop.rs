//! `thunderline dead-letters drop`

use clap::Args;
use thunderline_web::dto::dead_letter::Due;

use crate::{
    client::{Client, path},
    failure::Result,
    output::{Format, print},
};

/// Give an event up for good
///
/// Events that only waited behind it are handed over.
#[derive(Args, Debug)]
pub struct Drop {
    /// The dead letter's id
    id: String,
}

impl Drop {
    /// Does it.
    pub fn run(&self, client: &Client, format: Format) -> Result<()> {
        let due: Due = client.post(&path("/api/v1/dead-letters/{id}/drop", &[&self.id])?, &())?;
        print(format, &due, |it| format!("dropped; {} that waited behind it to be handed over", it.due));
        Ok(())
    }
}
