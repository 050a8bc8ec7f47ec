//! A node introduces itself, or comes back.

use serde_json::Value;
use thunderline_contracts::link::{NodeJoined, NodeKind};
use thunderline_core::{Action, Actor, Cx, Error, NodeId, Problem, Result, Rule, Subject};

use crate::{
    Links,
    rows::{self, Node, NodeState},
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
    /// What it says of its machine.
    pub capacity: Option<Value>,
    /// The version of its program.
    pub version: Option<String>,
    /// How often it promises a sign of life, in seconds.
    pub heartbeat_seconds: Option<f64>,
}

/// Brings the calling node online.
///
/// Repeating it with the same profile writes nothing. The event is emitted when the node comes or its profile changes.
///
/// # Errors
/// `forbidden` where the caller is no node; `invalid` for a profile out of range.
pub async fn activate(cx: &Cx, links: &Links, profile: Profile) -> Result<Node> {
    let Actor::Node(id) = *cx.actor() else {
        return Err(Error::forbidden(format!("{} is not a node", cx.actor())));
    };
    check(&profile)?;
    let mut write = links.db.write(cx, &ACTION).await?;
    let known = rows::by_id(&mut write, id, cx.tenant()).await?;
    let node = merge(cx, id, known.as_ref(), profile);
    let same = known.as_ref().is_some_and(|known| same(known, &node));
    if same {
        drop(write);
    } else {
        rows::upsert(&mut write, &node).await?;
        write.emit(&NodeJoined {
            node: id,
            name: node.name.clone(),
            kind: node.kind,
            tags: node.tags.clone(),
        });
        write.commit(&Subject::new("node", id)).await?;
    }
    links.presence.arrived(id, cx.tenant(), node.heartbeat_seconds, cx.now());
    Ok(node)
}

fn merge(cx: &Cx, id: NodeId, known: Option<&Node>, profile: Profile) -> Node {
    let seconds = profile.heartbeat_seconds.filter(|seconds| seconds.is_finite());
    // Flower's bounds.
    let heartbeat = seconds.map(|seconds| seconds.clamp(10.0, 1800.0) as u32);
    Node {
        id,
        tenant: cx.tenant(),
        name: profile
            .name
            .or_else(|| known.map(|known| known.name.clone()))
            .unwrap_or_else(|| id.to_string()),
        kind: profile.kind.or(known.map(|known| known.kind)).unwrap_or(NodeKind::Flower),
        public_key: profile.public_key,
        tags: profile.tags.or_else(|| known.map(|known| known.tags.clone())).unwrap_or_default(),
        capacity: profile
            .capacity
            .or_else(|| known.map(|known| known.capacity.clone()))
            .unwrap_or_else(|| serde_json::json!({})),
        version: profile.version.or_else(|| known.map(|known| known.version.clone())).unwrap_or_default(),
        state: NodeState::Online,
        reason: None,
        heartbeat_seconds: heartbeat.or(known.map(|known| known.heartbeat_seconds)).unwrap_or(30),
        registered_at: known.map_or_else(|| cx.now(), |known| known.registered_at),
        changed_at: cx.now(),
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
