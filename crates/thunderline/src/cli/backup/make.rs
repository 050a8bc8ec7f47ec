//! `thunderline backup`

use std::{
    fs::DirBuilder,
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
    sync::Arc,
    thread,
    time::Duration,
};

use clap::Args;
use serde::Serialize;
use thunderblock::backup::{self, Made, Progress, Source, place};
use thunderline_core::Cx;
use thunderline_objects::Objects;
use thunderline_store::Db;
use thunderline_web::dto::backup::{Backup, BackupRequest};

use super::super::{Global, watched};
use crate::{
    client::{Client, Remote, path},
    compose::{self, DataLock, Options},
    failure::{Exit, Failure, Result},
    output::{Format, numbers::bytes, print, table::pairs},
};

/// How often the server is asked how far it is.
const LOOK: Duration = Duration::from_millis(200);

/// Where to.
#[derive(Args, Debug)]
pub struct Make {
    /// A new file that ends in .tar, or a folder, made where it is missing; 'backups' in the data folder unless given
    #[arg(long, value_name = "FILE_OR_DIR")]
    to: Option<PathBuf>,
    /// The database, where no server runs: sqlite:PATH; a file in the data folder unless given
    #[arg(long, env = "THUNDERLINE_DATABASE", value_name = "URL", hide_env_values = true)]
    database: Option<String>,
}

/// What is printed.
#[derive(Serialize)]
struct Done {
    path: String,
    size_bytes: u64,
    seal: String,
    files: u64,
    damaged: u64,
    outbox: i64,
}

impl Make {
    /// Makes it, or has it made.
    pub fn run(&self, remote: &Remote, global: &Global) -> Result<()> {
        let (data, format) = (&global.data_dir, global.format());
        let done = if remote.server.is_some() {
            self.by_server(&remote.client(data)?, format)?
        } else if !data.is_dir() {
            let message = format!("{} is no data folder; name it with --data-dir", data.display());
            return Err(Failure::new(Exit::NotFound, message));
        } else {
            match DataLock::take(data) {
                Ok(lock) => {
                    let done = self.directly(data, format)?;
                    drop(lock);
                    done
                }
                Err(used) if used.code() == "conflict" => self.by_server(&remote.client(data)?, format)?,
                Err(other) => return Err(other.into()),
            }
        };
        print(format, &done, human);
        match done.damaged {
            0 => Ok(()),
            count => Err(Failure::failed(format!(
                "{count} stored objects are damaged on this disk and will be missing after a restore; the rest is in \
                 the backup"
            ))),
        }
    }

    fn directly(&self, data: &Path, format: Format) -> Result<Done> {
        let options = Options { database: self.database.clone(), ..Options::ephemeral(data) };
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let cx = compose::system();
        let target = self.target(data, &cx)?;
        let progress = Arc::new(Progress::default());
        let made = runtime.block_on(async {
            let objects = Objects::open(data.join("objects"))?;
            if self.database.is_none() && !data.join(backup::format::DATABASE).exists() {
                let message = format!("{} has no database: there is nothing to back up", data.display());
                return Err(Failure::new(Exit::NotFound, message));
            }
            let db = Db::connect(&options.database_url()).await?;
            let source = Source { db: &db, objects: &objects, data };
            let made =
                watched::watched(format, &progress, backup::make(&cx, &source, &target, &progress)).await;
            db.close().await;
            Ok(made?)
        })?;
        Ok(made.into())
    }

    fn target(&self, data: &Path, cx: &Cx) -> Result<PathBuf> {
        let to = match &self.to {
            Some(to) => std::path::absolute(to)?,
            None => {
                let own = std::path::absolute(data.join(place::FOLDER))?;
                DirBuilder::new().recursive(true).mode(0o700).create(&own)?;
                own
            }
        };
        Ok(place::target(&to, cx.now())?)
    }

    fn by_server(&self, client: &Client, format: Format) -> Result<Done> {
        let to = self.to.as_deref().map(std::path::absolute).transpose()?;
        let to = to.map(|to| to.to_string_lossy().into_owned());
        let mut backup: Backup = client.post("/api/v1/backups", &BackupRequest { to })?;
        let path = path("/api/v1/backups/{id}", &[&backup.id])?;
        let mut live = watched::live(format);
        loop {
            match backup.state.as_str() {
                "completed" => {
                    live.clear();
                    return Ok(backup.into());
                }
                "failed" => {
                    live.clear();
                    let reason = backup.reason.unwrap_or_default();
                    return Err(Failure::failed(format!("no backup was made: {reason}")));
                }
                _ => {}
            }
            if let Some(seen) = &backup.progress {
                live.draw(&[watched::line(&seen.phase, seen.done, seen.total)]);
            }
            thread::sleep(LOOK);
            backup = client.get(&path, &[])?;
        }
    }
}

impl From<Made> for Done {
    fn from(it: Made) -> Self {
        Self {
            path: it.path.display().to_string(),
            size_bytes: it.size_bytes,
            seal: it.seal.to_string(),
            files: it.files,
            damaged: it.damaged.len() as u64,
            outbox: it.outbox,
        }
    }
}

impl From<Backup> for Done {
    fn from(it: Backup) -> Self {
        Self {
            path: it.path,
            size_bytes: it.size_bytes.unwrap_or_default(),
            seal: it.seal.unwrap_or_default(),
            files: it.files.unwrap_or_default(),
            damaged: it.damaged.unwrap_or_default(),
            outbox: it.outbox.unwrap_or_default(),
        }
    }
}

fn human(done: &Done) -> String {
    let text = pairs(&[
        ("backup", done.path.clone()),
        ("size", format!("{} in {} files", bytes(done.size_bytes), done.files)),
        ("seal", done.seal.clone()),
        ("events", format!("up to number {}", done.outbox)),
    ]);
    format!("{text}\nIt holds keys and tokens: keep it as secret as the data folder.")
}
