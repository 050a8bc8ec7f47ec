//! An operator says what a node can do.

use serde_json::Value;
use thunderline_contracts::link::NodeChanged;
use thunderline_core::{Action, Cx, Error, NodeId, Problem, Result, Role, Rule, Subject};

use crate::{
    Links, NodeView,
    book::Entry,
    capability::{self, Capability, MOST, Source},
    node_lock, read,
    rows::{self, capabilities::Stated},
};

/// Those who steer.
pub const ACTION: Action = Action::new("link.capability.set", Rule::AtLeast(Role::Operator));

/// What an operator says of a capability.
#[derive(Clone, Debug, PartialEq)]
pub enum Word {
    /// It has this value, and counts or does not.
    Is {
        /// Text, a number, true or false.
        value: Value,
        /// Whether it counts when nodes are chosen.
        enabled: bool,
    },
    /// Nothing any more: what the node reports counts again.
    TakenBack,
}

/// Says something of a node's capability. Repeating it changes nothing.
///
/// # Errors
/// `not_found` where there is no such node, or nothing to be taken back; `invalid` for keys and values out of range, and
/// beyond 64 capabilities.
pub async fn set_capability(cx: &Cx, links: &Links, id: NodeId, key: &str, word: Word) -> Result<NodeView> {
    capability::check_key(key)?;
    let mut write = links.db.write(cx, &ACTION).await?;
    write.lock(&node_lock(id)).await?;
    let node = rows::nodes::by_id(&mut write, id, cx.tenant()).await?;
    let node = node.ok_or_else(|| Error::not_found(format_args!("node {id}")))?;
    let before = rows::capabilities::of_node(&mut write, id).await?;
    match word {
        Word::Is { value, enabled } => {
            capability::check_value(&value)?;
            let capability = Capability { value, enabled, source: Source::Operator };
            rows::capabilities::put(
                &mut write,
                &Stated { node: id, key: key.into(), capability },
                cx.tenant(),
                cx.now(),
            )
            .await?;
        }
        Word::TakenBack => {
            if !rows::capabilities::remove(&mut write, id, key, Source::Operator).await? {
                let what = format!("a capability '{key}' that was set on node {id}");
                return Err(Error::not_found(what));
            }
        }
    }
    let after = capability::effective(rows::capabilities::of_node(&mut write, id).await?);
    if after.len() > MOST {
        let problem = Problem {
            path: "key".into(),
            reason: format!("the node has {MOST} capabilities already"),
            allowed: format!("at most {MOST}"),
        };
        return Err(Error::invalid(problem.to_string(), vec![problem]));
    }
    let (then, now) = (capability::enabled(&capability::effective(before)), capability::enabled(&after));
    if then != now {
        write.emit(&NodeChanged { node: id, capabilities: now });
    }
    write.commit(&Subject::new("node", id)).await?;
    links.book.put(Entry { node, capabilities: after });
    read::view(cx, links, id).await
}
