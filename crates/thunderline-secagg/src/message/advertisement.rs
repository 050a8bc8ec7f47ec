//! A client's keys for one session.

use crate::Refusal;
use crate::codec::{HEAD, Reader, Writer};
use crate::keys::{self, Identity};
use crate::terms::Session;

const KIND: u8 = 1;

/// The public keys of a client for one session, signed by its identity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Advertisement {
    /// The session.
    pub session: [u8; 32],
    /// The client's lasting Ed25519 key.
    pub identity: [u8; 32],
    /// The X25519 key under which shares are sealed.
    pub seal_key: [u8; 32],
    /// The X25519 key from which pair masks follow.
    pub mask_key: [u8; 32],
    /// The hash to which the client's own mask is bound: a rebuilt seed can be told from a wrong one.
    pub commitment: [u8; 32],
    /// The identity's signature.
    pub signature: [u8; 64],
}

impl Advertisement {
    /// How many bytes it has.
    pub const LENGTH: usize = HEAD + 32 + Self::BODY;
    /// Length without the session.
    pub(crate) const BODY: usize = 4 * 32 + 64;

    /// Signs what is advertised.
    pub(crate) fn sign(
        session: &Session,
        identity: &Identity,
        seal_key: [u8; 32],
        mask_key: [u8; 32],
        commitment: [u8; 32],
    ) -> Self {
        let signature = [0; 64];
        let unsigned = Self {
            session: *session.id(),
            identity: identity.public(),
            seal_key,
            mask_key,
            commitment,
            signature,
        };
        Self { signature: identity.sign(&unsigned.statement()), ..unsigned }
    }

    fn statement(&self) -> [u8; 32] {
        let keys: [&[u8]; 5] =
            [&self.session, &self.identity, &self.seal_key, &self.mask_key, &self.commitment];
        keys::hash("advertisement 1", &keys)
    }

    /// That it belongs to the session, is signed, and that its keys are of use.
    pub(crate) fn check(&self, session: &Session) -> Result<(), Refusal> {
        if self.session != *session.id() {
            return Err(Refusal::OtherSession("advertisement"));
        }
        if !keys::verify(&self.identity, &self.statement(), &self.signature) {
            return Err(Refusal::Signature { on: "advertisement", member: None });
        }
        if keys::is_weak(&self.seal_key) || keys::is_weak(&self.mask_key) {
            return Err(Refusal::WeakKey);
        }
        Ok(())
    }

    /// The message as bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::new(KIND, 32 + Self::BODY);
        writer.bytes(&self.session);
        self.write(&mut writer);
        writer.done()
    }

    /// Reads the message; what it says is checked where it is used.
    ///
    /// # Errors
    ///
    /// Bytes that are no such message.
    pub fn decode(bytes: &[u8]) -> Result<Self, Refusal> {
        let mut reader = Reader::new("advertisement", KIND, bytes)?;
        let session = reader.array()?;
        let message = Self::read(&mut reader, session)?;
        reader.end()?;
        Ok(message)
    }

    pub(crate) fn write(&self, writer: &mut Writer) {
        writer.bytes(&self.identity).bytes(&self.seal_key).bytes(&self.mask_key);
        writer.bytes(&self.commitment).bytes(&self.signature);
    }

    pub(crate) fn read(reader: &mut Reader<'_>, session: [u8; 32]) -> Result<Self, Refusal> {
        Ok(Self {
            session,
            identity: reader.array()?,
            seal_key: reader.array()?,
            mask_key: reader.array()?,
            commitment: reader.array()?,
            signature: reader.array()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::terms::Terms;

    #[test]
    fn keys_of_low_order_are_refused_however_well_they_are_signed() {
        let terms = Terms {
            dimension: 1,
            clip: 1.0,
            max_weight: 1,
            min_members: 3,
            max_members: 3,
            corrupt: 100,
            dropouts: 0,
            norm: None,
        };
        let session = Session::new(b"", terms).expect("the terms are possible");
        let identity = Identity::from_seed(&[1; 32]);
        let fine = keys::public(&[2; 32]);
        let judged =
            |seal, mask| Advertisement::sign(&session, &identity, seal, mask, [0; 32]).check(&session);
        assert_eq!(judged(fine, fine), Ok(()));
        let one = {
            let mut one = [0; 32];
            one[0] = 1;
            one
        };
        for weak in [[0; 32], one] {
            assert_eq!(judged(weak, fine), Err(Refusal::WeakKey));
            assert_eq!(judged(fine, weak), Err(Refusal::WeakKey));
        }
    }
}
