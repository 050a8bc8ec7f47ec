//! A made-up site: a federation domain with nodes that train by writing down what they are told.

use std::collections::BTreeMap;

use federation::{
    Federation, Federations,
    actions::{
        accept_reply::{self, Acceptance},
        claim_lease, read, submit,
    },
    drive,
    layout::{ArrayLayout, Segment, UpdateLayout},
    project,
    task::{NUM_EXAMPLES, Reply, Task},
};
use thunderline_contracts::link::{NodeJoined, NodeKind, NodeLeft};
use thunderline_core::{Event, NodeId, Result};
use thunderline_numerics::{ArraySpec, DType, checkpoint::CheckpointHeader};
use thunderline_objects::{Objects, Sha256};
use thunderline_testkit::TestDb;

/// A model of one array of two elements: `layers.0.weight` would have more, so it is brought as a stored model.
pub const SPEC: &str =
    "model_ref: builtin:softmax(1,2)\nnum_rounds: 1\nmin_clients: 2\nevaluation: {federated: false}\n";

pub struct Site {
    pub t: TestDb,
    pub domain: Federations,
}

impl Site {
    pub fn new(t: TestDb) -> Result<Self> {
        let objects = Objects::open(t.dir().join("objects"))?;
        let domain = Federations::new(t.db().clone(), objects);
        Ok(Self { t, domain })
    }

    async fn tell(&self, event: &impl Event) -> Result<()> {
        let last = self.t.db().last_sequence().await?;
        self.t.tell(&self.t.system(), event).await?;
        self.t.hand_on(last, project::EVENTS, &project::ACTION, project::on_node_event).await
    }

    /// A runner comes online.
    pub async fn join(&self, number: u64) -> Result<NodeId> {
        let node = NodeId::from_bits(number);
        let name = format!("site-{number}");
        let (kind, tags, capabilities) = (NodeKind::Runner, vec![], Default::default());
        self.tell(&NodeJoined { node, name, kind, tags, capabilities }).await?;
        Ok(node)
    }

    /// A runner goes.
    pub async fn leave(&self, node: NodeId) -> Result<()> {
        self.tell(&NodeLeft { node, reason: "test".into() }).await
    }

    pub async fn submit(&self, spec: &str) -> Result<Federation> {
        submit::submit(&self.t.operator(), &self.domain, spec, None).await
    }

    pub async fn drive(&self, federation: &Federation) -> Result<()> {
        drive::drive(&self.t.system(), &self.domain, federation.id).await
    }

    pub async fn get(&self, federation: &Federation) -> Result<Federation> {
        read::get_federation(&self.t.viewer(), &self.domain, federation.id).await
    }

    /// The node takes its next task.
    pub async fn claim(&self, node: NodeId) -> Result<Option<Task>> {
        let cx = self.t.node(node);
        let Some(task) = read::next_task(&cx, &self.domain).await? else { return Ok(None) };
        claim_lease::claim_lease(&cx, &self.domain, task.lease, &format!("message-{}", task.lease)).await?;
        Ok(Some(task))
    }

    /// The node's answer: every element of every array is `value`.
    pub async fn answer(&self, task: &Task, value: f32, num_examples: f64) -> Result<Acceptance> {
        let reply = self.reply(task, value, num_examples)?;
        accept_reply::accept_reply(&self.t.node(task.node), &self.domain, task.lease, reply).await
    }

    /// An answer that can be bent before it is sent.
    pub fn reply(&self, task: &Task, value: f32, num_examples: f64) -> Result<Reply> {
        let area = self.domain.objects.area(&task.uploads)?;
        let mut arrays = Vec::new();
        for (name, shape) in [("layers.0.weight", vec![2, 1]), ("layers.0.bias", vec![2])] {
            let bytes = [value.to_le_bytes(), value.to_le_bytes()].concat();
            // As the edge stores it: something before the elements, and the elements in two pieces.
            let (first, second) = ([b"head", &bytes[..3]].concat(), [b"xx", &bytes[3..]].concat());
            let mut segments = Vec::new();
            for (object, offset) in [(first, 4), (second, 2)] {
                let digest = Sha256::of(&object);
                area.put_checked(digest, &object)?;
                segments.push(Segment { object: digest, offset, length: object.len() as u64 - offset });
            }
            arrays.push(ArrayLayout { spec: ArraySpec::new(name, DType::F32, &shape), segments });
        }
        let metrics = [
            (NUM_EXAMPLES, num_examples),
            ("loss", f64::from(value)),
            ("train_loss", 0.5),
            ("num-steps", 4.0),
        ];
        let metrics = BTreeMap::from(metrics.map(|(name, value)| (name.to_owned(), value)));
        Ok(Reply { update: Some(UpdateLayout { arrays }), metrics, ..Reply::default() })
    }

    /// The elements of a stored model.
    pub fn elements(&self, digest: &str) -> Result<Vec<f32>> {
        let area = self.domain.objects.checkpoints()?;
        let digest: Sha256 = digest.parse()?;
        let header = CheckpointHeader::read(&mut area.open(&digest)?)?;
        let bytes = std::fs::read(area.path_of(&digest))?;
        let data = &bytes[header.data_offset as usize..];
        Ok(data
            .chunks_exact(4)
            .map(|raw| f32::from_le_bytes(raw.try_into().expect("four bytes at a time")))
            .collect())
    }
}
