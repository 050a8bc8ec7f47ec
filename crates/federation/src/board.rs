//! Which nodes have a task, for the very many that ask and have none.
//!
//! Thousands of nodes ask again and again whether there is work. Each would be one look into the database; here those who ask
//! while a look is under way share the next one, which begins after the last of them has asked. So an answer is never older
//! than its question, and the number of looks does not grow with the number of nodes.

use std::{
    collections::HashSet,
    sync::atomic::{AtomicU64, Ordering},
};

use thunderline_core::{Cx, NodeId, Result};
use tokio::sync::Mutex;

use crate::{Federations, actions::read::NODE_ACTION, rows};

/// The nodes that have a task.
#[derive(Default)]
pub(crate) struct Board {
    /// How many have asked.
    asked: AtomicU64,
    last: Mutex<Look>,
}

#[derive(Default)]
struct Look {
    /// How many had asked when it began.
    asked: u64,
    nodes: HashSet<NodeId>,
}

impl Board {
    /// True where the node has a task, waiting or lost.
    pub(crate) async fn has(&self, cx: &Cx, domain: &Federations, node: NodeId) -> Result<bool> {
        let mine = self.asked.fetch_add(1, Ordering::SeqCst) + 1;
        let mut last = self.last.lock().await;
        if last.asked < mine {
            let asked = self.asked.load(Ordering::SeqCst);
            let mut read = domain.db.read(cx, &NODE_ACTION).await?;
            let nodes = rows::leases::nodes_with_open(&mut read).await?;
            *last = Look { asked, nodes };
        }
        Ok(last.nodes.contains(&node))
    }
}
