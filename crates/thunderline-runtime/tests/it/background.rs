//! Everything together.

use std::time::Duration;

use thunderline_core::{Cx, Subject};
use thunderline_runtime::{Background, Periodic, Registry, Relay, Subscription, Tasks, Worker};
use thunderline_store::{Db, args};
use thunderline_testkit::{TestDb, both};

use crate::{ADD, Added, Polish, SEE, add, seen};

/// An event becomes a job, the job writes and wakes.
fn background(db: &Db) -> Background {
    let mut registry = Registry::new();
    let handler_db = db.clone();
    registry.on(move |cx: Cx, job: Polish| {
        let db = handler_db.clone();
        async move {
            let mut write = db.write(&cx, &ADD).await?;
            write.exec(&SEE, args![job.id]).await?;
            write.wake("polished");
            write.commit(&Subject::new("thing", job.id)).await
        }
    });
    let subscription = Subscription::new("t.polish", &["t.thing.added"], |_, event, write| {
        Box::pin(async move {
            write.enqueue(&Polish { id: event.decode::<Added>()?.id });
            Ok(())
        })
    });
    Background {
        worker: Worker::new(db.clone(), registry, "test", 2),
        relay: Relay::new(db.clone(), vec![subscription]),
        periodic: Periodic::new(vec![]),
    }
}

both!(settling_follows_events_into_jobs_until_nothing_is_left, async |t: TestDb| {
    for number in 1..=5 {
        add(&t.operator(), t.db(), number).await?;
    }
    assert_eq!(background(t.db()).settle(&t.system()).await?, 10);
    assert_eq!(seen(&t.viewer(), t.db()).await?.len(), 5);
    t.assert_jobs([]).await;
});

both!(as_supervised_tasks_they_run_by_themselves_and_drain, async |t: TestDb| {
    let tasks = Tasks::new();
    background(t.db()).start(&tasks, &t.system());
    assert_eq!(tasks.running(), ["jobs", "relay", "periodic"]);
    let polished = t.db().signals().waiter("polished");
    add(&t.operator(), t.db(), 1).await?;
    polished.wait().await;
    let drained = tasks.drain(Duration::from_secs(30)).await;
    assert!(drained.unfinished.is_empty() && drained.failure.is_none(), "{drained:?}");
    assert_eq!(seen(&t.viewer(), t.db()).await?, [(1, 1)]);
    t.assert_jobs([]).await;
});
