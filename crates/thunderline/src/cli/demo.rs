//! `thunderline demo`

use std::{fs::File, path::PathBuf, sync::Mutex};

use clap::Args;

use super::{Global, logging};
use crate::{
    demo::{self, Strategy},
    failure::Result,
    output::print,
};

/// Train a model with ten clients on this machine, from nothing to a checkpoint
///
/// Starts a server in this process and every client as a process of its own, splits 1797 handwritten digits unevenly over
/// the clients, and trains a small network round by round. The same seed gives the same model, byte for byte.
#[derive(Args, Debug)]
pub struct Demo {
    /// How many clients
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u16).range(1..=200))]
    clients: u16,
    /// How many rounds
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    rounds: u32,
    /// How evenly labels are spread over the clients: 0.1 gives most digits to a few, 100 is nearly even
    #[arg(long, default_value_t = 0.5)]
    alpha: f64,
    /// How updates become the next model
    #[arg(long, value_enum, default_value_t = Strategy::Fedavg)]
    strategy: Strategy,
    /// What all chance is derived from
    #[arg(long, default_value_t = 42)]
    seed: u64,
    /// Keep everything in this folder; a fresh one among the temporary files unless given
    #[arg(long, value_name = "DIR")]
    keep: Option<PathBuf>,
}

impl Demo {
    /// Runs it and prints what came out.
    pub fn run(&self, global: &Global) -> Result<()> {
        let folder = match &self.keep {
            Some(folder) => {
                std::fs::create_dir_all(folder)?;
                folder.clone()
            }
            None => tempfile::Builder::new().prefix("thunderline-demo-").tempdir()?.keep(),
        };
        logging::start(global, Mutex::new(File::create(folder.join("server.log"))?), "info")?;
        let demo = demo::Demo {
            clients: self.clients.into(),
            rounds: self.rounds,
            alpha: self.alpha,
            strategy: self.strategy,
            seed: self.seed,
            folder,
            format: global.format(),
        };
        print(global.format(), &demo.run()?, demo::Report::human);
        Ok(())
    }
}
