//! `thunderline retention set`

use clap::{ArgGroup, Args, ValueEnum};
use thunderline_web::dto::retention::{RetentionRequest, RetentionRule};

use super::{list::keeps, span::Span};
use crate::{
    client::{Client, path},
    failure::Result,
    output::{Format, print},
};

/// Set a rule
///
/// What goes is older than --keep-for (and --grace) and not among the newest --keep-newest.
#[derive(Args, Debug)]
#[command(group = ArgGroup::new("keep").required(true).multiple(true).args(["keep_for", "keep_newest", "forever"]))]
pub struct Set {
    /// Of what: see 'thunderline retention list'
    resource: String,
    /// For how long: 90s, 30m, 12h, 30d
    #[arg(long, value_name = "SPAN")]
    keep_for: Option<Span>,
    /// How many of the newest, however old
    #[arg(long, value_name = "COUNT")]
    keep_newest: Option<u32>,
    /// Everything, for ever
    #[arg(long, conflicts_with_all = ["keep_for", "keep_newest"])]
    forever: bool,
    /// What happens then
    #[arg(long, value_enum, default_value_t = Then::Delete)]
    action: Then,
    /// How much longer
    #[arg(long, value_name = "SPAN", default_value = "0s")]
    grace: Span,
    /// For whom: global, or a tenant's id
    #[arg(long, default_value = "global")]
    scope: String,
}

/// What happens to what need not be kept.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Then {
    /// It is gone
    Delete,
    /// It is written to a file in the data folder's 'archive' first
    Archive,
}

impl Set {
    /// Sets it.
    pub fn run(&self, client: &Client, format: Format) -> Result<()> {
        let action = match self.action {
            Then::Delete => "delete",
            Then::Archive => "archive",
        };
        let request = RetentionRequest {
            scope: Some(self.scope.clone()),
            keep_seconds: self.keep_for.map(|span| span.0),
            keep_newest: self.keep_newest,
            action: Some(action.to_owned()),
            grace_seconds: Some(self.grace.0),
        };
        let rule: RetentionRule =
            client.post(&path("/api/v1/retention/{resource}/set", &[&self.resource])?, &request)?;
        print(format, &rule, |rule| {
            let keeps = keeps(rule.keep_seconds, rule.keep_newest);
            format!("{} ({}) is kept {keeps}, then: {}", self.resource, rule.scope, rule.action)
        });
        Ok(())
    }
}
