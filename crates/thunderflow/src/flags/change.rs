//! Flags are set and unset.

use thunderline_contracts::flow::FlagChanged;
use thunderline_core::{Action, Cx, Error, Problem, Result, Role, Rule, Subject};

use super::{
    Rules,
    rows::{self, Flag},
};
use crate::Flow;

/// Admins: a flag changes what the installation does.
pub const SET: Action = Action::new("flow.flag.set", Rule::AtLeast(Role::Admin));
/// Admins.
pub const UNSET: Action = Action::new("flow.flag.unset", Rule::AtLeast(Role::Admin));

const LONGEST: usize = 60;

/// Sets a flag. This process knows at once.
///
/// # Errors
/// `invalid` for a name or a percentage that is none.
pub async fn set(cx: &Cx, flow: &Flow, name: &str, rules: Rules) -> Result<Flag> {
    SET.authorize(cx)?;
    check(name, &rules)?;
    let changed_by = cx.actor().to_string();
    let flag = Flag { name: name.into(), rules, changed_at: cx.now(), changed_by };
    let mut write = flow.db.write(cx, &SET).await?;
    rows::set(&mut write, &flag).await?;
    let value = serde_json::to_value(&flag.rules).expect("rules are plain data");
    write.emit(&FlagChanged { flag: name.into(), value: Some(value) });
    write.commit(&Subject::new("flag", name)).await?;
    flow.flags.reload(cx, &flow.db).await?;
    Ok(flag)
}

/// Removes a flag: it is off.
///
/// # Errors
/// `not_found`.
pub async fn unset(cx: &Cx, flow: &Flow, name: &str) -> Result<()> {
    let mut write = flow.db.write(cx, &UNSET).await?;
    if !rows::unset(&mut write, name).await? {
        return Err(Error::not_found(format_args!("flag {name}")));
    }
    write.emit(&FlagChanged { flag: name.into(), value: None });
    write.commit(&Subject::new("flag", name)).await?;
    flow.flags.reload(cx, &flow.db).await
}

fn check(name: &str, rules: &Rules) -> Result<()> {
    let mut problems = Vec::new();
    let good = |char: char| char.is_ascii_lowercase() || char.is_ascii_digit() || matches!(char, '_' | '.');
    if name.is_empty() || name.len() > LONGEST || !name.chars().all(good) {
        problems.push(Problem {
            path: "name".into(),
            reason: format!("'{name}' is no name"),
            allowed: "1 to 60 lower-case letters, digits, underscores and dots".into(),
        });
    }
    if let Some(percentage) = rules.percentage.filter(|percentage| *percentage > 100) {
        problems.push(Problem {
            path: "percentage".into(),
            reason: format!("{percentage} is more than everybody"),
            allowed: "0 to 100".into(),
        });
    }
    match problems.first() {
        None => Ok(()),
        Some(first) => Err(Error::invalid(first.to_string(), problems)),
    }
}
