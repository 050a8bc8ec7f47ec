//! Zones are made, filled, held and given back, on both engines.

use thundergrid::{
    Grid, Labels,
    actions::{
        assign::assign,
        claim::{claim, release, renew},
        create::create_zone,
        delete::delete_zone,
        expire::expire,
        read,
    },
    project,
};
use thunderline_contracts::{
    grid::{ZoneClaimed, ZoneNodeAssigned, ZoneReleased},
    link::{NodeChanged, NodeJoined, NodeKind},
};
use thunderline_core::{Action, ErrorKind, Event, NodeId, Result, Rule, SignedDuration};
use thunderline_testkit::{MigrationSet, TestDb, both};

const MIGRATIONS: &[MigrationSet] = &[thundergrid::MIGRATIONS];
const PROJECT: Action = Action::new("test.project", Rule::System);

fn labels(pairs: &[(&str, &str)]) -> Labels {
    pairs.iter().map(|(key, value)| ((*key).into(), (*value).into())).collect()
}

/// Lets another domain's event happen and be heard.
async fn hear(t: &TestDb, event: &impl Event) -> Result<()> {
    let last = t.db().last_sequence().await?;
    t.tell(&t.system(), event).await?;
    t.hand_on(last, project::EVENTS, &PROJECT, project::on_node_event).await
}

fn joined(bits: u64, capabilities: serde_json::Value) -> NodeJoined {
    NodeJoined {
        node: NodeId::from_bits(bits),
        name: format!("n{bits}"),
        kind: NodeKind::Runner,
        tags: vec![],
        capabilities: serde_json::from_value(capabilities).expect("an object"),
    }
}

async fn nodes_of(t: &TestDb, grid: &Grid, zone: &str) -> Result<Vec<u64>> {
    let placed = read::list_nodes(&t.viewer(), grid, zone, None, 100).await?;
    Ok(placed.iter().map(|placed| placed.node.get()).collect())
}

both!(nodes_are_placed_by_their_labels_whichever_comes_first, async |t: TestDb| {
    let grid = Grid::new(t.db().clone());
    hear(&t, &joined(1, serde_json::json!({"site": "charite"}))).await?;
    create_zone(&t.operator(), &grid, "charite", "", labels(&[("site", "charite")])).await?;
    hear(&t, &joined(2, serde_json::json!({"site": "charite", "gpu": true}))).await?;
    hear(&t, &joined(3, serde_json::json!({}))).await?;
    assert_eq!(nodes_of(&t, &grid, "charite").await?, [1, 2]);
    let moved = NodeChanged { node: NodeId::from_bits(2), capabilities: Default::default() };
    hear(&t, &moved).await?;
    assert_eq!(nodes_of(&t, &grid, "charite").await?, [1]);
    let told = t.events_of::<ZoneNodeAssigned>().await;
    assert_eq!(told.iter().map(|told| told.zone.is_some()).collect::<Vec<_>>(), [true, true, false]);
});

both!(a_hand_wins_over_labels_until_it_lets_go, async |t: TestDb| {
    let grid = Grid::new(t.db().clone());
    let node = NodeId::from_bits(1);
    create_zone(&t.operator(), &grid, "charite", "", labels(&[("site", "charite")])).await?;
    create_zone(&t.operator(), &grid, "lab", "", Labels::new()).await?;
    hear(&t, &joined(1, serde_json::json!({"site": "charite"}))).await?;
    for _ in 0..2 {
        assign(&t.operator(), &grid, Some("lab"), &[node]).await?;
    }
    hear(&t, &joined(1, serde_json::json!({"site": "charite"}))).await?;
    assert_eq!(nodes_of(&t, &grid, "lab").await?, [1]);
    assign(&t.operator(), &grid, None, &[node]).await?;
    assert_eq!(nodes_of(&t, &grid, "charite").await?, [1]);
    assert_eq!(t.events_of::<ZoneNodeAssigned>().await.len(), 3);
    let unknown = assign(&t.operator(), &grid, Some("lab"), &[NodeId::from_bits(9)]).await;
    assert_eq!(unknown.unwrap_err().kind(), ErrorKind::NotFound);
});

both!(a_zone_that_is_gone_leaves_its_nodes_to_their_labels, async |t: TestDb| {
    let grid = Grid::new(t.db().clone());
    create_zone(&t.operator(), &grid, "charite", "", labels(&[("site", "charite")])).await?;
    create_zone(&t.operator(), &grid, "lab", "", Labels::new()).await?;
    hear(&t, &joined(1, serde_json::json!({"site": "charite"}))).await?;
    assign(&t.operator(), &grid, Some("lab"), &[NodeId::from_bits(1)]).await?;
    delete_zone(&t.operator(), &grid, "lab").await?;
    assert_eq!(nodes_of(&t, &grid, "charite").await?, [1]);
});

both!(a_claim_is_held_renewed_and_given_back_by_its_token, async |t: TestDb| {
    let (grid, who) = (Grid::new(t.db().clone()), t.operator());
    create_zone(&who, &grid, "charite", "", Labels::new()).await?;
    let token = claim(&who, &grid, "charite", "trial-1", 60).await?.claim.token;
    let rival = claim(&who, &grid, "charite", "trial-2", 60).await.unwrap_err();
    assert!(rival.kind() == ErrorKind::Conflict && rival.to_string().contains("trial-1"), "{rival}");
    assert_eq!(delete_zone(&who, &grid, "charite").await.unwrap_err().kind(), ErrorKind::Conflict);
    t.clock.advance(SignedDuration::from_secs(59));
    renew(&who, &grid, "charite", token, 60).await?;
    t.clock.advance(SignedDuration::from_secs(59));
    assert_eq!(release(&who, &grid, "charite", token + 1).await.unwrap_err().kind(), ErrorKind::Conflict);
    release(&who, &grid, "charite", token).await?;
    let next = claim(&who, &grid, "charite", "trial-2", 60).await?;
    assert_eq!(next.claim.token, token + 1);
    assert_eq!(t.events_of::<ZoneClaimed>().await.len(), 2);
    let released = t.events_of::<ZoneReleased>().await;
    assert_eq!((released.len(), released[0].expired), (1, false));
});

both!(the_sweeper_tells_once_that_a_claim_has_ended, async |t: TestDb| {
    let (grid, who) = (Grid::new(t.db().clone()), t.operator());
    create_zone(&who, &grid, "charite", "", Labels::new()).await?;
    let token = claim(&who, &grid, "charite", "trial-1", 60).await?.claim.token;
    assert_eq!(expire(&t.system(), &grid).await?, 0);
    t.clock.advance(SignedDuration::from_secs(60));
    assert_eq!(renew(&who, &grid, "charite", token, 60).await.unwrap_err().kind(), ErrorKind::Conflict);
    assert_eq!((expire(&t.system(), &grid).await?, expire(&t.system(), &grid).await?), (1, 0));
    let released = t.events_of::<ZoneReleased>().await;
    assert_eq!((released.len(), released[0].expired, released[0].token), (1, true, token));
});

both!(of_many_who_claim_at_once_one_gets_it, async |t: TestDb| {
    let (grid, who) = (Grid::new(t.db().clone()), t.operator());
    create_zone(&who, &grid, "charite", "", Labels::new()).await?;
    let rivals: Vec<_> = (0..8)
        .map(|rival| {
            let (grid, who) = (grid.clone(), who.clone());
            tokio::spawn(async move { claim(&who, &grid, "charite", &format!("trial-{rival}"), 60).await })
        })
        .collect();
    let mut won = 0;
    for rival in rivals {
        match rival.await.expect("no rival panics") {
            Ok(_) => won += 1,
            Err(error) => assert_eq!(error.kind(), ErrorKind::Conflict),
        }
    }
    assert_eq!((won, t.events_of::<ZoneClaimed>().await.len()), (1, 1));
});

both!(names_are_unique_and_only_those_who_steer_may, async |t: TestDb| {
    let grid = Grid::new(t.db().clone());
    create_zone(&t.operator(), &grid, "charite", "", Labels::new()).await?;
    let taken = create_zone(&t.operator(), &grid, " charite ", "", Labels::new()).await;
    assert_eq!(taken.unwrap_err().kind(), ErrorKind::Conflict);
    for odd in ["a/b", "..", "a\\b", "a\u{7}b"] {
        let refused = create_zone(&t.operator(), &grid, odd, "", Labels::new()).await.unwrap_err();
        assert_eq!(
            (refused.kind(), refused.problems()[0].path.as_str()),
            (ErrorKind::Invalid, "name"),
            "{odd}"
        );
    }
    assert_eq!(claim(&t.viewer(), &grid, "charite", "x", 60).await.unwrap_err().kind(), ErrorKind::Forbidden);
    t.assert_denied("grid.zone.claim").await;
});

both!(every_statement_is_understood_and_stays_in_its_own_tables, async |t: TestDb| {
    t.assert_statements("grid_", &thundergrid::statements()).await;
    t.assert_migrations("grid_", thundergrid::MIGRATIONS);
});
