//! What the demo ends with.

use std::{fs, path::PathBuf};

use serde::Serialize;
use thunderline_numerics::model::Evaluation;
use thunderline_web::dto::{artifact::Artifact, rollup::Rollup};

use super::{Demo, data::Prepared};
use crate::{
    client::watch::Watched,
    failure::Result,
    output::{
        numbers::{bytes, duration, metric},
        table::{pairs, table},
    },
};

/// Rounds between two lines of the table.
const EVERY: u32 = 10;
/// So many rounds are all shown.
const WHOLE: usize = 20;

/// The demo's result.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// How many clients trained.
    pub clients: usize,
    /// How evenly labels were spread.
    pub alpha: f64,
    /// How updates became the next model.
    pub strategy: &'static str,
    /// What all chance was derived from.
    pub seed: u64,
    /// Examples held out.
    pub held_out: u64,
    /// Examples of the smallest and the largest shard.
    pub shard_sizes: (usize, usize),
    /// The rounds.
    pub rounds: Vec<Round>,
    /// The accuracy of the last round's model.
    pub accuracy: f64,
    /// The accuracy of the same network, trained on all data in one place.
    pub central_accuracy: f64,
    /// Seconds from the first round's beginning to the end.
    pub seconds: f64,
    /// The final model.
    pub checkpoint: PathBuf,
    /// Its digest.
    pub sha256: String,
    /// How many bytes it has.
    pub size_bytes: u64,
    /// The data folder.
    pub folder: PathBuf,
}

/// One round's model, judged on held-out digits.
#[derive(Clone, Debug, Serialize)]
pub struct Round {
    /// Which round, from 1.
    pub round: u32,
    /// The fraction that was classified rightly.
    pub accuracy: Option<f64>,
    /// Mean cross-entropy in nats.
    pub loss: Option<f64>,
    /// From the first lease to the last update, in seconds.
    pub seconds: f64,
}

impl Report {
    /// Puts the result together and copies the model to where people find it.
    pub fn new(
        demo: &Demo,
        prepared: &Prepared,
        watched: &Watched,
        artifact: &Artifact,
        reference: Evaluation,
    ) -> Result<Self> {
        let checkpoint = demo.folder.join("digits.safetensors");
        fs::copy(super::blob(&demo.folder, &artifact.sha256), &checkpoint)?;
        let rounds: Vec<_> = watched.rollups.iter().map(round).collect();
        let federation = &watched.details.federation;
        let span = federation.started_at.zip(federation.completed_at);
        Ok(Self {
            clients: demo.clients,
            alpha: demo.alpha,
            strategy: demo.strategy.name(),
            seed: demo.seed,
            held_out: prepared.test.len() as u64,
            shard_sizes: prepared.sizes,
            accuracy: rounds.last().and_then(|last| last.accuracy).unwrap_or(0.0),
            rounds,
            central_accuracy: reference.accuracy,
            seconds: span.map_or(0.0, |(start, end)| end.duration_since(start).as_secs_f64()),
            checkpoint,
            sha256: artifact.sha256.clone(),
            size_bytes: artifact.size_bytes,
            folder: demo.folder.clone(),
        })
    }

    /// The result for people.
    #[must_use]
    pub fn human(&self) -> String {
        let shown = |round: &&Round| {
            self.rounds.len() <= WHOLE
                || round.round == 1
                || round.round.is_multiple_of(EVERY)
                || Some(round.round) == self.rounds.last().map(|it| it.round)
        };
        let mut rows: Vec<_> = self.rounds.iter().filter(shown).map(row).collect();
        rows.push(vec!["central".into(), metric(Some(self.central_accuracy)), String::new(), String::new()]);
        let (smallest, largest) = self.shard_sizes;
        let about = format!(
            "accuracy on {} held-out digits; {} clients with {smallest} to {largest} examples each (α = {}), {}, {}",
            self.held_out,
            self.clients,
            self.alpha,
            self.strategy,
            duration(self.seconds)
        );
        let folder = self.folder.display();
        let next = pairs(&[
            ("checkpoint", format!("{} ({})", self.checkpoint.display(), bytes(self.size_bytes))),
            ("sha256", self.sha256.clone()),
            ("dashboard", format!("thunderline serve --data-dir {folder}   then open http://127.0.0.1:4000")),
            ("with Flower", format!("thunderline serve --data-dir {folder}   then, for each client:")),
            ("", "flower-supernode --insecure --superlink 127.0.0.1:8000 (flwr ≥ 1.40; 9092 for older ones)".into()),
            ("", "and submit a spec with 'app: {flower: path/to/your/app}' (thunderline federations submit -f …)".into()),
        ]);
        let table = table(&["ROUND", "ACCURACY", "LOSS", "SECONDS"], &rows);
        format!(
            "\n{about}\n\n{table}\n\n'central' is the same network with as many passes over all data in one place.\n\n{next}"
        )
    }
}

fn round(rollup: &Rollup) -> Round {
    Round {
        round: rollup.round,
        accuracy: rollup.metric("accuracy"),
        loss: rollup.metric("loss"),
        seconds: rollup.train.seconds,
    }
}

fn row(round: &Round) -> Vec<String> {
    vec![round.round.to_string(), metric(round.accuracy), metric(round.loss), format!("{:.2}", round.seconds)]
}
