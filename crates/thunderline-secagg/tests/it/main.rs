//! The protocol between clients and a server, whole and tampered with.

mod codec;
mod exact;
mod party;
mod python;
mod tampering_client;
mod tampering_server;
mod uniform;

/// Of the test kit, which these tests do without: it brings databases along.
#[path = "../../../thunderline-testkit/src/peer.rs"]
mod peer;
