//! Values are put and deleted.

use serde_json::Value;
use thunderline_core::{Action, Cx, Error, Problem, Result, Role, Rule, SignedDuration, Subject};

use super::{Entry, Scope, kind, rows};
use crate::Flow;

/// Operators.
pub const PUT: Action = Action::new("flow.blackboard.put", Rule::AtLeast(Role::Operator));
/// Operators.
pub const DELETE: Action = Action::new("flow.blackboard.delete", Rule::AtLeast(Role::Operator));

const LONGEST_KEY: usize = 200;
/// The largest value, in bytes of JSON.
const LARGEST: usize = 64 << 10;
const LONGEST_TTL: SignedDuration = SignedDuration::from_hours(24 * 366);

/// Puts a value; without a time to live it stays.
///
/// # Errors
/// `invalid` with all that is wrong; `conflict` where a value of another type is there.
pub async fn put(
    cx: &Cx,
    flow: &Flow,
    scope: Scope,
    key: &str,
    value: Value,
    ttl: Option<SignedDuration>,
) -> Result<Entry> {
    PUT.authorize(cx)?;
    check(key, &value, ttl)?;
    let entry = Entry {
        scope,
        key: key.into(),
        kind: kind(&value).unwrap_or_default().into(),
        value,
        expires_at: ttl.map(|ttl| cx.now() + ttl),
        changed_at: cx.now(),
        changed_by: cx.actor().to_string(),
    };
    let mut write = flow.db.write(cx, &PUT).await?;
    let fits = match scope {
        Scope::Global => rows::put(&mut write, cx.tenant(), &entry).await?,
        Scope::Node => {
            flow.board.node.get(cx.tenant(), key, cx.now()).is_none_or(|before| before.kind == entry.kind)
        }
    };
    if !fits {
        return Err(Error::conflict(format!("{key} has another type than {}; delete it first", entry.kind)));
    }
    if scope == Scope::Node {
        flow.board.node.put(cx.tenant(), entry.clone(), cx.now())?;
    }
    write.commit(&subject(scope, key)).await?;
    Ok(entry)
}

/// Deletes a value.
///
/// # Errors
/// `not_found`.
pub async fn delete(cx: &Cx, flow: &Flow, scope: Scope, key: &str) -> Result<()> {
    let mut write = flow.db.write(cx, &DELETE).await?;
    let there = match scope {
        Scope::Global => rows::delete(&mut write, cx.tenant(), key).await?,
        Scope::Node => flow.board.node.delete(cx.tenant(), key, cx.now()),
    };
    if !there {
        return Err(Error::not_found(format_args!("the {scope} value {key}")));
    }
    write.commit(&subject(scope, key)).await
}

fn subject(scope: Scope, key: &str) -> Subject {
    Subject::new("blackboard", format_args!("{scope}:{key}"))
}

fn check(key: &str, value: &Value, ttl: Option<SignedDuration>) -> Result<()> {
    let mut problems = Vec::new();
    let mut add = |path: &str, reason: String, allowed: String| {
        problems.push(Problem { path: path.into(), reason, allowed });
    };
    if key.is_empty() || key.len() > LONGEST_KEY || key.chars().any(|c| c.is_control() || c.is_whitespace()) {
        add("key", format!("'{key}' is no key"), format!("1 to {LONGEST_KEY} bytes without spaces"));
    }
    if kind(value).is_none() {
        add("value", "null is no value".into(), "a boolean, number, string, array or object".into());
    }
    let size = value.to_string().len();
    if size > LARGEST {
        add("value", format!("it has {size} bytes"), format!("at most {LARGEST} bytes of JSON"));
    }
    if ttl.is_some_and(|ttl| ttl <= SignedDuration::ZERO || ttl > LONGEST_TTL) {
        add("ttl_seconds", "it is not positive, or longer than a year".into(), "1 to 31622400".into());
    }
    match problems.first() {
        None => Ok(()),
        Some(first) => Err(Error::invalid(first.to_string(), problems)),
    }
}
