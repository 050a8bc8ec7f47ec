//! Table `vine_outcomes`: how things ended that a workflow may wait for.

use serde_json::Value;
use thunderline_core::{Result, TenantId, Timestamp};
use thunderline_store::{Query, Row, Stmt, Write, args};

use super::decode;
use crate::workflow::plan::Outcome;

pub(crate) const STATEMENTS: &[&Stmt] = &[&PUT, &FIND];

// What ended stays as it ended.
const PUT: Stmt = Stmt::new(
    "vine.outcomes.put",
    "insert into vine_outcomes (tenant, subject, good, again, reason, outputs, at)
     values ($1, $2, $3, $4, $5, $6, $7) on conflict do nothing",
);
const FIND: Stmt =
    Stmt::new("vine.outcomes.find", "select * from vine_outcomes where tenant = $1 and subject = $2");

fn from_row(row: &Row) -> Result<Outcome> {
    let outputs: String = row.get("outputs")?;
    Ok(Outcome {
        good: row.get("good")?,
        again: row.get("again")?,
        reason: row.get("reason")?,
        outputs: decode("vine_outcomes.outputs", &outputs)?,
    })
}

pub(crate) async fn put(
    write: &mut Write,
    tenant: TenantId,
    subject: &str,
    it: &Outcome,
    at: Timestamp,
) -> Result<()> {
    let outputs = Value::Object(it.outputs.clone());
    let args = args![tenant, subject, it.good, it.again, it.reason.as_deref(), outputs, at];
    write.exec(&PUT, args).await?;
    Ok(())
}

pub(crate) async fn find(query: &mut impl Query, tenant: TenantId, subject: &str) -> Result<Option<Outcome>> {
    query.one(&FIND, args![tenant, subject]).await?.as_ref().map(from_row).transpose()
}
