use thunderline_contracts::link::GroupMembersChanged;
use thunderline_core::{ErrorKind, NodeId, Result};
use thunderline_testkit::{TestDb, both};
use thunderlink::{
    Filter, GroupKind, Links, activate,
    groups::{
        self,
        create::{NewGroup, create_group},
        delete::delete_group,
        members::change_members,
        reparent::move_group,
    },
    presence, read, refresh,
};

use crate::runner;

fn new(name: &str, parent: Option<&str>) -> NewGroup {
    NewGroup {
        name: name.into(),
        kind: GroupKind::Region,
        parent: parent.map(str::to_owned),
        description: String::new(),
    }
}

async fn names_in(t: &TestDb, links: &Links, group: &str) -> Result<Vec<u64>> {
    let filter = Filter { group: Some(group.into()), ..Filter::default() };
    let mut found: Vec<_> = read::list_nodes(&t.viewer(), links, &filter, None, 100)
        .await?
        .iter()
        .map(|view| view.node.id.get())
        .collect();
    found.sort_unstable();
    Ok(found)
}

both!(who_is_in_a_part_is_in_the_whole_also_after_a_restart, async |t: TestDb| {
    let links = Links::new(t.db().clone());
    for bits in 1..=3 {
        activate::activate(&t.node(NodeId::from_bits(bits)), &links, runner()).await?;
    }
    create_group(&t.operator(), &links, new("eu", None)).await?;
    create_group(&t.operator(), &links, new("berlin", Some("eu"))).await?;
    let (one, two) = (NodeId::from_bits(1), NodeId::from_bits(2));
    change_members(&t.operator(), &links, "eu", &[one], &[]).await?;
    change_members(&t.operator(), &links, "berlin", &[two], &[]).await?;
    let restarted = Links::new(t.db().clone());
    presence::restore(&t.system(), &restarted).await?;
    for links in [&links, &restarted] {
        assert_eq!(names_in(&t, links, "eu").await?, [1, 2]);
        let berlin = groups::get_group(&t.viewer(), links, "berlin").await?;
        assert_eq!((berlin.path, berlin.members), (vec!["eu".to_owned(), "berlin".into()], 1));
        assert_eq!(read::get_node(&t.viewer(), links, two).await?.groups, ["berlin"]);
    }
});

both!(adding_a_node_twice_is_told_once, async |t: TestDb| {
    let links = Links::new(t.db().clone());
    let id = NodeId::from_bits(1);
    activate::activate(&t.node(id), &links, runner()).await?;
    create_group(&t.operator(), &links, new("eu", None)).await?;
    for _ in 0..2 {
        change_members(&t.operator(), &links, "eu", &[id], &[]).await?;
    }
    change_members(&t.operator(), &links, "eu", &[], &[id]).await?;
    let told = t.events_of::<GroupMembersChanged>().await;
    assert_eq!(told.len(), 2);
    assert_eq!((told[0].added.as_slice(), told[1].removed.as_slice()), ([id].as_slice(), [id].as_slice()));
    let stranger = change_members(&t.operator(), &links, "eu", &[NodeId::from_bits(9)], &[]).await;
    assert_eq!(stranger.unwrap_err().kind(), ErrorKind::NotFound);
});

both!(a_circle_is_refused_and_a_group_with_parts_stays, async |t: TestDb| {
    let links = Links::new(t.db().clone());
    create_group(&t.operator(), &links, new("eu", None)).await?;
    create_group(&t.operator(), &links, new("berlin", Some("eu"))).await?;
    let circle = move_group(&t.operator(), &links, "eu", Some("berlin")).await.unwrap_err();
    assert_eq!((circle.kind(), circle.problems()[0].path.as_str()), (ErrorKind::Invalid, "parent"));
    let full = delete_group(&t.operator(), &links, "eu").await.unwrap_err();
    assert!(full.to_string().contains("berlin"), "{full}");
    move_group(&t.operator(), &links, "berlin", None).await?;
    delete_group(&t.operator(), &links, "eu").await?;
    let left = groups::list_groups(&t.viewer(), &links).await?;
    assert_eq!(left.iter().map(|view| view.group.name.as_str()).collect::<Vec<_>>(), ["berlin"]);
    let taken = create_group(&t.operator(), &links, new("berlin", None)).await.unwrap_err();
    assert_eq!(taken.kind(), ErrorKind::Conflict);
});

both!(those_who_only_look_cannot_group, async |t: TestDb| {
    let links = Links::new(t.db().clone());
    let refused = create_group(&t.viewer(), &links, new("eu", None)).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Forbidden);
    t.assert_denied("link.group.create").await;
});

both!(another_process_hears_of_nodes_and_groups, async |t: TestDb| {
    let (here, there) = (Links::new(t.db().clone()), Links::new(t.reopen().await?));
    presence::restore(&t.system(), &there).await?;
    activate::activate(&t.node(NodeId::from_bits(1)), &here, runner()).await?;
    create_group(&t.operator(), &here, new("eu", None)).await?;
    change_members(&t.operator(), &here, "eu", &[NodeId::from_bits(1)], &[]).await?;
    assert!(read::get_node(&t.viewer(), &there, NodeId::from_bits(1)).await.is_err());
    assert_eq!(refresh::refresh(&t.system(), &there).await?, 3);
    assert_eq!(names_in(&t, &there, "eu").await?, [1]);
    assert_eq!(refresh::refresh(&t.system(), &there).await?, 0);
});
