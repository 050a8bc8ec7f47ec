//! Following a federation until it is over.

use std::{thread, time::Duration};

use thunderline_core::{Clock, SystemClock, brief};
use thunderline_web::dto::{federation::FederationDetails, node::Node, page::Page, rollup::Rollup};

use super::{Client, path};
use crate::{
    failure::{Exit, Failure, Result},
    output::{Format, LONGEST_REASON, live::Live, progress, say},
};

const LOOK: Duration = Duration::from_millis(250);
/// A server that restarts is away for a moment; this many looks in a row may fail.
const PATIENCE: u32 = 120;
/// Looks in a row that find a round without nodes before that is told as a line.
const WAITS: u32 = 4;

/// What is shown meanwhile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Show {
    /// Progress drawn in place on a terminal, a line per round elsewhere.
    Progress,
    /// The metrics of each round as a line of JSON.
    JsonLines,
    /// Nothing.
    Nothing,
}

impl From<Format> for Show {
    fn from(format: Format) -> Self {
        match format {
            Format::Human => Self::Progress,
            Format::Json => Self::JsonLines,
        }
    }
}

/// How a federation ended.
pub struct Watched {
    /// The federation.
    pub details: FederationDetails,
    /// The metrics of its rounds.
    pub rollups: Vec<Rollup>,
}

/// Shows a federation's progress until it is over, or `keep_on` says no.
///
/// # Errors
/// What the server refuses; that it stays away.
pub fn watch(client: &Client, id: &str, show: Show, keep_on: &dyn Fn() -> bool) -> Result<Watched> {
    let path = path("/api/v1/federations/{id}", &[id])?;
    let mut live = if show == Show::Progress { Live::stdout() } else { Live::silent() };
    let (mut rollups, mut begun, mut missed, mut waiting) = (Vec::<Rollup>::new(), false, 0, 0);
    loop {
        let (details, new) = match look(client, &path, &rollups) {
            Err(away) if away.exit == Exit::Unreachable && begun && missed < PATIENCE => {
                missed += 1;
                live.draw(&[format!("{away}")]);
                thread::sleep(LOOK);
                continue;
            }
            other => other?,
        };
        (begun, missed) = (true, 0);
        for rollup in &new {
            tell(rollup, details.federation.rounds_total, show, &live);
        }
        rollups.extend(new);
        waiting = if progress::waits_for_nodes(&details) { waiting + 1 } else { 0 };
        if waiting == WAITS && show == Show::Progress && !live.is_terminal() {
            say(&progress::waiting_line(&details, online(client)));
        }
        live.draw(&progress::block(&details, &rollups, SystemClock.now()));
        let watched = Watched { details, rollups };
        if watched.is_over() || !keep_on() {
            return Ok(watched);
        }
        rollups = watched.rollups;
        thread::sleep(LOOK);
    }
}

/// The federation, and the metrics of the rounds that are not known yet.
fn look(client: &Client, path: &str, known: &[Rollup]) -> Result<(FederationDetails, Vec<Rollup>)> {
    let details: FederationDetails = client.get(path, &[])?;
    if details.federation.completed_rounds as usize <= known.len() {
        return Ok((details, Vec::new()));
    }
    let after = known.last().map_or(0, |rollup| rollup.round).to_string();
    let page: Page<Rollup> = client.get(&format!("{path}/rollups"), &[("after", &after)])?;
    Ok((details, page.items))
}

/// How many nodes are online, as far as that can be learned.
fn online(client: &Client) -> Option<usize> {
    let nodes: Page<Node> = client.get("/api/v1/nodes", &[("limit", "1000")]).ok()?;
    Some(nodes.items.iter().filter(|node| node.state == "online").count())
}

fn tell(rollup: &Rollup, total: u32, show: Show, live: &Live) {
    match show {
        Show::JsonLines => say(&serde_json::to_string(rollup).expect("a rollup is plain data")),
        Show::Progress if !live.is_terminal() => say(&progress::round_line(rollup, total)),
        Show::Progress | Show::Nothing => {}
    }
}

impl Watched {
    /// True where nothing can happen any more.
    #[must_use]
    pub fn is_over(&self) -> bool {
        matches!(self.details.federation.state.as_str(), "completed" | "failed" | "cancelled")
    }

    /// A federation that did not complete is a command that failed.
    ///
    /// # Errors
    /// Why it did not complete.
    pub fn outcome(&self) -> Result<()> {
        let federation = &self.details.federation;
        match federation.state.as_str() {
            "failed" | "cancelled" => {
                let reason =
                    brief(federation.reason.as_deref().unwrap_or("no reason is known"), LONGEST_REASON);
                Err(Failure::failed(format!("{} is {}: {reason}", federation.name, federation.state)))
            }
            _ => Ok(()),
        }
    }
}
