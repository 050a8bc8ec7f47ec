//! The port through which requests leave: a domain has no sockets.

use std::pin::Pin;

use thunderline_core::Result;

/// A request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Post {
    /// Where to.
    pub url: String,
    /// Header names and values.
    pub headers: Vec<(&'static str, String)>,
    /// The body: JSON.
    pub body: String,
}

/// Sends requests.
pub trait Sender: Send + Sync {
    /// Sends one and gives the status of the answer, whatever it is. It follows no redirects and has a time limit.
    ///
    /// # Errors
    /// `timeout`; `unavailable` where nobody answers; `forbidden` where the address must not be called; `invalid` where it
    /// is none.
    fn send(&self, post: Post) -> Pin<Box<dyn Future<Output = Result<u16>> + Send + '_>>;
}
