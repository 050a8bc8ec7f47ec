//! Runs a program with a time limit and leaves nothing of it behind.

use std::{
    io::{Read, Write},
    mem,
    os::unix::process::CommandExt,
    path::Path,
    process::{Child, Command, ExitStatus, Stdio},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering::Relaxed},
        mpsc::{self, SyncSender},
    },
    thread,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};
use serde::de::DeserializeOwned;
use thunderline_core::{Error, ErrorKind, Result};

use crate::{NamedCommand, Stop, room::Watch};

/// The longest answer that is read.
const MAX_ANSWER: usize = 1 << 20;
/// How much of the end of the error output is kept.
const KEPT_ERRORS: usize = 8 << 10;
/// How long the outputs of a program that has ended are read on.
const GRACE: Duration = Duration::from_secs(1);
/// Of a longer line, listeners hear the beginning.
const LONGEST_LINE: usize = 1 << 10;
/// Lines that wait to be heard, and that are heard between two looks at the time. What comes faster is not heard.
const WAITING_LINES: usize = 1 << 10;

/// What a program sees of the environment of whoever starts it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Surroundings {
    /// All variables.
    Inherited,
    /// `PATH` only, so that no secret of ours is among them. `HOME` and `TMPDIR` are the folder, `LANG` is `C.UTF-8`.
    Bare,
}

/// A program that is to run once.
pub struct Run<'a> {
    /// The program.
    pub command: &'a NamedCommand,
    /// Where it runs.
    pub folder: &'a Path,
    /// What its standard input brings.
    pub input: &'a [u8],
    /// What variables it sees.
    pub surroundings: Surroundings,
    /// How long it may take.
    pub limit: Duration,
    /// How many bytes of disk it may take in its folder beside what lies there already; none: as many as there are. It is looked
    /// ten times a second, so a quick program gets somewhat further, and only at what is in the folder.
    pub room: Option<u64>,
    /// Hears the lines of its error output as they come, but of thousands in a tenth of a second not each.
    pub listener: Option<&'a (dyn Fn(&str) + Sync)>,
}

/// How a program ended.
pub struct Finished {
    /// Its exit status.
    pub status: ExitStatus,
    /// All of its standard output.
    pub stdout: Vec<u8>,
    /// The end of its error output.
    pub stderr: String,
}

impl Finished {
    /// The document that it answered with.
    ///
    /// # Errors
    /// `invalid`, with the end of its error output, for any other exit status than 0 and where its standard output is no such
    /// document.
    pub fn answer<T: DeserializeOwned>(&self) -> Result<T> {
        if !self.status.success() {
            return Err(self.failure(&format!("ended with {}", self.status)));
        }
        serde_json::from_slice(&self.stdout)
            .map_err(|error| self.failure(&format!("did not answer as agreed ({error})")))
    }

    /// `invalid`: what the program did, and the end of its error output.
    #[must_use]
    pub fn failure(&self, what: &str) -> Error {
        Error::new(ErrorKind::Invalid, format!("the program {what}; it said: {}", said(&self.stderr)))
    }
}

/// Runs the program to its end. Whatever it started in its process group is killed when it ends, when the limit passes, when its
/// folder is full, and when the signal to stop is given; who has left the group lives on, and nobody waits for it.
///
/// # Errors
/// `unavailable` where it cannot be started, and where the signal is given; `timeout` past the limit, with the end of its error
/// output; `invalid`, with that as well, where it prints more than 1 MiB or its folder has no room for more.
pub fn run(run: &Run<'_>, stop: &Stop) -> Result<Finished> {
    let mut watch = run.room.map(|room| Watch::new(run.folder, room));
    let mut child = prepared(run).spawn().map_err(|error| {
        Error::unavailable(format!("cannot start {} ({error})", run.command.program.display()))
    })?;
    let Run { input, limit, room, listener, .. } = *run;
    let (input, mut stdin) = (input.to_vec(), child.stdin.take().expect("it is piped"));
    // A program that does not read its input closes the pipe; that is its own affair.
    thread::spawn(move || drop(stdin.write_all(&input)));
    let (lines, heard) = mpsc::sync_channel(WAITING_LINES);
    let over = Over::default();
    let stdout = collect(child.stdout.take().expect("it is piped"), Kept::Beginning, lines.clone(), &over);
    let stderr = collect(child.stderr.take().expect("it is piped"), Kept::End, lines, &over);
    let hear = |line: String| listener.into_iter().for_each(|hear| hear(&line));
    let mut is_full = false;
    let ended = wait(&mut child, limit, stop, || {
        heard.try_iter().take(WAITING_LINES).for_each(hear);
        is_full = watch.as_mut().is_some_and(Watch::is_outgrown);
        is_full || stdout.lock().expect("no code panics while holding it").len() > MAX_ANSWER
    });
    // Who has left the group may keep the outputs open for ever, and fill them. Then what came is all.
    let until = Instant::now() + GRACE;
    loop {
        let left = until.saturating_duration_since(Instant::now());
        match heard.recv_timeout(left) {
            Ok(line) if !left.is_zero() => hear(line),
            _ => break,
        }
    }
    drop(over);
    let taken =
        |output: &Mutex<Vec<u8>>| mem::take(&mut *output.lock().expect("no code panics while holding it"));
    let (stdout, stderr) = (taken(&stdout), taken(&stderr));
    let stderr = &stderr[stderr.len().saturating_sub(KEPT_ERRORS)..];
    let stderr = String::from_utf8_lossy(stderr).trim().to_owned();
    if stdout.len() > MAX_ANSWER {
        let why = format!("the program answered with more than 1 MiB; it said: {}", said(&stderr));
        return Err(Error::new(ErrorKind::Invalid, why));
    }
    if let (true, Some(room)) = (is_full, room) {
        let why = format!(
            "the program wrote more than {room} bytes to its folder and was killed; it said: {}",
            said(&stderr)
        );
        return Err(Error::new(ErrorKind::Invalid, why));
    }
    let status = ended.map_err(|error| match error.kind() {
        ErrorKind::Timeout => Error::new(ErrorKind::Timeout, format!("{error}; it said: {}", said(&stderr))),
        _ => error,
    })?;
    Ok(Finished { status, stdout, stderr })
}

/// Tells the threads that read the outputs, when it is dropped, that nobody wants more: whoever still writes to them, having
/// left the group, finds them closed.
#[derive(Default)]
struct Over(Arc<AtomicBool>);

impl Drop for Over {
    fn drop(&mut self) {
        self.0.store(true, Relaxed);
    }
}

/// Waits for the end, or until `meanwhile` has enough of it, then kills what is left of the group while its leader, not yet reaped, still keeps the number.
fn wait(
    child: &mut Child,
    limit: Duration,
    stop: &Stop,
    mut meanwhile: impl FnMut() -> bool,
) -> Result<ExitStatus> {
    let group = Pid::from_child(child);
    let deadline = Instant::now() + limit;
    let mut pause = Duration::from_millis(2);
    let broken_off = loop {
        if meanwhile() {
            break None;
        }
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
            break Some(Error::unavailable("the program was told to stop"));
        }
        pause = (pause * 2).min(Duration::from_millis(100));
    };
    // An error means that nobody is left.
    let _ = kill_process_group(group, Signal::KILL);
    let status = child.wait()?;
    broken_off.map_or(Ok(status), Err)
}

fn prepared(run: &Run<'_>) -> Command {
    let mut command = Command::new(&run.command.program);
    command.args(&run.command.arguments).current_dir(run.folder);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
    if run.surroundings == Surroundings::Bare {
        command.env_clear();
        command.envs(std::env::var_os("PATH").map(|path| ("PATH", path)));
        command.env("HOME", run.folder).env("TMPDIR", run.folder).env("LANG", "C.UTF-8");
    }
    command
}

/// Which part of an output is kept.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kept {
    /// As much as an answer may have, and a byte more.
    Beginning,
    /// The last bytes; the lines are told as they come.
    End,
}

/// Reads an output to its end, or until it is over, in a thread of its own; a talkative program does not wait for a reader.
/// `lines` is dropped at the end.
fn collect(
    mut output: impl Read + Send + 'static,
    part: Kept,
    lines: SyncSender<String>,
    over: &Over,
) -> Arc<Mutex<Vec<u8>>> {
    let kept = Arc::new(Mutex::new(Vec::new()));
    let (ours, over) = (kept.clone(), over.0.clone());
    thread::spawn(move || {
        let (mut line, mut buffer) = (Vec::new(), [0; 4096]);
        // Nobody may be listening any more, or not as fast.
        let tell = |line: Vec<u8>| drop(lines.try_send(String::from_utf8_lossy(&line).into_owned()));
        while let Ok(count @ 1..) = output.read(&mut buffer) {
            if over.load(Relaxed) {
                return;
            }
            let piece = &buffer[..count];
            let mut kept = ours.lock().expect("no code panics while holding it");
            if part == Kept::Beginning {
                let room = MAX_ANSWER + 1 - kept.len();
                kept.extend_from_slice(&piece[..count.min(room)]);
                continue;
            }
            kept.extend_from_slice(piece);
            if kept.len() > 4 * KEPT_ERRORS {
                let surplus = kept.len() - KEPT_ERRORS;
                kept.drain(..surplus);
            }
            drop(kept);
            for byte in piece {
                match byte {
                    b'\n' => tell(mem::take(&mut line)),
                    _ if line.len() < LONGEST_LINE => line.push(*byte),
                    _ => {}
                }
            }
        }
        if !line.is_empty() {
            tell(line);
        }
    });
    kept
}

fn said(stderr: &str) -> &str {
    if stderr.is_empty() { "nothing on its error output" } else { stderr }
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
        run_with(script, limit, None, stop)
    }

    fn run_with(script: &str, limit: Duration, room: Option<u64>, stop: &Stop) -> Result<Finished> {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("given"), vec![1; 1 << 20]).unwrap();
        let (surroundings, listener, input) = (Surroundings::Inherited, None, b"input");
        let command = &shell(script);
        run(&Run { command, folder: folder.path(), input, surroundings, limit, room, listener }, stop)
    }

    const LONG: Duration = Duration::from_secs(600);

    /// The limit of what hangs: a shell has come to its first line long before.
    const SHORT: Duration = Duration::from_secs(3);

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
        let error = run_in(script, SHORT, &Stop::new()).err().unwrap();
        assert_eq!(error.code(), "timeout");
        assert!(error.to_string().contains("started"), "{error}");
    }

    #[test]
    fn who_leaves_the_group_is_not_waited_for() {
        let script = "echo '[1]'; echo started >&2; setsid sleep 60 & exec sleep 60";
        let error = run_in(script, SHORT, &Stop::new()).err().unwrap();
        assert!(error.to_string().contains("started"), "{error}");
        let finished = run_in("setsid sleep 60 & echo '[1]'", LONG, &Stop::new()).unwrap();
        assert_eq!(finished.answer::<Vec<u32>>().unwrap(), [1]);
    }

    #[test]
    fn who_leaves_the_group_and_never_stops_talking_finds_nobody_listening() {
        // It writes its number, and ends when its output is closed.
        let folder = tempfile::tempdir().unwrap();
        let command = &shell(
            "setsid sh -c 'echo $$ > number; exec yes >&2' & until [ -s number ]; do sleep 0.01; done; echo '[1]'",
        );
        let (surroundings, limit) = (Surroundings::Inherited, LONG);
        let (run, stop) = (
            Run {
                command,
                folder: folder.path(),
                input: b"",
                surroundings,
                limit,
                room: None,
                listener: None,
            },
            Stop::new(),
        );
        let finished = super::run(&run, &stop).unwrap();
        assert_eq!(finished.answer::<Vec<u32>>().unwrap(), [1]);
        let number = std::fs::read_to_string(folder.path().join("number")).unwrap();
        let there = || Path::new("/proc").join(number.trim()).exists();
        let begun = Instant::now();
        while there() {
            assert!(begun.elapsed() < Duration::from_secs(60), "it goes on talking");
            thread::sleep(Duration::from_millis(10));
        }
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
    fn a_program_that_writes_without_end_is_killed_and_one_that_has_room_is_not() {
        let room = Some(4 << 20);
        let written = |script: &str| run_with(script, LONG, room, &Stop::new());
        for endless in [
            "echo busy >&2; sleep 3600 & exec cat /dev/zero > file",
            "echo busy >&2; mkdir a; i=0; while :; do i=$((i + 1)); : > a/$i; done",
        ] {
            let error = written(endless).err().unwrap();
            let why = "wrote more than 4194304 bytes to its folder and was killed; it said: busy";
            assert!(error.code() == "invalid" && error.to_string().contains(why), "{error}");
        }
        assert!(written("cat given given > file; echo '[1]'").is_ok());
    }

    #[test]
    fn an_endless_answer_is_cut_and_refused() {
        let script = "echo loading >&2; head -c 3000000 /dev/zero";
        let error = run_in(script, LONG, &Stop::new()).err().unwrap().to_string();
        assert!(error.contains("1 MiB; it said: loading"), "{error}");
        // It is not waited for: the limit is ten minutes.
        assert_eq!(run_in("cat /dev/zero", LONG, &Stop::new()).err().unwrap().code(), "invalid");
        let finished = run_in("head -c 3000000 /dev/zero >&2", LONG, &Stop::new()).unwrap();
        assert_eq!(finished.stderr.len(), KEPT_ERRORS);
    }

    #[test]
    fn a_program_that_is_not_there_is_named() {
        let command = &NamedCommand { program: "/no/such/trainer".into(), ..shell("") };
        let (surroundings, limit, listener) = (Surroundings::Bare, LONG, None);
        let run =
            Run { command, folder: Path::new("/"), input: b"", surroundings, limit, room: None, listener };
        let error = super::run(&run, &Stop::new()).err().unwrap();
        assert!(error.external().contains("/no/such/trainer"), "{error}");
    }

    #[test]
    fn a_bare_program_sees_nothing_of_our_environment_and_is_heard_while_it_runs() {
        let folder = tempfile::tempdir().unwrap();
        let command = &shell("env -0 | sort -z | tr '\\0' ';'; pwd >&2; printf 'no end of line' >&2");
        let heard = std::sync::Mutex::new(Vec::new());
        let hear = |line: &str| heard.lock().unwrap().push(line.to_owned());
        let (surroundings, limit, listener) =
            (Surroundings::Bare, LONG, Some(&hear as &(dyn Fn(&str) + Sync)));
        let finished = run(
            &Run { command, folder: folder.path(), input: b"", surroundings, limit, room: None, listener },
            &Stop::new(),
        )
        .unwrap();
        let seen = String::from_utf8(finished.stdout).unwrap();
        let names: Vec<_> = seen.split(';').filter_map(|it| Some(it.split_once('=')?.0)).collect();
        // The shell itself adds PWD, and some add more of their own.
        let foreign =
            |name: &&str| !["HOME", "LANG", "PATH", "TMPDIR", "PWD", "OLDPWD", "SHLVL", "_"].contains(name);
        assert!(!names.iter().any(foreign), "{seen}");
        let here = folder.path().canonicalize().unwrap();
        assert!(seen.contains(&format!("HOME={};", folder.path().display())), "{seen}");
        assert_eq!(*heard.lock().unwrap(), [here.to_str().unwrap(), "no end of line"]);
    }

    #[test]
    fn an_answer_is_read_only_of_a_program_that_succeeded() {
        let answer = |script: &str| run_in(script, LONG, &Stop::new()).unwrap().answer::<Vec<u32>>();
        assert_eq!(answer("echo '[1, 2]'").unwrap(), [1, 2]);
        let failed = answer("echo '[1]'; echo 'out of memory' >&2; exit 9").unwrap_err();
        assert!(failed.to_string().contains("exit status: 9; it said: out of memory"), "{failed}");
        let garbled = answer("echo hello").unwrap_err();
        assert!(garbled.to_string().contains("did not answer as agreed"), "{garbled}");
    }
}
