//! Submitting, listing, steering.

use axum::http::{Method, StatusCode};
use thunderline_testkit::{TestDb, both};

use crate::site::Site;

const PATH: &str = "/api/v1/federations";
const GOOD: &str = "model_ref: builtin:softmax(4,2)\nnum_rounds: 3\n";

/// Wrong specs, and the places that their problems must name.
const WRONG: [(&str, &[&str]); 12] = [
    ("num_rounds: 3\n", &["model_ref"]),
    ("model_ref: builtin:softmax(4,2)\nnum_rounds: 0\n", &["num_rounds"]),
    ("model_ref: builtin:softmax(4,2)\nnum_rounds: 3\nnum_round: 4\n", &["num_round"]),
    ("model_ref: builtin:mlp(64,10)\nnum_rounds: 3\n", &["model_ref"]),
    ("model_ref: builtin:softmax(4,2)\nnum_rounds: 3\nstrategy: fedmagic\n", &["strategy"]),
    (
        "model_ref: builtin:softmax(4,2)\nnum_rounds: 3\nround: {quorum: 2, deadline: soon}\n",
        &["round.deadline", "round.quorum"],
    ),
    (
        "model_ref: builtin:softmax(4,2)\nnum_rounds: 3\ndp: {epsilon: 1, delta: 1e-5}\nsecure_agg: perhaps\n",
        &["dp.clip_norm", "secure_agg"],
    ),
    (
        "model_ref: builtin:softmax(4,2)\nnum_rounds: 3\nclient_fraction: 1.5\nmin_clients: 0\n",
        &["client_fraction", "min_clients"],
    ),
    ("model_ref: builtin:softmax(4,2)\nnum_rounds: 3\napp: {builtin: {}, command: x}\n", &["app"]),
    (
        "model_ref: builtin:softmax(4,2)\nnum_rounds: 3\nevaluation: {server: {data: 'sha256:0000000000000000000000000000000000000000000000000000000000000000'}}\n",
        &["evaluation.server.data"],
    ),
    ("{\"model_ref\": \"builtin:softmax(4,2)\", \"num_rounds\": \"three\"}", &["num_rounds"]),
    ("- not\n- a group of keys\n", &[""]),
];

both!(wrong_specs_are_refused_with_every_problem_and_nothing_is_written, async |t: TestDb| {
    let site = Site::new(t).await?;
    for (spec, places) in WRONG {
        let problem = site.post(PATH, spec).await.assert_problem(422, "invalid");
        let problems = problem["problems"].as_array().unwrap();
        let mut named: Vec<_> = problems.iter().map(|problem| problem["path"].as_str().unwrap()).collect();
        named.sort_unstable();
        assert_eq!(named, places, "{spec}: {problem}");
        for problem in problems {
            assert!(problem["reason"] != "" && problem["allowed"] != "", "{problem}");
        }
    }
    let broken = site.post(PATH, "model_ref: [\n").await.assert_problem(422, "invalid");
    assert!(broken["problems"][0]["path"].as_str().unwrap().starts_with("line "), "{broken}");
    site.post(PATH, " ".repeat(300_000)).await.assert_problem(413, "too_large");
    site.post(PATH, vec![0xff, 0xfe]).await.assert_problem(422, "invalid");
    assert_eq!(site.get(PATH).await.json()["items"].as_array().map(Vec::len), Some(0));
    assert!(site.t.events().await.is_empty() && site.t.jobs("available").await.is_empty());
});

both!(a_federation_is_submitted_shown_and_listed, async |t: TestDb| {
    let site = Site::new(t).await?;
    let answer = site.post(PATH, GOOD).await;
    assert_eq!(answer.status, StatusCode::CREATED);
    let made = answer.json();
    assert_eq!((&made["state"], &made["created_by"]), (&"created".into(), &"user:operator".into()));
    let id = made["id"].as_str().unwrap();
    let shown = site.get(&format!("{PATH}/{id}")).await.json();
    assert_eq!(shown["document"], GOOD);
    assert_eq!(shown["spec"]["round"]["quorum"], 0.5, "defaults are spelled out");
    assert_eq!(site.get(PATH).await.json()["items"][0]["id"], made["id"]);
    site.t.assert_audited("fl.federation.submit", id).await;
    site.t.assert_events(["fl.federation.created"]).await;
    for path in [
        format!("{PATH}/{}", site.t.tenant()),
        format!("/api/v1/rounds/{id}/leases"),
        format!("/api/v1/artifacts/{id}"),
    ] {
        site.get(&path).await.assert_problem(404, "not_found");
    }
    for path in [
        format!("{PATH}/nonsense"),
        "/api/v1/nodes/nonsense".into(),
        format!("{PATH}?state=odd"),
        format!("{PATH}?before=odd"),
    ] {
        site.get(&path).await.assert_problem(422, "invalid");
    }
    assert_eq!(site.get(&format!("{PATH}/{id}/rounds")).await.json()["items"], serde_json::json!([]));
    assert_eq!(site.get(&format!("{PATH}/{id}/rollups")).await.json()["items"], serde_json::json!([]));
});

both!(every_strategy_is_listed_with_what_it_takes, async |t: TestDb| {
    let site = Site::new(t).await?;
    let listed = site.get("/api/v1/strategies").await.json();
    let named = |name: &str| {
        let items = listed["items"].as_array().unwrap();
        items.iter().find(|item| item["name"] == name).unwrap_or_else(|| panic!("{name}: {listed}"))
    };
    assert_eq!(named("fedavg")["params"].as_array().map(Vec::len), Some(0));
    let beta = &named("fedtrimmedavg")["params"][0];
    assert!(beta["name"] == "beta" && beta["default"].is_number() && beta["allowed"] != "", "{beta}");
    assert_eq!(named("scaffold")["built_in_app_only"], true);
});

both!(a_repeated_submission_with_its_key_makes_one_federation, async |t: TestDb| {
    let site = Site::new(t).await?;
    let key = [("idempotency-key", "k1")];
    let first = site.ask(Method::POST, PATH, &key, GOOD).await.json();
    let second = site.ask(Method::POST, PATH, &key, GOOD).await.json();
    assert_eq!(first["id"], second["id"]);
    let other = site.ask(Method::POST, PATH, &key, format!("{GOOD}seed: 1\n")).await;
    other.assert_problem(422, "invalid");
    assert_eq!(site.get(PATH).await.json()["items"].as_array().map(Vec::len), Some(1));
});

both!(a_list_in_pieces_is_the_whole_list, async |t: TestDb| {
    let site = Site::new(t).await?;
    for name in ["a", "b", "c", "d", "e"] {
        site.submit(name).await;
    }
    let (mut seen, mut path) = (Vec::new(), format!("{PATH}?limit=2"));
    loop {
        let page = site.get(&path).await.json();
        seen.extend(
            page["items"].as_array().unwrap().iter().map(|item| item["name"].as_str().unwrap().to_owned()),
        );
        let Some(next) = page["next"].as_str() else { break };
        path = format!("{PATH}?limit=2&before={next}");
    }
    assert_eq!(seen, ["e", "d", "c", "b", "a"]);
});

both!(steering_follows_the_state_machine, async |t: TestDb| {
    let site = Site::new(t).await?;
    let id = site.submit("steered").await;
    let steer = async |verb: &str, body: &'static str| site.post(&format!("{PATH}/{id}/{verb}"), body).await;
    steer("resume", "").await.assert_problem(409, "conflict");
    assert_eq!(steer("pause", "").await.json()["state"], "paused");
    steer("pause", "").await.assert_problem(409, "conflict");
    assert_eq!(steer("resume", "").await.json()["state"], "running");
    let cancelled = steer("cancel", "{\"reason\": \"enough\"}").await.json();
    assert_eq!((&cancelled["state"], &cancelled["reason"]), (&"cancelled".into(), &"enough".into()));
    for verb in ["pause", "resume"] {
        steer(verb, "").await.assert_problem(409, "conflict");
    }
    steer("cancel", "{}").await.assert_problem(409, "conflict");
    let states = site.get(&format!("{PATH}?state=cancelled")).await.json();
    assert_eq!(states["items"].as_array().map(Vec::len), Some(1));
});
