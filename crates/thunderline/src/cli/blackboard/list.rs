//! `thunderline blackboard list`

use clap::Args;
use thunderline_core::{Clock, SystemClock};
use thunderline_web::dto::blackboard::{Board, Entry};

use super::In;
use crate::{
    client::Client,
    failure::Result,
    output::{Format, numbers::ago, print, table::table},
};

/// List values
#[derive(Args, Debug)]
pub struct List {
    /// Only keys that begin with this
    #[arg(default_value = "", hide_default_value = true)]
    prefix: String,
    #[command(flatten)]
    at: In,
    /// How many at most
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=1000))]
    limit: u32,
}

impl List {
    /// Lists.
    pub fn run(&self, client: &Client, format: Format) -> Result<()> {
        let limit = self.limit.to_string();
        let query = [("scope", self.at.scope.as_str()), ("prefix", &self.prefix), ("limit", &limit)];
        let board: Board = client.get("/api/v1/blackboard", &query)?;
        print(format, &board, human);
        Ok(())
    }
}

fn human(board: &Board) -> String {
    let now = SystemClock.now();
    let row = |it: &Entry| {
        let expires = it.expires_at.map(|at| format!("in {} s", at.duration_since(now).as_secs().max(0)));
        vec![
            it.key.clone(),
            it.kind.clone(),
            it.value.to_string(),
            expires.unwrap_or_default(),
            ago(it.changed_at, now),
            it.changed_by.clone(),
        ]
    };
    let rows: Vec<_> = board.items.iter().map(row).collect();
    let drawn = match rows.is_empty() {
        true => "no such value".to_owned(),
        false => table(&["KEY", "TYPE", "VALUE", "EXPIRES", "SET", "BY"], &rows),
    };
    format!("{drawn}\nasked of this server: {} found, {} not", board.hits, board.misses)
}
