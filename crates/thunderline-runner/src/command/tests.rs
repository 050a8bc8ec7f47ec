use std::{collections::BTreeMap, fs::File, time::Duration};

use thunderline_numerics::{ArraySpec, DType, MemoryArrays, ModelSchema, checkpoint::write_checkpoint};

use super::*;
use crate::config::NamedCommand;

/// A site whose program is this shell script, and a task for it.
struct Site {
    folder: tempfile::TempDir,
    config: RunnerConfig,
}

fn model(path: &Path, names: &[&str]) -> ModelFile {
    let arrays = names.iter().map(|name| ArraySpec::new(*name, DType::F32, &[2])).collect();
    let schema = ModelSchema::new(arrays).unwrap();
    let bytes = (0..schema.bytes()).map(|byte| byte as u8).collect();
    let arrays = MemoryArrays::new(schema.clone(), bytes).unwrap();
    write_checkpoint(File::create(path).unwrap(), &schema, &BTreeMap::new(), &arrays).unwrap();
    ModelFile::open(path).unwrap()
}

impl Site {
    fn new(script: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut config = RunnerConfig::new("http://unused", "site-1", folder.path());
        let arguments = vec!["-c".to_owned(), script.to_owned()];
        config.commands = vec![NamedCommand { name: "trainer".into(), program: "/bin/sh".into(), arguments }];
        config.data = Some("/data/shard.csv".into());
        config.command_limit = Duration::from_secs(60);
        Self { folder, config }
    }

    fn run(&self, kind: TaskKind, name: &str) -> Result<Outcome> {
        let folder = self.folder.path().to_owned();
        let model = model(&folder.join("in.safetensors"), &["b", "a"]);
        let config = vec![
            ("server-round".to_owned(), ConfigValue::Int(3)),
            (app::KEY.to_owned(), ConfigValue::Text("not for the program".into())),
        ];
        let own = folder.join("own.safetensors");
        let task = Task { kind, round: 3, config, model, state: None, own, folder };
        let settings = serde_json::json!({"depth": 50}).as_object().unwrap().clone();
        let app =
            CommandApp { name: name.into(), config: settings, proximal_mu: 0.5, secure_agg: false, seed: 7 };
        super::run(&app, &task, &self.config, &Stop::new())
    }
}

#[test]
fn the_program_is_told_everything_and_its_answer_is_read() {
    let script = r#"cat > assignment; cp in.safetensors output.safetensors
        echo '{"num_examples": 12, "metrics": {"train_loss": 0.5, "tokens": 900, "losses": [1, 0.5]}}'"#;
    let site = Site::new(script);
    let outcome = site.run(TaskKind::Train, "trainer").unwrap();
    assert_eq!(outcome.examples, 12);
    let metrics = [
        ("train_loss".to_owned(), MetricValue::Double(0.5)),
        ("tokens".to_owned(), MetricValue::Int(900)),
        ("losses".to_owned(), MetricValue::Doubles(vec![1.0, 0.5])),
    ];
    assert_eq!(outcome.metrics, metrics);
    assert_eq!(outcome.model.unwrap().schema().len(), 2);

    let text = std::fs::read_to_string(site.folder.path().join("assignment")).unwrap();
    let told: Value = serde_json::from_str(&text).unwrap();
    let folder = site.folder.path().to_str().unwrap();
    let seed = randomness(7, "train", 3, "site-1").bits() >> 32;
    assert_eq!(
        told,
        serde_json::json!({
            "version": 1, "task": "train", "round": 3,
            "config": {"server-round": 3, "proximal-mu": 0.5, "depth": 50},
            "input_model": format!("{folder}/in.safetensors"),
            "output_model": format!("{folder}/output.safetensors"),
            "data": "/data/shard.csv", "seed": seed,
        })
    );
}

#[test]
fn an_evaluation_has_no_output_model_and_its_own_data() {
    let mut site = Site::new(r#"cat > assignment; echo '{"num_examples": 2}'"#);
    site.config.evaluation_data = Some("/data/held-out.csv".into());
    let outcome = site.run(TaskKind::Evaluate, "trainer").unwrap();
    assert!(outcome.model.is_none() && outcome.metrics.is_empty());
    let text = std::fs::read_to_string(site.folder.path().join("assignment")).unwrap();
    let told: Value = serde_json::from_str(&text).unwrap();
    assert_eq!((told.get("output_model"), &told["data"]), (None, &Value::from("/data/held-out.csv")));
}

#[test]
fn what_goes_wrong_is_told_with_the_programs_own_words() {
    let cases = [
        ("echo 'out of memory' >&2; exit 9", "out of memory"),
        ("echo hello", "did not answer as agreed"),
        (r#"echo '{"num_examples": -1}'"#, "did not answer as agreed"),
        (r#"echo '{"num_examples": 1, "metrics": {"note": "fine"}}'"#, "'note' is neither"),
        (r#"echo '{"num_examples": 1}'"#, "output.safetensors"),
        (r#"echo nonsense > output.safetensors; echo '{"num_examples": 1}'"#, "checkpoint"),
    ];
    for (script, why) in cases {
        let error = Site::new(script).run(TaskKind::Train, "trainer").unwrap_err();
        assert!(error.chain().contains(why), "{script}: {}", error.chain());
    }
    let error = Site::new("true").run(TaskKind::Train, "other").unwrap_err();
    assert_eq!(error.code(), "not_found");
}

#[test]
fn a_trained_model_must_have_the_same_arrays_in_whatever_order() {
    let folder = tempfile::tempdir().unwrap();
    let before = model(&folder.path().join("before"), &["b", "a"]);
    let check = |names: &[&str]| {
        let path = folder.path().join("after");
        model(&path, names);
        trained(&path, &before).map(|_| ()).map_err(|error| error.to_string())
    };
    check(&["a", "b"]).unwrap();
    assert!(check(&["a"]).unwrap_err().contains("'b' float32[2] is missing"));
    assert!(check(&["a", "b", "c"]).unwrap_err().contains("3 arrays instead of 2"));
}
