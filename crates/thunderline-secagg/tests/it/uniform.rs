//! What a server sees of one client looks like nothing at all.

use thunderline_secagg::Terms;

use crate::party;

#[test]
fn every_bit_of_a_masked_input_is_as_often_one_as_zero() {
    const NUMBERS: usize = 20_000;
    let terms = Terms { dimension: NUMBERS as u32, ..party::terms() };
    party::with_terms(terms, || {
        let (mut clients, server) = party::shared(4, |_| false);
        let client = clients.remove(0);
        // The same level everywhere: without masks, every bit is constant.
        let input = client.quantiser().quantise(&vec![0.25; NUMBERS], 1000, &[1; 32]).expect("it fits");
        let (_, message) =
            client.mask(&server.delivery(0).expect("it has shared"), input).expect("it is honest");
        assert_eq!(message.words.len(), NUMBERS + 1);
        assert!(message.encode().len() <= 4 * NUMBERS + 160, "more than four bytes a number");
        for bit in 0..32 {
            let ones = message.words.iter().filter(|word| *word >> bit & 1 == 1).count() as f64;
            // Six standard deviations of a fair coin.
            assert!(
                (ones - NUMBERS as f64 / 2.0).abs() < 6.0 * (NUMBERS as f64).sqrt() / 2.0,
                "bit {bit}: {ones}"
            );
        }
    });
}

#[test]
fn the_sum_of_all_masked_inputs_is_still_masked() {
    // Pair masks cancel when nobody falls away; what is left on the sum are the clients' own masks.
    let (clients, server) = party::shared(5, |_| false);
    let mut sum = [0u32; party::DIMENSION + 1];
    for (_, message) in party::mask(clients, &server) {
        sum.iter_mut().zip(&message.words).for_each(|(sum, word)| *sum = sum.wrapping_add(*word));
    }
    let plain = party::plain_sum(5, 0..5);
    assert!(sum.iter().zip(&plain).filter(|(masked, plain)| masked == plain).count() < 2);
}
