//! `thunderline dead-letters replay`

use clap::Args;
use thunderline_web::dto::dead_letter::{Due, ReplayOf};

use crate::{
    client::{Client, path},
    failure::Result,
    output::{Format, print},
};

/// Try events again
///
/// With an event, all that wait with it are tried: those of the same consumer about the same thing, in order. What fails
/// again stays.
#[derive(Args, Debug)]
pub struct Replay {
    /// The dead letter's id
    #[arg(required_unless_present_any = ["all", "consumer"], conflicts_with_all = ["all", "consumer"])]
    id: Option<String>,
    /// All that wait
    #[arg(long)]
    all: bool,
    /// All of this consumer that wait
    #[arg(long, value_name = "NAME")]
    consumer: Option<String>,
}

impl Replay {
    /// Does it.
    pub fn run(&self, client: &Client, format: Format) -> Result<()> {
        let due: Due = match &self.id {
            Some(id) => client.post(&path("/api/v1/dead-letters/{id}/replay", &[id])?, &())?,
            None => {
                client.post("/api/v1/dead-letters/replay", &ReplayOf { consumer: self.consumer.clone() })?
            }
        };
        print(format, &due, |it| {
            format!("{} to be tried again; see 'thunderline dead-letters list'", it.due)
        });
        Ok(())
    }
}
