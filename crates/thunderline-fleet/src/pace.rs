//! How long a client may take for the body of a request.

use std::{pin::Pin, time::Duration};

use axum::body::Body;
use bytes::Bytes;
use http_body::{Body as _, SizeHint};
use http_body_util::BodyExt;
use thunderline_core::{Error, ErrorKind, Result};
use tokio::time::Instant;

/// A client that sends nothing for this long has gone.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);
/// What comes in that time at least, while there is more to come: 16 KiB a second. A mean over the whole body would let a
/// client that sent most of it quickly stall for as long as it saved.
const LEAST: usize = 16 * 1024 * 20;

/// A body that is read at a least rate. Only the time in which the client is waited for counts: not that in which the
/// server has no room for more, or writes what came.
pub(crate) struct Paced {
    body: Body,
    left: Duration,
    came: usize,
}

impl Paced {
    pub(crate) fn new(body: Body) -> Self {
        Self { body, left: PATIENCE, came: 0 }
    }

    /// How many bytes are still to come, as far as the client says.
    pub(crate) fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }

    /// The next bytes, however many; none at the end.
    ///
    /// # Errors
    /// `timeout` where the client stops sending or sends too slowly; `invalid` where it hangs up.
    pub(crate) async fn next(&mut self) -> Result<Option<Bytes>> {
        let begun = Instant::now();
        let found = tokio::time::timeout(self.left, data(&mut self.body)).await;
        let slow = || {
            let (came, seconds, least) = (self.came, PATIENCE.as_secs(), LEAST / 1024);
            let found = format!("the request comes too slowly: {came} bytes in {seconds} s");
            Error::new(ErrorKind::Timeout, format!("{found}; at least {least} KiB are expected, or its end"))
        };
        // Also where it is too slow: whatever is read after that is not waited for.
        self.left = self.left.saturating_sub(begun.elapsed());
        let found = found.map_err(|_| slow())??;
        self.came += found.as_ref().map_or(0, Bytes::len);
        if self.came >= LEAST {
            (self.left, self.came) = (PATIENCE, 0);
        }
        Ok(found)
    }
}

/// The next bytes of a body, however long they take.
///
/// # Errors
/// `invalid` where the client hangs up.
async fn data(body: &mut Body) -> Result<Option<Bytes>> {
    loop {
        match Pin::new(&mut *body).frame().await {
            None => return Ok(None),
            Some(Err(error)) => {
                return Err(Error::new(ErrorKind::Invalid, "the client hung up").caused_by(error));
            }
            Some(Ok(frame)) => {
                if let Ok(data) = frame.into_data() {
                    return Ok(Some(data));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A body of so many pieces of so many bytes, each after a pause.
    fn dripping(count: usize, size: usize, pause: Duration) -> Body {
        let piece = move |number| async move {
            if number == count {
                return None;
            }
            tokio::time::sleep(pause).await;
            Some((Ok::<_, std::io::Error>(Bytes::from(vec![0; size])), number + 1))
        };
        Body::from_stream(futures::stream::unfold(0, piece))
    }

    async fn length(body: Body) -> Result<usize> {
        let (mut paced, mut length) = (Paced::new(body), 0);
        while let Some(bytes) = paced.next().await? {
            length += bytes.len();
        }
        Ok(length)
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_link_may_take_minutes_and_a_drip_may_not() {
        let begun = Instant::now();
        // 17 KiB a second, for five minutes.
        assert_eq!(length(dripping(300, 17 * 1024, Duration::from_secs(1))).await.unwrap(), 300 * 17 * 1024);
        assert!(begun.elapsed() >= Duration::from_secs(300));
        let begun = Instant::now();
        let error = length(dripping(1000, 1, Duration::from_secs(8))).await.unwrap_err();
        assert_eq!((error.code(), begun.elapsed()), ("timeout", PATIENCE));
        assert!(error.external().contains("at least 320 KiB"), "{error}");
    }

    #[tokio::test(start_paused = true)]
    async fn who_began_quickly_may_not_stall_later() {
        let quick = futures::stream::iter(vec![Ok::<_, std::io::Error>(Bytes::from(vec![0; 4 << 20]))]);
        let stalling = futures::StreamExt::chain(quick, futures::stream::pending());
        let begun = Instant::now();
        assert_eq!(length(Body::from_stream(stalling)).await.unwrap_err().code(), "timeout");
        assert_eq!(begun.elapsed(), PATIENCE);
    }
}
