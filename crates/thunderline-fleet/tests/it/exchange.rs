//! Tasks go out, replies come in.

use std::time::Duration;

use federation::{actions::cancel, state::FederationState};
use thunderline_contracts::federation::{ClientDropped, UpdateRefused};
use thunderline_core::Event;
use thunderline_flower::{Kind, Rpc, record, wire};
use thunderline_testkit::{TestDb, both};

use crate::{
    client::{Client, Transport},
    edge::{Edge, START},
};

both!(clients_of_both_generations_train_a_round_together, async |t: TestDb| {
    let edge = Edge::new(t)?;
    let clients = [Client::new(Transport::Http), Client::new(Transport::Grpc)];
    for client in &clients {
        client.join(&edge).await.unwrap();
        assert!(client.task(&edge).await.unwrap().is_none());
    }
    edge.relay().await?;
    let federation = edge.federation(2, "").await?;
    for (client, (value, weight)) in clients.iter().zip([(10.0, 1), (20.0, 3)]) {
        let task = client.task(&edge).await.unwrap().unwrap();
        assert_eq!(
            (task.metadata().message_type.as_str(), task.metadata().group_id.as_str()),
            ("train", "1")
        );
        assert_eq!(task.run(), federation.run.get());
        let config = task.objects.iter().find(|object| object.kind == Kind::ConfigRecord).unwrap();
        let config = record::config_from_object(config).unwrap();
        assert_eq!(config[0], ("server-round".into(), record::ConfigValue::Int(1)));

        let request = wire::GetRunRequest { node: client.node(), run_id: task.run() };
        let run: wire::GetRunResponse = client.call(&edge, Rpc::GetRun, &request).await.unwrap();
        let run = run.run.unwrap();
        assert_eq!((run.fab_id.as_str(), run.fab_version.as_str()), ("acme/demo", "1.2.3"));
        assert_eq!(run.override_config["lr"].scalar, Some(wire::ScalarKind::Double(0.5)));
        let request =
            wire::GetFabRequest { node: client.node(), hash_str: run.fab_hash.clone(), run_id: task.run() };
        let fab: wire::GetFabResponse = client.call(&edge, Rpc::GetFab, &request).await.unwrap();
        let fab = fab.fab.unwrap();
        assert_eq!(thunderline_flower::fab::Bundle::read(fab.content).unwrap().hash, run.fab_hash);

        client.answer(&edge, &client.reply(&task, START.map(|start| start + value), weight)).await.unwrap();
        let request = wire::SendNodeHeartbeatRequest { node: client.node(), heartbeat_interval: 30.0 };
        let beat: wire::SendNodeHeartbeatResponse =
            client.call(&edge, Rpc::SendNodeHeartbeat, &request).await.unwrap();
        assert!(beat.success);
    }
    edge.drive(&federation).await?;
    assert_eq!(edge.get(&federation).await?.state, FederationState::Completed);
    assert_eq!(edge.model_of(&federation).await?, START.map(|start| start + 17.5));
    for client in &clients {
        assert!(client.task(&edge).await.unwrap().is_none());
        let request = wire::UnregisterNodeFleetRequest { node_id: client.id.get() };
        let _: wire::UnregisterNodeFleetResponse =
            client.call(&edge, Rpc::UnregisterNode, &request).await.unwrap();
    }
});

both!(a_client_that_lost_its_task_gets_the_same_message_again, async |t: TestDb| {
    let mut edge = Edge::new(t)?;
    let client = Client::new(Transport::Http);
    client.join(&edge).await.unwrap();
    edge.relay().await?;
    let federation = edge.federation(1, "").await?;
    let first = client.task(&edge).await.unwrap().unwrap();
    let again = client.task(&edge).await.unwrap().unwrap();
    assert_eq!(first.id(), again.id());
    edge.restart()?;
    // Without pulling anew: the client was in the middle of its download.
    let object = client.pull_object(&edge, first.run(), first.id()).await.unwrap();
    assert!(object.object_found);
    client.answer(&edge, &client.reply(&first, START, 1)).await.unwrap();
    edge.drive(&federation).await?;
    assert_eq!(edge.get(&federation).await?.state, FederationState::Completed);
});

both!(an_upload_survives_a_restart_whether_or_not_the_client_knows_sessions, async |t: TestDb| {
    let mut edge = Edge::new(t)?;
    let clients = [Client::new(Transport::Http), Client::new(Transport::Grpc)];
    for client in &clients {
        client.join(&edge).await.unwrap();
    }
    edge.relay().await?;
    let federation = edge.federation(2, "").await?;
    for (client, session_is_known) in clients.iter().zip([true, false]) {
        let task = client.task(&edge).await.unwrap().unwrap();
        let offset = if session_is_known { 1.0 } else { -1.0 };
        let reply = client.reply(&task, START.map(|start| start + offset), 1);
        let announced = client.announce(&edge, &reply).await.unwrap();
        let session = if session_is_known { announced.session_id.as_str() } else { "" };
        let wanted =
            reply.objects.iter().filter(|(id, _)| announced.objects_to_push.contains(&id.to_string()));
        let wanted: Vec<_> = wanted.cloned().collect();
        let (id, content) = wanted[0].clone();
        assert!(client.push(&edge, session, id, content).await.unwrap());
        edge.restart()?;
        // Clients send several at a time, and the new process knows none of them.
        let rest = wanted[1..].iter().map(|(id, content)| client.push(&edge, session, *id, content.clone()));
        let stored = futures::future::join_all(rest).await;
        assert!(stored.into_iter().all(|stored| stored == Ok(true)));
        // The last answer may be lost on its way: then the object comes again.
        let (id, content) = reply.objects.last().unwrap().clone();
        assert!(client.push(&edge, &announced.session_id, id, content).await.unwrap());
        // What was counted is not wanted again.
        assert!(client.announce(&edge, &reply).await.unwrap().objects_to_push.is_empty());
    }
    edge.drive(&federation).await?;
    assert_eq!(edge.model_of(&federation).await?, START);
});

both!(objects_that_another_client_sent_are_not_asked_for_again, async |t: TestDb| {
    let edge = Edge::new(t)?;
    let clients = [Client::new(Transport::Http), Client::new(Transport::Http)];
    for client in &clients {
        client.join(&edge).await.unwrap();
    }
    edge.relay().await?;
    let federation = edge.federation(2, "").await?;
    let mut asked = Vec::new();
    for client in &clients {
        let task = client.task(&edge).await.unwrap().unwrap();
        let reply = client.reply(&task, START, 1);
        asked.push(client.announce(&edge, &reply).await.unwrap().objects_to_push.len());
        client.answer(&edge, &reply).await.unwrap();
    }
    // The second client's message is its own; all below it is the same.
    assert_eq!(asked, [7, 1]);
    edge.drive(&federation).await?;
    assert_eq!(edge.model_of(&federation).await?, START);
});

both!(a_useless_reply_ends_its_lease_with_the_reason, async |t: TestDb| {
    let edge = Edge::new(t)?;
    let clients = [Client::new(Transport::Http), Client::new(Transport::Http), Client::new(Transport::Grpc)];
    for client in &clients {
        client.join(&edge).await.unwrap();
    }
    edge.relay().await?;
    edge.federation(3, "").await?;
    let [poisoned, failing, lying] = &clients;
    let task = poisoned.task(&edge).await.unwrap().unwrap();
    poisoned.answer(&edge, &poisoned.reply(&task, [1.0, f32::NAN, 1.0, 1.0], 1)).await.unwrap();
    let task = failing.task(&edge).await.unwrap().unwrap();
    failing.answer(&edge, &failing.error(&task, "ZeroDivisionError")).await.unwrap();
    let task = lying.task(&edge).await.unwrap().unwrap();
    lying.answer(&edge, &lying.reply(&task, START, 0)).await.unwrap();
    let reasons: Vec<_> =
        edge.t.events_of::<ClientDropped>().await.into_iter().map(|event| event.reason).collect();
    let reason_of = |text: &str| reasons.iter().filter(|reason| reason.contains(text)).count();
    assert_eq!(reasons.len(), 3, "{reasons:?}");
    assert_eq!(
        (reason_of("NaN"), reason_of("ZeroDivisionError"), reason_of("num-examples")),
        (1, 1, 1),
        "{reasons:?}"
    );
    for client in &clients {
        assert!(client.pull(&edge).await.unwrap().is_none());
    }
});

both!(a_late_reply_is_not_uploaded_and_its_reason_is_kept, async |t: TestDb| {
    let edge = Edge::new(t)?;
    let client = Client::new(Transport::Http);
    client.join(&edge).await.unwrap();
    edge.relay().await?;
    let federation = edge.federation(1, "").await?;
    let task = client.task(&edge).await.unwrap().unwrap();
    cancel::cancel(&edge.t.operator(), &edge.domain, federation.id, "enough").await?;
    edge.drive(&federation).await?;
    let announced = client.announce(&edge, &client.reply(&task, START, 1)).await.unwrap();
    assert!(announced.objects_to_push.is_empty());
    let refused = edge.t.events_of::<UpdateRefused>().await;
    assert_eq!(refused.len(), 1, "{}", UpdateRefused::NAME);
    assert!(refused[0].reason.contains("too late"), "{}", refused[0].reason);
});

both!(a_held_request_is_answered_when_work_appears_and_when_the_server_stops, async |t: TestDb| {
    let edge = Edge::holding(t, Duration::from_secs(600))?;
    let client = Client::new(Transport::Http);
    client.join(&edge).await.unwrap();
    edge.relay().await?;
    let (pulled, federation) = tokio::join!(client.pull(&edge), edge.federation(1, ""));
    federation?;
    assert!(pulled.unwrap().is_some());
    let other = Client::new(Transport::Grpc);
    other.join(&edge).await.unwrap();
    let stop = async { edge.stop.cancel() };
    let (pulled, ()) = tokio::join!(other.pull(&edge), stop);
    assert!(pulled.unwrap().is_none());
});
