//! Reading again what was committed since, also by other processes.

use std::collections::BTreeSet;

use thunderline_contracts::link::{
    GroupCreated, GroupDeleted, GroupMembersChanged, GroupMoved, NodeChanged, NodeEvicted, NodeJoined,
    NodeLeft, NodeReadmitted,
};
use thunderline_core::{Cx, Event, NodeId, Result};
use thunderline_store::EventFilter;

use crate::{
    Links,
    book::Entry,
    capability, groups, presence,
    rows::{self, nodes::NodeState},
};

const NODE_EVENTS: [&str; 5] =
    [NodeJoined::NAME, NodeLeft::NAME, NodeChanged::NAME, NodeEvicted::NAME, NodeReadmitted::NAME];
const GROUP_EVENTS: [&str; 4] =
    [GroupCreated::NAME, GroupMoved::NAME, GroupDeleted::NAME, GroupMembersChanged::NAME];
/// Events read at once.
const PAGE: u32 = 1_000;

/// Enters into memory what was committed since the last time. A node that another process found silent or shut out is
/// not taken for present here any more: where it is there after all, its next request brings it back. Gives how many
/// events there were.
///
/// # Errors
/// Those of reading; the next time begins at the same place.
pub async fn refresh(cx: &Cx, links: &Links) -> Result<usize> {
    links.complete(cx).await?;
    let newest = links.db.last_sequence().await?;
    let mut after = links.place();
    let mut count = 0;
    while after < newest {
        let filter = EventFilter::named(&[&NODE_EVENTS[..], &GROUP_EVENTS[..]].concat());
        let events = links.db.events(after, PAGE, &filter).await?;
        let Some(last) = events.last() else {
            after = newest;
            break;
        };
        after = last.sequence;
        count += events.len();
        if events.iter().any(|event| GROUP_EVENTS.contains(&event.name.as_str())) {
            groups::enter(cx, links).await?;
        }
        let nodes: BTreeSet<NodeId> = events
            .iter()
            .filter(|event| NODE_EVENTS.contains(&event.name.as_str()))
            .filter_map(|event| event.subject.id.parse().ok())
            .collect();
        for node in nodes {
            let tenant = events.iter().rfind(|event| event.subject.id == node.to_string());
            let tenant = tenant.map_or(cx.tenant(), |event| event.tenant);
            read_again(cx, links, node, tenant).await?;
        }
    }
    links.set_place(after);
    Ok(count)
}

async fn read_again(cx: &Cx, links: &Links, id: NodeId, tenant: thunderline_core::TenantId) -> Result<()> {
    let cx = cx.caused_by(tenant, cx.correlation(), None);
    let mut read = links.db.read(&cx, &presence::ACTION).await?;
    let Some(node) = rows::nodes::by_id(&mut read, id, tenant).await? else { return Ok(()) };
    let capabilities = capability::effective(rows::capabilities::of_node(&mut read, id).await?);
    if node.state != NodeState::Online || node.evicted.is_some() {
        // Unless it has come back here since it was read.
        let stale = links.presence.has(id);
        if stale && links.book.node(id).is_none_or(|known| known.node.changed_at <= node.changed_at) {
            let _to_be_looked_up = links.presence.begin(id, tenant);
        }
    }
    links.book.put(Entry { node, capabilities });
    Ok(())
}
