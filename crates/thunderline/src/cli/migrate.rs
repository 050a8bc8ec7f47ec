//! `thunderline migrate`

use clap::Args;
use serde_json::json;
use thunderline_store::Db;

use super::Global;
use crate::{
    compose::{self, Options},
    failure::Result,
    output::print,
};

/// Bring the database up to date without starting the server
///
/// `serve` does this at its start as well; this command is for installations whose servers may not change the schema.
#[derive(Args, Debug)]
pub struct Migrate {
    /// The database: sqlite:PATH or postgres://USER@HOST/DATABASE; a file in the data folder unless given
    #[arg(long, env = "THUNDERLINE_DATABASE", value_name = "URL", hide_env_values = true)]
    database: Option<String>,
    /// Only say whether the database is up to date
    #[arg(long)]
    check: bool,
}

impl Migrate {
    /// Applies what is pending.
    pub fn run(&self, global: &Global) -> Result<()> {
        let options = Options { database: self.database.clone(), ..Options::ephemeral(&global.data_dir) };
        std::fs::create_dir_all(&global.data_dir)?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async {
            let db = Db::connect(&options.database_url()).await?;
            if self.check {
                db.check_migrations(compose::MIGRATIONS).await?;
            } else {
                db.migrate(&compose::system(), compose::MIGRATIONS).await?;
            }
            db.close().await;
            Ok::<_, crate::failure::Failure>(())
        })?;
        print(global.format(), &json!({ "up_to_date": true }), |_| "the database is up to date".to_owned());
        Ok(())
    }
}
