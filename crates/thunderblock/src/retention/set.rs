//! Set a rule, and take it back.

use thunderline_core::{Action, Cx, Error, Result, Role, Rule as Policy, SignedDuration, Subject, TenantId};

use super::{Keep, Resource, Rule, Scope, rows};
use crate::Block;

/// Whoever may change the installation.
pub const ACTION: Action = Action::new("block.retention.set", Policy::AtLeast(Role::Admin));

/// Sets what is kept of a resource, in place of what was set before.
///
/// # Errors
/// `forbidden`; `invalid` for an unknown resource, a tenant that has none of it, or a rule that makes no sense.
pub async fn set(
    cx: &Cx,
    block: &Block,
    resource: &str,
    scope: Scope,
    keep: Keep,
    archive: bool,
    grace: SignedDuration,
) -> Result<Rule> {
    ACTION.authorize(cx)?;
    let known = find(block, resource)?;
    if scope != Scope::Global && !known.has_tenants() {
        let reason = format!("{resource} belongs to the installation, not to a tenant");
        return Err(Error::invalid_value("scope", reason, "global"));
    }
    if let Scope::Tenant(tenant) = scope
        && tenant != cx.tenant()
    {
        let owners = known.owners(&cx.as_system("retention")).await?;
        if !owners.contains(&Some(tenant)) {
            let reason = format!("there is no tenant {tenant} with {resource}");
            let named: Vec<_> = owners.iter().flatten().map(TenantId::to_string).collect();
            return Err(Error::invalid_value("scope", reason, format!("global, {}", named.join(", "))));
        }
    }
    for (path, duration) in [("keep_for", keep.keep_for), ("grace", Some(grace))] {
        if duration.is_some_and(|duration| duration.is_negative()) {
            return Err(Error::invalid_value(path, "it is negative", "a duration of 0 or more"));
        }
    }
    if let Some(least) = known.least
        && keep != Keep::forever()
        && keep.keep_for.unwrap_or_default() < least
    {
        let reason = format!("{resource} would be forgotten at once");
        let allowed = format!("{} hours or more, or for ever", least.as_hours());
        return Err(Error::invalid_value("keep_for", reason, allowed));
    }
    if archive && block.home.is_none() {
        let reason = "this process has no data folder to archive into";
        return Err(Error::invalid_value("action", reason, "delete"));
    }
    let rule = Rule {
        resource: resource.to_owned(),
        scope,
        keep,
        archive,
        grace,
        set_by: cx.actor().to_string(),
        set_at: cx.now(),
    };
    let mut write = block.db.write(cx, &ACTION).await?;
    rows::set(&mut write, &rule).await?;
    write.commit(&subject(resource, scope)).await?;
    Ok(rule)
}

/// Takes a rule back: the default counts again.
///
/// # Errors
/// `forbidden`; `not_found` where there is no such rule.
pub async fn unset(cx: &Cx, block: &Block, resource: &str, scope: Scope) -> Result<()> {
    let mut write = block.db.write(cx, &ACTION).await?;
    if !rows::unset(&mut write, resource, scope).await? {
        return Err(Error::not_found(format_args!("a rule for {resource} ({scope})")));
    }
    write.commit(&subject(resource, scope)).await
}

pub(super) fn find<'a>(block: &'a Block, name: &str) -> Result<&'a Resource> {
    let known = block.resources.iter().find(|resource| resource.name == name);
    known.ok_or_else(|| {
        let names: Vec<_> = block.resources.iter().map(|resource| resource.name).collect();
        Error::invalid_value("resource", format!("'{name}' is unknown"), names.join(", "))
    })
}

fn subject(resource: &str, scope: Scope) -> Subject {
    Subject::new("retention", format_args!("{resource}/{scope}"))
}
