//! Disk-bound work off the async threads, a few at a time.

use thunderline_core::Result;
use tokio::sync::Semaphore;

/// How many at once, over all clients. A disk gets no faster with more; and every thread keeps memory for the pieces of
/// objects that it read, which many clients at once would make hundreds of megabytes.
static TURNS: Semaphore = Semaphore::const_new(8);

/// Does the work when it is its turn. The work must not wait for anything but the disk, so that every turn ends.
///
/// # Errors
/// Those of the work; `internal` where it panics.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    let turn = TURNS.acquire().await.expect("the semaphore is never closed");
    // The turn goes along: the work goes on where the client has hung up meanwhile.
    thunderline_objects::blocking(move || {
        let result = work();
        drop(turn);
        result
    })
    .await
}
