//! Facts of other systems: told through the REST interface, taken once.

use thunderline_contracts::flow::ExternalReceived;
use thunderline_core::{Action, Cx, Error, Event, Problem, Result, Role, Rule, Sha256, Timestamp};
use thunderline_store::{Stmt, Write, args};

use crate::Flow;

/// Operators, and programs with their tokens.
pub const ACTION: Action = Action::new("flow.event.publish", Rule::AtLeast(Role::Operator));

pub(crate) const STATEMENTS: &[&Stmt] = &[&CLAIM, &EARLIER, &PRUNE];

const CLAIM: Stmt = Stmt::new(
    "flow.received.claim",
    "insert into flow_received (tenant, source, id, digest, at) values ($1, $2, $3, $4, $5)
     on conflict do nothing",
);
const EARLIER: Stmt = Stmt::new(
    "flow.received.earlier",
    "select digest from flow_received where tenant = $1 and source = $2 and id = $3",
);
const PRUNE: Stmt = Stmt::new("flow.received.prune", "delete from flow_received where at < $1");

/// The longest words, in characters.
const LONGEST: usize = 200;
/// The largest fact, in bytes of JSON.
const LARGEST: usize = 64 << 10;

/// What became of a fact.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Published {
    /// It is an event now.
    Taken,
    /// It was told before.
    Known,
}

/// Takes a fact of another system. Telling it again changes nothing for as long as its id is remembered (30 days).
///
/// # Errors
/// `invalid` with all that is wrong with it, or where another fact was told under its id.
pub async fn publish(cx: &Cx, flow: &Flow, fact: ExternalReceived) -> Result<Published> {
    ACTION.authorize(cx)?;
    check(&fact)?;
    let told = Sha256::of(&serde_json::to_vec(&fact).expect("a fact is plain data")).to_string();
    let mut write = flow.db.write(cx, &ACTION).await?;
    let row = args![cx.tenant(), &fact.source, &fact.id, &told, cx.now()];
    if write.exec(&CLAIM, row).await? == 0 {
        let key = args![cx.tenant(), &fact.source, &fact.id];
        let earlier = write.one(&EARLIER, key).await?;
        let earlier: String = earlier
            .ok_or_else(|| Error::conflict("the fact was forgotten just now; try again"))?
            .get("digest")?;
        if earlier == told {
            return Ok(Published::Known);
        }
        let reason = format!("another fact of '{}' has the id '{}'", fact.source, fact.id);
        return Err(Error::invalid_value("id", reason, "an id of its own for each fact"));
    }
    let subject = fact.subject();
    write.emit(&fact);
    write.commit(&subject).await?;
    Ok(Published::Taken)
}

fn check(fact: &ExternalReceived) -> Result<()> {
    let mut problems = Vec::new();
    for (path, text) in [("source", &fact.source), ("id", &fact.id), ("kind", &fact.kind)] {
        if text.trim().is_empty() || text.chars().count() > LONGEST || text.chars().any(char::is_control) {
            problems.push(Problem {
                path: path.into(),
                reason: "it is empty, too long, or has control characters".into(),
                allowed: format!("1 to {LONGEST} characters"),
            });
        }
    }
    let size = fact.data.to_string().len();
    if size > LARGEST {
        problems.push(Problem {
            path: "data".into(),
            reason: format!("it has {size} bytes"),
            allowed: format!("at most {LARGEST} bytes of JSON; tell where the rest can be had"),
        });
    }
    match problems.first() {
        None => Ok(()),
        Some(first) => Err(Error::invalid(first.to_string(), problems)),
    }
}

pub(crate) async fn prune(write: &mut Write, before: Timestamp) -> Result<u64> {
    write.exec(&PRUNE, args![before]).await
}
