//! Clients that begin a request and do not go on with it, or hardly.

use std::net::SocketAddr;

use axum::{body::Body, extract::Request};
use bytes::Bytes;
use futures::{future, stream};
use prost::Message;
use thunderline_flower::{ObjectId, Rpc, wire};
use thunderline_testkit::{TestDb, both};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
};

use crate::{
    client::{Client, Transport},
    edge::Edge,
};

fn post(edge: &Edge, client: &Client, path: &str, body: Body) -> Request {
    let credentials = client.key.sign(edge.t.system().now()).expect("signing works");
    let headers = credentials.to_headers().into_iter();
    let request = headers.fold(Request::post(path), |builder, (name, value)| builder.header(name, value));
    request.body(body).expect("the request is well formed")
}

/// A body of which nothing ever comes; the largest length is assumed of it.
fn stalled() -> Body {
    Body::from_stream(stream::pending::<std::io::Result<Bytes>>())
}

both!(many_requests_that_stall_hold_back_nobody, async |t: TestDb| {
    let edge = Edge::new(t)?;
    let (client, slow) = (Client::new(Transport::Http), Client::new(Transport::Http));
    client.join(&edge).await.unwrap();
    edge.relay().await?;
    // Its one array is larger than what is held without being counted, on the way out as on the way in.
    edge.federation_from(&[128, 128], &[0.5; 128 * 128], 1, "").await?;
    let paths = [Rpc::PushObject.http_path(), "/v1/runner/exchanges/none/mask", "/v1/runner/enrol"];
    let stuck = (0..30).map(|number| edge.send(post(&edge, &slow, paths[number % 3], stalled())));
    let work = async {
        let task = client.task(&edge).await.unwrap().expect("there is work");
        let content = Bytes::from(vec![7; 1 << 20]);
        let stored = client.push(&edge, task.id(), ObjectId::of(&content), content).await;
        assert_eq!(stored, Ok(false), "it was not announced, and read nevertheless");
    };
    tokio::select! {
        biased;
        _ = future::select_all(stuck.map(Box::pin)) => panic!("a request that stalls was given up before others went on"),
        () = work => {}
    }
});

/// The edge on a port of its own. Little is on its way between the two ends: what a client could write has nearly all been read.
async fn served(edge: &Edge) -> SocketAddr {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(16 * 1024).unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let listener = socket.listen(100).unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(thunderline_fleet::serve(listener, edge.router.clone(), edge.stop.clone()));
    address
}

async fn connected(address: SocketAddr) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_send_buffer_size(16 * 1024).unwrap();
    socket.connect(address).await.unwrap()
}

/// What comes before a body of so many bytes, over HTTP/1.1.
fn head(edge: &Edge, client: &Client, length: usize) -> String {
    let request = post(edge, client, Rpc::PushObject.http_path(), Body::empty());
    let mut head = format!("POST {} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n", request.uri());
    for (name, value) in request.headers() {
        head.push_str(&format!("{name}: {}\r\n", value.to_str().unwrap()));
    }
    head + &format!("content-length: {length}\r\n\r\n")
}

fn push(client: &Client, session: &str, id: ObjectId, content: Bytes) -> Vec<u8> {
    let (object_id, session_id) = (id.to_string(), session.to_owned());
    let node = client.node();
    let request = wire::PushObjectRequest { node, run_id: 1, object_id, object_content: content, session_id };
    request.encode_to_vec()
}

/// Sends a request whole, and reads the answer to its end.
async fn answer(edge: &Edge, client: &Client, address: SocketAddr, body: &[u8]) -> Vec<u8> {
    let mut stream = connected(address).await;
    stream.write_all(head(edge, client, body.len()).as_bytes()).await.unwrap();
    // A refusal may come before all of it is sent.
    let _sent = stream.write_all(body).await;
    let mut answer = Vec::new();
    let _end = stream.read_to_end(&mut answer).await;
    answer
}

both!(however_many_slow_requests_there_are_others_uploads_go_through, async |t: TestDb| {
    const STATED: usize = 768 * 1024;
    let edge = Edge::new(t)?;
    let client = Client::new(Transport::Http);
    let slow: Vec<_> = (0..4).map(|_| Client::new(Transport::Http)).collect();
    client.join(&edge).await.unwrap();
    edge.relay().await?;
    edge.federation(1, "").await?;
    let task = client.task(&edge).await.unwrap().expect("there is work");
    let reply = client.useless(&task, 7, 5 << 20);
    client.announce(&edge, &reply).await.unwrap();
    let address = served(&edge).await;

    // All but the last byte of twice as much as may be in memory.
    let mut stuck = Vec::new();
    for number in 0..32 {
        let mut stream = connected(address).await;
        stream.write_all(head(&edge, &slow[number % 4], STATED).as_bytes()).await.unwrap();
        stream.write_all(&vec![0; STATED - 1]).await.unwrap();
        stuck.push(stream);
    }
    let given_up = stuck.iter_mut().map(|stream| Box::pin(stream.read_u8()));
    let work = async {
        let (id, content) = &reply.objects[0];
        let body = push(&client, task.id(), *id, content.clone());
        for _ in 0..5 {
            let answer = answer(&edge, &client, address, &body).await;
            let end = answer.windows(4).position(|four| four == b"\r\n\r\n").unwrap() + 4;
            let stored = wire::PushObjectResponse::decode(&answer[end..]).unwrap().stored;
            assert!(answer.starts_with(b"HTTP/1.1 200") && stored);
        }
        let ninth = answer(&edge, &slow[0], address, &[0; 20_000]).await;
        assert!(ninth.starts_with(b"HTTP/1.1 503"), "{}", String::from_utf8_lossy(&ninth));
        // Read, and no message.
        let small = answer(&edge, &slow[0], address, &[0; 1000]).await;
        assert!(small.starts_with(b"HTTP/1.1 403"), "{}", String::from_utf8_lossy(&small));
    };
    tokio::select! {
        biased;
        _ = future::select_all(given_up) => panic!("a slow request was given up before others went on"),
        () = work => {}
    }
});
