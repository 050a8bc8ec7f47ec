//! Consumers and how far they are, what is kept, what comes from outside.

use serde_json::json;
use thunderflow::{
    Flow,
    events::{consumers, forget, publish, publish::Published, read, reset, retain},
};
use thunderline_contracts::flow::{ConsumerReset, ExternalReceived};
use thunderline_core::SignedDuration;
use thunderline_testkit::{TestDb, both};

use crate::tell;

both!(a_consumer_says_how_far_it_is_and_can_be_set_back_and_forgotten, async |t: TestDb| {
    let flow = Flow::new(t.db().clone());
    for node in 1..=3 {
        tell(&t.operator(), t.db(), node).await?;
    }
    let s: Vec<_> = t.events().await.iter().map(|event| event.sequence).collect();
    t.db().register_consumer(&t.system(), "t.one", "realtime", &["link.node.left"]).await?;
    let (before, now) = reset::reset(&t.admin(), &flow, "t.one", s[2]).await?;
    assert_eq!((before, now), (0, s[2] - 1));
    t.assert_audited("flow.consumer.reset", "t.one").await;
    assert_eq!(
        t.events_of::<ConsumerReset>().await,
        [ConsumerReset { consumer: "t.one".into(), before, now }]
    );

    let found = consumers::list_consumers(&t.viewer(), &flow).await?;
    assert_eq!((found.len(), found[0].pipeline.as_str(), found[0].sequence), (1, "realtime", s[2] - 1));
    assert_eq!(found[0].lag, 1, "that it was set back is not for it");
    t.db().register_consumer(&t.system(), "t.some", "general", &["link.node.left"]).await?;
    t.db().register_consumer(&t.system(), "t.whole", "general", &[]).await?;
    let lag = async |name: &str| {
        let all = consumers::list_consumers(&t.viewer(), &flow).await?;
        Ok::<_, thunderline_core::Error>(all.into_iter().find(|it| it.name == name).unwrap().lag)
    };
    assert_eq!((lag("t.some").await?, lag("t.whole").await?), (3, t.events().await.len() as i64));
    forget::forget(&t.admin(), &flow, "t.some").await?;
    forget::forget(&t.admin(), &flow, "t.whole").await?;
    for (who, consumer, from, code) in [
        (t.operator(), "t.one", s[0], "forbidden"),
        (t.admin(), "t.two", s[0], "not_found"),
        (t.admin(), "t.one", s[0] - 1, "invalid"),
        (t.admin(), "t.one", s[2] + 100, "invalid"),
    ] {
        assert_eq!(
            reset::reset(&who, &flow, consumer, from).await.unwrap_err().code(),
            code,
            "{consumer} {from}"
        );
    }
    let working = t.db().work_for("t.one");
    let refused = forget::forget(&t.admin(), &flow, "t.one").await.unwrap_err();
    assert_eq!(refused.code(), "conflict");
    assert!(refused.to_string().contains("events replay"), "{refused}");
    assert_eq!(forget::forget(&t.operator(), &flow, "t.one").await.unwrap_err().code(), "forbidden");
    drop(working);
    forget::forget(&t.admin(), &flow, "t.one").await?;
    assert!(consumers::list_consumers(&t.viewer(), &flow).await?.is_empty());
    assert_eq!(forget::forget(&t.admin(), &flow, "t.one").await.unwrap_err().code(), "not_found");
});

both!(an_event_is_found_by_its_id_within_its_tenant, async |t: TestDb| {
    let flow = Flow::new(t.db().clone());
    tell(&t.operator(), t.db(), 1).await?;
    let event = t.events().await.remove(0);
    assert_eq!(read::get_event(&t.viewer(), &flow, event.id).await?, event);
    let stranger = t.viewer().for_actor(t.viewer().actor().clone(), t.viewer().id());
    assert_eq!(read::get_event(&stranger, &flow, event.id).await.unwrap_err().code(), "not_found");
});

both!(old_events_are_removed_once_all_consumers_have_passed_them, async |t: TestDb| {
    let flow = Flow::new(t.db().clone());
    tell(&t.operator(), t.db(), 1).await?;
    t.clock.advance(SignedDuration::from_hours(24 * 31));
    tell(&t.operator(), t.db(), 2).await?;
    tell(&t.operator(), t.db(), 3).await?;
    t.db().register_consumer(&t.system(), "t.slow", "general", &[]).await?;
    assert_eq!(retain::retain(&t.system(), &flow, retain::EVENTS_KEPT).await?, 0);
    let second = t.events().await[1].sequence;
    reset::reset(&t.admin(), &flow, "t.slow", second).await?;
    assert_eq!(retain::retain(&t.system(), &flow, retain::EVENTS_KEPT).await?, 1);
    assert_eq!(t.db().first_sequence().await?, second);
    assert_eq!(
        retain::retain(&t.operator(), &flow, retain::EVENTS_KEPT).await.unwrap_err().code(),
        "forbidden"
    );
});

both!(a_fact_from_outside_is_taken_once, async |t: TestDb| {
    let flow = Flow::new(t.db().clone());
    let fact = |id: &str, bed: u32| ExternalReceived {
        source: "hospital".into(),
        id: id.into(),
        kind: "bed.freed".into(),
        time: None,
        data: json!({ "bed": bed }),
    };
    let tell = async |fact| publish::publish(&t.operator(), &flow, fact).await;
    assert_eq!(tell(fact("a", 1)).await?, Published::Taken);
    assert_eq!(tell(fact("a", 1)).await?, Published::Known);
    assert_eq!(tell(fact("b", 1)).await?, Published::Taken);
    assert_eq!(tell(fact("a", 2)).await.unwrap_err().code(), "invalid", "another fact under the same id");
    t.assert_events(["evt.external.received", "evt.external.received"]).await;
    let bad = ExternalReceived { source: " ".into(), data: json!("x".repeat(100_000)), ..fact("", 1) };
    assert_eq!(tell(bad).await.unwrap_err().problems().len(), 3);
    assert_eq!(publish::publish(&t.viewer(), &flow, fact("c", 1)).await.unwrap_err().code(), "forbidden");
    // Twice at once is once, too.
    let (one, two) = tokio::join!(tell(fact("d", 4)), tell(fact("d", 4)));
    assert_eq!([one?, two?].iter().filter(|it| **it == Published::Taken).count(), 1);
});
