//! Secure aggregation: a server learns the sum of its clients' inputs, and nothing else about any one of them.
//!
//! The protocol is SecAgg+ (Bell, Bonawitz, Gascón, Lepoint, Raykova 2020, "Secure Single-Server Aggregation with
//! (Poly)Logarithmic Overhead") with the consistency check of Bonawitz et al. 2017. Pure: no I/O, no clock, no generator
//! of its own; randomness is handed in, and both ends are chains of values ([`client`], [`server`]).
//!
//! # What happens
//!
//! 1. **Advertise.** Each client makes two X25519 keys for the session and signs them with its Ed25519 identity, together
//!    with the hash of a seed. The server makes the [`Roster`] of them; every client checks all of it. Its digest stands in
//!    everything that follows and decides who is whose neighbour.
//! 2. **Share.** Each client splits its seed and its mask key among its neighbours (Shamir), sealed for each of them
//!    (X25519, HKDF-SHA256, ChaCha20-Poly1305). The server passes them on and names all who have shared.
//! 3. **Mask.** Each client adds to its levels ([`Quantiser`]) the ChaCha20 stream of its seed and, with each neighbour
//!    that has shared, plus or minus the stream that the two agree on; modulo 2^32, four bytes a number. It signs the
//!    result and among whom it was masked.
//! 4. **Consent.** The server names the survivors with their signatures. Each survivor checks them and signs.
//! 5. **Reveal.** A client that has seen enough consents to the very same survivors reveals one share about each
//!    neighbour: of the seed of a survivor, of the mask key of anybody else. The server rebuilds what the sum still
//!    carries, checks each secret against what its owner advertised, and takes the masks off.
//!
//! # What is protected, and from whom
//!
//! **A server that follows the protocol and keeps everything it sees**, together with up to [`Bounds::corrupt`] clients:
//! it learns the sum over the survivors, who they are, and nothing else about the inputs of the others.
//!
//! **A server that does not follow the protocol**, together with as many clients, learns nothing else either, *provided
//! that clients know each other's identities* ([`Floor::trusted`]); otherwise it can make up clients until the honest ones
//! are alone. What holds it off:
//!
//! - other rosters for different clients: everything signed and sealed depends on the roster, so nothing fits;
//! - keys of its own in the place of a client's: the identity did not sign them;
//! - other sharers for different clients: an input names them, and a survivor whose input names others is refused;
//! - other survivors for different clients: a client reveals nothing without [`Bounds::quorum`] consents to the survivors
//!   that it was shown itself. An honest client consents once, and two sets cannot both find a quorum
//!   (2·quorum > n + corrupt);
//! - both secrets of one client: a client reveals one share about each neighbour, and which one follows from the
//!   survivors, on whom all agree;
//! - drop-outs made up to cut the ring of neighbours into parts whose sums could be told: each client looks at the ring
//!   itself and refuses survivors that are thin anywhere ([`bounds`]). The paper asks for more neighbours instead;
//! - a small cohort, or one that assumes fewer corrupt members: the client's [`Floor`], which the server does not set.
//!
//! A **third party** that changes messages is noticed by the same checks. A **client** that does not follow the protocol
//! can make a round fail, and where it can be told, it is named: keys, shares, inputs and consents that do not fit are
//! refused one by one; a wrong share in the end is noticed, because the rebuilt secret is not the advertised one, and is
//! stepped over where there are shares to spare.
//!
//! # What is not protected
//!
//! - **What the sum says.** Two rounds that differ in one client say what that client added. Differential privacy is for
//!   that; it applies to the mean after it is unmasked.
//! - **The input's honesty.** A masked input cannot be looked at: it is within the clipping range by its encoding only as
//!   far as its sender follows the protocol. Robust strategies and norm bounds cannot be had beside this.
//! - **Who took part**, when, and how many bytes.
//! - **Availability.** The server can always refuse to go on.
//! - **Unlucky or chosen rings.** On a ring, privacy fails for a given roster with a probability of at most 2·2^-40
//!   ([`bounds`]). A server with clients of its own can try rosters before it shows one, and each try is another draw.
//!   Cohorts in which all are neighbours have no such loss.
//! - **Later thefts of secrets in use.** Keys are made for one session and wiped from memory when their stage is over,
//!   but a client's machine is trusted while it runs.

mod codec;
mod error;
mod field;
mod keys;
mod neighbours;
mod prg;
mod quantise;
mod roster;
mod shamir;
mod terms;

pub mod bounds;
pub mod client;
pub mod message;
pub mod server;

pub use bounds::Bounds;
pub use error::Refusal;
pub use keys::Identity;
pub use quantise::{Mean, Quantised, Quantiser};
pub use roster::Roster;
pub use terms::{Floor, Session, Terms};
