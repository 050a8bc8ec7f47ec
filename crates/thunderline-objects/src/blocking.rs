//! Work that blocks, off the async threads.

use thunderline_core::{Error, Result};

/// Runs disk- or arithmetic-bound work on a thread that may block.
///
/// # Errors
/// Those of the work; `internal` where it panics.
pub async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|error| Error::internal("a background computation panicked").caused_by(error))?
}
