//! `thunderline decisions trail`

use clap::Args;
use thunderline_web::dto::{decision::Decision, page::Page};

use super::sentences;
use crate::{
    client::{Client, path},
    failure::Result,
    output::{Format, print},
};

/// List everything that was decided because of one request
#[derive(Args, Debug)]
pub struct Trail {
    /// The correlation or trail of a decision, or the x-correlation-id of the request
    correlation: String,
    /// How many at most, up to 1000
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=1000))]
    limit: u32,
    /// Go on after the decision of this sequence number
    #[arg(long, value_name = "SEQUENCE", value_parser = clap::value_parser!(i64).range(0..))]
    after: Option<i64>,
}

impl Trail {
    /// Lists them.
    pub fn run(&self, client: &Client, format: Format) -> Result<()> {
        let (limit, after) = (self.limit.to_string(), self.after.unwrap_or(0).to_string());
        let path = path("/api/v1/decisions/trail/{correlation}", &[&self.correlation])?;
        let page: Page<Decision> = client.get(&path, &[("limit", &limit), ("after", &after)])?;
        print(format, &page, sentences);
        Ok(())
    }
}
