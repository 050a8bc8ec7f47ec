//! `thunderline events publish`

use clap::Args;
use serde_json::Value;
use thunderline_core::Timestamp;
use thunderline_web::dto::fact::{Fact, Taken};

use crate::{
    client::Client,
    failure::Result,
    output::{Format, print},
};

/// Tell a fact of another system; telling it twice changes nothing
#[derive(Args, Debug)]
pub struct Publish {
    /// The system
    #[arg(long)]
    source: String,
    /// The fact's own id there
    #[arg(long)]
    id: String,
    /// What kind of fact it is there
    #[arg(long)]
    kind: String,
    /// When it happened there, as 2027-01-31T12:00:00Z
    #[arg(long, value_name = "TIME")]
    time: Option<Timestamp>,
    /// The fact itself, as JSON
    #[arg(long, value_name = "JSON", value_parser = json)]
    data: Option<Value>,
}

impl Publish {
    /// Tells it.
    pub fn run(&self, client: &Client, format: Format) -> Result<()> {
        let fact = Fact {
            source: self.source.clone(),
            id: self.id.clone(),
            kind: self.kind.clone(),
            time: self.time,
            data: self.data.clone().unwrap_or_default(),
        };
        let taken: Taken = client.post("/api/v1/events", &fact)?;
        print(format, &taken, |it| if it.taken { "taken" } else { "known: it was told before" }.to_owned());
        Ok(())
    }
}

/// A JSON value on the command line.
pub fn json(text: &str) -> Result<Value, String> {
    serde_json::from_str(text)
        .map_err(|error| format!("this is not JSON ({error}); a text needs its quotes: '\"word\"'"))
}
