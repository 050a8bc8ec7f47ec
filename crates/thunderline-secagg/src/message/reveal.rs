//! The shares that take the masks off the sum.

use crate::Refusal;
use crate::codec::{HEAD, Reader, Writer, ascending};

const KIND: u8 = 9;

/// One share for each of a survivor's neighbours. Which secret it is of follows from the survivors' set: of a survivor's
/// own mask, of anybody else's mask key. Two shares about one neighbour cannot be said.
#[derive(Clone, PartialEq, Eq)]
pub struct Reveal {
    /// The digest of the roster.
    pub roster: [u8; 32],
    /// Who reveals.
    pub from: u16,
    /// The neighbours among the sharers in ascending order, each with one share.
    pub shares: Vec<(u16, [u8; 32])>,
}

impl std::fmt::Debug for Reveal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Reveal {{ from: {}, shares: {} }}", self.from, self.shares.len())
    }
}

impl Reveal {
    /// How many bytes it has about so many neighbours.
    #[must_use]
    pub const fn length(neighbours: usize) -> usize {
        HEAD + Self::body(neighbours)
    }

    const fn body(neighbours: usize) -> usize {
        36 + neighbours * 34
    }

    /// The message as bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::new(KIND, Self::body(self.shares.len()));
        writer.bytes(&self.roster).u16(self.from).count(self.shares.len());
        for (member, share) in &self.shares {
            writer.u16(*member).bytes(share);
        }
        writer.done()
    }

    /// Reads the message; what it says is checked where it is used.
    ///
    /// # Errors
    ///
    /// Bytes that are no such message.
    pub fn decode(bytes: &[u8]) -> Result<Self, Refusal> {
        const NAME: &str = "reveal";
        let mut reader = Reader::new(NAME, KIND, bytes)?;
        let (roster, from) = (reader.array()?, reader.u16()?);
        let shares = reader.list(34, |reader| Ok((reader.u16()?, reader.array()?)))?;
        reader.end()?;
        ascending(NAME, shares.iter().map(|(member, _)| *member))?;
        Ok(Self { roster, from, shares })
    }
}
