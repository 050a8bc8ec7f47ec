//! All or nothing, and only after the policy's yes.

use std::{future::poll_fn, task::Poll};

use thunderline_core::{Cx, Error, NodeId, Result, Role, Subject, TenantId, Timestamp};
use thunderline_store::{Db, Engine, EventFilter, JOBS, STORE_MIGRATIONS, Stmt, args};
use thunderline_testkit::{TestDb, both};
use uuid::Uuid;

use crate::{ADD, Added, BUMP, COUNT, GET, INSERT, LOOK, Polish};

async fn add(cx: &Cx, db: &Db, label: &str) -> Result<Uuid> {
    let mut write = db.write(cx, &ADD).await?;
    let id = cx.uuid();
    write.exec(&INSERT, args![id, label, 1i64]).await?;
    write.emit(&Added { id });
    write.enqueue(&Polish { id });
    write.commit(&Subject::new("thing", id)).await?;
    Ok(id)
}

async fn things(t: &TestDb) -> Result<i64> {
    let row = t.db().read(&t.viewer(), &LOOK).await?.one(&COUNT, args![]).await?;
    row.expect("a count gives a row").get("n")
}

both!(a_commit_leaves_data_audit_event_and_job, async |t: TestDb| {
    let cx = t.operator();
    let waiter = t.db().signals().waiter(JOBS);
    let id = add(&cx, t.db(), "a").await?;
    waiter.wait().await;
    assert_eq!(things(&t).await?, 1);
    t.assert_events(["t.thing.added"]).await;
    t.assert_audited("t.thing.add", id).await;
    t.assert_jobs(["t.thing.polish"]).await;
    let event = &t.events().await[0];
    assert_eq!(event.decode::<Added>()?, Added { id });
    assert_eq!((event.tenant, event.actor.as_str()), (t.tenant(), "user:operator"));
    assert_eq!((event.correlation, event.causation, event.time), (cx.correlation(), None, cx.now()));
    assert_eq!(event.subject, Subject::new("thing", id));
    let audit = t.audit().await;
    assert_eq!(audit[0].rule, "role>=operator");
    assert_eq!(audit[0].correlation, cx.correlation());
});

both!(a_dropped_write_leaves_nothing, async |t: TestDb| {
    let cx = t.operator();
    let mut write = t.db().write(&cx, &ADD).await?;
    write.exec(&INSERT, args![cx.uuid(), "a", 1i64]).await?;
    write.emit(&Added { id: cx.uuid() });
    write.enqueue(&Polish { id: cx.uuid() });
    write.claim_key("k", "d").await?;
    drop(write);
    assert_eq!(things(&t).await?, 0);
    t.assert_events([]).await;
    t.assert_jobs([]).await;
    assert!(t.audit().await.is_empty());
    let mut again = t.db().write(&cx, &ADD).await?;
    assert_eq!(again.claim_key("k", "d").await?, None, "the key was not used up");
});

both!(a_begin_that_is_given_up_halfway_spoils_no_connection_for_those_who_come_after, async |t: TestDb| {
    let viewer = t.viewer();
    for turn in 0..40 {
        // Given up after so many answers that it had to wait for.
        let mut answers = turn % 4;
        let mut begun = Box::pin(t.db().read(&viewer, &LOOK));
        poll_fn(|context| match begun.as_mut().poll(context) {
            Poll::Pending if answers > 0 => {
                answers -= 1;
                Poll::Pending
            }
            _ => Poll::Ready(()),
        })
        .await;
        drop(begun);
        add(&t.operator(), t.db(), &format!("after {turn}")).await?;
    }
});

both!(a_process_that_listens_is_woken_by_others, async |t: TestDb| {
    let other = t.reopen().await?;
    let listener = other.listen().await?;
    // On SQLite there are no other processes: the writer's own wake-up is the one that counts.
    let woken = if t.engine() == Engine::Postgres { other.signals() } else { t.db().signals() };
    let (jobs, node) = (woken.waiter(JOBS), woken.waiter("node:1"));
    let cx = t.operator();
    let mut write = t.db().write(&cx, &ADD).await?;
    write.enqueue(&Polish { id: cx.uuid() });
    write.wake("node:1");
    write.commit(&Subject::new("thing", "a")).await?;
    tokio::select! {
        ended = listener.run() => ended?,
        ((), ()) = async { tokio::join!(jobs.wait(), node.wait()) } => {}
    }
});

both!(a_failing_statement_leaves_nothing_of_its_write, async |t: TestDb| {
    add(&t.operator(), t.db(), "a").await?;
    let cx = t.operator();
    let mut write = t.db().write(&cx, &ADD).await?;
    write.exec(&INSERT, args![cx.uuid(), "b", 1i64]).await?;
    let clash = write.exec(&INSERT, args![cx.uuid(), "a", 1i64]).await.unwrap_err();
    assert_eq!(clash.code(), "conflict", "{}", clash.chain());
    drop(write);
    assert_eq!(things(&t).await?, 1);
});

both!(a_refused_write_leaves_only_its_refusal, async |t: TestDb| {
    for cx in [t.viewer(), t.node(NodeId::from_bits(7))] {
        let refused = t.db().write(&cx, &ADD).await.map(drop).unwrap_err();
        assert_eq!(refused.code(), "forbidden");
    }
    t.assert_denied("t.thing.add").await;
    assert_eq!(t.audit().await.len(), 2);
    t.assert_events([]).await;
    t.assert_jobs([]).await;
    let stranger = t.node(NodeId::from_bits(7));
    assert_eq!(t.db().read(&stranger, &LOOK).await.map(drop).unwrap_err().code(), "forbidden");
});

both!(a_flood_of_refusals_is_not_written_down_in_full, async |t: TestDb| {
    for _ in 0..30 {
        let refused = t.db().write(&t.viewer(), &ADD).await.map(drop).unwrap_err();
        assert_eq!(refused.code(), "forbidden");
    }
    assert_eq!(t.audit().await.len(), 10);
});

both!(what_is_derived_is_committed_without_an_audit_row, async |t: TestDb| {
    let cx = t.operator();
    let mut write = t.db().write(&cx, &ADD).await?;
    write.exec(&INSERT, args![cx.uuid(), "a", 1i64]).await?;
    write.commit_derived().await?;
    assert_eq!(things(&t).await?, 1);
    assert!(t.audit().await.is_empty());
});

both!(a_read_cannot_write, async |t: TestDb| {
    let mut read = t.db().read(&t.viewer(), &LOOK).await?;
    let refused = read.all(&INSERT, args![Uuid::from_u128(1), "a", 1i64]).await.unwrap_err();
    assert_eq!(refused.code(), "internal");
    drop(read);
    assert_eq!(things(&t).await?, 0);
});

both!(a_read_sees_one_state_throughout, async |t: TestDb| {
    let mut read = t.db().read(&t.viewer(), &LOOK).await?;
    let count = async |read: &mut thunderline_store::Read| -> Result<i64> {
        read.one(&COUNT, args![]).await?.expect("a count gives a row").get("n")
    };
    assert_eq!(count(&mut read).await?, 0);
    add(&t.operator(), t.db(), "a").await?;
    assert_eq!(count(&mut read).await?, 0, "not what was committed meanwhile");
    drop(read);
    assert_eq!(things(&t).await?, 1);
});

both!(every_type_survives_the_engine, async |t: TestDb| {
    const WRITE: Stmt = Stmt::new(
        "thing.full",
        "insert into t_things (id, label, count, ratio, body, note, flag, at) values ($1, $2, $3, $4, $5, $6, $7, $8)",
    );
    const FULL: Stmt = Stmt::new(
        "thing.read",
        "select *, count > 0 as positive, null as absent from t_things where flag = $1",
    );
    let (cx, node) = (t.operator(), NodeId::from_bits(u64::MAX));
    let note = serde_json::json!({"a": ["ü", 1.5, null]});
    let mut write = t.db().write(&cx, &ADD).await?;
    let row = args![t.tenant(), "ü'\"$1", node, -0.1f64, vec![0u8, 255], note.clone(), true, cx.now()];
    write.exec(&WRITE, row).await?;
    write
        .exec(
            &WRITE,
            args![
                cx.uuid(),
                "b",
                0u32,
                None::<f64>,
                None::<Vec<u8>>,
                None::<String>,
                false,
                None::<Timestamp>
            ],
        )
        .await?;
    write.commit(&Subject::new("thing", 1)).await?;
    let mut read = t.db().read(&cx, &LOOK).await?;
    let full = read.one(&FULL, args![true]).await?.expect("it was written");
    assert_eq!(full.get::<TenantId>("id")?, t.tenant());
    assert_eq!(full.get::<String>("label")?, "ü'\"$1");
    assert_eq!(full.get::<NodeId>("count")?, node);
    assert_eq!(full.get::<f64>("ratio")?.to_bits(), (-0.1f64).to_bits());
    assert_eq!(full.get::<Vec<u8>>("body")?, [0, 255]);
    assert_eq!(full.get::<serde_json::Value>("note")?, note);
    assert_eq!(full.get::<Timestamp>("at")?, cx.now());
    assert!(full.get::<bool>("flag")? && full.get::<bool>("positive")?);
    assert_eq!(full.get::<i64>("label").unwrap_err().code(), "internal");
    let empty = read.one(&FULL, args![false]).await?.expect("it was written");
    assert_eq!(empty.get::<Option<f64>>("ratio")?, None);
    assert_eq!(empty.get::<Option<Vec<u8>>>("body")?, None);
    assert_eq!(empty.get::<Option<Timestamp>>("at")?, None);
    assert_eq!(empty.get::<Option<String>>("absent")?, None);
});

both!(writers_that_lock_first_do_not_lose_each_others_updates, async |t: TestDb| {
    add(&t.operator(), t.db(), "a").await?;
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let (db, cx) = (t.db().clone(), t.operator());
        tasks.spawn(async move {
            for _ in 0..5 {
                let mut write = db.write(&cx, &ADD).await?;
                write.lock("thing:a").await?;
                let row = write.one(&GET, args!["a"]).await?.expect("it was added");
                write.exec(&BUMP, args!["a", row.get::<i64>("count")? + 1]).await?;
                write.commit(&Subject::new("thing", "a")).await?;
            }
            Ok::<(), Error>(())
        });
    }
    while let Some(done) = tasks.join_next().await {
        done.expect("no writer panics")?;
    }
    let row = t.db().read(&t.viewer(), &LOOK).await?.one(&GET, args!["a"]).await?.expect("it was added");
    assert_eq!(row.get::<i64>("count")?, 41);
});

both!(a_repeated_request_finds_its_first_outcome, async |t: TestDb| {
    let cx = t.operator();
    let mut first = t.db().write(&cx, &ADD).await?;
    assert_eq!(first.claim_key("key", "digest").await?, None);
    first.exec(&INSERT, args![cx.uuid(), "a", 1i64]).await?;
    first.keep_outcome("made a".into());
    first.commit(&Subject::new("thing", "a")).await?;

    let mut second = t.db().write(&cx, &ADD).await?;
    assert_eq!(second.claim_key("key", "digest").await?.as_deref(), Some("made a"));
    drop(second);
    let mut other = t.db().write(&cx, &ADD).await?;
    assert_eq!(other.claim_key("key", "another digest").await.unwrap_err().code(), "invalid");
    drop(other);
    let mut neighbour = t.db().write(&t.user("neighbour", Role::Operator), &ADD).await?;
    assert_eq!(neighbour.claim_key("key", "digest").await?, None, "keys are the caller's own");
});

both!(of_two_requests_with_one_key_at_once_one_acts, async |t: TestDb| {
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..4i64 {
        let (db, cx) = (t.db().clone(), t.operator());
        tasks.spawn(async move {
            let mut write = db.write(&cx, &ADD).await?;
            if let Some(earlier) = write.claim_key("key", "digest").await? {
                return Ok::<_, Error>(earlier);
            }
            write.exec(&INSERT, args![cx.uuid(), format!("thing {number}"), number]).await?;
            write.keep_outcome(format!("thing {number}"));
            write.commit(&Subject::new("thing", number)).await?;
            Ok(format!("thing {number}"))
        });
    }
    let mut outcomes = std::collections::BTreeSet::new();
    while let Some(done) = tasks.join_next().await {
        outcomes.insert(done.expect("no request panics")?);
    }
    assert_eq!(outcomes.len(), 1, "{outcomes:?}");
    assert_eq!(things(&t).await?, 1);
});

#[tokio::test]
async fn a_server_that_is_not_there_is_told_as_such() {
    // Nobody listens on port 1, which nobody is given by chance.
    let error = Db::connect("postgres://x@127.0.0.1:1/x").await.err().expect("nobody listens there").chain();
    assert!(error.contains("the database is away") && error.contains("refused"), "{error}");
}

both!(a_connection_that_is_cut_leaves_nothing_and_the_pool_recovers, async |t: TestDb| {
    let cx = t.operator();
    let mut write = t.db().write(&cx, &ADD).await?;
    write.exec(&INSERT, args![cx.uuid(), "a", 1i64]).await?;
    write.emit(&Added { id: cx.uuid() });
    t.cut_connections().await?;
    drop(write);
    let other = t.reopen().await?;
    assert!(other.events(0, 1, &EventFilter::default()).await?.is_empty());
    add(&cx, &other, "b").await?;
    // The old pool may meet one dead connection per call, never wrong data.
    let mut tries = 0;
    while let Err(error) = add(&cx, t.db(), "c").await {
        tries += 1;
        assert!(error.code() == "unavailable" && tries < 20, "{}", error.chain());
    }
    assert_eq!(things(&t).await?, 2);
});

both!(row_level_security_can_ask_for_the_tenant, async |t: TestDb| {
    const TENANT: Stmt = Stmt::new("tenant", "select current_setting('tl.tenant', true) as tenant");
    // SQLite has no such thing: there every statement names the tenant, which it does on PostgreSQL as well.
    if t.engine() == Engine::Postgres {
        let mut read = t.db().read(&t.viewer(), &LOOK).await?;
        let seen = read.one(&TENANT, args![]).await?.expect("a setting gives a row");
        assert_eq!(seen.get::<String>("tenant")?, t.tenant().to_string());
        let other = t.operator().caused_by(TenantId(Uuid::from_u128(2)), Uuid::nil(), None);
        let mut write = t.db().write(&other, &ADD).await?;
        let seen = write.one(&TENANT, args![]).await?.expect("a setting gives a row");
        assert_eq!(seen.get::<String>("tenant")?, Uuid::from_u128(2).to_string());
    }
});

both!(statements_are_checked_by_the_engine_without_running, async |t: TestDb| {
    t.assert_statements("t_", &[&INSERT, &BUMP, &GET, &COUNT]).await;
    t.assert_migrations("t_", crate::THINGS);
    t.assert_migrations("tl_", STORE_MIGRATIONS);
    const WRONG: Stmt = Stmt::new("thing.wrong", "select colour from t_things");
    let error = t.db().prepare_all(&[&GET, &WRONG]).await.unwrap_err();
    assert!(error.to_string().contains("thing.wrong"), "{error}");
    assert_eq!(things(&t).await?, 0);
});
