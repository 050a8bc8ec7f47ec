use serde_json::{Value, json};
use thunderline_contracts::link::{NodeChanged, NodeJoined};
use thunderline_core::{ErrorKind, NodeId, SignedDuration};
use thunderline_testkit::{TestDb, both};
use thunderlink::{
    Filter, Links, Source,
    activate::{self, Profile},
    capabilities::{Word, set_capability},
    read,
};

use crate::{profile, runner};

fn reports(capacity: Value) -> Profile {
    Profile { capacity: Some(capacity), ..runner() }
}

both!(the_operators_word_counts_until_it_is_taken_back, async |t: TestDb| {
    let links = Links::new(t.db().clone());
    let id = NodeId::from_bits(7);
    activate::activate(&t.node(id), &links, reports(json!({"cores": 4, "gpu": true}))).await?;
    let off = Word::Is { value: json!(true), enabled: false };
    let view = set_capability(&t.operator(), &links, id, "gpu", off.clone()).await?;
    assert_eq!(
        (view.capabilities["gpu"].source, view.capabilities["gpu"].enabled),
        (Source::Operator, false)
    );
    set_capability(&t.operator(), &links, id, "gpu", off).await?;
    activate::activate(&t.node(id), &links, reports(json!({"cores": 8, "gpu": "a100"}))).await?;
    let view = read::get_node(&t.viewer(), &links, id).await?;
    assert_eq!((view.capabilities["gpu"].enabled, &view.capabilities["cores"].value), (false, &json!(8)));
    let view = set_capability(&t.operator(), &links, id, "gpu", Word::TakenBack).await?;
    assert_eq!(view.capabilities["gpu"].value, json!("a100"));

    let joined = t.events_of::<NodeJoined>().await;
    assert_eq!(joined[0].capabilities, [("cores".to_owned(), json!(4)), ("gpu".into(), json!(true))].into());
    assert_eq!(joined[1].capabilities, [("cores".to_owned(), json!(8))].into());
    let changed = t.events_of::<NodeChanged>().await;
    assert_eq!(changed.len(), 2, "saying the same twice is no change");
    let again = set_capability(&t.operator(), &links, id, "gpu", Word::TakenBack).await;
    assert_eq!(again.unwrap_err().kind(), ErrorKind::NotFound);
});

both!(what_a_node_no_longer_reports_is_gone, async |t: TestDb| {
    let links = Links::new(t.db().clone());
    let id = NodeId::from_bits(7);
    activate::activate(&t.node(id), &links, reports(json!({"cores": 4, "gpu": true}))).await?;
    activate::activate(&t.node(id), &links, reports(json!({"cores": 4}))).await?;
    let restarted = Links::new(t.db().clone());
    for links in [&links, &restarted] {
        let view = read::get_node(&t.viewer(), links, id).await?;
        assert_eq!(view.capabilities.keys().collect::<Vec<_>>(), ["cores"]);
    }
});

both!(keys_and_values_out_of_range_are_refused, async |t: TestDb| {
    let links = Links::new(t.db().clone());
    let id = NodeId::from_bits(7);
    activate::activate(&t.node(id), &links, profile()).await?;
    for (key, value) in [("GPU", json!(1)), ("", json!(1)), ("gpu", json!([1])), ("gpu", json!(" "))] {
        let word = Word::Is { value, enabled: true };
        let refused = set_capability(&t.operator(), &links, id, key, word).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Invalid);
    }
    t.assert_events(["link.node.joined"]).await;
});

both!(every_node_is_listed_once_however_the_list_is_cut, async |t: TestDb| {
    let links = Links::new(t.db().clone());
    // Some at the same moment.
    for bits in 1..=25 {
        activate::activate(&t.node(NodeId::from_bits(bits)), &links, runner()).await?;
        if bits % 5 == 0 {
            t.clock.advance(SignedDuration::from_secs(1));
        }
    }
    let (mut seen, mut before) = (Vec::new(), None);
    loop {
        let page = read::list_nodes(&t.viewer(), &links, &Filter::default(), before, 7).await?;
        let Some(last) = page.last() else { break };
        before = Some((last.node.registered_at, last.node.id));
        seen.extend(page.iter().map(|view| view.node.id.get()));
    }
    assert_eq!(seen, (1..=25).rev().collect::<Vec<_>>());
});

both!(nodes_are_found_by_what_they_have, async |t: TestDb| {
    let links = Links::new(t.db().clone());
    activate::activate(&t.node(NodeId::from_bits(1)), &links, reports(json!({"gpu": true}))).await?;
    activate::activate(&t.node(NodeId::from_bits(2)), &links, reports(json!({"gpu": false}))).await?;
    activate::activate(&t.node(NodeId::from_bits(3)), &links, profile()).await?;
    for (filter, expected) in [
        (Filter { capability: Some("gpu".into()), ..Filter::default() }, vec![1]),
        (Filter { tag: Some("gpu".into()), ..Filter::default() }, vec![2, 1]),
        (Filter { name: Some("ward".into()), ..Filter::default() }, vec![2, 1]),
        (Filter { evicted: Some(true), ..Filter::default() }, vec![]),
    ] {
        let found = read::list_nodes(&t.viewer(), &links, &filter, None, 10).await?;
        assert_eq!(found.iter().map(|view| view.node.id.get()).collect::<Vec<_>>(), expected, "{filter:?}");
    }
});
