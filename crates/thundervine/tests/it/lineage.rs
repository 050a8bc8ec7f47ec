//! The lineage graph, from made-up events.

use thunderline_contracts::{
    federation::{AggregateCompleted, ArtifactStored, ClientsSelected, FederationCreated, UpdateAccepted},
    link::{NodeJoined, NodeKind},
};
use thunderline_core::{ArtifactId, Event, FederationId, LeaseId, NodeId, Result, RoundId};
use thunderline_testkit::{TestDb, both};
use thundervine::{
    Vine,
    lineage::{Lineage, project, read},
};
use uuid::Uuid;

const FEDERATION: FederationId = FederationId(Uuid::from_u128(0xF));

fn artifact(number: u128) -> ArtifactId {
    ArtifactId(Uuid::from_u128(0xA00 + number))
}

fn round(number: u32) -> RoundId {
    RoundId(Uuid::from_u128(0xB00 + u128::from(number)))
}

async fn tell(t: &TestDb, event: &impl Event) -> Result<()> {
    t.tell(&t.system(), event).await
}

/// Hands every event to the projection, from the first on.
async fn project_all(t: &TestDb) -> Result<()> {
    t.hand_on(0, project::EVENTS, &project::ACTION, project::on_event).await
}

/// A federation that begins from `first` and has this many rounds; round `n` makes the artifact `n` with the digest `m<n>`.
async fn rounds(t: &TestDb, first: &str, count: u32) -> Result<()> {
    let created = FederationCreated {
        federation: FEDERATION,
        name: "digits".into(),
        tenant: t.tenant(),
        spec_sha256: Some("5bec".into()),
        seed: Some(42),
        strategy: Some("fedadam".into()),
        model_ref: Some("builtin:softmax(4,2)".into()),
        rounds_total: Some(count),
    };
    tell(t, &created).await?;
    for number in 1..=count {
        let parent = if number == 1 { first.to_owned() } else { format!("m{}", number - 1) };
        let selected = ClientsSelected {
            federation: FEDERATION,
            round_id: round(number),
            round: number,
            attempt: 1,
            seed: 42,
            model: Some(parent.clone()),
            candidates: 2,
            eligible: 2,
            chosen: 2,
            wanted: 2,
            quorum: 2,
            listed: vec![],
        };
        tell(t, &selected).await?;
        for node in 1..=2u64 {
            for purpose in ["train", "evaluate"] {
                let accepted = UpdateAccepted {
                    federation: FEDERATION,
                    round: number,
                    client: NodeId::from_bits(node),
                    lease: LeaseId(Uuid::from_u128(u128::from(number) * 100 + u128::from(node))),
                    round_id: Some(round(number)),
                    purpose: purpose.into(),
                    num_examples: 100.0 * node as f64,
                    metrics: serde_json::json!({}),
                    update_sha256: (purpose == "train").then(|| format!("u{number}-{node}")),
                    staleness: None,
                    max_examples: Some(1e9),
                };
                tell(t, &accepted).await?;
            }
        }
        let made = AggregateCompleted {
            federation: FEDERATION,
            round: number,
            artifact: artifact(number.into()),
            uri: format!("objects/checkpoints/m{number}"),
            sha256: format!("m{number}"),
            round_id: Some(round(number)),
            attempt: Some(1),
            parent: Some(parent),
            strategy: Some("fedadam".into()),
            clients: Some(2),
            num_examples: Some(300.0),
            state_before: (number > 1).then(|| format!("s{}", number - 1)),
            state_after: Some(format!("s{number}")),
        };
        tell(t, &made).await?;
    }
    Ok(())
}

fn stored(
    id: ArtifactId,
    sha256: &str,
    federation: Option<FederationId>,
    seed: Option<u64>,
) -> ArtifactStored {
    ArtifactStored {
        artifact: id,
        kind: "model".into(),
        name: "begin".into(),
        uri: format!("objects/checkpoints/{sha256}"),
        sha256: sha256.into(),
        federation,
        seed,
    }
}

async fn ask(t: &TestDb, id: &str, depth: u32) -> Result<Lineage> {
    read::lineage(&t.viewer(), &Vine::new(t.db().clone()), id, depth).await
}

both!(what_made_a_model_is_told_back_to_its_seed, async |t: TestDb| {
    for node in 1..=2 {
        let (node, name) = (NodeId::from_bits(node), format!("site-{node}"));
        tell(
            &t,
            &NodeJoined {
                node,
                name,
                kind: NodeKind::Runner,
                tags: vec![],
                capabilities: Default::default(),
            },
        )
        .await?;
    }
    // Another federation drew the same bytes earlier: the federation's own artifact is the one that counts.
    tell(&t, &stored(artifact(99), "m0", Some(FederationId(Uuid::from_u128(0xE))), Some(42))).await?;
    tell(&t, &stored(artifact(0), "m0", Some(FEDERATION), Some(42))).await?;
    rounds(&t, "m0", 3).await?;
    project_all(&t).await?;
    let lineage = ask(&t, &artifact(3).to_string(), 10).await?;
    assert!(!lineage.truncated);
    let digests: Vec<_> = lineage.steps.iter().map(|step| step.model.sha256.as_str()).collect();
    assert_eq!(digests, ["m3", "m2", "m1", "m0"]);
    let newest = lineage.steps[0].round.as_ref().expect("a round made it");
    assert_eq!((newest.number, newest.clients, newest.num_examples), (3, 2, 300.0));
    assert_eq!((newest.federation.name.as_str(), newest.federation.seed), ("digits", Some(42)));
    assert_eq!(newest.federation.spec_sha256.as_deref(), Some("5bec"));
    assert_eq!((newest.state_before.as_deref(), newest.state_after.as_deref()), (Some("s2"), Some("s3")));
    let parts: Vec<_> = newest
        .updates
        .iter()
        .map(|it| (it.name.as_str(), it.num_examples, it.update_sha256.as_deref().unwrap_or_default()))
        .collect();
    assert_eq!(parts, [("site-1", 100.0, "u3-1"), ("site-2", 200.0, "u3-2")]);
    assert!((newest.updates[1].share - 2.0 / 3.0).abs() < 1e-12);
    let base = &lineage.steps[3];
    assert_eq!((base.model.origin.as_str(), base.model.seed, &base.round), ("fresh", Some(42), &None));
    assert_eq!(base.model.artifact, Some(artifact(0).to_string()));
    assert_eq!(ask(&t, "sha256:m3", 10).await?, lineage);
});

both!(a_depth_cuts_the_history_and_says_so, async |t: TestDb| {
    tell(&t, &stored(artifact(0), "m0", None, None)).await?;
    rounds(&t, "m0", 5).await?;
    project_all(&t).await?;
    let lineage = ask(&t, &artifact(5).to_string(), 2).await?;
    let digests: Vec<_> = lineage.steps.iter().map(|step| step.model.sha256.as_str()).collect();
    assert_eq!((digests, lineage.truncated), (vec!["m5", "m4", "m3"], true));
    assert!(lineage.steps[2].round.is_none(), "the last one is shown without what made it");
    let whole = ask(&t, &artifact(5).to_string(), 5).await?;
    assert_eq!((whole.steps.len(), whole.truncated), (6, false));
    assert_eq!(whole.steps[5].model.origin, "brought");
    for depth in [0, read::DEEPEST + 1] {
        assert_eq!(ask(&t, "x", depth).await.unwrap_err().problems()[0].path, "depth");
    }
    for unknown in [artifact(77).to_string(), "sha256:none".into(), "nonsense".into()] {
        assert_eq!(ask(&t, &unknown, 1).await.unwrap_err().code(), "not_found");
    }
});

both!(a_model_that_no_event_told_of_is_of_unknown_origin, async |t: TestDb| {
    rounds(&t, "dark", 1).await?;
    project_all(&t).await?;
    let lineage = ask(&t, &artifact(1).to_string(), 10).await?;
    let base = &lineage.steps[1].model;
    assert_eq!((base.sha256.as_str(), base.origin.as_str(), &base.artifact), ("dark", "unknown", &None));
    // Its bytes are brought later: that cannot have been where the round began.
    tell(&t, &stored(artifact(50), "dark", None, None)).await?;
    project_all(&t).await?;
    assert_eq!(ask(&t, &artifact(1).to_string(), 10).await?, lineage);
});

both!(replaying_the_consumer_from_the_first_event_gives_the_same_graph, async |t: TestDb| {
    tell(&t, &stored(artifact(0), "m0", Some(FEDERATION), Some(42))).await?;
    rounds(&t, "m0", 3).await?;
    project_all(&t).await?;
    let before = ask(&t, &artifact(3).to_string(), 10).await?;
    project_all(&t).await?;
    project_all(&t).await?;
    assert_eq!(ask(&t, &artifact(3).to_string(), 10).await?, before);
});

both!(somebody_elses_lineage_does_not_exist, async |t: TestDb| {
    rounds(&t, "m0", 1).await?;
    project_all(&t).await?;
    let stranger =
        t.viewer().for_actor(t.viewer().actor().clone(), thunderline_core::TenantId(Uuid::from_u128(9)));
    let found = read::lineage(&stranger, &Vine::new(t.db().clone()), &artifact(1).to_string(), 5).await;
    assert_eq!(found.unwrap_err().code(), "not_found");
});
