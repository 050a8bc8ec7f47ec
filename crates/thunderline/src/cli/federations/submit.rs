//! `thunderline federations submit`

use std::{
    fs,
    io::Read,
    path::{Path, PathBuf},
};

use crate::{
    client::{Client, watch},
    failure::{Exit, Failure, Result},
    output::{Format, print},
};
use clap::Args;

mod files;

/// Submit a spec; files that it names are uploaded first
///
/// `model_ref` (.npz or .safetensors), `app.flower` (an app's folder or a .fab) and `evaluation.server.data` (.csv) may be
/// paths, relative to the spec's folder: they are uploaded, and their digests take their place.
#[derive(Args, Debug)]
pub struct Submit {
    /// The spec, in YAML or JSON; '-' reads standard input
    #[arg(short, long, value_name = "FILE")]
    file: PathBuf,
    /// Repeating the command with the same key gives the same federation
    #[arg(long, value_name = "KEY")]
    idempotency_key: Option<String>,
    /// Follow it until it is over
    #[arg(long)]
    watch: bool,
}

impl Submit {
    /// Submits, and watches if that is wanted.
    pub fn run(&self, client: &Client, format: Format) -> Result<()> {
        let (text, folder) = self.read()?;
        let document = files::upload(client, &text, &folder)?;
        let federation = client.submit(&document, self.idempotency_key.as_deref())?;
        if self.watch {
            super::watch::on_interrupt(&federation.id)?;
            return watch::watch(client, &federation.id, format.into(), &|| true)?.outcome();
        }
        print(format, &federation, |it| {
            format!(
                "{} ({}) is {}; follow it with: thunderline federations watch {}",
                it.id, it.name, it.state, it.id
            )
        });
        Ok(())
    }

    fn read(&self) -> Result<(String, PathBuf)> {
        if self.file == Path::new("-") {
            let mut text = String::new();
            std::io::stdin().read_to_string(&mut text)?;
            return Ok((text, PathBuf::from(".")));
        }
        let text = fs::read_to_string(&self.file).map_err(|error| {
            Failure::new(Exit::NotFound, format!("the spec {} cannot be read: {error}", self.file.display()))
        })?;
        Ok((text, self.file.parent().unwrap_or(Path::new("")).to_owned()))
    }
}
