//! Decisions from made-up events.

use serde_json::json;
use thunderline_contracts::{
    federation::{
        AggregateCompleted, ClientDropped, ClientsSelected, Considered, FederationCreated, FederationFailed,
        RoundClosed, RoundFailed, UpdateAccepted, UpdateRefused, Verdict,
    },
    link::{NodeJoined, NodeKind},
};
use thunderline_core::{ArtifactId, Cx, FederationId, LeaseId, NodeId, Result, RoundId};
use thunderline_testkit::{TestDb, both};
use thunderprism::{
    Prism, decide, project,
    read::{self, Decision, Filter},
};
use uuid::Uuid;

const FEDERATION: FederationId = FederationId(Uuid::from_u128(0xF));
const LEASE: LeaseId = LeaseId(Uuid::from_u128(0x1));

async fn project_all(t: &TestDb) -> Result<()> {
    t.hand_on(0, project::EVENTS, &project::ACTION, project::on_event).await
}

fn round_id(attempt: u32) -> RoundId {
    RoundId(Uuid::from_u128(0xB00 + u128::from(attempt)))
}

fn considered(name: &str, verdict: Verdict, reasons: &[&str]) -> Considered {
    let reasons = reasons.iter().map(|reason| (*reason).to_owned()).collect();
    Considered { node: NodeId::from_bits(1), name: name.into(), verdict, reasons }
}

fn selected(attempt: u32) -> ClientsSelected {
    ClientsSelected {
        federation: FEDERATION,
        round_id: round_id(attempt),
        round: 1,
        attempt,
        seed: 42,
        model: None,
        candidates: 1_200,
        eligible: 3,
        chosen: 2,
        wanted: 2,
        quorum: 2,
        listed: vec![
            considered("a", Verdict::Chosen, &[]),
            considered("c", Verdict::Chosen, &[]),
            considered("d", Verdict::Spare, &[]),
            considered("b", Verdict::Ineligible, &["lacks the tag gpu", "is not online"]),
        ],
    }
}

fn accepted(node: u64, purpose: &str) -> UpdateAccepted {
    UpdateAccepted {
        federation: FEDERATION,
        round: 1,
        client: NodeId::from_bits(node),
        lease: LEASE,
        round_id: Some(round_id(2)),
        purpose: purpose.into(),
        num_examples: 150.0,
        metrics: json!({}),
        update_sha256: None,
        staleness: None,
        max_examples: Some(1e9),
    }
}

/// A federation whose first try of round 1 fails, whose second one makes a model, and which fails then.
async fn story(t: &TestDb) -> Result<Cx> {
    let (person, system) = (t.operator(), t.system());
    let (node, name) = (NodeId::from_bits(7), "site-7".to_owned());
    t.tell(
        &system,
        &NodeJoined { node, name, kind: NodeKind::Runner, tags: vec![], capabilities: Default::default() },
    )
    .await?;
    let created = FederationCreated {
        federation: FEDERATION,
        name: "digits".into(),
        tenant: t.tenant(),
        spec_sha256: None,
        seed: Some(42),
        strategy: Some("fedavg".into()),
        model_ref: None,
        rounds_total: Some(3),
    };
    t.tell(&person, &created).await?;
    t.tell(&system, &selected(1)).await?;
    let dropped = ClientDropped {
        federation: FEDERATION,
        round: 1,
        client: node,
        lease: LEASE,
        round_id: Some(round_id(1)),
        purpose: Some("train".into()),
        reason: "the node is gone".into(),
    };
    t.tell(&system, &dropped).await?;
    let failed = RoundFailed {
        federation: FEDERATION,
        round_id: round_id(1),
        round: 1,
        reason: "1 of 2 clients delivered; 2 were needed".into(),
        timed_out: false,
        attempt: Some(1),
    };
    t.tell(&system, &failed).await?;
    t.tell(&system, &selected(2)).await?;
    t.tell(&system, &accepted(7, "train")).await?;
    t.tell(&system, &accepted(8, "train")).await?;
    let refused =
        UpdateRefused { federation: FEDERATION, client: node, lease: LEASE, reason: "it was late".into() };
    t.tell(&system, &refused).await?;
    let closed = RoundClosed {
        federation: FEDERATION,
        round_id: round_id(2),
        round: 1,
        attempt: 2,
        accepted: 2,
        wanted: 2,
        quorum: 2,
        reason: "all 2 updates that were wanted are in".into(),
    };
    t.tell(&system, &closed).await?;
    let made = AggregateCompleted {
        federation: FEDERATION,
        round: 1,
        artifact: ArtifactId(Uuid::from_u128(1)),
        uri: "u".into(),
        sha256: "m1".into(),
        round_id: Some(round_id(2)),
        attempt: Some(2),
        parent: None,
        strategy: Some("fedavg".into()),
        clients: Some(2),
        num_examples: Some(300.0),
        state_before: None,
        state_after: None,
    };
    t.tell(&system, &made).await?;
    t.tell(&system, &accepted(7, "evaluate")).await?;
    t.tell(&system, &FederationFailed { federation: FEDERATION, reason: "enough".into() }).await?;
    Ok(person)
}

async fn all(t: &TestDb, filter: &Filter) -> Result<Vec<Decision>> {
    read::list(&t.viewer(), &Prism::new(t.db().clone()), filter, 0, 1_000).await
}

both!(every_decision_is_told_as_a_sentence_in_order, async |t: TestDb| {
    story(&t).await?;
    project_all(&t).await?;
    let found = all(&t, &Filter { federation: Some(FEDERATION), ..Filter::default() }).await?;
    let told: Vec<_> = found.iter().map(|it| it.summary.as_str()).collect();
    assert_eq!(
        told,
        [
            "user:operator submitted digits: fedavg, 3 rounds, seed 42",
            "round 1: chosen: drawn 2 of 3 eligible with seed 42: a, c; not drawn: d; \
             not eligible: b lacks the tag gpu and is not online and 1196 more",
            "node site-7 is not waited for any more: the node is gone",
            "round 1 failed: 1 of 2 clients delivered; 2 were needed",
            "round 1, try 2: chosen: drawn 2 of 3 eligible with seed 42: a, c; not drawn: d; \
             not eligible: b lacks the tag gpu and is not online and 1196 more",
            "node site-7 counts with the 150 examples that it claims; at most 1000000000 are believed",
            "node 8 counts with the 150 examples that it claims; at most 1000000000 are believed",
            "what node site-7 sent was not counted: it was late",
            "round 1 is closed: all 2 updates that were wanted are in",
            "the model of round 1 is made by fedavg of 2 updates with 300 examples: sha256:m1",
            "node site-7 judged the model on 150 examples",
            "failed: enough",
        ]
    );
    let only = Filter { kind: Some(decide::SELECTED.into()), round: Some(1), ..Filter::default() };
    assert_eq!(all(&t, &only).await?.len(), 2);
    let error = all(&t, &Filter { kind: Some("odd".into()), ..Filter::default() }).await.unwrap_err();
    assert!(error.problems()[0].allowed.contains("clients.selected"), "{error}");
});

both!(a_decision_shows_what_led_to_it_and_what_followed, async |t: TestDb| {
    story(&t).await?;
    project_all(&t).await?;
    let prism = Prism::new(t.db().clone());
    let found = all(&t, &Filter::default()).await?;
    let edges = async |position: usize| -> Result<Vec<(bool, String, String)>> {
        let (_, neighbours) = read::show(&t.viewer(), &prism, found[position].id).await?;
        Ok(neighbours.into_iter().map(|it| (it.earlier, it.relation, it.decision.kind)).collect())
    };
    let owned = |edges: &[(bool, &str, &str)]| -> Vec<(bool, String, String)> {
        edges.iter().map(|(earlier, relation, kind)| (*earlier, (*relation).into(), (*kind).into())).collect()
    };
    // The failure of the first try, and the second try that answers it.
    assert_eq!(
        edges(3).await?,
        owned(&[
            (true, "next", "clients.selected"),
            (true, "because", "client.dropped"),
            (false, "retried", "clients.selected"),
            (false, "because", "federation.steered"),
        ])
    );
    // The round's close counts both updates.
    assert_eq!(
        edges(8).await?,
        owned(&[
            (true, "next", "clients.selected"),
            (true, "counted", "update.weighed"),
            (true, "counted", "update.weighed"),
            (false, "next", "model.made"),
        ])
    );
    let unknown = read::show(&t.viewer(), &prism, thunderline_core::EventId(Uuid::nil())).await;
    assert_eq!(unknown.unwrap_err().code(), "not_found");
});

both!(a_trail_follows_the_request_that_began_it, async |t: TestDb| {
    let person = story(&t).await?;
    project_all(&t).await?;
    let prism = Prism::new(t.db().clone());
    let whole = read::trail(&t.viewer(), &prism, person.correlation(), 0, 100).await?;
    assert_eq!(whole.len(), 12, "what the system decided later belongs to the request");
    let rest = read::trail(&t.viewer(), &prism, person.correlation(), whole[9].sequence, 100).await?;
    assert_eq!(rest, whole[10..]);
});

both!(replaying_the_consumer_changes_nothing, async |t: TestDb| {
    story(&t).await?;
    project_all(&t).await?;
    let before = all(&t, &Filter::default()).await?;
    // A node that was renamed since does not change sentences that were told.
    let (node, name) = (NodeId::from_bits(7), "renamed".to_owned());
    t.tell(
        &t.system(),
        &NodeJoined { node, name, kind: NodeKind::Runner, tags: vec![], capabilities: Default::default() },
    )
    .await?;
    project_all(&t).await?;
    assert_eq!(all(&t, &Filter::default()).await?, before);
});
