//! What becomes of events that cannot be handled: tried again, put aside, replayed.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex},
};

use thunderline_core::{Cx, Envelope, Error, ErrorKind, Result, Subject, TenantId};
use thunderline_runtime::{Pipeline, Policy, Relay, Relayed, Subscription};
use thunderline_store::{Answer, DeadLetters, Failure, Letter, Stmt, Write, args};
use thunderline_testkit::{TestDb, both};
use uuid::Uuid;

use crate::{ADD, Added, LOOK, Polish, add};

const NAMES: &[&str] = &["t.thing.added"];

/// Letters in a table of their own, as a domain would keep them.
const PUT: Stmt = Stmt::new(
    "aside.put",
    "insert into t_aside (id, consumer, sequence, event, attempts, class, state)
     values ($1, $2, $3, $4, $5, $6, 'waiting')",
);
const OPEN: Stmt = Stmt::new(
    "aside.open",
    "select id, event, attempts, class from t_aside where consumer = $1 and state <> 'handled' order by sequence",
);
const DUE: Stmt = Stmt::new(
    "aside.due",
    "select id, event from t_aside where consumer = $1 and state = 'due' order by sequence",
);
const REPLAY: Stmt = Stmt::new("aside.replay", "update t_aside set state = 'due' where state = 'waiting'");
const HANDLED: Stmt =
    Stmt::new("aside.handled", "update t_aside set state = 'handled' where id = $1 and state = 'due'");
const FAILED: Stmt = Stmt::new(
    "aside.failed",
    "update t_aside set state = 'waiting', attempts = attempts + 1 where state = 'due' and (id = $1 or sequence >
        (select sequence from t_aside where id = $1))",
);
const NOTE: Stmt = Stmt::new("notes.add", "insert into t_notes (consumer, event) values ($1, $2)");
const NOTES: Stmt = Stmt::new("notes.all", "select event from t_notes where consumer = $1 order by id");

struct Aside(thunderline_store::Db);

fn event(row: &thunderline_store::Row) -> Result<Envelope> {
    Ok(serde_json::from_str(&row.get::<String>("event")?).expect("it was written as JSON"))
}

impl DeadLetters for Aside {
    fn held<'a>(
        &'a self,
        write: &'a mut Write,
        consumer: &'a str,
    ) -> Answer<'a, HashSet<(TenantId, Subject)>> {
        Box::pin(async move {
            let rows = write.all(&OPEN, args![consumer]).await?;
            rows.iter().map(|row| event(row).map(|event| (event.tenant, event.subject))).collect()
        })
    }

    fn add<'a>(&'a self, write: &'a mut Write, letter: Letter<'a>) -> Answer<'a, ()> {
        Box::pin(async move {
            let text = serde_json::to_string(letter.event).expect("an envelope is plain data");
            let (attempts, class) = letter.failure.map_or((0, "held"), |it| (it.attempts, it.class.name()));
            let id = write.cx().uuid();
            let row = args![id, letter.consumer, letter.event.sequence, text, attempts, class];
            write.exec(&PUT, row).await.map(drop)
        })
    }

    fn due<'a>(&'a self, cx: &'a Cx, consumer: &'a str) -> Answer<'a, Vec<(Uuid, Envelope)>> {
        Box::pin(async move {
            let rows = self.0.read(cx, &LOOK).await?.all(&DUE, args![consumer]).await?;
            rows.iter().map(|row| Ok((row.get("id")?, event(row)?))).collect()
        })
    }

    fn handled<'a>(&'a self, write: &'a mut Write, letter: Uuid) -> Answer<'a, ()> {
        Box::pin(async move {
            match write.exec(&HANDLED, args![letter]).await? {
                1 => Ok(()),
                _ => Err(Error::conflict("not due")),
            }
        })
    }

    fn failed<'a>(&'a self, write: &'a mut Write, letter: Uuid, _: &'a Failure) -> Answer<'a, ()> {
        Box::pin(async move { write.exec(&FAILED, args![letter]).await.map(drop) })
    }
}

/// Sequences at which a handler fails, and how.
type Poison = Arc<Mutex<Vec<(i64, ErrorKind)>>>;

/// Notes each event; fails where it is told to.
fn noting(t: &TestDb, consumer: &'static str, poison: &Poison) -> Subscription {
    let poison = poison.clone();
    let subscription = Subscription::new(consumer, NAMES, move |_, event, write| {
        let poison = poison.clone();
        Box::pin(async move {
            write.exec(&NOTE, args![consumer, event.sequence]).await?;
            let found =
                poison.lock().unwrap().iter().find(|(sequence, _)| *sequence == event.sequence).copied();
            match found {
                Some((_, kind)) => Err(Error::new(kind, "poison")),
                None => Ok(()),
            }
        })
    });
    subscription.with_policy(Policy::SetAside(Arc::new(Aside(t.db().clone()))))
}

async fn noted(t: &TestDb, consumer: &str) -> Result<Vec<i64>> {
    let rows = t.db().read(&t.viewer(), &LOOK).await?.all(&NOTES, args![consumer]).await?;
    rows.iter().map(|row| row.get("event")).collect()
}

/// Sequence, attempts and class of each letter that is not handled.
async fn letters(t: &TestDb, consumer: &str) -> Result<Vec<(i64, u32, String)>> {
    let rows = t.db().read(&t.viewer(), &LOOK).await?.all(&OPEN, args![consumer]).await?;
    rows.iter().map(|row| Ok((event(row)?.sequence, row.get("attempts")?, row.get("class")?))).collect()
}

async fn replay(t: &TestDb) -> Result<()> {
    let mut write = t.db().write(&t.operator(), &ADD).await?;
    write.exec(&REPLAY, vec![]).await?;
    write.commit_derived().await
}

/// Adds things in turn: the numbers say which ones. Gives the events' sequences.
async fn tell(t: &TestDb, things: &[u128]) -> Result<Vec<i64>> {
    for thing in things {
        add(&t.operator(), t.db(), *thing).await?;
    }
    let events = t.events().await;
    Ok(events[events.len() - things.len()..].iter().map(|event| event.sequence).collect())
}

both!(a_permanent_failure_is_put_aside_at_once_and_what_is_about_other_things_goes_on, async |t: TestDb| {
    let s = tell(&t, &[1, 2, 3, 1]).await?;
    let poison = Poison::new(Mutex::new(vec![(s[1], ErrorKind::Internal)]));
    let relay = Relay::new(t.db().clone(), vec![noting(&t, "t.notes", &poison)]);
    let Relayed { delivered, set_aside, failures } = relay.run_once(&t.system()).await;
    assert_eq!((delivered, set_aside, failures.len()), (3, 1, 0));
    assert_eq!(noted(&t, "t.notes").await?, [s[0], s[2], s[3]], "what the failing handler wrote is gone");
    assert_eq!(letters(&t, "t.notes").await?, [(s[1], 1, "permanent".to_owned())]);
    assert_eq!(t.db().cursor("t.notes").await?, s[3]);
    t.assert_audited("tl.event.set_aside", Uuid::from_u128(2)).await;
});

both!(a_failure_that_may_pass_is_tried_as_often_as_its_class_allows, async |t: TestDb| {
    let s = tell(&t, &[1, 2]).await?;
    let poison = Poison::new(Mutex::new(vec![(s[0], ErrorKind::Unavailable)]));
    let relay = Relay::new(t.db().clone(), vec![noting(&t, "t.notes", &poison)]);
    for _ in 0..3 {
        let relayed = relay.run_once(&t.system()).await;
        assert_eq!((relayed.delivered, relayed.set_aside, relayed.failures.len()), (0, 0, 1));
    }
    assert!(noted(&t, "t.notes").await?.is_empty(), "later events wait for those tries");
    let relayed = relay.run_once(&t.system()).await;
    assert_eq!((relayed.delivered, relayed.set_aside, relayed.failures.len()), (1, 1, 0));
    assert_eq!(letters(&t, "t.notes").await?, [(s[0], 4, "dependency".to_owned())]);
    // One that heals in time is handled, and nothing is counted against the next one.
    let s = tell(&t, &[3, 4]).await?;
    poison.lock().unwrap().push((s[0], ErrorKind::Timeout));
    for _ in 0..3 {
        assert_eq!(relay.run_once(&t.system()).await.failures.len(), 1);
    }
    *poison.lock().unwrap() = vec![(s[1], ErrorKind::Timeout)];
    assert_eq!(relay.run_once(&t.system()).await.delivered, 1);
    assert_eq!(relay.run_once(&t.system()).await.set_aside, 0);
});

both!(what_follows_about_the_same_thing_waits_and_a_replay_keeps_the_order, async |t: TestDb| {
    let s = tell(&t, &[1, 2, 1, 1, 2]).await?;
    let poison = Poison::new(Mutex::new(vec![(s[0], ErrorKind::Internal), (s[2], ErrorKind::Internal)]));
    let relay = Relay::new(t.db().clone(), vec![noting(&t, "t.notes", &poison)]);
    let relayed = relay.run_once(&t.system()).await;
    assert_eq!((relayed.delivered, relayed.set_aside), (2, 3));
    let held = || "held".to_owned();
    let expected = [(s[0], 1, "permanent".to_owned()), (s[2], 0, held()), (s[3], 0, held())];
    assert_eq!(letters(&t, "t.notes").await?, expected);

    // The first heals, the second does not: the third goes on waiting behind it.
    poison.lock().unwrap().remove(0);
    replay(&t).await?;
    let relayed = relay.run_once(&t.system()).await;
    assert_eq!((relayed.delivered, relayed.failures.len()), (1, 0));
    let left: Vec<_> = letters(&t, "t.notes").await?.into_iter().map(|it| it.0).collect();
    assert_eq!(left, [s[2], s[3]]);

    poison.lock().unwrap().clear();
    let late = tell(&t, &[1]).await?;
    replay(&t).await?;
    relay.run_once(&t.system()).await;
    assert_eq!(noted(&t, "t.notes").await?, [s[1], s[4], s[0], s[2], s[3], late[0]]);
    assert!(letters(&t, "t.notes").await?.is_empty());
});

both!(a_batch_commits_at_once_and_keeps_each_events_cause, async |t: TestDb| {
    let s = tell(&t, &(0..40).collect::<Vec<_>>()).await?;
    let poison = Poison::new(Mutex::new(vec![(s[20], ErrorKind::Internal)]));
    let inner = noting(&t, "t.notes", &poison);
    let asking = Subscription::new("t.asking", NAMES, |_, event, write| {
        Box::pin(async move {
            let added: Added = event.decode()?;
            write.enqueue(&Polish { id: added.id });
            Ok(())
        })
    });
    let alone = noting(&t, "t.alone", &poison).in_pipeline(Pipeline::Realtime).one_at_a_time();
    let relay = Relay::new(t.db().clone(), vec![inner, asking, alone]);
    let relayed = relay.run_once(&t.system()).await;
    assert_eq!((relayed.delivered, relayed.set_aside), (39 + 40 + 39, 2));
    let without: Vec<_> = s.iter().copied().filter(|sequence| *sequence != s[20]).collect();
    assert_eq!(noted(&t, "t.notes").await?, without);
    assert_eq!(noted(&t, "t.alone").await?, without);
    let jobs = t.db().jobs().claim(&t.system(), "test", &[], 50).await?;
    for event in t.events().await {
        let job = jobs.iter().find(|job| job.key == event.subject.id).expect("a job for each thing");
        assert_eq!((job.causation, job.correlation), (Some(event.id.0), event.correlation));
    }
});

both!(a_consumer_that_is_set_back_sees_the_events_after_that_place_again, async |t: TestDb| {
    let s = tell(&t, &[1, 2, 3, 4]).await?;
    let relay = Relay::new(t.db().clone(), vec![noting(&t, "t.notes", &Poison::default())]);
    assert_eq!(relay.run_once(&t.system()).await.delivered, 4);
    let mut write = t.db().write(&t.admin(), &ADD).await?;
    assert_eq!(write.set_cursor("t.notes", s[1]).await?, s[3]);
    assert_eq!(write.set_cursor("t.nobody", 1).await.unwrap_err().code(), "not_found");
    write.commit_derived().await?;
    assert_eq!(relay.run_once(&t.system()).await.delivered, 2);
    assert_eq!(noted(&t, "t.notes").await?, [s[0], s[1], s[2], s[3], s[2], s[3]]);

    // One that was forgotten while it runs registers itself again, and begins anew.
    let mut write = t.db().write(&t.admin(), &ADD).await?;
    write.forget_cursor("t.notes").await?;
    write.commit_derived().await?;
    assert!(t.db().consumers().await?.is_empty());
    tell(&t, &[5]).await?;
    relay.run_once(&t.system()).await;
    assert_eq!(noted(&t, "t.notes").await?.len(), 6 + 5);
    let consumer = t.db().consumers().await?.remove(0);
    assert_eq!((consumer.pipeline.as_str(), consumer.names), ("cross_domain", vec![NAMES[0].to_owned()]));
});

both!(a_transaction_that_is_set_back_meanwhile_does_not_move_the_cursor_forward_again, async |t: TestDb| {
    let s = tell(&t, &[1, 2, 3]).await?;
    let cx = t.system();
    let relay = Relay::new(t.db().clone(), vec![noting(&t, "t.notes", &Poison::default())]);
    relay.run_once(&cx).await;
    let mut late = t.db().write(&cx, &ADD).await?;
    let moved = late.move_cursor("t.notes", s[1], s[2]).await.unwrap_err();
    assert_eq!(moved.code(), "conflict");
    drop(late);
    assert_eq!(t.db().cursor("t.notes").await?, s[2]);
});

both!(events_are_forgotten_only_where_every_consumer_has_passed_them, async |t: TestDb| {
    let s = tell(&t, &[1, 2, 3, 4, 5]).await?;
    let first = Relay::new(t.db().clone(), vec![noting(&t, "t.first", &Poison::default())]);
    first.run_once(&t.system()).await;
    t.db().register_consumer(&t.system(), "t.second", "general", &[]).await?;
    let later = t.system().now() + thunderline_core::SignedDuration::from_secs(1);
    assert_eq!(t.db().forget_events(t.system().now(), 100).await?, 0, "none is older");
    assert_eq!(t.db().forget_events(later, 100).await?, 0, "the second has seen nothing");
    let mut write = t.db().write(&t.system(), &ADD).await?;
    write.set_cursor("t.second", s[2]).await?;
    write.commit_derived().await?;
    assert_eq!(t.db().forget_events(later, 2).await?, 2);
    assert_eq!(t.db().forget_events(later, 100).await?, 1);
    assert_eq!(t.db().first_sequence().await?, s[3]);
    let mut write = t.db().write(&t.system(), &ADD).await?;
    write.forget_cursor("t.second").await?;
    write.commit_derived().await?;
    assert_eq!(t.db().forget_events(later, 100).await?, 1);
    assert_eq!(t.db().last_sequence().await?, s[4], "the newest stays");
});
