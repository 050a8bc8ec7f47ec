//! Google's dp-accounting, asked now or some time ago.

use std::{
    io::Write,
    path::PathBuf,
    process::{Command, Stdio},
};

use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};

use crate::peer::peer;

/// What was said for each setting when it was asked for all of them.
pub struct Record {
    /// The program that asks, under `tests/peers`.
    pub script: &'static str,
    /// Where its answers are, beside it.
    pub file: &'static str,
    /// The test that asks for all again.
    pub again: &'static str,
}

impl Record {
    fn path(name: &str) -> PathBuf {
        PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/peers")).join(name)
    }

    /// How to record again.
    pub fn how(&self) -> String {
        format!(
            "record again with `cargo xtask with cargo test -p thunderline-numerics -- --ignored {}`",
            self.again
        )
    }

    /// What is said now, or `None` where the tests were asked to leave the peers out.
    fn ask<T: DeserializeOwned>(&self, settings: &[&Value]) -> Option<Vec<T>> {
        let folder = peer("THUNDERLINE_DP_ACCOUNTING")?;
        let mut python = Command::new(folder.join("python"))
            .arg(Self::path(self.script))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        python.stdin.take().unwrap().write_all(json!(settings).to_string().as_bytes()).unwrap();
        let output = python.wait_with_output().unwrap();
        assert!(output.status.success());
        Some(serde_json::from_slice(&output.stdout).unwrap())
    }

    /// Asks for all settings and writes the answers down.
    pub fn write<T: DeserializeOwned + Serialize>(&self, settings: &[Value]) {
        let answers =
            self.ask::<T>(&settings.iter().collect::<Vec<_>>()).expect("Google's library is at hand");
        let lines = settings.iter().zip(answers).map(|line| json!(line).to_string() + "\n");
        std::fs::write(Self::path(self.file), lines.collect::<String>()).unwrap();
    }

    /// What was written down for these settings.
    pub fn read<T: DeserializeOwned>(&self, settings: &[Value]) -> Vec<T> {
        let text = std::fs::read_to_string(Self::path(self.file)).unwrap();
        let record: Vec<(Value, T)> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let asked = record.iter().map(|(settings, _)| settings);
        assert!(asked.eq(settings), "the settings have changed: {}", self.how());
        record.into_iter().map(|(_, answer)| answer).collect()
    }

    /// Some of the settings with what was said then and what is said now; nothing where peers are left out.
    pub fn ask_again<'a, T: DeserializeOwned>(
        &self,
        settings: &'a [Value],
        every: usize,
    ) -> Vec<(&'a Value, T, T)> {
        let sample: Vec<_> = settings.iter().zip(self.read(settings)).step_by(every).collect();
        let asked: Vec<_> = sample.iter().map(|(settings, _)| *settings).collect();
        let Some(now) = self.ask(&asked) else { return Vec::new() };
        sample.into_iter().zip(now).map(|((settings, then), now)| (settings, then, now)).collect()
    }
}
