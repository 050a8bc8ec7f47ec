//! `thunderline restore`

use std::{path::PathBuf, sync::Arc};

use clap::Args;
use thunderblock::backup::{self, Progress, Restored};

use super::{Global, watched::watched};
use crate::{
    compose::{self, DataLock},
    failure::Result,
    output::{numbers::time, print, table::pairs},
};

/// Make a data folder from a backup
///
/// Everything is checked before the folder gets its name, so a damaged backup or a power cut leaves it as it was. What
/// happened after the backup was made is gone: rounds that were under way go on from where they stood then, with the nodes
/// that come back.
#[derive(Args, Debug)]
pub struct Restore {
    /// The backup
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Where the data folder is not empty: move what is there aside
    #[arg(long)]
    force: bool,
}

impl Restore {
    /// Restores.
    pub fn run(&self, global: &Global) -> Result<()> {
        let data = &global.data_dir;
        // Only where there is a lock already: a new file would make an empty folder one that is not.
        let lock = data.join("server.lock").exists().then(|| DataLock::take(data)).transpose()?;
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let (progress, cx) = (Arc::new(Progress::default()), compose::system());
        let work = backup::restore(&cx, &self.file, data, self.force, &progress);
        let restored = runtime.block_on(watched(global.format(), &progress, work))?;
        drop(lock);
        print(global.format(), &restored, |restored| human(restored, &data.display().to_string()));
        Ok(())
    }
}

fn human(restored: &Restored, data: &str) -> String {
    let mut lines = vec![
        ("restored", data.to_owned()),
        ("as it was", time(restored.created_at)),
        ("events", format!("up to number {}", restored.outbox)),
    ];
    if let Some(aside) = &restored.moved_aside {
        lines.push(("before", format!("moved to {}", aside.display())));
    }
    for path in &restored.missing {
        lines.push(("missing", path.clone()));
    }
    format!("{}\nstart it with: thunderline serve --data-dir {data}", pairs(&lines))
}
