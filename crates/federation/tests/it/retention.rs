//! Nothing that a federation needs that is not over is ever forgotten, whatever the rule says.

use std::collections::{BTreeMap, BTreeSet};

use federation::{Federations, retain};
use proptest::{prelude::*, strategy::ValueTree, test_runner::TestRunner};
use thunderline_core::{
    Action, ArtifactId, Cx, Expiry, FederationId, Result, RoundId, Rule, SignedDuration, Subject,
};
use thunderline_objects::{Objects, Sha256};
use thunderline_store::{Stmt, args};
use thunderline_testkit::{TestDb, both};

const STAGE: Action = Action::new("test.stage", Rule::System);
const FEDERATION: Stmt = Stmt::new(
    "test.federation",
    "insert into fl_federations (id, tenant, name, document, spec, state, run_id, rounds_total, completed_rounds,
        failures, model, created_by, created_at, completed_at, version)
     values ($1, $2, $3, '', $4, $5, $6, 9, 0, 0, $7, 'test', $8, $9, 1)",
);
const ROUND: Stmt = Stmt::new(
    "test.round",
    "insert into fl_rounds (id, tenant, federation, number, attempt, state, wanted, quorum, model_in, model_out,
        state_out, created_at, version)
     values ($1, $2, $3, $4, 1, 'completed', 1, 1, $5, $6, $7, $8, 1)",
);
const ARTIFACT: Stmt = Stmt::new(
    "test.artifact",
    "insert into fl_artifacts (id, tenant, federation, round, kind, name, uri, sha256, size_bytes, format, metadata,
        created_at)
     values ($1, $2, $3, $4, 'model', $5, '', $6, 1, 'safetensors', '{}', $7)",
);
const LEFT: Stmt = Stmt::new("test.left", "select sha256, federation from fl_artifacts where tenant = $1");

const STATES: [&str; 6] = ["created", "running", "paused", "completed", "failed", "cancelled"];

/// A federation: its state, the models of its rounds (small numbers, so that federations share some), the model that its
/// spec begins from.
type Plan = (usize, Vec<u8>, Option<u8>);

fn plans() -> impl Strategy<Value = Vec<Plan>> {
    prop::collection::vec(
        (0..6_usize, prop::collection::vec(0..12_u8, 0..6), prop::option::of(0..12_u8)),
        1..8,
    )
}

fn model(number: u8) -> Sha256 {
    Sha256::of(&[number])
}

fn optimiser_state(number: u8) -> Sha256 {
    Sha256::of(&[number, 1])
}

/// Writes it all down; gives what must stay: each federation's digests.
async fn stage(
    t: &TestDb,
    cx: &Cx,
    objects: &Objects,
    plans: &[Plan],
) -> Result<BTreeMap<FederationId, BTreeSet<Sha256>>> {
    let (kept, mut needed) = (objects.checkpoints()?, BTreeMap::new());
    let mut write = t.db().write(cx, &STAGE).await?;
    for (index, (state, models, from)) in plans.iter().enumerate() {
        let (id, over) = (cx.id::<FederationId>(), *state >= 3);
        let mut needs = BTreeSet::new();
        let last = models.last().map(|number| model(*number));
        needs.extend(last);
        let spec = from
            .map_or_else(|| "{}".to_owned(), |from| format!("{{\"model_ref\":\"sha256:{}\"}}", model(from)));
        if !over {
            needs.extend(from.map(model));
        }
        // The wire's numbers are unique in the whole installation.
        let number = i64::try_from(cx.random_u64() >> 1).unwrap();
        let row = args![
            id,
            cx.tenant(),
            format!("f{index}"),
            spec,
            STATES[*state],
            number,
            last.map(|last| last.to_string()),
            cx.now(),
            over.then(|| cx.now())
        ];
        write.exec(&FEDERATION, row).await?;
        let mut before = None::<Sha256>;
        for (place, made) in models.iter().enumerate() {
            let (round, artifact) = (cx.id::<RoundId>(), cx.id::<ArtifactId>());
            let (digest, state) = (model(*made), optimiser_state(*made));
            let place = i64::try_from(place).unwrap() + 1;
            let text = |digest: Option<Sha256>| digest.map(|digest| digest.to_string());
            let row = args![
                round,
                cx.tenant(),
                id,
                place,
                text(before),
                digest.to_string(),
                state.to_string(),
                cx.now()
            ];
            write.exec(&ROUND, row).await?;
            let at = cx.now() + SignedDuration::from_secs(place);
            let name = format!("f{index} round {place}");
            write
                .exec(&ARTIFACT, args![artifact, cx.tenant(), id, round, name, digest.to_string(), at])
                .await?;
            assert_eq!((kept.put(&[*made])?, kept.put(&[*made, 1])?), (digest, state));
            if !over {
                needs.extend([digest, state]);
            }
            before = Some(digest);
        }
        if let Some(from) = from {
            kept.put(&[*from])?;
        }
        needed.insert(id, needs);
    }
    write.commit(&Subject::new("test", "stage")).await?;
    Ok(needed)
}

both!(what_a_federation_needs_stays_whatever_the_rule, async |t: TestDb| {
    let mut runner = TestRunner::deterministic();
    for case in 0..24 {
        let folder = tempfile::tempdir()?;
        let objects = Objects::open(folder.path())?;
        let domain = Federations::new(t.db().clone(), objects.clone());
        // Each case in a tenant of its own, as if in a database of its own.
        let plans = plans().new_tree(&mut runner).expect("a case can be made").current();
        let newest = case % 3;
        let cx = t.system();
        let other = thunderline_core::TenantId(cx.uuid());
        let cx = cx.caused_by(other, cx.correlation(), None);
        let needed = stage(&t, &cx, &objects, &plans).await?;
        t.clock.advance(SignedDuration::from_hours(1_000_000));
        let expiry = Expiry { before: cx.now(), keep_newest: newest, tenant: Some(other), limit: 1_000 };
        let models = retain::expired_models(&cx, &domain, expiry).await?;
        let gone = retain::forget_models(&cx, &domain, &models).await?;
        assert_eq!(gone, models.len() as u64, "what is offered can go");
        let blobs = retain::expired_blobs(&cx, &domain, expiry).await?;
        retain::remove_blobs(&cx, &domain, &blobs).await?;
        let kept = objects.checkpoints()?;
        for (federation, digests) in &needed {
            for digest in digests {
                assert!(kept.contains(digest), "{digest} of {federation} is gone: {plans:?}");
            }
        }
        let mut read = t.db().read(&cx, &STAGE).await?;
        for row in read.all(&LEFT, args![other]).await? {
            let digest: Sha256 = row.get::<String>("sha256")?.parse()?;
            assert!(kept.contains(&digest), "a row names what is gone: {plans:?}");
        }
        drop(read);
        assert_eq!(retain::expired_models(&cx, &domain, expiry).await?, [], "all that may go has gone");
    }
});

both!(what_may_go_goes_with_an_audit_row_and_not_while_a_backup_is_made, async |t: TestDb| {
    let folder = tempfile::tempdir()?;
    let objects = Objects::open(folder.path())?;
    let domain = Federations::new(t.db().clone(), objects.clone());
    stage(&t, &t.system(), &objects, &[(3, vec![1, 2, 3], None)]).await?;
    t.clock.advance(SignedDuration::from_hours(1_000_000));
    let cx = t.system();
    let expiry = Expiry { before: cx.now(), keep_newest: 2, tenant: Some(cx.tenant()), limit: 10 };
    let models = retain::expired_models(&cx, &domain, expiry).await?;
    assert_eq!(models.iter().map(|model| model.label.as_str()).collect::<Vec<_>>(), ["f0 round 1"]);
    assert_eq!(retain::tenants(&cx, &domain).await?, [cx.tenant()]);
    assert_eq!(retain::forget_models(&cx, &domain, &models).await?, 1);
    assert_eq!(retain::forget_models(&cx, &domain, &models).await?, 0, "once");
    let audited = t.db().audit(&thunderline_store::AuditFilter::default(), 10).await?;
    assert_eq!(audited.iter().filter(|entry| entry.action == "fl.artifact.expire").count(), 1);

    let blobs = retain::expired_blobs(&cx, &domain, expiry).await?;
    let named: BTreeSet<_> = blobs.iter().map(|blob| blob.key.clone()).collect();
    let states = [1, 2, 3].map(|number| optimiser_state(number).to_string());
    assert_eq!(named, states.into_iter().chain([model(1).to_string()]).collect());
    let hold = objects.hold();
    assert_eq!(retain::remove_blobs(&cx, &domain, &blobs).await?, 0, "a backup is being made");
    drop(hold);
    assert_eq!(retain::remove_blobs(&cx, &domain, &blobs).await?, 4);
    assert!(objects.checkpoints()?.contains(&model(3)));
});
