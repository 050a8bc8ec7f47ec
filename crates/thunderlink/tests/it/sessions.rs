use thunderline_core::{NodeId, SignedDuration};
use thunderline_testkit::{Engine, TestDb, both};
use thunderlink::{
    Heard, Links, NodeState, SessionState, Transport, activate, heartbeats,
    leave::{self, Departure},
    presence, read,
};

use crate::runner;

both!(a_session_is_opened_counted_and_closed_without_a_row_per_request, async |t: TestDb| {
    let links = Links::new(t.db().clone());
    let id = NodeId::from_bits(7);
    activate::activate(&t.node(id), &links, runner()).await?;
    for _ in 0..40 {
        t.clock.advance(SignedDuration::from_secs(30));
        let lag = Some(SignedDuration::from_millis(20));
        assert!(links.presence.seen(id, t.system().now(), Heard { transport: Transport::Grpc, lag }));
        heartbeats::record(&t.system(), &links).await?;
    }
    let rows = read::list_heartbeats(&t.viewer(), &links, id, None, 100).await?;
    assert_eq!(rows.iter().map(|row| row.requests).collect::<Vec<_>>(), [20, 20]);
    assert_eq!((rows[0].lag_micros, rows[0].longest_gap_micros), (Some(20_000), 30_000_000));
    t.clock.advance(SignedDuration::from_secs(31));
    let live = &read::list_sessions(&t.viewer(), &links, Some(id), None, 10).await?[0];
    assert_eq!((live.state, live.requests, live.transport), (SessionState::Degraded, 40, Transport::Grpc));
    assert!(live.last_seen.is_some());

    leave::leave(&t.node(id), &links, id, Departure::Deactivated).await?;
    activate::activate(&t.node(id), &links, runner()).await?;
    let both = read::list_sessions(&t.viewer(), &links, None, None, 10).await?;
    assert_eq!(both.len(), 2);
    assert_eq!((both[1].state, both[1].requests), (SessionState::Closed, 40));
    assert_eq!(both[1].reason.as_deref(), Some("it said goodbye"));
});

both!(old_heartbeats_and_sessions_are_thrown_away, async |t: TestDb| {
    let links = Links::new(t.db().clone());
    let id = NodeId::from_bits(7);
    activate::activate(&t.node(id), &links, runner()).await?;
    links.presence.seen(id, t.system().now(), Heard::default());
    leave::leave(&t.node(id), &links, id, Departure::Deactivated).await?;
    assert_eq!(heartbeats::prune(&t.system(), &links).await?, 0);
    t.clock.advance(SignedDuration::from_hours(25));
    assert_eq!(heartbeats::prune(&t.system(), &links).await?, 1);
    t.clock.advance(SignedDuration::from_hours(30 * 24));
    assert_eq!(heartbeats::prune(&t.system(), &links).await?, 1);
});

both!(a_node_that_went_to_another_process_is_not_found_silent_by_the_first, async |t: TestDb| {
    let (here, there) = (Links::new(t.db().clone()), Links::new(t.reopen().await?));
    let id = NodeId::from_bits(7);
    presence::restore(&t.system(), &here).await?;
    activate::activate(&t.node(id), &here, runner()).await?;
    t.clock.advance(SignedDuration::from_secs(50));
    activate::activate(&t.node(id), &there, runner()).await?;
    t.clock.advance(SignedDuration::from_secs(10));
    presence::expire(&t.system(), &here).await?;
    assert!(!here.presence.has(id) && there.presence.has(id));
    assert_eq!(presence::expire(&t.system(), &there).await?, 0);
    assert_eq!(read::get_node(&t.viewer(), &here, id).await?.node.state, NodeState::Online);
    t.assert_events(["link.node.joined"]).await;
});

both!(sessions_of_a_process_that_lives_are_not_adopted, async |t: TestDb| {
    if t.engine() == Engine::Sqlite {
        // One process has the file.
        return Ok(());
    }
    let (here, there) = (Links::new(t.db().clone()), Links::new(t.reopen().await?));
    presence::restore(&t.system(), &here).await?;
    activate::activate(&t.node(NodeId::from_bits(7)), &here, runner()).await?;
    assert_eq!(presence::restore(&t.system(), &there).await?, 0);
    t.clock.advance(SignedDuration::from_secs(31));
    assert_eq!(presence::restore(&t.system(), &there).await?, 1);
    assert_eq!(presence::restore(&t.system(), &there).await?, 0);
});
