//! Tables `prism_nodes`, `prism_edges` and `prism_names`. Private: nothing outside the crate can read or write them.

use serde_json::Value;
use thunderline_core::{Error, EventId, FederationId, NodeId, Result, RoundId, TenantId, Timestamp};
use thunderline_store::{Migration, Query, Row, Stmt, Write, args};
use uuid::Uuid;

/// The tables.
pub const MIGRATIONS: &[Migration] =
    &[Migration::portable(7001, "prism_base", include_str!("../migrations/7001_prism_base.sql"))];

/// Every statement of the domain, for the check that each can be prepared on both engines and stays in its tables.
#[must_use]
pub fn statements() -> Vec<&'static Stmt> {
    vec![&INSERT, &LINK, &GATHER, &NEWEST, &RENAME, &NAME, &BY_ID, &LIST, &TRAIL, &NEIGHBOURS]
}

const INSERT: Stmt = Stmt::new(
    "prism.nodes.insert",
    "insert into prism_nodes (id, tenant, sequence, at, kind, actor, correlation, trail, federation, round, attempt,
        round_id, summary, detail)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14) on conflict do nothing",
);
const LINK: Stmt = Stmt::new(
    "prism.edges.insert",
    "insert into prism_edges (tenant, source, relation, target) values ($1, $2, $3, $4) on conflict do nothing",
);
const GATHER: Stmt = Stmt::new(
    "prism.edges.gather",
    "insert into prism_edges (tenant, source, relation, target)
     select tenant, id, $4, $5 from prism_nodes
     where tenant = $1 and round_id = $2 and kind = $3 and sequence < $6 on conflict do nothing",
);
const NEWEST: Stmt = Stmt::new(
    "prism.nodes.newest",
    "select * from prism_nodes where tenant = $1 and federation = $2 and kind = $3 and sequence < $4
     order by sequence desc limit 1",
);
const RENAME: Stmt = Stmt::new(
    "prism.names.put",
    "insert into prism_names (tenant, node, name) values ($1, $2, $3)
     on conflict (tenant, node) do update set name = excluded.name",
);
const NAME: Stmt =
    Stmt::new("prism.names.get", "select name from prism_names where tenant = $1 and node = $2");
const BY_ID: Stmt = Stmt::new("prism.nodes.by_id", "select * from prism_nodes where tenant = $1 and id = $2");
const LIST: Stmt = Stmt::new(
    "prism.nodes.list",
    "select * from prism_nodes where tenant = $1 and (federation = $2 or $2 is null)
        and (round = $3 or $3 is null) and (kind = $4 or $4 is null) and sequence > $5
     order by sequence limit $6",
);
const TRAIL: Stmt = Stmt::new(
    "prism.nodes.trail",
    "select * from prism_nodes where tenant = $1 and (correlation = $2 or trail = $2) and sequence > $3
     order by sequence limit $4",
);
const NEIGHBOURS: Stmt = Stmt::new(
    "prism.nodes.neighbours",
    "select e.relation as relation, 1 as earlier, n.* from prism_edges e join prism_nodes n on n.id = e.source
     where e.tenant = $1 and e.target = $2
     union all
     select e.relation as relation, 0 as earlier, n.* from prism_edges e join prism_nodes n on n.id = e.target
     where e.tenant = $1 and e.source = $2
     order by sequence limit $3",
);

/// A decision as it is stored.
#[derive(Clone, Debug, PartialEq)]
pub struct Decision {
    /// The id of the event that told it.
    pub id: EventId,
    /// That event's place in the order of all events.
    pub sequence: i64,
    /// When.
    pub at: Timestamp,
    /// Which kind: see [`crate::decide`].
    pub kind: String,
    /// Who decided.
    pub actor: String,
    /// What ties it to its immediate cause.
    pub correlation: Uuid,
    /// What ties it to the request that began it all.
    pub trail: Uuid,
    /// In which federation.
    pub federation: Option<FederationId>,
    /// In which round.
    pub round: Option<u32>,
    /// In which try of it.
    pub attempt: Option<u32>,
    /// The round's own id.
    pub round_id: Option<RoundId>,
    /// The decision and its reasons as a sentence.
    pub summary: String,
    /// The fact as it was told.
    pub detail: Value,
}

/// A decision that led to another, or followed from it.
#[derive(Clone, Debug, PartialEq)]
pub struct Neighbour {
    /// How they hang together.
    pub relation: String,
    /// Whether it came before.
    pub earlier: bool,
    /// The other decision.
    pub decision: Decision,
}

fn from_row(row: &Row) -> Result<Decision> {
    let detail: String = row.get("detail")?;
    Ok(Decision {
        id: row.get("id")?,
        sequence: row.get("sequence")?,
        at: row.get("at")?,
        kind: row.get("kind")?,
        actor: row.get("actor")?,
        correlation: row.get("correlation")?,
        trail: row.get("trail")?,
        federation: row.get("federation")?,
        round: row.get("round")?,
        attempt: row.get("attempt")?,
        round_id: row.get("round_id")?,
        summary: row.get("summary")?,
        detail: serde_json::from_str(&detail)
            .map_err(|error| Error::internal("a decision's details are unreadable").caused_by(error))?,
    })
}

pub(crate) async fn insert(write: &mut Write, tenant: TenantId, it: &Decision) -> Result<()> {
    let args = args![
        it.id,
        tenant,
        it.sequence,
        it.at,
        it.kind.as_str(),
        it.actor.as_str(),
        it.correlation,
        it.trail,
        it.federation,
        it.round,
        it.attempt,
        it.round_id,
        it.summary.as_str(),
        it.detail.to_string()
    ];
    write.exec(&INSERT, args).await?;
    Ok(())
}

pub(crate) async fn link(
    write: &mut Write,
    tenant: TenantId,
    source: EventId,
    relation: &str,
    target: EventId,
) -> Result<()> {
    write.exec(&LINK, args![tenant, source, relation, target]).await?;
    Ok(())
}

/// Links every decision of a kind in a try of a round, before that sequence, to the target.
pub(crate) async fn gather(
    write: &mut Write,
    tenant: TenantId,
    round: RoundId,
    kind: &str,
    relation: &str,
    target: EventId,
    before: i64,
) -> Result<()> {
    write.exec(&GATHER, args![tenant, round, kind, relation, target, before]).await?;
    Ok(())
}

pub(crate) async fn newest(
    query: &mut impl Query,
    tenant: TenantId,
    federation: FederationId,
    kind: &str,
    before: i64,
) -> Result<Option<Decision>> {
    let args = args![tenant, federation, kind, before];
    query.one(&NEWEST, args).await?.as_ref().map(from_row).transpose()
}

pub(crate) async fn rename(write: &mut Write, tenant: TenantId, node: NodeId, name: &str) -> Result<()> {
    write.exec(&RENAME, args![tenant, node, name]).await?;
    Ok(())
}

pub(crate) async fn name(query: &mut impl Query, tenant: TenantId, node: NodeId) -> Result<Option<String>> {
    query.one(&NAME, args![tenant, node]).await?.map(|row| row.get("name")).transpose()
}

pub(crate) async fn by_id(query: &mut impl Query, tenant: TenantId, id: EventId) -> Result<Option<Decision>> {
    query.one(&BY_ID, args![tenant, id]).await?.as_ref().map(from_row).transpose()
}

pub(crate) async fn list(
    query: &mut impl Query,
    tenant: TenantId,
    federation: Option<FederationId>,
    round: Option<u32>,
    kind: Option<&str>,
    after: i64,
    limit: u32,
) -> Result<Vec<Decision>> {
    let args = args![tenant, federation, round, kind, after, limit];
    query.all(&LIST, args).await?.iter().map(from_row).collect()
}

pub(crate) async fn trail(
    query: &mut impl Query,
    tenant: TenantId,
    correlation: Uuid,
    after: i64,
    limit: u32,
) -> Result<Vec<Decision>> {
    let args = args![tenant, correlation, after, limit];
    query.all(&TRAIL, args).await?.iter().map(from_row).collect()
}

pub(crate) async fn neighbours(
    query: &mut impl Query,
    tenant: TenantId,
    id: EventId,
    limit: u32,
) -> Result<Vec<Neighbour>> {
    let rows = query.all(&NEIGHBOURS, args![tenant, id, limit]).await?;
    rows.iter()
        .map(|row| {
            Ok(Neighbour {
                relation: row.get("relation")?,
                earlier: row.get("earlier")?,
                decision: from_row(row)?,
            })
        })
        .collect()
}
