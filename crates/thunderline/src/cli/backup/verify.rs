//! `thunderline backup verify`

use std::{path::PathBuf, sync::Arc};

use clap::Args;
use thunderblock::backup::{self, Progress, Verified};

use super::super::{Global, watched::watched};
use crate::{
    failure::Result,
    output::{
        numbers::{bytes, time},
        print,
        table::pairs,
    },
};

/// Read a backup from end to end and check everything in it
///
/// Compares every digest and checks the database page by page. Needs room for the database in the temporary folder
/// (TMPDIR). Compare the seal with the one that was shown when the backup was made to know that nobody exchanged it.
#[derive(Args, Debug)]
pub struct Verify {
    /// The backup
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

impl Verify {
    /// Checks.
    pub fn run(&self, global: &Global) -> Result<()> {
        let scratch = tempfile::tempdir()?;
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let progress = Arc::new(Progress::default());
        let work = backup::verify(&self.file, scratch.path(), &progress);
        let verified = runtime.block_on(watched(global.format(), &progress, work))?;
        print(global.format(), &verified, human);
        Ok(())
    }
}

fn human(verified: &Verified) -> String {
    let rows = |table: &str| verified.database.rows.get(table).copied().unwrap_or_default();
    let mut text = pairs(&[
        ("made", time(verified.opening.created_at)),
        ("by", format!("Thunderline {}, format {}", verified.opening.program, verified.opening.format)),
        ("holds", format!("{} in {} files", bytes(verified.bytes), verified.files)),
        (
            "database",
            format!(
                "{} federations, {} artifacts, {} nodes, events up to number {}",
                rows("fl_federations"),
                rows("fl_artifacts"),
                rows("link_nodes"),
                verified.database.outbox
            ),
        ),
        ("seal", verified.seal.to_string()),
    ]);
    for path in &verified.damaged {
        text.push_str(&format!("\ndamaged already when the backup was made, and not restored: {path}"));
    }
    text.push_str("\nthe backup is good");
    text
}
