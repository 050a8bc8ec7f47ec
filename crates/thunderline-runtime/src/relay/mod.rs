//! Hands events to those who subscribed, in order and at least once.
//!
//! What a handler writes and the move of its cursor are one transaction, so that a projection holds exactly the events
//! up to its cursor. Each consumer has its own cursor: one that fails delays nobody else. Several processes may relay the
//! same subscription; whoever moves the cursor says from where, so one of them is first and the others look again.
//!
//! One file each: [`subscription`] (who wants what), [`patience`] (how often a failure is tried again), [`place`] (where a
//! consumer stands), [`deliver`] (events in a transaction), [`replay`] (events that were put aside).

mod deliver;
mod patience;
mod place;
mod replay;
mod subscription;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use futures::future::join_all;
use thunderline_core::{Action, Cx, Error, ErrorKind, Result, Rule};
use thunderline_store::{Db, EVENTS, EventFilter};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use deliver::Delivered;
pub use patience::{budget, pause};
use place::Place;
pub use subscription::{Pipeline, Policy, Subscription};

/// The longest time between two looks at the outbox: how late an event of another process can be noticed.
const POLL: Duration = Duration::from_secs(1);
/// Events read at once.
const PAGE: u32 = 512;
/// The longest pause after a failure that no policy gives up.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
const FIRST_PAUSE: Duration = Duration::from_secs(2);
/// Events of others after which a consumer's cursor is moved over them, so that they need not be kept for it.
const PASSED_OVER: i64 = 1_000;

const DELIVER: Action = Action::new("tl.event.deliver", Rule::System);
const SET_ASIDE: Action = Action::new("tl.event.set_aside", Rule::System);

/// What one pass did.
#[derive(Debug, Default)]
pub struct Relayed {
    /// Events handled, counted once per consumer.
    pub delivered: usize,
    /// Events put aside, those included that wait behind another one.
    pub set_aside: usize,
    /// Consumers that stopped at an event, and why.
    pub failures: Vec<(&'static str, Error)>,
}

/// Why a consumer stopped.
struct Stop {
    error: Error,
    /// What its policy says; without one, the pause grows by itself.
    pause: Option<Duration>,
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self { error, pause: None }
    }
}

/// Hands events to subscriptions. Cheap to clone.
#[derive(Clone)]
pub struct Relay {
    db: Db,
    subscriptions: Arc<[Subscription]>,
    places: Arc<Mutex<HashMap<&'static str, Place>>>,
}

impl Relay {
    /// A relay for these subscriptions.
    ///
    /// # Panics
    /// Where two subscriptions share a cursor.
    #[must_use]
    pub fn new(db: Db, subscriptions: Vec<Subscription>) -> Self {
        for (index, subscription) in subscriptions.iter().enumerate() {
            let twin = subscriptions[..index].iter().any(|other| other.consumer == subscription.consumer);
            assert!(!twin, "consumer {} subscribes twice", subscription.consumer);
        }
        Self { db, subscriptions: subscriptions.into(), places: Arc::default() }
    }

    /// Hands every consumer all events that it has not handled yet, up to its first failure. A failure counts as one of
    /// the tries that the consumer's policy allows.
    pub async fn run_once(&self, cx: &Cx) -> Relayed {
        let mut relayed = Relayed::default();
        for subscription in self.subscriptions.iter() {
            if let Err(stop) = self.advance(subscription, cx, None, &mut relayed).await {
                relayed.failures.push((subscription.consumer, stop.error));
            }
        }
        relayed
    }

    /// Relays until cancelled, each consumer at its own pace.
    ///
    /// # Errors
    /// Never by itself: failures are logged and tried again with growing pauses.
    pub async fn run(&self, cx: Cx, cancel: CancellationToken) -> Result<()> {
        join_all(self.subscriptions.iter().map(|subscription| self.follow(subscription, &cx, &cancel))).await;
        // Where there are none: an end would look like a shutdown.
        cancel.cancelled().await;
        Ok(())
    }

    async fn follow(&self, subscription: &Subscription, cx: &Cx, cancel: &CancellationToken) {
        let _working = self.db.work_for(subscription.consumer);
        let mut growing = FIRST_PAUSE;
        while !cancel.is_cancelled() {
            let waiter = self.db.signals().waiter(EVENTS);
            let mut relayed = Relayed::default();
            let outcome = self.advance(subscription, cx, Some(cancel), &mut relayed).await;
            if relayed.delivered > 0 {
                growing = FIRST_PAUSE;
            }
            if let Err(Stop { error, pause }) = outcome {
                let millis = pause.unwrap_or(growing).as_millis();
                let consumer = subscription.consumer;
                tracing::error!(
                    consumer,
                    pause_ms = millis,
                    error = error.chain(),
                    "an event was not handled"
                );
                tokio::select! {
                    () = cancel.cancelled() => {}
                    () = sleep(pause.unwrap_or(growing)) => {}
                }
                growing = (growing * 2).min(LONGEST_PAUSE);
            } else {
                growing = FIRST_PAUSE;
                tokio::select! {
                    () = cancel.cancelled() => {}
                    _ = timeout(POLL, waiter.wait()) => {}
                }
            }
        }
    }

    /// Handles all events that there are for one consumer, those first that are to be replayed.
    async fn advance(
        &self,
        subscription: &Subscription,
        cx: &Cx,
        cancel: Option<&CancellationToken>,
        relayed: &mut Relayed,
    ) -> Result<(), Stop> {
        let (consumer, names) = (subscription.consumer, subscription.names);
        let cancelled = || cancel.is_some_and(CancellationToken::is_cancelled);
        if !self.place(consumer).registered {
            self.register(subscription, cx).await?;
        }
        self.replay(subscription, cx, relayed).await?;
        let filter = EventFilter::named(names);
        self.find(consumer).await?;
        while !cancelled() {
            let after = self.place(consumer).looked;
            // Read before the page: what the page does not show up to here is not for this consumer.
            let newest = self.db.last_sequence().await?;
            if newest <= after {
                break;
            }
            let page = self.db.events(after, PAGE, &filter).await?;
            if page.is_empty() {
                self.at(consumer, |place| place.looked = newest);
                self.pass_over(consumer, cx).await?;
                break;
            }
            for batch in
                page.chunk_by(|a, b| a.tenant == b.tenant).flat_map(|run| run.chunks(subscription.batch))
            {
                if cancelled() {
                    break;
                }
                match self.deliver(subscription, cx, batch, relayed).await? {
                    Delivered::Done => {}
                    Delivered::Moved => {
                        // Where the consumer was forgotten, it begins anew.
                        self.register(subscription, cx).await?;
                        self.find(consumer).await?;
                        break;
                    }
                }
            }
        }
        Ok(())
    }

    async fn register(&self, subscription: &Subscription, cx: &Cx) -> Result<()> {
        let (consumer, pipeline) = (subscription.consumer, subscription.pipeline.name());
        self.db.register_consumer(cx, consumer, pipeline, subscription.names).await?;
        self.at(consumer, |place| place.registered = true);
        Ok(())
    }

    async fn find(&self, consumer: &'static str) -> Result<()> {
        let stands = self.db.cursor(consumer).await?;
        self.at(consumer, |place| place.found(stands));
        Ok(())
    }

    /// Moves the cursor over many events that were not for this consumer.
    async fn pass_over(&self, consumer: &'static str, cx: &Cx) -> Result<()> {
        let Place { cursor, looked, .. } = self.place(consumer);
        if looked - cursor < PASSED_OVER {
            return Ok(());
        }
        let cx = cx.as_system(consumer);
        let mut write = self.db.write(&cx, &DELIVER).await?;
        match write.move_cursor(consumer, cursor, looked).await {
            Ok(()) => write.commit_derived().await?,
            Err(moved) if moved.kind() == ErrorKind::Conflict => return Ok(()),
            Err(other) => return Err(other),
        }
        self.at(consumer, |place| place.cursor = looked);
        Ok(())
    }

    fn place(&self, consumer: &'static str) -> Place {
        self.places.lock().unwrap_or_else(PoisonError::into_inner).entry(consumer).or_default().clone()
    }

    fn at<T>(&self, consumer: &'static str, change: impl FnOnce(&mut Place) -> T) -> T {
        change(self.places.lock().unwrap_or_else(PoisonError::into_inner).entry(consumer).or_default())
    }
}
