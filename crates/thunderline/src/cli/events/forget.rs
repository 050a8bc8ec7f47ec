//! `thunderline events forget`

use clap::Args;
use serde_json::json;

use crate::{
    client::{Client, path},
    failure::Result,
    output::{Format, print},
};

/// Forget a consumer that is no more
///
/// Events are kept until every consumer has passed them. One that runs registers itself again and begins with the oldest
/// event that is kept.
#[derive(Args, Debug)]
pub struct Forget {
    /// The consumer's name, as 'events consumers' prints it
    #[arg(long, value_name = "NAME")]
    consumer: String,
}

impl Forget {
    /// Does it.
    pub fn run(&self, client: &Client, format: Format) -> Result<()> {
        client.remove(&path("/api/v1/consumers/{consumer}", &[&self.consumer])?, &[])?;
        print(format, &json!({ "forgotten": self.consumer }), |_| format!("{} is forgotten", self.consumer));
        Ok(())
    }
}
