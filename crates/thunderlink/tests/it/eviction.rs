use thunderline_core::{ErrorKind, NodeId};
use thunderline_testkit::{TestDb, both};
use thunderlink::{
    Heard, Links, NodeState, activate,
    evict::{evict, readmit},
    presence, read, refresh,
};

use crate::runner;

both!(an_evicted_node_is_refused_until_it_is_readmitted, async |t: TestDb| {
    let links = Links::new(t.db().clone());
    let id = NodeId::from_bits(7);
    activate::activate(&t.node(id), &links, runner()).await?;
    let view = evict(&t.operator(), &links, id, "its disk was stolen").await?;
    assert_eq!(
        (view.node.state, view.node.evicted.unwrap().reason.as_str()),
        (NodeState::Offline, "its disk was stolen")
    );
    t.assert_events(["link.node.joined", "link.node.left", "link.node.evicted"]).await;
    assert!(!links.presence.seen(id, t.system().now(), Heard::default()));
    let refused = activate::activate(&t.node(id), &links, runner()).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Unauthenticated);
    assert!(refused.external().contains("its disk was stolen"), "{refused}");
    assert_eq!(evict(&t.operator(), &links, id, "").await.unwrap_err().kind(), ErrorKind::Conflict);

    readmit(&t.operator(), &links, id).await?;
    assert_eq!(activate::activate(&t.node(id), &links, runner()).await?.state, NodeState::Online);
    assert_eq!(readmit(&t.operator(), &links, id).await.unwrap_err().kind(), ErrorKind::Conflict);
    t.assert_audited("link.node.evict", id).await;
});

both!(a_fresh_process_refuses_an_evicted_node_before_it_has_read_anything, async |t: TestDb| {
    let links = Links::new(t.db().clone());
    let id = NodeId::from_bits(7);
    activate::activate(&t.node(id), &links, runner()).await?;
    evict(&t.operator(), &links, id, "").await?;
    let restarted = Links::new(t.db().clone());
    let refused = activate::activate(&t.node(id), &restarted, runner()).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Unauthenticated);
    presence::restore(&t.system(), &restarted).await?;
    assert!(restarted.admit(id).is_err());
});

both!(another_process_stops_hearing_an_evicted_node, async |t: TestDb| {
    let (here, there) = (Links::new(t.db().clone()), Links::new(t.reopen().await?));
    let id = NodeId::from_bits(7);
    presence::restore(&t.system(), &there).await?;
    activate::activate(&t.node(id), &there, runner()).await?;
    evict(&t.operator(), &here, id, "").await?;
    refresh::refresh(&t.system(), &there).await?;
    assert!(!there.presence.has(id) && there.admit(id).is_err());
});

both!(those_who_only_look_cannot_evict, async |t: TestDb| {
    let links = Links::new(t.db().clone());
    let id = NodeId::from_bits(7);
    activate::activate(&t.node(id), &links, runner()).await?;
    assert_eq!(evict(&t.viewer(), &links, id, "").await.unwrap_err().kind(), ErrorKind::Forbidden);
    assert!(read::get_node(&t.viewer(), &links, id).await?.node.evicted.is_none());
});
