//! Where log lines go.

use clap::ValueEnum;
use thunderline_core::Error;
use tracing_subscriber::{EnvFilter, fmt::MakeWriter};

use super::Global;
use crate::failure::Result;

/// The form of log lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object per line.
    Json,
}

/// Starts logging. `default` is the filter where the command line names none.
///
/// # Errors
/// Refuses filters that are not understood.
pub fn start<W>(global: &Global, writer: W, default: &str) -> Result<()>
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let wanted = global.log.as_deref().unwrap_or(default);
    let filter = EnvFilter::try_new(wanted).map_err(|error| {
        let reason = format!("'{wanted}' is not understood: {error}");
        Error::invalid_value("--log", reason, "info, or info,federation=debug")
    })?;
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(writer);
    // Started once per process; a second start (in tests) keeps the first.
    let _already = match global.log_format {
        LogFormat::Text => lines.with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr())).try_init(),
        LogFormat::Json => lines.json().flatten_event(true).try_init(),
    };
    Ok(())
}
