//! Events that tests tell, and projections that hear them.

use thunderline_core::{Action, Cx, Envelope, Event, Result, Role, Rule, Subject};
use thunderline_store::{EventFilter, Write};

use crate::TestDb;

const TELL: Action = Action::new("test.tell", Rule::AtLeast(Role::Viewer));

impl TestDb {
    /// Lets an event happen, on behalf of this caller.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn tell(&self, cx: &Cx, event: &impl Event) -> Result<()> {
        let mut write = self.db().write(cx, &TELL).await?;
        write.emit(event);
        write.commit(&Subject::new("test", 1)).await
    }

    /// Hands a projection the events that it is for, from the one after `after` on, each in a transaction of its own as the relay
    /// does.
    ///
    /// # Errors
    /// Those of the store and of the projection.
    pub async fn hand_on(
        &self,
        after: i64,
        names: &[&str],
        action: &Action,
        project: impl AsyncFn(&Cx, &Envelope, &mut Write) -> Result<()>,
    ) -> Result<()> {
        let cx = self.system();
        for event in self.db().events(after, 10_000, &EventFilter::named(names)).await? {
            let mut write = self.db().write(&cx, action).await?;
            project(&cx, &event, &mut write).await?;
            write.commit_derived().await?;
        }
        Ok(())
    }
}
