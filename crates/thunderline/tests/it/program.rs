//! Running the program under test.

use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, ChildStdout, Command, Output, Stdio},
};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

/// The program with nothing of the caller's environment that it would listen to.
pub fn thunderline(data: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_thunderline"));
    for name in ["SERVER", "TOKEN", "DATA_DIR", "LOG", "DATABASE", "FLEET"] {
        command.env_remove(format!("THUNDERLINE_{name}"));
    }
    command.arg("--data-dir").arg(data);
    command
}

/// Runs it to its end: exit code, standard output, standard error.
pub fn run(data: &Path, arguments: &[&str]) -> (i32, String, String) {
    told(&thunderline(data).args(arguments).output().expect("the program can be started"))
}

/// What a process ended with.
pub fn told(output: &Output) -> (i32, String, String) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code().unwrap_or(-1), text(&output.stdout), text(&output.stderr))
}

/// A server on free ports.
pub struct Server {
    child: Child,
    _stdout: BufReader<ChildStdout>,
    pub addresses: Value,
}

impl Server {
    /// Starts one and waits until it says that it is ready.
    pub fn start(data: &Path) -> Self {
        let any = "127.0.0.1:0";
        let mut child = thunderline(data)
            .args(["serve", "--json", "--web", any, "--fleet-http", any, "--fleet-grpc", any])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program can be started");
        let mut stdout = BufReader::new(child.stdout.take().expect("the output is piped"));
        let mut line = String::new();
        stdout.read_line(&mut line).expect("the output can be read");
        let addresses = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"));
        Self { child, _stdout: stdout, addresses }
    }

    /// Ctrl-C; gives the exit code and the log.
    pub fn interrupt(mut self) -> (i32, String) {
        kill_process(Pid::from_child(&self.child), Signal::INT).expect("the server runs");
        let mut log = String::new();
        let stderr = self.child.stderr.take().expect("the log is piped");
        std::io::Read::read_to_string(&mut BufReader::new(stderr), &mut log).expect("the log can be read");
        (self.child.wait().expect("the server ends").code().unwrap_or(-1), log)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ended_already = self.child.kill();
        let _ended = self.child.wait();
    }
}
