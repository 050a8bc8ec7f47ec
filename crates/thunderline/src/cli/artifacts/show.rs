//! `thunderline artifacts show`

use clap::Args;
use thunderline_web::dto::artifact::Artifact;

use crate::{
    client::{Client, path},
    failure::Result,
    output::{
        Format,
        numbers::{bytes, time},
        print,
        table::pairs,
    },
};

/// Show one artifact: its digest and where it came from
#[derive(Args, Debug)]
pub struct Show {
    /// The artifact's id
    id: String,
}

impl Show {
    /// Shows it.
    pub fn run(&self, client: &Client, format: Format) -> Result<()> {
        let artifact: Artifact = client.get(&path("/api/v1/artifacts/{id}", &[&self.id])?, &[])?;
        print(format, &artifact, |it| {
            let metadata = serde_json::to_string_pretty(&it.metadata).expect("metadata is plain data");
            let about = pairs(&[
                ("id", it.id.clone()),
                ("kind", it.kind.clone()),
                ("name", it.name.clone()),
                ("format", it.format.clone()),
                ("size", bytes(it.size_bytes)),
                ("sha256", it.sha256.clone()),
                ("uri", it.uri.clone()),
                ("federation", it.federation.clone().unwrap_or_default()),
                ("round", it.round.clone().unwrap_or_default()),
                ("stored", time(it.created_at)),
            ]);
            format!("{about}\n\n{metadata}")
        });
        Ok(())
    }
}
