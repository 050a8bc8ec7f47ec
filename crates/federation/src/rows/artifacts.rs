//! Table `fl_artifacts`.

use serde_json::Value;
use thunderline_core::{ArtifactId, FederationId, Result, RoundId, TenantId, Timestamp};
use thunderline_objects::Sha256;
use thunderline_store::{Query, Row, Stmt, Write, args};

use super::{decode, known};
use crate::artifact::{Artifact, ArtifactKind};

pub(crate) const STATEMENTS: &[&Stmt] = &[&INSERT, &BY_ID, &BY_DIGEST, &OF_ROUND, &LIST];

const INSERT: Stmt = Stmt::new(
    "fl.artifacts.insert",
    "insert into fl_artifacts (id, tenant, federation, round, kind, name, uri, sha256, size_bytes, format, metadata,
        created_at)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
);
const BY_ID: Stmt =
    Stmt::new("fl.artifacts.by_id", "select * from fl_artifacts where id = $1 and tenant = $2");
const BY_DIGEST: Stmt = Stmt::new(
    "fl.artifacts.by_digest",
    "select * from fl_artifacts where sha256 = $1 and tenant = $2 and kind = $3 order by created_at limit 1",
);
const OF_ROUND: Stmt =
    Stmt::new("fl.artifacts.of_round", "select * from fl_artifacts where round = $1 and tenant = $2");
const LIST: Stmt = Stmt::new(
    "fl.artifacts.list",
    "select * from fl_artifacts
     where tenant = $1 and (federation = $2 or $2 is null) and (created_at < $3 or $3 is null)
     order by created_at desc, id desc limit $4",
);

fn from_row(row: &Row) -> Result<Artifact> {
    let (kind, sha256, metadata): (String, String, String) =
        (row.get("kind")?, row.get("sha256")?, row.get("metadata")?);
    Ok(Artifact {
        id: row.get("id")?,
        tenant: row.get("tenant")?,
        federation: row.get("federation")?,
        round: row.get("round")?,
        kind: known("fl_artifacts.kind", &kind, ArtifactKind::named(&kind))?,
        name: row.get("name")?,
        uri: row.get("uri")?,
        sha256: known("fl_artifacts.sha256", &sha256, sha256.parse::<Sha256>().ok())?,
        size_bytes: row.get::<i64>("size_bytes")?.cast_unsigned(),
        format: row.get("format")?,
        metadata: decode::<Value>("fl_artifacts.metadata", &metadata)?,
        created_at: row.get("created_at")?,
    })
}

pub(crate) async fn insert(write: &mut Write, artifact: &Artifact) -> Result<()> {
    let args = args![
        artifact.id,
        artifact.tenant,
        artifact.federation,
        artifact.round,
        artifact.kind.name(),
        artifact.name.as_str(),
        artifact.uri.as_str(),
        artifact.sha256.to_string(),
        artifact.size_bytes.cast_signed(),
        artifact.format.as_str(),
        artifact.metadata.to_string(),
        artifact.created_at
    ];
    write.exec(&INSERT, args).await?;
    Ok(())
}

pub(crate) async fn by_id(
    query: &mut impl Query,
    id: ArtifactId,
    tenant: TenantId,
) -> Result<Option<Artifact>> {
    query.one(&BY_ID, args![id, tenant]).await?.as_ref().map(from_row).transpose()
}

pub(crate) async fn by_digest(
    query: &mut impl Query,
    digest: &Sha256,
    kind: ArtifactKind,
    tenant: TenantId,
) -> Result<Option<Artifact>> {
    let args = args![digest.to_string(), tenant, kind.name()];
    query.one(&BY_DIGEST, args).await?.as_ref().map(from_row).transpose()
}

pub(crate) async fn of_round(
    query: &mut impl Query,
    round: RoundId,
    tenant: TenantId,
) -> Result<Option<Artifact>> {
    query.one(&OF_ROUND, args![round, tenant]).await?.as_ref().map(from_row).transpose()
}

/// The newest first; `before` continues a listing.
pub(crate) async fn list(
    query: &mut impl Query,
    tenant: TenantId,
    federation: Option<FederationId>,
    before: Option<Timestamp>,
    limit: u32,
) -> Result<Vec<Artifact>> {
    query.all(&LIST, args![tenant, federation, before, limit]).await?.iter().map(from_row).collect()
}
