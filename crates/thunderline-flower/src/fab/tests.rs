use std::{fs, io::Write, path::Path};

use proptest::prelude::*;
use serde_json::json;

use super::*;

/// Written as Flower's own TOML writer does, so that `flwr build` leaves it as it is.
const PROJECT: &str = r#"[project]
name = "demo-app"
version = "1.0.0"

[tool.flwr.app]
publisher = "acme"

[tool.flwr.app.components]
serverapp = "demo.server:app"
clientapp = "demo.client:app"

[tool.flwr.app.config]
num-server-rounds = 3
lr = 0.1
name = "x"

[tool.flwr.app.config.opt]
nesterov = true
"#;

fn write(folder: &Path, path: &str, text: &str) {
    let path = folder.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    write(root, PYPROJECT, PROJECT);
    write(root, "README.md", "hi\n");
    write(root, "demo/__init__.py", "");
    write(root, "demo/client.py", "app = 1\n");
    write(root, "demo/server.py", "app = 2\n");
    write(root, "demo/größe.json", "{}\n");
    write(root, "demo/private.json", "{}\n");
    write(root, "demo/test_client.py", "");
    write(root, "build/lib.py", "");
    write(root, "notes.txt", "not for nodes");
    write(root, ".gitignore", "# local\nprivate.*\n");
    folder
}

fn zip(files: &[(&str, &[u8])]) -> Bytes {
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, bytes) in files {
        zip.start_file(*name, zip::write::SimpleFileOptions::default()).unwrap();
        zip.write_all(bytes).unwrap();
    }
    Bytes::from(zip.finish().unwrap().into_inner())
}

fn listing(files: &[(&str, &[u8])]) -> String {
    let lines: Vec<_> = files
        .iter()
        .map(|(name, bytes)| format!("{name},{},{}", ObjectId::of(bytes), bytes.len() * 8))
        .collect();
    lines.join("\n")
}

#[test]
fn a_folder_becomes_the_bundle_that_flower_builds() {
    let folder = folder();
    let bundle = from_folder(folder.path()).unwrap();
    assert_eq!((bundle.id.as_str(), bundle.version.as_str()), ("acme/demo-app", "1.0.0"));
    let files = archive::read(&bundle.content).unwrap();
    let names: Vec<_> = files.keys().map(String::as_str).collect();
    assert_eq!(
        names,
        ["README.md", "demo/__init__.py", "demo/client.py", "demo/größe.json", "demo/server.py", PYPROJECT]
    );
    // The hash that 'flwr build' of flwr 1.42.0 gives for this folder.
    assert_eq!(bundle.hash, "cf334c385a71f2101c9c81997e279d9c85e53a2a29930c0ac4c84c1f85b89d0e");
}

#[test]
fn configuration_is_flattened_with_its_types() {
    let bundle = from_folder(folder().path()).unwrap();
    let value =
        |key: &str| bundle.config.iter().find(|(name, _)| name == key).map(|(_, value)| value.clone());
    assert_eq!(value("lr"), Some(RunValue::Float(0.1)));
    assert_eq!(value("opt.nesterov"), Some(RunValue::Bool(true)));
    assert_eq!(value("num-server-rounds"), Some(RunValue::Int(3)));
    assert_eq!(bundle.config.len(), 4);
}

#[test]
fn overrides_take_the_types_of_the_bundle_and_all_misfits_are_told_at_once() {
    let bundle = from_folder(folder().path()).unwrap();
    let object = |value: serde_json::Value| value.as_object().unwrap().clone();
    let accepted =
        bundle.overrides(&object(json!({"lr": 1, "opt": {"nesterov": false}, "name": "y"}))).unwrap();
    assert_eq!(
        accepted,
        [
            ("lr".into(), RunValue::Float(1.0)),
            ("opt.nesterov".into(), RunValue::Bool(false)),
            ("name".into(), RunValue::Text("y".into()))
        ]
    );
    let error =
        bundle.overrides(&object(json!({"rl": 1, "num-server-rounds": 1.5, "opt.nesterov": 1}))).unwrap_err();
    let paths: Vec<_> = error.problems().iter().map(|problem| problem.path.as_str()).collect();
    assert_eq!(paths, ["config.rl", "config.num-server-rounds", "config.opt.nesterov"]);
    assert!(error.problems()[0].allowed.contains("num-server-rounds"), "{error:?}");
}

#[test]
fn own_patterns_and_server_names_are_respected() {
    let folder = folder();
    let own = PROJECT.replace("publisher = \"acme\"", "publisher = \"acme\"\nfab-exclude = [\"*.md\"]");
    write(folder.path(), PYPROJECT, &format!("{own}\n[tool.flwr.federations.lab]\naddress = \"10.0.0.1\"\n"));
    let bundle = from_folder(folder.path()).unwrap();
    let files = archive::read(&bundle.content).unwrap();
    assert!(!files.contains_key("README.md"));
    assert!(!String::from_utf8_lossy(&files[PYPROJECT]).contains("10.0.0.1"));
}

#[test]
fn compressed_bundles_are_read_and_changed_ones_refused() {
    let files: &[(&str, &[u8])] = &[(PYPROJECT, PROJECT.as_bytes()), ("demo/client.py", b"app = 1")];
    let list = listing(files);
    let with = |list: &str, more: &[(&str, &[u8])]| {
        let all: Vec<_> = files.iter().chain(more).copied().chain([(CONTENT, list.as_bytes())]).collect();
        Bundle::read(zip(&all))
    };
    assert_eq!(with(&list, &[]).unwrap().id, "acme/demo-app");
    for (result, reason) in [
        (with(&list.replace("demo/client.py,", "demo/client.py,0"), &[]), "not the file that was packed"),
        (with(&format!("{list}\ndemo/server.py,00,8"), &[]), "listed but missing"),
        (with(&list, &[("demo/evil.py", b"import os")]), "not listed"),
        (with("nonsense", &[]), "path,sha256,bits"),
        (with(&list, &[("../evil.py", b"")]), "leaves the bundle"),
        (with(&list, &[("/etc/evil.py", b"")]), "leaves the bundle"),
        (with(&list, &[("a\\evil.py", b"")]), "leaves the bundle"),
        (Bundle::read(zip(files)), "CONTENT is missing"),
        (Bundle::read(Bytes::from_static(b"PK nonsense")), "cannot be read"),
        (Bundle::read(Bytes::from(vec![0; MAX_BYTES + 1])), "bytes"),
    ] {
        let error = result.unwrap_err().to_string();
        assert!(error.contains(reason), "{error} does not say '{reason}'");
    }
}

#[test]
fn a_bundle_that_unpacks_to_a_flood_is_refused() {
    let zeros = vec![0; 40 * 1024 * 1024];
    let error = Bundle::read(zip(&[("a.py", &zeros), ("b.py", &zeros)])).unwrap_err();
    assert!(error.to_string().contains("64 MiB"), "{error}");
}

#[test]
fn every_missing_key_is_named() {
    let broken = PROJECT
        .replace("name = \"demo-app\"", "name = \"a/b\"")
        .replace("publisher = \"acme\"", "")
        .replace("\"demo.client:app\"", "\"demo.client\"")
        .replace("lr = 0.1", "lr = [0.1]");
    let Err(error) = Project::read(&broken, |_| true) else { panic!("it was accepted") };
    let paths: Vec<_> =
        error.problems().iter().map(|problem| problem.path.trim_start_matches("pyproject.toml: ")).collect();
    assert_eq!(
        paths,
        [
            "project.name",
            "tool.flwr.app.publisher",
            "tool.flwr.app.components.clientapp",
            "tool.flwr.app.config.lr"
        ]
    );
}

#[test]
fn format_one_needs_a_licence_and_versions() {
    let read = |text: &str| Project::read(text, |file| file == "LICENSE").map(|project| project.name);
    let one =
        PROJECT.replace("publisher", "fab-format-version = 1\nflwr-version-target = \"1.42.0\"\npublisher");
    let head = "version = \"1.0.0\"\nlicense = { file = \"LICENSE\" }\ndependencies = [\"flwr[simulation]>=1.30\"]\n";
    let full = one.replace("version = \"1.0.0\"\n", head);
    assert_eq!(read(&full).unwrap(), "demo-app");
    for (text, missing) in [
        (one, "project.license"),
        (full.replace("\"LICENSE\"", "\"LICENSE.md\""), "project.license"),
        (full.replace(">=", "=="), "project.dependencies"),
        (full.replace("flwr-version-target", "other"), "flwr-version-target"),
        (full.replace("fab-format-version = 1", "fab-format-version = 2"), "fab-format-version"),
    ] {
        let error = read(&text).unwrap_err();
        assert!(error.problems()[0].path.contains(missing), "{error:?} does not name {missing}");
    }
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(bytes: Vec<u8>, at in 0usize..2000, flipped: u8) {
        prop_assert!(Bundle::read(Bytes::from(bytes)).is_err());
        let files: &[(&str, &[u8])] = &[(PYPROJECT, PROJECT.as_bytes())];
        let list = listing(files);
        let mut damaged = zip(&[files[0], (CONTENT, list.as_bytes())]).to_vec();
        let at = at % damaged.len();
        damaged[at] ^= flipped;
        let _ = Bundle::read(Bytes::from(damaged));
    }
}
