//! What all calls share.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use federation::{
    Federations,
    masked::{self, Told},
    task::Task,
};
use thundergate::ManifestSigner;
use thunderline_core::{Actor, Cx, NodeId, Result};
use thunderline_flower::auth::PublicKey;
use thunderlink::{
    Heard, Links, Transport,
    activate::{self, Profile},
};
use tokio_util::sync::CancellationToken;

use crate::{
    budget::Budget,
    caller::Signed,
    publish::{Delivery, ModelCache},
    spool::Spool,
    stream::Turns,
    upload::Upload,
};

/// Nodes that may be remembered beyond twice those that are there.
const SPARE: usize = 64;

/// Settings of the edge.
#[derive(Clone, Copy, Debug)]
pub struct Config {
    /// How long a client that asks for work is kept waiting for some. Clients give up after 30 s.
    pub hold: Duration,
    /// How often a waiting client's work is looked for without being woken.
    pub recheck: Duration,
    /// Bytes of request and response bodies that may be in memory at once: three quarters of them for requests.
    pub body_bytes: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self { hold: Duration::from_secs(20), recheck: Duration::from_secs(5), body_bytes: 16 * 1024 * 1024 }
    }
}

/// The edge. Cheap to clone.
#[derive(Clone)]
pub struct Fleet {
    pub(crate) cx: Cx,
    pub(crate) links: Links,
    pub(crate) federations: Federations,
    pub(crate) signer: Arc<ManifestSigner>,
    pub(crate) config: Config,
    pub(crate) stop: CancellationToken,
    /// For answers.
    pub(crate) budget: Budget,
    /// For requests: what comes slowly does not hold back what goes out.
    pub(crate) spool: Spool,
    pub(crate) models: Arc<ModelCache>,
    /// What each node is working on. A cache: what is missing is put together again from the database.
    pub(crate) deliveries: PerNode<Delivery>,
    /// What each node is uploading. A cache as well.
    pub(crate) uploads: PerNode<Upload>,
    /// Whose turn it is to add to what a node is uploading.
    pub(crate) turns: PerNode<Turns>,
}

impl Fleet {
    /// The edge over these domains. `cx` gives the clock, randomness and the tenant that nodes belong to; `stop` ends
    /// requests that are being held.
    ///
    /// # Errors
    /// None in practice: the area of checkpoints has a valid name.
    pub fn new(
        cx: Cx,
        links: Links,
        federations: Federations,
        signer: Arc<ManifestSigner>,
        config: Config,
        stop: CancellationToken,
    ) -> Result<Self> {
        let models = Arc::new(ModelCache::new(federations.objects.checkpoints()?));
        let spool = Spool::new(federations.objects.incoming(), config.body_bytes - config.body_bytes / 4);
        Ok(Self {
            cx,
            links,
            federations,
            signer,
            config,
            stop,
            budget: Budget::new(config.body_bytes / 4),
            spool,
            models,
            deliveries: PerNode::default(),
            uploads: PerNode::default(),
            turns: PerNode::default(),
        })
    }

    /// The node that holds this key, as an actor.
    ///
    /// # Errors
    /// `unauthenticated` where it is shut out.
    pub(crate) fn node(&self, signed: Signed, transport: Transport) -> Result<Node> {
        let id = signed.key.node_id();
        self.links.admit(id)?;
        let heard = Heard { transport, lag: Some(signed.age) };
        Ok(Node { id, cx: self.cx.for_actor(Actor::Node(id), self.cx.tenant()), key: signed.key, heard })
    }

    /// Counts a request as a sign of life. A node that was thought gone, or that a restarted server does not know, comes
    /// back by it: its key says who it is.
    pub(crate) async fn seen(&self, node: &Node) -> Result<()> {
        if !self.links.presence.seen(node.id, node.cx.now(), node.heard) {
            let transport = node.heard.transport;
            let profile = Profile { public_key: node.key.pem(), transport, ..Profile::default() };
            activate::activate(&node.cx, &self.links, profile).await?;
        }
        Ok(())
    }

    /// A node's task as a message.
    pub(crate) async fn delivery(&self, node: &Node, task: &Task) -> Result<Delivery> {
        if let Some(turn) = task.turn {
            let told = match turn.exchange.before() {
                None => Told::Wait,
                Some(before) => masked::told(&node.cx, &self.federations, task.lease, before).await?,
            };
            let told = match told {
                Told::Answer(bytes) => bytes,
                Told::Wait => Vec::new(),
            };
            let model = self.models.get(task.model).await?;
            return Ok(Delivery::exchange(task, turn.exchange, model, told));
        }
        let state = match task.state {
            Some(state) => Some(self.models.get(state).await?),
            None => None,
        };
        Ok(Delivery::new(task, self.models.get(task.model).await?, state))
    }

    /// Remembers what a node is working on, and forgets nodes that went without a word: many make a new key at each start,
    /// and never come back as who they were.
    pub(crate) fn remember(&self, node: NodeId, delivery: &Arc<Delivery>) {
        if self.deliveries.put(node, delivery) > 2 * self.links.presence.count() + SPARE {
            let there = |node: NodeId| self.links.presence.last_seen(node).is_some();
            self.deliveries.retain(there);
            self.uploads.retain(there);
            self.turns.retain(there);
        }
    }

    /// Forgets what a node was doing.
    pub(crate) fn forget(&self, node: NodeId) {
        self.deliveries.remove(node);
        self.uploads.remove(node);
    }
}

/// A calling node.
pub(crate) struct Node {
    pub(crate) id: NodeId,
    pub(crate) cx: Cx,
    pub(crate) key: PublicKey,
    pub(crate) heard: Heard,
}

/// Something for each node.
pub(crate) struct PerNode<T>(Arc<Mutex<HashMap<NodeId, Arc<T>>>>);

impl<T> Clone for PerNode<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T> Default for PerNode<T> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<T> PerNode<T> {
    fn map(&self) -> std::sync::MutexGuard<'_, HashMap<NodeId, Arc<T>>> {
        self.0.lock().expect("no code panics while holding the map")
    }

    pub(crate) fn get(&self, node: NodeId) -> Option<Arc<T>> {
        self.map().get(&node).cloned()
    }

    /// Gives the number of nodes.
    pub(crate) fn put(&self, node: NodeId, value: &Arc<T>) -> usize {
        let mut map = self.map();
        map.insert(node, value.clone());
        map.len()
    }

    /// What is there already, if it is the same; the new value otherwise.
    pub(crate) fn get_or_put(&self, node: NodeId, value: Arc<T>, same: impl Fn(&T) -> bool) -> Arc<T> {
        let mut map = self.map();
        if let Some(known) = map.get(&node).filter(|known| same(known)) {
            return known.clone();
        }
        map.insert(node, value.clone());
        value
    }

    fn retain(&self, keep: impl Fn(NodeId) -> bool) {
        self.map().retain(|node, _| keep(*node));
    }

    pub(crate) fn remove(&self, node: NodeId) {
        self.map().remove(&node);
    }
}
