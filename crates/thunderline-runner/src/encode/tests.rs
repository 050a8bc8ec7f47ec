use thunderline_flower::message::TaskKind;

use super::*;

const NAMES: [&str; 3] = ["lora_a", "base", "lora_count"];

fn schema() -> ModelSchema {
    ModelSchema::new(vec![
        ArraySpec::new(NAMES[0], DType::F32, &[40, 50]),
        ArraySpec::new(NAMES[1], DType::F32, &[40, 50]),
        ArraySpec::new(NAMES[2], DType::I64, &[2]),
    ])
    .unwrap()
}

/// A model of which all floats are these.
fn write(path: &Path, floats: impl Fn(usize) -> f32) -> ModelFile {
    let mut writer = CheckpointWriter::new(File::create(path).unwrap(), &schema(), &BTreeMap::new()).unwrap();
    for _ in 0..2 {
        (0..2000).for_each(|place| writer.write(&floats(place).to_le_bytes()).unwrap());
    }
    [7i64, 8].iter().for_each(|count| writer.write(&count.to_le_bytes()).unwrap());
    writer.finish().unwrap();
    ModelFile::open(path).unwrap()
}

struct Site(tempfile::TempDir);

impl Site {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn task(&self, terms: &str) -> Task {
        let folder = self.0.path().to_owned();
        Task {
            kind: TaskKind::Train,
            round: 1,
            config: vec![(KEY.into(), ConfigValue::Text(terms.into()))],
            model: write(&folder.join("in"), |_| 1.0),
            state: None,
            own: PathBuf::new(),
            folder,
        }
    }

    /// What is sent of a model that training has moved by these, and what is decoded from its first array.
    fn send(&self, terms: &str, moved: impl Fn(usize) -> f32) -> (Encoded, Vec<f32>) {
        let task = self.task(terms);
        let trained = write(&self.0.path().join("out"), |place| 1.0 + moved(place));
        let encoded = update(&task, Some(&trained), self.0.path(), run()).unwrap().unwrap();
        let sent = encoded.model.arrays().unwrap();
        let mut bytes = vec![0; encoded.model.schema().array_bytes(0) as usize];
        sent.read_at(0, 0, &mut bytes).unwrap();
        let mut values = Vec::new();
        let encoding = super::terms(&task.config).unwrap().encoding;
        decode(encoding, &schema().arrays()[0], &mut &*bytes, bytes.len() as u64, &mut |piece| {
            values.extend_from_slice(piece);
            Ok(())
        })
        .unwrap();
        (encoded, values)
    }

    fn kept(&self) -> bool {
        kept::path(&folder(self.0.path()), run()).exists()
    }
}

fn run() -> RunId {
    RunId::from_bits(7)
}

#[test]
fn only_the_arrays_that_are_asked_for_are_sent_and_integers_as_they_are() {
    let site = Site::new();
    let terms = r#"{"encoding":{"by":"rotation","bits":4},"seed":1,"trainable":["lora_*"]}"#;
    let (encoded, values) = site.send(terms, |place| (place % 10) as f32 * 0.01);
    let sent = encoded.model.schema();
    let names: Vec<_> = sent.arrays().iter().map(|array| array.name.as_str()).collect();
    assert_eq!(names, ["lora_a", "lora_count"]);
    assert!(sent.array_bytes(0) < 1100 && sent.arrays()[1].dtype == DType::I64);
    let mut counts = [0; 16];
    encoded.model.arrays().unwrap().read_at(1, 0, &mut counts).unwrap();
    assert_eq!(counts.to_vec(), [7i64, 8].map(i64::to_le_bytes).concat());
    assert!((values[9] - 0.09).abs() < 0.03, "{}", values[9]);
    encoded.rest.keep(site.0.path(), run()).unwrap();
    assert!(!site.kept());
}

#[test]
fn what_top_k_leaves_out_is_sent_in_later_rounds() {
    let site = Site::new();
    let terms =
        |last: bool| format!(r#"{{"encoding":{{"by":"top_k","fraction":0.1}},"seed":1,"last":{last}}}"#);
    // In the first round the even places move most, and in the second nothing moves at all.
    let moved = |place: usize| {
        if place < 200 {
            0.5
        } else if place < 400 {
            0.25
        } else {
            0.0
        }
    };
    let (first, values) = site.send(&terms(false), moved);
    assert_eq!((values[0], values[199], values[200]), (0.5, 0.5, 0.0));
    assert!(!site.kept(), "it is kept when the server has the update");
    first.rest.keep(site.0.path(), run()).unwrap();
    assert!(site.kept());
    let (second, values) = site.send(&terms(false), |_| 0.0);
    assert_eq!((values[0], values[200], values[399]), (0.0, 0.25, 0.25));
    second.rest.keep(site.0.path(), run()).unwrap();
    let (last, values) = site.send(&terms(true), |_| 0.0);
    assert!(values.iter().all(|value| *value == 0.0));
    last.rest.keep(site.0.path(), run()).unwrap();
    assert!(!site.kept(), "there is no next round");
}

#[test]
fn a_rest_that_is_another_models_is_dropped() {
    let site = Site::new();
    let path = kept::path(&folder(site.0.path()), run());
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let terms = r#"{"encoding":{"by":"top_k","fraction":0.1},"seed":1}"#;
    write(&path, |_| 3.0);
    assert!(site.send(terms, |_| 0.0).1.iter().all(|value| *value == 0.0));
    std::fs::write(&path, b"half a fi").unwrap();
    assert!(site.send(terms, |_| 0.0).1.iter().all(|value| *value == 0.0));
}

#[test]
fn what_this_runner_does_not_know_is_sent_as_it_is() {
    let site = Site::new();
    for terms in [r#"{"encoding":"zstd","seed":1}"#, r#"{"encoding":"fp16","seed":1,"more":2}"#, "?"] {
        let task = site.task(terms);
        assert!(update(&task, Some(&task.model), site.0.path(), run()).unwrap().is_none(), "{terms}");
    }
    let task = site.task(r#"{"encoding":"fp16","seed":1}"#);
    assert!(update(&task, None, site.0.path(), run()).unwrap().is_none(), "nothing was trained");
}
