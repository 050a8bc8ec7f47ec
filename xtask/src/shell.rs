//! Running other programs: whole, streamed or captured.

use std::io::{BufRead, BufReader, Read};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::thread;

/// The cargo that started us, so that a pinned toolchain stays pinned.
pub fn cargo() -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(crate::workspace::root()).stdin(Stdio::null());
    command
}

/// Runs to the end with our own output; an unsuccessful end is an error that names the command.
pub fn run(command: &mut Command) -> Result<(), String> {
    let status = command.status().map_err(|error| format!("cannot start {}: {error}", name(command)))?;
    if status.success() { Ok(()) } else { Err(format!("{} ended with {status}", name(command))) }
}

/// Runs to the end and returns standard output; on failure the error carries what the command said.
pub fn capture(command: &mut Command) -> Result<String, String> {
    let output = command
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("cannot start {}: {error}", name(command)))?;
    let stdout = String::from_utf8_lossy(&output.stdout);
    if output.status.success() {
        return Ok(stdout.into_owned());
    }
    let stderr = String::from_utf8_lossy(&output.stderr);
    Err(format!("{} ended with {}\n{}{}", name(command), output.status, stdout, stderr))
}

/// Runs to the end, showing every line as it comes and keeping them all. The flag says whether it succeeded.
pub fn stream(command: &mut Command) -> Result<(bool, Vec<String>), String> {
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| format!("cannot start {}: {error}", name(command)))?;
    let (sender, lines) = mpsc::channel();
    let stdout = child.stdout.take().expect("standard output was piped two lines above");
    let stderr = child.stderr.take().expect("standard error was piped two lines above");
    forward(stdout, sender.clone());
    forward(stderr, sender);
    let mut kept = Vec::new();
    for line in lines {
        println!("{line}");
        kept.push(line);
    }
    let status = child.wait().map_err(|error| format!("lost {}: {error}", name(command)))?;
    Ok((status.success(), kept))
}

/// Whether a program of this name is on the path and starts.
pub fn exists(program: &str, argument: &str) -> bool {
    Command::new(program)
        .arg(argument)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

fn forward(source: impl Read + Send + 'static, sender: mpsc::Sender<String>) {
    thread::spawn(move || {
        for line in BufReader::new(source).split(b'\n').map_while(Result::ok) {
            // The receiver lives until both ends are closed.
            let _ = sender.send(String::from_utf8_lossy(&line).trim_end_matches('\r').to_owned());
        }
    });
}

fn name(command: &Command) -> String {
    let mut words = vec![command.get_program().to_string_lossy().into_owned()];
    words.extend(command.get_args().map(|word| word.to_string_lossy().into_owned()));
    words.join(" ")
}
