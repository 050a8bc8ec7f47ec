//! Hands events to those who subscribed, in order and at least once.
//!
//! What a handler writes and the advance of its cursor are one transaction, so that a projection holds exactly the
//! events up to its cursor. Each consumer has its own cursor: one that fails stops alone, keeps its place and tries
//! again. Several processes may relay the same subscription; the cursor decides who was first.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use futures::future::{BoxFuture, join_all};
use thunderline_core::{Action, Cx, Envelope, Error, Result, Rule};
use thunderline_store::{Db, EVENTS, EventFilter, Write};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::guard::guarded;

/// The longest time between two looks at the outbox: how late an event of another process can be noticed.
const POLL: Duration = Duration::from_secs(1);
/// Events read at once.
const PAGE: u32 = 100;
/// Pauses after failures, in seconds, doubling up to the longest.
const LONGEST_PAUSE: u64 = 60;

const DELIVER: Action = Action::new("tl.event.deliver", Rule::System);

type Handler =
    dyn for<'a> Fn(&'a Cx, &'a Envelope, &'a mut Write) -> BoxFuture<'a, Result<()>> + Send + Sync + 'static;

/// Who wants which events, and what it makes of them.
#[derive(Clone)]
pub struct Subscription {
    consumer: &'static str,
    names: &'static [&'static str],
    handler: Arc<Handler>,
}

impl Subscription {
    /// `consumer` is the name of the cursor (`domain.purpose`): renaming it replays all events. The handler writes only
    /// through the [`Write`] that it is given, which also enqueues jobs; it must not open another one, commit is not its
    /// business, and slow work belongs into a job.
    pub fn new<F>(consumer: &'static str, names: &'static [&'static str], handler: F) -> Self
    where
        F: for<'a> Fn(&'a Cx, &'a Envelope, &'a mut Write) -> BoxFuture<'a, Result<()>>
            + Send
            + Sync
            + 'static,
    {
        Self { consumer, names, handler: Arc::new(handler) }
    }

    /// The name of the cursor.
    #[must_use]
    pub fn consumer(&self) -> &'static str {
        self.consumer
    }

    /// The names of the events.
    #[must_use]
    pub fn names(&self) -> &'static [&'static str] {
        self.names
    }
}

/// What one pass did.
#[derive(Debug, Default)]
pub struct Relayed {
    /// Events handled, counted once per consumer.
    pub delivered: usize,
    /// Consumers that stopped at an event, and why.
    pub failures: Vec<(&'static str, Error)>,
}

/// Hands events to subscriptions. Cheap to clone.
#[derive(Clone)]
pub struct Relay {
    db: Db,
    subscriptions: Arc<[Subscription]>,
    /// How far each consumer has looked: at or beyond its cursor, which stands at the last event that was for it.
    looked: Arc<Mutex<HashMap<&'static str, i64>>>,
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
        Self { db, subscriptions: subscriptions.into(), looked: Arc::default() }
    }

    /// Hands every consumer all events that it has not handled yet, up to its first failure.
    pub async fn run_once(&self, cx: &Cx) -> Relayed {
        let mut relayed = Relayed::default();
        for subscription in self.subscriptions.iter() {
            let (delivered, outcome) = self.advance(subscription, cx, None).await;
            relayed.delivered += delivered;
            if let Err(error) = outcome {
                relayed.failures.push((subscription.consumer, error));
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
        let mut pause = 1;
        while !cancel.is_cancelled() {
            let waiter = self.db.signals().waiter(EVENTS);
            let (delivered, outcome) = self.advance(subscription, cx, Some(cancel)).await;
            if let Err(error) = outcome {
                pause = if delivered > 0 { 1 } else { (pause * 2).min(LONGEST_PAUSE) };
                let consumer = subscription.consumer;
                tracing::error!(consumer, pause, error = error.chain(), "an event was not handled");
                tokio::select! {
                    () = cancel.cancelled() => {}
                    () = sleep(Duration::from_secs(pause)) => {}
                }
            } else {
                pause = 1;
                tokio::select! {
                    () = cancel.cancelled() => {}
                    _ = timeout(POLL, waiter.wait()) => {}
                }
            }
        }
    }

    /// Handles all events that there are for one consumer; returns how many, and why it stopped early.
    async fn advance(
        &self,
        subscription: &Subscription,
        cx: &Cx,
        cancel: Option<&CancellationToken>,
    ) -> (usize, Result<()>) {
        let mut delivered = 0;
        let outcome = self.pages(subscription, cx, cancel, &mut delivered).await;
        (delivered, outcome)
    }

    async fn pages(
        &self,
        subscription: &Subscription,
        cx: &Cx,
        cancel: Option<&CancellationToken>,
        delivered: &mut usize,
    ) -> Result<()> {
        let consumer = subscription.consumer;
        let filter = EventFilter::named(subscription.names);
        let mut after = self.looked(consumer).max(self.db.cursor(consumer).await?);
        loop {
            // Read before the page: what the page does not show up to here is not for this consumer.
            let newest = self.db.last_sequence().await?;
            if newest <= after {
                return Ok(());
            }
            let page = self.db.events(after, PAGE, &filter).await?;
            for event in &page {
                if cancel.is_some_and(CancellationToken::is_cancelled) {
                    return Ok(());
                }
                if self.deliver(subscription, cx, event).await? {
                    *delivered += 1;
                }
                after = event.sequence;
                self.look(consumer, after);
            }
            if page.is_empty() {
                self.look(consumer, newest);
                return Ok(());
            }
        }
    }

    /// False where another process handled the event before.
    async fn deliver(&self, subscription: &Subscription, cx: &Cx, event: &Envelope) -> Result<bool> {
        let consumer = subscription.consumer;
        let cx = cx.as_system(consumer).caused_by(event.tenant, event.correlation, Some(event.id.0));
        let mut write = self.db.write(&cx, &DELIVER).await?;
        // First, so that a second relay waits here rather than doing the same work.
        if let Err(error) = write.advance_cursor(consumer, event.sequence).await {
            drop(write);
            let handled = self.db.cursor(consumer).await? >= event.sequence;
            return if handled { Ok(false) } else { Err(error) };
        }
        let handler = &subscription.handler;
        guarded(consumer, async { handler(&cx, event, &mut write).await }).await?;
        write.commit_derived().await?;
        Ok(true)
    }

    fn looked(&self, consumer: &str) -> i64 {
        let looked = self.looked.lock().unwrap_or_else(PoisonError::into_inner);
        looked.get(consumer).copied().unwrap_or(0)
    }

    fn look(&self, consumer: &'static str, sequence: i64) {
        let mut looked = self.looked.lock().unwrap_or_else(PoisonError::into_inner);
        let seen = looked.entry(consumer).or_insert(0);
        *seen = sequence.max(*seen);
    }
}
