//! What every simulated world begins with.

use std::{
    collections::BTreeMap,
    fs,
    io::Write as _,
    path::{Path, PathBuf},
};

use base64::{Engine, engine::general_purpose::STANDARD};
use federation::{actions::import_artifact, artifact::ArtifactKind};
use serde_json::json;
use tempfile::TempDir;
use thunderline_core::{Actor, Cx, Result, Role};
use thunderline_flower::auth::SigningKey;
use thunderline_numerics::{ArraySpec, DType, ModelSchema, checkpoint::CheckpointWriter};
use thunderline_objects::Sha256;

use crate::server::{Server, Surroundings};

/// The keys of the made-up nodes, P-256 in PKCS#8: fixed, so that a node has the same id in every run. They open nothing.
const KEYS: [&str; 4] = [
    "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQglvDS+F2k9KG3pRhD0IR0kwQfleZtzHdCvpySc1DYPdihRANCAATs\
     gcvJb+n9lj5oSm+e+Y3VjAg44Z4fr8yWx1tCXHJBDvlA5OCzRGHSfWfuTCeE33l5C4sanGIl6P/7dkvyGh5+",
    "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg9dCxMYFlIapuea1DG2e1gSybRCw9HYco28W7uUU1HRKhRANCAATm\
     Pwfkhg15v9NmGo2buP5oGxn0so0oDAYsK8/tFg4CcQLohnwjVSlbGSs28UAqlSd/Wx2GswNQ0NCTaf3c+PpB",
    "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgZOhrCUQZsuGRP16S9wNf5JSWKfdwp7zH1EEHsH1/pV+hRANCAAQr\
     55cQB40ZW5RxU5K8ffn3tDhfLhK+Qb1w9T6PGcFRG6BXZKHKrJqCDPaq8dIC+eoaWKZKsTxdIf+yxlyLI7vz",
    "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQguS/QRjt/XPNQB0PLmxx1TIFOV/PGvdVAbacYczGJa7ChRANCAASM\
     /e0BhDjnkeU7KPOoM//4RJvJ1S1KU6H6wmYGdz58llzRAL/s+J3eNO927CXSiZkjkhi+9PKSxcqfUIh5qBm7",
];

const PROJECT: &str = r#"
[project]
name = "demo"
version = "1.2.3"
[tool.flwr.app]
publisher = "acme"
[tool.flwr.app.components]
serverapp = "demo.server:app"
clientapp = "demo.client:app"
"#;

/// The name of the array of every model here.
pub(crate) const ARRAY: &str = "w";

/// The key of a node.
pub(crate) fn key(index: usize) -> SigningKey {
    let document = STANDARD.decode(KEYS[index].replace(char::is_whitespace, "")).expect("it is base64");
    SigningKey::from_pkcs8(&document).expect("it is a key")
}

/// A folder with a migrated database, a first model and an app bundle, to be copied for each world.
pub struct Template {
    folder: TempDir,
    /// The digest of the first model.
    pub(crate) model: Sha256,
    /// The digest of the bundle.
    pub(crate) bundle: Sha256,
}

impl Template {
    /// Makes it, as a server does at its first start.
    ///
    /// # Errors
    /// Those of the disk and of the database.
    pub async fn make() -> Result<Self> {
        let folder = temporary()?;
        let world = Surroundings::new(0);
        let server = Server::start(folder.path(), &world).await?;
        let checkpoints = server.domains.federations.objects.checkpoints()?;
        let schema = ModelSchema::new(vec![ArraySpec::new(ARRAY, DType::F32, &[2, 2])])?;
        let mut writer = CheckpointWriter::new(Vec::new(), &schema, &BTreeMap::new())?;
        writer.write(&[0; 16])?;
        let content = writer.finish()?;
        let operator = operator(&server.cx);
        let model = checkpoints.put(&content)?;
        let import = import_artifact::Import {
            kind: ArtifactKind::Model,
            name: "start".into(),
            sha256: model,
            size_bytes: content.len() as u64,
            format: "safetensors".into(),
            metadata: json!({}),
        };
        import_artifact::import_artifact(&operator, &server.domains.federations, import).await?;
        let app = tempfile::tempdir()?;
        fs::create_dir(app.path().join("demo"))?;
        fs::File::create(app.path().join("pyproject.toml"))?.write_all(PROJECT.as_bytes())?;
        fs::File::create(app.path().join("demo/client.py"))?.write_all(b"app = 1\n")?;
        let fab = thunderline_flower::fab::from_folder(app.path())?;
        let bundle = checkpoints.put(&fab.content)?;
        let import = import_artifact::Import {
            kind: ArtifactKind::Bundle,
            name: "demo".into(),
            sha256: bundle,
            size_bytes: fab.content.len() as u64,
            format: "fab".into(),
            metadata: json!({"fab_id": fab.id, "fab_version": fab.version, "config": {}}),
        };
        import_artifact::import_artifact(&operator, &server.domains.federations, import).await?;
        // Closing merges the log into the one file that is copied.
        server.db.close().await;
        Ok(Self { folder, model, bundle })
    }

    /// A folder of its own for one world.
    ///
    /// # Errors
    /// Those of the disk.
    pub(crate) fn copy(&self) -> Result<TempDir> {
        let folder = temporary()?;
        copy(self.folder.path(), folder.path())?;
        Ok(folder)
    }
}

/// A caller who may submit and steer.
pub(crate) fn operator(cx: &Cx) -> Cx {
    cx.for_actor(Actor::User { name: "operator".into(), role: Role::Operator }, cx.tenant())
}

/// In memory where the machine has such a folder: a world lives for a fraction of a second.
fn temporary() -> Result<TempDir> {
    let memory = PathBuf::from("/dev/shm");
    let made = if memory.is_dir() { TempDir::new_in(memory) } else { TempDir::new() };
    Ok(made?)
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            fs::create_dir(&target)?;
            copy(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}
