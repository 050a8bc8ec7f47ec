//! Unmodified `flower-supernode` processes, and the Python programs around them.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use super::{
    group::Group,
    server::{free_port, said},
};

/// Flower apps and scripts of this repository.
pub const PEERS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/peers");

/// A release of Flower: the folder of its programs.
pub struct Flwr(PathBuf);

impl Flwr {
    /// The release whose folder of programs this variable names.
    ///
    /// # Panics
    /// Where the variable is missing, unless `THUNDERLINE_QUICK=1` says that these tests are left out; then there is none.
    pub fn named_by(variable: &str) -> Option<Self> {
        thunderline_testkit::peer(variable).map(Self)
    }

    /// One of its programs, told to call nobody but us.
    fn command(&self, program: &str, home: &Path) -> Command {
        let mut command = Command::new(self.0.join(program));
        // A SuperNode looks for its helpers on the path.
        let path = format!("{}:{}", self.0.display(), env::var("PATH").unwrap_or_default());
        command.env("PATH", path).env("FLWR_HOME", home).env("OMP_NUM_THREADS", "1");
        // What apps import of ours.
        command.env("PYTHONPATH", concat!(env!("CARGO_MANIFEST_DIR"), "/../../python/src"));
        command.env("FLWR_TELEMETRY_ENABLED", "0").env("FLWR_DISABLE_UPDATE_CHECK", "1");
        command
    }

    /// Runs a Python script of the peers; gives what it printed.
    ///
    /// # Panics
    /// Where it fails.
    pub fn python(&self, script: &str, arguments: &[&Path]) -> String {
        let home = arguments[0].parent().unwrap();
        let mut command = self.command("python", home);
        let output = command.arg(Path::new(PEERS).join(script)).args(arguments).output().unwrap();
        assert!(output.status.success(), "{script}: {}", said(&output));
        said(&output)
    }

    /// Packs an app by `flwr build`; gives the bundle's file.
    pub fn build(&self, app: &str, into: &Path) -> PathBuf {
        fs::create_dir_all(into).unwrap();
        let mut command = self.command("flwr", into);
        command.args(["build", "--app"]).arg(Path::new(PEERS).join(app)).current_dir(into);
        let output = command.output().unwrap();
        assert!(output.status.success(), "flwr build: {}", said(&output));
        let mut made = fs::read_dir(into).unwrap().map(|entry| entry.unwrap().path());
        made.find(|path| path.extension().is_some_and(|extension| extension == "fab"))
            .unwrap_or_else(|| panic!("flwr build made no bundle: {}", said(&output)))
    }
}

/// A running `flower-supernode` with all its helpers.
pub struct SuperNode {
    /// Its processes.
    pub process: Group,
}

impl SuperNode {
    /// Starts one: `partition` of `partitions`, connected to `superlink`. Its files go below `folder`; what the app writes
    /// down goes to `records`.
    pub fn start(
        flwr: &Flwr,
        folder: &Path,
        superlink: &str,
        partition: usize,
        partitions: usize,
        records: &Path,
    ) -> Self {
        let config = format!("partition-id={partition} num-partitions={partitions}");
        Self::configured(flwr, folder, superlink, partition, &config, records)
    }

    /// The same with a `--node-config` of its own.
    pub fn configured(
        flwr: &Flwr,
        folder: &Path,
        superlink: &str,
        partition: usize,
        config: &str,
        records: &Path,
    ) -> Self {
        let home = folder.join(format!("supernode-{partition}"));
        fs::create_dir_all(&home).unwrap();
        let mut command = flwr.command("flower-supernode", &home);
        command.args(["--insecure", "--superlink", superlink, "--port", &free_port().to_string()]);
        command.args(["--node-config", config]);
        command.env("THUNDERLINE_PEER_RECORD", records).env("PYTHONUNBUFFERED", "1");
        // Helpers ask for work every second unless told otherwise.
        command.env("FLWR_SUPEREXEC_TASK_POLL_INTERVAL", "0.05");
        Self { process: Group::start(&mut command, &home.join("log")) }
    }
}
