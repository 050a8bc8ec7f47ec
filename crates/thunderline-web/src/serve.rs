//! Serving until told to stop.

use std::time::Duration;

use thunderline_core::Result;
use tokio::{net::TcpListener, time::timeout};

use crate::{Web, router};

/// How long requests that have begun may take after the server was told to stop.
const PATIENCE: Duration = Duration::from_secs(10);

/// Serves on the listener until the edge's `closing` is cancelled; then takes no new connections, ends event streams and
/// finishes the requests that have begun.
///
/// # Errors
/// `internal` where the listener fails.
pub async fn serve(web: Web, listener: TcpListener) -> Result<()> {
    let closing = web.closing().clone();
    let closed = closing.clone().cancelled_owned();
    let server = axum::serve(listener, router(web)).with_graceful_shutdown(closed).into_future();
    let mut server = std::pin::pin!(server);
    tokio::select! {
        ended = &mut server => return Ok(ended?),
        () = closing.cancelled() => {}
    }
    match timeout(PATIENCE, server).await {
        Ok(ended) => Ok(ended?),
        Err(_) => {
            tracing::warn!("some requests did not finish in time and were cut off");
            Ok(())
        }
    }
}
