//! One private PostgreSQL cluster for one run: made in a temporary folder, gone with us however we end.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::{packages, shell};

/// The variable in which the tests find the cluster. Its user is a superuser: tests make their own databases and roles.
pub const VARIABLE: &str = "THUNDERLINE_TEST_POSTGRES";

const USER: &str = "thunderline";
const PROGRAMS: &str = "/usr/lib/postgresql";

/// Waits for its standard input to close, which happens when we drop it or die, even by SIGKILL; then stops the server
/// and removes the folder. The signals of a terminal's Ctrl-C must not end it before that.
const WATCHDOG: &str = r#"trap "" INT HUP TERM
folder=$1; shift
cat >/dev/null
"$@" >/dev/null 2>&1
rm -rf "$folder""#;

/// A running cluster. Dropping it stops the server and removes its files.
pub struct Cluster {
    url: String,
    watchdog: Child,
}

impl Cluster {
    /// Finds (or installs) the server programs, makes a cluster and waits until it answers.
    pub fn start() -> Result<Self, String> {
        let programs = server_programs()?;
        let owner = owner()?;
        let folder = temporary_folder()?;
        if let Some(owner) = &owner {
            chown(&folder, Some(owner.uid), Some(owner.gid))
                .map_err(|error| format!("cannot hand {} to {}: {error}", folder.display(), owner.name))?;
        }
        let data = folder.join("data");
        let watchdog = watchdog(
            &folder,
            &as_owner(&owner, &programs, "pg_ctl", &["-m", "immediate", "-w", "stop", "-D"]),
            &data,
        )?;
        // From here on the folder is removed and the server stopped whatever happens.
        let port = free_port()?;
        let cluster = Self { url: format!("postgres://{USER}@127.0.0.1:{port}/postgres"), watchdog };

        let initdb = [
            "-U",
            USER,
            "-A",
            "trust",
            "-E",
            "UTF8",
            "--locale=C.UTF-8",
            "--no-sync",
            "--no-instructions",
            "-D",
        ];
        shell::capture(command(&as_owner(&owner, &programs, "initdb", &initdb), &folder).arg(&data))?;
        let settings = format!(
            "-k {} -p {port} -c listen_addresses=127.0.0.1 -c max_connections=200 -c shared_buffers=64MB \
             -c fsync=off -c synchronous_commit=off -c full_page_writes=off",
            folder.display()
        );
        let log = folder.join("log");
        let start = as_owner(&owner, &programs, "pg_ctl", &["-w", "-t", "120", "start", "-D"]);
        // Not captured: the server would inherit the pipes and hold them open.
        let started = shell::run(
            command(&start, &folder)
                .arg(&data)
                .arg("-l")
                .arg(&log)
                .args(["-o", &settings])
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::null()),
        );
        if let Err(problem) = started {
            return Err(format!("{problem}\n{}", fs::read_to_string(&log).unwrap_or_default()));
        }
        Ok(cluster)
    }

    /// Where it listens, as a connection URL of its maintenance database.
    pub fn url(&self) -> &str {
        &self.url
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        drop(self.watchdog.stdin.take());
        if let Err(error) = self.watchdog.wait() {
            eprintln!("xtask: PostgreSQL may still be running: {error}");
        }
    }
}

/// The account that runs the server when we are root, which PostgreSQL refuses to be.
#[derive(Debug, PartialEq, Eq)]
struct Owner {
    name: String,
    uid: u32,
    gid: u32,
}

fn owner() -> Result<Option<Owner>, String> {
    if !packages::is_root() {
        return Ok(None);
    }
    let accounts = fs::read_to_string("/etc/passwd").map_err(|error| format!("/etc/passwd: {error}"))?;
    account(&accounts, "postgres").or_else(|| account(&accounts, "nobody")).map(Some).ok_or_else(|| {
        "PostgreSQL refuses to run as root, and there is no account `postgres` or `nobody`".to_owned()
    })
}

fn account(passwd: &str, wanted: &str) -> Option<Owner> {
    passwd.lines().find_map(|line| {
        let fields: Vec<&str> = line.split(':').collect();
        match fields[..] {
            [name, _, uid, gid, ..] if name == wanted => {
                Some(Owner { name: name.to_owned(), uid: uid.parse().ok()?, gid: gid.parse().ok()? })
            }
            _ => None,
        }
    })
}

/// The folder of the newest installed server's programs.
fn server_programs() -> Result<PathBuf, String> {
    if let Some(found) = newest(Path::new(PROGRAMS)) {
        return Ok(found);
    }
    packages::install(&["postgresql"])?;
    newest(Path::new(PROGRAMS))
        .ok_or_else(|| format!("no initdb under {PROGRAMS} after installing postgresql"))
}

fn newest(programs: &Path) -> Option<PathBuf> {
    fs::read_dir(programs)
        .ok()?
        .flatten()
        .filter_map(|entry| {
            Some((entry.file_name().to_str()?.parse::<u32>().ok()?, entry.path().join("bin")))
        })
        .filter(|(_, bin)| bin.join("initdb").exists() && bin.join("pg_ctl").exists())
        .max()
        .map(|(_, bin)| bin)
}

fn as_owner(owner: &Option<Owner>, programs: &Path, program: &str, arguments: &[&str]) -> Vec<String> {
    let mut words = match owner {
        Some(owner) => ["runuser", "-u", owner.name.as_str(), "--"].map(str::to_owned).to_vec(),
        None => Vec::new(),
    };
    words.push(programs.join(program).display().to_string());
    words.extend(arguments.iter().map(|argument| (*argument).to_owned()));
    words
}

/// The server's account may not enter the folder we were started in, so it starts in its own.
fn command(words: &[String], folder: &Path) -> Command {
    let mut command = Command::new(&words[0]);
    command.args(&words[1..]).current_dir(folder);
    command
}

fn watchdog(folder: &Path, stop: &[String], data: &Path) -> Result<Child, String> {
    Command::new("sh")
        .args(["-c", WATCHDOG, "sh"])
        .arg(folder)
        .args(stop)
        .arg(data)
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn()
        .map_err(|error| format!("cannot start sh: {error}"))
}

/// In /tmp when there is one: a private TMPDIR is often closed to the server's account.
fn temporary_folder() -> Result<PathBuf, String> {
    let base = if Path::new("/tmp").is_dir() { PathBuf::from("/tmp") } else { std::env::temp_dir() };
    for attempt in 0..100 {
        let folder = base.join(format!("thunderline-postgres-{}-{attempt}", std::process::id()));
        if fs::create_dir(&folder).is_ok() {
            fs::set_permissions(&folder, fs::Permissions::from_mode(0o700))
                .map_err(|error| format!("{}: {error}", folder.display()))?;
            return Ok(folder);
        }
    }
    Err(format!("cannot make a folder in {}", base.display()))
}

/// A port that is free now and that no outgoing connection is given: making the cluster takes seconds, in which others download
/// and compile.
fn free_port() -> Result<u16, String> {
    let range = fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").unwrap_or_default();
    let below = range.split_whitespace().next().and_then(|first| first.parse().ok()).unwrap_or(32_768_u16);
    // Two that run at the same time begin at different ports.
    let (lowest, process) = (10_240_u16, std::process::id());
    let ports = usize::from(below.saturating_sub(lowest));
    let first = process as usize * 131 % ports.max(1);
    (lowest..below)
        .cycle()
        .skip(first)
        .take(ports)
        .find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok())
        .ok_or_else(|| format!("no free loopback port from {lowest} to {below}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_is_found_by_its_whole_name() {
        let passwd = "postgres2:x:7:8::/:/bin/sh\npostgres:x:107:115:admin:/var/lib/postgresql:/bin/bash\n";
        let found = account(passwd, "postgres").expect("it is listed");
        assert_eq!(found, Owner { name: "postgres".to_owned(), uid: 107, gid: 115 });
        assert_eq!(account(passwd, "nobody"), None);
    }
}
