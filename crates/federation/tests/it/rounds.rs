//! Whole rounds.

use federation::{
    Federations,
    actions::{accept_reply::Acceptance, cancel, pause, read, resume, submit},
    drive,
    state::FederationState,
};
use thunderline_core::{ErrorKind, SignedDuration};
use thunderline_objects::Objects;
use thunderline_testkit::{TestDb, both};

use crate::site::{SPEC, Site};

both!(submitting_leaves_the_federation_its_event_its_audit_row_and_one_job, async |t: TestDb| {
    let site = Site::new(t)?;
    let federation = site.submit(SPEC).await?;
    assert_eq!(federation.state, FederationState::Created);
    site.t.assert_events(["fl.federation.created"]).await;
    site.t.assert_audited("fl.federation.submit", federation.id).await;
    site.t.assert_jobs(["fl.federation.drive"]).await;
});

both!(a_bad_spec_leaves_nothing, async |t: TestDb| {
    let site = Site::new(t)?;
    let error = site.submit("model_ref: builtin:softmax(1,2)\nnum_rounds: 0\nspeed: 9\n").await.unwrap_err();
    assert_eq!(error.problems().len(), 2);
    let digest = "a".repeat(64);
    let missing = format!("model_ref: sha256:{digest}\nnum_rounds: 1\napp: {{flower: {digest}}}\n");
    let error = site.submit(&missing).await.unwrap_err();
    assert_eq!(
        error.problems().iter().map(|problem| problem.path.as_str()).collect::<Vec<_>>(),
        ["model_ref", "app.flower.bundle"]
    );
    site.t.assert_events([]).await;
    site.t.assert_jobs([]).await;
});

both!(a_repeated_submission_with_the_same_key_is_the_same_federation, async |t: TestDb| {
    let site = Site::new(t)?;
    let (cx, domain) = (site.t.operator(), &site.domain);
    let first = submit::submit(&cx, domain, SPEC, Some("k")).await?;
    let again = submit::submit(&cx, domain, SPEC, Some("k")).await?;
    assert_eq!(first.id, again.id);
    let other = submit::submit(&cx, domain, &format!("{SPEC}seed: 1\n"), Some("k")).await.unwrap_err();
    assert_eq!(other.kind(), ErrorKind::Invalid);
    site.t.assert_events(["fl.federation.created"]).await;
});

both!(a_round_averages_its_updates_by_examples_and_completes_the_federation, async |t: TestDb| {
    let site = Site::new(t)?;
    let (one, two) = (site.join(1).await?, site.join(2).await?);
    let federation = site.submit(SPEC).await?;
    site.drive(&federation).await?;
    let (first, second) = (site.claim(one).await?.unwrap(), site.claim(two).await?.unwrap());
    assert_eq!(site.answer(&first, 1.0, 10.0).await?, Acceptance::Accepted);
    site.drive(&federation).await?;
    assert_eq!(site.get(&federation).await?.completed_rounds, 0);
    assert_eq!(site.answer(&second, 5.0, 30.0).await?, Acceptance::Accepted);
    site.drive(&federation).await?;
    let done = site.get(&federation).await?;
    assert_eq!((done.state, done.completed_rounds), (FederationState::Completed, 1));
    assert_eq!(site.elements(&done.model.unwrap())?, [4.0; 4]);
    let rollups = read::list_rollups(&site.t.viewer(), &site.domain, federation.id, 0).await?;
    assert!(read::list_rollups(&site.t.viewer(), &site.domain, federation.id, 1).await?.is_empty());
    assert_eq!((rollups[0].1.train.clients, rollups[0].1.train.metrics["loss"]), (2, 4.0));
    assert_eq!(rollups[0].1.train.bytes, 32);
    let artifacts =
        read::list_artifacts(&site.t.viewer(), &site.domain, Some(federation.id), None, 10).await?;
    assert_eq!(artifacts.len(), 2, "the initial model and the round's");
    let names: Vec<_> = site.t.events().await.into_iter().map(|event| event.name).collect();
    assert_eq!(
        names[names.len() - 3..],
        ["fl.aggregate.completed", "fl.round.completed", "fl.federation.completed"]
    );
});

both!(an_update_is_counted_once_however_often_it_is_sent, async |t: TestDb| {
    let site = Site::new(t)?;
    let (one, two) = (site.join(1).await?, site.join(2).await?);
    let federation = site.submit(SPEC).await?;
    site.drive(&federation).await?;
    let (first, second) = (site.claim(one).await?.unwrap(), site.claim(two).await?.unwrap());
    assert_eq!(site.answer(&first, 1.0, 1.0).await?, Acceptance::Accepted);
    assert_eq!(site.answer(&first, 1.0, 1.0).await?, Acceptance::Repeated);
    assert_eq!(site.answer(&second, 2.0, 1.0).await?, Acceptance::Accepted);
    site.drive(&federation).await?;
    assert_eq!(site.elements(&site.get(&federation).await?.model.unwrap())?, [1.5; 4]);
});

both!(a_node_that_leaves_is_dropped_and_the_round_goes_on_without_it, async |t: TestDb| {
    let site = Site::new(t)?;
    let (one, two) = (site.join(1).await?, site.join(2).await?);
    let federation = site.submit(SPEC).await?;
    site.drive(&federation).await?;
    let first = site.claim(one).await?.unwrap();
    let second = site.claim(two).await?.unwrap();
    site.answer(&first, 3.0, 1.0).await?;
    site.leave(two).await?;
    site.drive(&federation).await?;
    assert_eq!(site.get(&federation).await?.state, FederationState::Completed);
    let late = site.answer(&second, 9.0, 1.0).await.unwrap_err();
    assert_eq!(late.kind(), ErrorKind::Conflict);
    let leases = read::list_leases(&site.t.viewer(), &site.domain, first.round).await?;
    assert_eq!(leases[1].state.reason(), Some("the node is gone"));
    assert_eq!(site.elements(&site.get(&federation).await?.model.unwrap())?, [3.0; 4]);
});

both!(a_deadline_without_a_quorum_fails_the_round_and_in_the_end_the_federation, async |t: TestDb| {
    let site = Site::new(t)?;
    site.join(1).await?;
    site.join(2).await?;
    let federation = site.submit(&format!("{SPEC}round: {{deadline: 60, max_failures: 1}}\n")).await?;
    site.drive(&federation).await?;
    site.t.clock.advance(SignedDuration::from_secs(60));
    site.drive(&federation).await?;
    assert_eq!(site.get(&federation).await?.state, FederationState::Running, "it is tried once more");
    site.t.clock.advance(SignedDuration::from_secs(60));
    site.drive(&federation).await?;
    let failed = site.get(&federation).await?;
    assert_eq!(failed.state, FederationState::Failed);
    assert!(failed.reason.unwrap().contains("0 of 2 clients delivered"));
});

both!(a_restarted_process_goes_on_from_what_is_stored, async |t: TestDb| {
    let site = Site::new(t)?;
    let (one, two) = (site.join(1).await?, site.join(2).await?);
    let federation = site.submit(SPEC).await?;
    site.drive(&federation).await?;
    let first = site.claim(one).await?.unwrap();
    site.answer(&first, 1.0, 1.0).await?;
    let objects = Objects::open(site.t.dir().join("objects"))?;
    let domain = Federations::new(site.t.reopen().await?, objects);
    let site = Site { domain, ..site };
    let second = site.claim(two).await?.unwrap();
    site.answer(&second, 2.0, 3.0).await?;
    drive::sweep(&site.t.system(), &site.domain).await?;
    let done = site.get(&federation).await?;
    assert_eq!(done.state, FederationState::Completed);
    assert_eq!(site.elements(&done.model.unwrap())?, [1.75; 4]);
});

both!(what_a_crash_leaves_of_a_finished_round_is_swept, async |t: TestDb| {
    let site = Site::new(t)?;
    let (one, two) = (site.join(1).await?, site.join(2).await?);
    let federation = site.submit(SPEC).await?;
    site.drive(&federation).await?;
    let task = site.claim(one).await?.unwrap();
    site.answer(&task, 1.0, 1.0).await?;
    assert_eq!(drive::sweep_uploads(&site.t.system(), &site.domain).await?, 0, "the round is running");
    let last = site.claim(two).await?.unwrap();
    site.answer(&last, 1.0, 1.0).await?;
    site.drive(&federation).await?;
    site.reply(&task, 1.0, 1.0)?;
    assert_eq!(drive::sweep_uploads(&site.t.system(), &site.domain).await?, 1);
    assert!(site.domain.objects.below("rounds")?.is_empty());
});

both!(pause_lets_the_round_finish_and_resume_goes_on, async |t: TestDb| {
    let site = Site::new(t)?;
    let (one, two) = (site.join(1).await?, site.join(2).await?);
    let federation = site.submit(&SPEC.replace("num_rounds: 1", "num_rounds: 2")).await?;
    site.drive(&federation).await?;
    pause::pause(&site.t.operator(), &site.domain, federation.id).await?;
    for node in [one, two] {
        let task = site.claim(node).await?.unwrap();
        site.answer(&task, 1.0, 1.0).await?;
    }
    site.drive(&federation).await?;
    let paused = site.get(&federation).await?;
    assert_eq!((paused.state, paused.completed_rounds), (FederationState::Paused, 1));
    assert!(site.claim(one).await?.is_none());
    resume::resume(&site.t.operator(), &site.domain, federation.id).await?;
    site.drive(&federation).await?;
    assert_eq!(site.claim(one).await?.unwrap().round_number, 2);
});

both!(cancelling_takes_the_tasks_away_and_cannot_be_undone, async |t: TestDb| {
    let site = Site::new(t)?;
    let one = site.join(1).await?;
    site.join(2).await?;
    let federation = site.submit(SPEC).await?;
    site.drive(&federation).await?;
    let task = site.claim(one).await?.unwrap();
    cancel::cancel(&site.t.operator(), &site.domain, federation.id, "enough").await?;
    assert!(site.claim(one).await?.is_none());
    assert_eq!(site.answer(&task, 1.0, 1.0).await.unwrap_err().kind(), ErrorKind::Conflict);
    site.drive(&federation).await?;
    let cancelled = site.get(&federation).await?;
    assert_eq!((cancelled.state, cancelled.reason.as_deref()), (FederationState::Cancelled, Some("enough")));
    let again = resume::resume(&site.t.operator(), &site.domain, federation.id).await.unwrap_err();
    assert_eq!(again.kind(), ErrorKind::Conflict);
});

both!(evaluation_by_clients_ends_the_round_with_their_judgement, async |t: TestDb| {
    let site = Site::new(t)?;
    let (one, two) = (site.join(1).await?, site.join(2).await?);
    let federation = site.submit(&SPEC.replace("evaluation: {federated: false}\n", "")).await?;
    site.drive(&federation).await?;
    for node in [one, two] {
        let task = site.claim(node).await?.unwrap();
        site.answer(&task, 1.0, 1.0).await?;
    }
    site.drive(&federation).await?;
    for (node, loss) in [(one, 0.25), (two, 0.75)] {
        let task = site.claim(node).await?.unwrap();
        assert_eq!(task.purpose.name(), "evaluate");
        site.answer(&task, loss, 2.0).await?;
    }
    site.drive(&federation).await?;
    let rollups = read::list_rollups(&site.t.viewer(), &site.domain, federation.id, 0).await?;
    assert_eq!(rollups[0].1.evaluate.as_ref().unwrap().metrics["loss"], 0.5);
    assert_eq!(site.get(&federation).await?.state, FederationState::Completed);
});
