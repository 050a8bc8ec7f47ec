//! The registry of domains.

use DomainState::{Active, Crashed, Waiting};
use thunderblock::{Block, registry};
use thunderline_core::{DomainState, ErrorKind, SignedDuration, Transition, Wish};
use thunderline_testkit::{TestDb, both};

fn transition(t: &TestDb, node: &str, from: DomainState, to: DomainState) -> Transition {
    let (node, reason, at) = (node.to_owned(), "because".to_owned(), t.system().now());
    Transition { node, domain: "federation", from, to, reason, tick: 7, at }
}

both!(a_transition_is_a_row_an_event_and_the_present_and_repeating_it_changes_nothing, async |t: TestDb| {
    let block = Block::new(t.db().clone());
    for (from, to) in [(Waiting, Active), (Active, Crashed)] {
        let happened = transition(&t, "a", from, to);
        registry::record(&t.system(), &block, &happened).await?;
        registry::record(&t.system(), &block, &happened).await?;
        t.clock.advance(SignedDuration::from_secs(1));
    }
    registry::record(&t.system(), &block, &transition(&t, "b", Waiting, Active)).await?;
    t.assert_events(["system.domain.activated", "system.domain.crashed", "system.domain.activated"]).await;
    let rows = registry::domains(&t.viewer(), &block).await?;
    let present: Vec<_> = rows.iter().map(|row| (row.node.as_str(), row.state, row.tick)).collect();
    assert_eq!(present, [("a", Crashed, 7), ("b", Active, 7)]);
    let past = registry::transitions(&t.viewer(), &block, Some("federation"), None, 10).await?;
    let past: Vec<_> = past.iter().map(|row| (row.node.as_str(), row.from, row.to)).collect();
    assert_eq!(past, [("b", Waiting, Active), ("a", Active, Crashed), ("a", Waiting, Active)]);
    assert!(registry::transitions(&t.viewer(), &block, Some("other"), None, 10).await?.is_empty());
});

both!(orders_need_an_admin_and_a_domain_that_exists, async |t: TestDb| {
    let block = Block::new(t.db().clone());
    let known = ["federation", "thunderlink"];
    let order = async |cx, domain, reason: Option<&str>| {
        registry::order(&cx, &block, &known, domain, Wish::Deactivate, reason).await
    };
    assert_eq!(order(t.operator(), "federation", None).await.unwrap_err().kind(), ErrorKind::Forbidden);
    let error = order(t.admin(), "federatoin", None).await.unwrap_err();
    assert!(error.to_string().contains("there are: federation, thunderlink"), "{error}");
    let long = "x".repeat(501);
    assert_eq!(order(t.admin(), "federation", Some(&long)).await.unwrap_err().kind(), ErrorKind::Invalid);
    assert!(registry::orders(&t.system(), &block, 0).await?.is_empty());
});

both!(a_process_that_starts_hears_each_domains_last_wish_and_later_ones_one_by_one, async |t: TestDb| {
    let block = Block::new(t.db().clone());
    let known = ["federation", "thunderlink"];
    let orders = [
        ("federation", Wish::Deactivate),
        ("federation", Wish::Activate),
        ("thunderlink", Wish::Deactivate),
        ("thunderlink", Wish::Kill),
    ];
    for (domain, wish) in orders {
        registry::order(&t.admin(), &block, &known, domain, wish, Some("  to see  ")).await?;
    }
    let heard = async |after| -> thunderline_core::Result<Vec<_>> {
        let orders = registry::orders(&t.system(), &block, after).await?;
        Ok(orders.into_iter().map(|order| (order.domain, order.wish, order.reason)).collect())
    };
    let why = || Some("to see".to_owned());
    let link = || "thunderlink".to_owned();
    let first = heard(0).await?;
    assert_eq!(
        first,
        [
            ("federation".to_owned(), Wish::Activate, why()),
            (link(), Wish::Deactivate, why()),
            (link(), Wish::Kill, why())
        ]
    );
    assert_eq!(heard(3).await?, [(link(), Wish::Kill, why())]);
    assert!(heard(4).await?.is_empty());
});
