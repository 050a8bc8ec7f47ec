//! Table `flow_flags`.

use thunderline_core::{Error, Result, Timestamp};
use thunderline_store::{Query, Row, Stmt, Write, args};

use super::Rules;

pub(crate) const STATEMENTS: &[&Stmt] = &[&SET, &UNSET, &LIST, &BY_NAME];

const SET: Stmt = Stmt::new(
    "flow.flags.set",
    "insert into flow_flags (name, value, changed_at, changed_by) values ($1, $2, $3, $4)
     on conflict (name) do update set value = excluded.value, changed_at = excluded.changed_at,
        changed_by = excluded.changed_by",
);
const UNSET: Stmt = Stmt::new("flow.flags.unset", "delete from flow_flags where name = $1");
const LIST: Stmt = Stmt::new("flow.flags.list", "select * from flow_flags order by name");
const BY_NAME: Stmt = Stmt::new("flow.flags.by_name", "select * from flow_flags where name = $1");

/// A flag that somebody set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flag {
    /// Its name.
    pub name: String,
    /// What it says.
    pub rules: Rules,
    /// When it was last set.
    pub changed_at: Timestamp,
    /// By whom.
    pub changed_by: String,
}

fn from_row(row: &Row) -> Result<Flag> {
    let (name, value): (String, String) = (row.get("name")?, row.get("value")?);
    let rules = serde_json::from_str(&value)
        .map_err(|error| Error::internal(format!("flag {name} cannot be read")).caused_by(error))?;
    Ok(Flag { name, rules, changed_at: row.get("changed_at")?, changed_by: row.get("changed_by")? })
}

pub(crate) async fn set(write: &mut Write, flag: &Flag) -> Result<()> {
    let value = serde_json::to_string(&flag.rules).expect("rules are plain data");
    write.exec(&SET, args![&flag.name, value, flag.changed_at, &flag.changed_by]).await.map(drop)
}

/// False where there is no such flag.
pub(crate) async fn unset(write: &mut Write, name: &str) -> Result<bool> {
    Ok(write.exec(&UNSET, args![name]).await? == 1)
}

pub(crate) async fn list(query: &mut impl Query) -> Result<Vec<Flag>> {
    query.all(&LIST, args![]).await?.iter().map(from_row).collect()
}

pub(crate) async fn by_name(query: &mut impl Query, name: &str) -> Result<Flag> {
    let row = query.one(&BY_NAME, args![name]).await?;
    from_row(&row.ok_or_else(|| Error::not_found(format_args!("flag {name} (what nobody set is off)")))?)
}
