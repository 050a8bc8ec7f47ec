//! Events that were put aside and are to be tried again.

use std::collections::HashSet;

use thunderline_core::{Cx, Error, ErrorKind, Result};
use thunderline_store::Failure;

use super::{DELIVER, Policy, Relay, Relayed, SET_ASIDE, Subscription, deliver};

impl Relay {
    /// Hands over the letters that somebody wants to be replayed, in the order of their events. One that fails again stays,
    /// with those behind it; events that are not put aside do not wait for it.
    pub(super) async fn replay(
        &self,
        subscription: &Subscription,
        cx: &Cx,
        relayed: &mut Relayed,
    ) -> Result<()> {
        let Policy::SetAside(letters) = &subscription.policy else { return Ok(()) };
        let mut failed = HashSet::new();
        for (letter, event) in letters.due(cx, subscription.consumer).await? {
            let thing = (event.tenant, event.subject.clone());
            if failed.contains(&thing) {
                continue;
            }
            let cx_of_event = deliver::context(cx, subscription.consumer, &event);
            let mut write = self.db.write(&cx_of_event, &DELIVER).await?;
            // While this is open, no new event about the same thing is put aside or handled.
            write.hold_cursor(subscription.consumer).await?;
            match letters.handled(&mut write, letter).await {
                Ok(()) => {}
                Err(other) if other.kind() == ErrorKind::Conflict => continue,
                Err(other) => return Err(other),
            }
            let outcome: Result<(), Error> = async {
                deliver::handle(subscription, cx, &event, &mut write).await?;
                write.commit_derived().await
            }
            .await;
            match outcome {
                Ok(()) => relayed.delivered += 1,
                Err(error) => {
                    let (class, reason) = (error.class(), error.chain());
                    let failure = Failure { attempts: 1, first_at: cx.now(), class, reason };
                    let mut write = self.db.write(&cx_of_event, &SET_ASIDE).await?;
                    letters.failed(&mut write, letter, &failure).await?;
                    write.commit(&event.subject).await?;
                    failed.insert(thing);
                }
            }
        }
        Ok(())
    }
}
