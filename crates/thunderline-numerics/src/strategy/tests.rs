use super::*;
use crate::{ArraySpec, DType, MemoryArrays, random::Rng};

fn values(kind: &Kind) -> Vec<f64> {
    kind.params.iter().map(|param| param.default.unwrap_or(1.0)).collect()
}

/// A round of eleven clients with a model of every kind of array.
struct Case {
    schema: ModelSchema,
    model: MemoryArrays,
    clients: Vec<(MemoryArrays, f64, BTreeMap<String, f64>)>,
}

fn case(elements: usize, clients: usize) -> Case {
    let specs =
        DType::ALL.into_iter().map(|dtype| ArraySpec::new(dtype.name(), dtype, &[elements])).collect();
    let schema = ModelSchema::new(specs).unwrap();
    let mut rng = Rng::derive(7, &["strategies"]);
    let mut arrays = || {
        let mut bytes = Vec::new();
        for spec in schema.arrays() {
            let values: Vec<f64> = (0..elements)
                .map(|_| match spec.dtype {
                    DType::Bool => rng.below(2) as f64,
                    dtype if dtype.is_float() => rng.normal(),
                    _ => rng.below(100) as f64,
                })
                .collect();
            let start = bytes.len();
            bytes.resize(start + elements * spec.dtype.size(), 0);
            crate::kernels::finish(spec.dtype, &values, 1.0, &mut bytes[start..]);
        }
        MemoryArrays::new(schema.clone(), bytes).unwrap()
    };
    let model = arrays();
    let clients = (0..clients)
        .map(|place| {
            let metrics = [("num-steps", 1.0 + place as f64), ("train_loss", 0.5 + place as f64)];
            let metrics = metrics.map(|(name, value)| (name.to_owned(), value));
            (arrays(), 1.0 + place as f64, BTreeMap::from(metrics))
        })
        .collect();
    Case { schema, model, clients }
}

fn run(case: &Case, strategy: &dyn Strategy, threads: usize, state: Option<&[u8]>) -> Result<[Vec<u8>; 2]> {
    let updates: Vec<_> = case
        .clients
        .iter()
        .map(|(reader, weight, metrics)| Update { reader, weight: *weight, metrics, began: None })
        .collect();
    let kept = strategy.state(&case.schema)?;
    let state = kept.zip(state).map(|(schema, bytes)| MemoryArrays::new(schema, bytes.to_vec()).unwrap());
    let round = Round {
        schema: &case.schema,
        model: &case.model,
        state: state.as_ref().map(|state| state as &dyn ArrayReader),
        number: 2,
        participation: 0.5,
        updates: &updates,
        threads,
    };
    let [mut model, mut first, mut second] = [const { Vec::new() }; 3];
    strategy.aggregate(&round, &mut |part, piece| {
        match part {
            Part::Model => model.extend_from_slice(piece),
            Part::First => first.extend_from_slice(piece),
            Part::Second => second.extend_from_slice(piece),
        }
        Ok(())
    })?;
    Ok([model, [first, second].concat()])
}

#[test]
fn names_are_unique_and_every_strategy_is_found_and_built() {
    for kind in KINDS {
        assert!(std::ptr::eq(Kind::named(kind.name).unwrap(), *kind), "{}", kind.name);
        kind.build(&values(kind)).unwrap();
        for (place, param) in kind.params.iter().enumerate() {
            assert!(
                param.default.is_none_or(|default| param.allowed.fits(default)),
                "{} {}",
                kind.name,
                param.name
            );
            let mut wrong = values(kind);
            wrong[place] = -1.0;
            assert_eq!(kind.build(&wrong).unwrap_err().problems()[0].path, format!("params.{}", param.name));
        }
        assert!(kind.with(&[("colour", 1.0)]).is_err());
    }
}

#[test]
fn every_strategy_keeps_every_type_writes_whole_models_and_gives_the_same_bits_for_any_number_of_threads() {
    let case = case(3000, 11);
    for kind in KINDS {
        let strategy = kind.build(&values(kind)).unwrap();
        let [model, state] = run(&case, strategy.as_ref(), 1, None).unwrap();
        assert_eq!(model.len() as u64, case.schema.bytes(), "{}", kind.name);
        let kept = strategy.state(&case.schema).unwrap().map_or(0, |schema| schema.bytes());
        assert_eq!(state.len() as u64, kept, "{}", kind.name);
        let again = run(&case, strategy.as_ref(), 3, Some(&state)).unwrap();
        assert!(again == run(&case, strategy.as_ref(), 1, Some(&state)).unwrap(), "{}", kind.name);
        assert!(run(&case, strategy.as_ref(), 4, None).unwrap() == [model, state], "{}", kind.name);
    }
}

#[test]
fn clients_that_all_say_the_same_are_believed_by_averages_medians_and_selections() {
    let mut case = case(50, 11);
    let said = case.clients[0].0.bytes().to_vec();
    for (arrays, _, metrics) in &mut case.clients {
        *arrays = MemoryArrays::new(case.schema.clone(), said.clone()).unwrap();
        metrics.insert("num-steps".into(), 5.0);
    }
    let believing = [
        "fedavg",
        "fedprox",
        "fedavgm",
        "fedmedian",
        "fedtrimmedavg",
        "krum",
        "multikrum",
        "bulyan",
        "geometricmedian",
        "centeredclipping",
        "normbounded",
        "fednova",
        "scaffold",
        "fedbuff",
    ];
    for kind in believing.map(|name| Kind::named(name).unwrap()) {
        // Wide enough for nobody to be clipped.
        let values: Vec<f64> = kind
            .params
            .iter()
            .map(|param| match param.name {
                "max_norm" | "clipping_radius" => 1e3,
                _ => param.default.unwrap_or(1.0),
            })
            .collect();
        let [model, _] = run(&case, kind.build(&values).unwrap().as_ref(), 1, None).unwrap();
        for (place, spec) in case.schema.arrays().iter().enumerate() {
            let range = case.schema.array_offset(place) as usize..;
            let length = case.schema.array_bytes(place) as usize;
            let (found, wanted) = (&model[range.clone()][..length], &said[range][..length]);
            let (mut one, mut other) = (Vec::new(), Vec::new());
            crate::kernels::widen(spec.dtype, found, &mut one);
            crate::kernels::widen(spec.dtype, wanted, &mut other);
            let most = one.iter().zip(&other).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
            let allowed = match spec.dtype {
                DType::F64 => 1e-14,
                DType::F32 => 1e-6,
                DType::F16 | DType::BF16 => 0.02,
                _ => 0.0,
            };
            assert!(most <= allowed, "{} {}: {most}", kind.name, spec.dtype);
        }
    }
}

#[test]
fn robust_strategies_stay_among_the_honest_whatever_a_minority_says() {
    for shout in [1e30, -1e30, 50.0] {
        let mut case = case(40, 11);
        let schema = case.schema.clone();
        for (arrays, _, _) in &mut case.clients[..2] {
            let mut bytes = arrays.bytes().to_vec();
            for (place, spec) in schema.arrays().iter().enumerate().filter(|(_, spec)| spec.dtype.is_float())
            {
                let range = schema.array_offset(place) as usize..;
                let loud =
                    vec![if spec.dtype == DType::F16 { f64::clamp(shout, -6e4, 6e4) } else { shout }; 40];
                crate::kernels::finish(spec.dtype, &loud, 1.0, &mut bytes[range][..40 * spec.dtype.size()]);
            }
            *arrays = MemoryArrays::new(schema.clone(), bytes).unwrap();
        }
        for (name, params) in [
            ("fedmedian", &[][..]),
            ("fedtrimmedavg", &[]),
            ("krum", &[("num_malicious_nodes", 2.0)]),
            ("multikrum", &[("num_malicious_nodes", 2.0), ("num_nodes_to_select", 5.0)]),
            ("bulyan", &[("num_malicious_nodes", 2.0)]),
            ("bulyan", &[("num_malicious_nodes", 2.0), ("iterated", 0.0)]),
            ("geometricmedian", &[("iterations", 30.0)]),
            ("centeredclipping", &[("clipping_radius", 1.0)]),
            ("normbounded", &[("max_norm", 1.0)]),
        ] {
            let strategy = Kind::named(name).unwrap().with(params).unwrap();
            let [model, _] = run(&case, strategy.as_ref(), 2, None).unwrap();
            for (place, spec) in schema.arrays().iter().enumerate().filter(|(_, spec)| spec.dtype.is_float())
            {
                let mut values = Vec::new();
                let range = schema.array_offset(place) as usize..;
                crate::kernels::widen(spec.dtype, &model[range][..40 * spec.dtype.size()], &mut values);
                let most = values.iter().fold(0.0f64, |most, value| most.max(value.abs()));
                assert!(most < 6.0, "{name}, {shout:e}, {}: {most}", spec.dtype);
            }
        }
    }
}

#[test]
fn replies_without_what_a_strategy_needs_are_refused_by_name() {
    for (name, metric, bad) in [
        ("qfedavg", "train_loss", -1.0),
        ("fednova", "num-steps", 0.0),
        ("scaffold", "num-steps", f64::NAN),
        ("fednova", "step-norm", 0.5),
    ] {
        let kind = Kind::named(name).unwrap();
        let strategy = kind.build(&values(kind)).unwrap();
        if metric != "step-norm" {
            let error = strategy.check_metrics(&BTreeMap::new()).unwrap_err();
            assert!(error.to_string().contains(metric), "{error}");
        }
        let error = strategy.check_metrics(&BTreeMap::from([(metric.to_owned(), bad)])).unwrap_err();
        assert!(error.to_string().contains(metric) && error.code() == "invalid", "{error}");
        strategy.check_metrics(&BTreeMap::from([(metric.to_owned(), 3.0)])).unwrap();
    }
}

#[test]
fn the_documentations_example_is_a_strategy_that_works() {
    let text = include_str!("../../../../docs/strategies.md");
    assert!(
        text.contains(include_str!("halfstep.rs")),
        "docs/strategies.md has another text than halfstep.rs"
    );
    let schema = ModelSchema::new(vec![ArraySpec::new("w", DType::F64, &[1])]).unwrap();
    let arrays = |w: f64| MemoryArrays::new(schema.clone(), w.to_le_bytes().to_vec()).unwrap();
    let clients = vec![(arrays(20.0), 1.0, BTreeMap::new()), (arrays(60.0), 3.0, BTreeMap::new())];
    let case = Case { schema: schema.clone(), model: arrays(10.0), clients };
    for (named, wanted) in [(&[][..], 30.0), (&[("step", 0.1)], 14.0)] {
        let strategy = halfstep::KIND.with(named).unwrap();
        let [model, state] = run(&case, strategy.as_ref(), 1, None).unwrap();
        assert_eq!((f64::from_le_bytes(model.try_into().unwrap()), state.len()), (wanted, 0));
    }
}

#[test]
fn bulyan_says_how_many_updates_it_needs() {
    let strategy = Kind::named("bulyan").unwrap().with(&[("num_malicious_nodes", 2.0)]).unwrap();
    assert_eq!(strategy.least_updates(), 11);
    let error = run(&case(5, 10), strategy.as_ref(), 1, None).unwrap_err();
    assert!(error.to_string().contains("needs 11 updates"), "{error}");
}

#[test]
fn nearby_updates_have_their_true_distances() {
    // In float32, ‖a‖² + ‖b‖² − 2ab of these is 0, or noise.
    let schema = ModelSchema::new(vec![ArraySpec::new("w", DType::F32, &[1000])]).unwrap();
    let reader = |value: f32| {
        let bytes = (0..1000).flat_map(|_| value.to_le_bytes()).collect();
        MemoryArrays::new(schema.clone(), bytes).unwrap()
    };
    let (one, other) = (reader(100.0), reader(100.0f32.next_up()));
    let distances = crate::distance::pairwise(&schema, &[&one, &other, &one], 2).unwrap();
    let wanted = 1000.0 * f64::from(100.0f32.next_up() - 100.0).powi(2);
    assert_eq!((distances.squared(0, 1), distances.squared(2, 1)), (wanted, wanted));
    assert_eq!((distances.squared(0, 2), distances.squared(1, 1)), (0.0, 0.0));
}

#[test]
fn a_stale_step_counts_from_where_it_began_and_less_the_older_that_is() {
    let schema = ModelSchema::new(vec![
        ArraySpec::new("w", DType::F64, &[1]),
        ArraySpec::new("seen", DType::I64, &[1]),
    ])
    .unwrap();
    let arrays = |w: f64, seen: i64| {
        MemoryArrays::new(schema.clone(), [w.to_le_bytes(), seen.to_le_bytes()].concat()).unwrap()
    };
    let (old, now, metrics) = (arrays(10.0, 1), arrays(20.0, 5), BTreeMap::new());
    let (fresh, stale) = (arrays(22.0, 6), arrays(14.0, 3));
    let update = |reader, began| Update { reader, weight: 1.0, metrics: &metrics, began };
    let began = Some(Earlier { model: &old as &dyn ArrayReader, versions: 3 });
    let next = |updates: &[Update<'_>], params: &[(&str, f64)]| {
        let strategy = Kind::named("fedbuff").unwrap().with(params).unwrap();
        let round = Round {
            schema: &schema,
            model: &now,
            state: None,
            number: 4,
            participation: 1.0,
            updates,
            threads: 1,
        };
        let mut model = Vec::new();
        strategy
            .aggregate(&round, &mut |_, piece| {
                model.extend_from_slice(piece);
                Ok(())
            })
            .unwrap();
        let (w, seen) = model.split_at(8);
        (f64::from_le_bytes(w.try_into().unwrap()), i64::from_le_bytes(seen.try_into().unwrap()))
    };
    // 20 + (2 + 4 / √4) / 2, and a counter of (6 + 3 / √4) / (1 + 1 / √4).
    let both = [update(&fresh as &dyn ArrayReader, None), update(&stale, began)];
    assert_eq!(next(&both, &[]), (22.0, 5));
    assert_eq!(next(&both, &[("staleness_exponent", 0.0), ("server_learning_rate", 0.5)]), (21.5, 4));
    // A buffer of old news moves the model less, rather than as much as a fresh one.
    assert_eq!(next(&[update(&stale, began)], &[]), (22.0, 3));
}
