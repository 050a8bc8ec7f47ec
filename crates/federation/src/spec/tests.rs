//! What is accepted, and how precisely the rest is refused.

use serde_json::{Value, json};
use thunderline_core::Problem;
use thunderline_numerics::{privacy::Sampling, strategy::KINDS, weighting::By};

use super::*;

fn minimal() -> Value {
    json!({ "model_ref": "builtin:mlp(64,64,10)", "num_rounds": 5 })
}

fn problems(document: &Value) -> Vec<Problem> {
    FederationSpec::parse(document, 1).expect_err("the document should be refused").problems().to_vec()
}

fn paths(document: &Value) -> Vec<String> {
    problems(document).into_iter().map(|problem| problem.path).collect()
}

#[test]
fn what_is_left_out_has_safe_defaults() {
    let spec = FederationSpec::parse(&minimal(), 99).unwrap();
    assert_eq!(spec.strategy, Strategy::new("fedavg", &[]).unwrap());
    assert_eq!(spec.weighting, Some(Weighting::by(By::Examples)));
    assert_eq!((spec.client_fraction, spec.min_clients, spec.seed), (1.0, 2, 99));
    assert_eq!(spec.app, App::Builtin(BuiltinApp::default()));
    assert!(spec.evaluation.federated && spec.evaluation.server.is_none());
}

#[test]
fn an_accepted_spec_reads_back_as_itself() {
    let digest = "0".repeat(64);
    let documents = [
        minimal(),
        json!({
            "name": "hospitals", "model_ref": format!("sha256:{digest}"), "num_rounds": 3, "client_fraction": 0.25,
            "strategy": { "name": "fedprox", "params": { "proximal_mu": 0.5 } },
            "client_selector": { "tags": ["gpu"] },
            "dataset_spec": { "uris": ["file:///d"], "shards": ["a"], "hashes": [digest] },
            "app": { "flower": { "bundle": digest, "config": { "lr": 0.1, "epochs": 2, "name": "x", "on": true } } },
            "round": { "deadline": "10m", "quorum": 0.8, "over_selection": 1.3, "max_failures": 0 },
            "update": { "encoding": "full", "max_examples": 1000 },
            "evaluation": { "federated": false, "every": 2 }, "seed": 5,
        }),
        json!({ "model_ref": "builtin:softmax(4,2)", "num_rounds": 1,
            "strategy": { "name": "fedtrimmedavg", "params": { "beta": 0.1 } },
            "app": { "command": { "name": "mine", "config": { "a": 1 } } },
            "evaluation": { "server": { "data": digest, "scale": 16 } } }),
    ];
    for document in documents {
        let spec = FederationSpec::parse(&document, 1).unwrap();
        let again = FederationSpec::parse(&serde_json::to_value(&spec).unwrap(), 2).unwrap();
        assert_eq!(spec, again);
    }
}

#[test]
fn all_problems_are_told_at_once_each_with_what_is_allowed() {
    let document = json!({
        "model_ref": "resnet", "num_rounds": 0, "client_fraction": 1.5, "strategy": "fedmagic", "colour": "red",
        "round": { "quorum": 0, "deadline": "soon", "speed": 1 },
        "client_selector": { "tags": "gpu" }, "dp": { "epsilon": 0 }, "secure_agg": { "corrupt": 0 },
        "app": { "builtin": { "momentum": 1 } },
    });
    let found = problems(&document);
    let paths: Vec<_> = found.iter().map(|problem| problem.path.as_str()).collect();
    for path in [
        "model_ref",
        "num_rounds",
        "client_fraction",
        "strategy",
        "colour",
        "round.quorum",
        "round.deadline",
        "round.speed",
        "client_selector.tags",
        "dp.epsilon",
        "dp.delta",
        "dp.clip_norm",
        "secure_agg.corrupt",
        "app.builtin.momentum",
    ] {
        assert!(paths.contains(&path), "{path} is missing from {paths:?}");
    }
    assert!(found.iter().all(|problem| !problem.reason.is_empty() && !problem.allowed.is_empty()));
}

#[test]
fn every_strategy_has_flowers_defaults() {
    let cases = [
        ("fedprox", json!({ "proximal_mu": 0.01 })),
        ("fedavgm", json!({ "server_learning_rate": 1.0, "server_momentum": 0.0 })),
        ("fedadagrad", json!({ "eta": 0.1, "tau": 1e-3 })),
        ("FedAdam", json!({ "eta": 0.1, "beta_1": 0.9, "beta_2": 0.99, "tau": 1e-3 })),
        ("fedyogi", json!({ "eta": 0.01, "beta_1": 0.9, "beta_2": 0.99, "tau": 1e-3 })),
        ("fedtrimmedavg", json!({ "beta": 0.2 })),
        ("krum", json!({ "num_malicious_nodes": 0 })),
        ("multikrum", json!({ "num_malicious_nodes": 0, "num_nodes_to_select": 1 })),
        ("bulyan", json!({ "num_malicious_nodes": 0, "iterated": true })),
        ("geometricmedian", json!({ "smoothing": 1e-6, "iterations": 3 })),
        ("centeredclipping", json!({ "clipping_radius": 10.0, "iterations": 1 })),
        ("qfedavg", json!({ "q": 0.1, "client_learning_rate": 0.05 })),
    ];
    for (name, params) in cases {
        let mut document = minimal();
        document["strategy"] = json!(name);
        let spec = FederationSpec::parse(&document, 1).unwrap();
        assert_eq!(spec.strategy.name(), name.to_lowercase());
        let written = serde_json::to_value(&spec).unwrap();
        assert_eq!(written["strategy"], json!({ "name": name.to_lowercase(), "params": params }));
        assert_eq!(FederationSpec::parse(&written, 1).unwrap(), spec);
    }
    for name in ["fedavg", "fedmedian", "fednova"] {
        let mut document = minimal();
        document["strategy"] = json!(name);
        let written = serde_json::to_value(FederationSpec::parse(&document, 1).unwrap()).unwrap();
        assert_eq!(written["strategy"], json!({ "name": name }));
    }
}

#[test]
fn a_strategys_parameters_are_checked_one_by_one() {
    let wrong = [
        ("fedavgm", json!({ "server_learning_rate": 0, "server_momentum": 1 })),
        ("fedadagrad", json!({ "eta": -1, "tau": 0, "beta_1": 0.5 })),
        ("fedadam", json!({ "eta": "fast", "beta_1": 1, "beta_2": -0.1, "tau": 0, "eta_l": 0.1 })),
        ("fedyogi", json!({ "beta_1": 1.5 })),
        ("fedtrimmedavg", json!({ "beta": 0.5 })),
        ("fedmedian", json!({ "beta": 0.1 })),
        ("multikrum", json!({ "num_malicious_nodes": -1, "num_nodes_to_select": 1.5 })),
        ("bulyan", json!({ "iterated": 1 })),
        ("geometricmedian", json!({ "smoothing": 0, "iterations": 0 })),
        ("centeredclipping", json!({ "clipping_radius": 0 })),
        ("normbounded", json!({ "max_norm": 0 })),
        ("qfedavg", json!({ "q": -1, "client_learning_rate": 0.1 })),
    ];
    for (name, params) in wrong {
        let mut document = minimal();
        document["strategy"] = json!({ "name": name, "params": params });
        let mut found = paths(&document);
        let mut wanted: Vec<_> =
            params.as_object().unwrap().keys().map(|key| format!("strategy.params.{key}")).collect();
        found.sort();
        wanted.sort();
        assert_eq!(found, wanted, "{name}");
    }
    let mut document = minimal();
    document["strategy"] = json!({ "name": "fedtrimmedavg", "params": { "beta": 0.5 } });
    assert_eq!(problems(&document)[0].allowed, "0 or more and below 0.5");
}

#[test]
fn every_strategy_reads_back_as_itself_and_says_what_is_missing() {
    for kind in KINDS {
        let mut document = minimal();
        let required = kind.params.iter().filter(|param| param.default.is_none());
        let params: Value = required
            .map(|param| (param.name.to_owned(), json!(0.05)))
            .collect::<serde_json::Map<_, _>>()
            .into();
        document["strategy"] = json!({ "name": kind.name, "params": params });
        document["app"] = json!({ "builtin": { "momentum": 0 } });
        let spec = FederationSpec::parse(&document, 1).unwrap();
        let written = serde_json::to_value(&spec).unwrap();
        assert_eq!(FederationSpec::parse(&written, 1).unwrap(), spec, "{}", kind.name);
        assert_eq!(serde_json::from_value::<FederationSpec>(written).unwrap(), spec, "{}", kind.name);
        assert_eq!(spec.weighting.is_some(), kind.weighting.is_some(), "{}", kind.name);
    }
    let mut document = minimal();
    document["strategy"] = json!("normbounded");
    assert_eq!(paths(&document), ["params.max_norm"]);
    document["strategy"] = json!("qfedavg");
    document["app"] = json!({ "command": "mine" });
    assert_eq!(paths(&document), ["params.client_learning_rate"]);
}

#[test]
fn what_a_strategy_needs_of_clients_and_app_is_asked_for() {
    let mut document = minimal();
    document["strategy"] = json!("scaffold");
    assert_eq!(paths(&document), ["app.builtin.momentum"]);
    document["app"] = json!({ "flower": "0".repeat(64) });
    document["params"] = json!({ "client_learning_rate": 0.1 });
    let refused = problems(&document);
    assert_eq!(refused[0].path, "strategy");
    assert!(refused[0].reason.contains("Flower apps"), "{refused:?}");
    document["app"] = json!({ "builtin": { "momentum": 0, "learning_rate": 0.2 } });
    assert_eq!(paths(&document), ["params.client_learning_rate"]);
    let mut document = minimal();
    document["strategy"] = json!({ "name": "bulyan", "params": { "num_malicious_nodes": 2 } });
    let spec = FederationSpec::parse(&document, 1).unwrap();
    assert_eq!((spec.min_clients, spec.quorum(20)), (11, 11));
    document["min_clients"] = json!(10);
    assert_eq!(problems(&document)[0].allowed, "11 or more with this strategy");
}

#[test]
fn weighting_is_checked_and_only_for_strategies_that_weigh() {
    let mut document = minimal();
    document["weighting"] = json!({ "by": "recency", "cap": 0.25, "half_life": "2h" });
    let weighting = FederationSpec::parse(&document, 1).unwrap().weighting;
    assert_eq!(weighting, Some(Weighting { by: By::Recency, cap: 0.25, half_life: 7200 }));
    document["weighting"] = json!({ "by": "luck", "cap": 0, "half_life": 0, "colour": 1 });
    let mut found = paths(&document);
    found.sort();
    assert_eq!(found, ["weighting.by", "weighting.cap", "weighting.colour", "weighting.half_life"]);
    let mut document = minimal();
    document["strategy"] = json!("fedmedian");
    document["weighting"] = json!({ "by": "uniform" });
    assert_eq!(paths(&document), ["weighting"]);
}

#[test]
fn every_strategy_and_parameter_is_in_the_documentation() {
    let text = include_str!("../../../../docs/strategies.md");
    for kind in KINDS {
        assert!(text.contains(&format!("| `{}`", kind.name)), "{} is missing", kind.name);
        assert!(text.contains(kind.paper), "{}'s paper is missing", kind.name);
        for param in kind.params {
            assert!(
                text.contains(&format!("`{}`", param.name)),
                "{} of {} is missing",
                param.name,
                kind.name
            );
        }
    }
}

#[test]
fn secure_aggregation_is_on_with_its_defaults_or_as_it_is_told_or_off() {
    let mut document = minimal();
    let read = |document: &Value| FederationSpec::parse(document, 1).unwrap().secure_agg;
    document["secure_agg"] = json!(true);
    assert_eq!(FederationSpec::parse(&document, 1).unwrap().min_clients, 3);
    let usual = SecureAgg { clip: 4.0, max_weight: 10_000, corrupt: 0.2, dropouts: 0.3 };
    assert_eq!(read(&document).as_ref(), Some(&usual));
    document["secure_agg"] = json!({ "clip": 0.5, "dropouts": 0.1 });
    assert_eq!(read(&document), Some(SecureAgg { clip: 0.5, dropouts: 0.1, ..usual }));
    let again = serde_json::to_value(FederationSpec::parse(&document, 1).unwrap()).unwrap();
    assert_eq!(read(&again), read(&document));
    document["secure_agg"] = json!(true);
    document["weighting"] = json!({ "by": "uniform" });
    assert_eq!(read(&document), Some(SecureAgg { max_weight: 1, clip: 4.0, corrupt: 0.2, dropouts: 0.3 }));
    document["app"] = json!({ "flower": "a".repeat(64) });
    assert!(read(&document).is_some(), "Flower's clients can mask");
    document["secure_agg"] = json!(false);
    assert_eq!(read(&document), None);
}

#[test]
fn what_secure_aggregation_does_not_go_with_is_refused() {
    let refused = |changes: Value| {
        let mut document = minimal();
        document["min_clients"] = json!(3);
        document["secure_agg"] = json!(true);
        for (key, value) in changes.as_object().unwrap() {
            document[key] = value.clone();
        }
        paths(&document)
    };
    assert_eq!(refused(json!({ "min_clients": 2 })), ["min_clients"]);
    assert_eq!(refused(json!({ "strategy": "fedmedian", "min_clients": 5 })), ["strategy"]);
    assert_eq!(refused(json!({ "round": { "over_selection": 1.3 } })), ["round.over_selection"]);
    assert_eq!(refused(json!({ "weighting": { "by": "entropy" } })), ["weighting.by"]);
    assert_eq!(refused(json!({ "weighting": { "cap": 0.5 } })), ["weighting.cap"]);
    assert_eq!(refused(json!({ "secure_agg": { "dropouts": 0.45 } })), ["secure_agg.dropouts"]);
    assert_eq!(
        refused(json!({ "secure_agg": { "clip": 0, "speed": 1 } })),
        ["secure_agg.clip", "secure_agg.speed"]
    );
    assert_eq!(refused(json!({ "secure_agg": "yes" })), ["secure_agg"]);
}

#[test]
fn masked_updates_are_private_where_their_clients_clip_them() {
    let mut document = private(&json!({ "secure_agg": true, "min_clients": 5 }));
    let spec = FederationSpec::parse(&document, 1).unwrap();
    let dp = spec.dp.as_ref().unwrap();
    assert_eq!((dp.placement, dp.sampling), (dp::Placement::Client, dp::Draw::All));
    let secure = spec.secure_agg.as_ref().unwrap();
    assert_eq!((secure.clip, secure.max_weight), (dp.clip_norm, 1));
    let again = serde_json::to_value(&spec).unwrap();
    assert_eq!(FederationSpec::parse(&again, 1).unwrap(), spec);
    let wide = private(&json!({ "secure_agg": true, "min_clients": 10, "client_fraction": 0.3,
        "dp": { "sampling": "fixed_size", "clip_norm": 1e-8 } }));
    assert_eq!(FederationSpec::parse(&wide, 1).unwrap().secure_agg.unwrap().clip, 1e-8);
    let cases = [
        (json!({ "dp": { "placement": "server" } }), "dp.placement"),
        (json!({ "dp": { "clipping": "adaptive" } }), "dp.clipping"),
        (json!({ "dp": { "sampling": "poisson" } }), "dp.sampling"),
        (json!({ "client_fraction": 0.7 }), "dp.sampling"),
        (json!({ "client_fraction": 0.5, "dp": { "sampling": "fixed_size" } }), "client_fraction"),
        (json!({ "client_fraction": 0.4, "dp": { "mechanism": "dp_ftrl" } }), "client_fraction"),
        (json!({ "min_clients": 2 }), "min_clients"),
        (json!({ "secure_agg": { "clip": 0.01 } }), "secure_agg.clip"),
        (json!({ "secure_agg": { "max_weight": 2 } }), "secure_agg.max_weight"),
    ];
    for (extra, path) in cases {
        document = private(&extra);
        for (key, usual) in [("secure_agg", json!(true)), ("min_clients", json!(5))] {
            if extra.get(key).is_none() {
                document[key] = usual;
            }
        }
        let found = problems(&document);
        assert_eq!(found.len(), 1, "{extra}: {found:?}");
        assert_eq!(found[0].path, path, "{extra}: {found:?}");
        assert!(!found[0].allowed.is_empty(), "{extra}");
    }
}

#[test]
fn all_that_masked_private_updates_cannot_have_is_told_at_once() {
    let both = private(&json!({ "secure_agg": true, "min_clients": 5,
        "dp": { "clipping": "adaptive", "placement": "server" } }));
    assert_eq!(paths(&both), ["dp.placement", "dp.clipping"]);
    let mut document = minimal();
    document["secure_agg"] = json!("yes please");
    let found = problems(&document);
    assert_eq!((found.len(), found[0].path.as_str()), (1, "secure_agg"), "{found:?}");
    assert!(found[0].reason.contains("yes please") && found[0].allowed.contains("true, false"), "{found:?}");
}

#[test]
fn a_required_key_that_is_missing_is_named() {
    assert_eq!(paths(&json!({})), ["model_ref", "num_rounds"]);
}

#[test]
fn the_nested_form_means_the_same_as_the_flat_one() {
    let nested = "apiVersion: thunderline/v1\nkind: Federation\nmetadata: {name: x}\nspec:\n  model_ref: builtin:softmax(4,2)\n  num_rounds: 1\n";
    let flat = "name: x\nmodel_ref: builtin:softmax(4,2)\nnum_rounds: 1\n";
    let parse = |text| FederationSpec::parse(&read_document(text).unwrap(), 3).unwrap();
    assert_eq!(parse(nested), parse(flat));
    let wrong = read_document("kind: Pod\nspec: {}\nstatus: 1\n").unwrap_err();
    assert_eq!(wrong.problems().len(), 2, "{wrong:?}");
}

#[test]
fn text_that_is_no_document_says_where_it_goes_wrong() {
    let error = read_document("a: [1,\nb: }").unwrap_err();
    assert!(error.problems()[0].path.contains("line"), "{error:?}");
    assert!(read_document("just words").is_err());
    assert_eq!(read_document(&"x".repeat(300_000)).unwrap_err().code(), "too_large");
}

#[test]
fn the_share_of_clients_never_falls_below_the_minimum_nor_rises_above_those_there_are() {
    let mut spec = FederationSpec::parse(&minimal(), 1).unwrap();
    spec.client_fraction = 0.1;
    assert_eq!(spec.wanted(100), 10);
    assert_eq!(spec.wanted(10), 2);
    assert_eq!(spec.wanted(1), 1);
    spec.round.quorum = 0.1;
    assert_eq!(spec.quorum(30), 3);
    assert_eq!(spec.quorum(1), 1);
}

#[test]
fn the_examples_are_accepted() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples");
    let mut count = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let is_workflow = path.file_stem().is_some_and(|stem| stem == "workflow");
        if path.extension().is_some_and(|extension| extension == "yaml") && !is_workflow {
            let mut document = read_document(&std::fs::read_to_string(&path).unwrap()).unwrap();
            // A path, which the command line has uploaded by then.
            if let Some(data) = document.pointer_mut("/evaluation/server/data") {
                *data = format!("sha256:{}", "0".repeat(64)).into();
            }
            if document.get("nodes").is_some() {
                // A workflow.
                continue;
            }
            FederationSpec::parse(&document, 1)
                .unwrap_or_else(|error| panic!("{}: {error:?}", path.display()));
            count += 1;
        }
    }
    assert!(count >= 2, "the examples are missing");
}

#[test]
fn every_key_of_the_reference_is_known_and_every_known_key_is_in_it() {
    let reference = include_str!("../../../../docs/federation-spec.md");
    let spec = FederationSpec::parse(
        &json!({ "model_ref": "builtin:softmax(4,2)", "num_rounds": 1,
            "evaluation": { "server": { "data": "0".repeat(64) } } }),
        1,
    );
    let document = serde_json::to_value(spec.unwrap()).unwrap();
    for (group, keys) in document.as_object().unwrap() {
        assert!(reference.contains(&format!("`{group}")), "{group} is not in the reference");
        for key in keys.as_object().into_iter().flat_map(|keys| keys.keys()).filter(|key| *key != "name") {
            let inner = keys[key].as_object().map(|keys| keys.keys().cloned().collect::<Vec<_>>());
            for name in inner.unwrap_or_else(|| vec![key.clone()]) {
                assert!(reference.contains(&format!("{name}`")), "{group}…{name} is not in the reference");
            }
        }
    }
}

#[test]
fn a_key_that_is_given_twice_is_refused_with_its_path_in_yaml_and_in_json() {
    let yaml =
        "model_ref: builtin:softmax(4,2)\nnum_rounds: 1\nround: {quorum: 1, quorum: 2}\nnum_rounds: 2\n";
    let refused = read_document(yaml).unwrap_err();
    let paths: Vec<_> = refused.problems().iter().map(|problem| problem.path.as_str()).collect();
    assert_eq!(paths, ["round.quorum", "num_rounds"]);
    let json = r#"{"spec": {"seed": 1, "tags": [{"a": 1, "a": 1}]}}"#;
    let refused = read_document(json).unwrap_err();
    assert_eq!(refused.problems()[0].path, "spec.tags[0].a");
    let merged = "a: &x {k: [1, -2, 0.5, true, null, y, 18446744073709551615]}\nb: *x\n";
    let expected = json!({"k": [1, -2, 0.5, true, null, "y", u64::MAX]});
    assert_eq!(read_document(merged).unwrap(), json!({"a": expected, "b": expected}));
}

#[test]
fn a_number_that_is_none_is_refused_and_not_replaced_by_a_default() {
    let yaml = "num_rounds: 1\nround: {quorum: .nan, deadlines: [1, -.inf]}\nserver_learning_rate: .inf\n";
    let refused = read_document(yaml).unwrap_err();
    let problems: Vec<_> =
        refused.problems().iter().map(|problem| (problem.path.as_str(), problem.reason.as_str())).collect();
    let expected = [("round.quorum", "NaN"), ("round.deadlines[1]", "-inf"), ("server_learning_rate", "inf")]
        .map(|(path, number)| (path, format!("{number} is no number to work with")));
    assert_eq!(problems, expected.each_ref().map(|(path, reason)| (*path, reason.as_str())));
}

fn private(extra: &Value) -> Value {
    let mut document = minimal();
    document["dp"] = json!({ "epsilon": 2.0, "delta": 1e-5, "clip_norm": 0.5, "accountant": "rdp" });
    for (key, value) in extra.as_object().unwrap() {
        match value {
            Value::Object(inner) if key == "dp" => {
                document["dp"].as_object_mut().unwrap().extend(inner.clone());
            }
            plain => document[key] = plain.clone(),
        }
    }
    document
}

#[test]
fn privacy_is_calibrated_and_implies_what_its_proof_needs() {
    for extra in [
        json!({}),
        json!({ "client_fraction": 0.3 }),
        json!({ "client_fraction": 0.5, "dp": { "sampling": "fixed_size", "spare_rounds": 4 } }),
        json!({ "client_fraction": 0.5, "dp": { "clipping": "adaptive", "adaptive": { "quantile": 0.7 } } }),
        json!({ "dp": { "placement": "client" }, "strategy": "fedadam" }),
        json!({ "dp": { "mechanism": "dp_ftrl", "min_separation": 3 }, "strategy": "fedavgm" }),
        json!({ "dp": { "mechanism": "dp_ftrl", "min_separation": 3, "matrix": "tree" } }),
        json!({ "dp": { "mechanism": "dp_ftrl", "max_participations": 2, "bands": 3 } }),
        json!({ "dp": { "mechanism": "dp_ftrl", "residue": 0.3, "accountant": "rdp" } }),
        json!({ "dp": { "accountant": "pld" } }),
    ] {
        let spec = FederationSpec::parse(&private(&extra), 1).unwrap();
        let dp = spec.dp.as_ref().unwrap();
        let spare = if dp.sampling == dp::Draw::Limited { 0 } else { dp.spare_rounds };
        let cost = |dp: &Dp| dp.plan(spec.client_fraction).epsilon(u64::from(5 + spare), 1e-5);
        assert!(cost(dp) <= 2.0, "{extra}");
        let less = Dp { noise_multiplier: 0.99 * dp.noise_multiplier, ..dp.clone() };
        assert!(cost(&less) > 2.0, "{extra}");
        assert!(!spec.evaluation.federated, "clients' metrics have no noise");
        let again = FederationSpec::parse(&serde_json::to_value(&spec).unwrap(), 2).unwrap();
        assert_eq!(spec, again, "{extra}");
    }
}

#[test]
fn correlated_noise_has_bands_unless_the_spec_says_otherwise_or_is_older_than_them() {
    let read = |extra: &Value| {
        let document = private(&json!({ "num_rounds": 64, "dp": extra }));
        FederationSpec::parse(&document, 1).unwrap().dp.unwrap()
    };
    let rule = json!({ "mechanism": "dp_ftrl", "min_separation": 16, "max_participations": 4 });
    let banded = read(&rule);
    assert_eq!(banded.matrix, Some(dp::Matrix::Banded));
    let band = banded.band().unwrap();
    assert!(band.bands > 1 && band.residue < 0.5, "{band:?}");
    assert!(matches!(banded.plan(1.0).sampling, Sampling::Banded(_, own) if own == band));
    let with = |key: &str, value: Value| {
        let mut asked = rule.clone();
        asked[key] = value;
        read(&asked)
    };
    assert_eq!(with("bands", json!(6)).bands, Some(6));
    let tree = with("matrix", json!("tree"));
    assert!(tree.band().is_none() && matches!(tree.plan(1.0).sampling, Sampling::Tree(_)));
    assert!(tree.noise_multiplier > 1.5 * banded.noise_multiplier, "{tree:?}");
    // As a federation is kept that began before there were bands: its noise goes on as it was.
    let mut kept = serde_json::to_value(&tree).unwrap();
    kept.as_object_mut().unwrap().remove("matrix");
    let kept: Dp = serde_json::from_value(kept).unwrap();
    assert!(matches!(kept.plan(1.0).sampling, Sampling::Tree(_)));
    assert_eq!(read(&json!({})).matrix, None);
}

#[test]
fn what_privacy_does_not_go_together_with_is_refused_by_its_path() {
    let cases = [
        (json!({ "dp": { "epsilon": -1 } }), "dp.epsilon"),
        (json!({ "dp": { "delta": 0 } }), "dp.delta"),
        (json!({ "dp": { "clip_norm": 0 } }), "dp.clip_norm"),
        (json!({ "dp": { "noise": 1 } }), "dp.noise"),
        (json!({ "dp": { "noise_multiplier": 0.1 } }), "dp.noise_multiplier"),
        (json!({ "dp": { "epsilon": 1e-4 }, "num_rounds": 100_000 }), "dp.epsilon"),
        (json!({ "dp": { "mechanism": "laplace" } }), "dp.mechanism"),
        (json!({ "dp": { "sampling": "all" }, "client_fraction": 0.5 }), "dp.sampling"),
        (json!({ "dp": { "sampling": "fixed_size" }, "client_fraction": 0.1 }), "dp.sampling"),
        (json!({ "dp": { "sampling": "fixed_size", "accountant": "pld" } }), "dp.accountant"),
        (json!({ "dp": { "min_separation": 2 } }), "dp.min_separation"),
        (json!({ "dp": { "matrix": "tree" } }), "dp.matrix"),
        (json!({ "dp": { "mechanism": "dp_ftrl", "matrix": "dense" } }), "dp.matrix"),
        (json!({ "dp": { "mechanism": "dp_ftrl", "matrix": "tree", "bands": 4 } }), "dp.bands"),
        (json!({ "dp": { "mechanism": "dp_ftrl", "bands": 0 } }), "dp.bands"),
        (json!({ "dp": { "mechanism": "dp_ftrl", "bands": 33 } }), "dp.bands"),
        (json!({ "dp": { "mechanism": "dp_ftrl", "residue": 0 } }), "dp.residue"),
        (json!({ "dp": { "mechanism": "dp_ftrl", "bands": 1, "residue": 0.5 } }), "dp.residue"),
        (json!({ "dp": { "mechanism": "dp_ftrl", "sampling": "poisson" } }), "dp.sampling"),
        (json!({ "dp": { "mechanism": "dp_ftrl" }, "strategy": "fedadam" }), "strategy"),
        (json!({ "dp": { "mechanism": "dp_ftrl", "clipping": "adaptive" } }), "dp.clipping"),
        (json!({ "dp": { "placement": "client", "clipping": "adaptive" } }), "dp.clipping"),
        (
            json!({ "dp": { "clipping": "adaptive", "adaptive": { "count_noise": 0.1 } } }),
            "dp.adaptive.count_noise",
        ),
        (json!({ "dp": { "adaptive": { "quantile": 0.5 } } }), "dp.adaptive"),
        (json!({ "strategy": "fedmedian" }), "strategy"),
        (json!({ "evaluation": { "federated": true } }), "evaluation.federated"),
        (json!({ "round": { "over_selection": 1.5 } }), "round.over_selection"),
    ];
    for (extra, path) in cases {
        let found = problems(&private(&extra));
        assert_eq!(found.len(), 1, "{extra}: {found:?}");
        assert_eq!(found[0].path, path, "{extra}: {found:?}");
        assert!(!found[0].allowed.is_empty(), "{extra}");
    }
}

fn buffered() -> Value {
    let mut document = minimal();
    document["strategy"] = json!("fedbuff");
    document
}

#[test]
fn what_does_not_go_with_a_buffer_is_refused_by_name() {
    let spec = FederationSpec::parse(&buffered(), 1).unwrap();
    let buffer = spec.strategy.buffer().unwrap();
    assert_eq!((buffer.size, buffer.max_staleness, buffer.max_concurrency), (10, 20, 100));
    assert!(!spec.evaluation.federated && spec.round.quorum == 1.0);
    for (key, value, place) in [
        ("client_fraction", json!(0.5), "client_fraction"),
        ("round", json!({ "quorum": 0.5 }), "round.quorum"),
        ("round", json!({ "over_selection": 1.3 }), "round.over_selection"),
        ("evaluation", json!({ "federated": true }), "evaluation.federated"),
        ("dp", json!({ "epsilon": 8, "delta": 1e-5, "clip_norm": 1 }), "strategy"),
        ("secure_agg", json!(true), "strategy"),
        ("params", json!({ "buffer_size": 0 }), "params.buffer_size"),
        ("params", json!({ "max_staleness": 501 }), "params.max_staleness"),
        ("params", json!({ "max_concurrency": 0 }), "params.max_concurrency"),
        ("params", json!({ "staleness_exponent": -1 }), "params.staleness_exponent"),
        ("params", json!({ "server_learning_rate": 0 }), "params.server_learning_rate"),
    ] {
        let mut document = buffered();
        document[key] = value;
        assert!(paths(&document).contains(&place.to_owned()), "{key}: {:?}", problems(&document));
    }
    let mut document = buffered();
    document["dp"] = json!({ "epsilon": 8, "delta": 1e-5, "clip_norm": 1 });
    let refused = problems(&document);
    assert!(refused.iter().any(|it| it.reason.contains("takes who is quick")), "{refused:?}");
}
