//! Programs of people's own, run as parts of Thunderline: a site's trainers, an operator's strategies.
//!
//! Whoever owns the machine [names](NamedCommand) a program when he starts Thunderline; a request can only ever choose among the
//! names. A program gets one JSON document on its standard input and [answers](Finished::answer) with one on its standard output;
//! what is large goes through files that the document names. [`run()`] gives it a folder, a time limit, room on the disk and a process group, and
//! leaves nothing of its process group behind, however it ends.
//!
//! Deliberately absent: what the documents say, which is the business of each contract; shells.

mod named;
mod room;
mod run;
pub mod stop;

pub use named::NamedCommand;
pub use run::{Finished, Run, Surroundings, run};
pub use stop::Stop;
