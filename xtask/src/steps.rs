//! Named steps with their durations, and which of them failed.

use std::time::{Duration, Instant};

/// What has been done so far. Every step is run even after another has failed, so that one run shows all problems.
pub struct Steps {
    started: Instant,
    failed: Vec<String>,
}

impl Steps {
    /// Starts the clock.
    pub fn start() -> Self {
        Self { started: Instant::now(), failed: Vec::new() }
    }

    /// Runs one step and says how long it took. `None` when it failed, with the reason printed.
    pub fn step<T>(&mut self, name: &str, work: impl FnOnce() -> Result<T, String>) -> Option<T> {
        println!("==> {name}");
        let began = Instant::now();
        let outcome = work();
        let took = seconds(began.elapsed());
        match outcome {
            Ok(value) => {
                println!("    {name}: ok, {took} (at {})", seconds(self.started.elapsed()));
                Some(value)
            }
            Err(problem) => {
                println!("{problem}");
                println!("    {name}: FAILED, {took} (at {})", seconds(self.started.elapsed()));
                self.failed.push(name.to_owned());
                None
            }
        }
    }

    /// The names of the steps that failed, in order.
    pub fn failed(&self) -> &[String] {
        &self.failed
    }

    /// Time since the first step began.
    pub fn elapsed(&self) -> String {
        seconds(self.started.elapsed())
    }
}

/// A duration in words short enough for a log line.
pub fn seconds(duration: Duration) -> String {
    format!("{:.1} s", duration.as_secs_f64())
}
