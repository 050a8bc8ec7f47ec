//! Keys: who a client is, with whom it agrees on what, and what follows from one seed.

use ring::hkdf::{HKDF_SHA256, KeyType, Salt};
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use ring::{aead, digest};
use x25519_dalek::{PublicKey, StaticSecret};
use zeroize::Zeroizing;

use crate::Refusal;

/// Length of a sealed pair of shares: two shares and a tag.
pub(crate) const SEALED: usize = 64 + 16;

/// A client's lasting identity: an Ed25519 key (RFC 8032) whose public half others know it by.
pub struct Identity(Ed25519KeyPair);

impl Identity {
    /// The identity of a secret seed.
    #[must_use]
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        Self(Ed25519KeyPair::from_seed_unchecked(seed).expect("every 32 bytes are an Ed25519 seed"))
    }

    /// The public key.
    #[must_use]
    pub fn public(&self) -> [u8; 32] {
        self.0.public_key().as_ref().try_into().expect("an Ed25519 public key has 32 bytes")
    }

    pub(crate) fn sign(&self, statement: &[u8; 32]) -> [u8; 64] {
        self.0.sign(statement).as_ref().try_into().expect("an Ed25519 signature has 64 bytes")
    }
}

/// Whether `signature` is the identity's on the statement.
pub(crate) fn verify(identity: &[u8; 32], statement: &[u8; 32], signature: &[u8; 64]) -> bool {
    UnparsedPublicKey::new(&ED25519, identity).verify(statement, signature).is_ok()
}

/// SHA-256 over a label and parts; the parts are of fixed length, or end the statement.
pub(crate) fn hash(label: &str, parts: &[&[u8]]) -> [u8; 32] {
    let mut context = digest::Context::new(&digest::SHA256);
    context.update(&[u8::try_from(label.len()).expect("labels are short")]);
    context.update(label.as_bytes());
    parts.iter().for_each(|part| context.update(part));
    context.finish().as_ref().try_into().expect("SHA-256 has 32 bytes")
}

/// 32 bytes from a secret by HKDF-SHA256 (RFC 5869), bound to a session and a purpose.
pub(crate) fn derive(session: &[u8; 32], secret: &[u8; 32], purpose: &[&[u8]]) -> Zeroizing<[u8; 32]> {
    struct Length;
    impl KeyType for Length {
        fn len(&self) -> usize {
            32
        }
    }
    let mut bytes = Zeroizing::new([0; 32]);
    Salt::new(HKDF_SHA256, session)
        .extract(secret)
        .expand(purpose, Length)
        .and_then(|key| key.fill(bytes.as_mut_slice()))
        .expect("32 bytes are no more than HKDF can give");
    bytes
}

/// The public half of an X25519 secret (RFC 7748).
pub(crate) fn public(secret: &[u8; 32]) -> [u8; 32] {
    PublicKey::from(&StaticSecret::from(*secret)).to_bytes()
}

/// What two parties agree on, unless the other's key is of low order.
fn agree(secret: &[u8; 32], theirs: &[u8; 32]) -> Result<Zeroizing<[u8; 32]>, Refusal> {
    let shared = StaticSecret::from(*secret).diffie_hellman(&PublicKey::from(*theirs));
    if shared.was_contributory() { Ok(Zeroizing::new(shared.to_bytes())) } else { Err(Refusal::WeakKey) }
}

/// Whether agreements with this public key depend on the other side's secret.
pub(crate) fn is_weak(theirs: &[u8; 32]) -> bool {
    // Any secret tells: a low-order point gives the neutral element for every clamped scalar.
    agree(&[0x5A; 32], theirs).is_err()
}

/// The key of the mask between two members, the same from either side.
pub(crate) fn pair_mask(
    context: &[u8; 32],
    secret: &[u8; 32],
    theirs: &[u8; 32],
    members: (u16, u16),
) -> Result<Zeroizing<[u8; 32]>, Refusal> {
    let (low, high) = (members.0.min(members.1), members.0.max(members.1));
    let shared = agree(secret, theirs)?;
    Ok(derive(context, &shared, &[b"pair mask", &low.to_le_bytes(), &high.to_le_bytes()]))
}

/// The key of a member's own mask.
pub(crate) fn self_mask(context: &[u8; 32], seed: &[u8; 32]) -> Zeroizing<[u8; 32]> {
    derive(context, seed, &[b"self mask"])
}

/// Who seals for whom, under which roster.
pub(crate) struct Envelope<'a> {
    /// The digest of the roster.
    pub(crate) context: &'a [u8; 32],
    /// Who seals.
    pub(crate) from: u16,
    /// Who opens.
    pub(crate) to: u16,
}

impl Envelope<'_> {
    /// One key a direction, used once: the nonce can be zero.
    fn key(&self, secret: &[u8; 32], theirs: &[u8; 32]) -> Result<aead::LessSafeKey, Refusal> {
        let shared = agree(secret, theirs)?;
        let purpose: [&[u8]; 3] = [b"seal", &self.from.to_le_bytes(), &self.to.to_le_bytes()];
        let key = derive(self.context, &shared, &purpose);
        let key =
            aead::UnboundKey::new(&aead::CHACHA20_POLY1305, key.as_slice()).expect("the key has 32 bytes");
        Ok(aead::LessSafeKey::new(key))
    }

    fn about(&self) -> aead::Aad<[u8; 32]> {
        aead::Aad::from(hash("seal", &[self.context, &self.from.to_le_bytes(), &self.to.to_le_bytes()]))
    }

    /// Seals a pair of shares (RFC 8439, ChaCha20-Poly1305).
    pub(crate) fn seal(
        &self,
        secret: &[u8; 32],
        theirs: &[u8; 32],
        shares: [&[u8; 32]; 2],
    ) -> Result<[u8; SEALED], Refusal> {
        let key = self.key(secret, theirs)?;
        let mut sealed = [0; SEALED];
        sealed[..32].copy_from_slice(shares[0]);
        sealed[32..64].copy_from_slice(shares[1]);
        let tag = key
            .seal_in_place_separate_tag(nonce(), self.about(), &mut sealed[..64])
            .expect("64 bytes are not too many to seal");
        sealed[64..].copy_from_slice(tag.as_ref());
        Ok(sealed)
    }

    /// Opens a pair of shares.
    pub(crate) fn open(
        &self,
        secret: &[u8; 32],
        theirs: &[u8; 32],
        sealed: &[u8; SEALED],
    ) -> Result<[Zeroizing<[u8; 32]>; 2], Refusal> {
        let key = self.key(secret, theirs)?;
        let mut buffer = Zeroizing::new(*sealed);
        let opened = key
            .open_in_place(nonce(), self.about(), buffer.as_mut_slice())
            .map_err(|_| Refusal::Seal { from: self.from })?;
        let (first, second) = opened.split_at(32);
        let share = |bytes: &[u8]| Zeroizing::new(bytes.try_into().expect("a share has 32 bytes"));
        Ok([share(first), share(second)])
    }
}

fn nonce() -> aead::Nonce {
    aead::Nonce::assume_unique_for_key([0; 12])
}
