//! Tables `link_sessions` and `link_processes`.

use thunderline_core::{NodeId, Result, SessionId, TenantId, Timestamp};
use thunderline_store::{Query, Row, Stmt, Write, args};

use super::known;
use crate::session::{Session, SessionState, Tally, Transport};

pub(crate) const STATEMENTS: &[&Stmt] =
    &[&OPEN, &HOME, &MOVE, &RECORD, &CLOSE, &LIST, &ORPHANS, &ALIVE, &PRUNE, &PRUNE_PROCESSES];

const OPEN: Stmt = Stmt::new(
    "link.sessions.open",
    "insert into link_sessions (id, tenant, node, transport, home, state, opened_at, requests, longest_gap_micros)
     values ($1, $2, $3, $4, $5, 'established', $6, 0, 0)",
);
const HOME: Stmt = Stmt::new(
    "link.sessions.home",
    "select * from link_sessions where node = $1 and tenant = $2 and closed_at is null",
);
const MOVE: Stmt =
    Stmt::new("link.sessions.move", "update link_sessions set home = $2 where id = $1 and closed_at is null");
const RECORD: Stmt = Stmt::new(
    "link.sessions.record",
    "update link_sessions set state = $2, transport = $3, requests = $4, lag_micros = $5, longest_gap_micros = $6
     where id = $1 and closed_at is null",
);
const CLOSE: Stmt = Stmt::new(
    "link.sessions.close",
    "update link_sessions set state = 'closed', closed_at = $3, reason = $4
     where node = $1 and tenant = $2 and closed_at is null",
);
const LIST: Stmt = Stmt::new(
    "link.sessions.list",
    "select * from link_sessions where tenant = $1 and (node = $2 or $2 is null)
        and (opened_at < $3 or (opened_at = $3 and id < $4) or $3 is null)
     order by opened_at desc, id desc limit $5",
);
const ORPHANS: Stmt = Stmt::new(
    "link.sessions.orphans",
    "select * from link_sessions where closed_at is null and home <> $1
        and home not in (select home from link_processes where seen_at > $2)
     order by node",
);
const ALIVE: Stmt = Stmt::new(
    "link.processes.alive",
    "insert into link_processes (home, seen_at) values ($1, $2)
     on conflict (home) do update set seen_at = excluded.seen_at",
);
const PRUNE: Stmt = Stmt::new("link.sessions.prune", "delete from link_sessions where closed_at < $1");
const PRUNE_PROCESSES: Stmt =
    Stmt::new("link.processes.prune", "delete from link_processes where seen_at < $1");

fn from_row(row: &Row) -> Result<Session> {
    let (transport, state): (String, String) = (row.get("transport")?, row.get("state")?);
    Ok(Session {
        id: row.get("id")?,
        tenant: row.get("tenant")?,
        node: row.get("node")?,
        transport: known("link_sessions.transport", Transport::named(&transport))?,
        home: row.get("home")?,
        state: known("link_sessions.state", SessionState::named(&state))?,
        opened_at: row.get("opened_at")?,
        closed_at: row.get("closed_at")?,
        reason: row.get("reason")?,
        requests: row.get("requests")?,
        lag_micros: row.get("lag_micros")?,
        longest_gap_micros: row.get("longest_gap_micros")?,
        last_seen: None,
    })
}

pub(crate) async fn open(write: &mut Write, session: &Session) -> Result<()> {
    let args = args![
        session.id,
        session.tenant,
        session.node,
        session.transport.name(),
        session.home.as_str(),
        session.opened_at
    ];
    write.exec(&OPEN, args).await.map(drop)
}

/// The node's session that is not over.
pub(crate) async fn current(
    query: &mut impl Query,
    node: NodeId,
    tenant: TenantId,
) -> Result<Option<Session>> {
    query.one(&HOME, args![node, tenant]).await?.as_ref().map(from_row).transpose()
}

/// The session is heard by another process from now on; false where it is over.
pub(crate) async fn set_home(write: &mut Write, session: &Session, home: &str) -> Result<bool> {
    Ok(write.exec(&MOVE, args![session.id, home]).await? == 1)
}

/// What was counted so far.
pub(crate) async fn record(
    write: &mut Write,
    session: &Session,
    state: SessionState,
    tally: &Tally,
) -> Result<()> {
    let args = args![
        session.id,
        state.name(),
        session.transport.name(),
        tally.requests,
        tally.mean_lag(),
        tally.longest_gap_micros
    ];
    write.exec(&RECORD, args).await.map(drop)
}

/// True where a session was open.
pub(crate) async fn close(
    write: &mut Write,
    node: NodeId,
    tenant: TenantId,
    reason: &str,
    now: Timestamp,
) -> Result<bool> {
    Ok(write.exec(&CLOSE, args![node, tenant, now, reason]).await? == 1)
}

/// The newest first.
pub(crate) async fn list(
    query: &mut impl Query,
    tenant: TenantId,
    node: Option<NodeId>,
    before: Option<(Timestamp, SessionId)>,
    limit: u32,
) -> Result<Vec<Session>> {
    let (at, id) = before.unzip();
    query.all(&LIST, args![tenant, node, at, id, limit]).await?.iter().map(from_row).collect()
}

/// Those whose process has said nothing since, by node: everybody locks nodes in the same order.
pub(crate) async fn orphans(query: &mut impl Query, home: &str, since: Timestamp) -> Result<Vec<Session>> {
    query.all(&ORPHANS, args![home, since]).await?.iter().map(from_row).collect()
}

pub(crate) async fn alive(write: &mut Write, home: &str, now: Timestamp) -> Result<()> {
    write.exec(&ALIVE, args![home, now]).await.map(drop)
}

pub(crate) async fn prune(write: &mut Write, before: Timestamp) -> Result<u64> {
    write.exec(&PRUNE_PROCESSES, args![before]).await?;
    write.exec(&PRUNE, args![before]).await
}
