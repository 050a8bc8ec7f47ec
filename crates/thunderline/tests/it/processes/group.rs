//! A program together with all that it starts: ended as a whole, whatever happens to the test.

use std::{
    fs::{self, File},
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
};

use rustix::process::{Pid, Signal, kill_process_group};

use super::wait::wait_for;

/// A running program in a process group of its own. What it prints goes to a file.
pub struct Group {
    child: Child,
    log: PathBuf,
}

impl Group {
    /// Starts the program; what it prints is added to `log`.
    pub fn start(command: &mut Command, log: &Path) -> Self {
        let output = File::options().create(true).append(true).open(log).unwrap();
        command.stdin(Stdio::null()).stdout(output.try_clone().unwrap()).stderr(output).process_group(0);
        let child = command.spawn().unwrap_or_else(|error| panic!("{command:?} cannot be started: {error}"));
        Self { child, log: log.to_owned() }
    }

    /// Everything that it has printed.
    pub fn printed(&self) -> String {
        String::from_utf8_lossy(&fs::read(&self.log).unwrap()).into_owned()
    }

    /// Looks until there is something to see, and as long as the program lives.
    pub fn wait_for<T>(&mut self, what: &str, seconds: u64, mut look: impl FnMut() -> Option<T>) -> T {
        wait_for(what, seconds, || {
            let seen = look();
            if seen.is_none()
                && let Some(status) = self.child.try_wait().unwrap()
            {
                panic!("it ended ({status}) while waiting for {what}; it said:\n{}", self.printed());
            }
            seen
        })
    }

    /// Sends a signal to the program alone.
    pub fn signal(&self, signal: Signal) {
        rustix::process::kill_process(self.pid(), signal).unwrap();
    }

    /// Waits for the program's own end.
    pub fn wait_for_end(&mut self, seconds: u64) -> ExitStatus {
        let child = &mut self.child;
        wait_for("a program to end", seconds, || child.try_wait().unwrap())
    }

    /// `kill -9` for the whole group, and waits until its leader is gone.
    pub fn kill(&mut self) {
        // An error means that nobody is left.
        let _nobody = kill_process_group(self.pid(), Signal::KILL);
        self.child.wait().unwrap();
    }

    fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        let _nobody = kill_process_group(self.pid(), Signal::KILL);
        let _gone = self.child.wait();
        if std::thread::panicking() {
            let printed = fs::read_to_string(&self.log).unwrap_or_default();
            let lines: Vec<_> = printed.lines().collect();
            let last = lines[lines.len().saturating_sub(40)..].join("\n");
            eprintln!("--- the last lines of {}\n{last}", self.log.display());
        }
    }
}
