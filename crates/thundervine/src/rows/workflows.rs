//! Table `vine_workflows`.

use thunderline_core::{Result, TenantId, Timestamp};
use thunderline_store::{Query, Row, Stmt, Write, args};

use super::decode;
use crate::workflow::definition::Definition;

pub(crate) const STATEMENTS: &[&Stmt] = &[&INSERT, &NEWEST, &VERSION, &LIST];

const INSERT: Stmt = Stmt::new(
    "vine.workflows.insert",
    "insert into vine_workflows (tenant, name, version, document, definition, sha256, created_by, created_at)
     values ($1, $2, $3, $4, $5, $6, $7, $8)",
);
const NEWEST: Stmt = Stmt::new(
    "vine.workflows.newest",
    "select * from vine_workflows where tenant = $1 and name = $2 order by version desc limit 1",
);
const VERSION: Stmt = Stmt::new(
    "vine.workflows.version",
    "select * from vine_workflows where tenant = $1 and name = $2 and version = $3",
);
const LIST: Stmt = Stmt::new(
    "vine.workflows.list",
    "select w.* from vine_workflows w where w.tenant = $1 and w.name > $2 and w.version =
        (select max(v.version) from vine_workflows v where v.tenant = w.tenant and v.name = w.name)
     order by w.name limit $3",
);

/// A version of a workflow as it is stored.
#[derive(Clone, Debug, PartialEq)]
pub struct Workflow {
    /// Its name.
    pub name: String,
    /// Which version, from 1.
    pub version: u32,
    /// The document as it was handed in.
    pub document: String,
    /// What it means.
    pub definition: Definition,
    /// The definition's digest.
    pub sha256: String,
    /// Who handed it in.
    pub created_by: String,
    /// When.
    pub created_at: Timestamp,
}

fn from_row(row: &Row) -> Result<Workflow> {
    let definition: String = row.get("definition")?;
    Ok(Workflow {
        name: row.get("name")?,
        version: row.get("version")?,
        document: row.get("document")?,
        definition: decode("vine_workflows.definition", &definition)?,
        sha256: row.get("sha256")?,
        created_by: row.get("created_by")?,
        created_at: row.get("created_at")?,
    })
}

pub(crate) async fn insert(write: &mut Write, tenant: TenantId, it: &Workflow) -> Result<()> {
    let definition = serde_json::to_string(&it.definition).expect("a definition is plain data");
    let args = args![
        tenant,
        it.name.as_str(),
        it.version,
        it.document.as_str(),
        definition,
        it.sha256.as_str(),
        it.created_by.as_str(),
        it.created_at
    ];
    write.exec(&INSERT, args).await?;
    Ok(())
}

/// The workflow of this name: this version, or the newest one.
pub(crate) async fn find(
    query: &mut impl Query,
    tenant: TenantId,
    name: &str,
    version: Option<u32>,
) -> Result<Option<Workflow>> {
    let row = match version {
        Some(version) => query.one(&VERSION, args![tenant, name, version]).await?,
        None => query.one(&NEWEST, args![tenant, name]).await?,
    };
    row.as_ref().map(from_row).transpose()
}

/// The newest version of each workflow whose name comes after that.
pub(crate) async fn list(
    query: &mut impl Query,
    tenant: TenantId,
    after: &str,
    limit: u32,
) -> Result<Vec<Workflow>> {
    query.all(&LIST, args![tenant, after, limit]).await?.iter().map(from_row).collect()
}
