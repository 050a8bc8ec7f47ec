//! Clients that lie, lose things, or ask for what is not theirs.

use federation::{
    actions::{accept_reply, accept_reply::Acceptance, claim_lease, pause, read},
    plan::MAX_DELIVERIES,
    state::FederationState,
    task::NUM_EXAMPLES,
};
use thunderline_core::ErrorKind;
use thunderline_numerics::DType;
use thunderline_testkit::{TestDb, both};

use crate::site::{SPEC, Site};

both!(a_client_that_lies_is_dropped_with_its_reason_and_the_round_goes_on, async |t: TestDb| {
    type Bend = fn(&mut federation::task::Reply);
    let lies: [(&str, f32, Bend); 8] = [
        ("shape", 1.0, |reply| reply.update.as_mut().unwrap().arrays[0].spec.shape = vec![1, 2]),
        ("is float64", 1.0, |reply| reply.update.as_mut().unwrap().arrays[0].spec.dtype = DType::F64),
        ("NaN", f32::NAN, |reply| {
            reply.metrics.remove("loss");
        }),
        ("missing", 1.0, |reply| reply.update.as_mut().unwrap().arrays[1].spec.name = "other".into()),
        ("believed", 1.0, |reply| {
            reply.metrics.insert(NUM_EXAMPLES.into(), 1e30);
        }),
        ("believed", 1.0, |reply| {
            reply.metrics.insert(NUM_EXAMPLES.into(), -1.0);
        }),
        ("no arrays", 1.0, |reply| reply.update = None),
        ("client reported an error", 1.0, |reply| reply.error = Some("out of memory".into())),
    ];
    let site = Site::new(t)?;
    let mut nodes = Vec::new();
    for number in 1..=lies.len() as u64 + 1 {
        nodes.push(site.join(number).await?);
    }
    let federation = site.submit(&format!("{SPEC}round: {{quorum: 0.1}}\n")).await?;
    site.drive(&federation).await?;
    for (node, (word, value, bend)) in nodes.iter().zip(lies) {
        let task = site.claim(*node).await?.unwrap();
        let mut reply = site.reply(&task, value, 1.0)?;
        bend(&mut reply);
        let outcome =
            accept_reply::accept_reply(&site.t.node(*node), &site.domain, task.lease, reply).await?;
        let Acceptance::Refused(reason) = outcome else { panic!("{word}: {outcome:?}") };
        assert!(reason.contains(word), "{word}: {reason}");
        site.drive(&federation).await?;
    }
    let honest = site.claim(*nodes.last().unwrap()).await?.unwrap();
    site.answer(&honest, 2.0, 1.0).await?;
    site.drive(&federation).await?;
    let done = site.get(&federation).await?;
    assert_eq!(done.state, FederationState::Completed);
    assert_eq!(site.elements(&done.model.unwrap())?, [2.0; 4]);
    let dropped = site.t.events().await.into_iter().filter(|event| event.name == "fl.client.dropped").count();
    assert_eq!(dropped, 8);
});

both!(a_lost_task_is_handed_out_again_and_not_for_ever, async |t: TestDb| {
    let site = Site::new(t)?;
    let one = site.join(1).await?;
    site.join(2).await?;
    let federation = site.submit(SPEC).await?;
    site.drive(&federation).await?;
    let first = site.claim(one).await?.unwrap();
    for _ in 1..MAX_DELIVERIES {
        let again = site.claim(one).await?.unwrap();
        assert_eq!((again.lease, again.issued_at), (first.lease, first.issued_at));
    }
    assert_eq!(site.claim(one).await.unwrap_err().kind(), ErrorKind::Conflict);
    assert!(site.claim(one).await?.is_none());
    let leases = read::list_leases(&site.t.viewer(), &site.domain, first.round).await?;
    assert!(
        leases
            .iter()
            .any(|lease| lease.state.reason().is_some_and(|reason| reason.contains("lost its task")))
    );
});

both!(a_node_can_neither_claim_nor_answer_for_another, async |t: TestDb| {
    let site = Site::new(t)?;
    let (one, two) = (site.join(1).await?, site.join(2).await?);
    let federation = site.submit(SPEC).await?;
    site.drive(&federation).await?;
    let task = site.claim(one).await?.unwrap();
    let stranger = site.t.node(two);
    let claimed = claim_lease::claim_lease(&stranger, &site.domain, task.lease, "m").await.unwrap_err();
    assert_eq!(claimed.kind(), ErrorKind::NotFound);
    let reply = site.reply(&task, 1.0, 1.0)?;
    let answered = accept_reply::accept_reply(&stranger, &site.domain, task.lease, reply).await.unwrap_err();
    assert_eq!(answered.kind(), ErrorKind::NotFound);
    assert_eq!(
        read::manifest(&stranger, &site.domain, task.lease).await.unwrap_err().kind(),
        ErrorKind::NotFound
    );
});

both!(a_run_is_known_only_to_the_nodes_that_were_given_a_task_of_it, async |t: TestDb| {
    let site = Site::new(t)?;
    site.join(1).await?;
    let federation = site.submit(&format!("{SPEC}client_selector: {{tags: [none]}}\n")).await?;
    site.drive(&federation).await?;
    let stranger = site.t.node(thunderline_core::NodeId::from_bits(1));
    let hidden = read::run(&stranger, &site.domain, federation.run).await.unwrap_err();
    assert_eq!(hidden.kind(), ErrorKind::NotFound);
    let (one, two) = (site.join(2).await?, site.join(3).await?);
    let open = site.submit(SPEC).await?;
    site.drive(&open).await?;
    for node in [one, two] {
        assert_eq!(read::run(&site.t.node(node), &site.domain, open.run).await?.federation.id, open.id);
    }
});

both!(a_manifest_names_the_node_the_lease_and_what_is_to_run, async |t: TestDb| {
    let site = Site::new(t)?;
    let one = site.join(1).await?;
    site.join(2).await?;
    let federation = site.submit(SPEC).await?;
    site.drive(&federation).await?;
    let task = site.claim(one).await?.unwrap();
    let claims = read::manifest(&site.t.node(one), &site.domain, task.lease).await?;
    assert_eq!((claims.aud, claims.lease_id, claims.run_id), (one, task.lease, federation.run));
    assert_eq!(claims.exp - claims.iat, 600);
    assert_eq!(claims.epochs_max, Some(2));
    assert_eq!(claims.message_id, Some(format!("message-{}", task.lease)));
});

both!(looking_is_not_steering, async |t: TestDb| {
    let site = Site::new(t)?;
    let federation = site.submit(SPEC).await?;
    let refused = pause::pause(&site.t.viewer(), &site.domain, federation.id).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Forbidden);
    site.t.assert_denied("fl.federation.pause").await;
    assert_eq!(site.get(&federation).await?.state, FederationState::Created);
});
