//! `cargo xtask tidy`: what a reader should never meet. Files too long to hold in mind, left-over words, crates without
//! a description or in a folder of another name.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::workspace;

const LONGEST: usize = 600;
/// Folders that hold nothing of ours.
const SKIPPED: [&str; 5] = ["target", "node_modules", "vendor", "__pycache__", "build"];
const CHECKED: [&str; 8] = ["rs", "py", "sql", "sh", "js", "css", "html", "toml"];
/// The modules that may be unsafe, and say why.
const UNSAFE: [&str; 2] =
    ["crates/thunderline-numerics/src/kernels/wide.rs", "crates/thunderline/src/allocator.rs"];
/// Generated code carries this in its first lines and is exempt.
const GENERATED: &str = "@generated";

/// Checks every source file and every crate.
pub fn run() -> Result<(), String> {
    let root = workspace::root();
    let mut files = Vec::new();
    sources(root, &mut files)?;
    let mut problems = Vec::new();
    for file in &files {
        let text = fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))?;
        let shown = file.strip_prefix(root).unwrap_or(file).display().to_string();
        problems.extend(source_problems(&text).into_iter().map(|problem| format!("{shown}{problem}")));
        if !UNSAFE.contains(&shown.as_str()) && may_be_unsafe(&text) {
            problems.push(format!("{shown}: only {} may be unsafe", UNSAFE.join(" and ")));
        }
    }
    let metadata = workspace::metadata()?;
    for package in metadata["packages"].as_array().into_iter().flatten() {
        let manifest = package["manifest_path"].as_str().unwrap_or_default();
        let text = fs::read_to_string(manifest).map_err(|error| format!("{manifest}: {error}"))?;
        problems.extend(crate_problems(package, &text));
    }
    if problems.is_empty() {
        println!("    {} source files are tidy", files.len());
        Ok(())
    } else {
        Err(problems.join("\n"))
    }
}

fn sources(folder: &Path, found: &mut Vec<PathBuf>) -> Result<(), String> {
    let entries = fs::read_dir(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    for entry in entries.flatten() {
        let path = entry.path();
        let name = entry.file_name();
        let name = name.to_string_lossy();
        let Ok(kind) = entry.file_type() else { continue };
        if kind.is_dir() {
            if !name.starts_with('.') && !SKIPPED.contains(&name.as_ref()) {
                sources(&path, found)?;
            }
        } else if path
            .extension()
            .and_then(|ending| ending.to_str())
            .is_some_and(|ending| CHECKED.contains(&ending))
            && !name.ends_with(".min.js")
        {
            found.push(path);
        }
    }
    found.sort();
    Ok(())
}

/// Problems of one file's text, each beginning with `:line: ` or `: `.
fn source_problems(text: &str) -> Vec<String> {
    if text.lines().take(5).any(|line| line.contains(GENERATED)) {
        return Vec::new();
    }
    let mut problems = Vec::new();
    let length = text.lines().count();
    if length > LONGEST {
        problems.push(format!(": {length} lines, more than {LONGEST}; split it by verb or noun"));
    }
    // Put together here so that this file passes its own check.
    let left_over = [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("XX", "X")];
    let debug = concat!("dbg", "!(");
    for (index, line) in text.lines().enumerate() {
        let number = index + 1;
        if line.contains(debug) {
            problems.push(format!(":{number}: {debug} is for your own screen"));
        }
        for word in left_over {
            if has_word(line, word) && !line.contains(&format!("{word}(#")) {
                problems.push(format!(":{number}: {word} without an issue; write {word}(#12) or do it"));
            }
        }
    }
    problems
}

/// Whether a file switches the lint off that keeps unsafe code out.
fn may_be_unsafe(text: &str) -> bool {
    text.contains(concat!("expect(unsafe", "_code"))
}

fn has_word(line: &str, word: &str) -> bool {
    let part_of_word = |char: char| char.is_alphanumeric() || char == '_';
    line.match_indices(word).any(|(start, _)| {
        !line[..start].ends_with(part_of_word) && !line[start + word.len()..].starts_with(part_of_word)
    })
}

fn crate_problems(package: &Value, manifest: &str) -> Vec<String> {
    let name = package["name"].as_str().unwrap_or_default();
    let path = Path::new(package["manifest_path"].as_str().unwrap_or_default());
    let folder =
        path.parent().and_then(Path::file_name).and_then(|folder| folder.to_str()).unwrap_or_default();
    let mut problems = Vec::new();
    if folder != name {
        problems.push(format!("crate {name} lies in a folder named {folder}"));
    }
    if package["description"].as_str().unwrap_or_default().trim().is_empty() {
        problems.push(format!("crate {name} has no description"));
    }
    let inherits = manifest.split_once("[lints]").is_some_and(|(_, rest)| {
        rest.lines().map(str::trim).find(|line| !line.is_empty()) == Some("workspace = true")
    });
    if !inherits {
        problems.push(format!("crate {name} does not take the workspace's lints"));
    }
    problems
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_file_of_more_than_the_longest_length_is_found_unless_generated() {
        let long = "let x = 1;\n".repeat(LONGEST + 1);
        assert_eq!(source_problems(&long).len(), 1);
        assert_eq!(source_problems(&long["let x = 1;\n".len()..]), [""; 0]);
        assert_eq!(source_problems(&format!("// {GENERATED}\n{long}")), [""; 0]);
    }

    #[test]
    fn a_file_that_lets_unsafe_code_in_is_found() {
        assert!(may_be_unsafe(concat!("#![expect(unsafe", "_code, reason = \"it is quick\")]")));
        assert!(!may_be_unsafe("#![expect(dead_code, reason = \"a test\")]"));
    }

    #[test]
    fn left_over_words_are_found_with_their_line_unless_an_issue_is_named() {
        let word = concat!("TO", "DO");
        let found = source_problems(&format!("fine\n// {word}: later\n"));
        assert_eq!(found.len(), 1);
        assert!(found[0].starts_with(":2: "), "{found:?}");
        assert_eq!(source_problems(&format!("// {word}(#12): later\n// {word}S_AND_MORE\n")), [""; 0]);
        assert_eq!(source_problems(concat!("dbg", "!(x);")).len(), 1);
    }

    #[test]
    fn a_crate_in_the_wrong_folder_without_description_or_lints_is_found() {
        let package = json!({"name": "a", "manifest_path": "/made/up/b/Cargo.toml", "description": null});
        assert_eq!(crate_problems(&package, "[package]\nname = \"a\"\n").len(), 3);
        let package = json!({"name": "b", "manifest_path": "/made/up/b/Cargo.toml", "description": "does b"});
        assert_eq!(crate_problems(&package, "[lints]\nworkspace = true\n"), [""; 0]);
    }
}
