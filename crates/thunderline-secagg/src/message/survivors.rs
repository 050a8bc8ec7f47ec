//! Whose inputs are in the sum.

use crate::Refusal;
use crate::codec::{Reader, Writer, ascending};
use crate::keys;

const KIND: u8 = 6;

/// One whose input is in the sum, with its own word for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Survivor {
    /// Who.
    pub member: u16,
    /// The hash of its masked words.
    pub words: [u8; 32],
    /// Its signature, from its masked input.
    pub signature: [u8; 64],
}

/// Everybody whose input is in the sum: the same for everybody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Survivors {
    /// The digest of the roster.
    pub roster: [u8; 32],
    /// The survivors in ascending order.
    pub survivors: Vec<Survivor>,
}

impl Survivors {
    /// What is consented to: who survives, with which inputs, masked among whom.
    pub(crate) fn digest(&self, sharers: &[u8; 32]) -> [u8; 32] {
        let bytes: Vec<u8> = self
            .survivors
            .iter()
            .flat_map(|survivor| survivor.member.to_le_bytes().into_iter().chain(survivor.words))
            .collect();
        keys::hash("survivors 1", &[&self.roster, sharers, &bytes])
    }

    /// The survivors' places.
    pub fn members(&self) -> impl Iterator<Item = u16> {
        self.survivors.iter().map(|survivor| survivor.member)
    }

    /// Whether a member survives.
    #[must_use]
    pub fn contains(&self, member: u16) -> bool {
        self.survivors.binary_search_by_key(&member, |survivor| survivor.member).is_ok()
    }

    /// The message as bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::new(KIND, 34 + self.survivors.len() * 98);
        writer.bytes(&self.roster).count(self.survivors.len());
        for survivor in &self.survivors {
            writer.u16(survivor.member).bytes(&survivor.words).bytes(&survivor.signature);
        }
        writer.done()
    }

    /// Reads the message; what it says is checked where it is used.
    ///
    /// # Errors
    ///
    /// Bytes that are no such message.
    pub fn decode(bytes: &[u8]) -> Result<Self, Refusal> {
        const NAME: &str = "survivors";
        let mut reader = Reader::new(NAME, KIND, bytes)?;
        let roster = reader.array()?;
        let survivors = reader.list(98, |reader| {
            Ok(Survivor { member: reader.u16()?, words: reader.array()?, signature: reader.array()? })
        })?;
        reader.end()?;
        let message = Self { roster, survivors };
        ascending(NAME, message.members())?;
        Ok(message)
    }
}
