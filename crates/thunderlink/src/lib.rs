//! Nodes: who they are, what they can do, how they are grouped, and whether they are there.
//!
//! A node introduces itself with its public key; its id is derived from that key, so it is recognised after any restart.
//! Presence is kept in memory: every request of a node counts as a sign of life, and costs no write. Only comings and
//! goings, changes and groupings are rows and events (`link.node.*`, `link.group.*`), which is what other domains know
//! nodes from; signs of life become a row for some minutes of them.
//!
//! Deliberately absent: what a node is for. Thunderlink delivers and never interprets.
//!
//! Another domain cannot be named here, only heard of by its events:
//!
//! ```compile_fail,E0432
//! use federation::Federations;
//! ```

pub mod activate;
mod book;
pub mod capabilities;
mod capability;
pub mod evict;
mod group;
pub mod groups;
pub mod heartbeats;
pub mod leave;
pub mod presence;
pub mod read;
pub mod refresh;
mod rows;
mod session;
pub mod tick;

use std::sync::{
    Arc, OnceLock,
    atomic::{AtomicI64, Ordering},
};

use thunderline_contracts::link as events;
use thunderline_core::{Action, Cx, Event, Manifest, NodeId, Result};
use thunderline_store::Db;

pub use book::Book;
pub use capability::{Capability, Source};
pub use group::{Group, GroupKind};
pub use presence::{Heard, Presence};
pub use read::{Filter, NodeView};
pub use rows::{
    MIGRATIONS,
    heartbeats::Heartbeats,
    nodes::{Eviction, Node, NodeState},
    statements,
};
pub use session::{Session, SessionState, Transport};

/// What this domain works with. Cheap to clone.
#[derive(Clone)]
pub struct Links {
    /// The database.
    pub db: Db,
    /// Signs of life.
    pub presence: Arc<Presence>,
    book: Arc<Book>,
    home: Arc<OnceLock<String>>,
    /// How far the events were read.
    place: Arc<AtomicI64>,
}

impl Links {
    /// The domain over this database; call [`presence::restore`] before serving nodes.
    #[must_use]
    pub fn new(db: Db) -> Self {
        let (presence, book) = (Arc::default(), Arc::default());
        Self { db, presence, book, home: Arc::default(), place: Arc::default() }
    }

    /// Refuses a node that is shut out. Costs a look into memory.
    ///
    /// # Errors
    /// `unauthenticated`, with the reason.
    pub fn admit(&self, id: NodeId) -> Result<()> {
        match self.book.node(id) {
            Some(entry) => {
                entry.node.evicted.as_ref().map_or(Ok(()), |eviction| Err(evict::shut_out(eviction)))
            }
            None => Ok(()),
        }
    }

    /// What this process is called in sessions' rows.
    fn home(&self, cx: &Cx) -> &str {
        self.home.get_or_init(|| cx.uuid().to_string())
    }

    fn place(&self) -> i64 {
        self.place.load(Ordering::Relaxed)
    }

    fn set_place(&self, sequence: i64) {
        self.place.fetch_max(sequence, Ordering::Relaxed);
    }

    /// Reads everything into memory, unless that was done.
    async fn complete(&self, cx: &Cx) -> Result<()> {
        if self.book.is_complete() {
            return Ok(());
        }
        let cx = cx.as_system("thunderlink");
        // Before reading: what is committed while reading is read again.
        let place = self.db.last_sequence().await?;
        let mut read = self.db.read(&cx, &presence::ACTION).await?;
        let mut stated = rows::capabilities::all(&mut read).await?.into_iter().peekable();
        let mut nodes = rows::nodes::all(&mut read).await?;
        nodes.sort_unstable_by_key(|node| node.id);
        let mut entries = Vec::with_capacity(nodes.len());
        for node in nodes {
            let mut own = Vec::new();
            while let Some(one) = stated.next_if(|one| one.node <= node.id) {
                own.push(one);
            }
            entries.push(book::Entry { node, capabilities: capability::effective(own) });
        }
        let groups = rows::groups::all(&mut read).await?;
        let members = rows::groups::members(&mut read).await?;
        self.book.load(entries, groups, members);
        self.set_place(place);
        Ok(())
    }
}

/// The key under which changes of one node happen one after another.
fn node_lock(id: NodeId) -> String {
    format!("link.node:{id}")
}

/// Every action, for the policy matrix.
pub const ACTIONS: &[&Action] = &[
    &activate::ACTION,
    &capabilities::ACTION,
    &evict::EVICT,
    &evict::READMIT,
    &groups::create::ACTION,
    &groups::delete::ACTION,
    &groups::members::ACTION,
    &groups::reparent::ACTION,
    &heartbeats::ACTION,
    &leave::ACTION,
    &presence::ACTION,
    &read::ACTION,
];

/// The domain's border.
pub const MANIFEST: Manifest = Manifest {
    domain: "thunderlink",
    prefix: "link",
    charter: "The clock of the mesh, and its nodes: who they are, what they can do, how they are grouped, whether they are there.",
    actions: ACTIONS,
    emits: &[
        events::NodeJoined::NAME,
        events::NodeLeft::NAME,
        events::NodeChanged::NAME,
        events::NodeEvicted::NAME,
        events::NodeReadmitted::NAME,
        events::GroupCreated::NAME,
        events::GroupMoved::NAME,
        events::GroupDeleted::NAME,
        events::GroupMembersChanged::NAME,
    ],
    consumes: &[],
    jobs: &[],
    ports: &[],
    depends_on: &["thunderblock"],
    required: true,
};
