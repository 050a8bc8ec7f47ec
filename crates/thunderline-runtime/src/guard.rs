//! Panics become errors, so that one broken handler does not take its loop along.

use std::{any::Any, panic::AssertUnwindSafe};

use futures::FutureExt;
use thunderline_core::{Error, ErrorKind, Result};

/// Awaits the future; a panic in it becomes an error that a retry may mend, since its cause may lie in what it met.
pub(crate) async fn guarded<T>(what: &str, future: impl Future<Output = Result<T>>) -> Result<T> {
    match AssertUnwindSafe(future).catch_unwind().await {
        Ok(result) => result,
        Err(panic) => {
            Err(Error::new(ErrorKind::Unavailable, format!("{what} panicked: {}", message(panic.as_ref()))))
        }
    }
}

fn message(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("without a message")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_becomes_an_error_with_its_message() {
        let error = guarded::<()>("job x", async { panic!("lost {}", "it") }).await.unwrap_err();
        assert_eq!(error.to_string(), "job x panicked: lost it");
    }
}
