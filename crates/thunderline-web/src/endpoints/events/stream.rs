//! `GET /api/v1/events/stream`

use std::{collections::VecDeque, convert::Infallible, time::Duration};

use axum::{
    extract::{Query, State},
    http::HeaderMap,
    response::sse,
};
use futures::{Stream, stream};
use thunderflow::events::read::ACTION;
use thunderline_core::Envelope;
use thunderline_store::{EVENTS, EventFilter};

use super::list::Wanted;
use crate::{caller::Caller, dto::event::Event, problem::Failure, state::Web};

/// Events read at once.
const BATCH: u32 = 200;
/// How long a change by another process may go unnoticed.
const LOOK_AGAIN: Duration = Duration::from_secs(2);
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// Events as they happen (server-sent events). Each one's `id` is its sequence number; a client that comes back with
/// `Last-Event-ID` (or `after`) misses nothing. Without either, only what happens from now on is sent.
#[utoipa::path(
    get, path = "/api/v1/events/stream", tag = "events",
    params(Wanted, ("Last-Event-ID" = Option<i64>, Header, description = "Go on after this event.")),
    responses((status = OK, body = Event, content_type = "text/event-stream"))
)]
pub async fn stream(
    State(web): State<Web>,
    Caller(cx): Caller,
    Query(wanted): Query<Wanted>,
    headers: HeaderMap,
) -> Result<sse::Sse<impl Stream<Item = Result<sse::Event, Infallible>>>, Failure> {
    ACTION.authorize(&cx)?;
    let filter = wanted.filter(&cx)?;
    let last = headers.get("last-event-id").and_then(|value| value.to_str().ok()?.parse().ok());
    let after = match last.or(wanted.after) {
        Some(after) => after,
        None => web.db().last_sequence().await?,
    };
    let tail = Tail { web, filter, after, ready: VecDeque::new() };
    Ok(sse::Sse::new(stream::unfold(tail, Tail::next)).keep_alive(sse::KeepAlive::new().interval(KEEP_ALIVE)))
}

/// The end of the outbox, followed.
struct Tail {
    web: Web,
    filter: EventFilter,
    after: i64,
    ready: VecDeque<Envelope>,
}

impl Tail {
    /// The next event, waiting for it if need be; none when the server stops.
    async fn next(mut self) -> Option<(Result<sse::Event, Infallible>, Self)> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                self.after = event.sequence;
                let sent = sse::Event::default().id(event.sequence.to_string()).event(&event.name);
                let data = serde_json::to_string(&Event::from(event)).unwrap_or_default();
                return Some((Ok(sent.data(data)), self));
            }
            let waiter = self.web.db().signals().waiter(EVENTS);
            match self.web.db().events(self.after, BATCH, &self.filter).await {
                Ok(found) => self.ready.extend(found),
                Err(error) => tracing::warn!(error = error.chain(), "the event stream cannot be read now"),
            }
            if self.ready.is_empty() {
                tokio::select! {
                    () = self.web.closing().cancelled() => return None,
                    () = waiter.wait() => {}
                    () = tokio::time::sleep(LOOK_AGAIN) => {}
                }
            }
        }
    }
}
