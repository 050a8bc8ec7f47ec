//! Steering groups.

pub mod create;
pub mod delete;
pub mod members;
pub mod read;
pub mod reparent;

use thunderline_core::{Cx, Error, GroupId, Result, TenantId};
use thunderline_store::Write;

use crate::{Links, group::Group, rows};

pub use read::{GroupView, get_group, list_groups};

/// All groups of the tenant; nobody changes them until the transaction is over.
async fn locked(cx: &Cx, write: &mut Write) -> Result<Vec<Group>> {
    write.lock(&groups_lock(cx.tenant())).await?;
    rows::groups::of_tenant(write, cx.tenant()).await
}

fn groups_lock(tenant: TenantId) -> String {
    format!("link.groups:{tenant}")
}

fn named<'a>(groups: &'a [Group], name: &str) -> Result<&'a Group> {
    let found = groups.iter().find(|group| group.name == name);
    found.ok_or_else(|| Error::not_found(format_args!("a group '{name}'")))
}

fn name_of(groups: &[Group], id: Option<GroupId>) -> Option<String> {
    let id = id?;
    groups.iter().find(|group| group.id == id).map(|group| group.name.clone())
}

/// Enters into the book what was committed.
pub(crate) async fn enter(cx: &Cx, links: &Links) -> Result<()> {
    let mut read = links.db.read(&cx.as_system("link.groups"), &crate::presence::ACTION).await?;
    let (groups, members) = (rows::groups::all(&mut read).await?, rows::groups::members(&mut read).await?);
    links.book.regroup(groups, members);
    Ok(())
}
