//! Messages as bytes: what is written is read, and nothing else is.

use proptest::prelude::*;
use thunderline_secagg::message::{
    Advertisement, Consent, Consents, Delivery, MaskedInput, Reveal, SealedShares, Survivor, Survivors,
};
use thunderline_secagg::{Refusal, Roster};

use crate::party;

type Decode = fn(&[u8]) -> Result<(), Refusal>;

fn decoders() -> Vec<Decode> {
    vec![
        |bytes| Advertisement::decode(bytes).map(drop),
        |bytes| Roster::decode(party::session(), bytes).map(drop),
        |bytes| SealedShares::decode(bytes).map(drop),
        |bytes| Delivery::decode(bytes).map(drop),
        |bytes| MaskedInput::decode(bytes).map(drop),
        |bytes| Survivors::decode(bytes).map(drop),
        |bytes| Consent::decode(bytes).map(drop),
        |bytes| Consents::decode(bytes).map(drop),
        |bytes| Reveal::decode(bytes).map(drop),
    ]
}

/// One of each message, in the order of the decoders.
fn samples() -> Vec<Vec<u8>> {
    let (clients, server) = party::enrolled(4);
    let roster = std::sync::Arc::clone(server.roster());
    let advertisement = clients[0].advertisement().encode();
    let shares = party::share(clients, &roster).remove(0).1.encode();
    let (clients, server) = party::shared(4, |_| false);
    let delivery = server.delivery(0).expect("it has shared").encode();
    let input = party::mask(clients, &server).remove(0).1.encode();
    let (clients, server) = party::masked(4, |_| false, |_| false);
    let survivors = server.survivors().encode();
    let consent = party::consent(clients, &server).remove(0).1.encode();
    let (clients, server) = party::consented(4, |_| false, |_| false);
    let consents = server.consents().encode();
    let reveal = party::reveals(clients, &server).remove(0).encode();
    vec![advertisement, roster.encode(), shares, delivery, input, survivors, consent, consents, reveal]
}

#[test]
fn a_message_is_read_by_its_own_decoder_and_no_other() {
    for (kind, bytes) in samples().iter().enumerate() {
        for (reader, decode) in decoders().iter().enumerate() {
            assert_eq!(decode(bytes).is_ok(), kind == reader, "message {kind}, decoder {reader}");
        }
    }
}

#[test]
fn a_message_cut_short_or_with_something_behind_it_is_refused() {
    for (bytes, decode) in samples().iter().zip(decoders()) {
        for length in 0..bytes.len() {
            assert!(decode(&bytes[..length]).is_err(), "the first {length} bytes");
        }
        let longer = [bytes.as_slice(), &[0]].concat();
        assert!(matches!(decode(&longer), Err(Refusal::Malformed { why: "something follows it", .. })));
    }
}

#[test]
fn how_long_is_what_a_client_says_is_known_before_it_comes() {
    let lengths: Vec<_> = samples().iter().map(Vec::len).collect();
    let input = MaskedInput::length(party::session().terms().dimension);
    // Of four, each has three neighbours.
    let known = [
        Advertisement::LENGTH,
        SealedShares::length(3),
        usize::try_from(input).expect("it is short"),
        Consent::LENGTH,
        Reveal::length(3),
    ];
    assert_eq!(known, [lengths[0], lengths[2], lengths[4], lengths[6], lengths[8]]);
}

#[test]
fn another_version_is_refused_as_such() {
    for (bytes, decode) in samples().iter().zip(decoders()) {
        let mut other = bytes.clone();
        other[4] += 1;
        assert!(matches!(decode(&other), Err(Refusal::Malformed { why: "it is of another version", .. })));
    }
}

#[test]
fn members_out_of_order_or_twice_are_refused() {
    let wrong = |decoded: Result<(), Refusal>| {
        assert!(matches!(
            decoded,
            Err(Refusal::Malformed { why: "its members are not in ascending order", .. })
        ));
    };
    let roster = [7; 32];
    for members in [[1, 1], [2, 1]] {
        let sealed = members.map(|member| (member, [0; 80])).to_vec();
        wrong(
            SealedShares::decode(&SealedShares { roster, from: 0, sealed: sealed.clone() }.encode())
                .map(drop),
        );
        wrong(Delivery::decode(&Delivery { roster, sharers: vec![1, 2], sealed }.encode()).map(drop));
        wrong(
            Delivery::decode(&Delivery { roster, sharers: members.to_vec(), sealed: vec![] }.encode())
                .map(drop),
        );
        let survivors =
            members.map(|member| Survivor { member, words: [0; 32], signature: [0; 64] }).to_vec();
        wrong(Survivors::decode(&Survivors { roster, survivors }.encode()).map(drop));
        let signatures = members.map(|member| (member, [0; 64])).to_vec();
        wrong(Consents::decode(&Consents { roster, signatures }.encode()).map(drop));
        let shares = members.map(|member| (member, [0; 32])).to_vec();
        wrong(Reveal::decode(&Reveal { roster, from: 0, shares }.encode()).map(drop));
    }
}

/// Members and something for each, as they must stand in a message.
fn listed<T: std::fmt::Debug>(each: impl Strategy<Value = T>) -> impl Strategy<Value = Vec<(u16, T)>> {
    proptest::collection::btree_map(any::<u16>(), NoOrder::of(each), 0..20)
        .prop_map(|listed| listed.into_iter().map(|(member, each)| (member, each.0)).collect())
}

/// Anything, as the value of a map.
#[derive(Debug)]
struct NoOrder<T>(T);

impl<T: std::fmt::Debug> NoOrder<T> {
    fn of(strategy: impl Strategy<Value = T>) -> impl Strategy<Value = Self> {
        strategy.prop_map(NoOrder)
    }
}

fn bytes<const N: usize>() -> impl Strategy<Value = [u8; N]> {
    proptest::collection::vec(any::<u8>(), N).prop_map(|bytes| bytes.try_into().expect("it has this length"))
}

proptest! {
    #[test]
    fn whatever_is_written_is_read(
        (roster, from, sharers, signature) in (bytes::<32>(), any::<u16>(), bytes::<32>(), bytes::<64>()),
        sealed in listed(bytes::<80>()),
        hashed in listed((bytes::<32>(), bytes::<64>())),
        shares in listed(bytes::<32>()),
        words in proptest::collection::vec(any::<u32>(), 0..50),
    ) {
        let message = SealedShares { roster, from, sealed: sealed.clone() };
        prop_assert_eq!(SealedShares::decode(&message.encode()), Ok(message));
        let among = shares.iter().map(|(member, _)| *member).collect();
        let message = Delivery { roster, sharers: among, sealed };
        prop_assert_eq!(Delivery::decode(&message.encode()), Ok(message));
        let message = MaskedInput { roster, from, sharers, signature, words };
        let bytes = message.encode();
        let beginning = bytes.len().min(MaskedInput::length(0) as usize);
        prop_assert_eq!(MaskedInput::sender(&bytes[..beginning]), Ok(from));
        prop_assert_eq!(MaskedInput::decode(&bytes), Ok(message));
        let signatures = hashed.iter().map(|(member, (_, signature))| (*member, *signature)).collect();
        let survivors =
            hashed.into_iter().map(|(member, (words, signature))| Survivor { member, words, signature }).collect();
        let message = Survivors { roster, survivors };
        prop_assert_eq!(Survivors::decode(&message.encode()), Ok(message));
        let message = Consent { roster, from, signature };
        prop_assert_eq!(Consent::decode(&message.encode()), Ok(message));
        let message = Consents { roster, signatures };
        prop_assert_eq!(Consents::decode(&message.encode()), Ok(message));
        let message = Reveal { roster, from, shares };
        prop_assert_eq!(Reveal::decode(&message.encode()), Ok(message));
        let message =
            Advertisement { session: roster, identity: sharers, seal_key: roster, mask_key: sharers, commitment: roster, signature };
        prop_assert_eq!(Advertisement::decode(&message.encode()), Ok(message));
    }

    #[test]
    fn no_bytes_make_a_decoder_panic_or_reserve_much(kind in 1u8..10, body in proptest::collection::vec(any::<u8>(), 0..300)) {
        let bytes = [b"TLSA".as_slice(), &[1, kind], &body].concat();
        for decode in decoders() {
            let _outcome = decode(&bytes);
        }
    }
}
