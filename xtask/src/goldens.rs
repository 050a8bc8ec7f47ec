//! `cargo xtask goldens`: documents that the built program writes about itself, committed and compared in tests.

use std::fs;

use crate::{shell, workspace};

/// The program's arguments, and the file that its standard output becomes.
const GOLDENS: [(&[&str], &str); 3] = [
    (&["openapi"], "docs/openapi.json"),
    (&["golden", "interactions"], "docs/interactions.md"),
    (&["golden", "command-line"], "docs/command-line.md"),
];

/// Writes every document, or with `--check` says which ones differ.
pub fn run(arguments: &[String]) -> Result<(), String> {
    let check = match arguments {
        [] => false,
        [flag] if flag == "--check" => true,
        _ => return Err("usage: cargo xtask goldens [--check]".to_owned()),
    };
    shell::run(shell::cargo().args(["build", "--package", "thunderline"]))?;
    let program = workspace::target_directory()?.join("debug/thunderline");
    let mut outdated = Vec::new();
    for (arguments, path) in GOLDENS {
        let fresh = shell::capture(std::process::Command::new(&program).args(arguments))?;
        let file = workspace::root().join(path);
        if fs::read_to_string(&file).is_ok_and(|committed| committed == fresh) {
            continue;
        }
        if check {
            outdated.push(path);
            continue;
        }
        if let Some(folder) = file.parent() {
            fs::create_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        }
        fs::write(&file, fresh).map_err(|error| format!("{path}: {error}"))?;
        println!("wrote {path}");
    }
    if outdated.is_empty() {
        Ok(())
    } else {
        Err(format!("outdated: {}; run `cargo xtask goldens` and commit", outdated.join(", ")))
    }
}
