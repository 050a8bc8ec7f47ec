//! Thundervine's events: workflows and their nodes.

use serde_json::Value;
use thunderline_core::ExecutionId;

use crate::event;

event! {
    /// A workflow's definition was accepted as a new version.
    WorkflowDefined = "dag.workflow.defined" about "workflow" name {
        /// Its name.
        name: String,
        /// Which version, from 1.
        version: u32,
        /// SHA-256 of the definition with every default spelled out.
        sha256: String,
    }
}

event! {
    /// A workflow is being carried out.
    WorkflowStarted = "dag.workflow.started" about "execution" execution {
        /// The execution.
        execution: ExecutionId,
        /// The workflow's name.
        workflow: String,
        /// Which version of it.
        version: u32,
        /// How many nodes it has.
        nodes: u32,
    }
}

event! {
    /// Every node is done.
    WorkflowCompleted = "dag.workflow.completed" about "execution" execution {
        /// The execution.
        execution: ExecutionId,
        /// The workflow's name.
        workflow: String,
    }
}

event! {
    /// It cannot go on; what was to be undone is undone, or `halted` says that something is left.
    WorkflowFailed = "dag.workflow.failed" about "execution" execution {
        /// The execution.
        execution: ExecutionId,
        /// The workflow's name.
        workflow: String,
        /// Why.
        reason: String,
        /// Whether something could not be undone, so that a person must look.
        halted: bool,
    }
}

event! {
    /// Somebody stopped it; what was to be undone is undone.
    WorkflowCancelled = "dag.workflow.cancelled" about "execution" execution {
        /// The execution.
        execution: ExecutionId,
        /// The workflow's name.
        workflow: String,
        /// Why, in the words of whoever did.
        reason: String,
    }
}

event! {
    /// Everything that had an undoing was undone, in reverse order.
    WorkflowCompensated = "dag.workflow.compensated" about "execution" execution {
        /// The execution.
        execution: ExecutionId,
        /// The workflow's name.
        workflow: String,
        /// The nodes that were undone, in the order in which that was done.
        undone: Vec<String>,
    }
}

event! {
    /// A node's action began.
    NodeStarted = "dag.node.started" about "execution" execution {
        /// The execution.
        execution: ExecutionId,
        /// The node.
        node: String,
        /// The action.
        action: String,
        /// Which try, from 1.
        attempt: u32,
    }
}

event! {
    /// A node's action was asked for and its end is awaited.
    NodeWaiting = "dag.node.waiting" about "execution" execution {
        /// The execution.
        execution: ExecutionId,
        /// The node.
        node: String,
        /// What is awaited, in words.
        waits_for: String,
    }
}

event! {
    /// A node is done.
    NodeCompleted = "dag.node.completed" about "execution" execution {
        /// The execution.
        execution: ExecutionId,
        /// The node.
        node: String,
        /// What others may refer to.
        outputs: Value,
    }
}

event! {
    /// A node's try failed; `again` says whether another follows.
    NodeFailed = "dag.node.failed" about "execution" execution {
        /// The execution.
        execution: ExecutionId,
        /// The node.
        node: String,
        /// Why.
        reason: String,
        /// Whether it is tried again.
        again: bool,
    }
}

event! {
    /// A node was undone.
    NodeCompensated = "dag.node.compensated" about "execution" execution {
        /// The execution.
        execution: ExecutionId,
        /// The node.
        node: String,
        /// The action that undid it.
        action: String,
    }
}

event! {
    /// A node could not be undone: a person must look.
    NodeNotCompensated = "dag.node.not_compensated" about "execution" execution {
        /// The execution.
        execution: ExecutionId,
        /// The node.
        node: String,
        /// The action that was to undo it.
        action: String,
        /// Why it could not.
        reason: String,
    }
}

event! {
    /// Somebody decided on a node that waits for a person.
    NodeDecided = "dag.node.decided" about "execution" execution {
        /// The execution.
        execution: ExecutionId,
        /// The node.
        node: String,
        /// Whether it may go on.
        approved: bool,
        /// In the words of whoever decided.
        comment: String,
        /// Who.
        by: String,
    }
}

event! {
    /// A workflow says something to whoever listens.
    NodeNoted = "dag.node.noted" about "execution" execution {
        /// The execution.
        execution: ExecutionId,
        /// The node.
        node: String,
        /// What it says.
        message: String,
        /// What it adds for programs.
        data: Value,
    }
}
