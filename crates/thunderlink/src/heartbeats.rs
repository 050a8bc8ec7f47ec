//! Signs of life in rows: one for a node and ten minutes, kept for a day. Closed sessions are kept for a month.

use thunderline_core::{Action, Cx, Result, Rule, SignedDuration};
use thunderline_store::Write;

use crate::{Links, presence::Beat, rows};

/// Background work only.
pub const ACTION: Action = Action::new("link.heartbeats.record", Rule::System);

/// How much time a row covers.
const EVERY: SignedDuration = SignedDuration::from_mins(10);
/// Nodes written down at once, so that no transaction is long.
const PORTION: usize = 500;
/// How long rows of heartbeats are kept.
const KEPT: SignedDuration = SignedDuration::from_hours(24);
/// How long closed sessions are kept.
const SESSIONS_KEPT: SignedDuration = SignedDuration::from_hours(30 * 24);

/// Writes down what was counted of nodes whose ten minutes are over, a portion of them. Gives how many.
///
/// # Errors
/// Those of writing: what was counted of the portion is lost then.
pub async fn record(cx: &Cx, links: &Links) -> Result<usize> {
    let due = links.presence.due(cx.now(), EVERY, PORTION);
    if due.is_empty() {
        return Ok(0);
    }
    let mut write = links.db.write(cx, &ACTION).await?;
    for beat in &due {
        write_down(&mut write, beat).await?;
    }
    write.commit_derived().await?;
    Ok(due.len())
}

pub(crate) async fn write_down(write: &mut Write, beat: &Beat) -> Result<()> {
    let (node, tenant) = (beat.session.node, beat.session.tenant);
    if beat.recent.requests > 0 {
        rows::heartbeats::insert(write, node, tenant, beat.span, &beat.recent).await?;
    }
    rows::sessions::record(write, &beat.session, beat.state, &beat.total).await
}

/// Removes what is older than it is kept. Gives how many rows.
///
/// # Errors
/// Those of writing.
pub async fn prune(cx: &Cx, links: &Links) -> Result<u64> {
    let mut write = links.db.write(cx, &ACTION).await?;
    let beats = rows::heartbeats::prune(&mut write, cx.now() - KEPT).await?;
    let sessions = rows::sessions::prune(&mut write, cx.now() - SESSIONS_KEPT).await?;
    write.commit_derived().await?;
    Ok(beats + sessions)
}
