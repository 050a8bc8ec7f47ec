use std::{pin::pin, time::Duration};

use super::*;

const KIB: usize = 1024;

fn node(number: u64) -> NodeId {
    NodeId::from_bits(number)
}

#[tokio::test]
async fn a_body_holds_what_came_and_not_what_it_states() {
    let room = Room::new(1024 * KIB);
    let mut stalled = room.enter(node(1), usize::MAX);
    stalled.grow(FREE).await;
    assert_eq!(room.available(), 1024 * KIB);
    stalled.grow(FREE + 1).await;
    assert_eq!(room.available(), (1024 - 64) * KIB);
    let mut other = room.enter(node(2), 900 * KIB);
    other.grow(900 * KIB).await;
    drop(other);
    drop(stalled);
    assert_eq!(room.available(), 1024 * KIB);
}

#[tokio::test]
async fn a_step_is_taken_only_while_the_rest_of_the_body_is_free_too() {
    let room = Room::new(1024 * KIB);
    let (mut one, mut two) = (room.enter(node(1), 1000 * KIB), room.enter(node(2), 1000 * KIB));
    one.grow(128 * KIB).await;
    // There is room for this step, but the two would then wait for each other.
    let mut waiting = pin!(two.grow(128 * KIB));
    assert!(futures::poll!(&mut waiting).is_pending());
    one.grow(1000 * KIB).await;
    assert!(futures::poll!(&mut waiting).is_pending());
    drop(one);
    assert!(futures::poll!(&mut waiting).is_ready());
}

#[tokio::test]
async fn however_many_bodies_a_node_sends_half_of_the_room_is_for_others() {
    let room = Room::new(1024 * KIB);
    // Small ones, which all have their bytes, but for the last.
    let mut held = Vec::new();
    for _ in 0..8 {
        let mut place = room.enter(node(1), 64 * KIB);
        place.grow(63 * KIB).await;
        held.push(place);
    }
    let mut ninth = room.enter(node(1), 17 * KIB);
    let mut waiting = pin!(ninth.grow(17 * KIB));
    assert!(futures::poll!(&mut waiting).is_pending());
    assert_eq!(room.available(), 512 * KIB);
    let mut other = room.enter(node(2), 512 * KIB);
    other.grow(512 * KIB).await;
    drop(other);
    assert!(futures::poll!(&mut waiting).is_pending(), "others' room is not the node's");
    held.pop();
    assert!(futures::poll!(&mut waiting).is_ready());
}

#[tokio::test]
async fn a_node_s_two_bodies_do_not_wait_for_each_other_for_ever() {
    let room = Room::new(1024 * KIB);
    let (mut one, mut two) = (room.enter(node(1), 400 * KIB), room.enter(node(1), 400 * KIB));
    one.grow(64 * KIB).await;
    // One lacks 336 KiB, and would still get them.
    two.grow(64 * KIB).await;
    one.grow(128 * KIB).await;
    let mut waiting = pin!(two.grow(128 * KIB));
    assert!(futures::poll!(&mut waiting).is_pending());
    one.grow(400 * KIB).await;
    drop(one);
    assert!(futures::poll!(&mut waiting).is_ready());
}

#[tokio::test(start_paused = true)]
async fn what_is_larger_than_a_share_goes_through_unless_others_wait_long() {
    let room = Room::new(1024 * KIB);
    let mut large = room.enter(node(1), 900 * KIB);
    large.grow(512 * KIB).await;
    let mut other = room.enter(node(2), 512 * KIB);
    other.grow(512 * KIB).await;
    // What the share has room for is not called, whoever waits.
    let mut waits = room.enter(node(3), 100 * KIB);
    assert!(tokio::time::timeout(2 * PATIENCE, waits.grow(100 * KIB)).await.is_err());
    assert!(futures::poll!(pin!(large.called())).is_pending());
    drop(other);
    large.grow(900 * KIB).await;

    // One that is as large waits for the end of it.
    let mut as_large = room.enter(node(2), 900 * KIB);
    assert!(tokio::time::timeout(2 * PATIENCE, as_large.grow(100 * KIB)).await.is_err());
    assert!(futures::poll!(pin!(large.called())).is_pending());
    // So does one that its own node's other bodies hold back.
    let mut own = room.enter(node(1), 200 * KIB);
    assert!(tokio::time::timeout(2 * PATIENCE, own.grow(100 * KIB)).await.is_err());
    assert!(futures::poll!(pin!(large.called())).is_pending());

    let begun = Instant::now();
    let mut usual = room.enter(node(2), 500 * KIB);
    let called = async {
        large.called().await;
        drop(large);
    };
    tokio::join!(usual.grow(100 * KIB), called);
    assert_eq!(begun.elapsed(), PATIENCE);
    // That call is over: who comes now is not meant.
    drop(usual);
    let mut next = room.enter(node(1), 900 * KIB);
    next.grow(900 * KIB).await;
    assert!(futures::poll!(pin!(next.called())).is_pending());
}

#[tokio::test(start_paused = true)]
async fn however_many_bodies_grow_side_by_side_all_come_to_their_end() {
    for nodes in [1, 2, 7, 60] {
        let room = Room::new(1024 * KIB);
        let body = |number: usize| {
            let room = room.clone();
            async move {
                let most = [20, 100, 400, 700, 1000, 5000][number % 6] * KIB;
                let mut place = room.enter(node((number % nodes) as u64), most);
                for length in (0..=most).step_by(10 * KIB) {
                    place.grow(length).await;
                    tokio::task::yield_now().await;
                }
            }
        };
        let all = futures::future::join_all((0..60).map(body));
        // Paused: the time passes at once where all of them wait.
        tokio::time::timeout(Duration::from_secs(1), all).await.expect("nobody waits for ever");
        assert_eq!(room.available(), 1024 * KIB);
    }
}
