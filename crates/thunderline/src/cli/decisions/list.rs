//! `thunderline decisions list`

use clap::Args;
use thunderline_web::dto::{decision::Decision, page::Page};

use super::sentences;
use crate::{
    client::Client,
    failure::Result,
    output::{Format, print},
};

/// List decisions in the order in which they were made
#[derive(Args, Debug)]
pub struct List {
    /// Only those in this federation
    #[arg(long, value_name = "ID")]
    federation: Option<String>,
    /// Only those in rounds of this number
    #[arg(long, value_name = "NUMBER")]
    round: Option<u32>,
    /// Only those of this kind: clients.selected, update.weighed, update.refused, client.dropped, round.closed,
    /// round.failed, model.made, model.judged, federation.submitted, federation.steered
    #[arg(long, value_name = "KIND")]
    kind: Option<String>,
    /// How many at most, up to 1000
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=1000))]
    limit: u32,
    /// Go on after the decision of this sequence number
    #[arg(long, value_name = "SEQUENCE", value_parser = clap::value_parser!(i64).range(0..))]
    after: Option<i64>,
}

impl List {
    /// Lists them.
    pub fn run(&self, client: &Client, format: Format) -> Result<()> {
        let mut query = vec![("limit", self.limit.to_string())];
        query.extend(self.federation.iter().map(|id| ("federation", id.clone())));
        query.extend(self.round.iter().map(|round| ("round", round.to_string())));
        query.extend(self.kind.iter().map(|kind| ("kind", kind.clone())));
        query.extend(self.after.iter().map(|after| ("after", after.to_string())));
        let query: Vec<_> = query.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let page: Page<Decision> = client.get("/api/v1/decisions", &query)?;
        print(format, &page, sentences);
        Ok(())
    }
}
