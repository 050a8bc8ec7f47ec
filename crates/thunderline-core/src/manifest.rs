//! What a domain declares about itself: the source of the interaction matrix.

use crate::Action;

/// A domain's border, as data.
#[derive(Clone, Copy, Debug)]
pub struct Manifest {
    /// The domain's name, for example `federation`.
    pub domain: &'static str,
    /// The prefix of its tables, events, actions and jobs, for example `fl`.
    pub prefix: &'static str,
    /// One sentence.
    pub charter: &'static str,
    /// Everything that can be done here.
    pub actions: &'static [&'static Action],
    /// Names of the events it emits.
    pub emits: &'static [&'static str],
    /// Names of other domains' events that it listens to.
    pub consumes: &'static [&'static str],
    /// Names of its jobs.
    pub jobs: &'static [&'static str],
    /// Questions it asks of other domains through a port trait; as few as can be.
    pub ports: &'static [&'static str],
    /// The domains that must be active before this one becomes active. It goes on where one of them fails later.
    pub depends_on: &'static [&'static str],
    /// Whether the server is not ready while this domain is not active.
    pub required: bool,
}
