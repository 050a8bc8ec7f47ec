//! Python environments with what the tests run beside Thunderline: Flower releases as real clients, Google's accountants.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::{packages, shell, workspace};

/// The variable that moves the environments elsewhere, so that several checkouts share them.
const SHARED: &str = "THUNDERLINE_PEERS";
/// Set to 1 where tests that need the environments are to be left out rather than to fail.
pub const LEFT_OUT: &str = "THUNDERLINE_QUICK";
/// Written last into a finished environment; holds the requirements it was made from.
const STAMP: &str = ".requirements";

struct Peer {
    folder: &'static str,
    requirements: &'static str,
    /// Where tests find the folder of its programs.
    variable: &'static str,
    /// What is imported once, so that the modules are compiled.
    imports: &'static str,
}

const FLOWER: &str =
    "import numpy, flwr.app, flwr.clientapp, flwr.serverapp, flwr.supernode.cli.flower_supernode";

const PEERS: [Peer; 3] = [
    Peer {
        folder: "flwr-142",
        requirements: "tests/peers/requirements-142.txt",
        variable: "THUNDERLINE_FLWR_142",
        imports: FLOWER,
    },
    Peer {
        folder: "flwr-139",
        requirements: "tests/peers/requirements-139.txt",
        variable: "THUNDERLINE_FLWR_139",
        imports: FLOWER,
    },
    Peer {
        folder: "dp-accounting",
        requirements: "tests/peers/requirements-dp.txt",
        variable: "THUNDERLINE_DP_ACCOUNTING",
        imports: "import dp_accounting.pld, dp_accounting.rdp",
    },
];

/// Makes what is missing or outdated, and returns the variables that name the folders of programs.
pub fn prepare() -> Result<Vec<(String, String)>, String> {
    let home = match std::env::var_os(SHARED) {
        Some(shared) => PathBuf::from(shared),
        None => workspace::target_directory()?.join("peers"),
    };
    fs::create_dir_all(&home).map_err(|error| format!("{}: {error}", home.display()))?;
    // Two runs may share the folder; the second waits and then finds everything made.
    let lock = File::create(home.join(".lock")).map_err(|error| format!("{}: {error}", home.display()))?;
    lock.lock().map_err(|error| format!("cannot lock {}: {error}", home.display()))?;
    PEERS
        .iter()
        .map(|peer| {
            let environment = home.join(peer.folder);
            make(&environment, &workspace::root().join(peer.requirements), peer.imports)?;
            Ok((peer.variable.to_owned(), environment.join("bin").display().to_string()))
        })
        .collect()
}

fn make(environment: &Path, requirements: &Path, imports: &str) -> Result<(), String> {
    let wanted =
        fs::read_to_string(requirements).map_err(|error| format!("{}: {error}", requirements.display()))?;
    let stamp = environment.join(STAMP);
    if fs::read_to_string(&stamp).is_ok_and(|made_from| made_from == wanted) {
        println!("    {}: kept", environment.display());
        return Ok(());
    }
    if environment.exists() {
        fs::remove_dir_all(environment).map_err(|error| format!("{}: {error}", environment.display()))?;
    }
    println!("    {}: installing", environment.display());
    if shell::exists("uv", "--version") {
        if let Err(problem) = install_with_uv(environment, requirements) {
            println!("    uv did not manage, going on with pip: {problem}");
            // uv refuses nothing half made, but pip's environment must start empty.
            let _ = fs::remove_dir_all(environment);
            install_with_pip(environment, requirements)?;
        }
    } else {
        install_with_pip(environment, requirements)?;
    }
    // The first import compiles the modules; a client process has 30 seconds to start and should not pay for it.
    shell::capture(Command::new(environment.join("bin/python")).args(["-c", imports]))?;
    fs::write(&stamp, wanted).map_err(|error| format!("{}: {error}", stamp.display()))
}

fn install_with_uv(environment: &Path, requirements: &Path) -> Result<(), String> {
    shell::capture(Command::new("uv").args(["venv", "--quiet", "--python", "python3"]).arg(environment))?;
    shell::capture(
        Command::new("uv")
            .args(["pip", "install", "--quiet", "--no-deps", "--python"])
            .arg(environment.join("bin/python"))
            .arg("--requirement")
            .arg(requirements),
    )?;
    Ok(())
}

fn install_with_pip(environment: &Path, requirements: &Path) -> Result<(), String> {
    if !shell::exists("python3", "--version") || !can_make_environments() {
        packages::install(&["python3", "python3-venv"])?;
    }
    shell::capture(Command::new("python3").args(["-m", "venv"]).arg(environment))?;
    shell::capture(
        Command::new(environment.join("bin/python"))
            .args(["-m", "pip", "install", "--quiet", "--no-input", "--disable-pip-version-check"])
            .args(["--no-deps", "--no-compile", "--only-binary", ":all:", "--requirement"])
            .arg(requirements),
    )?;
    Ok(())
}

/// Debian ships `venv` without `ensurepip` until python3-venv is installed.
fn can_make_environments() -> bool {
    shell::capture(Command::new("python3").args(["-c", "import venv, ensurepip"])).is_ok()
}
