//! Webhooks: who gets what, when it is tried again, when it ends.

use std::{
    collections::VecDeque,
    pin::Pin,
    sync::{Arc, Mutex},
};

use serde_json::Value;
use thunderflow::{
    Flow,
    webhooks::{DeliveryState, Post, Sender, change, create, deliver, read, sign, sort},
};
use thunderline_contracts::flow::WebhookDisabled;
use thunderline_core::{Action, Error, ErrorKind, Result, Rule, SignedDuration};
use thunderline_testkit::{TestDb, both};

use crate::tell;

const RELAY: Action = Action::new("t.relay", Rule::System);

/// A receiver that answers as it is told, then 200, and remembers what it took.
#[derive(Default)]
struct Receiver {
    /// Only what has this in its body is answered as told: several requests are under way at once.
    about: Mutex<String>,
    answers: Mutex<VecDeque<Result<u16, ErrorKind>>>,
    taken: Mutex<Vec<Post>>,
}

impl Sender for Receiver {
    fn send(&self, post: Post) -> Pin<Box<dyn Future<Output = Result<u16>> + Send + '_>> {
        let meant = post.body.contains(&*self.about.lock().unwrap());
        let told = if meant { self.answers.lock().unwrap().pop_front() } else { None };
        let answer = told.unwrap_or(Ok(200));
        if answer == Ok(200) {
            self.taken.lock().unwrap().push(post);
        }
        Box::pin(std::future::ready(answer.map_err(|kind| Error::new(kind, "as told"))))
    }
}

impl Receiver {
    fn will(&self, answers: impl IntoIterator<Item = Result<u16, ErrorKind>>) {
        self.answers.lock().unwrap().extend(answers);
    }

    fn bodies(&self) -> Vec<Value> {
        self.taken.lock().unwrap().iter().map(|post| serde_json::from_str(&post.body).unwrap()).collect()
    }

    /// The nodes whose leaving it took, in order.
    fn nodes(&self) -> Vec<String> {
        self.bodies().iter().map(|body| body["data"]["node"].as_str().unwrap_or("-").to_owned()).collect()
    }
}

struct Hook {
    flow: Flow,
    receiver: Arc<Receiver>,
    name: &'static str,
    sorted: Mutex<i64>,
}

impl Hook {
    async fn new(t: &TestDb, events: &[&str]) -> Result<Self> {
        let receiver = Arc::new(Receiver::default());
        let flow = Flow::new(t.db().clone()).sending(receiver.clone());
        let events = events.iter().map(|&event| event.to_owned()).collect();
        create::create(&t.admin(), &flow, "ward", "https://example.org/x", events).await?;
        let last = t.db().last_sequence().await?;
        Ok(Self { flow, receiver, name: "ward", sorted: Mutex::new(last) })
    }

    /// What the relay and the worker do: new events are sorted, what is due is sent. Gives the pause that is asked for.
    async fn turn(&self, t: &TestDb) -> Result<Option<SignedDuration>> {
        let after = *self.sorted.lock().unwrap();
        for event in t.db().events(after, 1_000, &Default::default()).await? {
            let mut write = t.db().write(&t.system(), &RELAY).await?;
            sort::on_event(&t.system(), &event, &mut write).await?;
            write.commit_derived().await?;
            *self.sorted.lock().unwrap() = event.sequence;
        }
        let webhook = read::get_webhook(&t.operator(), &self.flow, self.name).await?;
        deliver::deliver(&t.system(), &self.flow, webhook.id).await
    }

    /// Waits for the next attempt and makes it.
    async fn later(&self, t: &TestDb) -> Result<Option<SignedDuration>> {
        let pause = self.turn(t).await?.expect("something waits");
        t.clock.advance(pause);
        self.turn(t).await
    }

    async fn states(&self, t: &TestDb) -> Result<Vec<(DeliveryState, u32)>> {
        let mut found = read::list_deliveries(&t.operator(), &self.flow, self.name, None, None, 100).await?;
        found.reverse();
        Ok(found.iter().map(|it| (it.state, it.attempts)).collect())
    }
}

both!(an_event_that_is_wanted_arrives_signed_under_its_own_id, async |t: TestDb| {
    let hook = Hook::new(&t, &["link.node.*"]).await?;
    tell(&t.operator(), t.db(), 7).await?;
    assert_eq!(hook.turn(&t).await?, None);
    let event = t.events().await.pop().unwrap();
    let post = hook.receiver.taken.lock().unwrap()[0].clone();
    let header = |name: &str| post.headers.iter().find(|it| it.0 == name).map(|it| it.1.clone()).unwrap();
    assert_eq!((post.url.as_str(), header("webhook-id")), ("https://example.org/x", event.id.to_string()));
    assert_eq!(header("webhook-timestamp"), t.system().now().as_second().to_string());
    assert!(header("webhook-signature").starts_with("v1,"));
    let body = &hook.receiver.bodies()[0];
    assert_eq!((&body["type"], &body["data"]["node"]), (&"link.node.left".into(), &"7".into()));
    assert_eq!(body["sequence"], event.sequence);
    // What it does not want is not for it.
    let other = Hook { name: "ward", ..hook };
    other.turn(&t).await?;
    assert_eq!(other.states(&t).await?, [(DeliveryState::Delivered, 1)]);
});

both!(the_secret_signs_what_is_sent_and_is_shown_once, async |t: TestDb| {
    let receiver = Arc::new(Receiver::default());
    let flow = Flow::new(t.db().clone()).sending(receiver.clone());
    let (_, secret) =
        create::create(&t.admin(), &flow, "ward", "http://example.org", vec!["*".into()]).await?;
    let hook = Hook { flow, receiver, name: "ward", sorted: Mutex::new(t.db().last_sequence().await?) };
    tell(&t.operator(), t.db(), 7).await?;
    hook.turn(&t).await?;
    let post = hook.receiver.taken.lock().unwrap()[0].clone();
    let header = |name: &str| post.headers.iter().find(|it| it.0 == name).map(|it| it.1.clone()).unwrap();
    let timestamp = header("webhook-timestamp").parse().unwrap();
    let expected = sign::signature(&secret, &header("webhook-id"), timestamp, &post.body)?;
    assert_eq!(header("webhook-signature"), expected);
});

both!(a_failure_is_tried_again_and_delays_only_what_is_about_the_same_thing, async |t: TestDb| {
    let hook = Hook::new(&t, &["*"]).await?;
    for node in [1, 1, 2] {
        tell(&t.operator(), t.db(), node).await?;
    }
    *hook.receiver.about.lock().unwrap() = r#""node":"1""#.into();
    hook.receiver.will([Err(ErrorKind::Unavailable)]);
    let pause = hook.turn(&t).await?.expect("the first waits");
    assert!((5..6).contains(&pause.as_secs()), "{pause:?}");
    assert_eq!(hook.receiver.nodes(), ["2"], "the second about node 1 waits for the first");
    hook.receiver.will([Ok(503)]);
    let pause = hook.later(&t).await?.expect("the first waits again");
    assert!((300..331).contains(&pause.as_secs()), "{pause:?}");
    assert_eq!(hook.later(&t).await?, None);
    assert_eq!(hook.receiver.nodes(), ["2", "1", "1"]);
    let sequences: Vec<_> = hook.receiver.bodies().iter().map(|body| body["sequence"].as_i64()).collect();
    assert!(sequences[1] < sequences[2], "in order: {sequences:?}");
    let delivered = |tries| (DeliveryState::Delivered, tries);
    assert_eq!(hook.states(&t).await?, [delivered(3), delivered(1), delivered(1)]);
});

both!(what_is_refused_is_given_up_sooner_than_what_may_pass, async |t: TestDb| {
    let hook = Hook::new(&t, &["*"]).await?;
    tell(&t.operator(), t.db(), 1).await?;
    hook.receiver.will([Ok(404); 5]);
    for _ in 0..4 {
        hook.later(&t).await?;
    }
    assert_eq!(hook.states(&t).await?, [(DeliveryState::Failed, 5)]);
    tell(&t.operator(), t.db(), 1).await?;
    hook.receiver.will([Err(ErrorKind::Forbidden)]);
    assert_eq!(hook.turn(&t).await?, None);
    assert_eq!(hook.states(&t).await?[1], (DeliveryState::Failed, 1), "an address that must not be called");
});

both!(one_that_fails_for_five_days_or_is_gone_is_disabled_and_can_be_enabled_again, async |t: TestDb| {
    let hook = Hook::new(&t, &["link.*"]).await?;
    tell(&t.operator(), t.db(), 1).await?;
    hook.receiver.will([Ok(500); 10]);
    for _ in 0..9 {
        hook.later(&t).await?;
    }
    let webhook = read::get_webhook(&t.operator(), &hook.flow, "ward").await?;
    assert!(webhook.enabled && webhook.failing_since.is_some(), "three days so far");
    assert_eq!(hook.states(&t).await?, [(DeliveryState::Failed, 10)]);
    t.clock.advance(SignedDuration::from_hours(48));
    tell(&t.operator(), t.db(), 2).await?;
    hook.receiver.will([Ok(500)]);
    assert_eq!(hook.turn(&t).await?.map(|_| ()), None, "nothing is sent any more");
    let webhook = read::get_webhook(&t.operator(), &hook.flow, "ward").await?;
    assert_eq!((webhook.enabled, webhook.reason.as_str()), (false, "it has failed for five days"));
    assert_eq!(t.events_of::<WebhookDisabled>().await.len(), 1);
    t.assert_audited("flow.webhook.deliver", webhook.id).await;

    tell(&t.operator(), t.db(), 3).await?;
    assert_eq!(hook.turn(&t).await?, None);
    assert!(hook.receiver.nodes().is_empty());
    change::enable(&t.admin(), &hook.flow, "ward").await?;
    hook.turn(&t).await?;
    let mut nodes = hook.receiver.nodes();
    nodes.sort();
    assert_eq!(nodes, ["1", "2"], "what was given up, side by side; not what happened while it was disabled");

    tell(&t.operator(), t.db(), 4).await?;
    hook.receiver.will([Ok(410)]);
    hook.turn(&t).await?;
    let webhook = read::get_webhook(&t.operator(), &hook.flow, "ward").await?;
    assert!(!webhook.enabled && webhook.reason.contains("410"), "{webhook:?}");
});

both!(a_test_event_goes_to_the_one_that_is_tested, async |t: TestDb| {
    let hook = Hook::new(&t, &["fl.*"]).await?;
    create::create(&t.admin(), &hook.flow, "other", "http://example.org", vec!["*".into()]).await?;
    *hook.sorted.lock().unwrap() = t.db().last_sequence().await?;
    change::test(&t.operator(), &hook.flow, "ward").await?;
    hook.turn(&t).await?;
    assert_eq!(hook.receiver.bodies()[0]["type"], "flow.webhook.tested");
    assert!(read::list_deliveries(&t.operator(), &hook.flow, "other", None, None, 9).await?.is_empty());
});

both!(a_consumer_that_is_set_back_has_events_sent_again, async |t: TestDb| {
    let hook = Hook::new(&t, &["link.*"]).await?;
    let before = *hook.sorted.lock().unwrap();
    tell(&t.operator(), t.db(), 1).await?;
    hook.turn(&t).await?;
    *hook.sorted.lock().unwrap() = before;
    hook.turn(&t).await?;
    assert_eq!(hook.receiver.nodes(), ["1", "1"]);
    assert_eq!(hook.states(&t).await?, [(DeliveryState::Delivered, 1)]);
});

both!(what_is_wrong_with_a_webhook_is_said_at_once, async |t: TestDb| {
    let flow = Flow::new(t.db().clone());
    let made = async |name: &str, url: &str, events: &[&str]| {
        let events = events.iter().map(|&event| event.to_owned()).collect();
        create::create(&t.admin(), &flow, name, url, events).await
    };
    let wrong = made("Ward 3", "ftp://x", &["fl.round.exploded", "fl*"]).await.unwrap_err();
    let paths: Vec<_> = wrong.problems().iter().map(|it| it.path.as_str()).collect();
    assert_eq!(paths, ["name", "url", "events[0]", "events[1]"]);
    for url in ["http://user:secret@example.org/", "http://", "https:///x", "http://exa mple.org"] {
        assert_eq!(made("x", url, &["*"]).await.unwrap_err().code(), "invalid", "{url}");
    }
    made("ward", "http://example.org", &["*"]).await?;
    assert_eq!(made("ward", "http://example.org", &["*"]).await.unwrap_err().code(), "conflict");
    let denied =
        create::create(&t.operator(), &flow, "y", "http://example.org", vec!["*".into()]).await.unwrap_err();
    assert_eq!(denied.code(), "forbidden");
    assert_eq!(change::enable(&t.admin(), &flow, "ward").await.unwrap_err().code(), "conflict");
    change::disable(&t.admin(), &flow, "ward").await?;
    assert_eq!(change::test(&t.operator(), &flow, "ward").await.unwrap_err().code(), "conflict");
    change::delete(&t.admin(), &flow, "ward").await?;
    assert_eq!(read::get_webhook(&t.operator(), &flow, "ward").await.unwrap_err().code(), "not_found");
});
