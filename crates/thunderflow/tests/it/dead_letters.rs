//! Dead letters are kept, replayed and dropped.

use thunderflow::{
    Flow,
    dead_letters::{DeadLetter, LetterState, drop, read, replay},
};
use thunderline_core::{Action, Envelope, ErrorClass, Result, Rule};
use thunderline_store::{DeadLetters, Failure, Letter};
use thunderline_testkit::{TestDb, both};

use crate::tell;

const RELAY: Action = Action::new("t.relay", Rule::System);
const CONSUMER: &str = "t.consumer";

/// What the relay does with events at which a consumer failed, and with those behind them.
async fn put_aside(t: &TestDb, flow: &Flow, events: &[(&Envelope, bool)]) -> Result<()> {
    let cx = t.system();
    let class = ErrorClass::Permanent;
    let failure = Failure { attempts: 1, first_at: cx.now(), class, reason: "cannot digest".into() };
    for (event, failed) in events {
        let mut write = t.db().write(&cx, &RELAY).await?;
        let failure = failed.then_some(&failure);
        flow.add(&mut write, Letter { consumer: CONSUMER, pipeline: "general", event, failure }).await?;
        write.commit_derived().await?;
    }
    Ok(())
}

async fn all(t: &TestDb, flow: &Flow) -> Result<Vec<DeadLetter>> {
    let mut found = read::list_dead_letters(&t.operator(), flow, None, None, None, 100).await?;
    found.sort_by_key(|letter| letter.event.sequence);
    Ok(found)
}

async fn states(t: &TestDb, flow: &Flow) -> Result<Vec<&'static str>> {
    Ok(all(t, flow).await?.iter().map(|letter| letter.state.name()).collect())
}

/// Three events about node 1 of which the first failed, and one about node 2 that failed.
async fn four(t: &TestDb) -> Result<(Flow, Vec<Envelope>)> {
    let flow = Flow::new(t.db().clone());
    for node in [1, 1, 1, 2] {
        tell(&t.operator(), t.db(), node).await?;
    }
    let events = t.events().await;
    put_aside(t, &flow, &[(&events[0], true), (&events[1], false), (&events[2], false), (&events[3], true)])
        .await?;
    Ok((flow, events))
}

both!(a_letter_says_who_gave_up_what_and_why, async |t: TestDb| {
    let (flow, events) = four(&t).await?;
    let letters = all(&t, &flow).await?;
    assert_eq!(letters[0].event, events[0]);
    let first = &letters[0];
    assert_eq!((first.consumer.as_str(), first.pipeline.as_str(), first.attempts), (CONSUMER, "general", 1));
    assert_eq!((first.class.as_str(), first.reason.as_str()), ("permanent", "cannot digest"));
    assert_eq!((letters[1].class.as_str(), letters[1].attempts), ("held", 0));
    assert_eq!(read::get_dead_letter(&t.operator(), &flow, first.id).await?, *first);
    let of = async |consumer, state| {
        Ok::<_, thunderline_core::Error>(
            read::list_dead_letters(&t.operator(), &flow, consumer, state, None, 100).await?.len(),
        )
    };
    assert_eq!(of(Some(CONSUMER), Some(LetterState::Waiting)).await?, 4);
    assert_eq!((of(Some("x"), None).await?, of(None, Some(LetterState::Dropped)).await?), (0, 0));
    let told = t.events_of::<thunderline_contracts::flow::DeadLetterAdded>().await;
    assert_eq!(told.len(), 2, "those that only wait are no news");
    assert_eq!(told[0].letter, first.id);
    let denied = read::list_dead_letters(&t.viewer(), &flow, None, None, None, 1).await.unwrap_err();
    assert_eq!(denied.code(), "forbidden");
});

both!(a_replay_makes_all_letters_about_the_thing_due, async |t: TestDb| {
    let (flow, events) = four(&t).await?;
    let letters = all(&t, &flow).await?;
    assert_eq!(replay::replay(&t.operator(), &flow, letters[1].id).await?, 3);
    t.assert_audited("flow.dead_letter.replay", letters[1].id).await;
    assert_eq!(states(&t, &flow).await?, ["due", "due", "due", "waiting"]);
    let due = flow.due(&t.system(), CONSUMER).await?;
    assert_eq!(due.iter().map(|(_, event)| event.clone()).collect::<Vec<_>>(), events[..3]);

    // The first is handled, the second fails: the third waits again with it.
    let mut write = t.db().write(&t.system(), &RELAY).await?;
    flow.handled(&mut write, due[0].0).await?;
    write.commit_derived().await?;
    let failure = Failure {
        attempts: 1,
        first_at: t.system().now(),
        class: ErrorClass::Timeout,
        reason: "slow".into(),
    };
    let mut write = t.db().write(&t.system(), &RELAY).await?;
    flow.failed(&mut write, due[1].0, &failure).await?;
    write.commit_derived().await?;
    assert_eq!(states(&t, &flow).await?, ["replayed", "waiting", "waiting", "waiting"]);
    assert_eq!(all(&t, &flow).await?[1].class, "timeout");
    let mut write = t.db().write(&t.system(), &RELAY).await?;
    assert_eq!(flow.handled(&mut write, due[0].0).await.unwrap_err().code(), "conflict");
    std::mem::drop(write);
    assert_eq!(replay::replay(&t.operator(), &flow, due[0].0).await.unwrap_err().code(), "conflict");
    assert_eq!(replay::replay_all(&t.operator(), &flow, Some("x")).await?, 0);
    assert_eq!(replay::replay_all(&t.operator(), &flow, None).await?, 3);
});

both!(what_only_waited_behind_a_dropped_letter_is_handed_over, async |t: TestDb| {
    let (flow, _) = four(&t).await?;
    let letters = all(&t, &flow).await?;
    assert_eq!(drop::drop_letter(&t.operator(), &flow, letters[0].id).await.unwrap_err().code(), "forbidden");
    assert_eq!(drop::drop_letter(&t.admin(), &flow, letters[0].id).await?, 2);
    assert_eq!(states(&t, &flow).await?, ["dropped", "due", "due", "waiting"]);
    assert_eq!(drop::drop_letter(&t.admin(), &flow, letters[0].id).await.unwrap_err().code(), "conflict");
    t.assert_audited("flow.dead_letter.drop", letters[0].id).await;
});

both!(an_event_that_is_given_up_twice_is_one_letter, async |t: TestDb| {
    let (flow, events) = four(&t).await?;
    let letter = all(&t, &flow).await?[0].id;
    drop::drop_letter(&t.admin(), &flow, letter).await?;
    put_aside(&t, &flow, &[(&events[0], true)]).await?;
    let again = &all(&t, &flow).await?[0];
    assert_eq!(
        (again.id, again.state, again.attempts, again.finished_at),
        (letter, LetterState::Waiting, 2, None)
    );
    let told = t.events_of::<thunderline_contracts::flow::DeadLetterAdded>().await;
    assert_eq!(told.last().map(|it| it.letter), Some(letter), "whoever is told of it finds it");
});
