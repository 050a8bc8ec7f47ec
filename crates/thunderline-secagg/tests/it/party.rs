//! A cohort and its server, led from stage to stage.

use std::cell::Cell;
use std::sync::{Arc, LazyLock, Mutex};

use thunderline_secagg::client::{Advertised, Consented, Masked, Shared};
use thunderline_secagg::message::{Advertisement, Consent, MaskedInput, Reveal, SealedShares};
use thunderline_secagg::server::{Collecting, Consenting, Enrolling, Sharing, Sum, Unmasking};
use thunderline_secagg::{Floor, Identity, Refusal, Roster, Session, Terms};

pub const DIMENSION: usize = 33;

thread_local! {
    static TERMS: Cell<Terms> = const { Cell::new(USUAL) };
}

/// The terms of this test.
pub fn terms() -> Terms {
    TERMS.get()
}

/// Runs a part of this test under other terms.
pub fn with_terms<T>(terms: Terms, run: impl FnOnce() -> T) -> T {
    let before = TERMS.replace(terms);
    let result = run();
    TERMS.set(before);
    result
}

const USUAL: Terms = Terms {
    dimension: DIMENSION as u32,
    clip: 1.0,
    max_weight: 1000,
    min_members: 3,
    max_members: 2000,
    corrupt: 200,
    dropouts: 300,
    norm: None,
};

pub fn session() -> Session {
    Session::new(b"federation 1, round 1, attempt 1", terms()).expect("the terms are possible")
}

pub fn seed(member: usize, what: u8) -> [u8; 32] {
    let mut seed = [what; 32];
    seed[..8].copy_from_slice(&member.to_le_bytes());
    seed
}

/// Identities are the same for every cohort; the key of a number is made once.
pub fn identity(member: usize) -> Arc<Identity> {
    static MADE: LazyLock<Mutex<Vec<Arc<Identity>>>> = LazyLock::new(Mutex::default);
    let mut made = MADE.lock().expect("nobody panics here");
    while made.len() <= member {
        let next = Arc::new(Identity::from_seed(&seed(made.len(), 1)));
        made.push(next);
    }
    Arc::clone(&made[member])
}

pub fn client(session: &Session, member: usize) -> Advertised {
    Advertised::new(session, identity(member), &seed(member, 2))
}

/// A member's input, by its place in the roster.
pub fn input(place: usize) -> (Vec<f32>, u32) {
    let values = (0..DIMENSION).map(|at| ((place * 31 + at * 7) % 41) as f32 / 20.0 - 1.0).collect();
    (values, (1 + (place as u32 * 37) % 1000).min(terms().max_weight))
}

pub type Shareds = Vec<(Shared, SealedShares)>;
pub type Maskeds = Vec<(Masked, MaskedInput)>;
pub type Consenteds = Vec<(Consented, Consent)>;

/// Clients and server once the roster is there.
pub fn enrolled(members: usize) -> (Vec<Advertised>, Sharing) {
    let session = session();
    let mut clients: Vec<_> = (0..members).map(|member| client(&session, member)).collect();
    let mut server = Enrolling::new(session);
    for client in &clients {
        server.take(client.advertisement().clone()).expect("it is an honest client");
    }
    clients.sort_by_key(|client| client.advertisement().identity);
    (clients, server.close().expect("they are enough"))
}

pub fn share(clients: Vec<Advertised>, roster: &Arc<Roster>) -> Shareds {
    let share = |client: Advertised| client.share(Arc::clone(roster), &Floor::default());
    clients.into_iter().map(|client| share(client).expect("the roster is honest")).collect()
}

/// Clients and server once all but some have shared.
pub fn shared(members: usize, gone: impl Fn(u16) -> bool) -> (Vec<Shared>, Collecting) {
    let (clients, mut server) = enrolled(members);
    let mut left = Vec::new();
    for (client, message) in share(clients, &Arc::clone(server.roster())) {
        if !gone(message.from) {
            server.take(message).expect("it is an honest client");
            left.push(client);
        }
    }
    (left, server.close().expect("they are enough"))
}

/// The levels of a member's input.
pub fn levels(client: &Shared, place: usize) -> thunderline_secagg::Quantised {
    let (values, weight) = input(place);
    client.quantiser().quantise(&values, weight, &seed(place, 3)).expect("it fits")
}

pub fn mask(clients: Vec<Shared>, server: &Collecting) -> Maskeds {
    let places = server.sharers().to_vec();
    let mask = |(client, place): (Shared, u16)| {
        let input = levels(&client, usize::from(place));
        client.mask(&server.delivery(place).expect("it has shared"), input).expect("the server is honest")
    };
    clients.into_iter().zip(places).map(mask).collect()
}

/// Clients and server once all but some of those who have shared have sent their inputs.
pub fn masked(
    members: usize,
    unshared: impl Fn(u16) -> bool,
    gone: impl Fn(u16) -> bool,
) -> (Vec<Masked>, Consenting) {
    let (clients, mut server) = shared(members, unshared);
    let mut left = Vec::new();
    for (client, message) in mask(clients, &server) {
        if !gone(message.from) {
            server.take(&message).expect("it is an honest client");
            left.push(client);
        }
    }
    (left, server.close().expect("they are enough"))
}

pub fn consent(clients: Vec<Masked>, server: &Consenting) -> Consenteds {
    let survivors = server.survivors().clone();
    clients.into_iter().map(|client| client.consent(&survivors).expect("the server is honest")).collect()
}

/// Clients and server once the survivors have consented.
pub fn consented(
    members: usize,
    unshared: impl Fn(u16) -> bool,
    gone: impl Fn(u16) -> bool,
) -> (Vec<Consented>, Unmasking) {
    let (clients, mut server) = masked(members, unshared, gone);
    let mut left = Vec::new();
    for (client, message) in consent(clients, &server) {
        server.take(&message).expect("it is an honest client");
        left.push(client);
    }
    (left, server.close().expect("they are enough"))
}

pub fn reveals(clients: Vec<Consented>, server: &Unmasking) -> Vec<Reveal> {
    let consents = server.consents().clone();
    clients.into_iter().map(|client| client.reveal(&consents).expect("the server is honest")).collect()
}

/// The last stage at which a member is still there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Last {
    Advertises,
    Shares,
    Masks,
    Consents,
    Reveals,
}

/// Runs a whole session in which each member is there up to a stage.
pub fn run(members: usize, last: impl Fn(u16) -> Last) -> Result<Sum, Refusal> {
    let (clients, mut server) = enrolled(members);
    let roster = Arc::clone(server.roster());
    let mut left = Vec::new();
    for (client, message) in share(clients, &roster) {
        if last(message.from) >= Last::Shares {
            left.push(client);
            server.take(message)?;
        }
    }
    let mut server = server.close()?;
    let mut masked = Vec::new();
    let sharers = server.sharers().to_vec();
    for (client, place) in left.into_iter().zip(sharers) {
        if last(place) >= Last::Masks {
            let input = levels(&client, usize::from(place));
            let (client, message) = client.mask(&server.delivery(place)?, input)?;
            server.take(&message)?;
            masked.push((client, place));
        }
    }
    let mut server = server.close()?;
    let mut consented = Vec::new();
    let survivors = server.survivors().clone();
    for (client, place) in masked {
        if last(place) >= Last::Consents {
            let (client, message) = client.consent(&survivors)?;
            server.take(&message)?;
            consented.push((client, place));
        }
    }
    let mut server = server.close()?;
    let consents = server.consents().clone();
    for (client, place) in consented {
        if last(place) >= Last::Reveals {
            server.take(client.reveal(&consents)?)?;
        }
    }
    server.close(2)
}

/// The sum of the levels of these members, without any protocol.
pub fn plain_sum(members: usize, places: impl IntoIterator<Item = u16>) -> Vec<u32> {
    let (clients, server) = enrolled(members);
    drop(clients);
    let quantiser = server.roster().quantiser();
    let mut sum = vec![0u32; DIMENSION + 1];
    for place in places {
        let (values, weight) = input(usize::from(place));
        let input = quantiser.quantise(&values, weight, &seed(usize::from(place), 3)).expect("it fits");
        for (sum, word) in sum.iter_mut().zip(input.words()) {
            *sum = sum.checked_add(*word).expect("levels never pass the modulus");
        }
    }
    sum
}

/// An advertisement that somebody else signs anew.
pub fn resigned(session: &Session, member: usize) -> Advertisement {
    Advertised::new(session, identity(member), &seed(member, 9)).advertisement().clone()
}

/// The roster of the first members.
pub fn roster_of(session: Session, members: usize) -> Result<Roster, Refusal> {
    let mut members: Vec<_> =
        (0..members).map(|member| client(&session, member).advertisement().clone()).collect();
    members.sort_by_key(|member| member.identity);
    Roster::new(session, members)
}

/// Members that stand side by side on the ring, found by how much their neighbourhoods have in common.
pub fn stretch(roster: &Roster, length: usize) -> Vec<u16> {
    let around = |member: u16| {
        let mut around = roster.neighbours(member);
        around.push(member);
        around
    };
    let mut stretch = vec![0u16];
    while stretch.len() < length {
        let last = around(*stretch.last().expect("it begins with one"));
        let others = last.iter().filter(|other| !stretch.contains(other));
        let common = |other: &u16| around(*other).iter().filter(|member| last.contains(member)).count();
        stretch.push(*others.max_by_key(|other| common(other)).expect("a ring has no end"));
    }
    stretch
}

/// A cohort on a ring whose server drops members side by side, no more of them than may fall away.
pub fn on_a_thin_ring(judge: impl FnOnce(&Roster, &[u16])) {
    with_terms(Terms { corrupt: 10, dropouts: 100, ..terms() }, || {
        let (_, server) = enrolled(120);
        let roster = server.roster();
        let bounds = roster.bounds();
        let gone = bounds.reach.expect("they are not all neighbours") + 1 - bounds.least;
        assert!(gone <= bounds.dropouts, "{bounds:?} cannot be thinned");
        judge(roster, &stretch(roster, gone));
    });
}
