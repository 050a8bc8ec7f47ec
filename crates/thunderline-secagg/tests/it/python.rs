//! Clients in Python say what clients in Rust say, to the byte, and refuse what they refuse.
//!
//! Each client here has a twin in `tests/peers/secagg.py`, made from the same seeds.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::Arc;

use thunderline_secagg::client::Advertised;
use thunderline_secagg::message::{Advertisement, Consents, Delivery, Survivor, Survivors};
use thunderline_secagg::{Bounds, Floor, Refusal, Roster, Session, Terms};

use crate::{party, peer::peer};

/// What a party says, or why it refuses.
type Said = Result<Vec<u8>, String>;

struct Python {
    process: Child,
    answers: BufReader<ChildStdout>,
}

impl Python {
    /// `None` where these tests are left out.
    fn start() -> Option<RefCell<Self>> {
        let folder = peer("THUNDERLINE_FLWR_142")?;
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/peers/secagg.py");
        let mut command = Command::new(folder.join("python"));
        command.arg(script).stdin(Stdio::piped()).stdout(Stdio::piped());
        command.env("OMP_NUM_THREADS", "1").env("PYTHONDONTWRITEBYTECODE", "1");
        let mut process = command.spawn().expect("Python can be started");
        let answers = BufReader::new(process.stdout.take().expect("its output is piped"));
        Some(RefCell::new(Self { process, answers }))
    }

    fn ask(&mut self, line: &str) -> Said {
        let input = self.process.stdin.as_mut().expect("its input is piped");
        writeln!(input, "{line}").expect("it reads");
        let mut answer = String::new();
        self.answers.read_line(&mut answer).expect("it answers");
        match answer.trim_end().split_once(' ') {
            Some(("ok", bytes)) => Ok(unhex(bytes)),
            Some(("no", reason)) => Err(reason.to_owned()),
            _ => panic!("'{answer}' is no answer to '{line}'"),
        }
    }

    fn open(&mut self) {
        let terms = party::terms();
        let context = hex(b"federation 1, round 1, attempt 1");
        let numbers = [terms.min_members, terms.max_members, terms.corrupt, terms.dropouts];
        let numbers = numbers.map(|number| number.to_string()).join(" ");
        let Terms { dimension, clip, max_weight, .. } = terms;
        let norm = terms.norm.map_or("-".into(), |norm| norm.to_string());
        let line = format!("session {context} {norm} {dimension} {clip} {max_weight} {numbers}");
        assert_eq!(self.ask(&line), Ok(party::session().id().to_vec()));
    }

    fn advertise(&mut self, member: usize) -> Said {
        let (identity, seed) = (hex(&party::seed(member, 1)), hex(&party::seed(member, 2)));
        self.ask(&format!("new {member} {identity} {seed}"))
    }

    fn share(&mut self, member: usize, roster: &[u8], floor: &Floor) -> Said {
        let trusted = floor.trusted.as_ref().map(|all| all.iter().map(|one| hex(one)).collect::<Vec<_>>());
        let trusted = trusted.map_or("-".into(), |all| all.join(","));
        let (members, corrupt) = (floor.members, floor.corrupt);
        self.ask(&format!("share {member} {} {members} {corrupt} {trusted}", hex(roster)))
    }

    fn mask(&mut self, member: usize, place: u16, delivery: &[u8]) -> Said {
        let (values, weight) = party::input(usize::from(place));
        let values: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        let seed = hex(&party::seed(usize::from(place), 3));
        self.ask(&format!("mask {member} {} {} {weight} {seed}", hex(delivery), hex(&values)))
    }

    fn consent(&mut self, member: usize, survivors: &[u8]) -> Said {
        self.ask(&format!("consent {member} {}", hex(survivors)))
    }

    fn reveal(&mut self, member: usize, consents: &[u8]) -> Said {
        self.ask(&format!("reveal {member} {}", hex(consents)))
    }

    /// The member with this place in the roster, brought to where it has shared.
    fn sharing(&mut self, members: usize, place: u16) -> usize {
        let (clients, server) = party::enrolled(members);
        let member = number(&clients[usize::from(place)], members);
        self.advertise(member).expect("it has just begun");
        self.share(member, &server.roster().encode(), &Floor::default()).expect("the roster is honest");
        member
    }
}

impl Drop for Python {
    fn drop(&mut self) {
        drop(self.process.stdin.take());
        self.process.wait().expect("it ends with its input");
    }
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a string takes everything");
        text
    })
}

fn unhex(text: &str) -> Vec<u8> {
    let digits = text.as_bytes().as_chunks::<2>().0;
    let byte = |pair: &[u8; 2]| u8::from_str_radix(std::str::from_utf8(pair).expect("it is ASCII"), 16);
    digits.iter().map(|pair| byte(pair).expect("it is hexadecimal")).collect()
}

/// The number that a client's seeds were made from.
fn number(client: &Advertised, members: usize) -> usize {
    let identity = client.advertisement().identity;
    (0..members).find(|&number| party::identity(number).public() == identity).expect("it is one of them")
}

/// Every client, or as many as `twins`, has a twin in Python that says the same at each stage.
fn transcript(python: &mut Python, members: usize, twins: usize, gone: impl Fn(u16) -> bool) {
    python.open();
    let (clients, mut server) = party::enrolled(members);
    let roster = server.roster().encode();
    let mut numbers = Vec::new();
    for client in clients.iter().take(twins) {
        let number = number(client, members);
        assert_eq!(python.advertise(number), Ok(client.advertisement().encode()));
        numbers.push(number);
    }
    let twin = |place: u16| numbers.get(usize::from(place)).copied();
    let mut shared = Vec::new();
    for (client, message) in party::share(clients, &Arc::clone(server.roster())) {
        if let Some(number) = twin(message.from) {
            assert_eq!(python.share(number, &roster, &Floor::default()), Ok(message.encode()));
        }
        server.take(message).expect("it is honest");
        shared.push(client);
    }
    let mut server = server.close().expect("all have shared");
    let mut masked = Vec::new();
    for (client, message) in party::mask(shared, &server) {
        let place = message.from;
        if let Some(number) = twin(place) {
            let delivery = server.delivery(place).expect("it has shared").encode();
            assert_eq!(python.mask(number, place, &delivery), Ok(message.encode()));
        }
        if !gone(place) {
            server.take(&message).expect("it is honest");
            masked.push((place, client));
        }
    }
    let mut server = server.close().expect("they are enough");
    let survivors = server.survivors().encode();
    let mut consented = Vec::new();
    for (place, client) in masked {
        let (client, message) = client.consent(server.survivors()).expect("it is honest");
        if let Some(number) = twin(place) {
            assert_eq!(python.consent(number, &survivors), Ok(message.encode()));
        }
        server.take(&message).expect("it is honest");
        consented.push((place, client));
    }
    let server = server.close().expect("they are enough");
    let consents = server.consents().encode();
    for (place, client) in consented {
        let message = client.reveal(server.consents()).expect("it is honest");
        if let Some(number) = twin(place) {
            assert_eq!(python.reveal(number, &consents), Ok(message.encode()));
        }
    }
}

#[test]
fn a_client_in_python_says_the_same_bytes_at_every_stage() {
    let Some(python) = Python::start() else { return };
    let mut python = python.borrow_mut();
    transcript(&mut python, 7, 7, |place| place == 3);
    // On a ring, where not all are neighbours.
    let ring = Terms { corrupt: 10, dropouts: 100, ..party::terms() };
    party::with_terms(ring, || transcript(&mut python, 120, 2, |place| place == 60));
    // Shortened to a norm; what is short enough is left as it is.
    for norm in [0.5, 1e3] {
        let private = Terms { max_weight: 1, norm: Some(norm), ..party::terms() };
        party::with_terms(private, || transcript(&mut python, 5, 5, |_| false));
    }
}

#[test]
fn bounds_are_the_same_in_python() {
    let Some(python) = Python::start() else { return };
    let mut python = python.borrow_mut();
    let sizes = (3..40).chain((40..400).step_by(31)).chain((400..4_000).step_by(907));
    for (members, (corrupt, dropouts)) in sizes
        .flat_map(|members| [(200, 300), (10, 100), (330, 300), (50, 450)].map(|shares| (members, shares)))
    {
        let ours = Bounds::of(members, corrupt, dropouts).map_err(|why| why.to_string()).map(|found| {
            let Bounds { members, corrupt, dropouts, quorum, reach, least, threshold } = found;
            let reach = reach.map_or("None".into(), |reach| reach.to_string());
            format!("{members} {corrupt} {dropouts} {quorum} {reach} {least} {threshold}").into_bytes()
        });
        assert_eq!(python.ask(&format!("bounds {members} {corrupt} {dropouts}")), ours);
    }
}

/// What the first client on the honest roster of five says to these bytes, and what its twin does.
fn both_judge(python: &mut Python, roster: &[u8], floor: &Floor) -> (Said, Said) {
    let (mut clients, _) = party::enrolled(5);
    let client = clients.remove(0);
    let member = number(&client, 5);
    python.advertise(member).expect("it has just begun");
    let ours = Roster::decode(party::session(), roster)
        .and_then(|roster| client.share(Arc::new(roster), floor))
        .map(|(_, message)| message.encode());
    (python.share(member, roster, floor), ours.map_err(|why| why.to_string()))
}

#[test]
fn rosters_that_a_client_in_rust_refuses_are_refused_in_python() {
    let Some(python) = Python::start() else { return };
    let mut python = python.borrow_mut();
    python.open();
    let (_, server) = party::enrolled(5);
    let honest = server.roster().encode();
    let mut refused = BTreeSet::new();
    let mut same = |roster: &[u8], floor: &Floor| {
        let (theirs, ours) = both_judge(&mut python, roster, floor);
        assert_eq!(theirs, ours);
        refused.extend(ours.err());
    };
    let none = Floor::default();
    same(&honest, &none);

    // Members are 192 bytes: identity, seal key, mask key, commitment, signature.
    const HEAD: usize = 6 + 32 + 2;
    let changed = |change: &dyn Fn(&mut Vec<Vec<u8>>)| {
        let mut members: Vec<_> =
            honest[HEAD..].as_chunks::<192>().0.iter().map(|one| one.to_vec()).collect();
        change(&mut members);
        let mut roster = honest[..HEAD - 2].to_vec();
        roster.extend(u16::try_from(members.len()).expect("they are few").to_le_bytes());
        roster.extend(members.concat());
        roster
    };
    for place in [32, 64, 96, 128] {
        same(&changed(&|members| members[2][place] ^= 1), &none);
    }
    same(&changed(&|members| members[2] = members[1].clone()), &none);
    same(&changed(&|members| members.swap(1, 2)), &none);
    same(&changed(&|members| members[2].copy_within(32..64, 64)), &none);
    same(&changed(&|members| members.truncate(2)), &none);
    same(&changed(&|members| drop(members.remove(0))), &none);
    for at in [0, 4, 5, 6] {
        let mut bytes = honest.clone();
        bytes[at] ^= 0x40;
        same(&bytes, &none);
    }
    same(&honest[..honest.len() - 1], &none);
    same(&[&honest[..], &[0]].concat(), &none);

    // Everybody signed, but not what is needed.
    let resigned = |keep: usize| {
        let session = party::session();
        let mut members: Vec<Advertisement> = (0..5)
            .map(|member| {
                if member == keep {
                    party::resigned(&session, member)
                } else {
                    party::client(&session, member).advertisement().clone()
                }
            })
            .collect();
        members.sort_by_key(|member| member.identity);
        Roster::new(session, members).expect("everybody signed").encode()
    };
    let first = number(&party::enrolled(5).0[0], 5);
    same(&resigned(first), &none);
    let other = Session::new(b"another round", party::terms()).expect("the terms are possible");
    same(&party::roster_of(other, 5).expect("everybody signed").encode(), &none);

    same(&honest, &Floor { members: 6, ..Floor::default() });
    same(&honest, &Floor { corrupt: 201, ..Floor::default() });
    let known: BTreeSet<_> = (0..4).map(|member| party::identity(member).public()).collect();
    let all = known.iter().copied().chain([party::identity(4).public()]).collect();
    same(&honest, &Floor { trusted: Some(known), ..Floor::default() });
    same(&honest, &Floor { members: 5, corrupt: 200, trusted: Some(all) });
    assert!(refused.len() >= 14, "{refused:#?}");
}

#[test]
fn deliveries_that_a_client_in_rust_refuses_are_refused_in_python() {
    let Some(python) = Python::start() else { return };
    let mut python = python.borrow_mut();
    python.open();
    let member = python.sharing(5, 0);
    let mut same = |change: &dyn Fn(&mut Delivery), refused: bool| {
        let (mut clients, server) = party::shared(5, |place| place == 4);
        let mut delivery = server.delivery(0).expect("it has shared");
        change(&mut delivery);
        let client = clients.remove(0);
        let input = party::levels(&client, 0);
        let delivery = delivery.encode();
        let ours = Delivery::decode(&delivery)
            .and_then(|delivery| client.mask(&delivery, input))
            .map(|(_, message)| message.encode());
        assert_eq!(ours.is_err(), refused, "{ours:?}");
        assert_eq!(python.mask(member, 0, &delivery), ours.map_err(|why| why.to_string()));
    };
    let somebody_elses = party::shared(5, |_| false).1.delivery(1).expect("it has shared");
    same(&|m| m.roster[0] ^= 1, true);
    same(&|m| m.sealed[1].1[3] ^= 1, true);
    same(&|m| m.sealed[1].1 = somebody_elses.sealed[1].1, true);
    same(&|m| m.sealed.truncate(2), true);
    same(&|m| m.sharers.truncate(3), true);
    same(&|m| m.sharers = vec![1, 2, 3, 4], true);
    same(&|m| m.sharers.push(5), true);
    same(&|m| m.sharers[1] = m.sharers[0], true);
    same(&|m| m.sharers.push(4), true);
    same(&|_| (), false);
}

#[test]
fn survivors_and_consents_that_a_client_in_rust_refuses_are_refused_in_python() {
    let Some(python) = Python::start() else { return };
    let mut python = python.borrow_mut();
    python.open();
    let member = python.sharing(10, 0);
    let (_, collecting) = party::shared(10, |place| place == 9);
    let delivery = collecting.delivery(0).expect("it has shared").encode();
    python.mask(member, 0, &delivery).expect("it is honest");
    let gone = (|place| place == 9, |place| place == 8);
    let mut same = |change: &dyn Fn(&mut Survivors), refused: bool| {
        let (mut clients, server) = party::masked(10, gone.0, gone.1);
        let mut survivors = server.survivors().clone();
        change(&mut survivors);
        let survivors = survivors.encode();
        let ours = Survivors::decode(&survivors)
            .and_then(|survivors| clients.remove(0).consent(&survivors))
            .map(|(_, consent)| consent.encode());
        assert_eq!(ours.is_err(), refused, "{ours:?}");
        assert_eq!(python.consent(member, &survivors), ours.map_err(|why| why.to_string()));
    };
    same(&|m| m.roster[0] ^= 1, true);
    same(&|m| m.survivors[3].signature[0] ^= 1, true);
    same(&|m| m.survivors[3].words[0] ^= 1, true);
    same(&|m| m.survivors.retain(|theirs| theirs.member != 0), true);
    same(&|m| m.survivors.truncate(6), true);
    same(&|m| m.survivors[7].member = 8, true);
    same(&|m| m.survivors[7].member = 9, true);
    same(&|m| m.survivors.swap(1, 2), true);
    same(&|_| (), false);

    let mut same = |change: &dyn Fn(&mut Consents), refused: bool| {
        let (mut clients, server) = party::consented(10, gone.0, gone.1);
        let mut consents = server.consents().clone();
        change(&mut consents);
        let consents = consents.encode();
        let ours = Consents::decode(&consents)
            .and_then(|consents| clients.remove(0).reveal(&consents))
            .map(|reveal| reveal.encode());
        assert_eq!(ours.is_err(), refused, "{ours:?}");
        assert_eq!(python.reveal(member, &consents), ours.map_err(|why| why.to_string()));
    };
    same(&|m| m.roster[0] ^= 1, true);
    same(&|m| m.signatures[2].1[0] ^= 1, true);
    same(&|m| m.signatures.truncate(6), true);
    same(&|m| m.signatures[7].0 = 8, true);
    same(&|_| (), false);
}

#[test]
fn an_input_is_masked_among_thin_sharers_by_neither() {
    let Some(python) = Python::start() else { return };
    let mut python = python.borrow_mut();
    party::with_terms(Terms { corrupt: 10, dropouts: 100, ..party::terms() }, || {
        python.open();
        let (_, server) = party::enrolled(120);
        let bounds = *server.roster().bounds();
        let gone = party::stretch(
            server.roster(),
            bounds.reach.expect("they are not all neighbours") + 1 - bounds.least,
        );
        let (mut clients, server) = party::shared(120, |_| false);
        let place = (0..120).find(|place| !gone.contains(place)).expect("most are left");
        let member = python.sharing(120, place);
        let mut delivery = server.delivery(place).expect("it has shared");
        delivery.sharers.retain(|sharer| !gone.contains(sharer));
        delivery.sealed.retain(|(from, _)| !gone.contains(from));
        let client = clients.remove(usize::from(place));
        let input = party::levels(&client, usize::from(place));
        let ours =
            client.mask(&delivery, input).map(|(_, message)| message.encode()).map_err(|why| why.to_string());
        assert!(ours.as_ref().is_err_and(|why| why.contains("stretch")), "{ours:?}");
        assert_eq!(python.mask(member, place, &delivery.encode()), ours);
    });
}

#[test]
fn survivors_that_are_thin_in_one_stretch_are_signed_by_neither() {
    let Some(python) = Python::start() else { return };
    let mut python = python.borrow_mut();
    party::on_a_thin_ring(|roster, gone| {
        python.open();
        let (clients, server) = party::shared(120, |_| false);
        let place = (0..120).find(|place| !gone.contains(place)).expect("most are left");
        let member = python.sharing(120, place);
        let delivery = server.delivery(place).expect("it has shared").encode();
        python.mask(member, place, &delivery).expect("it is honest");
        let (mut left, mut survivors) = (Vec::new(), Vec::new());
        for (client, message) in party::mask(clients, &server) {
            if !gone.contains(&message.from) {
                let words = message.digest();
                survivors.push(Survivor { member: message.from, words, signature: message.signature });
                left.push(client);
            }
        }
        let survivors = Survivors { roster: *roster.digest(), survivors };
        let ours = left.remove(0).consent(&survivors).map(|(_, consent)| consent.encode());
        assert!(matches!(ours, Err(Refusal::Thin { .. })), "{ours:?}");
        assert_eq!(python.consent(member, &survivors.encode()), ours.map_err(|why| why.to_string()));
    });
}
