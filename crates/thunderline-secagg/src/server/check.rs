//! What each stage asks of a message, apart from whether its sender has spoken already: also for a server that takes
//! messages one by one and keeps them itself.

use crate::message::sharers_digest;
use crate::message::{Consent, MaskedInput, Reveal, SealedShares, Survivor, Survivors, consent, input};
use crate::roster::Roster;
use crate::{Refusal, keys};

/// Sealed shares.
///
/// # Errors
///
/// Under another roster, of nobody on this one, or for others than the neighbours.
pub fn shares(roster: &Roster, message: &SealedShares) -> Result<(), Refusal> {
    const NAME: &str = "sealed shares";
    roster.same(NAME, &message.roster)?;
    roster.member(NAME, message.from)?;
    if roster.neighbours(message.from).iter().eq(message.sealed.iter().map(|(to, _)| to)) {
        Ok(())
    } else {
        Err(Refusal::Recipients)
    }
}

/// A masked input, by who has shared (in ascending order). Gives what the survivors' list says of it.
///
/// # Errors
///
/// Under another roster or among other sharers, of one who has not shared, of another length, or with a signature that does
/// not fit.
pub fn input(roster: &Roster, sharers: &[u16], message: &MaskedInput) -> Result<Survivor, Refusal> {
    const NAME: &str = "masked input";
    roster.same(NAME, &message.roster)?;
    let member = message.from;
    if sharers.binary_search(&member).is_err() {
        return Err(Refusal::Unknown { message: NAME, member });
    }
    let among = sharers_digest(roster.digest(), sharers);
    if message.sharers != among {
        return Err(Refusal::OtherRoster(NAME));
    }
    let want = roster.quantiser().words();
    if message.words.len() != want {
        return Err(Refusal::Length { have: message.words.len(), want });
    }
    let words = message.digest();
    let statement = input::statement(roster.digest(), &among, member, &words);
    if !keys::verify(&roster.member(NAME, member)?.identity, &statement, &message.signature) {
        return Err(Refusal::Signature { on: "input", member: Some(member) });
    }
    Ok(Survivor { member, words, signature: message.signature })
}

/// A consent to these survivors, who masked among these sharers.
///
/// # Errors
///
/// Under another roster, of one who does not survive, or with a signature that does not fit.
pub fn consent(
    roster: &Roster,
    sharers: &[u16],
    survivors: &Survivors,
    message: &Consent,
) -> Result<(), Refusal> {
    const NAME: &str = "consent";
    roster.same(NAME, &message.roster)?;
    let member = message.from;
    if !survivors.contains(member) {
        return Err(Refusal::Unknown { message: NAME, member });
    }
    let digest = survivors.digest(&sharers_digest(roster.digest(), sharers));
    let statement = consent::statement(roster.digest(), &digest, member);
    if keys::verify(&roster.member(NAME, member)?.identity, &statement, &message.signature) {
        Ok(())
    } else {
        Err(Refusal::Signature { on: "survivors", member: Some(member) })
    }
}

/// What a survivor reveals. Whether the shares are right shows only when a secret is rebuilt.
///
/// # Errors
///
/// Under another roster, of one who does not survive, or not about exactly the neighbours who have shared.
pub fn reveal(
    roster: &Roster,
    sharers: &[u16],
    survivors: &Survivors,
    message: &Reveal,
) -> Result<(), Refusal> {
    const NAME: &str = "reveal";
    roster.same(NAME, &message.roster)?;
    let member = message.from;
    if !survivors.contains(member) {
        return Err(Refusal::Unknown { message: NAME, member });
    }
    let mut neighbours = roster.neighbours(member);
    neighbours.retain(|neighbour| sharers.binary_search(neighbour).is_ok());
    if neighbours.iter().eq(message.shares.iter().map(|(about, _)| about)) {
        Ok(())
    } else {
        Err(Refusal::Recipients)
    }
}
