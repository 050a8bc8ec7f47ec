//! The listeners that training nodes talk to.

use std::{path::Path, sync::Arc};

use federation::Federations;
use thundergate::ManifestSigner;
use thunderline_core::{Cx, Result};
use thunderline_fleet::{Config, Fleet};
use thunderline_runtime::{Kind, Tasks};
use thunderlink::Links;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// Serves Flower's Fleet API over HTTP and over gRPC, and the runners' channel. The same calls are behind both listeners.
pub fn spawn(
    tasks: &Tasks,
    cx: &Cx,
    federations: &Federations,
    links: &Links,
    data: &Path,
    listeners: [(&'static str, TcpListener); 2],
) -> Result<()> {
    let signer = Arc::new(ManifestSigner::open(&data.join("manifest.key"))?);
    let closing = CancellationToken::new();
    let fleet = Fleet::new(
        cx.clone(),
        links.clone(),
        federations.clone(),
        signer,
        Config::default(),
        closing.clone(),
    )?;
    for (name, listener) in listeners {
        let listener = Arc::new(listener.into_std()?);
        let (fleet, closing) = (fleet.clone(), closing.clone());
        tasks.spawn(name, Kind::Vital, move |stop| {
            let (fleet, listener, closing) = (fleet.clone(), listener.clone(), closing.clone());
            async move {
                let listener = TcpListener::from_std(listener.try_clone()?)?;
                let serving =
                    thunderline_fleet::serve(listener, thunderline_fleet::router(fleet), stop.clone());
                let serving = std::pin::pin!(serving);
                // Held requests are let go first, so that their connections can be closed.
                let hurrying = async {
                    stop.cancelled().await;
                    closing.cancel();
                };
                tokio::join!(serving, hurrying);
                Ok(())
            }
        });
    }
    Ok(())
}
