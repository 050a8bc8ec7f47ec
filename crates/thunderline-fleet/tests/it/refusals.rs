//! What clients are told when something is wrong.

use std::time::Duration;

use axum::{
    body::Body,
    extract::Request,
    http::{StatusCode, header},
};
use bytes::Bytes;
use federation::{actions::read::newest_round, state::RoundState};
use thunderline_core::SignedDuration;
use thunderline_flower::{ObjectId, Rpc, wire};
use thunderline_testkit::{TestDb, both};
use thunderlink::evict::{evict, readmit};

use crate::{
    client::{Client, Transport},
    edge::{Edge, Refused, START},
};

both!(whoever_does_not_prove_its_key_is_told_to_leave, async |t: TestDb| {
    let edge = Edge::new(t)?;
    for (transport, leave) in
        [(Transport::Http, Refused::Http(StatusCode::UNAUTHORIZED)), (Transport::Grpc, Refused::Grpc(16))]
    {
        let client = Client::new(transport);
        for rpc in Rpc::ALL {
            let path = if transport == Transport::Http { rpc.http_path() } else { rpc.grpc_path() };
            let (parts, ..) = edge.send(Request::post(path).body(Body::empty()).unwrap()).await;
            let found = match parts.headers.get("grpc-status") {
                Some(code) => Refused::Grpc(code.to_str().unwrap().parse().unwrap()),
                None => Refused::Http(parts.status),
            };
            assert_eq!(found, leave, "{rpc:?}");
        }
        let stolen = wire::PullMessagesRequest { node: Some(wire::Node { node_id: 7 }), message_ids: vec![] };
        let answer = client.call::<wire::PullMessagesResponse>(&edge, Rpc::PullMessages, &stolen).await;
        assert_eq!(answer, Err(leave));
        let stolen = wire::RegisterNodeFleetRequest {
            public_key: Client::new(transport).key.public_key().pem().into(),
        };
        let answer = client.call::<wire::RegisterNodeFleetResponse>(&edge, Rpc::RegisterNode, &stolen).await;
        assert_eq!(answer, Err(leave));
        let old = client.request(&edge, Rpc::PullMessages, &[]);
        edge.t.clock.advance(SignedDuration::from_secs(306));
        let (parts, _, _) = edge.send(old).await;
        assert!(parts.status == 401 || parts.headers["grpc-status"] == "16");
    }
});

both!(what_cannot_be_read_is_over_and_never_leaves_a_client_deaf, async |t: TestDb| {
    let edge = Edge::new(t)?;
    for (transport, over) in
        [(Transport::Http, Refused::Http(StatusCode::FORBIDDEN)), (Transport::Grpc, Refused::Grpc(7))]
    {
        let client = Client::new(transport);
        for rpc in Rpc::ALL {
            let answer = client.raw(&edge, rpc, b"\xff\xff").await;
            // A heartbeat is the exception: anything that is not repeated would end it for good.
            let retry = if transport == Transport::Http {
                Refused::Http(StatusCode::SERVICE_UNAVAILABLE)
            } else {
                Refused::Grpc(14)
            };
            let wanted = if rpc == Rpc::SendNodeHeartbeat { retry } else { over };
            assert_eq!(answer.err(), Some(wanted), "{rpc:?}");
        }
        let large = vec![0; 65 * 1024];
        assert_eq!(client.raw(&edge, Rpc::PullMessages, &large).await.err(), Some(over));
    }
});

both!(unknown_paths_are_told_apart, async |t: TestDb| {
    let edge = Edge::new(t)?;
    for (path, status) in [("/v1/fleet/new-call", 403), ("/v2/anything", 404)] {
        let (parts, ..) = edge.send(Request::post(path).body(Body::empty()).unwrap()).await;
        assert_eq!(parts.status, status);
    }
    let request =
        Request::post("/flwr.proto.Fleet/NewCall").header(header::CONTENT_TYPE, "application/grpc+proto");
    let (parts, ..) = edge.send(request.body(Body::empty()).unwrap()).await;
    assert_eq!((parts.status, &parts.headers["grpc-status"]), (StatusCode::OK, &"12".parse().unwrap()));
    let (parts, ..) = edge.send(Request::get("/health").body(Body::empty()).unwrap()).await;
    assert_eq!(parts.status, 200);
});

both!(a_node_sees_and_sends_only_what_is_its_own, async |t: TestDb| {
    let edge = Edge::new(t)?;
    let (client, stranger) = (Client::new(Transport::Http), Client::new(Transport::Http));
    client.join(&edge).await.unwrap();
    edge.relay().await?;
    edge.federation(1, "").await?;
    let over = Refused::Http(StatusCode::FORBIDDEN);
    let task = client.task(&edge).await.unwrap().unwrap();
    stranger.join(&edge).await.unwrap();
    assert!(!stranger.pull_object(&edge, task.run(), task.id()).await.unwrap().object_found);
    assert!(!client.pull_object(&edge, task.run(), "nonsense").await.unwrap().object_found);

    let reply = client.reply(&task, START, 1);
    let foreign = stranger.reply(&task, START, 1);
    assert_eq!(stranger.announce(&edge, &foreign).await.err(), Some(over));
    assert_eq!(stranger.announce(&edge, &reply).await.err(), Some(over));
    let (id, content) = reply.objects[0].clone();
    assert!(!client.push(&edge, task.id(), id, content.clone()).await.unwrap());

    let session = client.announce(&edge, &reply).await.unwrap().session_id;
    assert!(!stranger.push(&edge, &session, id, content.clone()).await.unwrap());
    let other = Bytes::from_static(b"ArrayChunk  1\0x");
    assert!(!client.push(&edge, &session, ObjectId::of(&other), other.clone()).await.unwrap());
    assert!(!client.push(&edge, &session, id, other).await.unwrap());
    assert!(client.push(&edge, &session, id, content).await.unwrap());
});

both!(a_node_that_a_server_forgot_comes_back_by_any_call, async |t: TestDb| {
    let edge = Edge::new(t)?;
    let client = Client::new(Transport::Grpc);
    let request = wire::SendNodeHeartbeatRequest { node: client.node(), heartbeat_interval: 30.0 };
    let beat: wire::SendNodeHeartbeatResponse =
        client.call(&edge, Rpc::SendNodeHeartbeat, &request).await.unwrap();
    assert!(beat.success);
    edge.t.assert_events(["link.node.joined"]).await;
});

both!(who_is_shut_out_while_its_call_is_held_gets_no_work, async |t: TestDb| {
    let edge = Edge::holding(t, Duration::from_secs(600))?;
    let client = Client::new(Transport::Http);
    client.join(&edge).await.unwrap();
    edge.relay().await?;
    let shut_out = async {
        evict(&edge.t.operator(), &edge.links, client.id, "it was stolen").await?;
        // Nobody has told the federations yet: the node is asked.
        edge.federation(1, "").await
    };
    let (pulled, federation) = tokio::join!(client.pull(&edge), shut_out);
    assert_eq!(pulled, Err(Refused::Http(StatusCode::UNAUTHORIZED)));
    let (_, leases) =
        newest_round(&edge.t.viewer(), &edge.domain, federation?.id).await?.expect("a round began");
    assert_eq!(leases[0].state.name(), "issued");
});

both!(an_evicted_node_is_told_to_leave_and_its_task_ends, async |t: TestDb| {
    let edge = Edge::new(t)?;
    for (transport, leave) in
        [(Transport::Http, Refused::Http(StatusCode::UNAUTHORIZED)), (Transport::Grpc, Refused::Grpc(16))]
    {
        let client = Client::new(transport);
        client.join(&edge).await.unwrap();
        edge.relay().await?;
        let federation = edge.federation(1, "round: {max_failures: 0}\n").await?;
        let task = client.task(&edge).await.unwrap().expect("there is work");
        evict(&edge.t.operator(), &edge.links, client.id, "it was stolen").await?;
        assert_eq!(client.pull(&edge).await, Err(leave));
        assert_eq!(client.join(&edge).await, Err(leave));
        let reply = client.reply(&task, [0.0; 4], 1);
        assert_eq!(client.announce(&edge, &reply).await, Err(leave));
        edge.relay().await?;
        edge.drive(&federation).await?;
        let (round, leases) = newest_round(&edge.t.viewer(), &edge.domain, federation.id).await?.unwrap();
        assert!(matches!(round.state, RoundState::Failed { .. }), "{:?}", round.state);
        assert_eq!(leases[0].state.name(), "dropped");
        readmit(&edge.t.operator(), &edge.links, client.id).await?;
        client.join(&edge).await.unwrap();
        evict(&edge.t.operator(), &edge.links, client.id, "").await?;
        edge.relay().await?;
    }
});
