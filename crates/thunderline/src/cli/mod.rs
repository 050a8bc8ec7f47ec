//! The command line: one file per command.

mod artifacts;
mod backup;
mod blackboard;
mod checkpoints;
mod completions;
mod dead_letters;
mod decisions;
mod demo;
mod doctor;
mod domains;
mod events;
mod federations;
mod flags;
mod golden;
mod jobs;
mod lineage;
mod logging;
mod migrate;
mod nodes;
mod openapi;
mod privacy;
mod restore;
mod retention;
mod runner;
mod schedules;
mod serve;
mod strategies;
mod usage;
mod watched;
mod webhooks;
mod workflows;
mod zones;

use std::{path::PathBuf, process::ExitCode};

use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand};

use crate::{
    client::DEFAULT_DATA_DIR,
    failure::{EXIT_CODES, Failure, Result},
    output::Format,
};

/// Governed federated training: the server, the runner, and everything to steer them.
#[derive(Parser, Debug)]
#[command(name = "thunderline", version, about, long_about = None, after_help = EXIT_CODES, propagate_version = true)]
struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

/// What every command understands.
#[derive(Args, Clone, Debug)]
pub struct Global {
    /// Print JSON instead of tables
    #[arg(long, global = true)]
    json: bool,
    /// The data folder
    #[arg(long, global = true, env = "THUNDERLINE_DATA_DIR", hide_env_values = true, value_name = "DIR", default_value = DEFAULT_DATA_DIR)]
    data_dir: PathBuf,
    /// What to log to standard error: a level, or filters such as info,federation=debug
    #[arg(long, global = true, env = "THUNDERLINE_LOG", hide_env_values = true, value_name = "FILTER")]
    log: Option<String>,
    /// The form of log lines
    #[arg(long, global = true, value_enum, default_value_t = logging::LogFormat::Text)]
    log_format: logging::LogFormat,
}

impl Global {
    /// How results are printed.
    #[must_use]
    pub fn format(&self) -> Format {
        if self.json { Format::Json } else { Format::Human }
    }
}

#[derive(Subcommand, Debug)]
enum Command {
    /// Train a model with ten clients on this machine, from nothing to a checkpoint
    Demo(demo::Demo),
    /// Run the server
    Serve(serve::Serve),
    /// Train for a server, where the data is
    Runner(runner::Runner),
    /// Submit federations and steer them
    Federations(federations::Federations),
    /// See how updates can become the next model
    Strategies(strategies::Strategies),
    /// Look at the nodes that train, say what they can do, group them, shut them out
    Nodes(nodes::Nodes),
    /// See where nodes are, and hold a place for a time
    Zones(zones::Zones),
    /// Look at stored models, app bundles and data sets, and fetch them
    Artifacts(artifacts::Artifacts),
    /// Define workflows and carry them out
    Workflows(workflows::Workflows),
    /// See what made a model: rounds, nodes, seeds
    Lineage(lineage::Lineage),
    /// See what was decided, and why
    Decisions(decisions::Decisions),
    /// See which parts of the server are alive, and steer them
    Domains(domains::Domains),
    /// See and set what may be spent of people's privacy
    Privacy(privacy::Privacy),
    /// See what happens, and who makes what of it
    Events(events::Events),
    /// Look at the job queue and steer it
    Jobs(jobs::Jobs),
    /// Enqueue jobs at given times, again and again
    Schedules(schedules::Schedules),
    /// See events that a consumer could not handle, and decide on them
    DeadLetters(dead_letters::DeadLetters),
    /// Have events sent to other systems, signed
    Webhooks(webhooks::Webhooks),
    /// Switch features on and off while the server runs
    Flags(flags::Flags),
    /// Read and write small values that parts of an installation share for a while
    Blackboard(blackboard::Blackboard),
    /// Check this machine, the data folder and the server, and say what to do
    Doctor(doctor::Doctor),
    /// Back up this installation, also while it works
    Backup(backup::Backup),
    /// Make a data folder from a backup
    Restore(restore::Restore),
    /// See what was running at starts, stops and in between
    Checkpoints(checkpoints::Checkpoints),
    /// See and say what is kept for how long
    Retention(retention::Retention),
    /// Bring the database up to date without starting the server
    Migrate(migrate::Migrate),
    /// Print the OpenAPI document of the REST interface
    Openapi,
    /// Print a completion script for a shell
    Completions(completions::Completions),
    /// Print a document that is committed and compared in tests
    #[command(hide = true)]
    Golden(golden::Golden),
}

/// Runs the command line of this process.
#[must_use]
pub fn main() -> ExitCode {
    let parsed = with_negative_numbers(Cli::command())
        .try_get_matches()
        .and_then(|matches| Cli::from_arg_matches(&matches));
    let (format, ended) = match parsed {
        Ok(cli) => (cli.global.format(), run(&cli)),
        Err(error) if usage::wants_json(std::env::args_os()) && error.use_stderr() => {
            (Format::Json, Err(usage::failure(&error)))
        }
        Err(error) => error.exit(),
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            complain(format, &failure);
            failure.code()
        }
    }
}

/// Says why a command failed, on standard error.
fn complain(format: Format, failure: &Failure) {
    let says = match format {
        Format::Human => format!("thunderline: {failure}"),
        Format::Json => serde_json::to_string(&failure.details()).expect("failures are plain data"),
    };
    eprintln!("{}", crate::output::plain(&says));
}

/// The command line with '-1' read as a number wherever a value is expected, so that what is allowed is told, and not that
/// an option '-1' is unknown.
fn with_negative_numbers(command: clap::Command) -> clap::Command {
    let read = |it: clap::Arg| {
        let takes_value = it.get_action().takes_values();
        it.allow_negative_numbers(takes_value)
    };
    command.mut_args(read).mut_subcommands(with_negative_numbers)
}

fn run(cli: &Cli) -> Result<()> {
    let global = &cli.global;
    match &cli.command {
        // Logs to a file of its own, so that the progress is not torn.
        Command::Demo(_) => {}
        Command::Serve(_) | Command::Runner(_) => logging::start(global, std::io::stderr, "info")?,
        _ => logging::start(global, std::io::stderr, "warn")?,
    }
    match &cli.command {
        Command::Demo(command) => command.run(global),
        Command::Serve(command) => command.run(global),
        Command::Runner(command) => command.run(global),
        Command::Federations(command) => command.run(global),
        Command::Strategies(command) => command.run(global),
        Command::Nodes(command) => command.run(global),
        Command::Zones(command) => command.run(global),
        Command::Artifacts(command) => command.run(global),
        Command::Workflows(command) => command.run(global),
        Command::Lineage(command) => command.run(global),
        Command::Decisions(command) => command.run(global),
        Command::Domains(command) => command.run(global),
        Command::Privacy(command) => command.run(global),
        Command::Events(command) => command.run(global),
        Command::Jobs(command) => command.run(global),
        Command::Schedules(command) => command.run(global),
        Command::DeadLetters(command) => command.run(global),
        Command::Webhooks(command) => command.run(global),
        Command::Flags(command) => command.run(global),
        Command::Blackboard(command) => command.run(global),
        Command::Doctor(command) => command.run(global),
        Command::Backup(command) => command.run(global),
        Command::Restore(command) => command.run(global),
        Command::Checkpoints(command) => command.run(global),
        Command::Retention(command) => command.run(global),
        Command::Migrate(command) => command.run(global),
        Command::Openapi => openapi::run(),
        Command::Completions(command) => command.run(&mut Cli::command()),
        Command::Golden(command) => command.run(&mut Cli::command()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_has_no_contradictions() {
        with_negative_numbers(Cli::command()).debug_assert();
    }

    #[test]
    fn a_number_out_of_range_is_refused_with_its_option_and_what_is_allowed() {
        let refused = |words: &str| {
            let words = std::iter::once("thunderline").chain(words.split(' '));
            with_negative_numbers(Cli::command()).try_get_matches_from(words).unwrap_err().to_string()
        };
        for (words, option, allowed) in [
            ("events list --limit -1", "--limit", "1..=1000"),
            ("events list --limit 0", "--limit", "1..=1000"),
            ("zones nodes x --limit 1001", "--limit", "1..=1000"),
            ("events tail -n -1", "--limit", "0..=1000"),
            ("events list --after -5", "--after", "0.."),
            ("retention set audit --keep-newest -1", "--keep-newest", "0..="),
            ("serve --strategy-limit 0", "--strategy-limit", "1..=604800"),
            ("serve --tick-interval 10", "--tick-interval", "50..=60000"),
            ("serve --strategy m", "--strategy", "'m' names no program (allowed: name=/path"),
        ] {
            let says = refused(words);
            assert!(says.contains(option) && says.contains(allowed), "{words}: {says}");
        }
        for path in limited(&Cli::command()) {
            let allowed = if path == "events tail" { "0..=1000" } else { "1..=1000" };
            let says = refused(&format!("{path} --limit 1001"));
            assert!(says.contains(allowed), "{path}: {says}");
        }
    }

    /// All commands with a limit: the words that lead there.
    fn limited(command: &clap::Command) -> Vec<String> {
        let mut found = Vec::new();
        for part in command.get_subcommands() {
            let name = part.get_name();
            if part.get_arguments().any(|it| it.get_id() == "limit") {
                found.push(name.to_owned());
            }
            found.extend(limited(part).iter().map(|below| format!("{name} {below}")));
        }
        found
    }

    #[test]
    fn options_of_all_commands_may_stand_behind_them() {
        let cli =
            Cli::try_parse_from(["thunderline", "federations", "list", "--json", "--server", "http://x:1"])
                .unwrap();
        assert_eq!(cli.global.format(), Format::Json);
    }

    /// Options of commands that have the name of one that is handed down to them: clap would mix the two up.
    fn shadowing(command: &clap::Command, inherited: &[String]) -> Vec<String> {
        let (handed_down, own): (Vec<_>, Vec<_>) = command.get_arguments().partition(|it| it.is_global_set());
        let id = |it: &clap::Arg| it.get_id().as_str().to_owned();
        let own = own.into_iter().map(id).filter(|it| inherited.contains(it));
        let mut found: Vec<_> = own.map(|it| format!("{} {it}", command.get_name())).collect();
        let all: Vec<_> = inherited.iter().cloned().chain(handed_down.into_iter().map(id)).collect();
        for part in command.get_subcommands() {
            found.extend(shadowing(part, &all));
        }
        found
    }

    #[test]
    fn no_option_has_the_name_of_one_that_is_handed_down() {
        let mut root = Cli::command();
        root.build();
        assert_eq!(shadowing(&root, &[]), Vec::<String>::new());
    }

    /// Every option of a command and of its parts that is listed under this heading.
    fn under<'a>(command: &'a clap::Command, heading: &str) -> Vec<&'a str> {
        let own = command.get_arguments().filter(|it| it.get_help_heading() == Some(heading));
        let mut found: Vec<_> = own.map(|it| it.get_id().as_str()).collect();
        for part in command.get_subcommands() {
            found.extend(under(part, heading));
        }
        found
    }

    #[test]
    fn only_what_says_which_server_is_listed_under_server() {
        let root = Cli::command();
        let found = under(&root, "Server");
        assert!(found.contains(&"server"), "{found:?}");
        assert!(found.iter().all(|it| ["server", "token"].contains(it)), "{found:?}");
    }

    #[test]
    fn every_command_is_told_of_once() {
        let root = Cli::command();
        for part in root.get_subcommands() {
            let about = part.get_about().map(ToString::to_string).unwrap_or_default();
            let told = root.get_subcommands().filter(|it| {
                let other = it.get_about().map(ToString::to_string).unwrap_or_default();
                it.get_name() != part.get_name() && other.contains(&about)
            });
            let told: Vec<_> = told.map(clap::Command::get_name).collect();
            assert!(!about.is_empty() && told.is_empty(), "{}: also at {told:?}", part.get_name());
        }
    }

    #[test]
    fn a_claim_is_named_beside_the_token() {
        for verb in ["renew", "release"] {
            let words = ["thunderline", "zones", verb, "charite", "--claim", "1", "--token", "tl_x"];
            assert!(Cli::try_parse_from(words).is_ok(), "{verb}");
        }
    }
}
