//! What every handler works with.

use std::sync::Arc;

use federation::Federations;
use thunderline_core::{Cx, Role};
use thunderline_store::Db;
use thunderlink::Links;
use tokio_util::sync::CancellationToken;

/// How the edge behaves.
#[derive(Clone, Debug)]
pub struct Settings {
    /// What somebody without a token may do who asks from this machine by a loopback name. None: nothing. Only for an
    /// installation that listens on loopback and serves one person.
    pub loopback_role: Option<Role>,
    /// The largest upload, in bytes.
    pub largest_upload: u64,
    /// The program's version.
    pub version: &'static str,
}

impl Default for Settings {
    fn default() -> Self {
        Self { loopback_role: None, largest_upload: 8 << 30, version: env!("CARGO_PKG_VERSION") }
    }
}

/// The edge: the domains it calls and how it behaves. Cheap to clone.
#[derive(Clone)]
pub struct Web(Arc<Inner>);

struct Inner {
    federations: Federations,
    links: Links,
    edge: Cx,
    settings: Settings,
    closing: CancellationToken,
}

impl Web {
    /// The edge over these domains. `edge` is its own context: clock, randomness, tenant. Streams end when `closing` is
    /// cancelled.
    #[must_use]
    pub fn new(
        federations: Federations,
        links: Links,
        edge: Cx,
        settings: Settings,
        closing: CancellationToken,
    ) -> Self {
        Self(Arc::new(Inner { federations, links, edge, settings, closing }))
    }

    /// The federations.
    #[must_use]
    pub fn federations(&self) -> &Federations {
        &self.0.federations
    }

    /// The nodes.
    #[must_use]
    pub fn links(&self) -> &Links {
        &self.0.links
    }

    /// The database, for events and health.
    #[must_use]
    pub fn db(&self) -> &Db {
        &self.0.federations.db
    }

    /// The edge's own context.
    #[must_use]
    pub fn edge(&self) -> &Cx {
        &self.0.edge
    }

    /// How the edge behaves.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.0.settings
    }

    /// Cancelled when the server stops.
    #[must_use]
    pub fn closing(&self) -> &CancellationToken {
        &self.0.closing
    }
}
