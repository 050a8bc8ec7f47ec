//! Uploads of our own runners: one stream of objects, gone on with at the byte where it broke off.
//!
//! A request's body is written as it comes: what was received before a connection breaks is there, and nothing of an
//! object is held in memory.

mod pieces;
mod target;
mod turn;

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, Request, State},
    response::{IntoResponse, Response},
};
use http::{HeaderMap, StatusCode};
use serde_json::json;
use thunderline_core::Result;
use thunderline_objects::Partial;
use thunderlink::Transport;

pub(crate) use self::turn::Turns;
use self::{
    pieces::{Head, Pieces},
    target::{Target, UploadKind},
    turn::Turn,
};
use crate::{
    Fleet,
    blocking::blocking,
    caller,
    fleet::Node,
    refusal,
    upload::{Begun, Progress},
};

/// `GET /v1/runner/uploads/{message_id}`: how far the upload is that answers this message.
pub(crate) async fn progress(
    State(fleet): State<Fleet>,
    Path(message): Path<String>,
    request: Request,
) -> Response {
    answer(told(&fleet, UploadKind::Reply, &message, request).await)
}

/// `PATCH /v1/runner/uploads/{message_id}`: adds to it.
pub(crate) async fn append(
    State(fleet): State<Fleet>,
    Path(message): Path<String>,
    request: Request,
) -> Response {
    answer(added(&fleet, UploadKind::Reply, &message, request).await)
}

/// `GET /v1/runner/uploads/{message_id}/mask`: how far the runner's masked update is.
pub(crate) async fn mask_progress(
    State(fleet): State<Fleet>,
    Path(message): Path<String>,
    request: Request,
) -> Response {
    answer(told(&fleet, UploadKind::MaskedUpdate, &message, request).await)
}

/// `PATCH /v1/runner/uploads/{message_id}/mask`: adds to it.
pub(crate) async fn mask_append(
    State(fleet): State<Fleet>,
    Path(message): Path<String>,
    request: Request,
) -> Response {
    answer(added(&fleet, UploadKind::MaskedUpdate, &message, request).await)
}

async fn told(fleet: &Fleet, kind: UploadKind, message: &str, request: Request) -> Result<(bool, Progress)> {
    let node = caller(fleet, request.headers()).await?;
    let Some(target) = Target::find(fleet, &node, kind, message).await? else {
        return Ok((true, Progress::default()));
    };
    // Nothing is added after what is told.
    let _turn = turn::take(fleet, node.id).await;
    Ok((true, target.progress().await?))
}

async fn added(fleet: &Fleet, kind: UploadKind, message: &str, request: Request) -> Result<(bool, Progress)> {
    let (parts, body) = request.into_parts();
    let node = caller(fleet, &parts.headers).await?;
    let Some(mut target) = Target::find(fleet, &node, kind, message).await? else {
        return Ok((true, Progress::default()));
    };
    let turn = Arc::new(turn::take(fleet, node.id).await);
    let mut pieces = Pieces::new(body, target.lengths(), turn.clone(), fleet.stop.clone());
    let added = receive(fleet, &node, &mut target, &turn, &mut pieces).await;
    if !matches!(added, Ok(Added::All)) {
        pieces.drain().await;
    }
    let all = matches!(added?, Added::All);
    Ok((all, target.progress().await?))
}

async fn caller(fleet: &Fleet, headers: &HeaderMap) -> Result<Node> {
    let node = fleet.node(caller::over_http(headers, fleet.cx.now())?, Transport::Runner)?;
    fleet.seen(&node).await?;
    Ok(node)
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
    target: &mut Target,
    turn: &Arc<Turn>,
    pieces: &mut Pieces,
) -> Result<Added> {
    while let Some(head) = pieces.head().await? {
        fleet.links.admit(node.id)?;
        match target.begin(head.id, head.offset).await? {
            Begun::There => pieces.skip(head.length - head.offset).await?,
            Begun::Elsewhere => return Ok(Added::Elsewhere),
            Begun::Refused(reason) => return Err(target::refused(head.id, reason)),
            Begun::At(partial) => match fill(*partial, &head, turn, pieces).await? {
                Some(partial) => target.keep(fleet, node, head.id, partial).await?,
                None => return Ok(Added::All),
            },
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

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use axum::body::Body;
    use thunderline_flower::ObjectId;
    use thunderline_objects::Objects;
    use tokio_util::sync::CancellationToken;

    use super::*;

    #[test]
    fn who_hangs_up_keeps_its_turn_until_what_came_is_written() {
        let mut one_thread = tokio::runtime::Builder::new_current_thread();
        one_thread.max_blocking_threads(1).enable_all().build().unwrap().block_on(async {
            let folder = tempfile::tempdir().unwrap();
            let area = Objects::open(folder.path()).unwrap().area("rounds/1").unwrap();
            std::fs::create_dir_all(area.folder()).unwrap();
            let head = Head { id: ObjectId::of(b"bytes"), offset: 0, length: 5 };
            let partial = area.resume("a", &head.id.0).unwrap();
            let turns = Turns::default();
            let turn = Arc::new(turns.take().await);
            // The disk is busy.
            let (done, busy) = std::sync::mpsc::channel::<()>();
            let other = tokio::task::spawn_blocking(move || busy.recv().unwrap());
            {
                let mut pieces =
                    Pieces::new(Body::from("bytes"), 5..=5, turn.clone(), CancellationToken::new());
                assert!(futures::poll!(pin!(fill(partial, &head, &turn, &mut pieces))).is_pending());
            }
            drop(turn);
            let mut next = pin!(turns.take());
            assert!(futures::poll!(&mut next).is_pending());
            done.send(()).unwrap();
            other.await.unwrap();
            let _turn = next.await;
            assert_eq!(area.partial("a").unwrap(), Some((head.id.0, 5)));
        });
    }
}
