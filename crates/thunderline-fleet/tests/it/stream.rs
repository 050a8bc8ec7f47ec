//! A runner's upload over a link that breaks.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use axum::{
    body::Body,
    extract::Request,
    http::{Method, StatusCode},
};
use bytes::Bytes;
use federation::{actions::cancel, state::FederationState};
use futures::{StreamExt, stream};
use serde_json::{Value, json};
use thunderline_flower::ObjectId;
use thunderline_numerics::random::Rng;
use thunderline_testkit::{TestDb, both};
use thunderlink::evict::{evict, readmit};

use crate::{
    client::{Client, Reply, Transport},
    edge::{Edge, START},
};

pub async fn send(
    edge: &Edge,
    client: &Client,
    method: Method,
    message: &str,
    body: Body,
) -> (StatusCode, Value) {
    let credentials = client.key.sign(edge.t.system().now()).expect("signing works");
    let request = Request::builder().method(method).uri(format!("/v1/runner/uploads/{message}"));
    let headers = credentials.to_headers().into_iter();
    let request = headers.fold(request, |builder, (name, value)| builder.header(name, value));
    let (parts, body, _) = edge.send(request.body(body).expect("the request is well formed")).await;
    (parts.status, serde_json::from_slice(&body).expect("answers are JSON"))
}

pub async fn look(edge: &Edge, client: &Client, message: &str) -> (StatusCode, Value) {
    send(edge, client, Method::GET, message, Body::empty()).await
}

pub async fn append(edge: &Edge, client: &Client, message: &str, bytes: Vec<u8>) -> (StatusCode, Value) {
    send(edge, client, Method::PATCH, message, Body::from(bytes)).await
}

/// A body whose connection breaks at its end.
pub fn broken(bytes: Vec<u8>) -> Body {
    Body::from_stream(stream::iter([Ok(Bytes::from(bytes)), Err(std::io::Error::other("the link is down"))]))
}

/// An object from an offset on.
pub fn piece(id: ObjectId, content: &[u8], offset: usize) -> Vec<u8> {
    [format!("{id} {offset} {}\n", content.len()).as_bytes(), &content[offset..]].concat()
}

/// What the server lacks of the reply: what it asks for, from where what is there ends.
async fn rest(edge: &Edge, client: &Client, message: &str, reply: &Reply) -> Vec<u8> {
    let wanted = client.announce(edge, reply).await.unwrap().objects_to_push;
    let (_, progress) = look(edge, client, message).await;
    assert_eq!(progress["missing"], wanted.len());
    let mut body = Vec::new();
    for (id, content) in reply.objects.iter().filter(|(id, _)| wanted.contains(&id.to_string())) {
        let here = progress["partial"]["object_id"] == id.to_string();
        let offset = if here { progress["partial"]["offset"].as_u64().unwrap() } else { 0 };
        body.extend(piece(*id, content, usize::try_from(offset).unwrap()));
    }
    body
}

/// How many bytes of a body are of objects, and not of heads.
fn content_bytes(mut body: &[u8], reply: &Reply) -> usize {
    let mut count = 0;
    while let Some(end) = body.iter().position(|&byte| byte == b'\n') {
        let words: Vec<_> = std::str::from_utf8(&body[..end]).unwrap().split(' ').collect();
        let [offset, length] = [words[1], words[2]].map(|word| word.parse::<usize>().unwrap());
        assert!(
            reply.objects.iter().any(|(id, content)| id.to_string() == words[0] && content.len() == length)
        );
        let here = (length - offset).min(body.len() - end - 1);
        (count, body) = (count + here, &body[end + 1 + here..]);
    }
    count
}

fn everything(reply: &Reply) -> Vec<u8> {
    reply.objects.iter().flat_map(|(id, content)| piece(*id, content, 0)).collect()
}

async fn joined(edge: &Edge, count: usize) -> Vec<Client> {
    let clients: Vec<_> = (0..count).map(|_| Client::new(Transport::Http)).collect();
    for client in &clients {
        client.join(edge).await.unwrap();
    }
    edge.relay().await.unwrap();
    clients
}

/// A client with a task, and the reply that it has announced.
async fn announced(edge: &Edge, client: &Client) -> (String, Reply) {
    let task = client.task(edge).await.unwrap().unwrap();
    let reply = client.reply(&task, START, 1);
    client.announce(edge, &reply).await.unwrap();
    (task.id().to_owned(), reply)
}

pub fn done() -> (StatusCode, Value) {
    (StatusCode::OK, json!({ "missing": 0, "partial": null }))
}

both!(a_small_reply_goes_up_in_one_request, async |t: TestDb| {
    let edge = Edge::new(t)?;
    let clients = joined(&edge, 1).await;
    let federation = edge.federation(1, "").await?;
    let (message, reply) = announced(&edge, &clients[0]).await;
    assert_eq!(append(&edge, &clients[0], &message, everything(&reply)).await, done());
    // The answer may be lost on its way.
    assert_eq!(append(&edge, &clients[0], &message, everything(&reply)).await, done());
    assert_eq!(look(&edge, &clients[0], &message).await, done());
    edge.drive(&federation).await?;
    assert_eq!(edge.get(&federation).await?.state, FederationState::Completed);
    assert_eq!(edge.model_of(&federation).await?, START);
});

both!(what_is_complete_may_come_again_or_a_part_of_it, async |t: TestDb| {
    let edge = Edge::new(t)?;
    let clients = joined(&edge, 1).await;
    edge.federation(1, "").await?;
    let (message, reply) = announced(&edge, &clients[0]).await;
    let (id, content) = reply.objects[0].clone();
    for offset in [0, 0, 5, content.len()] {
        let (status, progress) = append(&edge, &clients[0], &message, piece(id, &content, offset)).await;
        let left = json!({ "missing": 6, "partial": null });
        assert_eq!((status, progress), (StatusCode::OK, left), "{offset}");
    }
});

both!(whatever_the_cuts_and_restarts_no_byte_is_asked_for_twice, async |t: TestDb| {
    let mut edge = Edge::new(t)?;
    let clients = joined(&edge, 8).await;
    let federation = edge.federation(8, "").await?;
    let mut rng = Rng::derive(7, &["cuts"]);
    let mut below = |most: usize| usize::try_from(rng.below(most as u64)).unwrap();
    for (number, client) in clients.iter().enumerate() {
        let task = client.task(&edge).await.unwrap().unwrap();
        // Another update each: of equal ones, only the first would be asked for.
        let reply = client.reply(&task, START.map(|start| start + number as f32), 1);
        client.announce(&edge, &reply).await.unwrap();
        for _ in 0..below(7) {
            let mut body = rest(&edge, client, task.id(), &reply).await;
            let cut = below(body.len());
            let left = content_bytes(&body, &reply) - content_bytes(&body[..cut], &reply);
            body.truncate(cut);
            send(&edge, client, Method::PATCH, task.id(), broken(body)).await;
            if below(3) == 0 {
                edge.restart()?;
            }
            let body = rest(&edge, client, task.id(), &reply).await;
            assert_eq!(content_bytes(&body, &reply), left);
        }
        let body = rest(&edge, client, task.id(), &reply).await;
        assert_eq!(append(&edge, client, task.id(), body).await, done());
    }
    edge.drive(&federation).await?;
    assert_eq!(edge.model_of(&federation).await?, START.map(|start| start + 3.5));
});

both!(a_wrong_offset_is_answered_with_the_true_one, async |t: TestDb| {
    let mut edge = Edge::new(t)?;
    let clients = joined(&edge, 1).await;
    let federation = edge.federation(1, "").await?;
    let (message, reply) = announced(&edge, &clients[0]).await;
    let (id, content) = reply.objects[0].clone();
    let begun = piece(id, &content, 0)[..id.to_string().len() + 20].to_vec();
    let (status, progress) = append(&edge, &clients[0], &message, begun).await;
    let offset = usize::try_from(progress["partial"]["offset"].as_u64().unwrap()).unwrap();
    assert_eq!((status, &progress["missing"]), (StatusCode::OK, &json!(7)));
    assert!(offset > 0 && offset < content.len());
    edge.restart()?;
    for wrong in [0, offset - 1, offset + 1, content.len()] {
        let (status, said) = append(&edge, &clients[0], &message, piece(id, &content, wrong)).await;
        assert_eq!((status, &said["partial"]), (StatusCode::CONFLICT, &progress["partial"]), "{wrong}");
        assert!(said["detail"].is_string() && said["missing"] == 7);
    }
    let other = &reply.objects[1];
    let (status, _) = append(&edge, &clients[0], &message, piece(other.0, &other.1, 1)).await;
    assert_eq!(status, StatusCode::CONFLICT);
    // All bytes came, but the process died before the object got its name.
    let folder = edge.domain.objects.root().join("rounds");
    let part = files(&folder).into_iter().find(|path| path.extension().is_some()).unwrap();
    std::fs::write(&part, &content).unwrap();
    let (_, progress) = look(&edge, &clients[0], &message).await;
    assert_eq!(progress["partial"]["offset"], content.len());
    let body = rest(&edge, &clients[0], &message, &reply).await;
    assert_eq!(append(&edge, &clients[0], &message, body).await, done());
    edge.drive(&federation).await?;
    assert_eq!(edge.model_of(&federation).await?, START);
});

both!(a_node_sees_and_touches_its_own_upload_alone, async |t: TestDb| {
    let edge = Edge::new(t)?;
    let clients = joined(&edge, 3).await;
    let federation = edge.federation(2, "").await?;
    let working: Vec<_> = {
        let mut working = Vec::new();
        for client in &clients {
            if let Some(task) = client.task(&edge).await.unwrap() {
                working.push((client, task));
            }
        }
        working
    };
    let (one, task) = &working[0];
    let (two, other_task) = &working[1];
    let reply = one.reply(task, START, 1);
    one.announce(&edge, &reply).await.unwrap();
    let others = two.reply(other_task, START, 1);
    two.announce(&edge, &others).await.unwrap();
    let (id, content) = reply.objects[0].clone();
    append(&edge, one, task.id(), piece(id, &content, 0)[..100].to_vec()).await;
    let (_, before) = look(&edge, one, task.id()).await;
    assert_eq!(before["partial"]["object_id"], id.to_string());
    for stranger in clients.iter().filter(|client| client.id != one.id) {
        assert_eq!(look(&edge, stranger, task.id()).await.0, StatusCode::FORBIDDEN);
        let (status, _) = append(&edge, stranger, task.id(), everything(&reply)).await;
        assert_eq!(status, StatusCode::FORBIDDEN);
    }
    // The same object, in an upload of its own.
    assert_eq!(look(&edge, two, other_task.id()).await.1["partial"], Value::Null);
    append(&edge, two, other_task.id(), piece(id, &content, 0)[..90].to_vec()).await;
    assert_eq!(look(&edge, one, task.id()).await.1, before);
    for (client, task, reply) in [(one, task, &reply), (two, other_task, &others)] {
        let body = rest(&edge, client, task.id(), reply).await;
        assert_eq!(append(&edge, client, task.id(), body).await, done());
    }
    edge.drive(&federation).await?;
    assert_eq!(edge.model_of(&federation).await?, START);
});

both!(what_was_not_announced_or_is_other_bytes_is_refused_and_leaves_nothing, async |t: TestDb| {
    let edge = Edge::new(t)?;
    let clients = joined(&edge, 1).await;
    let federation = edge.federation(1, "").await?;
    let client = &clients[0];
    assert_eq!(look(&edge, client, &ObjectId::of(b"none").to_string()).await.0, StatusCode::FORBIDDEN);
    let (message, reply) = announced(&edge, client).await;
    let (id, content) = reply.objects[0].clone();
    let stranger = b"ArrayChunk  1\0x";
    let forged: Vec<u8> = content.iter().map(|byte| byte ^ 1).collect();
    let too_long = [piece(id, &content, 0), vec![0; 1000]].concat();
    let cases = [
        (piece(ObjectId::of(stranger), stranger, 0), "not announced", 7),
        (piece(id, &forged, 0), "not what its id says", 7),
        (format!("{id} 0 17000000\n").into_bytes(), "17000000 bytes", 7),
        (b"nonsense\n".to_vec(), "three words", 7),
        (too_long, "three words", 6),
    ];
    for (body, why, missing) in cases {
        let (status, said) = append(&edge, client, &message, body).await;
        let detail = said["detail"].as_str().unwrap_or_default();
        assert_eq!(status, StatusCode::FORBIDDEN, "{why}: {said}");
        assert!(detail.contains(why), "{detail} does not say '{why}'");
        let left = json!({ "missing": missing, "partial": null });
        assert_eq!(look(&edge, client, &message).await.1, left, "{why}");
    }
    let body = rest(&edge, client, &message, &reply).await;
    assert_eq!(append(&edge, client, &message, body).await, done());
    edge.drive(&federation).await?;
    assert_eq!(edge.model_of(&federation).await?, START);
});

both!(who_is_refused_in_the_middle_of_a_request_can_end_it_and_reads_why, async |t: TestDb| {
    let edge = Edge::new(t)?;
    let clients = joined(&edge, 1).await;
    edge.federation(1, "").await?;
    let (message, _) = announced(&edge, &clients[0]).await;
    let read = Arc::new(AtomicUsize::new(0));
    let counted = read.clone();
    let pieces = stream::repeat_with(move || {
        counted.fetch_add(1, Ordering::Relaxed);
        Ok::<_, std::io::Error>(Bytes::from_static(b"nonsense\n"))
    });
    let body = Body::from_stream(pieces.take(100));
    let (status, said) = send(&edge, &clients[0], Method::PATCH, &message, body).await;
    assert_eq!(status, StatusCode::FORBIDDEN, "{said}");
    assert_eq!(read.load(Ordering::Relaxed), 100);
});

both!(late_objects_do_not_pile_up, async |t: TestDb| {
    let edge = Edge::new(t)?;
    let clients = joined(&edge, 1).await;
    let federation = edge.federation(1, "").await?;
    let (message, reply) = announced(&edge, &clients[0]).await;
    let (id, content) = reply.objects[0].clone();
    cancel::cancel(&edge.t.operator(), &edge.domain, federation.id, "enough").await?;
    edge.drive(&federation).await?;
    assert_eq!(clients[0].push(&edge, &message, id, content).await, Ok(false));
    assert_eq!(files(&edge.domain.objects.root().join("rounds")), Vec::<std::path::PathBuf>::new());
});

both!(what_is_incomplete_goes_with_its_round_and_one_object_at_most_is, async |t: TestDb| {
    let edge = Edge::new(t)?;
    let clients = joined(&edge, 1).await;
    let federation = edge.federation(1, "").await?;
    let (message, reply) = announced(&edge, &clients[0]).await;
    for (id, content) in &reply.objects {
        let begun = piece(*id, content, 0);
        append(&edge, &clients[0], &message, begun[..begun.len() - 1].to_vec()).await;
    }
    let objects = edge.domain.objects.root().to_owned();
    let parts = |files: Vec<std::path::PathBuf>| files.iter().filter(|it| it.extension().is_some()).count();
    assert_eq!(parts(files(&objects.join("rounds"))), 1);
    cancel::cancel(&edge.t.operator(), &edge.domain, federation.id, "enough").await?;
    edge.drive(&federation).await?;
    assert_eq!(files(&objects.join("rounds")), Vec::<std::path::PathBuf>::new());
    let (status, _) = append(&edge, &clients[0], &message, everything(&reply)).await;
    assert_eq!(status, StatusCode::FORBIDDEN);
    assert_eq!(files(&objects.join("rounds")), Vec::<std::path::PathBuf>::new());
});

both!(announcing_other_replies_does_not_let_a_node_upload_more, async |t: TestDb| {
    let edge = Edge::new(t)?;
    let clients = joined(&edge, 1).await;
    edge.federation(1, "").await?;
    let task = clients[0].task(&edge).await.unwrap().unwrap();
    // The model is small: 16 MiB are for everything else.
    for (byte, status) in [(1, StatusCode::OK), (2, StatusCode::FORBIDDEN)] {
        let reply = clients[0].useless(&task, byte, 9 << 20);
        clients[0].announce(&edge, &reply).await.unwrap();
        let (id, content) = &reply.objects[0];
        let (said, progress) = append(&edge, &clients[0], task.id(), piece(*id, content, 0)).await;
        assert_eq!(said, status, "{progress}");
        let files = files(&edge.domain.objects.root().join("rounds"));
        assert!(files.iter().all(|path| path.extension().is_none()), "nothing incomplete stays: {files:?}");
    }
    assert!(clients[0].pull(&edge).await.unwrap().is_none(), "the lease goes on");
});

both!(who_is_shut_out_while_it_sends_is_not_listened_to_any_more, async |t: TestDb| {
    let edge = Edge::new(t)?;
    let clients = joined(&edge, 1).await;
    edge.federation(1, "").await?;
    let (message, reply) = announced(&edge, &clients[0]).await;
    let [first, second] = [0, 1].map(|object: usize| {
        let (id, content) = &reply.objects[object];
        Bytes::from(piece(*id, content, 0))
    });
    let (operator, links, id) = (edge.t.operator(), edge.links.clone(), clients[0].id);
    let then = stream::once(async move {
        evict(&operator, &links, id, "it was stolen").await.unwrap();
        Ok::<_, std::io::Error>(second)
    });
    let body = Body::from_stream(stream::iter([Ok(first)]).chain(then));
    let (status, _) = send(&edge, &clients[0], Method::PATCH, &message, body).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
    readmit(&edge.t.operator(), &edge.links, clients[0].id).await?;
    assert_eq!(look(&edge, &clients[0], &message).await.1, json!({ "missing": 6, "partial": null }));
});

both!(a_request_that_hangs_gives_way_to_the_next_and_what_came_stays, async |t: TestDb| {
    let edge = Edge::new(t)?;
    let clients = joined(&edge, 1).await;
    let federation = edge.federation(1, "").await?;
    let (message, reply) = announced(&edge, &clients[0]).await;
    let all = everything(&reply);
    let (came, arrived) = tokio::sync::oneshot::channel::<()>();
    let first = stream::iter([Ok::<_, std::io::Error>(Bytes::copy_from_slice(&all[..300]))]);
    // Polled again only when the first bytes were dealt with.
    let hangs = stream::once(async move {
        came.send(()).unwrap();
        futures::future::pending().await
    });
    let hanging = send(&edge, &clients[0], Method::PATCH, &message, Body::from_stream(first.chain(hangs)));
    let next = async {
        arrived.await.unwrap();
        look(&edge, &clients[0], &message).await
    };
    let ((status, _), (_, progress)) = tokio::join!(hanging, next);
    assert_eq!(status, StatusCode::FORBIDDEN);
    assert!(progress != json!({ "missing": 7, "partial": null }), "{progress}");
    let body = rest(&edge, &clients[0], &message, &reply).await;
    assert_eq!(append(&edge, &clients[0], &message, body).await, done());
    edge.drive(&federation).await?;
    assert_eq!(edge.model_of(&federation).await?, START);
});

/// All files below a folder.
pub fn files(folder: &std::path::Path) -> Vec<std::path::PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let paths = entries.map(|entry| entry.unwrap().path());
    paths.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}
