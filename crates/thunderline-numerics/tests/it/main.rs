//! Properties of the public functions that need no network and no database.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on shall panic")]

mod accountants;
mod banded;
mod digits;
mod encodings;
mod flower;
mod google;
mod mean;

/// Of the test kit, which these tests do without: it brings databases along.
#[path = "../../../thunderline-testkit/src/peer.rs"]
mod peer;
