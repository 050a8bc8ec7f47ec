//! System checkpoints: what was running and how far everybody had come, taken now and then and at every stop.
//!
//! A start compares with the newest one. After a stop in good order there is nothing to do. After any other, it says what
//! was interrupted, remembers each such thing until it goes on, and has the database and the newest blobs looked at. Truth
//! is in the domains' own tables all the time: nothing is *restored* from a checkpoint, it tells what to expect.

mod begin;
mod examine;
mod read;
mod resume;
mod rows;
mod take;

use std::{fmt, pin::Pin, sync::Arc};

use serde::{Deserialize, Serialize};
use thunderline_core::{Action, Cx, Result, Role, Rule};

pub use begin::{Begun, begin};
pub use examine::{Examination, examine};
pub use read::{get, list};
pub use resume::{Resume, resume};
pub(crate) use rows::STATEMENTS;
pub use rows::{Checkpoint, Reason};
pub use take::{Content, periodic, take};

/// Background work only.
pub const ACTION: Action = Action::new("block.checkpoint.take", Rule::System);
/// Whoever runs the installation: rows name things of all tenants.
pub const READ_ACTION: Action = Action::new("block.checkpoint.read", Rule::AtLeast(Role::Operator));

/// Something that is running.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Item {
    /// What it is: `federation`, `job`, …
    pub kind: String,
    /// Which.
    pub id: String,
    /// What people call it.
    pub label: String,
    /// Where it stands.
    pub state: String,
    /// Changes whenever it goes on.
    pub mark: String,
    /// Whether a start is expected to make it go on: what somebody has paused is not.
    pub resumes: bool,
}

type Items = Pin<Box<dyn Future<Output = Result<Vec<Item>>> + Send>>;
type Gather = dyn Fn(Cx) -> Items + Send + Sync;

/// Port: a domain's answer to the question what is running.
#[derive(Clone)]
pub struct Source {
    name: &'static str,
    gather: Arc<Gather>,
}

impl Source {
    /// `gather` lists what is running and not over, of all tenants.
    pub fn new<F, Fut>(name: &'static str, gather: F) -> Self
    where
        F: Fn(Cx) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<Vec<Item>>> + Send + 'static,
    {
        Self { name, gather: Arc::new(move |cx| Box::pin(gather(cx))) }
    }

    async fn items(&self, cx: &Cx) -> Result<Vec<Item>> {
        (self.gather)(cx.clone()).await
    }
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Source({})", self.name)
    }
}
