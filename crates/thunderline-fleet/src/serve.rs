//! Listening. Both HTTP/1.1 and HTTP/2 (without negotiation, as gRPC clients open it) are spoken on every port, so that one
//! port serves all generations of clients where an operator wants just one.

use std::{future::Future, time::Duration};

use axum::Router;
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::{conn::auto::Builder, graceful::GracefulShutdown},
    service::TowerToHyperService,
};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// How long a request that is being answered may go on after the stop.
const GRACE: Duration = Duration::from_secs(10);
/// What a client may send before it is read: large enough for distant clients, small enough that many who wait for their
/// turn do not fill the memory.
const WINDOW: u32 = 256 * 1024;
const HEADER_PATIENCE: Duration = Duration::from_secs(60);

/// Serves until `stop` is cancelled, then ends idle connections and lets answers in progress finish.
pub async fn serve(listener: TcpListener, router: Router, stop: CancellationToken) {
    let mut builder = Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(HEADER_PATIENCE);
    builder
        .http2()
        .timer(TokioTimer::new())
        .initial_stream_window_size(WINDOW)
        .initial_connection_window_size(WINDOW)
        .keep_alive_interval(Some(Duration::from_secs(60)));
    let connections = GracefulShutdown::new();
    while let Some(accepted) = until(&stop, listener.accept()).await {
        let stream = match accepted {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                // Out of file descriptors, most likely: trying again at once would only burn the processor.
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let _delays = stream.set_nodelay(true);
        let service = TowerToHyperService::new(router.clone());
        let connection = builder.serve_connection(TokioIo::new(stream), service).into_owned();
        let connection = connections.watch(connection);
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(error, "a connection ended early");
            }
        });
    }
    drop(listener);
    if tokio::time::timeout(GRACE, connections.shutdown()).await.is_err() {
        tracing::warn!("some answers were cut off");
    }
}

async fn until<T>(stop: &CancellationToken, work: impl Future<Output = T>) -> Option<T> {
    tokio::select! {
        biased;
        () = stop.cancelled() => None,
        done = work => Some(done),
    }
}
