//! Runs a program with a time limit and leaves nothing of it behind.

use std::{
    io::{Read, Write},
    os::unix::process::CommandExt,
    path::Path,
    process::{Child, Command, ExitStatus, Stdio},
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};
use thunderline_core::{Error, ErrorKind, Result};

use crate::{config::NamedCommand, stop::Stop};

/// The longest answer that is read.
const MAX_ANSWER: u64 = 1 << 20;
/// How much of the end of the error output is kept.
const KEPT_ERRORS: usize = 8 << 10;

/// How a program ended.
pub(crate) struct Finished {
    pub(crate) status: ExitStatus,
    pub(crate) stdout: Vec<u8>,
    /// The end of the error output.
    pub(crate) stderr: String,
}

/// Runs the program in `folder` with `input` on its standard input. Whatever it started in its process group is killed
/// when it ends, when the limit passes, and when the runner is to stop.
///
/// # Errors
/// `internal` where it cannot be started; `timeout` past the limit, with the end of its error output; `unavailable` where
/// the runner is to stop.
pub(crate) fn run(
    command: &NamedCommand,
    folder: &Path,
    input: &[u8],
    limit: Duration,
    stop: &Stop,
) -> Result<Finished> {
    let mut child = Command::new(&command.program)
        .args(&command.arguments)
        .current_dir(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .spawn()
        .map_err(|error| {
            Error::internal(format!("cannot start {}", command.program.display())).caused_by(error)
        })?;
    let mut stdin = child.stdin.take().expect("it is piped");
    let mut stdout = child.stdout.take().expect("it is piped");
    let mut stderr = child.stderr.take().expect("it is piped");
    std::thread::scope(|scope| {
        // A program that does not read its input closes the pipe; that is its own affair.
        scope.spawn(move || drop(stdin.write_all(input)));
        let answer = scope.spawn(move || {
            let mut bytes = Vec::new();
            let read = (&mut stdout).take(MAX_ANSWER + 1).read_to_end(&mut bytes);
            // The rest is thrown away, so that a talkative program does not wait for a reader.
            std::io::copy(&mut stdout, &mut std::io::sink()).and(read).map(|_| bytes)
        });
        let errors = scope.spawn(move || tail(&mut stderr));
        let ended = wait(&mut child, limit, stop);
        let stdout = answer.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
        let stderr = errors.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        let status = ended.map_err(|error| match error.kind() {
            ErrorKind::Timeout => Error::new(ErrorKind::Timeout, format!("{error}; it said: {stderr}")),
            _ => error,
        })?;
        if stdout.len() as u64 > MAX_ANSWER {
            return Err(Error::new(ErrorKind::Invalid, "the program's answer is longer than 1 MiB"));
        }
        Ok(Finished { status, stdout, stderr })
    })
}

/// Waits for the end, then kills what is left of the group while its leader, not yet reaped, still keeps the number.
fn wait(child: &mut Child, limit: Duration, stop: &Stop) -> Result<ExitStatus> {
    let group = Pid::from_child(child);
    let deadline = Instant::now() + limit;
    let mut pause = Duration::from_millis(2);
    let broken_off = loop {
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT | WaitIdOptions::NOHANG;
        match waitid(WaitId::Pid(group), options) {
            Ok(Some(_)) => break None,
            Ok(None) => {}
            Err(error) => break Some(Error::internal("waiting for a program").caused_by(error)),
        }
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            let why = format!("the program took longer than {} s and was killed", limit.as_secs_f64());
            break Some(Error::new(ErrorKind::Timeout, why));
        }
        if stop.wait(pause.min(left)) {
            break Some(Error::unavailable("the runner is stopping"));
        }
        pause = (pause * 2).min(Duration::from_millis(100));
    };
    // An error means that nobody is left.
    let _ = kill_process_group(group, Signal::KILL);
    let status = child.wait()?;
    broken_off.map_or(Ok(status), Err)
}

/// The end of what is written.
fn tail(input: &mut impl Read) -> String {
    let mut kept = Vec::new();
    let mut buffer = [0; 4096];
    while let Ok(count @ 1..) = input.read(&mut buffer) {
        kept.extend_from_slice(&buffer[..count]);
        if kept.len() > 4 * KEPT_ERRORS {
            kept.drain(..kept.len() - KEPT_ERRORS);
        }
    }
    let start = kept.len().saturating_sub(KEPT_ERRORS);
    String::from_utf8_lossy(&kept[start..]).trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> NamedCommand {
        NamedCommand {
            name: "t".into(),
            program: "/bin/sh".into(),
            arguments: vec!["-c".into(), script.into()],
        }
    }

    fn run_in(script: &str, limit: Duration, stop: &Stop) -> Result<Finished> {
        let folder = tempfile::tempdir().unwrap();
        run(&shell(script), folder.path(), b"input", limit, stop)
    }

    const LONG: Duration = Duration::from_secs(600);

    #[test]
    fn input_goes_in_and_both_outputs_come_back() {
        let finished = run_in("cat; echo oops >&2; exit 3", LONG, &Stop::new()).unwrap();
        assert_eq!((finished.stdout.as_slice(), finished.stderr.as_str()), (&b"input"[..], "oops"));
        assert_eq!(finished.status.code(), Some(3));
    }

    #[test]
    fn a_program_past_its_limit_is_killed_with_all_its_children() {
        // The background child would hold the pipes open for an hour.
        let script = "echo started >&2; sleep 3600 & sleep 3600";
        let error = run_in(script, Duration::from_millis(300), &Stop::new()).err().unwrap();
        assert_eq!(error.code(), "timeout");
        assert!(error.to_string().contains("started"), "{error}");
    }

    #[test]
    fn what_a_program_leaves_behind_is_killed() {
        let finished = run_in("sleep 3600 & echo done", LONG, &Stop::new()).unwrap();
        assert_eq!(finished.stdout, b"done\n");
    }

    #[test]
    fn a_stopping_runner_does_not_wait_for_a_program() {
        let stop = Stop::new();
        stop.stop();
        assert_eq!(run_in("sleep 3600", LONG, &stop).err().unwrap().code(), "unavailable");
    }

    #[test]
    fn an_endless_answer_is_cut_and_refused() {
        let script = "head -c 3000000 /dev/zero";
        assert!(run_in(script, LONG, &Stop::new()).err().unwrap().to_string().contains("1 MiB"));
        let finished = run_in("head -c 3000000 /dev/zero >&2", LONG, &Stop::new()).unwrap();
        assert_eq!(finished.stderr.len(), KEPT_ERRORS);
    }

    #[test]
    fn a_program_that_is_not_there_is_named() {
        let command = NamedCommand { program: "/no/such/trainer".into(), ..shell("") };
        let error = run(&command, Path::new("/"), b"", LONG, &Stop::new()).err().unwrap();
        assert!(error.to_string().contains("/no/such/trainer"), "{error}");
    }
}
