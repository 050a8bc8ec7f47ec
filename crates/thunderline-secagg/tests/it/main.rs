//! The protocol between clients and a server, whole and tampered with.

mod codec;
mod exact;
mod party;
mod tampering_client;
mod tampering_server;
mod uniform;
