//! Events, listed and followed.

use std::time::Duration;

use axum::{
    body::{Body, BodyDataStream},
    http::{Request, header},
};
use futures::StreamExt;
use serde_json::Value;
use thunderline_testkit::{TestDb, both};
use tokio::time::timeout;

use crate::site::Site;

/// Far longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(120);

struct Stream {
    chunks: BodyDataStream,
    rest: String,
}

impl Stream {
    async fn open(site: &Site, path: &str, last: Option<i64>) -> Self {
        let mut request = Request::get(path).header(header::AUTHORIZATION, format!("Bearer {}", site.viewer));
        if let Some(last) = last {
            request = request.header("last-event-id", last);
        }
        let response = site.send(request.body(Body::empty()).unwrap()).await;
        assert_eq!(response.headers()[header::CONTENT_TYPE], "text/event-stream");
        Self { chunks: response.into_body().into_data_stream(), rest: String::new() }
    }

    /// The next event's id and data; none where the stream has ended.
    async fn next(&mut self) -> Option<(i64, Value)> {
        loop {
            if let Some((block, rest)) = self.rest.split_once("\n\n") {
                let field =
                    |name: &str| block.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
                let found = field("id:").zip(field("data:"));
                let found =
                    found.map(|(id, data)| (id.parse().unwrap(), serde_json::from_str(data).unwrap()));
                self.rest = rest.to_owned();
                if found.is_some() {
                    return found;
                }
                continue;
            }
            let chunk = timeout(PATIENCE, self.chunks.next()).await.expect("the stream goes on or ends")?;
            self.rest.push_str(std::str::from_utf8(&chunk.unwrap()).unwrap());
        }
    }
}

both!(a_stream_that_broke_off_is_taken_up_where_it_was, async |t: TestDb| {
    let site = Site::new(t).await?;
    let id = site.submit("first").await;
    site.submit("second").await;
    let path = "/api/v1/events/stream";
    let mut stream = Stream::open(&site, path, Some(0)).await;
    let (first, event) = stream.next().await.unwrap();
    assert_eq!((&event["name"], &event["subject_id"]), (&"fl.federation.created".into(), &id.clone().into()));
    drop(stream);
    let mut stream = Stream::open(&site, path, Some(first)).await;
    let (second, event) = stream.next().await.unwrap();
    assert!(second > first && event["payload"]["name"] == "second", "{event}");
    // What happens while somebody listens arrives without being asked for.
    site.post(&format!("/api/v1/federations/{id}/pause"), "").await;
    let (third, event) = stream.next().await.unwrap();
    assert!(third > second && event["name"] == "fl.federation.paused", "{event}");
    site.closing.cancel();
    assert!(stream.next().await.is_none(), "a server that stops ends its streams");
});

both!(a_stream_can_be_confined_to_one_thing_and_begins_now, async |t: TestDb| {
    let site = Site::new(t).await?;
    let id = site.submit("watched").await;
    let path = format!(
        "/api/v1/events/stream?subject=federation:{id}&name=fl.federation.paused,fl.federation.cancelled"
    );
    let mut stream = Stream::open(&site, &path, None).await;
    site.submit("other").await;
    site.post(&format!("/api/v1/federations/{id}/pause"), "").await;
    site.post(&format!("/api/v1/federations/{id}/resume"), "").await;
    site.post(&format!("/api/v1/federations/{id}/cancel"), "{}").await;
    let names =
        [stream.next().await.unwrap().1, stream.next().await.unwrap().1].map(|event| event["name"].clone());
    assert_eq!(names, ["fl.federation.paused", "fl.federation.cancelled"]);
    site.closing.cancel();
});

both!(events_are_listed_in_order_and_in_pieces, async |t: TestDb| {
    let site = Site::new(t).await?;
    for name in ["a", "b", "c"] {
        site.submit(name).await;
    }
    let page = site.get("/api/v1/events?after=0&limit=2").await.json();
    let names = |page: &Value| {
        let items = page["items"].as_array().unwrap().iter();
        items.map(|item| item["payload"]["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(names(&page), ["a", "b"]);
    let next = page["next"].as_str().unwrap();
    let rest = site.get(&format!("/api/v1/events?after={next}")).await.json();
    assert_eq!(names(&rest), ["c"]);
    assert!(rest.get("next").is_none());
    let latest = site.get("/api/v1/events?limit=2").await.json();
    assert_eq!(names(&latest), ["b", "c"]);
    // The latest of a kind is found however much has happened since.
    let first = page["items"][0]["subject_id"].as_str().unwrap();
    let about = site.get(&format!("/api/v1/events?limit=1&subject=federation:{first}")).await.json();
    assert_eq!(names(&about), ["a"]);
    for path in ["/api/v1/events?name=NOPE", "/api/v1/events/stream?name=fl.round.completed,NOPE"] {
        let refused = site.get(path).await.assert_problem(422, "invalid");
        assert_eq!(refused["problems"][0]["path"], "name", "{refused}");
    }
    let begun = site.get("/api/v1/events?after=0&name=fl.federation.*").await.json();
    assert_eq!(names(&begun), ["a", "b", "c"]);
    site.get("/api/v1/events?limit=0").await.assert_problem(422, "invalid");
    site.get("/api/v1/events?subject=nothing").await.assert_problem(422, "invalid");
    assert_eq!(
        site.get("/api/v1/events?name=fl.round.completed").await.json()["items"],
        serde_json::json!([])
    );
});
