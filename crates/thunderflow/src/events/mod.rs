//! The stream of events: who consumes it, how far they are, how long it is kept, and what comes in from outside.

pub mod consumers;
pub mod forget;
pub mod publish;
pub mod read;
pub mod reset;
pub mod retain;
