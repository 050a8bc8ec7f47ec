//! A runner's masked update over a link that breaks.

use std::{sync::Arc, time::Duration};

use axum::{
    body::Body,
    extract::Request,
    http::{Method, StatusCode},
};
use bytes::Bytes;
use federation::{
    Federation,
    actions::{cancel, submit},
    masked::{KEY, Terms},
    state::FederationState,
};
use serde_json::{Value, json};
use thunderline_core::Result;
use thunderline_flower::{
    Kind, ObjectId,
    record::{self, ConfigValue},
};
use thunderline_numerics::{ArraySpec, DType, ModelSchema, random::Rng};
use thunderline_secagg::{
    Floor, Identity, Roster, Session,
    client::{Advertised, Masked, Shared},
    message::{Consents, Delivery, Survivors},
};
use thunderline_testkit::{TestDb, both};
use thunderlink::evict::evict;

use crate::{
    client::{Client, Task, Transport},
    edge::Edge,
    runner::enrol,
    stream::{append, broken, done, files, look, piece, send},
};

/// Of `builtin:softmax(64,10)`, which begins at 0.
const NUMBERS: usize = 650;
const SITES: u8 = 4;

struct Site {
    client: Client,
    number: u8,
    message: String,
    session: Session,
}

impl Site {
    fn change(&self) -> Vec<f32> {
        (0..NUMBERS).map(|place| (place % 7) as f32 * 0.01 * f32::from(self.number)).collect()
    }

    /// The path of what is said in `mask`, below that of uploads.
    fn mask(&self) -> String {
        format!("{}/mask", self.message)
    }

    async fn post(&self, edge: &Edge, path: &str, body: Vec<u8>) -> (StatusCode, Bytes) {
        let credentials = self.client.key.sign(edge.t.system().now()).expect("signing works");
        let request = Request::post(format!("/v1/runner/exchanges/{}/{path}", self.message));
        let headers = credentials.to_headers().into_iter();
        let request = headers.fold(request, |builder, (name, value)| builder.header(name, value));
        let (parts, body, _) = edge.send(request.body(Body::from(body)).expect("it is well formed")).await;
        (parts.status, body)
    }

    async fn say(&self, edge: &Edge, exchange: &str, said: Vec<u8>) {
        let (status, answer) = self.post(edge, exchange, said).await;
        assert_eq!(status, StatusCode::OK, "{exchange}: {answer:?}");
    }

    async fn hear(&self, edge: &Edge, exchange: &str) -> Bytes {
        let (status, told) = self.post(edge, &format!("{exchange}/answer"), Vec::new()).await;
        assert!(status == StatusCode::OK && !told.is_empty(), "{exchange}: {told:?}");
        told
    }
}

fn session(task: &Task) -> Session {
    let records = task.objects.iter().filter(|object| object.kind == Kind::ConfigRecord);
    let mut settings = records.flat_map(|object| record::config_from_object(object).expect("it is one"));
    let terms = settings.find_map(|(key, value)| match value {
        ConfigValue::Text(terms) if key == KEY => Some(terms),
        _ => None,
    });
    let terms: Terms = serde_json::from_str(&terms.expect("there are terms")).expect("terms are JSON");
    let schema = ModelSchema::new(vec![ArraySpec::new("w", DType::F32, &[NUMBERS])]);
    terms.session(&schema.expect("it is a model")).expect("the terms are possible")
}

/// A masked round of runners has begun.
async fn begun(edge: &Edge) -> Result<(Federation, Vec<Site>)> {
    let clients: Vec<_> = (0..SITES).map(|_| Client::new(Transport::Http)).collect();
    for client in &clients {
        assert_eq!(enrol(edge, client).await.0, StatusCode::OK);
    }
    edge.relay().await?;
    let spec = format!(
        "model_ref: builtin:softmax(64,10)\nnum_rounds: 1\nmin_clients: {SITES}\nevaluation: {{federated: false}}\n\
         secure_agg: {{clip: 1}}\nround: {{deadline: 800}}\n"
    );
    let federation = submit::submit(&edge.t.operator(), &edge.domain, &spec, None).await?;
    edge.drive(&federation).await?;
    let mut sites = Vec::new();
    for (number, client) in (1..).zip(clients) {
        let task = client.task(edge).await.expect("it may pull").expect("it takes part");
        sites.push(Site { session: session(&task), message: task.id().to_owned(), client, number });
    }
    Ok((federation, sites))
}

const HONEST: &str = "the server is honest";

/// Every site has shared its secrets.
async fn shared(edge: &Edge, federation: &Federation, sites: &[Site]) -> Result<Vec<Shared>> {
    let mut clients = Vec::new();
    for site in sites {
        let identity = Arc::new(Identity::from_seed(&[site.number; 32]));
        let client = Advertised::new(&site.session, identity, &[100 + site.number; 32]);
        site.say(edge, "advertise", client.advertisement().encode()).await;
        clients.push(client);
    }
    edge.drive(federation).await?;
    let mut shared = Vec::new();
    for (site, client) in sites.iter().zip(clients) {
        let roster = Roster::decode(site.session, &site.hear(edge, "advertise").await).expect(HONEST);
        let (client, shares) = client.share(Arc::new(roster), &Floor::default()).expect(HONEST);
        site.say(edge, "share", shares.encode()).await;
        shared.push(client);
    }
    edge.drive(federation).await?;
    Ok(shared)
}

/// What each of them sends of its update.
async fn masked(edge: &Edge, sites: &[Site], clients: Vec<Shared>) -> Vec<(Masked, Vec<u8>)> {
    let mut masked = Vec::new();
    for (site, client) in sites.iter().zip(clients) {
        let delivery = Delivery::decode(&site.hear(edge, "share").await).expect(HONEST);
        let input = client.quantiser().quantise(&site.change(), 10, &[5; 32]).expect("it fits");
        let (client, input) = client.mask(&delivery, input).expect(HONEST);
        masked.push((client, input.encode()));
    }
    masked
}

/// The rest of the round leads to the mean of all.
async fn ends(edge: &Edge, federation: &Federation, sites: &[Site], clients: Vec<Masked>) -> Result<()> {
    edge.drive(federation).await?;
    let mut consented = Vec::new();
    for (site, client) in sites.iter().zip(clients) {
        let survivors = Survivors::decode(&site.hear(edge, "mask").await).expect(HONEST);
        let (client, consent) = client.consent(&survivors).expect(HONEST);
        site.say(edge, "consent", consent.encode()).await;
        consented.push(client);
    }
    edge.drive(federation).await?;
    for (site, client) in sites.iter().zip(consented) {
        let consents = Consents::decode(&site.hear(edge, "consent").await).expect(HONEST);
        site.say(edge, "reveal", client.reveal(&consents).expect(HONEST).encode()).await;
    }
    edge.drive(federation).await?;
    assert_eq!(edge.get(federation).await?.state, FederationState::Completed);
    for (place, found) in edge.model_of(federation).await?.into_iter().enumerate() {
        let sum: f32 = sites.iter().map(|site| site.change()[place]).sum();
        assert!((found - sum / f32::from(SITES)).abs() < 1e-5, "{place}: {found}");
    }
    Ok(())
}

/// How many bytes the server has of what is said, by what it tells.
async fn there(edge: &Edge, site: &Site, said: &[u8]) -> usize {
    let (status, progress) = look(edge, &site.client, &site.mask()).await;
    assert_eq!((status, &progress["missing"]), (StatusCode::OK, &json!(1)));
    if progress["partial"].is_null() {
        return 0;
    }
    assert_eq!(progress["partial"]["object_id"], ObjectId::of(said).to_string());
    usize::try_from(progress["partial"]["offset"].as_u64().unwrap()).unwrap()
}

fn parts(edge: &Edge) -> usize {
    let files = files(&edge.domain.objects.root().join("rounds"));
    files.iter().filter(|path| path.extension().is_some()).count()
}

both!(a_masked_update_goes_on_at_the_byte_whatever_the_cuts_and_restarts, async |t: TestDb| {
    let mut edge = Edge::new(t)?;
    let (federation, sites) = begun(&edge).await?;
    let clients = shared(&edge, &federation, &sites).await?;
    let (clients, inputs): (Vec<_>, Vec<_>) = masked(&edge, &sites, clients).await.into_iter().unzip();
    let mut rng = Rng::derive(7, &["cuts"]);
    let mut below = |most: usize| usize::try_from(rng.below(most as u64)).unwrap();
    for (site, said) in sites.iter().zip(&inputs) {
        let id = ObjectId::of(said);
        let mut came = 0;
        for _ in 0..below(6) + 2 {
            let mut body = piece(id, said, came);
            let head = body.len() - (said.len() - came);
            // Of the head, or of what follows it, but for its last byte.
            body.truncate(below(body.len()));
            came += body.len().saturating_sub(head);
            send(&edge, &site.client, Method::PATCH, &site.mask(), broken(body)).await;
            if below(3) == 0 {
                edge.restart()?;
            }
            assert_eq!(there(&edge, site, said).await, came);
        }
        assert_eq!(append(&edge, &site.client, &site.mask(), piece(id, said, came)).await, done());
        // The answer may be lost on its way.
        assert_eq!(append(&edge, &site.client, &site.mask(), piece(id, said, came)).await, done());
        assert_eq!(look(&edge, &site.client, &site.mask()).await, done());
        // As in one request.
        site.say(&edge, "mask", said.clone()).await;
        let other = vec![0; said.len()];
        let (status, answer) =
            append(&edge, &site.client, &site.mask(), piece(ObjectId::of(&other), &other, 0)).await;
        assert_eq!(status, StatusCode::FORBIDDEN);
        assert!(answer["detail"].as_str().unwrap().contains("something else"), "{answer}");
    }
    assert_eq!(parts(&edge), 0);
    ends(&edge, &federation, &sites, clients).await?;
});

both!(a_masked_update_of_which_all_bytes_came_before_the_server_died_is_handed_on, async |t: TestDb| {
    let mut edge = Edge::new(t)?;
    let (federation, sites) = begun(&edge).await?;
    let clients = shared(&edge, &federation, &sites).await?;
    let (clients, inputs): (Vec<_>, Vec<_>) = masked(&edge, &sites, clients).await.into_iter().unzip();
    for (site, said) in sites.iter().zip(&inputs) {
        let begun = piece(ObjectId::of(said), said, 0);
        send(&edge, &site.client, Method::PATCH, &site.mask(), broken(begun[..200].to_vec())).await;
        let part = files(&edge.domain.objects.root().join("rounds"));
        std::fs::write(part.iter().find(|path| path.extension().is_some()).unwrap(), said).unwrap();
        edge.restart()?;
        assert_eq!(there(&edge, site, said).await, said.len());
        let end = piece(ObjectId::of(said), said, said.len());
        assert_eq!(append(&edge, &site.client, &site.mask(), end).await, done());
    }
    ends(&edge, &federation, &sites, clients).await?;
});

both!(a_masked_update_that_nobody_waits_for_or_is_none_is_refused_and_leaves_nothing, async |t: TestDb| {
    let edge = Edge::new(t)?;
    let (federation, sites) = begun(&edge).await?;
    let whole = |said: &[u8]| piece(ObjectId::of(said), said, 0);
    let refused = async |site: &Site, body: Vec<u8>, why: &str| {
        let (status, answer) = append(&edge, &site.client, &site.mask(), body).await;
        assert_eq!(status, StatusCode::FORBIDDEN, "{answer}");
        let detail = answer["detail"].as_str().unwrap_or_default();
        assert!(detail.contains(why), "{detail} does not say '{why}'");
        assert_eq!(parts(&edge), 0, "{why}");
    };
    refused(&sites[0], whole(b"early"), "'mask' is not open; 'advertise' is").await;
    let clients = shared(&edge, &federation, &sites).await?;
    let (clients, inputs): (Vec<_>, Vec<_>) = masked(&edge, &sites, clients).await.into_iter().unzip();
    let forged: Vec<u8> = inputs[0].iter().map(|byte| byte ^ 1).collect();
    let blobs = files(&edge.domain.objects.root().join("rounds")).len();
    refused(&sites[0], piece(ObjectId::of(&inputs[0]), &forged, 0), "as announced").await;
    refused(&sites[0], whole(&forged), "secure aggregation").await;
    refused(&sites[0], whole(&inputs[1]), "secure aggregation").await;
    assert_eq!(files(&edge.domain.objects.root().join("rounds")).len(), blobs);
    for (site, said) in sites.iter().zip(&inputs) {
        assert_eq!(append(&edge, &site.client, &site.mask(), whole(said)).await, done());
    }
    ends(&edge, &federation, &sites, clients).await?;
    refused(&sites[0], whole(b"late"), "the lease has ended").await;
});

both!(who_is_shut_out_while_it_waits_for_an_answer_gets_none, async |t: TestDb| {
    let edge = Edge::holding(t, Duration::from_secs(600))?;
    let (federation, sites) = begun(&edge).await?;
    for site in &sites {
        let identity = Arc::new(Identity::from_seed(&[site.number; 32]));
        let client = Advertised::new(&site.session, identity, &[100 + site.number; 32]);
        site.say(&edge, "advertise", client.advertisement().encode()).await;
    }
    let shut_out = async {
        evict(&edge.t.operator(), &edge.links, sites[0].client.id, "it was stolen").await?;
        // Nobody has told the federations yet: there is an answer for everybody.
        edge.drive(&federation).await
    };
    let (answer, driven) = tokio::join!(sites[0].post(&edge, "advertise/answer", Vec::new()), shut_out);
    driven?;
    assert_eq!(answer.0, StatusCode::UNAUTHORIZED, "{answer:?}");
    sites[1].hear(&edge, "advertise").await;
});

both!(who_waits_for_an_answer_asks_again_when_the_server_stops, async |t: TestDb| {
    let edge = Edge::holding(t, Duration::from_secs(600))?;
    let (_, sites) = begun(&edge).await?;
    let stop = async { edge.stop.cancel() };
    let (answer, ()) = tokio::join!(sites[0].post(&edge, "advertise/answer", Vec::new()), stop);
    assert_eq!(answer, (StatusCode::OK, Bytes::new()));
});

both!(a_masked_update_that_cannot_be_kept_now_is_not_sent_again, async |t: TestDb| {
    let edge = Edge::new(t)?;
    let (federation, sites) = begun(&edge).await?;
    let clients = shared(&edge, &federation, &sites).await?;
    let inputs = masked(&edge, &sites, clients).await;
    let (site, said) = (&sites[0], &inputs[0].1);
    let body = piece(ObjectId::of(said), said, 0);
    send(&edge, &site.client, Method::PATCH, &site.mask(), broken(body[..200].to_vec())).await;
    let part = files(&edge.domain.objects.root().join("rounds"));
    let part = part.iter().find(|path| path.extension().is_some()).unwrap();
    // A folder lies where it should.
    let in_the_way = part.ancestors().nth(3).unwrap().join(part.file_stem().unwrap());
    std::fs::create_dir(&in_the_way).unwrap();
    let came = there(&edge, site, said).await;
    let rest = piece(ObjectId::of(said), said, came);
    let (status, answer) = append(&edge, &site.client, &site.mask(), rest).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "{answer}");
    assert_eq!(there(&edge, site, said).await, said.len());
    std::fs::remove_dir(&in_the_way).unwrap();
    let end = piece(ObjectId::of(said), said, said.len());
    assert_eq!(append(&edge, &site.client, &site.mask(), end).await, done());
});

both!(an_exchange_that_there_is_none_of_is_refused_with_those_that_there_are, async |t: TestDb| {
    let edge = Edge::holding(t, Duration::from_secs(600))?;
    let (_, sites) = begun(&edge).await?;
    for path in ["done", "done/answer", "tell", "tell/answer"] {
        let (status, answer) = sites[0].post(&edge, path, Vec::new()).await;
        let answer: Value = serde_json::from_slice(&answer).unwrap();
        let name = path.split('/').next().unwrap();
        let why = format!(
            "exchange: there is no exchange '{name}' (allowed: advertise, share, mask, consent or reveal)"
        );
        assert_eq!((status, &answer["detail"]), (StatusCode::FORBIDDEN, &json!(why)), "{path}");
    }
});

both!(a_masked_update_of_another_length_is_refused_at_its_head, async |t: TestDb| {
    let edge = Edge::new(t)?;
    let (federation, sites) = begun(&edge).await?;
    let clients = shared(&edge, &federation, &sites).await?;
    let inputs = masked(&edge, &sites, clients).await;
    let (site, said) = (&sites[0], &inputs[0].1);
    let wanted = said.len();
    for length in [1, wanted - 4, wanted - 1, wanted + 1, wanted + 4, 200 << 20] {
        // Nothing comes after it: what is refused is the head.
        let head = format!("{} 0 {length}\n", ObjectId::of(b"other"));
        let (status, answer) = append(&edge, &site.client, &site.mask(), head.into_bytes()).await;
        let why = format!("length: an object of {length} bytes (allowed: {wanted} bytes)");
        assert_eq!((status, &answer["detail"]), (StatusCode::FORBIDDEN, &json!(why)));
        assert_eq!(parts(&edge), 0, "{length}");
    }
    // Nor in one request is more taken than can be said.
    let (status, answer) = site.post(&edge, "mask", vec![0; wanted + 1]).await;
    let answer: Value = serde_json::from_slice(&answer).unwrap();
    let why = format!("'mask': the request has {} bytes; at most {wanted} are taken", wanted + 1);
    assert_eq!((status, &answer["detail"]), (StatusCode::FORBIDDEN, &json!(why)));
    let body = piece(ObjectId::of(said), said, 0);
    assert_eq!(append(&edge, &site.client, &site.mask(), body).await, done());
});

both!(what_is_incomplete_of_a_masked_update_goes_with_its_round, async |t: TestDb| {
    let edge = Edge::new(t)?;
    let (federation, sites) = begun(&edge).await?;
    let clients = shared(&edge, &federation, &sites).await?;
    let inputs = masked(&edge, &sites, clients).await;
    let (site, said) = (&sites[0], &inputs[0].1);
    let id = ObjectId::of(said);
    let (begun, offset) = (piece(id, said, 0), 100);
    let head = begun.len() - said.len();
    send(&edge, &site.client, Method::PATCH, &site.mask(), broken(begun[..head + offset].to_vec())).await;
    for wrong in [0, offset - 1, offset + 1, said.len()] {
        let (status, answer) = append(&edge, &site.client, &site.mask(), piece(id, said, wrong)).await;
        assert_eq!((status, &answer["partial"]["offset"]), (StatusCode::CONFLICT, &json!(offset)), "{wrong}");
    }
    // Another node does not see it, nor does who has no part in the exchange.
    assert_eq!(look(&edge, &sites[1].client, &sites[1].mask()).await.1["partial"], json!(null));
    assert_eq!(look(&edge, &sites[1].client, &site.mask()).await.0, StatusCode::FORBIDDEN);
    assert_eq!(parts(&edge), 1);
    cancel::cancel(&edge.t.operator(), &edge.domain, federation.id, "enough").await?;
    edge.drive(&federation).await?;
    assert_eq!(files(&edge.domain.objects.root().join("rounds")), Vec::<std::path::PathBuf>::new());
    let (status, _) = append(&edge, &site.client, &site.mask(), piece(id, said, offset)).await;
    assert_eq!(status, StatusCode::FORBIDDEN);
    assert_eq!(parts(&edge), 0);
});
