//! Table `grid_zones`.

use thunderline_core::{Error, Result, TenantId, Timestamp, ZoneId};
use thunderline_store::{Query, Row, Stmt, Write, args};

use crate::{
    claim::{Claim, Held},
    place::Labels,
};

pub(crate) const STATEMENTS: &[&Stmt] = &[&INSERT, &DELETE, &OF_TENANT, &BY_NAME, &SET_CLAIM, &OVERDUE];

const INSERT: Stmt = Stmt::new(
    "grid.zones.insert",
    "insert into grid_zones (id, tenant, name, description, labels, token, created_at)
     values ($1, $2, $3, $4, $5, 0, $6)",
);
const DELETE: Stmt = Stmt::new("grid.zones.delete", "delete from grid_zones where id = $1 and tenant = $2");
const OF_TENANT: Stmt =
    Stmt::new("grid.zones.of_tenant", "select * from grid_zones where tenant = $1 order by name");
const BY_NAME: Stmt =
    Stmt::new("grid.zones.by_name", "select * from grid_zones where tenant = $1 and name = $2");
// Compared again: whoever decided on an older token has lost.
const SET_CLAIM: Stmt = Stmt::new(
    "grid.zones.set_claim",
    "update grid_zones set token = $3, owner = $4, claimed_at = $5, expires_at = $6
     where id = $1 and token = $2 and (expires_at = $7 or (expires_at is null and $7 is null))",
);
const OVERDUE: Stmt = Stmt::new(
    "grid.zones.overdue",
    "select * from grid_zones where owner is not null and expires_at <= $1 order by expires_at limit $2",
);

/// A place where nodes are.
#[derive(Clone, Debug, PartialEq)]
pub struct Zone {
    /// Its id.
    pub id: ZoneId,
    /// Whose it is.
    pub tenant: TenantId,
    /// Its name, unique within the tenant.
    pub name: String,
    /// What people wrote about it; may be empty.
    pub description: String,
    /// What a node must say of itself to be placed here.
    pub labels: Labels,
    /// Who holds it.
    pub claim: Claim,
    /// Since when there is one.
    pub created_at: Timestamp,
}

fn from_row(row: &Row) -> Result<Zone> {
    let labels: String = row.get("labels")?;
    let held = match row.get::<Option<String>>("owner")? {
        None => None,
        Some(owner) => Some(Held { owner, since: row.get("claimed_at")?, until: row.get("expires_at")? }),
    };
    Ok(Zone {
        id: row.get("id")?,
        tenant: row.get("tenant")?,
        name: row.get("name")?,
        description: row.get("description")?,
        labels: serde_json::from_str(&labels)
            .map_err(|error| Error::internal("grid_zones.labels holds no labels").caused_by(error))?,
        claim: Claim { token: row.get("token")?, held },
        created_at: row.get("created_at")?,
    })
}

pub(crate) async fn insert(write: &mut Write, zone: &Zone) -> Result<()> {
    let labels = serde_json::to_string(&zone.labels).expect("labels are plain data");
    let args =
        args![zone.id, zone.tenant, zone.name.as_str(), zone.description.as_str(), labels, zone.created_at];
    write.exec(&INSERT, args).await.map(drop)
}

pub(crate) async fn delete(write: &mut Write, id: ZoneId, tenant: TenantId) -> Result<()> {
    write.exec(&DELETE, args![id, tenant]).await.map(drop)
}

/// By name.
pub(crate) async fn of_tenant(query: &mut impl Query, tenant: TenantId) -> Result<Vec<Zone>> {
    query.all(&OF_TENANT, args![tenant]).await?.iter().map(from_row).collect()
}

/// # Errors
/// `not_found`.
pub(crate) async fn by_name(query: &mut impl Query, tenant: TenantId, name: &str) -> Result<Zone> {
    let found = query.one(&BY_NAME, args![tenant, name]).await?;
    let zone = found.as_ref().map(from_row).transpose()?;
    zone.ok_or_else(|| Error::not_found(format_args!("zone '{name}'")))
}

/// # Errors
/// `conflict` where the claim is another one meanwhile.
pub(crate) async fn set_claim(write: &mut Write, zone: &Zone, next: &Claim) -> Result<()> {
    let held = next.held.as_ref();
    let args = args![
        zone.id,
        zone.claim.token,
        next.token,
        held.map(|held| held.owner.clone()),
        held.map(|held| held.since),
        held.map(|held| held.until),
        zone.claim.held.as_ref().map(|held| held.until)
    ];
    if write.exec(&SET_CLAIM, args).await? == 1 {
        return Ok(());
    }
    Err(Error::conflict("somebody else was first with this zone"))
}

/// Claims whose time is over, those of every tenant.
pub(crate) async fn overdue(query: &mut impl Query, now: Timestamp, limit: u32) -> Result<Vec<Zone>> {
    query.all(&OVERDUE, args![now, limit]).await?.iter().map(from_row).collect()
}
