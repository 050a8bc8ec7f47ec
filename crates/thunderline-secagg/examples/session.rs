//! One session from end to end with made-up inputs: what each stage costs the server and how many bytes a client sends
//! and gets, as JSON. `bench/secagg/compare.py` sets it beside Flower's functions.
//!
//! ```text
//! session CLIENTS NUMBERS GONE
//! ```
//!
//! GONE clients share and then send no input: the drop-out that costs the server most.

use std::sync::Arc;
use std::{env, fs, thread};

use thunderline_secagg::client::{Advertised, Masked, Shared};
use thunderline_secagg::message::{Delivery, MaskedInput};
use thunderline_secagg::server::Enrolling;
use thunderline_secagg::{Floor, Identity, Roster, Session, Terms};

fn seed(member: usize, what: u8) -> [u8; 32] {
    let mut seed = [what; 32];
    seed[..8].copy_from_slice(&member.to_le_bytes());
    seed
}

/// Seconds that this thread has had a processor.
fn processor_seconds() -> f64 {
    let text = fs::read_to_string("/proc/thread-self/schedstat").expect("Linux tells what a thread has used");
    let nanoseconds: f64 =
        text.split(' ').next().and_then(|text| text.parse().ok()).expect("it begins with a number");
    nanoseconds / 1e9
}

/// Adds what `work` costs this thread to `cost`.
fn timed<T>(cost: &mut f64, work: impl FnOnce() -> T) -> T {
    let before = processor_seconds();
    let result = work();
    *cost += processor_seconds() - before;
    result
}

/// Both processors mask for the clients: theirs is the larger part of the work, and not what is measured.
fn mask_all(batch: Vec<(Shared, Delivery)>, values: &[f32]) -> Vec<(Masked, MaskedInput)> {
    let mask = |(client, delivery): (Shared, Delivery)| {
        let input = client.quantiser().quantise(values, 10, &[3; 32]).expect("it fits");
        client.mask(&delivery, input).expect("it is honest")
    };
    thread::scope(|scope| {
        let workers: Vec<_> = batch.into_iter().map(|one| scope.spawn(move || mask(one))).collect();
        workers.into_iter().map(|worker| worker.join().expect("an honest client does not panic")).collect()
    })
}

fn main() {
    let mut arguments = env::args().skip(1).map(|text| text.parse().expect("a whole number"));
    let mut next = || arguments.next().expect("session CLIENTS NUMBERS GONE");
    let (members, dimension, gone): (usize, usize, usize) = (next(), next(), next());
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
    let mut costs = [0.0; 5];
    let mut up = [0; 5];
    let mut down = [0; 4];

    let made =
        |member| Advertised::new(&session, Arc::new(Identity::from_seed(&seed(member, 1))), &seed(member, 2));
    let mut clients: Vec<_> = (0..members).map(made).collect();
    clients.sort_by_key(|client| client.advertisement().identity);
    let mut server = Enrolling::new(session);
    for client in &clients {
        let message = client.advertisement().clone();
        up[0] = message.encode().len();
        timed(&mut costs[0], || server.take(message)).expect("it is honest");
    }
    let mut server = timed(&mut costs[0], || server.close()).expect("they are enough");
    let roster = Arc::clone(server.roster());
    down[0] = roster.encode().len();
    let mut checking = 0.0;
    timed(&mut checking, || Roster::decode(session, &roster.encode())).expect("it is honest");

    let mut shared = Vec::new();
    let mut sharing = 0.0;
    for client in clients {
        let (client, message) = timed(&mut sharing, || client.share(Arc::clone(&roster), &Floor::default()))
            .expect("it is honest");
        up[1] = message.encode().len();
        timed(&mut costs[1], || server.take(message)).expect("it is honest");
        shared.push(client);
    }
    let mut server = timed(&mut costs[1], || server.close()).expect("all have shared");

    let values: Vec<f32> = (0..dimension).map(|at| (at % 1009) as f32 / 1009.0 - 0.5).collect();
    let mut masked = Vec::new();
    // Those who are gone stand anywhere.
    let stays = |place: usize| place * gone / members == (place + 1) * gone / members;
    let mut left: Vec<_> = (0..).zip(shared).filter(|(place, _)| stays(*place)).collect();
    let survivors = left.len();
    while !left.is_empty() {
        let mut batch = Vec::new();
        for (place, client) in left.drain(..left.len().min(4)) {
            let delivery = timed(&mut costs[1], || server.delivery(place as u16)).expect("it has shared");
            down[1] = delivery.encode().len();
            batch.push((client, delivery));
        }
        for (client, message) in mask_all(batch, &values) {
            up[2] = message.encode().len();
            timed(&mut costs[2], || server.take(&message)).expect("it is honest");
            masked.push(client);
        }
    }
    let mut server = timed(&mut costs[2], || server.close()).expect("they are enough");

    let names = server.survivors().clone();
    down[2] = names.encode().len();
    let mut consented = Vec::new();
    for client in masked {
        let (client, message) = client.consent(&names).expect("it is honest");
        up[3] = message.encode().len();
        timed(&mut costs[3], || server.take(&message)).expect("it is honest");
        consented.push(client);
    }
    let mut server = timed(&mut costs[3], || server.close()).expect("they are enough");

    let consents = server.consents().clone();
    down[3] = consents.encode().len();
    for client in consented {
        let message = client.reveal(&consents).expect("it is honest");
        up[4] = message.encode().len();
        timed(&mut costs[4], || server.take(message)).expect("it is honest");
    }
    let sum = timed(&mut costs[4], || server.close(1)).expect("it is honest");
    let mean = sum.mean().expect("the weights are honest");
    let far = mean.values.iter().zip(&values).map(|(mean, value)| (mean - value).abs()).fold(0.0, f32::max);
    assert!(far < 1e-3, "the mean is {far} away");

    let bounds = roster.bounds();
    println!(
        "{{\"clients\": {members}, \"numbers\": {dimension}, \"survivors\": {survivors}, \"degree\": {}, \
         \"threshold\": {}, \"server_seconds\": {costs:?}, \"bytes_up\": {up:?}, \"bytes_down\": {down:?}, \
         \"client_seconds_roster\": {checking}, \"client_seconds_share\": {}, \"furthest\": {far:e}}}",
        bounds.degree(),
        bounds.threshold,
        sharing / members as f64,
    );
}
