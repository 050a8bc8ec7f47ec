//! Secure aggregation in messages, as Flower's clients take part in it.

use std::{path::Path, sync::Arc};

use bytes::Bytes;
use federation::{
    Federation,
    actions::{claim_lease, read},
    masked::{KEY, Terms},
    plan::MAX_DELIVERIES,
    state::FederationState,
};
use thunderline_contracts::federation::{ClientDropped, UpdateRefused};
use thunderline_core::{Result, SignedDuration};
use thunderline_flower::{
    Kind,
    record::{self, Config, ConfigValue},
};
use thunderline_numerics::{ArraySpec, DType, ModelSchema};
use thunderline_secagg::{
    Floor, Identity, Roster, Session,
    client::{Advertised, Consented, Masked, Shared},
    message::{Consents, Delivery, Survivors},
};
use thunderline_testkit::{TestDb, both};

use crate::{
    client::{Client, Reply, Task, Transport},
    edge::{Edge, START},
    stream::{append, files, piece},
};

const SECURE: &str = "secure_agg: {clip: 1}\nround: {deadline: 800}\n";

/// What a client's mod keeps between two messages.
enum Stage {
    Begin,
    Advertised(Box<Advertised>, Session),
    Shared(Shared),
    Masked(Masked),
    Consented(Consented),
    Over,
}

/// A node whose app has the mod.
struct Site {
    client: Client,
    number: u8,
    stage: Stage,
}

impl Site {
    fn change(&self) -> [f32; 4] {
        [0.1, -0.2, 0.3, 0.4].map(|number: f32| number * f32::from(self.number))
    }

    fn weight(&self) -> u32 {
        u32::from(self.number) * 3
    }

    /// What the mod says to a message.
    fn said(&mut self, task: &Task) -> Vec<u8> {
        let asked = asked(task);
        let told = match value(&asked, "told") {
            Some(ConfigValue::Bytes(told)) => told.to_vec(),
            _ => Vec::new(),
        };
        let honest = "the server is honest";
        let (stage, said) = match std::mem::replace(&mut self.stage, Stage::Over) {
            Stage::Begin => {
                let session = session(&asked);
                let identity = Arc::new(Identity::from_seed(&[self.number; 32]));
                let client = Advertised::new(&session, identity, &[100 + self.number; 32]);
                let said = client.advertisement().encode();
                (Stage::Advertised(Box::new(client), session), said)
            }
            Stage::Advertised(client, session) => {
                let roster = Arc::new(Roster::decode(session, &told).expect(honest));
                let (client, shares) = client.share(roster, &Floor::default()).expect(honest);
                (Stage::Shared(client), shares.encode())
            }
            Stage::Shared(client) => {
                let input =
                    client.quantiser().quantise(&self.change(), self.weight(), &[5; 32]).expect("it fits");
                let (client, input) =
                    client.mask(&Delivery::decode(&told).expect(honest), input).expect(honest);
                (Stage::Masked(client), input.encode())
            }
            Stage::Masked(client) => {
                let (client, consent) =
                    client.consent(&Survivors::decode(&told).expect(honest)).expect(honest);
                (Stage::Consented(client), consent.encode())
            }
            Stage::Consented(client) => {
                (Stage::Over, client.reveal(&Consents::decode(&told).expect(honest)).expect(honest).encode())
            }
            Stage::Over => panic!("the client has said everything"),
        };
        self.stage = stage;
        said
    }

    /// Pulls the exchange that is open, and answers it in pieces of so many bytes.
    async fn speak(&mut self, edge: &Edge, piece: usize) -> Result<Task> {
        let task = self.client.task(edge).await.expect("it may pull").expect("it is its turn");
        let said = self.said(&task);
        let said = reply(&self.client, &task, &said, piece);
        self.client.answer(edge, &said).await.expect("it is taken");
        Ok(task)
    }
}

pub fn asked(task: &Task) -> Config {
    let records = task.objects.iter().filter(|object| object.kind == Kind::ConfigRecord);
    let mut records = records.map(|object| record::config_from_object(object).expect("it is one"));
    records.find(|config| value(config, "exchange").is_some()).expect("the message is of an exchange")
}

pub fn value<'a>(config: &'a Config, key: &str) -> Option<&'a ConfigValue> {
    config.iter().find(|(known, _)| known == key).map(|(_, value)| value)
}

fn session(asked: &Config) -> Session {
    let Some(ConfigValue::Text(terms)) = value(asked, "terms") else { panic!("there are terms") };
    assert_eq!(value(asked, "dimension"), Some(&ConfigValue::Int(4)));
    let terms: Terms = serde_json::from_str(terms).expect("terms are JSON");
    let schema = ModelSchema::new(vec![ArraySpec::new("w", DType::F32, &[2, 2])]);
    terms.session(&schema.expect("it is a model")).expect("the terms are possible")
}

pub fn reply(client: &Client, task: &Task, said: &[u8], piece: usize) -> Reply {
    let exchange = value(&asked(task), "exchange").expect("there is one").clone();
    let records: Vec<_> = (0..)
        .zip(said.chunks(piece))
        .map(|(number, piece)| {
            let said = ("said".to_owned(), ConfigValue::Bytes(Bytes::copy_from_slice(piece)));
            match number {
                0 => (KEY.to_owned(), vec![("exchange".to_owned(), exchange.clone()), said]),
                _ => (format!("{KEY}.{number}"), vec![said]),
            }
        })
        .collect();
    client.records(task, &records)
}

/// A masked round of four nodes has begun.
async fn begun(edge: &Edge) -> Result<(Federation, Vec<Site>)> {
    let mut sites = Vec::new();
    for (number, transport) in (1..).zip([Transport::Http, Transport::Grpc, Transport::Http, Transport::Http])
    {
        let client = Client::new(transport);
        client.join(edge).await.expect("it may join");
        sites.push(Site { client, number, stage: Stage::Begin });
    }
    edge.relay().await?;
    Ok((edge.federation(4, SECURE).await?, sites))
}

/// Every site goes through the exchange that is open, and it is closed.
async fn exchange(edge: &Edge, federation: &Federation, sites: &mut [Site]) -> Result<Vec<Task>> {
    let mut tasks = Vec::new();
    for site in sites {
        tasks.push(site.speak(edge, 100).await?);
    }
    edge.drive(federation).await?;
    Ok(tasks)
}

/// The model is what these sites' weighted mean leads to.
async fn is_mean(edge: &Edge, federation: &Federation, sites: &[Site]) -> Result<()> {
    assert_eq!(edge.get(federation).await?.state, FederationState::Completed);
    let total: u32 = sites.iter().map(Site::weight).sum();
    for (at, (found, start)) in edge.model_of(federation).await?.into_iter().zip(START).enumerate() {
        let sum: f32 =
            sites.iter().map(|site| site.change()[at].clamp(-1.0, 1.0) * site.weight() as f32).sum();
        assert!((found - start - sum / total as f32).abs() < 1e-4, "{at}: {found}");
    }
    Ok(())
}

/// How many files below the folder contain these bytes.
fn holding(folder: &Path, bytes: &[u8]) -> usize {
    let entries = std::fs::read_dir(folder).expect("it is a folder");
    entries
        .map(|entry| {
            let path = entry.expect("it can be listed").path();
            if path.is_dir() {
                return holding(&path, bytes);
            }
            let content = std::fs::read(&path).expect("it can be read");
            usize::from(content.windows(bytes.len()).any(|found| found == bytes))
        })
        .sum()
}

async fn reasons(edge: &Edge) -> Vec<String> {
    edge.t.events_of::<ClientDropped>().await.into_iter().map(|event| event.reason).collect()
}

both!(a_masked_round_goes_in_five_messages_of_which_one_has_the_model, async |t: TestDb| {
    let mut edge = Edge::new(t)?;
    let (federation, mut sites) = begun(&edge).await?;
    for number in 0..5 {
        // Whatever was remembered is forgotten between two exchanges.
        edge.restart()?;
        let tasks = exchange(&edge, &federation, &mut sites).await?;
        for task in tasks {
            assert_eq!(task.metadata().message_type, "train");
            let arrays = task.objects.iter().filter(|object| object.kind == Kind::ArrayRecord).count();
            assert_eq!(arrays, usize::from(number == 2), "exchange {number}");
        }
        // What was said lies there once, and its pieces do not.
        let files = files(&edge.domain.objects.root().join("rounds"));
        let pieces = files.iter().filter(|path| !path.parent().is_some_and(|area| area.ends_with("masked")));
        assert_eq!(pieces.count(), 0, "exchange {number}: {files:?}");
    }
    is_mean(&edge, &federation, &sites).await?;
    for site in &sites {
        assert!(site.client.task(&edge).await.unwrap().is_none());
    }
});

both!(a_client_waits_while_others_speak_and_a_lost_message_comes_again, async |t: TestDb| {
    let mut edge = Edge::new(t)?;
    let (federation, mut sites) = begun(&edge).await?;
    let lost = sites[0].client.task(&edge).await.unwrap().unwrap();
    let task = sites[0].speak(&edge, 1000).await?;
    assert_eq!(lost.id(), task.id());
    assert!(sites[0].client.task(&edge).await.unwrap().is_none(), "it waits for the others");
    exchange(&edge, &federation, &mut sites[1..]).await?;
    let next = sites[0].client.task(&edge).await.unwrap().unwrap();
    assert_ne!(next.id(), task.id());
    // In the middle of an upload the server is started anew.
    let said = sites[0].said(&next);
    let answer = reply(&sites[0].client, &next, &said, 100);
    let announced = sites[0].client.announce(&edge, &answer).await.unwrap();
    for (id, content) in &answer.objects {
        edge.restart()?;
        let stored = sites[0].client.push(&edge, &announced.session_id, *id, content.clone()).await;
        assert_eq!(stored, Ok(true));
    }
    // The answer to the last was lost: everything comes again, and changes nothing.
    sites[0].client.answer(&edge, &answer).await.unwrap();
    exchange(&edge, &federation, &mut sites[1..]).await?;
    for _ in 0..3 {
        exchange(&edge, &federation, &mut sites).await?;
    }
    is_mean(&edge, &federation, &sites).await?;
});

both!(the_end_of_what_is_said_may_come_twice_at_once, async |t: TestDb| {
    let edge = Edge::new(t)?;
    let (federation, mut sites) = begun(&edge).await?;
    let task = sites[0].client.task(&edge).await.unwrap().unwrap();
    let said = sites[0].said(&task);
    let answer = reply(&sites[0].client, &task, &said, 1000);
    let session = sites[0].client.announce(&edge, &answer).await.unwrap().session_id;
    let ((last, end), begun) = answer.objects.split_last().unwrap();
    for (id, content) in begun {
        assert!(sites[0].client.push(&edge, &session, *id, content.clone()).await.unwrap());
    }
    let client = &sites[0].client;
    let push = || client.push(&edge, &session, *last, end.clone());
    let (one, two) = tokio::join!(push(), push());
    assert!(one.is_ok() && two.is_ok(), "{one:?}, {two:?}");
    assert_eq!(reasons(&edge).await, [""; 0]);
    exchange(&edge, &federation, &mut sites[1..]).await?;
    for _ in 0..4 {
        exchange(&edge, &federation, &mut sites).await?;
    }
    is_mean(&edge, &federation, &sites).await?;
});

both!(each_exchange_may_be_lost_as_often_as_a_task, async |t: TestDb| {
    let edge = Edge::new(t)?;
    let (federation, mut sites) = begun(&edge).await?;
    for _ in 0..2 {
        for _ in 2..MAX_DELIVERIES {
            assert!(sites[0].client.task(&edge).await.unwrap().is_some());
        }
        exchange(&edge, &federation, &mut sites).await?;
    }
    for _ in 0..MAX_DELIVERIES {
        assert!(sites[0].client.task(&edge).await.unwrap().is_some());
    }
    assert!(sites[0].client.task(&edge).await.unwrap().is_none());
    assert_eq!(reasons(&edge).await, [format!("the node lost its task {MAX_DELIVERIES} times")]);
    let cx = edge.t.node(sites[0].client.id);
    assert!(read::next_task(&cx, &edge.domain).await?.is_none());
    let leases = read::list_leases(&edge.t.viewer(), &edge.domain, round(&edge, &federation).await?).await?;
    let other = leases.iter().find(|lease| lease.node == sites[1].client.id).unwrap();
    let cx = edge.t.node(other.node);
    let claimed =
        claim_lease::claim_lease(&cx, &edge.domain, other.id, other.message.as_ref().unwrap()).await?;
    assert_eq!(claimed.deliveries, 2, "it had taken the exchange once");
});

async fn round(edge: &Edge, federation: &Federation) -> Result<thunderline_core::RoundId> {
    let newest = read::newest_round(&edge.t.viewer(), &edge.domain, federation.id).await?;
    Ok(newest.expect("a round is under way").0.id)
}

both!(an_open_update_is_refused_at_its_first_object_and_nothing_of_it_is_kept, async |t: TestDb| {
    let edge = Edge::new(t)?;
    let (federation, mut sites) = begun(&edge).await?;
    let secret = [7.25f32, -3.5, 0.125, 9.75];
    let elements: Vec<u8> = secret.iter().flat_map(|number| number.to_le_bytes()).collect();
    // One app has no mod at all; another loses it before it trains.
    for at in [0, 2] {
        if at == 2 {
            exchange(&edge, &federation, &mut sites[1..]).await?;
            exchange(&edge, &federation, &mut sites[1..]).await?;
        }
        let plain = &sites[usize::from(at == 2)].client;
        let task = plain.task(&edge).await.unwrap().unwrap();
        let update = plain.reply(&task, secret, 1);
        let announced = plain.announce(&edge, &update).await.unwrap();
        let (id, content) = &update.objects[0];
        let begun = piece(*id, content, 0)[..id.to_string().len() + 60].to_vec();
        let (status, _) = append(&edge, plain, task.id(), begun).await;
        assert_eq!(status, axum::http::StatusCode::FORBIDDEN);
        let mut stored = 0;
        for (id, content) in &update.objects {
            let pushed = plain.push(&edge, &announced.session_id, *id, content.clone()).await.unwrap();
            stored += usize::from(pushed);
        }
        assert_eq!(stored, 0);
        assert_eq!(holding(edge.t.dir(), &elements[..10]), 0, "its first chunk ends within the third number");
        assert!(plain.task(&edge).await.unwrap().is_none());
    }
    let reason = "the round takes masked updates only, and this one is not";
    assert_eq!(reasons(&edge).await, [reason; 2]);
});

both!(an_open_update_is_refused_once_however_many_of_its_objects_come_at_once, async |t: TestDb| {
    let edge = Edge::new(t)?;
    let (_, sites) = begun(&edge).await?;
    let plain = &sites[0].client;
    let task = plain.task(&edge).await.unwrap().unwrap();
    let update = plain.reply(&task, START, 1);
    let session = plain.announce(&edge, &update).await.unwrap().session_id;
    // Two chunks.
    let pushes = update.objects[..2].iter();
    let pushes = pushes.map(|(id, content)| plain.push(&edge, &session, *id, content.clone()));
    assert_eq!(futures::future::join_all(pushes).await, [Ok(false), Ok(false)]);
    assert_eq!(reasons(&edge).await.len(), 1);
    let late: Vec<_> = edge.t.events_of::<UpdateRefused>().await.into_iter().map(|it| it.reason).collect();
    assert_eq!(late, Vec::<String>::new());
});

both!(a_client_that_goes_no_further_says_why, async |t: TestDb| {
    let edge = Edge::new(t)?;
    let (_, sites) = begun(&edge).await?;
    let [refusing, failing, silent, changed] = &sites[..] else { panic!("they are four") };
    let task = refusing.client.task(&edge).await.unwrap().unwrap();
    let why = "secure aggregation: 4 members, and it takes 9";
    let text = |text: &str| ConfigValue::Text(text.into());
    let record = vec![("exchange".to_owned(), text("advertise")), ("refused".to_owned(), text(why))];
    refusing.client.answer(&edge, &refusing.client.records(&task, &[(KEY.into(), record)])).await.unwrap();
    let task = failing.client.task(&edge).await.unwrap().unwrap();
    failing.client.answer(&edge, &failing.client.error(&task, "StopIteration")).await.unwrap();
    let task = silent.client.task(&edge).await.unwrap().unwrap();
    silent.client.answer(&edge, &silent.client.records(&task, &[("mine".into(), vec![])])).await.unwrap();
    let task = changed.client.task(&edge).await.unwrap().unwrap();
    changed.client.answer(&edge, &reply(&changed.client, &task, b"TLSA?", 100)).await.unwrap();
    let reasons = reasons(&edge).await;
    let parts = [why, "StopIteration", "the app's first mod must be secure_mod", "no advertisement"];
    for (reason, part) in reasons.iter().zip(parts) {
        assert!(reason.contains(part), "{reason}");
    }
    assert_eq!(reasons.len(), 4, "{reasons:?}");
    assert!(reasons[1].contains("secure_mod"), "{}", reasons[1]);
});

both!(who_falls_away_is_left_out_and_is_free_again, async |t: TestDb| {
    let edge = Edge::new(t)?;
    let (federation, mut sites) = begun(&edge).await?;
    exchange(&edge, &federation, &mut sites).await?;
    exchange(&edge, &federation, &mut sites).await?;
    // It has shared and trains for too long.
    let mut late = sites.pop().expect("there are four");
    let task = late.client.task(&edge).await.unwrap().unwrap();
    exchange(&edge, &federation, &mut sites).await?;
    edge.t.clock.advance(SignedDuration::from_secs(600));
    edge.drive(&federation).await?;
    let said = late.said(&task);
    let announced = late.client.announce(&edge, &reply(&late.client, &task, &said, 1000)).await.unwrap();
    assert!(announced.objects_to_push.is_empty(), "nobody waits for it");
    assert!(late.client.task(&edge).await.unwrap().is_none());
    let reason = "secure aggregation: 'mask' was over before the client spoke";
    assert_eq!(reasons(&edge).await, [reason]);
    exchange(&edge, &federation, &mut sites).await?;
    exchange(&edge, &federation, &mut sites).await?;
    is_mean(&edge, &federation, &sites).await?;
});
