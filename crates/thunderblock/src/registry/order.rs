//! An operator wants something of a domain.

use thunderline_core::{Action, Cx, DOMAIN_ORDERS, Error, Result, Role, Rule, Subject, Wish};

use super::rows;
use crate::Block;

/// Changes how the installation runs.
pub const ORDER: Action = Action::new("block.domain.order", Rule::AtLeast(Role::Admin));

/// Characters of a reason.
const LONGEST_REASON: usize = 500;

/// Keeps the wish; every process carries it out when it hears of it. `known` are the names of the domains that there are.
///
/// # Errors
/// `not_found` for a domain that is not known, `invalid` for a reason that is too long, `forbidden`.
pub async fn order(
    cx: &Cx,
    block: &Block,
    known: &[&str],
    domain: &str,
    wish: Wish,
    reason: Option<&str>,
) -> Result<()> {
    let reason = reason.map(str::trim).filter(|reason| !reason.is_empty());
    if reason.is_some_and(|reason| reason.chars().count() > LONGEST_REASON) {
        let allowed = format!("at most {LONGEST_REASON} characters");
        return Err(Error::invalid_value("reason", "too long", allowed));
    }
    let mut write = block.db.write(cx, &ORDER).await?;
    if !known.contains(&domain) {
        return Err(Error::not_found(format!("domain {domain} (there are: {})", known.join(", "))));
    }
    rows::add_order(&mut write, domain, wish, &cx.actor().to_string(), reason, cx.now()).await?;
    write.wake(DOMAIN_ORDERS);
    write.commit(&Subject::new("domain", domain)).await
}
