//! Nodes come, go, fall silent, are described, grouped and shut out, on both engines.

#[cfg(debug_assertions)]
mod cut_off;
mod eviction;
mod groups;
mod registry;
mod sessions;

use serde_json::json;
use thunderline_contracts::link::{NodeJoined, NodeKind, NodeLeft};
use thunderline_core::{ErrorKind, NodeId, SignedDuration};
use thunderline_testkit::{MigrationSet, TestDb, both};
use thunderlink::{
    Filter, Heard, Links, NodeState,
    activate::{self, Profile},
    leave::{self, Departure},
    presence, read,
};

const MIGRATIONS: &[MigrationSet] = &[thunderlink::MIGRATIONS];

fn profile() -> Profile {
    Profile { public_key: "key".into(), ..Profile::default() }
}

fn runner() -> Profile {
    Profile {
        kind: Some(NodeKind::Runner),
        name: Some("ward-3".into()),
        tags: Some(vec!["gpu".into()]),
        capacity: Some(json!({ "cores": 4 })),
        heartbeat_seconds: Some(30.0),
        ..profile()
    }
}

both!(a_node_that_introduces_itself_twice_is_one_node_and_one_event, async |t: TestDb| {
    let links = Links::new(t.db().clone());
    let cx = t.node(NodeId::from_bits(7));
    activate::activate(&cx, &links, runner()).await?;
    let node = activate::activate(&cx, &links, runner()).await?;
    assert_eq!((node.name.as_str(), node.kind, node.state), ("ward-3", NodeKind::Runner, NodeState::Online));
    t.assert_events(["link.node.joined"]).await;
    assert_eq!(read::list_nodes(&t.viewer(), &links, &Filter::default(), None, 10).await?.len(), 1);
});

both!(what_a_node_leaves_out_is_kept_from_before, async |t: TestDb| {
    let links = Links::new(t.db().clone());
    let cx = t.node(NodeId::from_bits(7));
    activate::activate(&cx, &links, runner()).await?;
    leave::leave(&cx, &links, NodeId::from_bits(7), Departure::Deactivated).await?;
    let node = activate::activate(&cx, &links, profile()).await?;
    assert_eq!((node.name.as_str(), node.tags.as_slice()), ("ward-3", ["gpu".to_owned()].as_slice()));
    let joined = t.events_of::<NodeJoined>().await;
    assert_eq!((joined.len(), joined[1].kind), (2, NodeKind::Runner));
});

both!(an_unnamed_node_runs_flower_and_is_called_by_its_id, async |t: TestDb| {
    let links = Links::new(t.db().clone());
    let node = activate::activate(&t.node(NodeId::from_bits(7)), &links, profile()).await?;
    assert_eq!((node.name.as_str(), node.kind, node.heartbeat_seconds), ("7", NodeKind::Flower, 30));
});

both!(a_silent_node_leaves_once_and_may_come_back, async |t: TestDb| {
    let links = Links::new(t.db().clone());
    let id = NodeId::from_bits(7);
    activate::activate(&t.node(id), &links, runner()).await?;
    t.clock.advance(SignedDuration::from_secs(59));
    assert_eq!(presence::expire(&t.system(), &links).await?, 0);
    t.clock.advance(SignedDuration::from_secs(1));
    assert_eq!(presence::expire(&t.system(), &links).await?, 1);
    assert_eq!(presence::expire(&t.system(), &links).await?, 0);
    let left = t.events_of::<NodeLeft>().await;
    assert_eq!((left.len(), left[0].reason.as_str()), (1, "no sign of life for 60 s"));
    assert!(!links.presence.seen(id, t.system().now(), Heard::default()));
    assert_eq!(activate::activate(&t.node(id), &links, runner()).await?.state, NodeState::Online);
});

both!(a_restart_gives_every_node_its_full_patience_again, async |t: TestDb| {
    let links = Links::new(t.db().clone());
    activate::activate(&t.node(NodeId::from_bits(7)), &links, runner()).await?;
    t.clock.advance(SignedDuration::from_secs(3600));
    let restarted = Links::new(t.db().clone());
    assert_eq!(presence::restore(&t.system(), &restarted).await?, 1);
    assert_eq!(presence::expire(&t.system(), &restarted).await?, 0);
    assert!(restarted.presence.seen(NodeId::from_bits(7), t.system().now(), Heard::default()));
});

both!(a_profile_out_of_range_is_refused_whole, async |t: TestDb| {
    let links = Links::new(t.db().clone());
    let wrong = Profile { name: Some(String::new()), tags: Some(vec!["x".repeat(101)]), ..profile() };
    let error = activate::activate(&t.node(NodeId::from_bits(7)), &links, wrong).await.unwrap_err();
    assert_eq!(error.problems().len(), 2);
    let stranger = activate::activate(&t.operator(), &links, profile()).await.unwrap_err();
    assert_eq!(stranger.kind(), ErrorKind::Forbidden);
    t.assert_events([]).await;
});

both!(every_statement_is_understood_and_stays_in_its_own_tables, async |t: TestDb| {
    t.assert_statements("link_", &thunderlink::statements()).await;
    t.assert_migrations("link_", thunderlink::MIGRATIONS);
});
