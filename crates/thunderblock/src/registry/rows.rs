//! Tables `block_active_domains`, `block_domain_transitions`, `block_domain_orders`.

use serde::Serialize;
use thunderline_core::{DomainState, Order, Result, Timestamp, Transition, Wish};
use thunderline_store::{Query, Row, Stmt, Write, args};
use uuid::Uuid;

pub(crate) const STATEMENTS: [&Stmt; 6] =
    [&ADD_TRANSITION, &SET_DOMAIN, &DOMAINS, &TRANSITIONS, &ADD_ORDER, &ORDERS];

const ADD_TRANSITION: Stmt = Stmt::new(
    "block.transitions.add",
    "insert into block_domain_transitions (id, node, domain, from_state, to_state, reason, tick, at)
     values ($1, $2, $3, $4, $5, $6, $7, $8) on conflict (node, domain, to_state, at) do nothing",
);
const SET_DOMAIN: Stmt = Stmt::new(
    "block.domains.set",
    "insert into block_active_domains (node, domain, state, reason, tick, since) values ($1, $2, $3, $4, $5, $6)
     on conflict (node, domain) do update set state = excluded.state, reason = excluded.reason,
        tick = excluded.tick, since = excluded.since",
);
const DOMAINS: Stmt =
    Stmt::new("block.domains.all", "select * from block_active_domains order by node, domain");
const TRANSITIONS: Stmt = Stmt::new(
    "block.transitions.list",
    "select * from block_domain_transitions where (domain = $1 or $1 is null) and (at < $2 or $2 is null)
     order by at desc, id desc limit $3",
);
const ADD_ORDER: Stmt = Stmt::new(
    "block.orders.add",
    "insert into block_domain_orders (domain, wish, given_by, reason, at) values ($1, $2, $3, $4, $5)",
);
const ORDERS: Stmt = Stmt::new(
    "block.orders.after",
    "select * from block_domain_orders o where number > $1 and ($1 > 0 or number =
        (select max(number) from block_domain_orders l where l.domain = o.domain and l.wish <> 'kill')
        or number = (select max(number) from block_domain_orders))
     order by number",
);

/// Where a domain of a process was when it last said so.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct DomainRow {
    /// The process.
    pub node: String,
    /// The domain.
    pub domain: String,
    /// Its state.
    pub state: DomainState,
    /// Why.
    pub reason: String,
    /// At which tick of the process.
    pub tick: u64,
    /// Since when.
    pub since: Timestamp,
}

/// A domain went from one state to another.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TransitionRow {
    /// The process.
    pub node: String,
    /// The domain.
    pub domain: String,
    /// Where it was.
    pub from: DomainState,
    /// Where it went.
    pub to: DomainState,
    /// Why.
    pub reason: String,
    /// At which tick of the process.
    pub tick: u64,
    /// When.
    pub at: Timestamp,
}

/// False where it was known.
pub async fn add_transition(write: &mut Write, id: Uuid, transition: &Transition) -> Result<bool> {
    let Transition { node, domain, from, to, reason, tick, at } = transition;
    let args = args![id, node.as_str(), *domain, from.name(), to.name(), reason.as_str(), number(*tick), *at];
    Ok(write.exec(&ADD_TRANSITION, args).await? == 1)
}

pub async fn set_domain(write: &mut Write, transition: &Transition) -> Result<()> {
    let Transition { node, domain, to, reason, tick, at, .. } = transition;
    let args = args![node.as_str(), *domain, to.name(), reason.as_str(), number(*tick), *at];
    write.exec(&SET_DOMAIN, args).await.map(drop)
}

pub async fn domains(read: &mut impl Query) -> Result<Vec<DomainRow>> {
    let rows = read.all(&DOMAINS, args![]).await?;
    rows.iter()
        .map(|row| {
            Ok(DomainRow {
                node: row.get("node")?,
                domain: row.get("domain")?,
                state: state(row, "state")?,
                reason: row.get("reason")?,
                tick: row.get::<i64>("tick")?.unsigned_abs(),
                since: row.get("since")?,
            })
        })
        .collect()
}

pub async fn transitions(
    read: &mut impl Query,
    domain: Option<&str>,
    before: Option<Timestamp>,
    limit: u32,
) -> Result<Vec<TransitionRow>> {
    let rows = read.all(&TRANSITIONS, args![domain, before, limit]).await?;
    rows.iter()
        .map(|row| {
            Ok(TransitionRow {
                node: row.get("node")?,
                domain: row.get("domain")?,
                from: state(row, "from_state")?,
                to: state(row, "to_state")?,
                reason: row.get("reason")?,
                tick: row.get::<i64>("tick")?.unsigned_abs(),
                at: row.get("at")?,
            })
        })
        .collect()
}

pub async fn add_order(
    write: &mut Write,
    domain: &str,
    wish: Wish,
    by: &str,
    reason: Option<&str>,
    at: Timestamp,
) -> Result<()> {
    write.exec(&ADD_ORDER, args![domain, wish.name(), by, reason, at]).await.map(drop)
}

pub async fn orders(read: &mut impl Query, after: i64) -> Result<Vec<Order>> {
    let rows = read.all(&ORDERS, args![after]).await?;
    rows.iter()
        .map(|row| {
            Ok(Order {
                number: row.get("number")?,
                domain: row.get("domain")?,
                wish: row.get::<String>("wish")?.parse::<Wish>()?,
                by: row.get("given_by")?,
                reason: row.get("reason")?,
            })
        })
        .collect()
}

fn state(row: &Row, column: &str) -> Result<DomainState> {
    row.get::<String>(column)?.parse()
}

/// Ticks of one a second reach the bound after longer than the universe has been there.
fn number(tick: u64) -> i64 {
    i64::try_from(tick).unwrap_or(i64::MAX)
}
