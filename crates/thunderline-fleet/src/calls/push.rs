//! A reply is announced.

use federation::actions::{
    announce_reply::announce_reply,
    read::{self, Expected},
    refuse_reply::refuse_reply,
};
use thunderline_core::{Error, Result};
use thunderline_flower::{message::Reply, tree, wire};

use super::own;
use crate::{
    Fleet,
    answer::Answer,
    fleet::Node,
    upload::{self, Announced, Upload},
};

/// Says which of the reply's objects are wanted: none, where the reply cannot be counted any more. The client then takes it
/// for sent and asks for new work.
pub(super) async fn push(fleet: &Fleet, node: &Node, request: &wire::PushMessagesRequest) -> Result<Answer> {
    own(fleet, node, request.node.as_ref()).await?;
    let ([message], [tree]) = (&request.messages_list[..], &request.message_object_trees[..]) else {
        return Err(wrong("it does not announce one message", "one message and its tree"));
    };
    let reply = Reply::read(node.id, message)?;
    let objects: Vec<_> = tree::read(tree)?.into_iter().map(|object| object.id).collect();
    if objects.last() != Some(&reply.id) {
        return Err(wrong("the tree is of another message", "the message's own tree"));
    }
    let session_id = reply.reply_to.to_string();
    let wanted = match read::expected_reply(&node.cx, &fleet.federations, &session_id).await? {
        Expected::Unknown => return Err(Error::forbidden("this answers no task of the node")),
        Expected::Repeated(_) => Vec::new(),
        Expected::Late(lease) => {
            let reason = lease.state.reason().unwrap_or("the lease has ended").to_owned();
            refuse_reply(&node.cx, &fleet.federations, lease.id, &format!("too late: {reason}")).await?;
            fleet.forget(node.id);
            Vec::new()
        }
        Expected::Open(lease) => {
            if reply.kind != lease.purpose.name() {
                return Err(wrong("it answers another kind of task", lease.purpose.name()));
            }
            let task = read::task(&node.cx, &fleet.federations, lease.id).await?;
            if reply.run != task.run {
                return Err(wrong("it answers a task of another run", &task.run.to_string()));
            }
            let announced = Announced::new(&reply, &objects);
            announce_reply(&node.cx, &fleet.federations, lease.id, &announced.to_json()).await?;
            let upload = Upload::open(fleet, node, &lease, announced).await?;
            let wanted = upload.missing();
            if wanted.is_empty() {
                upload::complete(fleet, node, &upload).await?;
            }
            wanted
        }
    };
    Ok(Answer::message(&wire::PushMessagesResponse {
        objects_to_push: wanted.iter().map(ToString::to_string).collect(),
        session_id,
        ..Default::default()
    }))
}

fn wrong(reason: &str, allowed: &str) -> Error {
    Error::invalid_value("request", reason, allowed)
}
