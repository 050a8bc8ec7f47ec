//! What a session costs its server, and the throughput of a mask beside the floor of the same machine: adding words that
//! are there already. Run by hand: `cargo bench -p thunderline-secagg --bench unmask`.

use std::hint::black_box;
use std::sync::Arc;

use divan::{Bencher, counter::BytesCount};
use thunderline_secagg::client::Advertised;
use thunderline_secagg::server::{Enrolling, Unmasking};
use thunderline_secagg::{Bounds, Floor, Identity, Session, Terms};

fn main() {
    divan::main();
}

fn seed(member: usize, what: u8) -> [u8; 32] {
    let mut seed = [what; 32];
    seed[..8].copy_from_slice(&member.to_le_bytes());
    seed
}

/// A server with everything in hand but the last stage, 30 % of its clients having sent no input.
fn ready(members: usize, dimension: usize) -> Unmasking {
    let terms = Terms {
        dimension: dimension as u32,
        clip: 1.0,
        max_weight: 1000,
        min_members: 3,
        max_members: members as u16,
        corrupt: 200,
        dropouts: 300,
    };
    let session = Session::new(b"bench", terms).expect("the terms are possible");
    let mut clients: Vec<_> = (0..members)
        .map(|member| {
            Advertised::new(&session, Arc::new(Identity::from_seed(&seed(member, 1))), &seed(member, 2))
        })
        .collect();
    clients.sort_by_key(|client| client.advertisement().identity);
    let mut server = Enrolling::new(session);
    for client in &clients {
        server.take(client.advertisement().clone()).expect("it is honest");
    }
    let mut server = server.close().expect("they are enough");
    let roster = Arc::clone(server.roster());
    let mut shared = Vec::new();
    for client in clients {
        let (client, message) = client.share(Arc::clone(&roster), &Floor::default()).expect("it is honest");
        server.take(message).expect("it is honest");
        shared.push(client);
    }
    let mut server = server.close().expect("all have shared");
    let values = vec![0.25; dimension];
    let mut masked = Vec::new();
    for (place, client) in shared.into_iter().enumerate() {
        if place % 10 >= 3 || place >= members / 10 * 10 {
            let input = client.quantiser().quantise(&values, 10, &seed(place, 3)).expect("it fits");
            let delivery = server.delivery(place as u16).expect("it has shared");
            let (client, message) = client.mask(&delivery, input).expect("it is honest");
            server.take(&message).expect("it is honest");
            masked.push(client);
        }
    }
    let mut server = server.close().expect("they are enough");
    let survivors = server.survivors().clone();
    let mut consented = Vec::new();
    for client in masked {
        let (client, message) = client.consent(&survivors).expect("it is honest");
        server.take(&message).expect("it is honest");
        consented.push(client);
    }
    let mut server = server.close().expect("they are enough");
    let consents = server.consents().clone();
    for client in consented {
        server.take(client.reveal(&consents).expect("it is honest")).expect("it is honest");
    }
    server
}

#[divan::bench(args = [10_000, 100_000], sample_count = 5, sample_size = 1)]
fn unmask_101_with_30_gone(bencher: Bencher<'_, '_>, dimension: usize) {
    bencher
        .with_inputs(|| ready(101, dimension))
        .bench_local_values(|server| server.close(1).expect("it is honest"));
}

#[divan::bench(args = [101, 1_000, 10_000], sample_count = 3, sample_size = 1)]
fn bounds(members: usize) -> Bounds {
    Bounds::of(black_box(members), 200, 300).expect("it stands")
}

const WORDS: usize = 1_000_000;

#[divan::bench(sample_count = 20, sample_size = 1)]
fn floor_add(bencher: Bencher<'_, '_>) {
    let mask: Vec<u32> = (0..WORDS as u32).collect();
    let mut sum = vec![0u32; WORDS];
    bencher.counter(BytesCount::new(WORDS * 4)).bench_local(|| {
        black_box(&mut sum)
            .iter_mut()
            .zip(black_box(&mask))
            .for_each(|(sum, mask)| *sum = sum.wrapping_add(*mask));
    });
}
