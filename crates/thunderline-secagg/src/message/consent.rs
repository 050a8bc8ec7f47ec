//! The survivors' word that they were all shown the same survivors.

use crate::Refusal;
use crate::codec::{HEAD, Reader, Writer, ascending};
use crate::keys;

const ONE: u8 = 7;
const ALL: u8 = 8;

/// One survivor's signature on the survivors.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Consent {
    /// The digest of the roster.
    pub roster: [u8; 32],
    /// Who.
    pub from: u16,
    /// Its signature.
    pub signature: [u8; 64],
}

/// The signatures that came in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Consents {
    /// The digest of the roster.
    pub roster: [u8; 32],
    /// Who, in ascending order, and its signature.
    pub signatures: Vec<(u16, [u8; 64])>,
}

/// What a survivor signs.
pub(crate) fn statement(roster: &[u8; 32], survivors: &[u8; 32], from: u16) -> [u8; 32] {
    keys::hash("consent 1", &[roster, survivors, &from.to_le_bytes()])
}

impl Consent {
    /// How many bytes it has.
    pub const LENGTH: usize = HEAD + Self::BODY;
    const BODY: usize = 98;

    /// The message as bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::new(ONE, Self::BODY);
        writer.bytes(&self.roster).u16(self.from).bytes(&self.signature);
        writer.done()
    }

    /// Reads the message; what it says is checked where it is used.
    ///
    /// # Errors
    ///
    /// Bytes that are no such message.
    pub fn decode(bytes: &[u8]) -> Result<Self, Refusal> {
        let mut reader = Reader::new("consent", ONE, bytes)?;
        let message = Self { roster: reader.array()?, from: reader.u16()?, signature: reader.array()? };
        reader.end()?;
        Ok(message)
    }
}

impl Consents {
    /// The message as bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::new(ALL, 34 + self.signatures.len() * 66);
        writer.bytes(&self.roster).count(self.signatures.len());
        for (member, signature) in &self.signatures {
            writer.u16(*member).bytes(signature);
        }
        writer.done()
    }

    /// Reads the message; what it says is checked where it is used.
    ///
    /// # Errors
    ///
    /// Bytes that are no such message.
    pub fn decode(bytes: &[u8]) -> Result<Self, Refusal> {
        const NAME: &str = "consents";
        let mut reader = Reader::new(NAME, ALL, bytes)?;
        let roster = reader.array()?;
        let signatures = reader.list(66, |reader| Ok((reader.u16()?, reader.array()?)))?;
        reader.end()?;
        ascending(NAME, signatures.iter().map(|(member, _)| *member))?;
        Ok(Self { roster, signatures })
    }
}
