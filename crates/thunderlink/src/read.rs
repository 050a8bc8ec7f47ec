//! Looking at nodes. Answered from memory, but for sessions and heartbeats.

use std::{collections::BTreeMap, sync::Arc};

use thunderline_core::{Action, Cx, Error, NodeId, Result, Role, Rule, SessionId, Timestamp};

use crate::{
    Links,
    book::Entry,
    capability::Capability,
    groups,
    rows::{
        self,
        heartbeats::Heartbeats,
        nodes::{Node, NodeState},
    },
    session::Session,
};

/// People look; a node may look itself up.
pub const ACTION: Action =
    Action::new("link.node.read", Rule::AnyOf(&[Rule::AtLeast(Role::Viewer), Rule::Node]));

/// A node and all around it.
#[derive(Clone, Debug)]
pub struct NodeView {
    /// The node.
    pub node: Node,
    /// What it can do: the operator's word before its own.
    pub capabilities: BTreeMap<String, Capability>,
    /// The names of the groups that it was put into.
    pub groups: Vec<String>,
    /// When this process last heard of it.
    pub last_seen: Option<Timestamp>,
}

/// Which nodes; what is `None` does not matter.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// In this state.
    pub state: Option<NodeState>,
    /// In the group of this name, or in one of its parts.
    pub group: Option<String>,
    /// With this label.
    pub tag: Option<String>,
    /// With this capability, enabled, and neither false nor 0.
    pub capability: Option<String>,
    /// Whose name begins so.
    pub name: Option<String>,
    /// Shut out, or not.
    pub evicted: Option<bool>,
}

/// Nodes, the newest first. `before` continues a listing after the last one's `registered_at` and id.
///
/// # Errors
/// `forbidden`; `not_found` where there is no such group.
pub async fn list_nodes(
    cx: &Cx,
    links: &Links,
    filter: &Filter,
    before: Option<(Timestamp, NodeId)>,
    limit: u32,
) -> Result<Vec<NodeView>> {
    ACTION.authorize(cx)?;
    links.complete(cx).await?;
    let group = match &filter.group {
        Some(name) => Some(groups::get_group(cx, links, name).await?.group.id),
        None => None,
    };
    let found = links.book.find(cx.tenant(), before, limit as usize, group, |entry| fits(filter, entry));
    Ok(found.iter().map(|entry| around(links, entry)).collect())
}

fn fits(filter: &Filter, entry: &Entry) -> bool {
    let node = &entry.node;
    let is = |key: &str| {
        let capability = entry.capabilities.get(key).filter(|capability| capability.enabled);
        capability
            .is_some_and(|capability| capability.value != false && capability.value.as_f64() != Some(0.0))
    };
    filter.state.is_none_or(|state| node.state == state)
        && filter.tag.as_ref().is_none_or(|tag| node.tags.contains(tag))
        && filter.capability.as_deref().is_none_or(is)
        && filter.name.as_ref().is_none_or(|name| node.name.starts_with(name))
        && filter.evicted.is_none_or(|evicted| node.evicted.is_some() == evicted)
}

/// One node.
///
/// # Errors
/// `not_found`.
pub async fn get_node(cx: &Cx, links: &Links, id: NodeId) -> Result<NodeView> {
    ACTION.authorize(cx)?;
    view(cx, links, id).await
}

/// One node, for whoever was allowed something else with it.
pub(crate) async fn view(cx: &Cx, links: &Links, id: NodeId) -> Result<NodeView> {
    links.complete(cx).await?;
    let entry = links.book.node(id).filter(|entry| entry.node.tenant == cx.tenant());
    let entry = entry.ok_or_else(|| Error::not_found(format_args!("node {id}")))?;
    Ok(around(links, &entry))
}

fn around(links: &Links, entry: &Arc<Entry>) -> NodeView {
    NodeView {
        node: entry.node.clone(),
        capabilities: entry.capabilities.clone(),
        groups: links.book.groups_of(entry.node.id),
        last_seen: links.presence.last_seen(entry.node.id),
    }
}

/// Sessions, of one node or of all, the newest first.
///
/// # Errors
/// `not_found` where there is no such node.
pub async fn list_sessions(
    cx: &Cx,
    links: &Links,
    node: Option<NodeId>,
    before: Option<(Timestamp, SessionId)>,
    limit: u32,
) -> Result<Vec<Session>> {
    let mut read = links.db.read(cx, &ACTION).await?;
    if let Some(node) = node {
        view(cx, links, node).await?;
    }
    let mut sessions = rows::sessions::list(&mut read, cx.tenant(), node, before, limit).await?;
    for session in sessions.iter_mut().filter(|session| session.closed_at.is_none()) {
        let live = links.presence.session(session.node, cx.now()).filter(|live| live.id == session.id);
        if let Some(live) = live {
            *session = live;
        }
    }
    Ok(sessions)
}

/// A node's signs of life of the last day, the newest first; of the last ten minutes nothing is written yet.
///
/// # Errors
/// `not_found`.
pub async fn list_heartbeats(
    cx: &Cx,
    links: &Links,
    node: NodeId,
    before: Option<Timestamp>,
    limit: u32,
) -> Result<Vec<Heartbeats>> {
    let mut read = links.db.read(cx, &ACTION).await?;
    view(cx, links, node).await?;
    rows::heartbeats::of_node(&mut read, node, cx.tenant(), before, limit).await
}

/// A text without blanks around it; none where it is empty.
///
/// # Errors
/// `invalid` where it is too long.
pub(crate) fn text(path: &str, text: &str, longest: usize) -> Result<Option<String>> {
    let text = text.trim();
    if text.chars().count() > longest {
        let reason = format!("it has {} characters", text.chars().count());
        return Err(Error::invalid_value(path, reason, format!("at most {longest} characters")));
    }
    Ok((!text.is_empty()).then(|| text.to_owned()))
}
