//! A whole federation on one machine: the embedded server in this process, every client a process of its own, the real wire
//! between them, on handwritten digits that are split unevenly.

mod children;
mod data;
mod reference;
mod report;
mod spec;

use std::{
    fs::File,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use thunderline_web::dto::{artifact::Artifact, page::Page};

use crate::{
    client::{
        Client,
        watch::{self, Show},
    },
    compose::{Options, Server},
    failure::{Failure, Result},
    output::{Format, say},
};

pub use report::Report;
pub use spec::Strategy;

/// What the demo is asked for.
#[derive(Clone, Debug)]
pub struct Demo {
    /// How many clients.
    pub clients: usize,
    /// How many rounds.
    pub rounds: u32,
    /// How evenly labels are spread over the clients: small is uneven.
    pub alpha: f64,
    /// How updates become the next model.
    pub strategy: Strategy,
    /// What all chance is derived from.
    pub seed: u64,
    /// The data folder.
    pub folder: PathBuf,
    /// How results are printed.
    pub format: Format,
}

impl Demo {
    /// Runs it from nothing to a checkpoint. The folder stays.
    ///
    /// # Errors
    /// Whatever part fails; an interruption by Ctrl-C.
    pub fn run(&self) -> Result<Report> {
        let prepared = data::prepare(self)?;
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        let server = runtime.block_on(Server::start(&Options::ephemeral(&self.folder)))?;
        let interrupted = Arc::new(AtomicBool::new(false));
        let flag = interrupted.clone();
        runtime.spawn(async move {
            if tokio::signal::ctrl_c().await.is_ok() {
                flag.store(true, Ordering::SeqCst);
            }
        });
        let outcome = self.federate(&server, &prepared, &interrupted);
        runtime.block_on(server.stop());
        let (watched, artifact) = outcome?;
        let reference = reference::train(self, &prepared)?;
        Report::new(self, &prepared, &watched, &artifact, reference)
    }

    fn federate(
        &self,
        server: &Server,
        prepared: &data::Prepared,
        interrupted: &AtomicBool,
    ) -> Result<(watch::Watched, Artifact)> {
        let addresses = server.addresses();
        if self.format == Format::Human {
            say(&format!("watch it at {}  (data in {})", addresses.web, self.folder.display()));
        }
        let token = std::fs::read_to_string(thundergate::local::token_path(&self.folder))?;
        let client = Client::new(&addresses.web, Some(token.trim().to_owned()))?;
        let children = children::Children::start(&self.folder, &addresses.fleet_http, &prepared.shards)?;
        let held_out: Artifact = client.post_file(
            "/api/v1/artifacts",
            &[("kind", "dataset"), ("name", "held-out digits")],
            File::open(&prepared.held_out)?,
        )?;
        let federation = client.submit(&spec::document(self, &held_out.sha256), None)?;
        let show = if self.format == Format::Human { Show::Progress } else { Show::Nothing };
        let go_on = || !interrupted.load(Ordering::SeqCst) && children.all_run();
        let watched = watch::watch(&client, &federation.id, show, &go_on)?;
        if interrupted.load(Ordering::SeqCst) {
            return Err(Failure::failed(format!(
                "interrupted; the clients are stopped. What was done is in {}",
                self.folder.display()
            )));
        }
        if !watched.is_over() {
            return Err(children.failure());
        }
        watched.outcome()?;
        let query = [("federation", federation.id.as_str()), ("limit", "1")];
        let newest: Page<Artifact> = client.get("/api/v1/artifacts", &query)?;
        let artifact = newest.items.into_iter().next();
        let artifact = artifact.ok_or_else(|| Failure::failed("the federation left no model"))?;
        Ok((watched, artifact))
    }
}

/// Where a kept blob lies.
fn blob(folder: &Path, digest: &str) -> PathBuf {
    folder.join("objects/checkpoints").join(digest)
}
