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
use serde_json::Value;

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
        if format == Format::Human && calibrates(&text)? {
            eprintln!("looking for the noise that dp.epsilon needs; this can take a few seconds");
        }
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

/// Whether the server has to find out how much noise there must be.
fn calibrates(text: &str) -> Result<bool> {
    let document = federation::spec::read_document(text)?;
    let given = |dp: &Value| dp.get("noise_multiplier").is_some_and(|it| !it.is_null());
    Ok(document.get("dp").is_some_and(|dp| dp.is_object() && !given(dp)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_privacy_goal_without_noise_takes_its_time() {
        assert!(calibrates("dp: {epsilon: 8}").unwrap());
        for other in ["dp: {epsilon: 8, noise_multiplier: 1}", "dp: null", "name: x"] {
            assert!(!calibrates(other).unwrap(), "{other}");
        }
    }
}
