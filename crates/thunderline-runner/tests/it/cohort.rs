//! The other clients of a masked round, and the server's part in its exchanges.

use std::{collections::HashMap, sync::Arc};

use serde_json::{Value, json};
use thunderline_secagg::{
    Floor, Identity, Mean, Session, Terms,
    client::{Advertised, Consented, Masked, Shared},
    message::{Advertisement, Consent, MaskedInput, Reveal, SealedShares},
    server::{Collecting, Consenting, Enrolling, Sharing, Unmasking},
};

const ROUND: &str = "00000000-0000-0000-0000-000000000001";
const TERMS: Terms = Terms {
    dimension: 0,
    clip: 4.0,
    max_weight: 100,
    min_members: 3,
    max_members: 3,
    corrupt: 200,
    dropouts: 300,
    norm: None,
};

/// Two clients beside the runner, whose training changes nothing and weighs 1.
pub struct Cohort {
    session: Session,
    stage: Stage,
    said: HashMap<String, Vec<u8>>,
    told: HashMap<String, Vec<u8>>,
    /// What all clients' updates lead to, in the end.
    pub mean: Option<Mean>,
}

enum Stage {
    Advertise,
    Share(Sharing, Vec<Advertised>),
    Mask(Collecting, Vec<(u16, Shared)>),
    Consent(Consenting, Vec<Masked>),
    Reveal(Unmasking, Vec<Consented>),
    Over,
}

impl Cohort {
    pub fn new(dimension: usize) -> Self {
        let terms = Terms { dimension: u32::try_from(dimension).unwrap(), ..TERMS };
        let session = Session::new(ROUND.as_bytes(), terms).unwrap();
        let (said, told) = (HashMap::new(), HashMap::new());
        Self { session, stage: Stage::Advertise, said, told, mean: None }
    }

    /// What the task says about it.
    pub fn terms() -> Value {
        json!({
            "round": ROUND, "clip": TERMS.clip, "max_weight": TERMS.max_weight, "min_members": TERMS.min_members,
            "max_members": TERMS.max_members, "corrupt": TERMS.corrupt, "dropouts": TERMS.dropouts,
        })
    }

    /// What the runner is told in answer; empty where it has nothing to ask.
    pub fn told(&self, exchange: &str) -> Vec<u8> {
        self.told.get(exchange).cloned().unwrap_or_default()
    }

    pub fn has_said(&self, exchange: &str) -> bool {
        self.said.contains_key(exchange)
    }

    /// The runner says something; then the others do, and the exchange is over.
    pub fn say(&mut self, exchange: &str, said: &[u8]) {
        if let Some(before) = self.said.insert(exchange.into(), said.to_vec()) {
            return assert!(before == said, "it says something else in '{exchange}'");
        }
        let (stage, told) = match (exchange, std::mem::replace(&mut self.stage, Stage::Over)) {
            ("advertise", Stage::Advertise) => self.enrol(&Advertisement::decode(said).unwrap()),
            ("share", Stage::Share(server, others)) => {
                share(server, others, SealedShares::decode(said).unwrap())
            }
            ("mask", Stage::Mask(server, others)) => {
                mask(server, others, &MaskedInput::decode(said).unwrap(), self.session.terms().dimension)
            }
            ("consent", Stage::Consent(server, others)) => {
                consent(server, others, &Consent::decode(said).unwrap())
            }
            ("reveal", Stage::Reveal(mut server, others)) => {
                let consents = server.consents().clone();
                server.take(Reveal::decode(said).unwrap()).unwrap();
                for other in others {
                    server.take(other.reveal(&consents).unwrap()).unwrap();
                }
                self.mean = Some(server.close(1).unwrap().mean().unwrap());
                (Stage::Over, Vec::new())
            }
            _ => panic!("'{exchange}' is not open"),
        };
        self.stage = stage;
        self.told.insert(exchange.into(), told);
    }

    fn enrol(&self, runner: &Advertisement) -> (Stage, Vec<u8>) {
        let mut server = Enrolling::new(self.session);
        server.take(runner.clone()).unwrap();
        let others = [1, 2].map(|number| {
            let identity = Arc::new(Identity::from_seed(&[number; 32]));
            let other = Advertised::new(&self.session, identity, &[10 + number; 32]);
            server.take(other.advertisement().clone()).unwrap();
            other
        });
        let server = server.close().unwrap();
        let told = server.roster().encode();
        (Stage::Share(server, others.into()), told)
    }
}

fn share(mut server: Sharing, others: Vec<Advertised>, runner: SealedShares) -> (Stage, Vec<u8>) {
    let place = runner.from;
    server.take(runner).unwrap();
    let roster = Arc::clone(server.roster());
    let share = |other: Advertised| {
        let (other, message) = other.share(Arc::clone(&roster), &Floor::default()).unwrap();
        let place = message.from;
        server.take(message).unwrap();
        (place, other)
    };
    let others = others.into_iter().map(share).collect();
    let server = server.close().unwrap();
    let told = server.delivery(place).unwrap().encode();
    (Stage::Mask(server, others), told)
}

fn mask(
    mut server: Collecting,
    others: Vec<(u16, Shared)>,
    runner: &MaskedInput,
    dimension: u32,
) -> (Stage, Vec<u8>) {
    server.take(runner).unwrap();
    let nothing = vec![0.0; dimension as usize];
    let mask = |(place, other): (u16, Shared)| {
        let input = other.quantiser().quantise(&nothing, 1, &[3; 32]).unwrap();
        let (other, message) = other.mask(&server.delivery(place).unwrap(), input).unwrap();
        server.take(&message).unwrap();
        other
    };
    let others = others.into_iter().map(mask).collect();
    let server = server.close().unwrap();
    let told = server.survivors().encode();
    (Stage::Consent(server, others), told)
}

fn consent(mut server: Consenting, others: Vec<Masked>, runner: &Consent) -> (Stage, Vec<u8>) {
    server.take(runner).unwrap();
    let survivors = server.survivors().clone();
    let consent = |other: Masked| {
        let (other, message) = other.consent(&survivors).unwrap();
        server.take(&message).unwrap();
        other
    };
    let others = others.into_iter().map(consent).collect();
    let server = server.close().unwrap();
    let told = server.consents().encode();
    (Stage::Reveal(server, others), told)
}
