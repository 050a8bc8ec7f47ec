//! `thunderline serve` as a process that can be killed and started again.

use std::{
    collections::BTreeSet,
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Command, ExitStatus, Output},
    sync::Mutex,
};

use rustix::process::Signal;
use serde_json::Value;
use tempfile::TempDir;
use thunderline_core::{Random, SystemRandom};

use super::{
    group::Group,
    rest::Rest,
    wait::{LONG, wait_for},
};
use crate::program::thunderline;

/// A server with a data folder of its own, on ports that stay the same when it is started again.
pub struct Server {
    // Dropped before the folder that holds its log.
    process: Option<Group>,
    ports: [u16; 3],
    data: &'static str,
    arguments: Vec<String>,
    folder: TempDir,
}

impl Server {
    /// A server that is ready.
    pub fn start() -> Self {
        let mut server = Self::unstarted();
        server.restart();
        server
    }

    /// A server that was never started.
    pub fn unstarted() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self {
            process: None,
            ports: [(); 3].map(|()| free_port()),
            data: "data",
            arguments: Vec::new(),
            folder,
        }
    }

    /// From its next start on it gets these arguments too.
    pub fn always(&mut self, arguments: &[&str]) {
        self.arguments.extend(arguments.iter().map(|&argument| argument.to_owned()));
    }

    /// Starts it again after it was killed or stopped, and waits until it is ready.
    pub fn restart(&mut self) {
        self.launch();
        let ready = format!("{}/readyz", self.web());
        let process = self.process.as_mut().expect("it was started just now");
        process.wait_for("the server to be ready", LONG, || {
            ureq::get(&ready).call().is_ok_and(|answer| answer.status() == 200).then_some(())
        });
    }

    /// Starts it again without waiting.
    pub fn launch(&mut self) {
        assert!(self.process.is_none(), "it runs already");
        let [web, http, grpc] = self.ports.map(|port| format!("127.0.0.1:{port}"));
        let mut command = self.command(&["serve"]);
        command.args(["--web", &web, "--fleet-http", &http, "--fleet-grpc", &grpc]);
        command.args(&self.arguments);
        self.process = Some(Group::start(&mut command, &self.log()));
    }

    /// `kill -9`.
    pub fn kill(&mut self) {
        self.process.take().expect("it runs").kill();
    }

    /// Ctrl-C: gives how it ended.
    pub fn interrupt(&mut self) -> ExitStatus {
        self.end(Signal::INT)
    }

    /// What a service manager sends: gives how it ended.
    pub fn terminate(&mut self) -> ExitStatus {
        self.end(Signal::TERM)
    }

    fn end(&mut self, signal: Signal) -> ExitStatus {
        let mut process = self.process.take().expect("it runs");
        process.signal(signal);
        process.wait_for_end(LONG)
    }

    /// A place for files of the test.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The data folder.
    pub fn data(&self) -> PathBuf {
        self.folder().join(self.data)
    }

    /// From now on it uses another data folder, on the same ports.
    pub fn move_to(&mut self, data: &'static str) {
        assert!(self.process.is_none(), "it runs");
        self.data = data;
    }

    /// What it printed, over all its lives.
    pub fn printed(&self) -> String {
        std::fs::read_to_string(self.log()).unwrap()
    }

    fn log(&self) -> PathBuf {
        self.folder().join("server.log")
    }

    /// `http://host:port` of the web.
    pub fn web(&self) -> String {
        format!("http://127.0.0.1:{}", self.ports[0])
    }

    /// `host:port` of the Fleet API over HTTP.
    pub fn fleet_http(&self) -> String {
        format!("127.0.0.1:{}", self.ports[1])
    }

    /// `host:port` of the Fleet API over gRPC.
    pub fn fleet_grpc(&self) -> String {
        format!("127.0.0.1:{}", self.ports[2])
    }

    /// The program with these words, on this data folder.
    pub fn command(&self, words: &[&str]) -> Command {
        let mut command = thunderline(&self.data());
        command.args(words);
        command
    }

    /// Runs the program to its end; it must succeed and print JSON.
    pub fn json(&self, words: &[&str]) -> Value {
        let output = self.command(words).arg("--json").output().unwrap();
        assert!(output.status.success(), "{words:?}: {}", said(&output));
        serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|error| panic!("{words:?}: {error}: {}", said(&output)))
    }

    /// The REST interface.
    pub fn rest(&self) -> Rest {
        Rest::new(&self.web(), &self.data())
    }

    /// Submits a spec by the command line, as people do. Gives the federation's id.
    pub fn submit(&self, spec: &str) -> String {
        let file = self.folder().join("federation.yaml");
        std::fs::write(&file, spec).unwrap();
        let federation = self.json(&["federations", "submit", "-f", file.to_str().unwrap()]);
        federation["id"].as_str().unwrap().to_owned()
    }

    /// The federation as it is.
    pub fn federation(&self, id: &str) -> Value {
        self.rest().get(&format!("/api/v1/federations/{id}"))
    }

    /// Waits until the federation is completed.
    pub fn wait_until_completed(&self, id: &str, seconds: u64) -> Value {
        wait_for("the federation to complete", seconds, || {
            let shown = self.federation(id);
            let state = shown["state"].as_str().unwrap();
            assert!(!["failed", "cancelled"].contains(&state), "{shown:#}");
            (state == "completed").then_some(shown)
        })
    }

    /// Waits until at least this many nodes are there: a restored server also expects those of its backup.
    pub fn wait_for_nodes(&self, count: usize, seconds: u64) -> Vec<Value> {
        let rest = self.rest();
        wait_for(&format!("{count} nodes to be there"), seconds, || {
            let mut nodes = rest.list("/api/v1/nodes");
            nodes.retain(|node| node["state"] == "online");
            (nodes.len() >= count).then_some(nodes)
        })
    }

    /// The models that a federation's rounds made, first to last.
    pub fn models(&self, federation: &str) -> Vec<Value> {
        let mut models = self.rest().list(&format!("/api/v1/artifacts?federation={federation}"));
        models.retain(|model| model["kind"] == "model" && !model["round"].is_null());
        models.sort_by_key(|model| model["metadata"]["round"].as_u64());
        models
    }

    /// A stored thing's bytes.
    pub fn content(&self, artifact: &Value, format: &str) -> Vec<u8> {
        let id = artifact["id"].as_str().unwrap();
        let path = format!("/api/v1/artifacts/{id}/content?format={format}");
        let (status, bytes) = self.rest().get_bytes(&path).unwrap();
        assert_eq!(status, 200, "{}", String::from_utf8_lossy(&bytes));
        bytes
    }
}

/// What a program said.
pub fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// A port that is free now, that nobody else in this process was given, and that no outgoing connection gets, so that it is
/// still free after a restart: clients that knock while nobody listens would otherwise be given it as their own.
pub fn free_port() -> u16 {
    let range = std::fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").unwrap_or_default();
    let below = range.split_whitespace().next().and_then(|first| first.parse().ok()).unwrap_or(32_768);
    static GIVEN: Mutex<BTreeSet<u16>> = Mutex::new(BTreeSet::new());
    let (mut bytes, lowest) = ([0; 2], 10_240_u16);
    loop {
        SystemRandom.fill(&mut bytes);
        let port = lowest + u16::from_le_bytes(bytes) % (below - lowest);
        if TcpListener::bind(("127.0.0.1", port)).is_ok() && GIVEN.lock().unwrap().insert(port) {
            return port;
        }
    }
}
