//! Disk work off the async threads.

use thunderline_core::{Error, Result};

/// Runs work that blocks where it may.
pub async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|error| Error::internal("a background computation panicked").caused_by(error))?
}
