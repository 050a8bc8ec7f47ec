//! `thunderline workflows define`

use std::{fs, io::Read, path::PathBuf};

use clap::Args;
use thunderline_web::dto::workflow::Workflow;

use crate::{
    client::Client,
    failure::{Exit, Failure, Result},
    output::{Format, print},
};

/// Define a workflow, or a new version of it
///
/// The document is checked whole: everything that is wrong is told at once. What means the same as the newest version is that
/// version.
#[derive(Args, Debug)]
pub struct Define {
    /// The document, in YAML or JSON; '-' reads standard input
    #[arg(short, long, value_name = "FILE")]
    file: PathBuf,
}

impl Define {
    /// Defines it.
    pub fn run(&self, client: &Client, format: Format) -> Result<()> {
        let headers = [("content-type", "application/yaml")];
        let workflow: Workflow = client.post_text("/api/v1/workflows", &self.read()?, &headers)?;
        print(format, &workflow, |it| {
            let (name, version, nodes) = (&it.name, it.version, it.nodes.len());
            format!(
                "{name} version {version}, {nodes} nodes; start it with: thunderline workflows start {name}"
            )
        });
        Ok(())
    }

    fn read(&self) -> Result<String> {
        if self.file.as_os_str() == "-" {
            let mut text = String::new();
            std::io::stdin().read_to_string(&mut text)?;
            return Ok(text);
        }
        fs::read_to_string(&self.file).map_err(|error| {
            let message = format!("the workflow {} cannot be read: {error}", self.file.display());
            Failure::new(Exit::NotFound, message)
        })
    }
}
