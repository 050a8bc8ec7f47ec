//! Webhooks against a real receiver that misbehaves.

use std::{
    collections::{BTreeMap, VecDeque},
    io::{BufRead, BufReader, Write as _},
    net::{TcpListener, TcpStream},
    sync::Mutex,
    thread,
};

use serde_json::{Value, json};
use thunderflow::{
    Flow,
    webhooks::{DeliveryState, create, deliver, read, sign, sort},
};
use thunderline_contracts::flow::ExternalReceived;
use thunderline_runtime::{Pipeline, Relay, Subscription};
use thunderline_testkit::{Engine, TestDb};

use super::*;

/// Longer than any answer that is meant to arrive, shorter than the one that is not.
const SHORT: Duration = Duration::from_secs(5);

#[test]
fn only_the_public_internet_is_called() {
    for good in
        ["1.1.1.1", "93.184.215.14", "172.32.0.1", "100.128.0.1", "2606:4700::1111", "2001:4860:4860::8888"]
    {
        assert!(is_public(good.parse().unwrap()), "{good}");
    }
    for bad in [
        "0.0.0.0",
        "10.1.2.3",
        "127.0.0.1",
        "100.64.0.1",
        "169.254.169.254",
        "172.16.0.1",
        "172.31.255.255",
        "192.168.1.1",
        "192.0.0.8",
        "192.0.2.1",
        "198.18.0.1",
        "198.51.100.7",
        "203.0.113.9",
        "224.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "fe80::1",
        "fc00::1",
        "fd12::1",
        "ff02::1",
        "2001:db8::1",
        "2001::1",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "64:ff9b::a00:1",
        "2002:7f00:1::",
    ] {
        assert!(!is_public(bad.parse().unwrap()), "{bad}");
    }
}

/// How a receiver meets one request.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Manner {
    Answer(u16),
    /// Takes the request and dies before it answers.
    Die,
    /// Never answers.
    Stall,
}

/// Headers, body, and how each was answered.
type Requests = Arc<Mutex<Vec<(BTreeMap<String, String>, String, Manner)>>>;

/// A receiver in a thread of its own: meets requests as it is told, then takes them.
#[derive(Clone)]
struct Receiver {
    url: String,
    script: Arc<Mutex<VecDeque<Manner>>>,
    /// Headers and body of each request that it read to the end, and how it met it.
    requests: Requests,
}

impl Receiver {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        let it = Self { url, script: Arc::default(), requests: Arc::default() };
        let receiver = it.clone();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let receiver = receiver.clone();
                thread::spawn(move || receiver.meet(stream.unwrap()));
            }
        });
        it
    }

    fn will(&self, manners: &[Manner]) {
        self.script.lock().unwrap().extend(manners);
    }

    fn meet(&self, stream: TcpStream) {
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        let mut writer = stream;
        while let Some((headers, body)) = request(&mut reader) {
            let manner = self.script.lock().unwrap().pop_front().unwrap_or(Manner::Answer(200));
            self.requests.lock().unwrap().push((headers, body, manner));
            match manner {
                Manner::Answer(status) => {
                    let location = "location: http://127.0.0.1:1/elsewhere";
                    write!(writer, "HTTP/1.1 {status} x\r\ncontent-length: 0\r\n{location}\r\n\r\n").unwrap();
                }
                Manner::Die => return,
                Manner::Stall => loop {
                    thread::park();
                },
            }
        }
    }

    /// The bodies of the requests that were met like this.
    fn met(&self, manner: Manner) -> Vec<Value> {
        let requests = self.requests.lock().unwrap();
        let met = requests.iter().filter(|request| request.2 == manner);
        met.map(|request| serde_json::from_str(&request.1).unwrap()).collect()
    }
}

fn request(reader: &mut impl BufRead) -> Option<(BTreeMap<String, String>, String)> {
    let mut line = String::new();
    if reader.read_line(&mut line).ok()? == 0 {
        return None;
    }
    let mut headers = BTreeMap::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
    }
    let length = headers.get("content-length").map_or(0, |length| length.parse().unwrap());
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some((headers, String::from_utf8(body).unwrap()))
}

async fn send(sender: &Arc<dyn Sender>, url: &str) -> Result<u16> {
    let headers = vec![("webhook-id", "x".to_owned())];
    sender.send(Post { url: url.into(), headers, body: "{}".into() }).await
}

#[tokio::test]
async fn answers_redirects_deaths_and_silence_are_told_apart() {
    let receiver = Receiver::start();
    let sender = within(SHORT, true);
    receiver.will(&[
        Manner::Answer(204),
        Manner::Answer(500),
        Manner::Answer(302),
        Manner::Die,
        Manner::Stall,
    ]);
    assert_eq!(send(&sender, &receiver.url).await.unwrap(), 204);
    assert_eq!(send(&sender, &receiver.url).await.unwrap(), 500);
    assert_eq!(send(&sender, &receiver.url).await.unwrap(), 302, "a redirect is not followed");
    assert_eq!(send(&sender, &receiver.url).await.unwrap_err().code(), "unavailable");
    assert_eq!(send(&sender, &receiver.url).await.unwrap_err().code(), "timeout");
    assert_eq!(receiver.requests.lock().unwrap()[0].0["webhook-id"], "x");
}

#[tokio::test]
async fn a_name_of_this_machine_is_refused_unless_that_is_allowed() {
    let receiver = Receiver::start();
    for url in [receiver.url.clone(), receiver.url.replace("127.0.0.1", "localhost")] {
        let refused = send(&within(SHORT, false), &url).await.unwrap_err();
        assert_eq!(refused.code(), "forbidden");
        assert!(refused.chain().contains("--allow-private-webhooks"), "{}", refused.chain());
        assert_eq!(send(&within(SHORT, true), &url).await.unwrap(), 200);
    }
    assert_eq!(send(&within(SHORT, true), "ftp://example.org/").await.unwrap_err().code(), "invalid");
}

/// Events of three sources, told in turns.
async fn tell(t: &TestDb, flow: &Flow, events: usize) -> Result<()> {
    for number in 0..events {
        let fact = ExternalReceived {
            source: format!("ward-{}", number % 3),
            id: number.to_string(),
            kind: "bed.freed".into(),
            time: None,
            data: json!({ "number": number }),
        };
        thunderflow::events::publish::publish(&t.operator(), flow, fact).await?;
    }
    Ok(())
}

#[test]
fn every_event_arrives_at_least_once_and_in_order_per_subject_at_a_receiver_that_fails_stalls_and_dies() {
    for engine in [Engine::Sqlite, Engine::Postgres] {
        thunderline_testkit::run(engine, crate::compose::MIGRATIONS, |t: TestDb| async move {
            const EVENTS: usize = 30;
            let receiver = Receiver::start();
            let flow = Flow::new(t.db().clone()).sending(within(SHORT, true));
            let wanted = vec!["evt.*".to_owned()];
            let (webhook, secret) = create::create(&t.admin(), &flow, "ward", &receiver.url, wanted).await?;
            tell(&t, &flow, EVENTS).await?;
            let sorting = Subscription::new(sort::CONSUMER, &[], |cx, event, write| {
                Box::pin(sort::on_event(cx, event, write))
            });
            let relay = Relay::new(t.db().clone(), vec![sorting.in_pipeline(Pipeline::General)]);
            assert!(relay.run_once(&t.system()).await.failures.is_empty());
            use Manner::{Answer, Die, Stall};
            receiver.will(&[
                Answer(200),
                Answer(500),
                Die,
                Answer(200),
                Stall,
                Answer(429),
                Answer(200),
                Die,
            ]);
            while let Some(pause) = deliver::deliver(&t.system(), &flow, webhook.id).await? {
                t.clock.advance(pause);
            }
            let states = read::list_deliveries(&t.operator(), &flow, "ward", None, None, 100).await?;
            assert!(states.iter().all(|it| it.state == DeliveryState::Delivered), "{states:#?}");
            assert_eq!(states.iter().map(|it| it.attempts).sum::<u32>(), EVENTS as u32 + 5);

            let taken = receiver.met(Answer(200));
            assert_eq!(taken.len(), EVENTS);
            for source in 0..3 {
                let of = |it: &&Value| it["subject"]["id"] == format!("ward-{source}");
                let numbers: Vec<_> = taken
                    .iter()
                    .filter(of)
                    .map(|it| it["data"]["data"]["number"].as_u64().unwrap())
                    .collect();
                let expected: Vec<_> = (0..EVENTS as u64).filter(|number| number % 3 == source).collect();
                assert_eq!(numbers, expected, "in order");
            }
            for (headers, body, _) in receiver.requests.lock().unwrap().iter() {
                let timestamp = headers["webhook-timestamp"].parse().unwrap();
                let expected = sign::signature(&secret, &headers["webhook-id"], timestamp, body)?;
                assert_eq!(headers["webhook-signature"], expected);
                let body: Value = serde_json::from_str(body).unwrap();
                assert_eq!(body["id"], headers["webhook-id"], "the same id at every attempt");
            }
            Ok(())
        });
    }
}
