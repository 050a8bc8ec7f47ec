//! A new address for events.

use thunderline_contracts::flow::WebhookCreated;
use thunderline_core::{Action, Cx, Error, ErrorKind, Problem, Result, Role, Rule, Subject};

use super::{
    pattern,
    rows::{self, Webhook},
    sign,
};
use crate::Flow;

/// Admins: what happens here is told to another system.
pub const ACTION: Action = Action::new("flow.webhook.create", Rule::AtLeast(Role::Admin));

const LONGEST_NAME: usize = 60;
const LONGEST_URL: usize = 2_000;

/// Makes a webhook. Gives it and its secret, which is not shown again.
///
/// # Errors
/// `invalid` with all that is wrong; `conflict` where the name is taken.
pub async fn create(
    cx: &Cx,
    flow: &Flow,
    name: &str,
    url: &str,
    events: Vec<String>,
) -> Result<(Webhook, String)> {
    ACTION.authorize(cx)?;
    check(name, url, &events)?;
    let secret = sign::secret(cx);
    let webhook = Webhook {
        id: cx.uuid(),
        tenant: cx.tenant(),
        name: name.into(),
        url: url.into(),
        events,
        enabled: true,
        reason: String::new(),
        failing_since: None,
        created_at: cx.now(),
        secret: secret.clone(),
    };
    let mut write = flow.db.write(cx, &ACTION).await?;
    rows::insert(&mut write, &webhook).await.map_err(|error| match error.kind() {
        ErrorKind::Conflict => Error::conflict(format!("there is a webhook {name} already")),
        _ => error,
    })?;
    let events = webhook.events.clone();
    write.emit(&WebhookCreated { webhook: webhook.id, name: name.into(), events });
    write.commit(&Subject::new("webhook", webhook.id)).await?;
    Ok((webhook, secret))
}

fn check(name: &str, url: &str, events: &[String]) -> Result<()> {
    let mut problems = Vec::new();
    let mut add = |path: &str, reason: String, allowed: &str| {
        problems.push(Problem { path: path.into(), reason, allowed: allowed.into() });
    };
    let good = |char: char| char.is_ascii_lowercase() || char.is_ascii_digit() || char == '-';
    if name.is_empty() || name.len() > LONGEST_NAME || !name.chars().all(good) {
        add("name", format!("'{name}' is no name"), "1 to 60 lower-case letters, digits and hyphens");
    }
    let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
    let host = rest.map(|rest| rest.split(['/', '?', '#']).next().unwrap_or_default()).unwrap_or_default();
    let odd = url.len() > LONGEST_URL || url.chars().any(|char| char.is_whitespace() || char.is_control());
    if host.is_empty() || host.contains('@') || odd {
        add(
            "url",
            format!("'{url}' cannot be called"),
            "https://HOST/PATH or http://HOST/PATH, without credentials",
        );
    }
    if events.is_empty() {
        add("events", "no event is wanted".into(), "one or more patterns, as 'fl.round.*' or '*'");
    }
    problems.extend(events.iter().enumerate().filter_map(|(index, it)| pattern::problem(it, index)));
    match problems.first() {
        None => Ok(()),
        Some(first) => Err(Error::invalid(first.to_string(), problems)),
    }
}
