//! The sum is exact, whoever falls away, or the session is refused with its reason.

use std::sync::Arc;

use proptest::prelude::*;
use thunderline_secagg::message::MaskedInput;
use thunderline_secagg::server::Collecting;
use thunderline_secagg::{Bounds, Refusal, Roster};

use crate::party::{self, Last};

/// Three in ten fall away after having done `last`.
fn lose_three_in_ten(members: u16, last: Last) {
    let gone = |place: u16| place % 10 < 3 && place < members / 10 * 10;
    let sum = party::run(members.into(), |place| if gone(place) { last } else { Last::Reveals });
    let sum = sum.expect("30 % may fall away");
    let survives = |place: &u16| last >= Last::Masks || !gone(*place);
    let survivors: Vec<u16> = (0..members).filter(survives).collect();
    assert_eq!(sum.words, party::plain_sum(members.into(), survivors.iter().copied()));
    assert_eq!(sum.survivors, survivors);
    let mean = sum.mean().expect("the weights are honest");
    let weights: u32 = survivors.iter().map(|&place| party::input(usize::from(place)).1).sum();
    assert_eq!(mean.weight, weights);
    for (at, &value) in mean.values.iter().enumerate() {
        let exact: f64 = survivors
            .iter()
            .map(|&place| party::input(usize::from(place)))
            .map(|(values, weight)| f64::from(values[at]) * f64::from(weight) / f64::from(weights))
            .sum();
        assert!((f64::from(value) - exact).abs() < 1e-5, "{value} {exact}");
    }
}

#[test]
fn those_that_never_share_leave_the_exact_sum_of_the_others() {
    lose_three_in_ten(31, Last::Advertises);
}

#[test]
fn thirty_of_101_that_share_and_send_nothing_leave_the_exact_sum_of_the_others() {
    lose_three_in_ten(101, Last::Shares);
}

#[test]
fn those_that_fall_away_after_their_input_are_in_the_exact_sum() {
    lose_three_in_ten(31, Last::Masks);
}

#[test]
fn those_that_fall_away_before_the_end_are_in_the_exact_sum() {
    lose_three_in_ten(31, Last::Consents);
}

#[test]
fn thirty_of_101_that_fall_away_at_all_stages_leave_the_exact_sum() {
    let last = |place: u16| match place {
        0..8 => Last::Advertises,
        8..16 => Last::Shares,
        16..23 => Last::Masks,
        23..30 => Last::Consents,
        _ => Last::Reveals,
    };
    let sum = party::run(101, last).expect("30 may fall away");
    assert_eq!(sum.words, party::plain_sum(101, 16..101));
}

/// Its clients would refuse as well: so that a round ends when that is clear, and not an exchange later.
#[test]
fn a_server_goes_no_further_with_one_fewer_than_it_takes() {
    let few = |what| Some(Refusal::TooFew { what, have: 6, need: 7 });
    let honest = "it is an honest client";
    let (clients, mut server) = party::enrolled(10);
    for (_, message) in party::share(clients, &Arc::clone(server.roster())).into_iter().take(6) {
        server.take(message).expect(honest);
    }
    assert_eq!(server.close().err(), few("members have shared"));
    let (clients, mut server) = party::shared(10, |_| false);
    for (_, message) in party::mask(clients, &server).into_iter().take(6) {
        server.take(&message).expect(honest);
    }
    assert_eq!(server.close().err(), few("members survive"));
    let (clients, mut server) = party::masked(10, |_| false, |_| false);
    for (_, message) in party::consent(clients, &server).into_iter().take(6) {
        server.take(&message).expect(honest);
    }
    assert_eq!(server.close().err(), few("survivors consent"));
}

#[test]
fn a_server_goes_no_further_with_a_stretch_that_is_too_thin() {
    party::on_a_thin_ring(|roster, gone| {
        let need = roster.bounds().least;
        let thin = Some(Refusal::Thin { have: need - 1, need });
        let (clients, mut server) = party::enrolled(120);
        for (_, message) in party::share(clients, &Arc::clone(server.roster())) {
            if !gone.contains(&message.from) {
                server.take(message).expect("it is an honest client");
            }
        }
        assert_eq!(server.close().err(), thin);
        let (clients, mut server) = party::shared(120, |_| false);
        for (_, message) in party::mask(clients, &server) {
            if !gone.contains(&message.from) {
                server.take(&message).expect("it is an honest client");
            }
        }
        assert_eq!(server.close().err(), thin);
    });
}

#[test]
fn a_ring_of_neighbours_gives_the_exact_sum_too() {
    // With few drop-outs and few corrupt members assumed, 120 members have fewer neighbours than members.
    let terms = thunderline_secagg::Terms { corrupt: 10, dropouts: 100, ..party::terms() };
    let bounds = Bounds::of(120, 10, 100).expect("it stands");
    assert!(bounds.reach.is_some(), "{bounds:?}");
    party::with_terms(terms, || {
        let gone = |place: u16| place % 20 == 7;
        let sum = party::run(120, |place| if gone(place) { Last::Shares } else { Last::Reveals });
        let words = sum.expect("so many may fall away").words;
        assert_eq!(words, party::plain_sum(120, (0..120).filter(|place| !gone(*place))));
    });
}

#[test]
fn one_more_than_may_fall_away_is_refused_at_its_stage() {
    let lose = |last: Last| party::run(20, |place| if place < 7 { last } else { Last::Reveals }).unwrap_err();
    let refusal = |what| Refusal::TooFew { what, have: 13, need: 14 };
    assert_eq!(lose(Last::Advertises), refusal("members have shared"));
    assert_eq!(lose(Last::Shares), refusal("members survive"));
    assert_eq!(lose(Last::Masks), refusal("survivors consent"));
    assert!(matches!(lose(Last::Consents), Refusal::TooFew { what: "shares of a secret", .. }));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn whoever_falls_away_the_sum_is_exact_or_there_is_none(
        lasts in proptest::collection::vec(prop_oneof![
            8 => Just(Last::Reveals),
            1 => Just(Last::Advertises),
            1 => Just(Last::Shares),
            1 => Just(Last::Masks),
            1 => Just(Last::Consents),
        ], 3..14),
    ) {
        let members = lasts.len();
        let bounds = Bounds::of(members, 200, 300).expect("it stands");
        let reach = |last| lasts.iter().filter(|&&theirs| theirs >= last).count();
        match party::run(members, |place| lasts[usize::from(place)]) {
            Ok(sum) => {
                let survivors = (0..).zip(&lasts).filter(|(_, last)| **last >= Last::Masks).map(|(place, _)| place);
                prop_assert_eq!(sum.words, party::plain_sum(members, survivors));
            }
            Err(Refusal::TooFew { what: "shares of a secret", .. }) => prop_assert!(reach(Last::Reveals) < bounds.quorum),
            Err(Refusal::TooFew { have, need, .. }) => {
                prop_assert!(have < need && need == bounds.quorum && reach(Last::Consents) < bounds.quorum);
            }
            Err(other) => prop_assert!(false, "{}", other),
        }
    }
}

#[test]
fn a_server_that_was_restarted_goes_on_with_what_it_kept() {
    let (clients, server) = party::shared(5, |place| place == 4);
    let (session, sharers) = (party::session(), server.sharers().to_vec());
    let kept: Vec<_> = party::mask(clients, &server).into_iter().take(4).collect();
    let roster = Roster::again(session, &party::roster_of(session, 5).expect("all signed").encode());
    let mut server = Collecting::again(Arc::new(roster.expect("it was kept")), sharers);
    let mut clients = Vec::new();
    for (client, message) in kept {
        let message = MaskedInput::decode(&message.encode()).expect("it was kept");
        server.take(&message).expect("it is honest");
        clients.push(client);
    }
    let mut server = server.close().expect("they are enough");
    let mut left = Vec::new();
    for (client, message) in party::consent(clients, &server) {
        server.take(&message).expect("it is honest");
        left.push(client);
    }
    let mut server = server.close().expect("they are enough");
    for reveal in party::reveals(left, &server) {
        server.take(reveal).expect("it is honest");
    }
    assert_eq!(server.close(1).expect("they are enough").words, party::plain_sum(5, 0..4));
}
