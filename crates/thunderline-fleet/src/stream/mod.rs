//! Uploads of our own runners: one stream of objects, gone on with at the byte where it broke off.
//!
//! A request's body is written as it comes: what was received before a connection breaks is there, and nothing of an
//! object is held in memory.

mod pieces;
mod turn;

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, Request, State},
    response::{IntoResponse, Response},
};
use http::{HeaderMap, StatusCode};
use serde_json::json;
use thunderline_core::{Error, ErrorKind, Result};
use thunderline_objects::Partial;
use thunderlink::Transport;

pub(crate) use self::turn::Turns;
use self::{
    pieces::{Head, Pieces},
    turn::Turn,
};
use crate::{
    Fleet,
    blocking::blocking,
    caller,
    fleet::Node,
    refusal,
    upload::{self, Begun, Found, Progress, Stored, Upload},
};

/// `GET /v1/runner/uploads/{message_id}`: how far the upload is that answers this message.
pub(crate) async fn progress(
    State(fleet): State<Fleet>,
    Path(message): Path<String>,
    request: Request,
) -> Response {
    let (parts, _no_body) = request.into_parts();
    let progress = async {
        let (node, found) = find(&fleet, &message, &parts.headers).await?;
        let Some(upload) = found else { return Ok(Progress::default()) };
        // Nothing is added after what is told.
        let _turn = turn::take(&fleet, node.id).await;
        upload.progress().await
    };
    answer(progress.await.map(|progress| (true, progress)))
}

/// `PATCH /v1/runner/uploads/{message_id}`: adds to it.
pub(crate) async fn append(
    State(fleet): State<Fleet>,
    Path(message): Path<String>,
    request: Request,
) -> Response {
    let (parts, body) = request.into_parts();
    let appended = async {
        let (node, found) = find(&fleet, &message, &parts.headers).await?;
        let Some(upload) = found else { return Ok((true, Progress::default())) };
        let turn = Arc::new(turn::take(&fleet, node.id).await);
        let mut pieces = Pieces::new(body, turn.clone(), fleet.stop.clone());
        let added = receive(&fleet, &node, &upload, &turn, &mut pieces).await;
        if !matches!(added, Ok(Added::All)) {
            pieces.drain().await;
        }
        match added? {
            Added::All if *upload.finished.lock().await => Ok((true, Progress::default())),
            Added::All => Ok((true, upload.progress().await?)),
            Added::Elsewhere => Ok((false, upload.progress().await?)),
        }
    };
    answer(appended.await)
}

/// The calling node's upload; none where its reply was counted already.
async fn find(fleet: &Fleet, message: &str, headers: &HeaderMap) -> Result<(Node, Option<Arc<Upload>>)> {
    let node = fleet.node(caller::over_http(headers, fleet.cx.now())?, Transport::Runner)?;
    fleet.seen(&node).await?;
    match upload::find(fleet, &node, message).await? {
        Found::Upload(upload) => Ok((node, Some(upload))),
        Found::Counted => Ok((node, None)),
        Found::Nothing => Err(Error::forbidden("the node has announced no reply to this message")),
    }
}

/// What became of a body.
enum Added {
    /// All of it is kept.
    All,
    /// A piece does not begin where what is there ends.
    Elsewhere,
}

async fn receive(
    fleet: &Fleet,
    node: &Node,
    upload: &Arc<Upload>,
    turn: &Arc<Turn>,
    pieces: &mut Pieces,
) -> Result<Added> {
    while let Some(head) = pieces.head().await? {
        fleet.links.admit(node.id)?;
        let stored = match upload.begin(head.id, head.offset).await? {
            Begun::There => {
                pieces.skip(head.length - head.offset).await?;
                continue;
            }
            Begun::Elsewhere => return Ok(Added::Elsewhere),
            Begun::Refused(reason) => Stored::Refused(reason),
            Begun::At(partial) => match fill(*partial, &head, turn, pieces).await? {
                Some(partial) => upload.keep(head.id, partial).await?,
                None => return Ok(Added::All),
            },
        };
        match stored {
            Stored::More => {}
            Stored::Last => upload::complete(fleet, node, upload).await?,
            Stored::Refused(reason) => {
                return Err(Error::new(ErrorKind::Invalid, format!("object {}: {reason}", head.id)));
            }
            Stored::TooMuch => {
                upload::give_up(fleet, node, upload, upload::FAR_TOO_LARGE).await?;
                return Err(Error::forbidden(upload::FAR_TOO_LARGE));
            }
        }
    }
    Ok(Added::All)
}

/// Adds to an object; gives it where all of it is there then, and none where the body ends before.
async fn fill(
    mut partial: Partial,
    head: &Head,
    turn: &Arc<Turn>,
    pieces: &mut Pieces,
) -> Result<Option<Partial>> {
    while partial.length() < head.length {
        let Some(bytes) = pieces.bytes(head.length - partial.length()).await? else { return Ok(None) };
        let turn = turn.clone();
        let writing = move || {
            partial.append(&bytes)?;
            Ok((partial, turn))
        };
        // The turn goes along: where the client hangs up meanwhile, its next request waits for the end of this.
        partial = blocking(writing).await?.0;
    }
    Ok(Some(partial))
}

/// 200, or 409 where the offset was not the one of what is there. Both say how far the upload is.
fn answer(result: Result<(bool, Progress)>) -> Response {
    match result {
        Ok((true, progress)) => Json(progress).into_response(),
        Ok((false, progress)) => {
            let detail = "the piece does not begin where what is there ends";
            let body = json!({
                "code": 409, "detail": detail, "missing": progress.missing, "partial": progress.partial,
            });
            (StatusCode::CONFLICT, Json(body)).into_response()
        }
        Err(error) => refusal::http(None, &error),
    }
}
