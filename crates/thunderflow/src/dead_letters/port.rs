//! What the relay calls.

use std::collections::HashSet;

use thunderline_contracts::flow::{DeadLetterAdded, DeadLetterReplayed};
use thunderline_core::{Cx, Envelope, Error, Event, Result, Subject, TenantId};
use thunderline_store::{Answer, DeadLetters, Failure, Letter, Write};
use uuid::Uuid;

use super::{read, rows};
use crate::Flow;

impl DeadLetters for Flow {
    fn held<'a>(
        &'a self,
        write: &'a mut Write,
        consumer: &'a str,
    ) -> Answer<'a, HashSet<(TenantId, Subject)>> {
        Box::pin(rows::held(write, consumer))
    }

    fn add<'a>(&'a self, write: &'a mut Write, letter: Letter<'a>) -> Answer<'a, ()> {
        Box::pin(add(write, letter))
    }

    fn due<'a>(&'a self, cx: &'a Cx, consumer: &'a str) -> Answer<'a, Vec<(Uuid, Envelope)>> {
        Box::pin(async move {
            let mut read = self.db.read(&cx.as_system("flow.dead_letters"), &read::ACTION).await?;
            rows::due(&mut read, consumer).await
        })
    }

    fn handled<'a>(&'a self, write: &'a mut Write, letter: Uuid) -> Answer<'a, ()> {
        Box::pin(handled(write, letter))
    }

    fn failed<'a>(&'a self, write: &'a mut Write, letter: Uuid, failure: &'a Failure) -> Answer<'a, ()> {
        Box::pin(async move {
            let now = write.cx().now();
            rows::failed(write, letter, failure, now).await
        })
    }
}

async fn add(write: &mut Write, letter: Letter<'_>) -> Result<()> {
    let (id, event) = (rows::add(write, &letter).await?, letter.event);
    // A consumer that cannot digest news of dead letters would make more of them without end.
    if let Some(failure) = letter.failure
        && event.name != DeadLetterAdded::NAME
    {
        write.emit(&DeadLetterAdded {
            letter: id,
            consumer: letter.consumer.to_owned(),
            event: event.id,
            event_name: event.name.clone(),
            sequence: event.sequence,
            class: failure.class.name().to_owned(),
        });
    }
    Ok(())
}

async fn handled(write: &mut Write, letter: Uuid) -> Result<()> {
    let now = write.cx().now();
    let Some((consumer, event)) = rows::handled(write, letter, now).await? else {
        return Err(Error::conflict(format!("dead letter {letter} is not to be replayed any more")));
    };
    write.emit(&DeadLetterReplayed { letter, consumer, event });
    Ok(())
}
