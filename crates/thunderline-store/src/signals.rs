//! Wake-ups: lossy hints that something changed. No correctness rests on them; whoever waits also looks again after a
//! while. They reach this process, and others only where those [listen](crate::Db::listen).

use std::{
    collections::HashMap,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::sync::{Notify, futures::OwnedNotified};

/// The topic that is notified when jobs were enqueued.
pub const JOBS: &str = "jobs";
/// The topic that is notified when events were emitted.
pub const EVENTS: &str = "events";

/// The wake-up exchange. Cheap to clone.
#[derive(Clone, Default)]
pub struct Signals {
    topics: Arc<Mutex<HashMap<String, Arc<Notify>>>>,
}

/// A registered wish to be woken; made *before* looking, so that a change between looking and waiting is not missed.
pub struct Waiter {
    key: String,
    signals: Signals,
    topic: Option<Arc<Notify>>,
    notified: Option<Pin<Box<OwnedNotified>>>,
}

impl Signals {
    /// Registers for `key`. Everything notified from now on, also before [`Waiter::wait`], wakes the waiter.
    #[must_use]
    pub fn waiter(&self, key: &str) -> Waiter {
        let topic = self.lock().entry(key.to_owned()).or_default().clone();
        let notified = Box::pin(topic.clone().notified_owned());
        Waiter { key: key.to_owned(), signals: self.clone(), topic: Some(topic), notified: Some(notified) }
    }

    /// Wakes all that are registered for `key` now.
    pub fn notify(&self, key: &str) {
        let topic = self.lock().get(key).cloned();
        if let Some(topic) = topic {
            topic.notify_waiters();
        }
    }

    /// Wakes everybody.
    pub fn notify_all(&self) {
        let topics: Vec<_> = self.lock().values().cloned().collect();
        for topic in topics {
            topic.notify_waiters();
        }
    }

    /// The number of keys that somebody waits for.
    #[must_use]
    pub fn topics(&self) -> usize {
        self.lock().len()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<String, Arc<Notify>>> {
        self.topics.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiter {
    /// Waits until the key is notified; at once if it was since the waiter was made.
    pub async fn wait(mut self) {
        if let Some(notified) = self.notified.as_mut() {
            notified.await;
        }
    }
}

impl Drop for Waiter {
    fn drop(&mut self) {
        let mut topics = self.signals.topics.lock().unwrap_or_else(PoisonError::into_inner);
        // The future and the handle each hold the topic; once only the map does, nobody waits any more.
        self.notified = None;
        self.topic = None;
        if topics.get(&self.key).is_some_and(|topic| Arc::strong_count(topic) == 1) {
            topics.remove(&self.key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_notification_between_registering_and_waiting_is_not_lost() {
        let signals = Signals::default();
        let (first, second) = (signals.waiter("node:1"), signals.waiter("node:1"));
        signals.notify("node:1");
        first.wait().await;
        second.wait().await;
        assert_eq!(signals.topics(), 0, "nobody waits, nothing is kept");
    }

    #[tokio::test]
    async fn a_notification_wakes_only_its_own_key() {
        let signals = Signals::default();
        let mut other = Box::pin(signals.waiter("node:2").wait());
        signals.notify("node:1");
        assert!(
            std::future::poll_fn(|cx| std::task::Poll::Ready(other.as_mut().poll(cx))).await.is_pending()
        );
        drop(other);
        assert_eq!(signals.topics(), 0);
    }
}
