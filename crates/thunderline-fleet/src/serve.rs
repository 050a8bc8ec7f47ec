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

use crate::patience::Patient;

/// How long a request that is being answered may go on after the stop.
const GRACE: Duration = Duration::from_secs(10);
/// What a client may send before it is read: large enough for distant clients, small enough that many who wait for their
/// turn do not fill the memory.
const WINDOW: u32 = 256 * 1024;
/// What is read of a request over HTTP/1.1 before its turn comes.
const READ_AHEAD: usize = 16 * 1024;
const HEADER_PATIENCE: Duration = Duration::from_secs(60);
const WRITE_PATIENCE: Duration = Duration::from_secs(30);

/// Serves until `stop` is cancelled, then ends idle connections and lets answers in progress finish.
pub async fn serve(listener: TcpListener, router: Router, stop: CancellationToken) {
    let mut builder = Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(HEADER_PATIENCE).max_buf_size(READ_AHEAD);
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
        let connection = builder
            .serve_connection(TokioIo::new(Patient::new(stream, WRITE_PATIENCE)), service)
            .into_owned();
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

#[cfg(test)]
mod tests {
    use axum::routing::get;
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpStream,
        sync::Notify,
    };

    use super::*;

    #[tokio::test]
    async fn both_protocols_are_served_and_a_stop_lets_answers_finish_and_ends_idle_connections() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (begun, finish) = (std::sync::Arc::new(Notify::new()), std::sync::Arc::new(Notify::new()));
        let (begun_too, finish_too) = (begun.clone(), finish.clone());
        let slow = get(move || async move {
            begun_too.notify_one();
            finish_too.notified().await;
            "done"
        });
        let stop = CancellationToken::new();
        let server = tokio::spawn(serve(listener, Router::new().route("/slow", slow), stop.clone()));

        let mut idle = TcpStream::connect(address).await.unwrap();
        idle.write_all(b"GET /none HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
        let mut head = [0; 12];
        idle.read_exact(&mut head).await.unwrap();
        assert_eq!(&head, b"HTTP/1.1 404");

        // The client's preface and empty settings; the server answers with its own settings frame.
        let mut second = TcpStream::connect(address).await.unwrap();
        second.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").await.unwrap();
        let mut frame = [0; 9];
        second.read_exact(&mut frame).await.unwrap();
        assert_eq!(frame[3], 4);
        drop(second);

        let mut busy = TcpStream::connect(address).await.unwrap();
        busy.write_all(b"GET /slow HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
        begun.notified().await;
        stop.cancel();
        let mut rest = Vec::new();
        idle.read_to_end(&mut rest).await.unwrap();
        finish.notify_one();
        let mut answer = String::new();
        busy.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("done"), "{answer}");
        server.await.unwrap();
        assert!(TcpStream::connect(address).await.is_err());
    }
}
