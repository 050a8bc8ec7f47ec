//! `thunderline doctor`

mod checks;

use std::net::SocketAddr;

use clap::Args;
use serde::Serialize;

use super::Global;
use crate::{
    client::Remote,
    failure::{Failure, Result},
    output::print,
};

/// Check this machine, the data folder and the server, and say what to do
///
/// Ends with 1 where something does not work. Changes nothing.
#[derive(Args, Debug)]
pub struct Doctor {
    #[command(flatten)]
    remote: Remote,
    /// The database: sqlite:PATH or postgres://USER@HOST/DATABASE; a file in the data folder unless given
    #[arg(long, env = "THUNDERLINE_DATABASE", value_name = "URL", hide_env_values = true)]
    database: Option<String>,
    /// The address that 'serve --web' is to have; that of the server of this data folder unless given, or 127.0.0.1:4000
    #[arg(long, value_name = "HOST:PORT")]
    web: Option<SocketAddr>,
    /// The address that 'serve --fleet-http' is to have; likewise, or 127.0.0.1:8000
    #[arg(long, value_name = "HOST:PORT")]
    fleet_http: Option<SocketAddr>,
    /// The address that 'serve --fleet-grpc' is to have; likewise, or 127.0.0.1:9092
    #[arg(long, value_name = "HOST:PORT")]
    fleet_grpc: Option<SocketAddr>,
}

/// What a check found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Verdict {
    Good,
    Note,
    Bad,
}

/// One check.
#[derive(Debug, Serialize)]
struct Finding {
    check: &'static str,
    verdict: Verdict,
    found: String,
    /// What to do about it; empty where nothing is to be done.
    advice: String,
}

impl Finding {
    fn good(check: &'static str, found: impl Into<String>) -> Self {
        Self { check, verdict: Verdict::Good, found: found.into(), advice: String::new() }
    }

    fn note(check: &'static str, found: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { check, verdict: Verdict::Note, found: found.into(), advice: advice.into() }
    }

    fn bad(check: &'static str, found: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { check, verdict: Verdict::Bad, found: found.into(), advice: advice.into() }
    }
}

impl Doctor {
    /// Checks everything.
    pub fn run(&self, global: &Global) -> Result<()> {
        let data = &global.data_dir;
        let mut findings = vec![
            checks::folder(data),
            checks::disk(data),
            checks::database(data, self.database.as_deref()),
            checks::server(&self.remote, data),
        ];
        findings.extend(checks::ports(data, [self.web, self.fleet_http, self.fleet_grpc]));
        print(global.format(), &findings, |findings| {
            let lines = findings.iter().map(line).collect::<Vec<_>>();
            lines.join("\n")
        });
        match findings.iter().filter(|finding| finding.verdict == Verdict::Bad).count() {
            0 => Ok(()),
            1 => Err(Failure::failed("1 thing does not work")),
            many => Err(Failure::failed(format!("{many} things do not work"))),
        }
    }
}

fn line(finding: &Finding) -> String {
    let sign = match finding.verdict {
        Verdict::Good => "✓",
        Verdict::Note => "·",
        Verdict::Bad => "✗",
    };
    let advice =
        if finding.advice.is_empty() { String::new() } else { format!("\n{:14}→ {}", "", finding.advice) };
    format!("{sign} {:<11} {}{advice}", finding.check, finding.found)
}
