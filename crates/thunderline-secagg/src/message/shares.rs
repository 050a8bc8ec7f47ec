//! Sealed shares, on their way up and down.

use crate::Refusal;
use crate::codec::{HEAD, Reader, Writer, ascending};
use crate::keys::{self, SEALED};

const UP: u8 = 3;
const DOWN: u8 = 4;

/// A client's shares of its two secrets, sealed for each of its neighbours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealedShares {
    /// The digest of the roster.
    pub roster: [u8; 32],
    /// Who sends.
    pub from: u16,
    /// The neighbours in ascending order, each with what is sealed for it.
    pub sealed: Vec<(u16, [u8; SEALED])>,
}

/// What all neighbours of one client sealed for it, and who has shared at all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// The digest of the roster.
    pub roster: [u8; 32],
    /// All members whose shares were passed on, in ascending order: the same for everybody.
    pub sharers: Vec<u16>,
    /// The client's neighbours among them in ascending order, each with what it sealed.
    pub sealed: Vec<(u16, [u8; SEALED])>,
}

/// What inputs are bound to: who has shared, under which roster.
pub(crate) fn sharers_digest(roster: &[u8; 32], sharers: &[u16]) -> [u8; 32] {
    let bytes: Vec<u8> = sharers.iter().flat_map(|member| member.to_le_bytes()).collect();
    keys::hash("sharers 1", &[roster, &bytes])
}

impl SealedShares {
    /// How many bytes it has for so many neighbours.
    #[must_use]
    pub const fn length(neighbours: usize) -> usize {
        HEAD + Self::body(neighbours)
    }

    const fn body(neighbours: usize) -> usize {
        36 + neighbours * (2 + SEALED)
    }

    /// The message as bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::new(UP, Self::body(self.sealed.len()));
        writer.bytes(&self.roster).u16(self.from);
        write_sealed(&mut writer, &self.sealed);
        writer.done()
    }

    /// Reads the message; what it says is checked where it is used.
    ///
    /// # Errors
    ///
    /// Bytes that are no such message.
    pub fn decode(bytes: &[u8]) -> Result<Self, Refusal> {
        const NAME: &str = "sealed shares";
        let mut reader = Reader::new(NAME, UP, bytes)?;
        let (roster, from) = (reader.array()?, reader.u16()?);
        let sealed = read_sealed(NAME, &mut reader)?;
        reader.end()?;
        Ok(Self { roster, from, sealed })
    }
}

impl Delivery {
    /// The message as bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::new(DOWN, 36 + self.sharers.len() * 2 + self.sealed.len() * (2 + SEALED));
        writer.bytes(&self.roster).count(self.sharers.len());
        self.sharers.iter().for_each(|&member| {
            writer.u16(member);
        });
        write_sealed(&mut writer, &self.sealed);
        writer.done()
    }

    /// Reads the message; what it says is checked where it is used.
    ///
    /// # Errors
    ///
    /// Bytes that are no such message.
    pub fn decode(bytes: &[u8]) -> Result<Self, Refusal> {
        const NAME: &str = "delivery";
        let mut reader = Reader::new(NAME, DOWN, bytes)?;
        let roster = reader.array()?;
        let sharers = reader.list(2, Reader::u16)?;
        ascending(NAME, sharers.iter().copied())?;
        let sealed = read_sealed(NAME, &mut reader)?;
        reader.end()?;
        Ok(Self { roster, sharers, sealed })
    }
}

fn write_sealed(writer: &mut Writer, sealed: &[(u16, [u8; SEALED])]) {
    writer.count(sealed.len());
    for (member, bytes) in sealed {
        writer.u16(*member).bytes(bytes);
    }
}

fn read_sealed(name: &'static str, reader: &mut Reader<'_>) -> Result<Vec<(u16, [u8; SEALED])>, Refusal> {
    let sealed = reader.list(2 + SEALED, |reader| Ok((reader.u16()?, reader.array()?)))?;
    ascending(name, sealed.iter().map(|(member, _)| *member))?;
    Ok(sealed)
}
