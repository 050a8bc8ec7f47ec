//! The listeners that training nodes talk to.

use std::path::Path;

use federation::Federations;
use thunderline_core::{Cx, Result};
use thunderline_runtime::{Kind, Tasks};
use thunderlink::Links;
use tokio::net::TcpListener;

/// Serves Flower's Fleet API over HTTP and gRPC.
pub fn spawn(
    tasks: &Tasks,
    _cx: &Cx,
    _federations: &Federations,
    _links: &Links,
    _data: &Path,
    _http: TcpListener,
    _grpc: TcpListener,
) -> Result<()> {
    tasks.spawn("fleet", Kind::Vital, |stop| async move {
        stop.cancelled().await;
        Ok(())
    });
    Ok(())
}
