//! What parts of an installation share without events: flags and the blackboard.

use std::collections::BTreeMap;

use serde_json::json;
use thunderflow::{
    Flow,
    blackboard::{self, Counts, Scope},
    events::retain,
    flags::{self, Rules},
};
use thunderline_core::SignedDuration;
use thunderline_testkit::{TestDb, both};

both!(a_flag_that_is_set_is_known_here_at_once_and_elsewhere_after_the_next_look, async |t: TestDb| {
    let (here, elsewhere) = (Flow::new(t.db().clone()), Flow::new(t.reopen().await?));
    let rules = Rules { enabled: true, note: "try it".into(), ..Rules::default() };
    let flag = flags::change::set(&t.admin(), &here, "secure_sum", rules.clone()).await?;
    assert_eq!((flag.rules, flag.changed_by.as_str()), (rules, "user:admin"));
    assert!(here.flags.is_on("secure_sum", t.tenant()));
    assert!(!elsewhere.flags.is_on("secure_sum", t.tenant()));
    elsewhere.flags.reload(&t.system(), &elsewhere.db).await?;
    assert!(elsewhere.flags.is_on("secure_sum", t.tenant()));

    let tenants = BTreeMap::from([(t.tenant(), false)]);
    let rules = Rules { enabled: true, percentage: Some(100), tenants, note: String::new() };
    flags::change::set(&t.admin(), &here, "secure_sum", rules.clone()).await?;
    assert!(!here.flags.is_on("secure_sum", t.tenant()));
    assert_eq!(flags::read::get_flag(&t.viewer(), &here, "secure_sum").await?.rules, rules);
    flags::change::unset(&t.admin(), &here, "secure_sum").await?;
    assert!(flags::read::list_flags(&t.viewer(), &here).await?.is_empty());
    t.assert_audited("flow.flag.unset", "secure_sum").await;
    t.assert_events(["flow.flag.changed"; 3]).await;
});

both!(a_flag_is_set_by_admins_and_has_a_proper_name, async |t: TestDb| {
    let flow = Flow::new(t.db().clone());
    let denied = flags::change::set(&t.operator(), &flow, "x", Rules::default()).await.unwrap_err();
    assert_eq!(denied.code(), "forbidden");
    let rules = Rules { percentage: Some(101), ..Rules::default() };
    let wrong = flags::change::set(&t.admin(), &flow, "No Name", rules).await.unwrap_err();
    assert_eq!(wrong.problems().len(), 2);
    assert_eq!(flags::change::unset(&t.admin(), &flow, "x").await.unwrap_err().code(), "not_found");
});

both!(a_value_keeps_its_type_until_it_is_deleted_or_over, async |t: TestDb| {
    let flow = Flow::new(t.db().clone());
    for scope in [Scope::Global, Scope::Node] {
        let put = async |value, ttl: Option<i64>| {
            let ttl = ttl.map(SignedDuration::from_secs);
            blackboard::change::put(&t.operator(), &flow, scope, "ward.load", value, ttl).await
        };
        let find = async || blackboard::read::find(&t.viewer(), &flow, scope, "ward.load").await;
        assert_eq!(find().await?, None);
        assert_eq!(put(json!(3), Some(60)).await?.kind, "integer");
        put(json!(4), Some(60)).await?;
        assert_eq!(find().await?.unwrap().value, json!(4));
        let typed = blackboard::read::find_as::<u32>(&t.viewer(), &flow, scope, "ward.load").await?;
        assert_eq!(typed, Some(4));
        let wrong = blackboard::read::find_as::<bool>(&t.viewer(), &flow, scope, "ward.load").await;
        assert_eq!(wrong.unwrap_err().code(), "invalid");
        assert_eq!(put(json!("four"), None).await.unwrap_err().code(), "conflict");
        t.clock.advance(SignedDuration::from_secs(61));
        assert_eq!(find().await?, None, "its time is over");
        put(json!("four"), None).await?;
        t.clock.advance(SignedDuration::from_hours(10_000));
        assert_eq!(find().await?.unwrap().kind, "string");
        assert_eq!(flow.board.counts(scope), Counts { hits: 4, misses: 2 });
        let found = blackboard::read::list(&t.viewer(), &flow, scope, "ward.", 10).await?;
        assert_eq!(found.len(), 1);
        assert!(blackboard::read::list(&t.viewer(), &flow, scope, "ward%", 10).await?.is_empty());
        blackboard::change::delete(&t.operator(), &flow, scope, "ward.load").await?;
        let gone = blackboard::change::delete(&t.operator(), &flow, scope, "ward.load").await.unwrap_err();
        assert_eq!(gone.code(), "not_found");
        t.assert_audited("flow.blackboard.put", format!("{scope}:ward.load")).await;
    }
});

both!(scopes_and_tenants_do_not_see_each_other, async |t: TestDb| {
    let (flow, other) = (Flow::new(t.db().clone()), Flow::new(t.db().clone()));
    let put =
        async |scope, value| blackboard::change::put(&t.operator(), &flow, scope, "k", value, None).await;
    put(Scope::Global, json!(1)).await?;
    put(Scope::Node, json!("here")).await?;
    let at = async |flow, scope| blackboard::read::find(&t.viewer(), flow, scope, "k").await;
    assert_eq!(at(&other, Scope::Global).await?.unwrap().value, json!(1), "another process");
    assert_eq!(at(&other, Scope::Node).await?, None);
    assert_eq!(at(&flow, Scope::Node).await?.unwrap().value, json!("here"));
    let stranger = t.viewer().for_actor(t.viewer().actor().clone(), t.viewer().id());
    for scope in [Scope::Global, Scope::Node] {
        assert_eq!(blackboard::read::find(&stranger, &flow, scope, "k").await?, None);
    }
});

both!(values_that_are_over_are_removed_and_nonsense_is_refused, async |t: TestDb| {
    let flow = Flow::new(t.db().clone());
    let put = async |key: &str, value, ttl| {
        let ttl = Some(SignedDuration::from_secs(ttl));
        blackboard::change::put(&t.operator(), &flow, Scope::Global, key, value, ttl).await
    };
    put("k", json!([1]), 5).await?;
    t.clock.advance(SignedDuration::from_secs(6));
    retain::retain(&t.system(), &flow, retain::EVENTS_KEPT).await?;
    assert_eq!(
        blackboard::change::delete(&t.operator(), &flow, Scope::Global, "k").await.unwrap_err().code(),
        "not_found"
    );
    assert_eq!(put("a b", json!(null), 0).await.unwrap_err().problems().len(), 3);
    assert_eq!(put("k", json!("x".repeat(70_000)), 1).await.unwrap_err().problems().len(), 1);
});
