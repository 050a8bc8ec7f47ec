//! What an update may look like and how it travels: `update`.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use thunderline_core::Problem;
use thunderline_numerics::{
    ModelSchema,
    encoding::{DEFAULT_BITS, DEFAULT_FRACTION, Encoding, terms},
};

use super::{
    ModelRef, Strategy,
    fields::{Fields, Problems, show},
    secure,
};

/// What an update may look like, and how it travels.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct UpdateSpec {
    /// How arrays travel; a client that cannot encode sends them as they are.
    pub encoding: Encoding,
    /// Patterns of the arrays that are trained and sent; all where there are none. The others stay as they are in the model.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub trainable: Vec<String>,
    /// The largest `num-examples` that is believed.
    pub max_examples: f64,
}

impl UpdateSpec {
    /// Whether clients need to be told how to send their updates.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        self.encoding == Encoding::Full && self.trainable.is_empty()
    }

    /// Whether the array of this name is trained.
    #[must_use]
    pub fn trains(&self, name: &str) -> bool {
        terms::trainable(&self.trainable, name)
    }

    /// The arrays of a model that are trained, in its order.
    #[must_use]
    pub fn trained(&self, model: &ModelSchema) -> ModelSchema {
        let trained = model.arrays().iter().filter(|array| self.trains(&array.name)).cloned().collect();
        ModelSchema::new(trained).expect("a part of a schema is a schema")
    }

    /// What is wrong with the first pattern that fits no array of the model, saying that this is allowed.
    #[must_use]
    pub fn useless(&self, model: &ModelSchema, allowed: &str) -> Option<Problem> {
        let fits = |pattern: &String| model.arrays().iter().any(|array| terms::fits(pattern, &array.name));
        let place = self.trainable.iter().position(|pattern| !fits(pattern))?;
        Some(Problem {
            path: format!("update.trainable[{place}]"),
            reason: format!("'{}' fits no array of the model", self.trainable[place]),
            allowed: allowed.into(),
        })
    }
}

/// `update: {encoding, trainable, max_examples}`.
pub(super) fn read(
    top: &mut Fields<'_>,
    model: Option<&ModelRef>,
    strategy: &Strategy,
    problems: &mut Problems,
) -> UpdateSpec {
    let masked = secure::wanted(top);
    let mut group = top.group("update", problems);
    let encoding = read_encoding(&mut group, problems);
    let trainable = group.texts("trainable", problems);
    if group.get("trainable").and_then(Value::as_array).is_some_and(Vec::is_empty) {
        let allowed = "names of arrays with * and ?, or the key left out: all are trained";
        problems.add(group.path("trainable"), "[] trains nothing", allowed);
    }
    let max_examples = group.number("max_examples", |x| x > 0.0, "above 0", 1e9, problems);
    group.refuse_unknown(problems);
    let update = UpdateSpec { encoding, trainable, max_examples };
    let mut refuse = |reason: String, encoding: &str, trainable: &str| {
        if update.encoding != Encoding::Full {
            problems.add("update.encoding", reason.as_str(), encoding);
        }
        if !update.trainable.is_empty() {
            problems.add("update.trainable", reason, trainable);
        }
    };
    if masked {
        let reason = "secure aggregation adds numbers that nobody may read, and has an encoding of its own";
        refuse(reason.into(), "with secure_agg: full", "with secure_agg: left out");
    } else if strategy.kind().built_in_only {
        let reason = format!(
            "the control variates of {} need to know exactly how far each client went",
            strategy.name()
        );
        refuse(reason, "with this strategy: full", "with this strategy: left out");
    }
    if strategy.program().is_some() && !update.trainable.is_empty() {
        let reason = "a strategy that is a program makes whole models";
        problems.add("update.trainable", reason, "with strategy.external: left out");
    }
    if let Some(network) = model.and_then(ModelRef::network)
        && let Ok(schema) = network.schema()
    {
        let names: Vec<_> = schema.arrays().iter().map(|array| array.name.as_str()).collect();
        problems.0.extend(update.useless(&schema, &names.join(", ")));
    }
    update
}

fn read_encoding(update: &mut Fields<'_>, problems: &mut Problems) -> Encoding {
    match update.get("encoding") {
        None => return Encoding::Full,
        Some(Value::String(name)) => return known(name.trim(), update.path("encoding"), problems),
        Some(Value::Object(_)) => {}
        Some(other) => {
            let allowed = format!("{}, or {{by: one of these, …}}", Encoding::NAMES.join(", "));
            problems.add(update.path("encoding"), format!("{} is no encoding", show(other)), allowed);
            return Encoding::Full;
        }
    }
    let mut group = update.group("encoding", problems);
    let Some(name) = group.text("by", 40, problems) else {
        if group.get("by").is_none() {
            problems.add(group.path("by"), "missing", Encoding::NAMES.join(", "));
        }
        return Encoding::Full;
    };
    let encoding = match known(&name, group.path("by"), problems) {
        Encoding::Rotation { .. } => {
            let bits = group.whole("bits", 1..=4, DEFAULT_BITS.into(), problems);
            Encoding::Rotation { bits: bits as u8 }
        }
        Encoding::TopK { .. } => {
            let share = |x: f64| x > 0.0 && x <= 1.0;
            let fraction =
                group.number("fraction", share, "above 0 and at most 1", DEFAULT_FRACTION, problems);
            Encoding::TopK { fraction }
        }
        other => other,
    };
    group.refuse_unknown(problems);
    encoding
}

fn known(name: &str, path: String, problems: &mut Problems) -> Encoding {
    Encoding::named(name).unwrap_or_else(|| {
        problems.add(path, format!("'{name}' is not known"), Encoding::NAMES.join(", "));
        Encoding::Full
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use thunderline_core::Problem;

    use super::{super::FederationSpec, *};

    fn parse(more: &Value) -> Result<FederationSpec, Vec<Problem>> {
        let mut document = json!({ "model_ref": "builtin:mlp(4,3,2)", "num_rounds": 1 });
        document.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        FederationSpec::parse(&document, 1).map_err(|error| error.problems().to_vec())
    }

    #[test]
    fn a_mistake_is_one_problem() {
        for (update, path, allowed) in [
            (json!({ "encoding": 8 }), "update.encoding", "top_k"),
            (json!({ "encoding": ["int8"] }), "update.encoding", "by:"),
            (json!({ "encoding": {} }), "update.encoding.by", "top_k"),
            (json!({ "trainable": [] }), "update.trainable", "left out"),
            (json!({ "trainable": "layer0*" }), "update.trainable", "list"),
        ] {
            let problems = parse(&json!({ "update": update })).unwrap_err();
            assert_eq!(problems.len(), 1, "{update}: {problems:?}");
            assert!(problems[0].path == path && problems[0].allowed.contains(allowed), "{problems:?}");
        }
    }

    #[test]
    fn a_program_makes_whole_models() {
        let strategy = json!({ "external": "ours" });
        assert!(parse(&json!({ "strategy": strategy, "update": { "encoding": "int8" } })).is_ok());
        let refused = parse(&json!({ "strategy": strategy, "update": { "trainable": ["layer0*"] } }));
        let problems = refused.unwrap_err();
        assert!(problems.iter().any(|problem| problem.reason.contains("whole models")), "{problems:?}");
    }

    #[test]
    fn every_encoding_is_read_by_name_or_with_its_setting_and_reads_back_as_itself() {
        let cases = [
            (json!("full"), Encoding::Full),
            (json!("fp16"), Encoding::Fp16),
            (json!({ "by": "bf16" }), Encoding::Bf16),
            (json!("int8"), Encoding::Int8),
            (json!("rotation"), Encoding::Rotation { bits: 4 }),
            (json!({ "by": "rotation", "bits": 1 }), Encoding::Rotation { bits: 1 }),
            (json!("top_k"), Encoding::TopK { fraction: 0.01 }),
            (json!({ "by": "top_k", "fraction": 0.25 }), Encoding::TopK { fraction: 0.25 }),
        ];
        for (text, encoding) in cases {
            let update = json!({ "encoding": text, "trainable": ["layers.*"] });
            let spec = parse(&json!({ "update": update })).unwrap();
            assert_eq!(spec.update.encoding, encoding);
            let written = serde_json::to_value(&spec).unwrap();
            assert_eq!(FederationSpec::parse(&written, 2).unwrap(), spec);
            assert_eq!(serde_json::from_value::<FederationSpec>(written).unwrap(), spec);
        }
    }

    #[test]
    fn what_cannot_be_is_refused_with_its_path() {
        for (more, paths) in [
            (json!({ "update": { "encoding": "zip" } }), &["update.encoding"][..]),
            (json!({ "update": { "encoding": { "bits": 2 } } }), &["update.encoding.by"]),
            (json!({ "update": { "encoding": { "by": "rotation", "bits": 5 } } }), &["update.encoding.bits"]),
            (json!({ "update": { "encoding": { "by": "int8", "bits": 4 } } }), &["update.encoding.bits"]),
            (
                json!({ "update": { "encoding": { "by": "top_k", "fraction": 0 } } }),
                &["update.encoding.fraction"],
            ),
            (json!({ "update": { "trainable": ["layers.0.*", "lora_*"] } }), &["update.trainable[1]"]),
            (
                json!({ "secure_agg": true, "update": { "encoding": "int8", "trainable": ["layers.*"] } }),
                &["update.encoding", "update.trainable"],
            ),
            (
                json!({ "strategy": { "name": "scaffold" }, "update": { "encoding": "fp16" } }),
                &["update.encoding"],
            ),
        ] {
            let problems = parse(&more).unwrap_err();
            for path in paths {
                let found = problems.iter().find(|problem| problem.path == *path);
                assert!(found.is_some_and(|it| !it.allowed.is_empty()), "{path}: {problems:?}");
            }
        }
    }

    #[test]
    fn only_what_fits_a_pattern_is_trained() {
        let spec = parse(&json!({ "update": { "trainable": ["layers.1.*"] } })).unwrap();
        let model = spec.model_ref.network().unwrap().schema().unwrap();
        let trained = spec.update.trained(&model);
        let names: Vec<_> = trained.arrays().iter().map(|array| array.name.as_str()).collect();
        assert_eq!(names, ["layers.1.weight", "layers.1.bias"]);
        assert!(!spec.update.is_plain() && parse(&json!({})).unwrap().update.is_plain());
    }
}
