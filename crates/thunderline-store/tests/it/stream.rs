//! The outbox and its cursors.

use thunderline_core::{Cx, Error, Result, Subject};
use thunderline_store::{Db, EVENTS, EventFilter};
use thunderline_testkit::{TestDb, both};

use crate::{ADD, Added};

async fn tell(cx: &Cx, db: &Db, events: usize) -> Result<()> {
    let mut write = db.write(cx, &ADD).await?;
    for _ in 0..events {
        write.emit(&Added { id: cx.uuid() });
    }
    write.commit(&Subject::new("thing", "x")).await
}

both!(a_reader_that_follows_sees_every_event_once_and_in_order_under_many_writers, async |t: TestDb| {
    const WRITERS: usize = 8;
    const COMMITS: usize = 25;
    let mut writers = tokio::task::JoinSet::new();
    for _ in 0..WRITERS {
        let (db, cx) = (t.db().clone(), t.operator());
        writers.spawn(async move {
            for commit in 0..COMMITS {
                tell(&cx, &db, 1 + commit % 3).await?;
            }
            Ok::<(), Error>(())
        });
    }
    // The reader remembers one number only; an event that appeared behind it would be missing at the end.
    let (mut after, mut followed) = (0, Vec::new());
    let mut finished = false;
    loop {
        let waiter = t.db().signals().waiter(EVENTS);
        let page = t.db().events(after, 10, &EventFilter::default()).await?;
        if let Some(last) = page.last() {
            after = last.sequence;
            followed.extend(page.iter().map(|event| event.id));
        } else if finished {
            break;
        } else {
            tokio::select! {
                () = waiter.wait() => {}
                done = writers.join_next() => match done {
                    Some(done) => done.expect("no writer panics")?,
                    None => finished = true,
                },
            }
        }
    }
    let all: Vec<_> = t.events().await.into_iter().map(|event| event.id).collect();
    let expected: usize = WRITERS * (0..COMMITS).map(|commit| 1 + commit % 3).sum::<usize>();
    assert_eq!(all.len(), expected);
    assert_eq!(followed, all);
    assert_eq!(t.db().last_sequence().await?, after);
});

both!(events_can_be_picked_by_name_subject_and_tenant, async |t: TestDb| {
    let cx = t.operator();
    let id = cx.uuid();
    let mut write = t.db().write(&cx, &ADD).await?;
    write.emit(&Added { id });
    write.emit(&Added { id: cx.uuid() });
    write.commit(&Subject::new("thing", id)).await?;
    let count =
        async |filter: EventFilter| -> Result<usize> { Ok(t.db().events(0, 10, &filter).await?.len()) };
    assert_eq!(count(EventFilter::default()).await?, 2);
    assert_eq!(count(EventFilter::about(Subject::new("thing", id))).await?, 1);
    assert_eq!(count(EventFilter::named(&["t.thing.added", "other"])).await?, 2);
    assert_eq!(count(EventFilter::named(&["other"])).await?, 0);
    let here = EventFilter { tenant: Some(t.tenant()), ..EventFilter::default() };
    assert_eq!(count(here).await?, 2);
    let elsewhere = EventFilter { tenant: Some(cx.id()), ..EventFilter::default() };
    assert_eq!(count(elsewhere).await?, 0);
});

both!(a_cursor_moves_with_its_write_and_never_back, async |t: TestDb| {
    tell(&t.operator(), t.db(), 2).await?;
    let events = t.events().await;
    let cx = t.system();
    assert_eq!(t.db().cursor("reader").await?, 0);

    let mut dropped = t.db().write(&cx, &ADD).await?;
    dropped.advance_cursor("reader", events[0].sequence).await?;
    drop(dropped);
    assert_eq!(t.db().cursor("reader").await?, 0, "rolled back with its write");

    let mut write = t.db().write(&cx, &ADD).await?;
    write.advance_cursor("reader", events[1].sequence).await?;
    write.commit_derived().await?;
    assert_eq!(t.db().cursor("reader").await?, events[1].sequence);

    for event in &events {
        let mut again = t.db().write(&cx, &ADD).await?;
        let refused = again.advance_cursor("reader", event.sequence).await.unwrap_err();
        assert_eq!(refused.code(), "conflict");
    }
});
