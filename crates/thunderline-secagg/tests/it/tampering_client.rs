//! What a server refuses from clients. Each test changes one thing in an otherwise honest session.

use std::sync::Arc;

use thunderline_secagg::client::Advertised;
use thunderline_secagg::message::{Advertisement, Consent, MaskedInput, Reveal, SealedShares};
use thunderline_secagg::server::{Enrolling, Sum};
use thunderline_secagg::{Refusal, Session, Terms};

use crate::party;

#[test]
fn an_advertisement_with_any_part_changed_is_refused() {
    let session = party::session();
    let honest = party::client(&session, 0).advertisement().clone();
    let changes: [fn(&mut [u8]); 5] = [
        |bytes| bytes[38] ^= 1,
        |bytes| bytes[38 + 32] ^= 1,
        |bytes| bytes[38 + 64] ^= 1,
        |bytes| bytes[38 + 96] ^= 1,
        |bytes| bytes[38 + 128] ^= 1,
    ];
    for change in changes {
        let mut bytes = honest.encode();
        change(&mut bytes);
        let changed = Advertisement::decode(&bytes).expect("it is still a message");
        assert_ne!(changed, honest);
        let refusal = Enrolling::new(session).take(changed);
        assert_eq!(refusal, Err(Refusal::Signature { on: "advertisement", member: None }));
    }
}

#[test]
fn an_advertisement_of_another_session_is_refused() {
    let other = Session::new(b"another round", party::terms()).expect("the terms are possible");
    let message = party::client(&other, 0).advertisement().clone();
    let refusal = Enrolling::new(party::session()).take(message);
    assert_eq!(refusal, Err(Refusal::OtherSession("advertisement")));
}

#[test]
fn a_second_advertisement_of_one_identity_is_refused() {
    let session = party::session();
    let mut server = Enrolling::new(session);
    server.take(party::client(&session, 0).advertisement().clone()).expect("it is honest");
    let refusal = server.take(party::resigned(&session, 0));
    assert_eq!(refusal, Err(Refusal::Duplicate("identity")));
}

#[test]
fn somebody_elses_session_keys_are_refused() {
    let session = party::session();
    let mut server = Enrolling::new(session);
    server.take(party::client(&session, 0).advertisement().clone()).expect("it is honest");
    // Another identity that signs the same keys: its seed is the first client's.
    let copied = Advertised::new(&session, party::identity(1), &party::seed(0, 2));
    assert_eq!(server.take(copied.advertisement().clone()), Err(Refusal::Duplicate("key")));
}

#[test]
fn too_few_members_make_no_roster() {
    let session = party::session();
    let mut server = Enrolling::new(session);
    for member in 0..2 {
        server.take(party::client(&session, member).advertisement().clone()).expect("it is honest");
    }
    let refusal = server.close().err();
    assert_eq!(refusal, Some(Refusal::TooFew { what: "members", have: 2, need: 3 }));
}

#[test]
fn too_many_members_make_no_roster() {
    let session = Session::new(b"small", Terms { max_members: 3, ..party::terms() }).expect("it is possible");
    let mut server = Enrolling::new(session);
    for member in 0..4 {
        server.take(party::client(&session, member).advertisement().clone()).expect("it is honest");
    }
    assert_eq!(server.close().err(), Some(Refusal::TooMany { have: 4, most: 3 }));
}

#[test]
fn shares_that_do_not_fit_the_roster_are_refused() {
    let (clients, mut server) = party::enrolled(5);
    let roster = Arc::clone(server.roster());
    let honest = party::share(clients, &roster).remove(0).1;
    let change = |change: &dyn Fn(&mut SealedShares)| {
        let mut changed = honest.clone();
        change(&mut changed);
        changed
    };
    assert_eq!(server.take(change(&|m| m.roster[0] ^= 1)), Err(Refusal::OtherRoster("sealed shares")));
    let unknown = Refusal::Unknown { message: "sealed shares", member: 5 };
    assert_eq!(server.take(change(&|m| m.from = 5)), Err(unknown));
    assert_eq!(server.take(change(&|m| m.sealed.truncate(m.sealed.len() - 1))), Err(Refusal::Recipients));
    assert_eq!(server.take(change(&|m| m.sealed[0].0 = 0)), Err(Refusal::Recipients));
    assert_eq!(server.take(honest.clone()), Ok(()));
    assert_eq!(server.take(honest), Err(Refusal::Twice(0)));
}

#[test]
fn an_input_with_any_part_changed_is_refused() {
    let (clients, mut server) = party::shared(5, |place| place == 4);
    let honest = party::mask(clients, &server).remove(0).1;
    let change = |change: &dyn Fn(&mut MaskedInput)| {
        let mut changed = honest.clone();
        change(&mut changed);
        changed
    };
    let signature = |member| Err(Refusal::Signature { on: "input", member: Some(member) });
    assert_eq!(server.take(&change(&|m| m.roster[0] ^= 1)), Err(Refusal::OtherRoster("masked input")));
    assert_eq!(server.take(&change(&|m| m.sharers[0] ^= 1)), Err(Refusal::OtherRoster("masked input")));
    for member in [4, 5] {
        let unknown = Refusal::Unknown { message: "masked input", member };
        assert_eq!(server.take(&change(&|m| m.from = member)), Err(unknown));
    }
    assert_eq!(server.take(&change(&|m| m.from = 1)), signature(1));
    assert_eq!(server.take(&change(&|m| m.words[7] ^= 1)), signature(0));
    assert_eq!(server.take(&change(&|m| m.signature[7] ^= 1)), signature(0));
    let length = Refusal::Length { have: party::DIMENSION, want: party::DIMENSION + 1 };
    assert_eq!(server.take(&change(&|m| m.words.truncate(m.words.len() - 1))), Err(length));
    assert_eq!(server.take(&honest), Ok(()));
    assert_eq!(server.take(&honest), Err(Refusal::Twice(0)));
}

#[test]
fn a_consent_with_any_part_changed_is_refused() {
    let (clients, mut server) = party::masked(5, |_| false, |place| place == 4);
    let honest = party::consent(clients, &server).remove(0).1;
    let change = |change: &dyn Fn(&mut Consent)| {
        let mut changed = honest.clone();
        change(&mut changed);
        changed
    };
    let signature = |member| Err(Refusal::Signature { on: "survivors", member: Some(member) });
    assert_eq!(server.take(&change(&|m| m.roster[0] ^= 1)), Err(Refusal::OtherRoster("consent")));
    let unknown = Refusal::Unknown { message: "consent", member: 4 };
    assert_eq!(server.take(&change(&|m| m.from = 4)), Err(unknown));
    assert_eq!(server.take(&change(&|m| m.from = 1)), signature(1));
    assert_eq!(server.take(&change(&|m| m.signature[7] ^= 1)), signature(0));
    assert_eq!(server.take(&honest), Ok(()));
    assert_eq!(server.take(&honest), Err(Refusal::Twice(0)));
}

#[test]
fn a_reveal_that_does_not_fit_is_refused() {
    let (clients, mut server) = party::consented(5, |_| false, |place| place == 4);
    let honest = party::reveals(clients, &server).remove(0);
    let change = |change: &dyn Fn(&mut Reveal)| {
        let mut changed = honest.clone();
        change(&mut changed);
        changed
    };
    assert_eq!(server.take(change(&|m| m.roster[0] ^= 1)), Err(Refusal::OtherRoster("reveal")));
    let unknown = Refusal::Unknown { message: "reveal", member: 4 };
    assert_eq!(server.take(change(&|m| m.from = 4)), Err(unknown));
    assert_eq!(server.take(change(&|m| m.shares.truncate(m.shares.len() - 1))), Err(Refusal::Recipients));
    assert_eq!(server.take(honest.clone()), Ok(()));
    assert_eq!(server.take(honest), Err(Refusal::Twice(0)));
}

/// Five members of whom the last falls away; `liars` change their share about `about`.
fn with_liars(liars: usize, about: u16) -> Result<Sum, Refusal> {
    let (clients, mut server) = party::consented(5, |_| false, |place| place == 4);
    for (place, mut reveal) in party::reveals(clients, &server).into_iter().enumerate() {
        let lies = reveal.shares.iter_mut().filter(|(theirs, _)| place < liars && *theirs == about);
        // Each its own change: equal ones can cancel out.
        lies.for_each(|(_, share)| share[5] ^= 1 + place as u8);
        server.take(reveal).expect("a share's value is not looked at yet");
    }
    server.close(1)
}

#[test]
fn a_wrong_share_is_stepped_over_where_there_is_one_to_spare() {
    // About the one who is gone there are four shares, and three rebuild its key.
    let sum = with_liars(1, 4).expect("one liar is one too few");
    assert_eq!(sum.words, party::plain_sum(5, 0..4));
}

#[test]
fn wrong_shares_are_noticed_and_never_a_wrong_sum() {
    assert_eq!(with_liars(2, 4), Err(Refusal::Secret { member: 4, which: "mask key" }));
    assert_eq!(with_liars(1, 3), Err(Refusal::Secret { member: 3, which: "own mask" }));
}
