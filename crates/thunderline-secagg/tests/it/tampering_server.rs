//! What a client refuses from a server. Each test changes one thing in an otherwise honest session.

use std::collections::BTreeSet;
use std::sync::Arc;

use thunderline_secagg::client::Advertised;
use thunderline_secagg::message::{Advertisement, Consents, Delivery, Survivor, Survivors};
use thunderline_secagg::{Floor, Refusal, Roster, Session, Terms};

use crate::party;

/// What the first client on a roster says to it.
fn judged(clients: Vec<Advertised>, roster: Roster, floor: &Floor) -> Option<Refusal> {
    clients.into_iter().next().expect("there are clients").share(Arc::new(roster), floor).err()
}

/// The roster of five, changed and sorted, as a client decodes it.
fn changed(change: impl Fn(&Session, &mut Vec<Advertisement>)) -> Result<Roster, Refusal> {
    let (_, server) = party::enrolled(5);
    let mut members = server.roster().members().to_vec();
    change(server.roster().session(), &mut members);
    Roster::new(party::session(), members)
}

#[test]
fn a_roster_with_keys_of_the_servers_is_refused() {
    let signature = Err(Refusal::Signature { on: "advertisement", member: None });
    assert_eq!(
        changed(|_, members| members[2].mask_key = members[1].seal_key),
        Err(Refusal::Duplicate("key"))
    );
    assert_eq!(changed(|_, members| members[2].seal_key[0] ^= 1), signature);
    assert_eq!(changed(|_, members| members[2].mask_key[0] ^= 1), signature);
    assert_eq!(changed(|_, members| members[2].commitment[0] ^= 1), signature);
}

#[test]
fn a_roster_with_a_member_twice_or_out_of_order_is_refused() {
    assert_eq!(changed(|_, members| members[2] = members[1].clone()), Err(Refusal::Duplicate("identity")));
    assert_eq!(changed(|_, members| members.swap(1, 2)), Err(Refusal::Unordered));
    let copied = |session: &Session, members: &mut Vec<Advertisement>| {
        members
            .push(Advertised::new(session, party::identity(6), &party::seed(0, 2)).advertisement().clone());
        members.sort_by_key(|member| member.identity);
    };
    assert_eq!(changed(copied), Err(Refusal::Duplicate("key")));
}

#[test]
fn a_roster_of_another_session_is_refused() {
    let (clients, server) = party::enrolled(5);
    let other = Session::new(b"another round", party::terms()).expect("the terms are possible");
    let bytes = server.roster().encode();
    assert_eq!(Roster::decode(other, &bytes), Err(Refusal::OtherSession("roster")));
    let replayed = server.roster().members().to_vec();
    assert_eq!(Roster::new(other, replayed), Err(Refusal::OtherSession("advertisement")));
    let roster = party::roster_of(other, 5).expect("everybody signed");
    assert_eq!(judged(clients, roster, &Floor::default()), Some(Refusal::OtherSession("roster")));
}

#[test]
fn a_roster_without_this_client_as_it_advertised_itself_is_refused() {
    let (clients, _) = party::enrolled(5);
    let mine = clients[0].advertisement().identity;
    let members = |keep: bool| {
        let mut members: Vec<_> = (0..6)
            .map(|member| party::client(&party::session(), member).advertisement().clone())
            .filter(|member| member.identity != mine)
            .collect();
        if keep {
            let number =
                (0..5).find(|&number| party::identity(number).public() == mine).expect("it is one of five");
            members.push(party::resigned(&party::session(), number));
        }
        members.sort_by_key(|member| member.identity);
        Roster::new(party::session(), members).expect("everybody signed")
    };
    assert_eq!(judged(clients, members(false), &Floor::default()), Some(Refusal::NotEnrolled));
    let (clients, _) = party::enrolled(5);
    assert_eq!(judged(clients, members(true), &Floor::default()), Some(Refusal::NotEnrolled));
}

#[test]
fn a_client_has_a_floor_that_the_server_does_not_set() {
    let judge = |floor: Floor| {
        let (clients, server) = party::enrolled(5);
        judged(clients, Roster::clone(server.roster()), &floor)
    };
    let few = Refusal::TooFew { what: "members", have: 5, need: 6 };
    assert_eq!(judge(Floor { members: 6, ..Floor::default() }), Some(few));
    assert!(matches!(judge(Floor { corrupt: 201, ..Floor::default() }), Some(Refusal::Terms(_))));
    let known: BTreeSet<_> = (0..4).map(|member| party::identity(member).public()).collect();
    assert_eq!(judge(Floor { trusted: Some(known.clone()), ..Floor::default() }), Some(Refusal::Stranger));
    let all = known.into_iter().chain([party::identity(4).public()]).collect();
    assert_eq!(judge(Floor { members: 5, corrupt: 200, trusted: Some(all) }), None);
}

#[test]
fn a_roster_that_is_too_small_for_its_terms_is_refused() {
    let few = Refusal::TooFew { what: "members", have: 2, need: 3 };
    assert_eq!(party::roster_of(party::session(), 2), Err(few));
    // Four of them corrupt: no threshold holds.
    let terms = Terms { corrupt: 800, ..party::terms() };
    let refusal = party::with_terms(terms, || party::roster_of(party::session(), 5).err());
    assert_eq!(refusal, Some(Refusal::Unreachable { members: 5 }));
}

/// What the first client says to a delivery that was changed.
fn delivered(change: impl Fn(&mut Delivery)) -> Option<Refusal> {
    let (mut clients, server) = party::shared(5, |place| place == 4);
    let mut delivery = server.delivery(0).expect("it has shared");
    change(&mut delivery);
    let client = clients.remove(0);
    let input = party::levels(&client, 0);
    client.mask(&delivery, input).err()
}

#[test]
fn a_delivery_with_any_part_changed_is_refused() {
    assert_eq!(delivered(|_| ()), None);
    assert_eq!(delivered(|m| m.roster[0] ^= 1), Some(Refusal::OtherRoster("delivery")));
    assert_eq!(delivered(|m| m.sealed[1].1[3] ^= 1), Some(Refusal::Seal { from: 2 }));
    let swapped = |m: &mut Delivery| {
        let (first, second) = (m.sealed[0].1, m.sealed[1].1);
        (m.sealed[0].1, m.sealed[1].1) = (second, first);
    };
    assert_eq!(delivered(swapped), Some(Refusal::Seal { from: 1 }));
    assert_eq!(delivered(|m| m.sealed.truncate(m.sealed.len() - 1)), Some(Refusal::Recipients));
    let few = Refusal::TooFew { what: "members have shared", have: 3, need: 4 };
    assert_eq!(delivered(|m| m.sharers.truncate(m.sharers.len() - 1)), Some(few));
    let without = |m: &mut Delivery| m.sharers = vec![1, 2, 3, 4];
    assert_eq!(delivered(without), Some(Refusal::LeftOut("sharers")));
    let unknown = Refusal::Unknown { message: "delivery", member: 5 };
    assert_eq!(delivered(|m| m.sharers.push(5)), Some(unknown));
    // One who has not shared is named: its shares would have to be there.
    assert_eq!(delivered(|m| m.sharers.push(4)), Some(Refusal::Recipients));
}

#[test]
fn a_share_for_somebody_else_does_not_open() {
    let (mut clients, server) = party::shared(5, |_| false);
    let mut delivery = server.delivery(0).expect("it has shared");
    let theirs = server.delivery(1).expect("it has shared");
    let from = |delivery: &Delivery| {
        delivery.sealed.iter().position(|(from, _)| *from == 3).expect("all are neighbours")
    };
    let (mine, other) = (from(&delivery), from(&theirs));
    delivery.sealed[mine].1 = theirs.sealed[other].1;
    let client = clients.remove(0);
    let input = party::levels(&client, 0);
    assert_eq!(client.mask(&delivery, input).err(), Some(Refusal::Seal { from: 3 }));
}

#[test]
fn an_input_for_another_cohort_is_not_masked() {
    let (mut clients, server) = party::shared(5, |_| false);
    let (mut others, _) = party::shared(6, |_| false);
    let input = party::levels(&others.remove(0), 0);
    let refusal = clients.remove(0).mask(&server.delivery(0).expect("it has shared"), input).err();
    assert_eq!(refusal, Some(Refusal::OtherQuantiser));
}

/// What the first client says to survivors that were changed.
fn survived(change: impl Fn(&mut Survivors)) -> Option<Refusal> {
    let (mut clients, server) = party::masked(10, |place| place == 9, |place| place == 8);
    let mut survivors = server.survivors().clone();
    change(&mut survivors);
    clients.remove(0).consent(&survivors).err()
}

#[test]
fn survivors_with_any_part_changed_are_refused() {
    assert_eq!(survived(|_| ()), None);
    assert_eq!(survived(|m| m.roster[0] ^= 1), Some(Refusal::OtherRoster("survivors")));
    let signature = Refusal::Signature { on: "input", member: Some(3) };
    assert_eq!(survived(|m| m.survivors[3].signature[0] ^= 1), Some(signature.clone()));
    assert_eq!(survived(|m| m.survivors[3].words[0] ^= 1), Some(signature));
    assert_eq!(
        survived(|m| m.survivors.retain(|theirs| theirs.member != 0)),
        Some(Refusal::LeftOut("survivors"))
    );
    let few = Refusal::TooFew { what: "members survive", have: 6, need: 7 };
    assert_eq!(survived(|m| m.survivors.truncate(6)), Some(few));
    // One who shared and sent nothing, and one who did not share.
    let renamed = |to: u16| move |m: &mut Survivors| m.survivors[7].member = to;
    assert_eq!(survived(renamed(8)), Some(Refusal::Signature { on: "input", member: Some(8) }));
    assert_eq!(survived(renamed(9)), Some(Refusal::Unknown { message: "survivors", member: 9 }));
}

#[test]
fn an_input_that_this_client_did_not_send_is_not_taken_for_its_own() {
    let (mut clients, server) = party::masked(5, |_| false, |_| false);
    let mut survivors = server.survivors().clone();
    // Signed by this very client, but on other words: as if it had once been made to send them.
    let (mut again, collecting) = party::shared(5, |_| false);
    let again = again.remove(0);
    let (values, weight) = party::input(2);
    let other = again.quantiser().quantise(&values, weight, &[8; 32]).expect("it fits");
    let (_, other) =
        again.mask(&collecting.delivery(0).expect("it has shared"), other).expect("it is honest");
    survivors.survivors[0] = Survivor { member: 0, words: other.digest(), signature: other.signature };
    assert_eq!(clients.remove(0).consent(&survivors).err(), Some(Refusal::LeftOut("survivors")));
}

#[test]
fn one_who_masked_among_others_is_no_survivor() {
    // The server shows the first client one sharer fewer: its input names them, and nobody else takes it.
    let (clients, mut server) = party::shared(10, |_| false);
    let (others, fewer) = party::shared(10, |place| place == 9);
    let fooled = party::mask(others, &fewer).remove(0).1;
    let mut left = Vec::new();
    for (client, message) in party::mask(clients, &server) {
        server.take(&message).expect("it is honest");
        left.push(client);
    }
    let server = server.close().expect("they are enough");
    let mut survivors = server.survivors().clone();
    survivors.survivors[0] = Survivor { member: 0, words: fooled.digest(), signature: fooled.signature };
    let refusal = left.pop().expect("there are ten").consent(&survivors).err();
    assert_eq!(refusal, Some(Refusal::Signature { on: "input", member: Some(0) }));
}

#[test]
fn a_server_that_shows_different_survivors_gets_nothing_from_anybody() {
    // Every other client is told that the last one fell away.
    let (clients, server) = party::masked(10, |_| false, |_| false);
    let all = server.survivors().clone();
    let mut fewer = all.clone();
    fewer.survivors.pop();
    let fooled = |place: u16| place.is_multiple_of(2);
    let mut signatures = Vec::new();
    let mut stages = Vec::new();
    for (place, client) in (0u16..).zip(clients) {
        let shown = if fooled(place) { &fewer } else { &all };
        let (client, consent) = client.consent(shown).expect("each set by itself is possible");
        signatures.push((place, consent.signature));
        stages.push((place, client));
    }
    for (place, client) in stages {
        let roster = all.roster;
        let fitting =
            signatures.iter().copied().filter(|(other, _)| fooled(*other) == fooled(place)).collect();
        // Half of the clients are shown all consents, the other half those that fit.
        let refusal = if place < 5 {
            client.reveal(&Consents { roster, signatures: signatures.clone() }).err()
        } else {
            client.reveal(&Consents { roster, signatures: fitting }).err()
        };
        if place < 5 {
            let first = u16::from(fooled(place));
            assert_eq!(refusal, Some(Refusal::Signature { on: "survivors", member: Some(first) }));
        } else {
            let few = Refusal::TooFew { what: "survivors consent", have: 5, need: 7 };
            assert_eq!(refusal, Some(few));
        }
    }
}

/// What the first client says to consents that were changed.
fn consented(change: impl Fn(&mut Consents)) -> Option<Refusal> {
    let (mut clients, server) = party::consented(5, |_| false, |place| place == 4);
    let mut consents = server.consents().clone();
    change(&mut consents);
    clients.remove(0).reveal(&consents).err()
}

#[test]
fn consents_with_any_part_changed_are_refused() {
    assert_eq!(consented(|_| ()), None);
    assert_eq!(consented(|m| m.roster[0] ^= 1), Some(Refusal::OtherRoster("consents")));
    let signature = Refusal::Signature { on: "survivors", member: Some(2) };
    assert_eq!(consented(|m| m.signatures[2].1[0] ^= 1), Some(signature));
    let few = Refusal::TooFew { what: "survivors consent", have: 3, need: 4 };
    assert_eq!(consented(|m| m.signatures.truncate(m.signatures.len() - 1)), Some(few));
    let unknown = Refusal::Unknown { message: "consents", member: 4 };
    assert_eq!(consented(|m| m.signatures[3].0 = 4), Some(unknown));
}

#[test]
fn survivors_that_are_thin_in_one_stretch_are_refused_however_many_they_are() {
    party::on_a_thin_ring(|roster, gone| {
        let (clients, mut server) = party::shared(120, |_| false);
        let mut survivors = Vec::new();
        let mut left = Vec::new();
        for (client, message) in party::mask(clients, &server) {
            if !gone.contains(&message.from) {
                let words = message.digest();
                survivors.push(Survivor { member: message.from, words, signature: message.signature });
                server.take(&message).expect("it is honest");
                left.push(client);
            }
        }
        let need = roster.bounds().least;
        let thin = Refusal::Thin { have: need - 1, need };
        let survivors = Survivors { roster: *roster.digest(), survivors };
        assert_eq!(left.remove(0).consent(&survivors).err(), Some(thin.clone()));
        assert_eq!(server.close().err(), Some(thin));
    });
}

#[test]
fn sharers_that_are_thin_in_one_stretch_are_refused() {
    party::on_a_thin_ring(|roster, gone| {
        let (mut clients, server) = party::shared(120, |_| false);
        let place = (0..120).find(|place| !gone.contains(place)).expect("most are left");
        let mut delivery = server.delivery(place).expect("it has shared");
        delivery.sharers.retain(|sharer| !gone.contains(sharer));
        delivery.sealed.retain(|(from, _)| !gone.contains(from));
        let client = clients.remove(usize::from(place));
        let input = party::levels(&client, usize::from(place));
        let need = roster.bounds().least;
        assert_eq!(client.mask(&delivery, input).err(), Some(Refusal::Thin { have: need - 1, need }));
    });
}
