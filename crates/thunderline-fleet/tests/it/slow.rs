//! Clients that begin a request and do not go on with it.

use axum::{body::Body, extract::Request};
use bytes::Bytes;
use futures::{future, stream};
use thunderline_flower::{ObjectId, Rpc};
use thunderline_testkit::{TestDb, both};

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
