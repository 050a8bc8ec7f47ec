//! `thunderline runner`

mod parent;
mod peers;

use std::{
    path::{self, PathBuf},
    time::Duration,
};

use clap::Args;
use thunderline_runner::{Floor, NamedCommand, RunnerConfig, Stop};
use tokio::signal::unix::{SignalKind, signal};

use super::Global;
use crate::{client::ServerFile, compose, failure::Result, output::numbers::plain_value};

/// Where a server of this machine expects runners unless told otherwise.
const DEFAULT_SERVER: &str = "http://127.0.0.1:8000";
/// Among fewer nobody hides.
const FEWEST_MEMBERS: usize = 3;

/// Train for a server, where the data is
///
/// Enrols with the server, then trains what it is asked to: built-in models on a CSV file, or programs that you name here.
/// Calls out only; nothing listens. The data never leaves this machine, only models and metrics do.
#[derive(Args, Debug)]
pub struct Runner {
    /// The server's runner address; without it, the one that serves the data folder
    #[arg(long, env = "THUNDERLINE_FLEET", hide_env_values = true, value_name = "URL")]
    server: Option<String>,
    /// This runner's name, unique within the site; the machine's name unless given
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// A label that federations can select by; may be given several times
    #[arg(long = "tag", value_name = "LABEL")]
    tags: Vec<String>,
    /// What the runner can do or where it is, as gpu=true, region=eu or site=charite; may be given several times
    #[arg(long = "capability", value_name = "KEY=VALUE", value_parser = capability)]
    capabilities: Vec<(String, serde_json::Value)>,
    /// Local data: for built-in models a CSV file, features first, the label last
    #[arg(long, value_name = "FILE")]
    data: Option<PathBuf>,
    /// Held-out data for evaluation; the local data unless given
    #[arg(long, value_name = "FILE")]
    evaluation_data: Option<PathBuf>,
    /// What every feature of the CSV files is divided by, as with evaluation.server.scale in a spec
    #[arg(long, value_name = "NUMBER", default_value_t = 1.0)]
    feature_scale: f64,
    /// A program that federations may ask for by name; may be given several times
    #[arg(long = "command", value_name = "NAME=PROGRAM ARGS…", value_parser = command)]
    commands: Vec<NamedCommand>,
    /// How long such a program may take, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 3600)]
    command_limit: u64,
    /// Train with secure aggregation only, and among at least so many clients; 3 where only another such option is given
    #[arg(long, value_name = "NUMBER")]
    secure_members: Option<usize>,
    /// Train with secure aggregation only, taking so many clients in a thousand for the server's; 0 unless given
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u16).range(0..=999))]
    secure_corrupt: Option<u16>,
    /// Train with secure aggregation only, and with these sites: a file with the line of each one's secure.pub; without it
    /// the server's word is taken
    #[arg(long, value_name = "FILE")]
    secure_peers: Option<PathBuf>,
    /// Where the runner keeps its key; a folder of its name in the data folder unless given
    #[arg(long, value_name = "DIR")]
    state: Option<PathBuf>,
    /// End when standard input ends: for whoever starts runners and must not leave any behind
    #[arg(long, hide = true)]
    while_stdin: bool,
}

fn capability(text: &str) -> Result<(String, serde_json::Value), String> {
    let (key, value) = text.split_once('=').ok_or_else(|| format!("'{text}' is not KEY=VALUE"))?;
    Ok((key.trim().to_owned(), plain_value(value.trim())))
}

/// A program with its name.
pub fn command(text: &str) -> Result<NamedCommand, String> {
    // Which option it was is said around this.
    NamedCommand::parse(text).map_err(|error| match error.problems() {
        [problem] => format!("{} (allowed: {})", problem.reason, problem.allowed),
        _ => error.to_string(),
    })
}

impl Runner {
    /// Runs until told to stop.
    pub fn run(&self, global: &Global) -> Result<()> {
        if self.while_stdin {
            parent::end_with_it();
        }
        let config = self.config(global)?;
        let stop = Stop::new();
        stop_on_signals(&stop)?;
        Ok(thunderline_runner::run(&compose::system(), &config, &stop)?)
    }

    /// What the runner is told. Programs run in folders of their own, so paths become absolute.
    fn config(&self, global: &Global) -> Result<RunnerConfig> {
        let written = || ServerFile::read(&global.data_dir).map(|file| file.fleet_http);
        let server = self.server.clone().or_else(written).unwrap_or_else(|| DEFAULT_SERVER.to_owned());
        let name = self.name.clone().unwrap_or_else(machine_name);
        let state =
            self.state.clone().unwrap_or_else(|| global.data_dir.join("runners").join(file_name(&name)));
        Ok(RunnerConfig {
            tags: self.tags.clone(),
            capabilities: self.capabilities.iter().cloned().collect(),
            data: self.data.as_deref().map(path::absolute).transpose()?,
            evaluation_data: self.evaluation_data.as_deref().map(path::absolute).transpose()?,
            feature_scale: self.feature_scale,
            commands: self.commands.iter().map(found_anywhere).collect::<Result<_>>()?,
            command_limit: Duration::from_secs(self.command_limit),
            floor: self.floor()?,
            ..RunnerConfig::new(server, name, state)
        })
    }

    /// What the site asks of a secure aggregation; none where it asks nothing.
    fn floor(&self) -> Result<Option<Floor>> {
        let trusted = self.secure_peers.as_deref().map(peers::read).transpose()?;
        let asked = self.secure_members.is_some() || self.secure_corrupt.is_some() || trusted.is_some();
        let members = self.secure_members.unwrap_or(FEWEST_MEMBERS);
        let corrupt = self.secure_corrupt.unwrap_or_default();
        Ok(asked.then_some(Floor { members, corrupt, trusted }))
    }
}

/// The command with a program that is found from any folder. A bare name is looked for in PATH, as in a shell.
fn found_anywhere(command: &NamedCommand) -> Result<NamedCommand> {
    let mut command = command.clone();
    if command.program.as_os_str().as_encoded_bytes().contains(&b'/') {
        command.program = path::absolute(&command.program)?;
    }
    Ok(command)
}

/// Ends the runner's work on Ctrl-C; a second one ends the process where it is.
fn stop_on_signals(stop: &Stop) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let stop = stop.clone();
    std::thread::Builder::new().name("signals".into()).spawn(move || {
        runtime.block_on(async {
            let (Ok(mut interrupt), Ok(mut terminate)) =
                (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
            else {
                return;
            };
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            eprintln!("stopping: the server is told (again Ctrl-C: at once)");
            stop.stop();
            interrupt.recv().await;
            parent::end_now();
        });
    })?;
    Ok(())
}

fn machine_name() -> String {
    let name = rustix::system::uname().nodename().to_string_lossy().into_owned();
    if name.is_empty() { "runner".to_owned() } else { name }
}

/// The name as a file name.
fn file_name(name: &str) -> String {
    let plain = |c: char| if c.is_alphanumeric() || matches!(c, '-' | '_') { c } else { '_' };
    name.chars().map(plain).collect()
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::cli::{Cli, Command};

    #[test]
    fn paths_are_absolute_because_programs_run_elsewhere() {
        let line = "thunderline runner --data a/shard.csv --evaluation-data held-out.csv --feature-scale 16";
        let commands = ["--command", "own=./train.py --gpu 0", "--command", "python=python3 /x.py"];
        let cli = Cli::try_parse_from(line.split(' ').chain(commands)).unwrap();
        let Command::Runner(runner) = &cli.command else { panic!("another command") };
        let config = runner.config(&cli.global).unwrap();
        let here = std::env::current_dir().unwrap();
        assert_eq!(config.data, Some(here.join("a/shard.csv")));
        assert_eq!(config.evaluation_data, Some(here.join("held-out.csv")));
        assert_eq!(config.commands[0].program, here.join("train.py"));
        assert_eq!(config.commands[1].program, PathBuf::from("python3"));
        assert_eq!(config.feature_scale, 16.0);
        assert_eq!(config.floor, None);
    }

    #[test]
    fn whoever_asks_anything_of_masks_asks_for_masks() {
        let floor = |option: &str, value: &str| {
            let cli = Cli::try_parse_from(["thunderline", "runner", option, value]).unwrap();
            let Command::Runner(runner) = &cli.command else { panic!("another command") };
            runner.config(&cli.global).unwrap().floor.expect("something is asked")
        };
        let (five, tenth) = (floor("--secure-members", "5"), floor("--secure-corrupt", "100"));
        assert_eq!((five.members, five.corrupt, tenth.members, tenth.corrupt), (5, 0, 3, 100));
        assert!(Cli::try_parse_from(["thunderline", "runner", "--secure-corrupt", "1000"]).is_err());
    }

    #[test]
    fn a_name_cannot_lead_out_of_the_data_folder() {
        assert_eq!(file_name("../Klinik Süd"), "___Klinik_Süd");
        assert!(!machine_name().is_empty());
    }
}
