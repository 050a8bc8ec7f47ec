//! Rounds whose updates nobody sees: whole ones, with drop-outs, with tampering, and what the server holds of them.

use std::{cell::Cell, collections::HashSet, fs, path::Path, sync::Arc, time::Duration};

use federation::{
    Federation, Federations,
    actions::{accept_reply::Acceptance, read},
    external::Programs,
    masked::{Exchange, Terms, Told, receive, told},
    spec::Scalar,
    state::FederationState,
    task::Task,
};
use thunderline_bridge::NamedCommand;
use thunderline_core::{ErrorKind, NodeId, Result, SignedDuration};
use thunderline_numerics::{ModelSchema, checkpoint::CheckpointHeader};
use thunderline_objects::Objects;
use thunderline_secagg::{
    Floor, Identity, Roster,
    client::{Advertised, Consented, Masked, Shared},
    message::{Consents, Delivery, Survivors},
};
use thunderline_testkit::{TestDb, both};

use crate::site::Site;

const SPEC: &str = "model_ref: builtin:softmax(8,4)\nnum_rounds: 1\nmin_clients: 5\nseed: 3\n\
    round: {deadline: 800}\nevaluation: {federated: false}\nsecure_agg: {clip: 1}\n";

/// What a client does next.
enum Stage {
    Begin(Box<Advertised>),
    Share(Shared),
    Mask(Masked),
    Consent(Consented),
    Over,
}

/// A client's own; small numbers give as many bytes of that value.
fn seed(number: u16) -> [u8; 32] {
    let [low, high] = number.to_le_bytes();
    let mut seed = [low; 32];
    seed[31] ^= high;
    seed
}

/// A client that follows the protocol, with what it must keep to itself.
pub struct Client {
    pub task: Task,
    pub schema: ModelSchema,
    pub terms: Terms,
    stage: Stage,
    /// What training changed.
    pub change: Vec<f32>,
    weight: u32,
    /// The weight and the levels, once it has masked them.
    pub levels: Vec<u32>,
    /// Whether whatever it says comes with a bit changed first, which must be refused.
    tampered: bool,
    /// What the server has spent on it, in seconds of processor time.
    pub spent: Cell<f64>,
}

/// Seconds of processor time that all threads of this process have used, in hundredths.
pub fn processor_seconds() -> f64 {
    let text = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = text.rsplit(')').next().unwrap_or_default().split_whitespace().skip(11);
    fields.take(2).filter_map(|ticks| ticks.parse::<f64>().ok()).sum::<f64>() / 100.0
}

impl Client {
    pub fn new(site: &Site, task: Task, number: u16) -> Result<Self> {
        let text = task.config.iter().find_map(|(key, value)| match value {
            Scalar::Text(text) if key == "thunderline.secure_agg" => Some(text),
            _ => None,
        });
        let terms: Terms = serde_json::from_str(text.expect("the task has terms")).expect("terms are JSON");
        let schema =
            CheckpointHeader::read(&mut site.domain.objects.checkpoints()?.open(&task.model)?)?.schema;
        let identity = Arc::new(Identity::from_seed(&seed(number)));
        // Keys are for one session.
        let mut secret = seed(100 + number);
        secret[..16].copy_from_slice(task.round.0.as_bytes());
        let client = Advertised::new(&terms.session(&schema)?, identity, &secret);
        let numbers = schema.bytes() as usize / 4;
        let change =
            (0..numbers).map(|at| (f32::from(number) * 0.173 + at as f32 * 0.0271).sin() * 0.9).collect();
        let weight = (10 + 7 * u32::from(number)).min(terms.max_weight);
        let stage = Stage::Begin(Box::new(client));
        Ok(Self {
            task,
            schema,
            terms,
            stage,
            change,
            weight,
            levels: Vec::new(),
            tampered: false,
            spent: Cell::default(),
        })
    }

    async fn say(&self, site: &Site, exchange: Exchange, bytes: Vec<u8>) -> Result<()> {
        // The session's or the roster's digest; and what is signed, or signs. The rest is sealed, or a share.
        let last = matches!(exchange, Exchange::Advertise | Exchange::Mask | Exchange::Consent);
        let places = if last { vec![10, bytes.len() - 1] } else { vec![10] };
        for place in places.into_iter().filter(|_| self.tampered) {
            let mut changed = bytes.clone();
            changed[place] ^= 1;
            let (cx, lease) = (site.t.node(self.task.node), self.task.lease);
            let refused =
                receive(&cx, &site.domain, lease, exchange, changed).await.map_err(|error| error.kind());
            assert_eq!(refused, Err(ErrorKind::Invalid), "'{}', byte {place}", exchange.name());
        }
        let cx = site.t.node(self.task.node);
        self.counted(receive(&cx, &site.domain, self.task.lease, exchange, bytes)).await
    }

    async fn told(&self, site: &Site, exchange: Exchange) -> Result<Told> {
        let cx = site.t.node(self.task.node);
        self.counted(told(&cx, &site.domain, self.task.lease, exchange)).await
    }

    async fn counted<T>(&self, server: impl Future<Output = T>) -> T {
        let before = processor_seconds();
        let done = server.await;
        self.spent.set(self.spent.get() + processor_seconds() - before);
        done
    }

    async fn hear(&self, site: &Site, exchange: Exchange) -> Result<Vec<u8>> {
        match self.told(site, exchange).await? {
            Told::Answer(bytes) => Ok(bytes),
            Told::Wait => panic!("'{}' should be over", exchange.name()),
        }
    }

    /// Goes through the exchange that is open.
    pub async fn step(&mut self, site: &Site) -> Result<()> {
        let honest = "the server is honest";
        self.stage = match std::mem::replace(&mut self.stage, Stage::Over) {
            Stage::Begin(client) => {
                if let Some(session) = self.roster(site).await? {
                    let (client, shares) = client.share(Arc::new(session), &Floor::default()).expect(honest);
                    self.say(site, Exchange::Share, shares.encode()).await?;
                    Stage::Share(client)
                } else {
                    self.say(site, Exchange::Advertise, client.advertisement().encode()).await?;
                    Stage::Begin(client)
                }
            }
            Stage::Share(client) => {
                let delivery = Delivery::decode(&self.hear(site, Exchange::Share).await?).expect(honest);
                let input =
                    client.quantiser().quantise(&self.change, self.weight, &[5; 32]).expect("it fits");
                self.levels = input.words().to_vec();
                let (client, message) = client.mask(&delivery, input).expect(honest);
                self.say(site, Exchange::Mask, message.encode()).await?;
                Stage::Mask(client)
            }
            Stage::Mask(client) => {
                let survivors = Survivors::decode(&self.hear(site, Exchange::Mask).await?).expect(honest);
                let (client, message) = client.consent(&survivors).expect(honest);
                self.say(site, Exchange::Consent, message.encode()).await?;
                Stage::Consent(client)
            }
            Stage::Consent(client) => {
                let consents = Consents::decode(&self.hear(site, Exchange::Consent).await?).expect(honest);
                let reveal = client.reveal(&consents).expect(honest);
                self.say(site, Exchange::Reveal, reveal.encode()).await?;
                Stage::Over
            }
            Stage::Over => panic!("the client has said everything"),
        };
        Ok(())
    }

    async fn roster(&self, site: &Site) -> Result<Option<Roster>> {
        match self.told(site, Exchange::Advertise).await? {
            Told::Wait => Ok(None),
            Told::Answer(bytes) => {
                let session = self.terms.session(&self.schema)?;
                Ok(Some(Roster::decode(session, &bytes).expect("the server is honest")))
            }
        }
    }
}

/// Five clients whose round has begun.
pub async fn begun(site: &Site) -> Result<(Federation, Vec<Client>)> {
    begun_with(site, SPEC).await
}

/// Five clients whose round of this federation has begun.
pub async fn begun_with(site: &Site, spec: &str) -> Result<(Federation, Vec<Client>)> {
    for number in 1..=5 {
        site.join(number).await?;
    }
    let federation = site.submit(spec).await?;
    site.drive(&federation).await?;
    Ok((federation, claimed(site).await?))
}

/// Those whom the first round of this federation asks, among ten who are there.
pub async fn begun_among(site: &Site, spec: &str) -> Result<(Federation, Vec<Client>)> {
    for number in 1..=10 {
        site.join(number).await?;
    }
    let federation = site.submit(spec).await?;
    site.drive(&federation).await?;
    let mut clients = Vec::new();
    for number in 1..=10 {
        if let Some(task) = site.claim(NodeId::from_bits(number.into())).await? {
            clients.push(Client::new(site, task, number)?);
        }
    }
    Ok((federation, clients))
}

/// The five clients take their tasks.
pub async fn claimed(site: &Site) -> Result<Vec<Client>> {
    let mut clients = Vec::new();
    for number in 1..=5 {
        let task = site.claim(NodeId::from_bits(number.into())).await?;
        clients.push(Client::new(site, task.unwrap(), number)?);
    }
    Ok(clients)
}

/// All of these clients go through the exchange that is open, and it is closed.
pub async fn exchange(site: &Site, federation: &Federation, clients: &mut [Client]) -> Result<()> {
    for client in clients {
        client.step(site).await?;
    }
    site.drive(federation).await
}

/// The exchange's time is up.
pub async fn late(site: &Site, federation: &Federation, seconds: i64) -> Result<()> {
    site.t.clock.advance(SignedDuration::from_secs(seconds));
    site.drive(federation).await
}

/// The model that these clients' weighted mean leads to.
fn expected(site: &Site, clients: &[Client]) -> Result<Vec<f32>> {
    let before = site.elements(&clients[0].task.model.to_string())?;
    let total: f64 = clients.iter().map(|client| f64::from(client.weight)).sum();
    let mean = |at: usize| -> f64 {
        clients.iter().map(|client| f64::from(client.change[at]) * f64::from(client.weight) / total).sum()
    };
    Ok(before.iter().enumerate().map(|(at, before)| before + mean(at) as f32).collect())
}

pub async fn is_mean(site: &Site, federation: &Federation, clients: &[Client]) -> Result<()> {
    let done = site.get(federation).await?;
    assert_eq!((done.state, done.completed_rounds), (FederationState::Completed, 1));
    for (found, expected) in site.elements(&done.model.unwrap())?.iter().zip(expected(site, clients)?) {
        assert!((found - expected).abs() < 1e-5, "{found} {expected}");
    }
    Ok(())
}

/// How many of these runs of sixteen bytes are somewhere in the files below the folder.
pub fn found(folder: &Path, runs: &HashSet<[u8; 16]>) -> usize {
    // Most places cannot begin any of them: only the others are looked up.
    let mut begins = vec![false; 1 << 16];
    runs.iter().for_each(|run| begins[usize::from(u16::from_le_bytes([run[0], run[1]]))] = true);
    let mut found = HashSet::new();
    let mut files = vec![folder.to_path_buf()];
    while let Some(path) = files.pop() {
        if path.is_dir() {
            files.extend(fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()));
            continue;
        }
        for place in fs::read(path).unwrap().array_windows::<16>() {
            if begins[usize::from(u16::from_le_bytes([place[0], place[1]]))] && runs.contains(place) {
                found.insert(*place);
            }
        }
    }
    found.len()
}

/// Every run of four words, as they lie in files.
pub fn runs<'a>(words: &'a [[u8; 4]]) -> impl Iterator<Item = [u8; 16]> + 'a {
    words.array_windows::<4>().map(|run| run.concat().try_into().expect("four times four"))
}

/// What a client must keep to itself: what training changed, the trained model, the levels before masking.
fn secrets(site: &Site, clients: &[Client]) -> Result<HashSet<[u8; 16]>> {
    let mut secrets = HashSet::new();
    for client in clients {
        let before = site.elements(&client.task.model.to_string())?;
        let change: Vec<_> = client.change.iter().map(|number| number.to_le_bytes()).collect();
        let trained =
            before.iter().zip(&client.change).map(|(before, change)| (before + change).to_le_bytes());
        let levels: Vec<_> = client.levels.iter().map(|level| level.to_le_bytes()).collect();
        for words in [change, trained.collect(), levels] {
            secrets.extend(runs(&words));
        }
    }
    Ok(secrets)
}

both!(the_server_learns_the_mean_and_holds_nobodys_update, async |t: TestDb| {
    let site = Site::new(t)?;
    let (federation, mut clients) = begun(&site).await?;
    let Stage::Begin(client) = &clients[0].stage else { panic!("it has just begun") };
    let keys = client.advertisement().encode();
    for number in 0..5 {
        exchange(&site, &federation, &mut clients).await?;
        // Whatever lies in the database, in the objects and beside them: before the round is over, and after.
        assert_eq!(found(site.t.dir(), &secrets(&site, &clients)?), 0, "after exchange {number}");
        // The search finds what is there: what a client has said, until the round is over.
        let said = runs(keys.as_chunks().0).collect();
        assert_eq!(found(site.t.dir(), &said), if number < 4 { said.len() } else { 0 });
    }
    // A network of this kind begins at zero: the trained model is what training changed.
    assert_eq!(secrets(&site, &clients)?.len(), 5 * (33 + 34), "the levels were there to be found");
    is_mean(&site, &federation, &clients).await?;
    let leases = read::list_leases(&site.t.viewer(), &site.domain, clients[0].task.round).await?;
    for lease in leases {
        let report = lease.report.unwrap();
        assert_eq!((report.num_examples, report.metrics.len()), (1.0, 1), "a weight is told");
    }
});

both!(a_client_that_falls_away_at_any_exchange_leaves_the_mean_of_those_who_masked, async |t: TestDb| {
    let site = Site::new(t)?;
    let (federation, mut clients) = begun(&site).await?;
    exchange(&site, &federation, &mut clients).await?;
    exchange(&site, &federation, &mut clients).await?;
    // One shares and is gone: its masks come off by what the others hold.
    clients.pop();
    exchange(&site, &federation, &mut clients).await?;
    assert_eq!(site.get(&federation).await?.completed_rounds, 0, "it may still come");
    late(&site, &federation, 600).await?;
    exchange(&site, &federation, &mut clients).await?;
    exchange(&site, &federation, &mut clients).await?;
    is_mean(&site, &federation, &clients).await?;
});

both!(of_two_with_one_identity_one_takes_part, async |t: TestDb| {
    let site = Site::new(t)?;
    let (federation, mut clients) = begun(&site).await?;
    // The site of the first has copied its key, and both take part.
    let session = clients[4].terms.session(&clients[4].schema)?;
    let copied = Advertised::new(&session, Arc::new(Identity::from_seed(&[1; 32])), &[200; 32]);
    clients[4].stage = Stage::Begin(Box::new(copied));
    let advertised: Vec<_> = clients
        .iter()
        .map(|client| match &client.stage {
            Stage::Begin(client) => client.advertisement().clone(),
            _ => panic!("it has just begun"),
        })
        .collect();
    exchange(&site, &federation, &mut clients).await?;
    let roster = clients[1].roster(&site).await?.expect("the exchange is over");
    let on_it: Vec<_> = advertised.iter().map(|own| roster.members().contains(own)).collect();
    assert!(on_it[0] != on_it[4] && on_it[1..4] == [true; 3], "{on_it:?}");
    clients.remove(if on_it[0] { 4 } else { 0 });
    exchange(&site, &federation, &mut clients).await?;
    late(&site, &federation, 100).await?;
    for _ in 0..3 {
        exchange(&site, &federation, &mut clients).await?;
    }
    is_mean(&site, &federation, &clients).await?;
});

both!(too_few_fail_the_round_with_the_exchange_and_its_numbers, async |t: TestDb| {
    let site = Site::new(t)?;
    let (federation, mut clients) = begun(&site).await?;
    exchange(&site, &federation, &mut clients).await?;
    exchange(&site, &federation, &mut clients).await?;
    clients.truncate(3);
    exchange(&site, &federation, &mut clients).await?;
    late(&site, &federation, 600).await?;
    let (task, domain) = (&clients[0].task, &site.domain);
    let rounds = read::list_rounds(&site.t.viewer(), domain, federation.id, 0, 10).await?;
    let reason = "secure aggregation: 3 clients went through 'mask', and it takes 4";
    assert_eq!(rounds[0].state.reason(), Some(reason));
    let late = told(&site.t.node(task.node), domain, task.lease, Exchange::Mask).await.unwrap_err();
    assert_eq!(late.kind(), ErrorKind::Conflict);
    assert!(late.to_string().starts_with("the lease has ended"), "{late}");
});

both!(a_restarted_server_goes_on_where_it_was, async |t: TestDb| {
    let mut site = Site::new(t)?;
    let (federation, mut clients) = begun(&site).await?;
    for _ in 0..5 {
        let objects = Objects::open(site.t.dir().join("objects"))?;
        site.domain = Federations::new(site.t.db().clone(), objects);
        exchange(&site, &federation, &mut clients).await?;
    }
    is_mean(&site, &federation, &clients).await?;
});

both!(what_does_not_fit_is_refused_and_the_same_again_is_not, async |t: TestDb| {
    let site = Site::new(t)?;
    let (federation, mut clients) = begun(&site).await?;
    let (node, lease) = (clients[0].task.node, clients[0].task.lease);
    let say = async |node: NodeId, exchange: Exchange, bytes: &[u8]| {
        receive(&site.t.node(node), &site.domain, lease, exchange, bytes.to_vec())
            .await
            .map_err(|error| error.kind())
    };
    let Stage::Begin(client) = &clients[0].stage else { panic!("it has just begun") };
    let message = client.advertisement().encode();
    let mut changed = message.clone();
    changed[60] ^= 1;
    assert_eq!(say(node, Exchange::Advertise, &changed).await, Err(ErrorKind::Invalid));
    assert_eq!(say(node, Exchange::Share, &message).await, Err(ErrorKind::Conflict), "it is not open");
    let early = clients[0].say(&site, Exchange::Share, message.clone()).await.unwrap_err();
    assert_eq!(early.to_string(), "'share' is not open; 'advertise' is");
    assert_eq!(say(clients[1].task.node, Exchange::Advertise, &message).await, Err(ErrorKind::NotFound));
    assert_eq!(say(node, Exchange::Advertise, &message).await, Ok(()));
    assert_eq!(say(node, Exchange::Advertise, &message).await, Ok(()));
    let Stage::Begin(other) = &clients[1].stage else { panic!("it has just begun") };
    let other = other.advertisement().encode();
    assert_eq!(say(node, Exchange::Advertise, &other).await, Err(ErrorKind::Conflict), "it has spoken");
    exchange(&site, &federation, &mut clients[1..]).await?;
    exchange(&site, &federation, &mut clients).await?;
    // In somebody else's name.
    let delivery = Delivery::decode(&clients[1].hear(&site, Exchange::Share).await?).expect("it is honest");
    let Stage::Share(client) = std::mem::replace(&mut clients[1].stage, Stage::Over) else {
        panic!("it has shared")
    };
    let input = client.quantiser().quantise(&clients[1].change, 1, &[5; 32]).expect("it fits");
    let (_, message) = client.mask(&delivery, input).expect("it is honest");
    assert_eq!(say(node, Exchange::Mask, &message.encode()).await, Err(ErrorKind::Invalid));
});

both!(what_was_tampered_with_is_refused_in_every_exchange_and_leaves_nothing, async |t: TestDb| {
    let site = Site::new(t)?;
    let (federation, mut clients) = begun(&site).await?;
    clients[0].tampered = true;
    for _ in 0..5 {
        exchange(&site, &federation, &mut clients).await?;
    }
    is_mean(&site, &federation, &clients).await?;
});

both!(an_update_that_is_not_masked_is_refused, async |t: TestDb| {
    let site = Site::new(t)?;
    let (_, clients) = begun(&site).await?;
    let answer = site.answer(&clients[0].task, 1.0, 10.0).await?;
    let reason = "the round takes masked updates only, and this one is not".to_owned();
    assert_eq!(answer, Acceptance::Refused(reason));
    // It is free for other work, and has no more part in this round.
    let Stage::Begin(client) = &clients[0].stage else { panic!("it has just begun") };
    let late = clients[0].say(&site, Exchange::Advertise, client.advertisement().encode()).await.unwrap_err();
    assert_eq!((late.kind(), late.to_string().as_str()), (ErrorKind::Conflict, "the lease has ended"));
});

both!(of_two_things_said_at_once_one_is_taken, async |t: TestDb| {
    let site = Site::new(t)?;
    let (_, clients) = begun(&site).await?;
    let Stage::Begin(client) = &clients[0].stage else { panic!("it has just begun") };
    let session = clients[0].terms.session(&clients[0].schema)?;
    let other = Advertised::new(&session, Arc::new(Identity::from_seed(&[77; 32])), &[78; 32]);
    let (one, two) = tokio::join!(
        clients[0].say(&site, Exchange::Advertise, client.advertisement().encode()),
        clients[0].say(&site, Exchange::Advertise, other.advertisement().encode()),
    );
    assert_ne!(one.is_ok(), two.is_ok(), "{one:?}, {two:?}");
    let refused = one.err().or(two.err()).map(|error| error.kind());
    assert_eq!(refused, Some(ErrorKind::Conflict));
});

both!(a_strategy_that_is_a_program_sees_the_mean_and_nobodys_update, async |t: TestDb| {
    let mut site = Site::new(t)?;
    let folder = site.t.dir().join("strategies");
    let script =
        "cp updates/0.safetensors output-model.safetensors; [ $(ls updates | wc -l) = 1 ] && echo '{}'";
    let program = NamedCommand {
        name: "mean".into(),
        program: "/bin/sh".into(),
        arguments: vec!["-c".into(), script.into()],
    };
    let programs = Programs::new(vec![program], folder, Duration::from_secs(600))?;
    site.domain = site.domain.with_programs(programs);
    let (federation, mut clients) =
        begun_with(&site, &format!("{SPEC}strategy: {{external: mean}}\n")).await?;
    for _ in 0..5 {
        exchange(&site, &federation, &mut clients).await?;
    }
    is_mean(&site, &federation, &clients).await?;
});

both!(who_has_the_identity_of_another_on_the_roster_cannot_speak_for_it, async |t: TestDb| {
    let site = Site::new(t)?;
    let (federation, mut clients) = begun(&site).await?;
    let session = clients[4].terms.session(&clients[4].schema)?;
    let copied = Advertised::new(&session, Arc::new(Identity::from_seed(&[1; 32])), &[200; 32]);
    clients[4].stage = Stage::Begin(Box::new(copied));
    let Stage::Begin(first) = &clients[0].stage else { panic!("it has just begun") };
    let first = first.advertisement().clone();
    exchange(&site, &federation, &mut clients).await?;
    let roster = clients[1].roster(&site).await?.expect("the exchange is over");
    let other = clients.remove(if roster.members().contains(&first) { 4 } else { 0 });
    // Two nodes of one site have all secrets of each other: what one says in its place, the other says as well.
    let on_it = if clients[0].task.node == NodeId::from_bits(1) { 0 } else { 3 };
    let Stage::Begin(speaker) = std::mem::replace(&mut clients[on_it].stage, Stage::Over) else {
        panic!("it has just begun")
    };
    let (speaker, shares) = speaker.share(Arc::new(roster), &Floor::default()).expect("the server is honest");
    let refused = other.say(&site, Exchange::Share, shares.encode()).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Invalid, "{refused}");
    clients[on_it].say(&site, Exchange::Share, shares.encode()).await?;
    clients[on_it].stage = Stage::Share(speaker);
    for (place, client) in clients.iter_mut().enumerate() {
        if place != on_it {
            client.step(&site).await?;
        }
    }
    late(&site, &federation, 100).await?;
    for _ in 0..3 {
        exchange(&site, &federation, &mut clients).await?;
    }
    is_mean(&site, &federation, &clients).await?;
});
