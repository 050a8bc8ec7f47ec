//! Tables `vine_lineage_nodes` and `vine_lineage_edges`.

use serde_json::Value;
use thunderline_core::{Result, TenantId, Timestamp};
use thunderline_store::{Query, Row, Stmt, Write, args};

use super::decode;

pub(crate) const STATEMENTS: &[&Stmt] = &[&FIND, &PUT, &LINK, &HOLDER, &BY_DIGEST, &WALK];

const FIND: Stmt =
    Stmt::new("vine.lineage.find", "select * from vine_lineage_nodes where tenant = $1 and key = $2");
const PUT: Stmt = Stmt::new(
    "vine.lineage.put",
    "insert into vine_lineage_nodes (tenant, key, kind, label, digest, federation, attributes, at, sequence)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
     on conflict (tenant, key) do update set label = excluded.label, attributes = excluded.attributes",
);
const LINK: Stmt = Stmt::new(
    "vine.lineage.link",
    "insert into vine_lineage_edges (tenant, source, relation, target) values ($1, $2, $3, $4)
     on conflict do nothing",
);
// The federation's own newest comes first, then the newest of all.
const HOLDER: Stmt = Stmt::new(
    "vine.lineage.holder",
    "select key from vine_lineage_nodes where tenant = $1 and digest = $2 and sequence < $4
     order by case when federation = $3 then 0 else 1 end, sequence desc limit 1",
);
const BY_DIGEST: Stmt = Stmt::new(
    "vine.lineage.by_digest",
    "select key from vine_lineage_nodes where tenant = $1 and digest = $2 order by sequence desc limit 1",
);
// From a model back through the rounds that made it; with each thing on the way everything that it was made with, and
// with each update the node that made it.
const WALK: Stmt = Stmt::new(
    "vine.lineage.walk",
    "with recursive walk (place, depth) as (
        select cast($2 as text), 0
        union
        select e.target, w.depth + 1 from walk w join vine_lineage_edges e on e.tenant = $1 and e.source = w.place
        where e.relation in ('made_by', 'began_from') and w.depth < $3
     )
     select w.place as source, w.depth as depth, e.relation as relation, n.key as key, n.label as label,
        n.digest as digest, n.federation as federation, n.attributes as attributes, n.at as at,
        n.sequence as sequence, maker.label as maker
     from walk w
     join vine_lineage_edges e on e.tenant = $1 and e.source = w.place
     join vine_lineage_nodes n on n.tenant = $1 and n.key = e.target
     left join vine_lineage_edges b on b.tenant = $1 and b.source = e.target and b.relation = 'by'
     left join vine_lineage_nodes maker on maker.tenant = $1 and maker.key = b.target
     order by w.depth, e.relation, maker.label, n.key limit $4",
);

/// A thing in the graph.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Thing {
    /// `kind:id`.
    pub key: String,
    /// What people call it.
    pub label: String,
    /// The digest of an artifact's bytes.
    pub digest: Option<String>,
    /// The federation that an artifact was made in.
    pub federation: Option<String>,
    /// What else is known.
    pub attributes: Value,
    /// When it was told of first.
    pub at: Timestamp,
    /// The event that told of it first.
    pub sequence: i64,
}

/// A thing on the way back from a model.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    /// What was made with it.
    pub source: String,
    /// How.
    pub relation: String,
    /// The thing.
    pub thing: Thing,
    /// For an update: the name of its node.
    pub maker: Option<String>,
}

impl Thing {
    /// The part of the key before the first colon.
    pub(crate) fn kind(&self) -> &str {
        self.key.split(':').next().unwrap_or_default()
    }

    /// The part of the key after the first colon.
    pub(crate) fn id(&self) -> &str {
        self.key.split_once(':').map_or("", |(_, id)| id)
    }
}

fn from_row(row: &Row) -> Result<Thing> {
    let attributes: String = row.get("attributes")?;
    Ok(Thing {
        key: row.get("key")?,
        label: row.get("label")?,
        digest: row.get("digest")?,
        federation: row.get("federation")?,
        attributes: decode("vine_lineage_nodes.attributes", &attributes)?,
        at: row.get("at")?,
        sequence: row.get("sequence")?,
    })
}

pub(crate) async fn find(query: &mut impl Query, tenant: TenantId, key: &str) -> Result<Option<Thing>> {
    query.one(&FIND, args![tenant, key]).await?.as_ref().map(from_row).transpose()
}

/// Stores a thing; attributes that were told before and are not told now are kept.
pub(crate) async fn put(write: &mut Write, tenant: TenantId, thing: &Thing) -> Result<()> {
    let mut attributes = thing.attributes.clone();
    if let Some(known) = find(write, tenant, &thing.key).await? {
        attributes = merged(known.attributes, attributes);
    }
    let args = args![
        tenant,
        thing.key.as_str(),
        thing.kind(),
        thing.label.as_str(),
        thing.digest.as_deref(),
        thing.federation.as_deref(),
        attributes.to_string(),
        thing.at,
        thing.sequence
    ];
    write.exec(&PUT, args).await?;
    Ok(())
}

/// What is told now wins; what is not told (absent or null) stays.
fn merged(known: Value, told: Value) -> Value {
    match (known, told) {
        (Value::Object(mut known), Value::Object(told)) => {
            for (name, value) in told {
                if !value.is_null() || !known.contains_key(&name) {
                    known.insert(name, value);
                }
            }
            Value::Object(known)
        }
        (_, told) => told,
    }
}

pub(crate) async fn link(
    write: &mut Write,
    tenant: TenantId,
    source: &str,
    relation: &str,
    target: &str,
) -> Result<()> {
    write.exec(&LINK, args![tenant, source, relation, target]).await?;
    Ok(())
}

/// The key of the artifact that held these bytes before the event of this sequence.
pub(crate) async fn holder(
    query: &mut impl Query,
    tenant: TenantId,
    digest: &str,
    federation: &str,
    sequence: i64,
) -> Result<Option<String>> {
    let row = query.one(&HOLDER, args![tenant, digest, federation, sequence]).await?;
    row.map(|row| row.get("key")).transpose()
}

pub(crate) async fn by_digest(
    query: &mut impl Query,
    tenant: TenantId,
    digest: &str,
) -> Result<Option<String>> {
    query.one(&BY_DIGEST, args![tenant, digest]).await?.map(|row| row.get("key")).transpose()
}

/// Everything on the way back from `key` over `hops` edges, nearest first.
pub(crate) async fn walk(
    query: &mut impl Query,
    tenant: TenantId,
    key: &str,
    hops: u32,
    limit: u32,
) -> Result<Vec<Found>> {
    let rows = query.all(&WALK, args![tenant, key, hops, limit]).await?;
    rows.iter()
        .map(|row| {
            Ok(Found {
                source: row.get("source")?,
                relation: row.get("relation")?,
                thing: from_row(row)?,
                maker: row.get("maker")?,
            })
        })
        .collect()
}
