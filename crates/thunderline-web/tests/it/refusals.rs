//! What cannot be accepted is refused in one shape, at every endpoint that the OpenAPI document describes.

use axum::{body::Body, http::Method};
use serde_json::{Value, json};
use thunderline_testkit::{TestDb, both};

use crate::site::{Answer, Site};

/// An endpoint as the document describes it.
struct Described {
    method: Method,
    path: String,
    operation: Value,
}

impl Described {
    fn all() -> Vec<Self> {
        let document: Value = serde_json::from_str(&thunderline_web::openapi()).unwrap();
        let paths = document["paths"].as_object().unwrap().iter();
        let all = paths.filter(|(path, _)| path.starts_with("/api/")).flat_map(|(path, item)| {
            item.as_object().unwrap().iter().map(|(method, operation)| Self {
                method: method.to_uppercase().parse().unwrap(),
                path: path.clone(),
                operation: operation.clone(),
            })
        });
        all.collect()
    }

    /// Its parameters in this place.
    fn parameters(&self, place: &str) -> impl Iterator<Item = &Value> {
        self.operation["parameters"].as_array().into_iter().flatten().filter(move |it| it["in"] == place)
    }

    fn takes(&self, media_type: &str) -> bool {
        !self.operation["requestBody"]["content"][media_type].is_null()
    }

    /// Its path with a value for every name.
    fn address(&self) -> String {
        let pieces = self.path.split('/').map(|piece| if piece.starts_with('{') { "7" } else { piece });
        pieces.collect::<Vec<_>>().join("/")
    }

    /// Refused with this status, which the document knows; what is told of that field.
    #[track_caller]
    fn told_of(&self, answer: &Answer, status: u16, field: &str) -> Value {
        let at = format!("{} {} {field}", self.method, self.path);
        let problem = answer.assert_problem(status, "invalid");
        let documented = &self.operation["responses"][status.to_string()]["content"];
        assert_eq!(
            documented["application/problem+json"]["schema"]["$ref"], "#/components/schemas/ProblemDetails",
            "{at}"
        );
        let told = problem["problems"].as_array().unwrap().iter().find(|it| it["path"] == field);
        let told = told.unwrap_or_else(|| panic!("{at}: {problem}")).clone();
        assert!(!told["reason"].as_str().unwrap().is_empty(), "{at}: {told}");
        assert!(!told["allowed"].as_str().unwrap().is_empty(), "{at}: {told}");
        told
    }
}

both!(a_parameter_with_a_wrong_value_is_refused_by_name_at_every_endpoint, async |t: TestDb| {
    let site = Site::new(t).await?;
    let mut asked = 0;
    for it in Described::all() {
        let address = it.address();
        let ask = async |query: &str| asked_at(&site, &it.method, &format!("{address}?{query}")).await;
        for parameter in it.parameters("query") {
            let name = parameter["name"].as_str().unwrap();
            let twice = it.told_of(&ask(&format!("{name}=1&{name}=1")).await, 422, name);
            assert_eq!(twice["allowed"], "once", "{} {name}", it.path);
            if parameter["required"] == true {
                assert_eq!(it.told_of(&ask("").await, 422, name)["reason"], "missing");
            }
            let is = |kind: &str| parameter["schema"]["type"] == kind;
            if is("integer") || is("boolean") {
                let told = it.told_of(&ask(&format!("{name}=odd%20one")).await, 422, name);
                assert!(told["reason"].as_str().unwrap().contains("'odd one'"), "{told}");
            }
            if name == "limit" {
                let told = it.told_of(&ask("limit=1001").await, 422, name);
                assert_eq!(
                    (&told["reason"], &told["allowed"]),
                    (&json!("'1001' is out of range"), &json!("1 to 1000"))
                );
            }
            asked += 1;
        }
        for parameter in it.parameters("path") {
            let name = parameter["name"].as_str().unwrap();
            let path = it.path.replace(&format!("{{{name}}}"), "%ff");
            let told = it.told_of(&asked_at(&site, &it.method, &path).await, 422, name);
            assert_eq!(told["reason"], "'%ff' is not text");
            asked += 1;
        }
    }
    assert!(asked > 100, "{asked}");
});

async fn asked_at(site: &Site, method: &Method, address: &str) -> Answer {
    site.ask(method.clone(), address, &[], Body::empty()).await
}

both!(a_body_that_cannot_be_read_is_refused_by_its_place_at_every_endpoint, async |t: TestDb| {
    let site = Site::new(t).await?;
    let (mut json, mut text) = (0, 0);
    for it in Described::all() {
        let send = async |kind: &str, body: &'static [u8]| {
            site.ask(it.method.clone(), &it.address(), &[("content-type", kind)], body).await
        };
        if it.takes("application/json") {
            let told = it.told_of(&send("application/json", b"{\n").await, 422, "line 2, column 0");
            assert_eq!(told["allowed"], "a JSON document");
            let told = it.told_of(&send("application/json; charset=utf-8", b"7").await, 422, "");
            assert_eq!(told["allowed"], "an object", "{}", it.path);
            for (kind, says) in [("text/plain", "'text/plain' is not JSON"), ("", "missing")] {
                let told = it.told_of(&send(kind, b"{}").await, 415, "Content-Type");
                assert_eq!((&told["reason"], &told["allowed"]), (&says.into(), &"application/json".into()));
            }
            json += 1;
        }
        if it.takes("application/yaml") {
            it.told_of(&send("application/yaml", b"name: \xff\n").await, 422, "byte 6");
            text += 1;
        }
    }
    assert!(json > 25 && text == 2, "{json} {text}");
});

both!(all_that_is_wrong_with_parameters_is_told_at_once, async |t: TestDb| {
    let site = Site::new(t).await?;
    let wrong = site.get("/api/v1/nodes?limit=0&evicted=maybe&stat=online&before=x").await;
    let problem = wrong.assert_problem(422, "invalid");
    let told: Vec<_> =
        problem["problems"].as_array().unwrap().iter().map(|it| it["path"].as_str().unwrap()).collect();
    assert_eq!(told, ["stat", "evicted", "limit"], "{problem}");
    let headers = [("last-event-id", "yesterday")];
    let answer = site.ask(Method::GET, "/api/v1/events/stream", &headers, Body::empty()).await;
    assert_eq!(answer.assert_problem(422, "invalid")["problems"][0]["path"], "Last-Event-ID");
});

both!(what_only_a_domain_can_judge_is_refused_in_the_same_shape, async |t: TestDb| {
    let site = Site::new(t).await?;
    for (path, field, value) in [
        ("/api/v1/federations/nonsense", "id", "'nonsense'"),
        ("/api/v1/federations?state=asleep", "state", "'asleep'"),
        ("/api/v1/federations?before=soon", "before", "'soon'"),
        ("/api/v1/jobs?before=soon", "before", "'soon'"),
        ("/api/v1/sessions?node=seven", "node", "'seven'"),
        ("/api/v1/zones/berlin/nodes?after=seven", "after", "'seven'"),
        ("/api/v1/artifacts?federation=mine", "federation", "'mine'"),
        ("/api/v1/decisions?federation=mine", "federation", "'mine'"),
    ] {
        let problem = site.get(path).await.assert_problem(422, "invalid");
        let told = &problem["problems"][0];
        assert_eq!(told["path"], field, "{path}");
        assert!(told["reason"].as_str().unwrap().contains(value), "{path}: {told}");
        assert!(!told["allowed"].as_str().unwrap().is_empty(), "{path}: {told}");
    }
});
