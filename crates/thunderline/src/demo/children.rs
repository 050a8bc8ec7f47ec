//! The clients: real processes that never outlive the demo.

use std::{
    fs::{self, File},
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{Mutex, PoisonError},
    thread,
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process};

use super::spec::SCALE;
use crate::failure::{Failure, Result};

/// How long all clients together may take to say goodbye: this many looks of this length.
const GOODBYE_LOOKS: u32 = 300;
const GOODBYE_LOOK: Duration = Duration::from_millis(10);

/// The running clients. Each holds the other end of a pipe of ours as its standard input and ends when that closes, which
/// the operating system does even where this process is killed.
pub struct Children(Mutex<Vec<(PathBuf, Child)>>);

impl Children {
    /// Starts one client per shard.
    pub fn start(folder: &Path, server: &str, shards: &[PathBuf]) -> Result<Self> {
        let logs = folder.join("logs");
        fs::create_dir_all(&logs)?;
        let children = Self(Mutex::default());
        for (place, shard) in shards.iter().enumerate() {
            let name = format!("site-{:02}", place + 1);
            let log = logs.join(format!("{name}.log"));
            let mut command = Command::new(std::env::current_exe()?);
            command
                .args(["runner", "--while-stdin", "--log", "info", "--server", server, "--name", &name])
                .args(["--feature-scale", &SCALE.to_string()])
                .args([Path::new("--data"), shard, Path::new("--state"), &folder.join("runners").join(&name)])
                .stdin(Stdio::piped())
                .stdout(Stdio::null())
                .stderr(File::create(&log)?)
                // Ctrl-C is ours to handle; the clients end when we say so.
                .process_group(0);
            let child = command.spawn()?;
            children.0.lock().unwrap_or_else(PoisonError::into_inner).push((log, child));
        }
        Ok(children)
    }

    /// True while no client has ended.
    pub fn all_run(&self) -> bool {
        self.ended().is_none()
    }

    /// Why a client has ended.
    pub fn failure(&self) -> Failure {
        match self.ended() {
            Some(log) => {
                let text = fs::read_to_string(&log).unwrap_or_default();
                let last = text.lines().last().unwrap_or("it said nothing");
                Failure::failed(format!("a client has ended ({}): {last}", log.display()))
            }
            None => Failure::failed("the federation was left before it was over"),
        }
    }

    fn ended(&self) -> Option<PathBuf> {
        let mut children = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        children.iter_mut().find_map(|(log, child)| match child.try_wait() {
            Ok(None) => None,
            Ok(Some(_)) | Err(_) => Some(log.clone()),
        })
    }
}

impl Drop for Children {
    /// Asks the clients to say goodbye to the server, and ends those that do not within a moment.
    fn drop(&mut self) {
        let children = self.0.get_mut().unwrap_or_else(PoisonError::into_inner);
        for (_, child) in children.iter() {
            let _ended_already = kill_process(Pid::from_child(child), Signal::TERM);
        }
        let mut looks = GOODBYE_LOOKS;
        for (_, child) in children.iter_mut() {
            while matches!(child.try_wait(), Ok(None)) && looks > 0 {
                looks -= 1;
                thread::sleep(GOODBYE_LOOK);
            }
            let _ended_already = child.kill();
            let _ended = child.wait();
        }
    }
}
