//! The edge client: the part of Thunderline that runs where the data is.
//!
//! [`run`] enrols with the server, waits for work, and for every message: claims the lease, verifies the signed manifest,
//! pulls the model, trains or evaluates, and uploads the result. It calls out only; nothing listens. Work is done by the
//! built-in trainer or by a program that the site owner named in the configuration: a command line never comes from the
//! server.
//!
//! One concern per file: [`config`], the [`key`](mod@key), the state folder's [`lock`], the HTTP [`channel`] with its [`retry`], the JSON calls ([`enrol`]),
//! the Fleet calls ([`fleet`]), the signed [`manifest`], [`masked`] updates, [`download`], [`builtin`] and [`command`] training, [`upload`]
//! in [`pieces`] of what is [`finished`], [`energy`], [`heartbeat`]; [`serve`] puts them in order and [`work`] does one message. Threads and blocking calls only.

mod app;
mod builtin;
mod channel;
mod clip;
mod command;
mod config;
mod control;
mod download;
mod encode;
mod energy;
mod enrol;
mod finished;
mod fleet;
mod heartbeat;
mod kept;
mod key;
mod lock;
mod manifest;
mod masked;
mod metrics;
mod objects;
mod pairs;
mod pieces;
mod reply;
mod retry;
mod serve;
mod task;
mod upload;
mod work;

pub use config::RunnerConfig;
pub use serve::run;
use thunderline_bridge::stop;
pub use thunderline_bridge::{NamedCommand, Stop};
pub use thunderline_secagg::Floor;
