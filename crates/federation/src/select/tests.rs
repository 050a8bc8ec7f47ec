use serde_json::json;

use super::*;
use crate::spec::{BuiltinApp, CommandApp};

fn group(number: u128) -> GroupId {
    format!("{number:032x}").parse().unwrap()
}

fn node(bits: u64, capabilities: Value) -> Candidate {
    Candidate {
        node: NodeId::from_bits(bits),
        name: format!("n{bits}"),
        kind: NodeKind::Runner,
        tags: vec!["ward".into()],
        capabilities: serde_json::from_value(capabilities).unwrap(),
        online: true,
    }
}

fn builtin() -> App {
    App::Builtin(BuiltinApp::default())
}

fn chosen(nodes: &[Candidate], groups: &Groups, selector: &Value) -> Vec<u64> {
    let mut whole = json!({ "tags": [] });
    whole.as_object_mut().unwrap().extend(selector.as_object().unwrap().clone());
    let selector: ClientSelector = serde_json::from_value(whole).unwrap();
    let app = builtin();
    let wanted = Wanted::new(&selector, &app, groups);
    let taken = nodes.iter().filter(|node| wanted.takes(node));
    taken
        .inspect(|node| assert_eq!(wanted.objections(node), Vec::<String>::new()))
        .map(|node| node.node.get())
        .collect()
}

#[test]
fn a_number_asks_for_at_least_so_much_a_text_for_itself_and_a_flag_for_anything() {
    let nodes = [
        node(1, json!({"gpu": true, "cores": 8, "region": "eu"})),
        node(2, json!({"gpu": false, "cores": 16, "region": "us"})),
        node(3, json!({"gpu": "a100", "cores": 4.5})),
        node(4, json!({"gpu": 0})),
    ];
    let chosen = |wanted: Value| chosen(&nodes, &Groups::default(), &json!({ "capabilities": wanted }));
    assert_eq!(chosen(json!({"gpu": true})), [1, 3]);
    assert_eq!(chosen(json!({"gpu": false})), [2, 4]);
    assert_eq!(chosen(json!({"cores": 8})), [1, 2]);
    assert_eq!(chosen(json!({"cores": 4.2})), [1, 2, 3]);
    assert_eq!(chosen(json!({"region": "eu", "gpu": true})), [1]);
    assert_eq!(chosen(json!({"gpu": "a100"})), [3]);
    assert_eq!(chosen(json!({"tpu": false})), [1, 2, 3, 4]);
}

#[test]
fn who_is_in_a_part_of_a_group_is_in_the_group_and_several_groups_add_up() {
    let mut groups = Groups::default();
    groups.add(group(1), "eu".into(), None);
    groups.add(group(2), "berlin".into(), Some(group(1)));
    groups.add(group(3), "us".into(), None);
    for (id, bits) in [(1, 1), (2, 2), (3, 3)] {
        groups.put(group(id), NodeId::from_bits(bits));
    }
    let nodes: Vec<_> = (1..=4).map(|bits| node(bits, json!({}))).collect();
    let chosen = |names: Value| chosen(&nodes, &groups, &json!({ "groups": names }));
    assert_eq!(chosen(json!(["eu"])), [1, 2]);
    assert_eq!(chosen(json!(["berlin"])), [2]);
    assert_eq!(chosen(json!(["berlin", "us"])), [2, 3]);
    assert_eq!(chosen(json!(["nowhere"])), Vec::<u64>::new());
    assert_eq!(chosen(json!([])), [1, 2, 3, 4]);
}

#[test]
fn who_waits_is_told_which_part_of_the_selector_excludes_whom() {
    let mut offline = node(3, json!({"gpu": true}));
    offline.online = false;
    let nodes = [node(1, json!({"gpu": true})), node(2, json!({})), offline];
    let selector = ClientSelector {
        tags: vec!["icu".into()],
        groups: vec!["eu".into()],
        capabilities: [("gpu".to_owned(), Scalar::Bool(true))].into(),
    };
    let app = App::Command(CommandApp { name: "x".into(), config: BTreeMap::new() });
    assert_eq!(
        Wanted::new(&selector, &app, &Groups::default()).shortage(&nodes),
        "of 2 nodes that are online 2 are runner nodes, 0 have the tag 'icu', 1 have the capability gpu: true, \
         there is no group 'eu'"
    );
}

#[test]
fn a_choice_is_explained_node_by_node_and_objections_agree_with_eligibility() {
    let selector = ClientSelector {
        tags: vec!["gpu".into()],
        groups: vec!["eu".into()],
        capabilities: [("cores".to_owned(), Scalar::Int(4))].into(),
    };
    let mut groups = Groups::default();
    groups.add(group(1), "eu".into(), None);
    let mut nodes: Vec<_> = (1..=4).map(|bits| node(bits, json!({"cores": 4}))).collect();
    for node in &mut nodes {
        node.tags = vec!["gpu".into()];
        groups.put(group(1), node.node);
    }
    nodes[0].tags.clear();
    nodes[0].capabilities = Capabilities::default();
    (nodes[3].online, nodes[3].kind) = (false, NodeKind::Flower);
    nodes.push(Candidate { node: NodeId::from_bits(5), name: "n5".into(), ..nodes[1].clone() });
    let app = builtin();
    let wanted = Wanted::new(&selector, &app, &groups);
    for node in &nodes {
        assert_eq!(wanted.objections(node).is_empty(), wanted.takes(node));
    }
    let (eligible, listed) = explain(&nodes, &wanted, &[nodes[2].node]);
    let told: Vec<_> =
        listed.iter().map(|it| (it.name.as_str(), it.verdict, it.reasons.join("; "))).collect();
    assert_eq!(eligible, 2);
    let offline = "is not online; is a flower node, and the app needs a runner node";
    assert_eq!(
        told,
        [
            ("n3", Verdict::Chosen, String::new()),
            ("n2", Verdict::Spare, String::new()),
            ("n1", Verdict::Ineligible, "lacks the tag gpu; lacks the capability cores: 4".into()),
            ("n4", Verdict::Ineligible, offline.into()),
            ("n5", Verdict::Ineligible, "is in none of the groups eu".into()),
        ]
    );
}

#[test]
fn ten_thousand_candidates_are_counted_and_a_thousand_are_listed() {
    let nodes: Vec<_> = (1..=10_000).map(|bits| node(bits, json!({}))).collect();
    let (app, selector, groups) = (builtin(), ClientSelector::default(), Groups::default());
    let wanted = Wanted::new(&selector, &app, &groups);
    let (eligible, listed) = explain(&nodes, &wanted, &[nodes[9_999].node]);
    assert_eq!((eligible, listed.len(), listed[0].verdict), (10_000, MOST_LISTED, Verdict::Chosen));
}
