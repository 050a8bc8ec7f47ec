//! Looking at webhooks and what was sent.

use thunderline_core::{Action, Cx, Result, Role, Rule};

use super::rows::{self, Delivery, DeliveryState, Webhook};
use crate::Flow;

/// Operators: addresses may hold what only the receiver is to know.
pub const ACTION: Action = Action::new("flow.webhook.read", Rule::AtLeast(Role::Operator));

/// Every webhook of the tenant, by name.
///
/// # Errors
/// `forbidden`.
pub async fn list_webhooks(cx: &Cx, flow: &Flow) -> Result<Vec<Webhook>> {
    let mut read = flow.db.read(cx, &ACTION).await?;
    rows::list(&mut read, cx.tenant()).await
}

/// One webhook.
///
/// # Errors
/// `not_found`.
pub async fn get_webhook(cx: &Cx, flow: &Flow, name: &str) -> Result<Webhook> {
    let mut read = flow.db.read(cx, &ACTION).await?;
    rows::by_name(&mut read, cx.tenant(), name).await
}

/// A webhook's deliveries, the newest event first. `before` continues a listing after the last one's sequence.
///
/// # Errors
/// `not_found`.
pub async fn list_deliveries(
    cx: &Cx,
    flow: &Flow,
    name: &str,
    state: Option<DeliveryState>,
    before: Option<i64>,
    limit: u32,
) -> Result<Vec<Delivery>> {
    let mut read = flow.db.read(cx, &ACTION).await?;
    let webhook = rows::by_name(&mut read, cx.tenant(), name).await?;
    rows::deliveries(&mut read, webhook.id, state, before, limit).await
}
