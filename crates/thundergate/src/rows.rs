//! Table `gate_tokens`. Private: nothing outside the crate can read or write it.

use thunderline_core::{Error, Result, Role, TenantId, Timestamp};
use thunderline_store::{Migration, Query, Stmt, Write, args};
use uuid::Uuid;

/// The table.
pub const MIGRATIONS: &[Migration] =
    &[Migration::portable(3001, "gate_base", include_str!("../migrations/3001_gate_base.sql"))];

/// Every statement of the domain, for the check that each can be prepared on both engines and stays in its tables.
#[must_use]
pub fn statements() -> Vec<&'static Stmt> {
    vec![&INSERT, &BY_DIGEST, &REVOKE]
}

const INSERT: Stmt = Stmt::new(
    "gate.tokens.insert",
    "insert into gate_tokens (id, tenant, name, role, sha256, created_at) values ($1, $2, $3, $4, $5, $6)",
);
// Across tenants: the token is what says which tenant the caller belongs to.
const BY_DIGEST: Stmt = Stmt::new(
    "gate.tokens.by_digest",
    "select tenant, name, role from gate_tokens where sha256 = $1 and revoked_at is null",
);
const REVOKE: Stmt = Stmt::new(
    "gate.tokens.revoke",
    "update gate_tokens set revoked_at = $3 where tenant = $1 and name = $2 and revoked_at is null",
);

/// A token that is valid.
#[derive(Clone, Debug)]
pub(crate) struct Token {
    pub tenant: TenantId,
    pub name: String,
    pub role: Role,
}

pub(crate) async fn insert(
    write: &mut Write,
    id: Uuid,
    token: &Token,
    digest: &str,
    now: Timestamp,
) -> Result<()> {
    let args = args![id, token.tenant, token.name.as_str(), token.role.name(), digest, now];
    write.exec(&INSERT, args).await?;
    Ok(())
}

pub(crate) async fn by_digest(query: &mut impl Query, digest: &str) -> Result<Option<Token>> {
    let Some(row) = query.one(&BY_DIGEST, args![digest]).await? else { return Ok(None) };
    let role: String = row.get("role")?;
    let role = [Role::Viewer, Role::Operator, Role::Admin]
        .into_iter()
        .find(|known| known.name() == role)
        .ok_or_else(|| Error::internal("gate_tokens.role holds an unknown value"))?;
    Ok(Some(Token { tenant: row.get("tenant")?, name: row.get("name")?, role }))
}

pub(crate) async fn revoke(write: &mut Write, tenant: TenantId, name: &str, now: Timestamp) -> Result<u64> {
    write.exec(&REVOKE, args![tenant, name, now]).await
}
