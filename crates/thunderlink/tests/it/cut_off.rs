//! Requests that are cut off between the commit and what the process remembers of it.

use std::{future::poll_fn, pin::pin, task::Poll};

use thunderline_contracts::link::NodeLeft;
use thunderline_core::{
    NodeId, SignedDuration,
    seams::{self, Effect, Point, Trap},
};
use thunderline_testkit::{TestDb, both};
use thunderlink::{
    Heard, Links, NodeState, activate, evict,
    leave::{self, Departure},
    presence, read,
};

use crate::runner;

/// Lets a request run until its transaction is committed, and hangs up.
async fn hang_up_after_commit<T>(request: impl Future<Output = T>) {
    seams::arm(Some(Trap { point: Point::Committed, after: 0, effect: Effect::Stall }));
    let mut request = pin!(request);
    poll_fn(|cx| match request.as_mut().poll(cx) {
        Poll::Ready(_) => panic!("the request was answered"),
        Poll::Pending if seams::sprung().is_some() => Poll::Ready(()),
        Poll::Pending => Poll::Pending,
    })
    .await;
}

both!(a_node_whose_coming_was_cut_off_is_found_silent_like_any_other, async |t: TestDb| {
    let links = Links::new(t.db().clone());
    let id = NodeId::from_bits(7);
    let node = t.node(id);
    hang_up_after_commit(activate::activate(&node, &links, runner())).await;
    t.assert_events(["link.node.joined"]).await;
    assert!(!links.presence.has(id));
    presence::expire(&t.system(), &links).await?;
    assert!(links.presence.has(id));
    t.clock.advance(SignedDuration::from_secs(60));
    assert_eq!(presence::expire(&t.system(), &links).await?, 1);
    assert_eq!(t.events_of::<NodeLeft>().await.len(), 1);
});

both!(a_node_whose_goodbye_was_cut_off_comes_back_by_its_next_request, async |t: TestDb| {
    let links = Links::new(t.db().clone());
    let id = NodeId::from_bits(7);
    let node = t.node(id);
    activate::activate(&node, &links, runner()).await?;
    hang_up_after_commit(leave::leave(&node, &links, id, Departure::Deactivated)).await;
    assert!(!links.presence.seen(id, t.system().now(), Heard::default()), "its row says that it is gone");
    activate::activate(&node, &links, runner()).await?;
    assert!(links.presence.seen(id, t.system().now(), Heard::default()));
    assert_eq!(read::get_node(&t.viewer(), &links, id).await?.node.state, NodeState::Online);
    t.assert_events(["link.node.joined", "link.node.left", "link.node.joined"]).await;
});

both!(a_node_whose_shutting_out_was_cut_off_is_shut_out, async |t: TestDb| {
    let links = Links::new(t.db().clone());
    let id = NodeId::from_bits(7);
    activate::activate(&t.node(id), &links, runner()).await?;
    let operator = t.operator();
    hang_up_after_commit(evict::evict(&operator, &links, id, "")).await;
    assert!(!links.presence.seen(id, t.system().now(), Heard::default()));
    assert!(activate::activate(&t.node(id), &links, runner()).await.is_err());
    assert_eq!(presence::settle(&t.system(), &links).await?, 1);
    assert_eq!((links.presence.count(), presence::settle(&t.system(), &links).await?), (0, 0));
});
