//! What people bring: streamed to disk under a limit, checked, and brought into the form in which it is kept.

mod bundle;
mod dataset;
mod model;

use std::{
    fs::{self, File},
    io::{BufWriter, Seek, Write},
};

use axum::body::Body;
use federation::{actions::import_artifact::Import, artifact::ArtifactKind};
use futures::StreamExt;
use thunderline_core::{Error, ErrorKind, Result};
use thunderline_objects::{Area, blocking};

/// Chunks on their way from the socket to the disk; what a slow disk makes the socket wait for.
const IN_FLIGHT: usize = 8;

/// Reads the body, checks it and stores it as a blob of the kept area.
///
/// # Errors
/// `too_large`; `invalid` where the bytes are not what the kind says.
pub async fn store(
    area: Area,
    kind: ArtifactKind,
    name: Option<String>,
    body: Body,
    largest: u64,
) -> Result<Import> {
    let largest = match kind {
        ArtifactKind::Bundle => largest.min(thunderline_flower::fab::MAX_BYTES as u64),
        ArtifactKind::Model | ArtifactKind::Dataset => largest,
    };
    let file = spool(&area, body, largest).await?;
    let import = blocking(move || match kind {
        ArtifactKind::Model => model::keep(&area, file, largest),
        ArtifactKind::Bundle => bundle::keep(&area, file),
        ArtifactKind::Dataset => dataset::keep(&area, file),
    });
    let mut import = import.await?;
    if let Some(name) = name {
        import.name = check_name(name)?;
    }
    Ok(import)
}

fn check_name(name: String) -> Result<String> {
    if name.trim().is_empty() || name.chars().count() > 200 {
        return Err(Error::invalid_value("name", "empty or too long", "1 to 200 characters"));
    }
    Ok(name)
}

/// Collects the body in a file without a name, which vanishes when it is closed, whatever happens.
async fn spool(area: &Area, body: Body, largest: u64) -> Result<File> {
    let folder = area.folder().to_owned();
    let (sender, mut receiver) = tokio::sync::mpsc::channel::<bytes::Bytes>(IN_FLIGHT);
    let writing = tokio::task::spawn_blocking(move || -> Result<File> {
        fs::create_dir_all(&folder)?;
        let mut file = BufWriter::with_capacity(1 << 18, tempfile::tempfile_in(&folder)?);
        while let Some(chunk) = receiver.blocking_recv() {
            file.write_all(&chunk)?;
        }
        let mut file = file.into_inner().map_err(|error| Error::from(error.into_error()))?;
        file.rewind()?;
        Ok(file)
    });
    let received = receive(body, largest, sender).await;
    let file =
        writing.await.map_err(|error| Error::internal("an upload's writer panicked").caused_by(error))?;
    received.and(file)
}

async fn receive(body: Body, largest: u64, sender: tokio::sync::mpsc::Sender<bytes::Bytes>) -> Result<()> {
    let (mut chunks, mut length) = (body.into_data_stream(), 0u64);
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk
            .map_err(|error| Error::new(ErrorKind::Invalid, "the upload was cut off").caused_by(error))?;
        length += chunk.len() as u64;
        if length > largest {
            return Err(Error::new(ErrorKind::TooLarge, format!("at most {largest} bytes are taken")));
        }
        // The writer ends early only where the disk failed, which it reports itself.
        if sender.send(chunk).await.is_err() {
            break;
        }
    }
    Ok(())
}

/// The file's bytes as a blob.
fn put(area: &Area, file: &mut File) -> Result<(thunderline_objects::Sha256, u64)> {
    file.rewind()?;
    let mut writer = area.writer()?;
    std::io::copy(file, &mut writer)?;
    writer.finish(None)
}

#[cfg(test)]
mod tests;
