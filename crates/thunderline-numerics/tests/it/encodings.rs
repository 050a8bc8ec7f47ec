//! The encodings against the Python package's: on random arrays, both sides make the same bytes of the same training, and the
//! same array of the same bytes, to the last bit.

use std::process::Command;

use serde_json::{Value, json};
use thunderline_numerics::{
    ArraySpec, DType, MemoryArrays, ModelSchema,
    encoding::{
        Encoding,
        delta::{difference, restore},
        encode,
        terms::Terms,
    },
    random::Rng,
};

use crate::flower::python;

const CASES: u64 = 180;

struct Case {
    spec: ArraySpec,
    terms: Terms,
    base: Vec<u8>,
    trained: Vec<u8>,
    payload: Option<Vec<u8>>,
}

fn bytes(dtype: DType, values: &[f64]) -> Vec<u8> {
    let element = |value: &f64| match dtype {
        DType::F16 => half(*value).to_vec(),
        DType::F32 => (*value as f32).to_le_bytes().to_vec(),
        _ => value.to_le_bytes().to_vec(),
    };
    values.iter().flat_map(element).collect()
}

/// A `binary16` near the value, which is below 2 and not tiny: enough for an arbitrary element.
fn half(value: f64) -> [u8; 2] {
    let bits = (value as f32).to_bits();
    let exponent = ((bits >> 23) & 0xFF).saturating_sub(112).min(20);
    (((bits >> 16) & 0x8000) as u16 | (exponent << 10) as u16 | ((bits >> 13) & 0x3FF) as u16).to_le_bytes()
}

fn case(number: u64) -> Case {
    let mut rng = Rng::derive(number, &["encodings"]);
    let encoding = match number % 9 {
        0 => Encoding::Fp16,
        1 => Encoding::Bf16,
        2 => Encoding::Int8,
        bits @ 3..=6 => Encoding::Rotation { bits: bits as u8 - 2 },
        7 => Encoding::TopK { fraction: 0.01 },
        _ => Encoding::TopK { fraction: rng.uniform() / 2.0 + 0.001 },
    };
    let axes = rng.below(3) + 1;
    let mut shape: Vec<usize> = (1..axes).map(|_| 1 + rng.place(12)).collect();
    let longest = if rng.below(8) == 0 { 90_000 } else { 9000 } / shape.iter().product::<usize>();
    shape.insert(rng.place(shape.len() + 1), 1 + rng.place(longest));
    let dtype = [DType::F32, DType::F32, DType::F64, DType::F16][rng.place(4)];
    let spec = ArraySpec::new(format!("läyer.{number}"), dtype, &shape);
    let count = spec.elements().unwrap();
    let size = 10f64.powi(rng.below(6) as i32 - 6);
    let from: Vec<f64> = (0..count).map(|_| rng.normal()).collect();
    let heavy = rng.below(3) == 0;
    let mut change = |from: &f64| {
        let change = rng.normal() * size;
        from + if rng.below(10) == 0 {
            0.0
        } else if heavy {
            change.powi(3)
        } else {
            change
        }
    };
    let to: Vec<f64> = from.iter().map(&mut change).collect();
    let (base, trained) = (bytes(dtype, &from), bytes(dtype, &to));
    let terms = Terms { encoding, seed: rng.bits(), trainable: Vec::new(), last: true };
    let delta = difference(dtype, &base, &trained).unwrap();
    let payload = encode(encoding, &spec, &delta, terms.seed_of(&spec.name)).unwrap();
    Case { spec, terms, base, trained, payload }
}

impl Case {
    fn describe(&self) -> Value {
        let payload = self.payload.as_ref().map_or(0, Vec::len);
        json!({
            "name": self.spec.name, "dtype": self.spec.dtype, "shape": self.spec.shape, "terms": self.terms,
            "payload": self.payload.is_some(), "lengths": [self.base.len(), self.trained.len(), payload],
        })
    }

    fn restored(&self, payload: &[u8]) -> Vec<u8> {
        let base =
            MemoryArrays::new(ModelSchema::new(vec![self.spec.clone()]).unwrap(), self.base.clone()).unwrap();
        let mut restored = Vec::new();
        let bytes = (&mut &*payload as &mut dyn std::io::Read, payload.len() as u64);
        restore(self.terms.encoding, &self.spec, bytes, (&base, 0), &mut |bytes| {
            restored.extend_from_slice(bytes);
            Ok(())
        })
        .unwrap();
        restored
    }
}

#[test]
fn flower_client_apps_send_what_the_task_asks_for() {
    let Some(python) = python() else { return };
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/peers/encoding_mod.py");
    let mut command = Command::new(python);
    command.env("FLWR_TELEMETRY_ENABLED", "0").env("FLWR_DISABLE_UPDATE_CHECK", "1");
    let output = command.arg(script).env("PYTHONDONTWRITEBYTECODE", "1").output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn both_sides_make_the_same_bytes_and_the_same_arrays() {
    let Some(python) = python() else { return };
    let cases: Vec<Case> = (0..CASES).map(case).collect();
    let folder = tempfile::tempdir().unwrap();
    let described: Vec<_> = cases.iter().map(Case::describe).collect();
    std::fs::write(folder.path().join("cases.json"), serde_json::to_vec(&described).unwrap()).unwrap();
    let parts = |case: &Case| {
        [case.base.clone(), case.trained.clone(), case.payload.clone().unwrap_or_default()].concat()
    };
    std::fs::write(folder.path().join("data.bin"), cases.iter().flat_map(parts).collect::<Vec<u8>>())
        .unwrap();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/peers/encodings.py");
    let status = Command::new(python)
        .arg(script)
        .arg(folder.path())
        .env("OPENBLAS_NUM_THREADS", "1")
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .status()
        .unwrap();
    assert!(status.success(), "the other side failed; see above");
    let results = std::fs::read(folder.path().join("results.bin")).unwrap();
    let lengths = std::fs::read(folder.path().join("results.json")).unwrap();
    let lengths: Vec<[usize; 2]> = serde_json::from_slice(&lengths).unwrap();
    let (mut at, mut encoded) = (0, 0);
    assert_eq!(lengths.len(), cases.len());
    for (case, [sent, restored]) in cases.iter().zip(lengths) {
        let theirs = &results[at..at + sent];
        let of_ours = &results[at + sent..at + sent + restored];
        at += sent + restored;
        let Some(payload) = &case.payload else {
            assert!(theirs == case.trained, "{}: sent as it is", case.describe());
            continue;
        };
        encoded += 1;
        assert!(theirs == payload, "{}: other bytes", case.describe());
        assert!(of_ours == case.restored(payload), "{}: another array", case.describe());
    }
    assert!(encoded > cases.len() / 2, "{encoded} of {} arrays were encoded", cases.len());
}
