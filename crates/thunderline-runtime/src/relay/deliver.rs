//! Events, the cursor over them and what their handler writes, in one transaction.

use std::collections::HashSet;

use thunderline_core::{
    Cx, Envelope, Error, ErrorClass, ErrorKind, Result,
    seams::{Bug, planted},
};
use thunderline_store::{Failure, Letter, Write};

use super::{DELIVER, Policy, Relay, Relayed, SET_ASIDE, Stop, Subscription, budget, pause};
use crate::guard::guarded;

/// How handing over a batch ended.
pub enum Delivered {
    /// All of it was handled or put aside.
    Done,
    /// The cursor is not where it was: another process or an operator moved it.
    Moved,
}

/// How a transaction over some events ended.
enum Tried {
    /// Committed; so many of the events were put aside since they wait behind another one.
    Committed(usize),
    Moved,
    /// The handler failed at the event with this index; nothing is committed.
    Failed(usize, Error),
}

/// The context in which a consumer handles an event.
pub fn context(cx: &Cx, consumer: &'static str, event: &Envelope) -> Cx {
    cx.as_system(consumer).caused_by(event.tenant, event.correlation, Some(event.id.0))
}

impl Relay {
    /// Hands over events of one tenant, all in one transaction if none of them fails.
    pub(super) async fn deliver(
        &self,
        subscription: &Subscription,
        cx: &Cx,
        batch: &[Envelope],
        relayed: &mut Relayed,
    ) -> Result<Delivered, Stop> {
        let mut rest = batch;
        let mut together = batch.len();
        while !rest.is_empty() {
            let (events, later) = rest.split_at(together.min(rest.len()));
            match self.try_together(subscription, cx, events).await? {
                Tried::Committed(held) => {
                    relayed.delivered += events.len() - held;
                    relayed.set_aside += held;
                    (rest, together) = (later, later.len());
                }
                Tried::Moved => return Ok(Delivered::Moved),
                // Those before it once more, without it; then it alone.
                Tried::Failed(index, _) if events.len() > 1 => together = index.max(1),
                Tried::Failed(_, error) => {
                    match self.give_up_or_wait(subscription, cx, &events[0], error).await? {
                        Delivered::Done => relayed.set_aside += 1,
                        Delivered::Moved => return Ok(Delivered::Moved),
                    }
                    (rest, together) = (later, later.len());
                }
            }
        }
        Ok(Delivered::Done)
    }

    async fn try_together(&self, subscription: &Subscription, cx: &Cx, events: &[Envelope]) -> Result<Tried> {
        let (Some(first), Some(last)) = (events.first(), events.last()) else {
            return Ok(Tried::Committed(0));
        };
        let consumer = subscription.consumer;
        let mut write = self.db.write(&context(cx, consumer, first), &DELIVER).await?;
        // First, so that a second relay waits here rather than doing the same work.
        let from = self.place(consumer).cursor;
        match write.move_cursor(consumer, from, last.sequence).await {
            Ok(()) => {}
            Err(moved) if moved.kind() == ErrorKind::Conflict => return Ok(Tried::Moved),
            Err(other) => return Err(other),
        }
        if planted(Bug::CursorFirst) {
            write.commit_derived().await?;
            write = self.db.write(&context(cx, consumer, first), &DELIVER).await?;
        }
        let held = match &subscription.policy {
            Policy::Halt => HashSet::new(),
            Policy::SetAside(letters) => letters.held(&mut write, consumer).await?,
        };
        let mut waiting = 0;
        for (index, event) in events.iter().enumerate() {
            if let Policy::SetAside(letters) = &subscription.policy
                && held.contains(&(event.tenant, event.subject.clone()))
            {
                waiting += 1;
                letters.add(&mut write, letter(subscription, event, None)).await?;
            } else if let Err(error) = handle(subscription, cx, event, &mut write).await {
                return Ok(Tried::Failed(index, error));
            }
        }
        match write.commit_derived().await {
            Ok(()) => {}
            // What a handler tells or asks for is refused at the end; alone, it is clear which one.
            Err(error) if error.class() == ErrorClass::Permanent => {
                return Ok(Tried::Failed(events.len() / 2, error));
            }
            Err(error) => return Err(error),
        }
        self.at(consumer, |place| place.handled(last.sequence));
        Ok(Tried::Committed(waiting))
    }

    /// What the policy says of an event that could not be handled: stop at it, or put it aside and go on.
    async fn give_up_or_wait(
        &self,
        subscription: &Subscription,
        cx: &Cx,
        event: &Envelope,
        error: Error,
    ) -> Result<Delivered, Stop> {
        let consumer = subscription.consumer;
        let failure = self.at(consumer, |place| place.failed(event.sequence, &error, cx.now()));
        let Policy::SetAside(letters) = &subscription.policy else { return Err(error.into()) };
        let allowed = budget(failure.class, &event.name);
        if failure.attempts <= allowed {
            let pause = pause(failure.class, &event.name, failure.attempts, cx.random_u64());
            return Err(Stop { error, pause: Some(pause) });
        }
        let Failure { attempts, reason, .. } = &failure;
        let mut write = self.db.write(&context(cx, consumer, event), &SET_ASIDE).await?;
        let from = self.place(consumer).cursor;
        match write.move_cursor(consumer, from, event.sequence).await {
            Ok(()) => {}
            Err(moved) if moved.kind() == ErrorKind::Conflict => return Ok(Delivered::Moved),
            Err(other) => return Err(other.into()),
        }
        letters.add(&mut write, letter(subscription, event, Some(&failure))).await?;
        write.commit(&event.subject).await?;
        self.at(consumer, |place| place.handled(event.sequence));
        let (name, sequence) = (&event.name, event.sequence);
        tracing::error!(consumer, name, sequence, attempts, error = reason, "an event was put aside");
        Ok(Delivered::Done)
    }
}

/// Runs the handler over one event.
pub async fn handle(subscription: &Subscription, cx: &Cx, event: &Envelope, write: &mut Write) -> Result<()> {
    let (cx, handler) = (context(cx, subscription.consumer, event), &subscription.handler);
    write.go_on_for(&cx)?;
    guarded(subscription.consumer, async { handler(&cx, event, write).await }).await
}

fn letter<'a>(
    subscription: &'a Subscription,
    event: &'a Envelope,
    failure: Option<&'a Failure>,
) -> Letter<'a> {
    Letter { consumer: subscription.consumer, pipeline: subscription.pipeline.name(), event, failure }
}
