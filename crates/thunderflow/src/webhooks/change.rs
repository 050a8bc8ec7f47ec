//! Webhooks are enabled, disabled, tested and deleted.

use thunderline_contracts::flow::{WebhookDeleted, WebhookDisabled, WebhookEnabled, WebhookTested};
use thunderline_core::{Action, Cx, Error, Result, Role, Rule, Subject};

use super::{
    deliver::Deliver,
    rows::{self, Webhook},
};
use crate::Flow;

/// Admins.
pub const ENABLE: Action = Action::new("flow.webhook.enable", Rule::AtLeast(Role::Admin));
/// Admins.
pub const DISABLE: Action = Action::new("flow.webhook.disable", Rule::AtLeast(Role::Admin));
/// Operators.
pub const TEST: Action = Action::new("flow.webhook.test", Rule::AtLeast(Role::Operator));
/// Admins.
pub const DELETE: Action = Action::new("flow.webhook.delete", Rule::AtLeast(Role::Admin));

/// Sends events again: what waits, and what was given up, in order. Events that happened while it was disabled are not
/// sent.
///
/// # Errors
/// `not_found`; `conflict` where it is enabled.
pub async fn enable(cx: &Cx, flow: &Flow, name: &str) -> Result<Webhook> {
    let mut write = flow.db.write(cx, &ENABLE).await?;
    let webhook = rows::by_name(&mut write, cx.tenant(), name).await?;
    if !rows::set_state(&mut write, webhook.id, true, "", cx.now()).await? {
        return Err(Error::conflict(format!("webhook {name} is enabled")));
    }
    rows::again(&mut write, webhook.id, cx.now()).await?;
    write.enqueue(&Deliver { webhook: webhook.id });
    write.emit(&WebhookEnabled { webhook: webhook.id, name: name.into() });
    write.commit(&Subject::new("webhook", webhook.id)).await?;
    Ok(Webhook { enabled: true, reason: String::new(), failing_since: None, ..webhook })
}

/// Sends nothing more until it is enabled again.
///
/// # Errors
/// `not_found`; `conflict` where it is disabled.
pub async fn disable(cx: &Cx, flow: &Flow, name: &str) -> Result<Webhook> {
    let mut write = flow.db.write(cx, &DISABLE).await?;
    let webhook = rows::by_name(&mut write, cx.tenant(), name).await?;
    let reason = format!("{} disabled it", cx.actor());
    if !rows::set_state(&mut write, webhook.id, false, &reason, cx.now()).await? {
        return Err(Error::conflict(format!("webhook {name} is disabled")));
    }
    write.emit(&WebhookDisabled { webhook: webhook.id, name: name.into(), reason: reason.clone() });
    write.commit(&Subject::new("webhook", webhook.id)).await?;
    Ok(Webhook { enabled: false, reason, ..webhook })
}

/// Has an event of no further meaning (`flow.webhook.tested`) sent to it.
///
/// # Errors
/// `not_found`; `conflict` where it is disabled.
pub async fn test(cx: &Cx, flow: &Flow, name: &str) -> Result<Webhook> {
    let mut write = flow.db.write(cx, &TEST).await?;
    let webhook = rows::by_name(&mut write, cx.tenant(), name).await?;
    if !webhook.enabled {
        return Err(Error::conflict(format!("webhook {name} is disabled: {}", webhook.reason)));
    }
    write.emit(&WebhookTested { webhook: webhook.id, name: name.into() });
    write.commit(&Subject::new("webhook", webhook.id)).await?;
    Ok(webhook)
}

/// Deletes it with its deliveries.
///
/// # Errors
/// `not_found`.
pub async fn delete(cx: &Cx, flow: &Flow, name: &str) -> Result<()> {
    let mut write = flow.db.write(cx, &DELETE).await?;
    let webhook = rows::by_name(&mut write, cx.tenant(), name).await?;
    rows::delete(&mut write, webhook.id).await?;
    write.emit(&WebhookDeleted { webhook: webhook.id, name: name.into() });
    write.commit(&Subject::new("webhook", webhook.id)).await
}
