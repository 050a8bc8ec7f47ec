//! A consumer is set to another place in the stream: it sees the events after it again, or not at all.

use thunderline_contracts::flow::ConsumerReset;
use thunderline_core::{Action, Cx, Error, Result, Role, Rule, Subject};
use thunderline_store::EVENTS;

use crate::Flow;

/// Admins: what a consumer makes of events happens again.
pub const ACTION: Action = Action::new("flow.consumer.reset", Rule::AtLeast(Role::Admin));

/// Has a consumer begin with the event `from`, or with the first one after it. Gives where its cursor stood and stands.
///
/// # Errors
/// `not_found` where there is no such consumer; `invalid` for a place outside of what is kept.
pub async fn reset(cx: &Cx, flow: &Flow, consumer: &str, from: i64) -> Result<(i64, i64)> {
    ACTION.authorize(cx)?;
    let (first, last) = (flow.db.first_sequence().await?, flow.db.last_sequence().await?);
    if from < first || from > last + 1 {
        let allowed = format!("{first} (the oldest event that is kept) to {} (nothing again)", last + 1);
        return Err(Error::invalid_value("from", format!("there is no event {from}"), allowed));
    }
    let mut write = flow.db.write(cx, &ACTION).await?;
    let now = from - 1;
    let before = write.set_cursor(consumer, now).await?;
    write.emit(&ConsumerReset { consumer: consumer.to_owned(), before, now });
    write.wake(EVENTS);
    write.commit(&Subject::new("consumer", consumer)).await?;
    Ok((before, now))
}
