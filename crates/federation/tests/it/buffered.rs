//! Federations that do not ask their clients in rounds.

use std::collections::BTreeSet;

use federation::{
    Federation, Federations, Lease, Round,
    actions::{accept_reply::Acceptance, cancel, read},
    drive,
    state::FederationState,
    task::Task,
};
use thunderline_core::{ErrorKind, NodeId, Result, SignedDuration};
use thunderline_objects::Objects;
use thunderline_store::Engine;
use thunderline_testkit::{TestDb, both};

use crate::site::Site;

fn spec(rounds: u32, params: &str) -> String {
    format!(
        "model_ref: builtin:softmax(1,2)\nnum_rounds: {rounds}\nmin_clients: 1\nseed: 5\n\
         strategy: {{name: fedbuff, params: {{{params}}}}}\n"
    )
}

async fn site(t: TestDb, nodes: u64) -> Result<Site> {
    let site = Site::new(t)?;
    for number in 1..=nodes {
        site.join(number).await?;
    }
    Ok(site)
}

impl Site {
    async fn begun(&self, rounds: u32, params: &str) -> Result<Federation> {
        let federation = self.submit(&spec(rounds, params)).await?;
        self.drive(&federation).await?;
        Ok(federation)
    }

    /// The node takes the task that waits for it.
    async fn take(&self, number: u64) -> Result<Task> {
        Ok(self.claim(NodeId::from_bits(number)).await?.expect("the node has a task"))
    }

    async fn tried(&self, federation: &Federation) -> Result<Vec<Round>> {
        read::list_rounds(&self.t.viewer(), &self.domain, federation.id, 0, 100).await
    }

    async fn leases(&self, round: &Round) -> Result<Vec<Lease>> {
        read::list_leases(&self.t.viewer(), &self.domain, round.id).await
    }

    async fn model(&self, federation: &Federation) -> Result<Vec<f32>> {
        self.elements(&self.get(federation).await?.model.expect("there is a model"))
    }

    /// As another process finds it.
    async fn restarted(self) -> Result<Self> {
        let objects = Objects::open(self.t.dir().join("objects"))?;
        let domain = Federations::new(self.t.reopen().await?, objects);
        Ok(Self { domain, ..self })
    }

    fn nothing_is_left(&self) -> Result<()> {
        assert_eq!(self.domain.objects.below("leases")?, Vec::<String>::new());
        Ok(())
    }
}

fn near(found: &[f32], wanted: impl Iterator<Item = f64>) {
    for (found, wanted) in found.iter().zip(wanted) {
        assert!((f64::from(*found) - wanted).abs() < 1e-6, "{found} instead of {wanted}");
    }
}

both!(a_late_update_counts_from_where_it_began_and_less_and_all_see_how_stale_it_was, async |t: TestDb| {
    let site = site(t, 3).await?;
    let federation = site.begun(2, "buffer_size: 2, server_learning_rate: 0.5").await?;
    let first = site.tried(&federation).await?.remove(0);
    let start = site.elements(first.model_in.as_deref().unwrap())?;
    assert_eq!(first.state.deadline(), None);
    let slow = site.take(3).await?;
    for (number, value) in [(1, 1.0), (2, 3.0)] {
        let task = site.take(number).await?;
        assert_eq!(site.answer(&task, value, 1.0).await?, Acceptance::Accepted);
    }
    site.drive(&federation).await?;
    // x + 0.5·((1 − x) + (3 − x)) / 2
    let once: Vec<f64> = start.iter().map(|x| f64::from(*x) * 0.5 + 1.0).collect();
    near(&site.model(&federation).await?, once.iter().copied());

    let fresh = site.take(1).await?;
    assert_eq!((fresh.round_number, slow.round_number), (2, 1));
    assert_ne!(fresh.model, slow.model);
    assert_eq!(site.answer(&slow, 7.0, 1.0).await?, Acceptance::Accepted);
    assert_eq!(site.answer(&slow, 7.0, 1.0).await?, Acceptance::Repeated, "it counts once");
    assert_eq!(site.answer(&fresh, 5.0, 1.0).await?, Acceptance::Accepted);
    site.drive(&federation).await?;
    let done = site.get(&federation).await?;
    assert_eq!((done.state, done.completed_rounds), (FederationState::Completed, 2));
    let twice = start
        .iter()
        .zip(&once)
        .map(|(start, now)| now + 0.5 * ((5.0 - now) + (7.0 - f64::from(*start)) / 2f64.sqrt()) / 2.0);
    near(&site.model(&federation).await?, twice);

    let rounds = site.tried(&federation).await?;
    let of_second = site.leases(&rounds[1]).await?;
    let stale = of_second.iter().find(|lease| lease.id == slow.lease).unwrap();
    assert_eq!((stale.version, stale.staleness, stale.arrival), (Some(0), Some(1), Some(3)));
    assert_eq!((stale.round, stale.ended_in), (rounds[0].id, Some(rounds[1].id)));
    let rollups = read::list_rollups(&site.t.viewer(), &site.domain, federation.id, 0).await?;
    assert_eq!(rollups[0].1.train.staleness.as_ref().unwrap().most, 0);
    let staleness = rollups[1].1.train.staleness.as_ref().unwrap();
    assert_eq!((rollups[1].1.train.clients, staleness.mean, staleness.most), (2, 0.5, 1));
    let artifacts =
        read::list_artifacts(&site.t.viewer(), &site.domain, Some(federation.id), None, 10).await?;
    let made = artifacts.iter().find(|artifact| artifact.round == Some(rounds[1].id)).unwrap();
    let clients = made.metadata["clients"].as_array().unwrap();
    let stalenesses: Vec<_> = clients.iter().map(|it| it["staleness"].as_u64().unwrap()).collect();
    assert_eq!(stalenesses, [1, 0], "folded in the order in which the leases were issued");
    let accepted: Vec<_> = site
        .t
        .events()
        .await
        .into_iter()
        .filter(|event| event.name == "fl.client.update_accepted")
        .map(|event| (event.payload["round"].as_u64(), event.payload["staleness"].as_u64()))
        .collect();
    let wanted = [(1, 0), (1, 0), (2, 1), (2, 0)].map(|(round, by)| (Some(round), Some(by)));
    assert_eq!(accepted, wanted);
    site.nothing_is_left()?;
});

both!(
    each_lease_is_listed_with_the_round_that_counts_it_and_the_others_with_the_newest,
    async |t: TestDb| {
        let site = site(t, 4).await?;
        let federation = site.begun(3, "buffer_size: 2").await?;
        let (one, two) = (site.take(1).await?, site.take(2).await?);
        let (waits, slow) = (site.take(3).await?, site.take(4).await?);
        // Nobody drives meanwhile: the buffer is full after two, and the third waits.
        for task in [&one, &two, &waits] {
            assert_eq!(site.answer(task, 1.0, 1.0).await?, Acceptance::Accepted);
        }
        let listed = async |round: &Round| -> Result<Vec<_>> {
            let (round, leases) = read::list_leases_of(&site.t.viewer(), &site.domain, round.id).await?;
            let row = |lease: &Lease| {
                (lease.id, lease.state.name(), lease.issued_in(&round), lease.counted_in(&round))
            };
            Ok(leases.iter().map(row).collect())
        };
        let first = site.tried(&federation).await?.remove(0);
        let of_first = [(one.lease, "released", 1, Some(1)), (two.lease, "released", 1, Some(1))];
        let mut all = of_first.to_vec();
        all.extend([(waits.lease, "released", 1, None), (slow.lease, "claimed", 1, None)]);
        let mut found = listed(&first).await?;
        all.sort();
        found.sort();
        assert_eq!(found, all, "the newest round has them all");

        site.drive(&federation).await?;
        let rounds = site.tried(&federation).await?;
        let mut found = listed(&rounds[0]).await?;
        let mut of_first = of_first.to_vec();
        of_first.sort();
        found.sort();
        assert_eq!(found, of_first);
        let of_second = listed(&rounds[1]).await?;
        let of = |task: &Task| of_second.iter().find(|it| it.0 == task.lease).copied();
        assert_eq!(of(&slow), Some((slow.lease, "claimed", 1, None)));
        assert_eq!(of(&waits), Some((waits.lease, "released", 1, Some(2))));
        let fresh = of_second.iter().filter(|it| it.2 == 2).count();
        assert_eq!((fresh, of_second.len()), (3, 5), "{of_second:?}");
    }
);

both!(free_nodes_are_leased_as_far_as_allowed_and_none_has_two_leases, async |t: TestDb| {
    let site = site(t, 4).await?;
    let federation = site.begun(1, "buffer_size: 5, max_concurrency: 3").await?;
    let round = site.tried(&federation).await?.remove(0);
    let mut open = BTreeSet::new();
    for answered in 0..5 {
        let leases = site.leases(&round).await?;
        let holders: Vec<_> =
            leases.iter().filter(|lease| lease.state.is_open()).map(|lease| lease.node).collect();
        open = holders.iter().copied().collect();
        assert_eq!((holders.len(), open.len()), (3, 3), "after {answered} answers");
        let task = site.claim(*open.first().unwrap()).await?.unwrap();
        site.answer(&task, 1.0, 1.0).await?;
        site.drive(&federation).await?;
    }
    assert_eq!(site.get(&federation).await?.state, FederationState::Completed);
    let leases = site.leases(&round).await?;
    let taken = leases.iter().filter(|lease| lease.state.name() == "released").count();
    let dropped: Vec<_> = leases.iter().filter_map(|lease| lease.state.reason()).collect();
    assert_eq!((taken, dropped), (5, vec!["all rounds are done"; 2]));
    let ordinals: Vec<_> = leases.iter().map(|lease| lease.ordinal).collect();
    assert_eq!(ordinals, (0..7).collect::<Vec<_>>(), "each lease has a place of its own");
    assert_eq!(open.len(), 3);
    site.nothing_is_left()?;
});

both!(a_node_that_trains_twice_on_one_version_is_given_another_seed, async |t: TestDb| {
    let site = site(t, 1).await?;
    let federation = site.begun(1, "buffer_size: 2").await?;
    let first = site.take(1).await?;
    site.answer(&first, 1.0, 1.0).await?;
    site.drive(&federation).await?;
    let second = site.take(1).await?;
    assert_eq!((first.model, first.round_number), (second.model, second.round_number));
    assert_ne!(first.config, second.config);
});

both!(
    an_update_beyond_the_limit_is_refused_with_its_reason_and_the_node_is_asked_again,
    async |t: TestDb| {
        let site = site(t, 2).await?;
        let federation = site.begun(3, "buffer_size: 1, max_staleness: 0").await?;
        let slow = site.take(2).await?;
        let quick = site.take(1).await?;
        site.answer(&quick, 1.0, 1.0).await?;
        site.drive(&federation).await?;
        let reason = "the update is stale: it began from version 0 of the model, 1 before version 1; at most 0 are allowed";
        assert_eq!(site.answer(&slow, 9.0, 1.0).await?, Acceptance::Refused(reason.into()));
        site.drive(&federation).await?;
        let rounds = site.tried(&federation).await?;
        let leases = site.leases(&rounds[1]).await?;
        let refused = leases.iter().find(|lease| lease.id == slow.lease).unwrap();
        assert_eq!((refused.state.reason(), refused.staleness), (Some(reason), None));
        let again = site.take(2).await?;
        assert_eq!((again.round_number, again.lease == slow.lease), (2, false));
        let events = site.t.events().await;
        let told = events.iter().find(|event| event.name == "fl.client.dropped").unwrap();
        assert_eq!(
            (told.payload["reason"].as_str(), told.payload["round"].as_u64()),
            (Some(reason), Some(2))
        );
    }
);

both!(what_comes_while_a_version_is_made_waits_on_the_disk_for_the_next_buffer, async |t: TestDb| {
    let mut results = Vec::new();
    let mut site = site(t, 4).await?;
    for restarts in [false, true] {
        let federation = site.begun(2, "buffer_size: 2").await?;
        let mut tasks = Vec::new();
        for number in 1..=4 {
            tasks.push(site.take(number).await?);
        }
        // Nobody drives meanwhile: the buffer is full after two.
        for (task, value) in tasks.iter().zip([1.0, 2.0, 3.0]) {
            assert_eq!(site.answer(task, value, 1.0).await?, Acceptance::Accepted);
            if restarts {
                site = site.restarted().await?;
            }
        }
        let told = |events: Vec<thunderline_core::Envelope>| {
            events.into_iter().filter(|event| event.name == "fl.client.update_accepted").count()
        };
        let before = told(site.t.events().await);
        drive::sweep(&site.t.system(), &site.domain).await?;
        assert_eq!(told(site.t.events().await), before + 1, "told when a buffer takes it");
        let now = site.get(&federation).await?;
        assert_eq!((now.state, now.completed_rounds), (FederationState::Running, 1));
        let rounds = site.tried(&federation).await?;
        let leases = site.leases(&rounds[1]).await?;
        let waited = leases.iter().find(|lease| lease.id == tasks[2].lease).unwrap();
        assert_eq!((waited.ended_in, waited.staleness), (Some(rounds[1].id), Some(1)));
        assert_eq!(site.answer(&tasks[2], 3.0, 1.0).await?, Acceptance::Repeated);
        assert_eq!(drive::sweep_uploads(&site.t.system(), &site.domain).await?, 0, "it is needed");
        if restarts {
            site = site.restarted().await?;
        }
        assert_eq!(site.answer(&tasks[3], 4.0, 1.0).await?, Acceptance::Accepted);
        site.drive(&federation).await?;
        assert_eq!(site.get(&federation).await?.state, FederationState::Completed);
        let rounds = site.tried(&federation).await?;
        results.push(rounds.into_iter().map(|round| round.model_out.unwrap()).collect::<Vec<_>>());
        site.nothing_is_left()?;
    }
    assert_eq!(results[0], results[1], "a restart changes no bit");
});

both!(the_order_in_which_a_buffers_updates_come_changes_no_bit, async |t: TestDb| {
    let site = site(t, 4).await?;
    let mut results = Vec::new();
    for order in [[1, 2, 3, 4], [4, 3, 2, 1], [2, 4, 1, 3]] {
        let federation = site.begun(2, "buffer_size: 2").await?;
        let mut tasks = Vec::new();
        for number in 1..=4 {
            tasks.push(site.take(number).await?);
        }
        // The same two in each buffer, in another order.
        for pair in [[1, 2], [3, 4]] {
            for number in order.iter().filter(|number| pair.contains(number)) {
                site.answer(&tasks[number - 1], 0.1 * *number as f32, 1.0).await?;
            }
            site.drive(&federation).await?;
        }
        let rounds = site.tried(&federation).await?;
        let arrivals: Vec<_> = site.leases(&rounds[0]).await?.iter().filter_map(|it| it.arrival).collect();
        results
            .push((rounds.into_iter().map(|round| round.model_out.unwrap()).collect::<Vec<_>>(), arrivals));
    }
    assert!(results.iter().all(|(models, _)| *models == results[0].0));
    assert_ne!(results[0].1, results[1].1, "the order itself is recorded");
});

both!(a_buffer_that_cannot_be_filled_fails_and_the_next_try_has_what_was_there, async |t: TestDb| {
    let site = site(t, 2).await?;
    let federation = site.begun(1, "buffer_size: 2").await?;
    let task = site.take(1).await?;
    site.answer(&task, 1.0, 1.0).await?;
    site.leave(NodeId::from_bits(1)).await?;
    for _ in 0..federation::plan::MOST_LOSSES {
        site.drive(&federation).await?;
        site.take(2).await?;
        site.t.clock.advance(SignedDuration::from_secs(600));
    }
    site.drive(&federation).await?;
    let rounds = site.tried(&federation).await?;
    let states: Vec<_> = rounds.iter().map(|round| (round.attempt, round.state.name())).collect();
    assert_eq!(states, [(1, "failed"), (2, "running")]);
    let kept = site.leases(&rounds[1]).await?.into_iter().find(|lease| lease.id == task.lease).unwrap();
    assert_eq!((kept.ended_in, kept.staleness), (Some(rounds[1].id), Some(0)));
    let last = site.take(2).await?;
    site.answer(&last, 3.0, 1.0).await?;
    site.drive(&federation).await?;
    assert_eq!(site.get(&federation).await?.state, FederationState::Completed);
    assert_eq!(site.model(&federation).await?, [2.0; 4]);
    site.nothing_is_left()?;
});

both!(the_last_buffer_takes_what_it_needs_and_the_rest_is_told_so, async |t: TestDb| {
    let site = site(t, 3).await?;
    let federation = site.begun(1, "buffer_size: 1").await?;
    let (one, two, three) = (site.take(1).await?, site.take(2).await?, site.take(3).await?);
    assert_eq!(site.answer(&one, 1.0, 1.0).await?, Acceptance::Accepted);
    let full = "the buffer of round 1, the last one, is full";
    assert_eq!(site.answer(&two, 1.0, 1.0).await?, Acceptance::Refused(full.into()));
    site.drive(&federation).await?;
    assert_eq!(site.get(&federation).await?.state, FederationState::Completed);
    site.nothing_is_left()?;
    assert_eq!(site.answer(&three, 1.0, 1.0).await.unwrap_err().kind(), ErrorKind::Conflict);
    assert_eq!(drive::sweep_uploads(&site.t.system(), &site.domain).await?, 1, "what it sent in vain");
    site.nothing_is_left()?;
});

both!(cancelling_between_two_versions_takes_all_tasks_and_updates_away, async |t: TestDb| {
    let site = site(t, 3).await?;
    let federation = site.begun(5, "buffer_size: 1").await?;
    let (one, two, three) = (site.take(1).await?, site.take(2).await?, site.take(3).await?);
    for task in [&one, &two] {
        assert_eq!(site.answer(task, 1.0, 1.0).await?, Acceptance::Accepted);
    }
    cancel::cancel(&site.t.operator(), &site.domain, federation.id, "enough").await?;
    assert_eq!(site.answer(&three, 1.0, 1.0).await.unwrap_err().kind(), ErrorKind::Conflict);
    assert_eq!(
        drive::sweep_uploads(&site.t.system(), &site.domain).await?,
        1,
        "what the last one sent in vain"
    );
    site.nothing_is_left()?;
});

both!(a_step_beyond_all_bounds_fails_the_round_and_its_updates_are_not_tried_again, async |t: TestDb| {
    let site = site(t, 1).await?;
    let federation = site.begun(2, "buffer_size: 1, server_learning_rate: 1e30").await?;
    let task = site.take(1).await?;
    site.answer(&task, 1e20, 1.0).await?;
    site.drive(&federation).await?;
    let rounds = site.tried(&federation).await?;
    assert!(rounds[0].state.reason().unwrap().contains("beyond all bounds"), "{:?}", rounds[0].state);
    assert_eq!((rounds[1].attempt, rounds[1].state.name()), (2, "running"));
    let leases = site.leases(&rounds[1]).await?;
    assert!(leases.iter().all(|lease| lease.state.is_open()), "{leases:?}");
    assert_eq!(site.domain.objects.below("leases")?, Vec::<String>::new());
});

/// What an installation had before there were buffers is still there after the tables were made anew.
#[test]
fn leases_and_updates_of_before_survive_the_migration() {
    let earlier = federation::MIGRATIONS.split_last().expect("there are migrations").1;
    thunderline_testkit::run(Engine::Sqlite, &[earlier], async |t: TestDb| {
        stage::old_rows(&t).await?;
        t.db().migrate(&t.system(), crate::MIGRATIONS).await?;
        assert_eq!(stage::rows(&t).await?, 1);
        Ok(())
    });
}

mod stage {
    use federation::actions::start_round;
    use thunderline_core::{Result, Subject};
    use thunderline_store::{Stmt, args};
    use thunderline_testkit::TestDb;

    const OLD: [Stmt; 4] = [
        Stmt::new(
            "test.federation",
            "insert into fl_federations (id, tenant, name, document, spec, state, run_id, rounds_total, completed_rounds,
                failures, created_by, created_at, version)
             values ($1, $1, 'old', '', '{}', 'running', 1, 9, 0, 0, 'test', 1, 1)",
        ),
        Stmt::new(
            "test.round",
            "insert into fl_rounds (id, tenant, federation, number, attempt, state, wanted, quorum, created_at, version)
             values ($1, $1, $1, 1, 1, 'running', 1, 1, 1, 1)",
        ),
        Stmt::new(
            "test.lease",
            "insert into fl_leases (id, tenant, federation, round, node, ordinal, purpose, state, deliveries, issued_at,
                expires_at)
             values ($1, $1, $1, $1, 7, 0, 'train', 'released', 1, 1, 2)",
        ),
        Stmt::new("test.update", "insert into fl_updates (lease, round, layout) values ($1, $1, 'here')"),
    ];
    const FOUND: Stmt = Stmt::new(
        "test.found",
        "select count(*) as found from fl_leases l join fl_updates u on u.lease = l.id
         where l.node = 7 and l.state = 'released' and l.version is null and u.layout = 'here'",
    );

    pub async fn old_rows(t: &TestDb) -> Result<()> {
        let cx = t.system();
        let mut write = t.db().write(&cx, &start_round::ACTION).await?;
        for statement in &OLD {
            write.exec(statement, args![t.tenant()]).await?;
        }
        write.commit(&Subject::new("test", "old")).await
    }

    pub async fn rows(t: &TestDb) -> Result<i64> {
        let mut write = t.db().write(&t.system(), &start_round::ACTION).await?;
        let row = write.one(&FOUND, args![]).await?.expect("a count is a row");
        row.get("found")
    }
}
