//! Repository chores. `cargo xtask test` prepares what the tests need and runs them.
//!
//! One file per chore: [`mod@test`], [`boundaries`], [`tidy`], [`goldens`], [`simulate`]; what they prepare is in [`postgres`] and
//! [`peers`]; how they run commands and count results in [`shell`], [`steps`] and [`tally`].

mod boundaries;
mod deny;
mod goldens;
mod graph;
mod packages;
mod peers;
mod postgres;
mod shell;
mod simulate;
mod steps;
mod tally;
mod test;
mod tidy;
mod workspace;

use std::process::ExitCode;

const HELP: &str = "\
cargo xtask test [--quick]          everything: formatting, lints, boundaries, tests on both databases, Flower peers
                                    (--quick leaves the Flower peers out)
cargo xtask with [--quick] CMD...   prepare PostgreSQL and the Flower peers, run CMD with them, clean up
cargo xtask boundaries              who may depend on whom (deny.toml) and what must not be in the graph
cargo xtask tidy                    file lengths, left-over words, crate manifests
cargo xtask goldens [--check]       write (or compare) the generated documents
cargo xtask simulate [OPTIONS]      the deterministic simulation (docs/simulation.md): --seeds N --from N --all | --seed N |
                                    --script FILE | --bugs

PostgreSQL and Python are installed with apt-get where missing. The Flower environments are kept under
target/peers, or in the folder that THUNDERLINE_PEERS names.
";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let (command, rest) = match args.split_first() {
        Some((first, rest)) => (first.as_str(), rest),
        None => ("help", &args[..]),
    };
    let outcome = match command {
        "test" => test::run(rest),
        "with" => test::run_with(rest),
        "boundaries" => boundaries::run(),
        "tidy" => tidy::run(),
        "goldens" => goldens::run(rest),
        "simulate" => simulate::run(rest),
        "help" | "--help" | "-h" => {
            print!("{HELP}");
            Ok(())
        }
        other => Err(format!("unknown command `{other}`\n\n{HELP}")),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("xtask: {problem}");
            ExitCode::FAILURE
        }
    }
}
