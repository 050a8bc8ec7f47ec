//! A node introduces itself, or comes back.

use std::collections::BTreeMap;

use serde_json::Value;
use thunderline_contracts::link::{NodeJoined, NodeKind};
use thunderline_core::{Action, Actor, Cx, Error, NodeId, Problem, Result, Rule, Subject};
use thunderline_store::Write;

use crate::{
    Links,
    book::Entry,
    capability::{self, Capability, Source},
    evict::shut_out,
    node_lock,
    presence::Heard,
    rows::{
        self,
        capabilities::Stated,
        nodes::{Node, NodeState},
    },
    session::{Session, SessionState, Transport},
};

/// The node itself.
pub const ACTION: Action = Action::new("link.node.activate", Rule::Node);

/// What a node says of itself. What it leaves out is kept from the last time.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Profile {
    /// Its public key as PEM. Whoever calls has checked that the node holds it.
    pub public_key: String,
    /// What it runs; a node that is not known yet and does not say runs Flower.
    pub kind: Option<NodeKind>,
    /// What people call it: 1 to 100 characters. Its id otherwise.
    pub name: Option<String>,
    /// Labels that selectors match: at most 32 of 1 to 100 characters.
    pub tags: Option<Vec<String>>,
    /// What it says of its machine; plain values become its capabilities.
    pub capacity: Option<Value>,
    /// The version of its program.
    pub version: Option<String>,
    /// How often it promises a sign of life, in seconds.
    pub heartbeat_seconds: Option<f64>,
    /// How it came.
    pub transport: Transport,
}

/// Brings the calling node online.
///
/// Repeating it with the same profile writes nothing. The event is emitted when the node comes or its profile changes.
///
/// # Errors
/// `forbidden` where the caller is no node; `unauthenticated` where it is shut out; `invalid` for a profile out of range.
pub async fn activate(cx: &Cx, links: &Links, profile: Profile) -> Result<Node> {
    let Actor::Node(id) = *cx.actor() else {
        return Err(Error::forbidden(format!("{} is not a node", cx.actor())));
    };
    check(&profile)?;
    links.admit(id)?;
    let transport = profile.transport;
    if let Some(known) = links.book.node(id).filter(|_| links.presence.has(id)) {
        let node = merge(cx, id, Some(&known.node), &profile);
        if same(&known.node, &node) {
            links.presence.seen(id, cx.now(), Heard { transport, lag: None });
            return Ok(node);
        }
    }
    let mut write = links.db.write(cx, &ACTION).await?;
    write.lock(&node_lock(id)).await?;
    let change = links.presence.begin(id, cx.tenant());
    let known = rows::nodes::by_id(&mut write, id, cx.tenant()).await?;
    if let Some(eviction) = known.as_ref().and_then(|known| known.evicted.as_ref()) {
        return Err(shut_out(eviction));
    }
    let node = merge(cx, id, known.as_ref(), &profile);
    let capabilities = report(&mut write, &node).await?;
    let session = enter(cx, links, &mut write, &node, transport).await?;
    if known.as_ref().is_some_and(|known| same(known, &node)) {
        // It was heard by another process, or by nobody since a restart.
        write.commit_derived().await?;
    } else {
        rows::nodes::upsert(&mut write, &node).await?;
        write.emit(&NodeJoined {
            node: id,
            name: node.name.clone(),
            kind: node.kind,
            tags: node.tags.clone(),
            capabilities: capability::enabled(&capabilities),
        });
        write.commit(&Subject::new("node", id)).await?;
    }
    links.book.put(Entry { node: node.clone(), capabilities });
    links.presence.arrived(change, session, node.heartbeat_seconds, cx.now());
    Ok(node)
}

/// Writes down what the node reports of itself; gives all that counts.
async fn report(write: &mut Write, node: &Node) -> Result<BTreeMap<String, Capability>> {
    let mut stated = rows::capabilities::of_node(write, node.id).await?;
    let mut reported = capability::reported(&node.capacity);
    let mut dropped = Vec::new();
    stated.retain(|one| {
        let own = one.capability.source == Source::Reported;
        let kept = !own || reported.get(&one.key) == Some(&one.capability.value);
        if own && kept {
            reported.remove(&one.key);
        } else if own {
            dropped.push(one.key.clone());
        }
        kept
    });
    for key in dropped.iter().filter(|key| !reported.contains_key(*key)) {
        rows::capabilities::remove(write, node.id, key, Source::Reported).await?;
    }
    for (key, value) in reported {
        let capability = Capability { value, enabled: true, source: Source::Reported };
        let one = Stated { node: node.id, key, capability };
        rows::capabilities::put(write, &one, node.tenant, node.changed_at).await?;
        stated.push(one);
    }
    Ok(capability::effective(stated))
}

/// The node's session: the one that goes on, now heard here, or a new one.
async fn enter(
    cx: &Cx,
    links: &Links,
    write: &mut Write,
    node: &Node,
    transport: Transport,
) -> Result<Session> {
    if let Some(session) = rows::sessions::current(write, node.id, node.tenant).await? {
        if session.home != links.home(cx) {
            rows::sessions::set_home(write, &session, links.home(cx)).await?;
        }
        return Ok(Session { transport, ..session });
    }
    let session = Session {
        id: cx.id(),
        tenant: node.tenant,
        node: node.id,
        transport,
        home: links.home(cx).to_owned(),
        state: SessionState::Established,
        opened_at: cx.now(),
        closed_at: None,
        reason: None,
        requests: 0,
        lag_micros: None,
        longest_gap_micros: 0,
        last_seen: None,
    };
    rows::sessions::open(write, &session).await?;
    Ok(session)
}

fn merge(cx: &Cx, id: NodeId, known: Option<&Node>, profile: &Profile) -> Node {
    // Once: what is kept in memory and what is written must be the same moment.
    let now = cx.now();
    let seconds = profile.heartbeat_seconds.filter(|seconds| seconds.is_finite());
    // Flower's bounds.
    let heartbeat = seconds.map(|seconds| seconds.clamp(10.0, 1800.0) as u32);
    let kept =
        |new: &Option<String>, old: fn(&Node) -> &String| new.clone().or_else(|| known.map(old).cloned());
    Node {
        id,
        tenant: cx.tenant(),
        name: kept(&profile.name, |known| &known.name).unwrap_or_else(|| id.to_string()),
        kind: profile.kind.or(known.map(|known| known.kind)).unwrap_or(NodeKind::Flower),
        public_key: profile.public_key.clone(),
        tags: profile.tags.clone().or_else(|| known.map(|known| known.tags.clone())).unwrap_or_default(),
        capacity: profile
            .capacity
            .clone()
            .or_else(|| known.map(|known| known.capacity.clone()))
            .unwrap_or_else(|| serde_json::json!({})),
        version: kept(&profile.version, |known| &known.version).unwrap_or_default(),
        state: NodeState::Online,
        reason: None,
        heartbeat_seconds: heartbeat.or(known.map(|known| known.heartbeat_seconds)).unwrap_or(30),
        registered_at: known.map_or(now, |known| known.registered_at),
        changed_at: now,
        evicted: None,
    }
}

fn same(known: &Node, node: &Node) -> bool {
    let key = |node: &Node| {
        (
            node.name.clone(),
            node.kind,
            node.tags.clone(),
            node.capacity.clone(),
            node.version.clone(),
            node.state,
            node.heartbeat_seconds,
        )
    };
    key(known) == key(node)
}

fn check(profile: &Profile) -> Result<()> {
    let fits = |text: &str| !text.trim().is_empty() && text.chars().count() <= 100;
    let mut problems = Vec::new();
    let mut refuse = |path: String, reason: &str, allowed: &str| {
        problems.push(Problem { path, reason: reason.into(), allowed: allowed.into() });
    };
    if profile.name.as_deref().is_some_and(|name| !fits(name)) {
        refuse("name".into(), "empty or too long", "1 to 100 characters");
    }
    let tags = profile.tags.as_deref().unwrap_or_default();
    if tags.len() > 32 {
        refuse("tags".into(), "too many", "at most 32");
    }
    for (index, _) in tags.iter().enumerate().filter(|(_, tag)| !fits(tag)) {
        refuse(format!("tags[{index}]"), "empty or too long", "1 to 100 characters");
    }
    if profile.capacity.as_ref().is_some_and(|capacity| capacity.to_string().len() > 4096) {
        refuse("capacity".into(), "too long", "at most 4096 bytes");
    }
    if problems.is_empty() {
        Ok(())
    } else {
        Err(Error::invalid("the node's profile cannot be accepted", problems))
    }
}
