//! What can happen: one operation of a script.
//!
//! Scripts are kept as text, one operation a line, as JSON. Numbers that name something (a node, a federation, a delayed
//! request) are taken modulo how many there are, so that a script from which operations were removed still means
//! something: where there is nothing to act upon, nothing happens.

use serde::{Deserialize, Serialize};
use thunderline_core::{
    Wish,
    seams::{Point, Trap},
};

/// One operation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Op {
    /// Time passes.
    Advance {
        /// How much.
        seconds: u32,
    },
    /// A federation is submitted.
    Submit {
        /// What it is to do.
        plan: Plan,
        /// Under an idempotency key, of which there are few: the same key means the same document.
        key: Option<u8>,
        /// What becomes of the request.
        fault: Fault,
    },
    /// A document is submitted that cannot be accepted.
    SubmitNonsense,
    /// A federation is paused, resumed or cancelled.
    Steer {
        /// Which, in the order of submission.
        federation: u8,
        /// What.
        to: Steer,
        /// What becomes of the request.
        fault: Fault,
    },
    /// A node does what it would do next: come, ask for work, announce a reply, send it.
    Step {
        /// Which node.
        node: u8,
        /// What becomes of its last request.
        fault: Fault,
    },
    /// A node shows that it is there.
    Beat {
        /// Which node.
        node: u8,
    },
    /// A node says goodbye.
    Leave {
        /// Which node.
        node: u8,
        /// For good?
        for_good: bool,
        /// What becomes of the request.
        fault: Fault,
    },
    /// A node loses its memory and is gone.
    Die {
        /// Which node.
        node: u8,
    },
    /// A node that was gone starts again.
    Revive {
        /// Which node.
        node: u8,
    },
    /// A node's next reply will be one that must be refused.
    Spoil {
        /// Which node.
        node: u8,
    },
    /// A node asks in another's name.
    Forge {
        /// Whose key.
        node: u8,
        /// Whose name.
        name: u8,
    },
    /// A delayed request arrives after all.
    Deliver {
        /// Which.
        index: u8,
    },
    /// A request that was held back goes on.
    Release {
        /// Which.
        index: u8,
    },
    /// The worker of each domain runs one job.
    Work,
    /// Events are handed on.
    Relay,
    /// Reconcilers run whose time has come.
    Mend,
    /// Jobs and events until none is left.
    Settle,
    /// Something will happen at a later write.
    Trap {
        /// What and where.
        trap: Trap,
    },
    /// The server is stopped and started.
    Restart,
    /// A second passes, and the clock of the mesh ticks.
    Tick,
    /// An operator wants something of a domain, which the host hears of at the next tick.
    Order {
        /// Which, dependencies first.
        domain: u8,
        /// What.
        wish: Wish,
    },
    /// Another worker takes a job and falls asleep over it.
    Doze,
    /// A worker takes a wish to grant and falls asleep before it writes; it goes on like a request that was held back.
    Nod,
    /// The sleeping worker wakes up and notes the job's end.
    Wake {
        /// Which.
        index: u8,
        /// As done, or as failed.
        done: bool,
    },
    /// A wish is made, which a job is to grant.
    Wish {
        /// Which: wishes of one number are one job while it waits.
        number: u8,
        /// In how many seconds.
        after: u8,
    },
}

/// What a federation is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Plan {
    /// How many rounds.
    pub rounds: u8,
    /// How many clients at least.
    pub clients: u8,
    /// Seconds that clients have.
    pub deadline: u16,
    /// Percent of the wanted updates that suffice.
    pub quorum: u8,
    /// Rounds that may fail in a row.
    pub failures: u8,
    /// Half of the nodes are wanted, and twice as many are asked.
    pub over: bool,
    /// Clients judge the models.
    pub judge: bool,
}

/// What people do with a federation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Steer {
    /// Let it wait.
    Pause,
    /// Let it go on.
    Resume,
    /// Stop it for good.
    Cancel,
}

/// What becomes of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// It is answered.
    None,
    /// It never arrives.
    LoseRequest,
    /// Its answer never arrives.
    LoseAnswer,
    /// It arrives twice.
    Twice,
    /// It arrives later, when nobody waits for the answer any more.
    Delay,
    /// It is held back in the middle, and others overtake it.
    Stall {
        /// Where.
        point: Point,
        /// How many passages are let through before.
        after: u8,
    },
    /// The caller hangs up in the middle, and the server drops the request where it stands.
    HangUp {
        /// Where.
        point: Point,
        /// How many passages are let through before.
        after: u8,
    },
}

/// Reads a script: one operation a line; empty lines and lines that begin with `#` are skipped.
///
/// # Errors
/// The line that cannot be read, and why.
pub fn read_script(text: &str) -> Result<Vec<Op>, String> {
    let lines = text.lines().enumerate();
    lines
        .filter(|(_, line)| !line.trim().is_empty() && !line.starts_with('#'))
        .map(|(number, line)| {
            serde_json::from_str(line).map_err(|error| format!("line {}: {error}", number + 1))
        })
        .collect()
}

/// The seed of the dice within the server, ids among them: what a line `# seed N` says, or 1.
#[must_use]
pub fn seed_of(text: &str) -> u64 {
    text.lines().find_map(|line| line.strip_prefix("# seed ")?.trim().parse().ok()).unwrap_or(1)
}

/// Writes a script.
#[must_use]
pub fn write_script(ops: &[Op]) -> String {
    ops.iter().map(|op| serde_json::to_string(op).expect("an operation is plain data") + "\n").collect()
}
