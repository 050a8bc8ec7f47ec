//! `thunderline events replay`

use clap::Args;
use thunderline_web::dto::consumer::{Replay as Done, ReplayFrom};

use crate::{
    client::{Client, path},
    failure::Result,
    output::{Format, print},
};

/// Let a consumer see events again
///
/// Whatever it makes of them happens again: projections come to the same end, webhooks are sent again.
#[derive(Args, Debug)]
pub struct Replay {
    /// The consumer's name, as 'events consumers' prints it
    #[arg(long, value_name = "NAME")]
    consumer: String,
    /// The sequence number of the first event that it is to see again
    #[arg(long, value_name = "SEQ", value_parser = clap::value_parser!(i64).range(0..))]
    from: i64,
}

impl Replay {
    /// Does it.
    pub fn run(&self, client: &Client, format: Format) -> Result<()> {
        let path = path("/api/v1/consumers/{consumer}/replay", &[&self.consumer])?;
        let done: Done = client.post(&path, &ReplayFrom { from: self.from })?;
        print(format, &done, |it| {
            format!("{} goes on after event {}; it stood at {}", it.consumer, it.now, it.before)
        });
        Ok(())
    }
}
