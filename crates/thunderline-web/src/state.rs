//! What every handler works with.

use std::sync::Arc;

use federation::Federations;
use thunderblock::Block;
use thunderflow::Flow;
use thundergrid::Grid;
use thunderline_core::{Cx, Role};
use thunderline_objects::Objects;
use thunderline_runtime::Live;
use thunderline_store::Db;
use thunderlink::Links;
use thunderprism::Prism;
use thundervine::Vine;
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

/// Every domain that the edge calls. Cheap to clone.
#[derive(Clone)]
pub struct Domains {
    /// The database, for events and health.
    pub db: Db,
    /// Domains as things that run, checkpoints, retention, jobs, schedules.
    pub block: Block,
    /// Federated training.
    pub federations: Federations,
    /// Event streams.
    pub flow: Flow,
    /// Zones.
    pub grid: Grid,
    /// Nodes.
    pub links: Links,
    /// The decision trail.
    pub prism: Prism,
    /// Workflows and lineage.
    pub vine: Vine,
}

impl Domains {
    /// All domains over one database and one store of blobs.
    #[must_use]
    pub fn over(db: &Db, objects: Objects) -> Self {
        Self {
            db: db.clone(),
            block: Block::new(db.clone()),
            federations: Federations::new(db.clone(), objects),
            flow: Flow::new(db.clone()),
            grid: Grid::new(db.clone()),
            links: Links::new(db.clone()),
            prism: Prism::new(db.clone()),
            vine: Vine::new(db.clone()),
        }
    }
}

/// The edge: the domains it calls and how it behaves. Cheap to clone.
#[derive(Clone)]
pub struct Web(Arc<Inner>);

struct Inner {
    domains: Domains,
    live: Live,
    edge: Cx,
    settings: Settings,
    closing: CancellationToken,
}

impl Web {
    /// The edge over these domains. `edge` is its own context: clock, randomness, tenant. Streams end when `closing` is
    /// cancelled.
    #[must_use]
    pub fn new(
        domains: Domains,
        live: Live,
        edge: Cx,
        settings: Settings,
        closing: CancellationToken,
    ) -> Self {
        Self(Arc::new(Inner { domains, live, edge, settings, closing }))
    }

    /// The domains.
    #[must_use]
    pub fn domains(&self) -> &Domains {
        &self.0.domains
    }

    /// How the domains of this process are now.
    #[must_use]
    pub fn live(&self) -> &Live {
        &self.0.live
    }

    /// The federations.
    #[must_use]
    pub fn federations(&self) -> &Federations {
        &self.0.domains.federations
    }

    /// The nodes.
    #[must_use]
    pub fn links(&self) -> &Links {
        &self.0.domains.links
    }

    /// The database, for events and health.
    #[must_use]
    pub fn db(&self) -> &Db {
        &self.0.domains.db
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
