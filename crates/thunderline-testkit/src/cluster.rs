//! The PostgreSQL server that tests use.
//!
//! `THUNDERLINE_TEST_POSTGRES` names one (a superuser's address). Without it, the first test process starts a private
//! one and all others, of this run and of runs beside it, share it: each holds a shared file lock for its lifetime, and
//! a watchdog that finds the lock free stops the server and removes its files. A machine without the server's programs
//! fails the tests rather than skipping them.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::OnceLock,
};

const VARIABLE: &str = "THUNDERLINE_TEST_POSTGRES";

/// Stops and removes the server once no test process holds `use.lock`. Arguments: folder, pg_ctl with what precedes it.
const WATCHDOG: &str = r#"
dir=$1; shift
while sleep 20; do
  exec 8>>"$dir/start.lock"; flock -x 8
  exec 9>>"$dir/use.lock"
  if flock -n -x 9; then
    "$@" -D "$dir/data" -m immediate stop
    rm -rf "$dir/data"
    exit 0
  fi
  exec 9>&- 8>&-
done
"#;

/// The address of the server's `postgres` database.
pub(crate) fn url() -> &'static str {
    static URL: OnceLock<(String, Option<File>)> = OnceLock::new();
    let (url, _lock) = URL.get_or_init(|| match std::env::var(VARIABLE) {
        Ok(url) => (url, None),
        Err(_) => {
            let (url, lock) = share();
            (url, Some(lock))
        }
    });
    url
}

fn share() -> (String, File) {
    let programs = programs();
    let account = Command::new("id").arg("-un").output().expect("the id program exists");
    let account = String::from_utf8_lossy(&account.stdout).trim().to_owned();
    let folder = std::env::temp_dir().join(format!("thunderline-test-postgres-{account}"));
    fs::create_dir_all(&folder).expect("the folder for temporary files is writable");
    let server = Server { programs, folder, as_root: account == "root" };
    if server.as_root {
        succeed(Command::new("chown").arg("postgres").arg(&server.folder));
    }
    let starting = open(&server.folder.join("start.lock"));
    starting.lock().expect("the file system knows locks");
    let using = open(&server.folder.join("use.lock"));
    using.lock_shared().expect("the file system knows locks");
    if !server.runs() {
        server.start();
    }
    (format!("postgres://tl@localhost/postgres?host={}", server.folder.display()), using)
}

fn open(path: &Path) -> File {
    File::options().create(true).append(true).open(path).expect("a lock file can be made")
}

/// The folder of the newest installed server's programs.
fn programs() -> PathBuf {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let newest = versions
        .map(|entry| entry.path().join("bin"))
        .filter(|bin| bin.join("initdb").exists())
        .max_by_key(|bin| version(bin));
    newest.unwrap_or_else(|| {
        panic!(
            "these tests need PostgreSQL: install its server programs (Debian: apt-get install postgresql) \
             or set {VARIABLE} to a superuser's address"
        )
    })
}

fn version(bin: &Path) -> u32 {
    let name = bin.parent().and_then(Path::file_name).and_then(|name| name.to_str());
    name.and_then(|name| name.parse().ok()).unwrap_or(0)
}

struct Server {
    programs: PathBuf,
    folder: PathBuf,
    as_root: bool,
}

impl Server {
    /// A program of the server; it refuses to run as root, so root hands it to the account that Debian makes for it.
    fn command(&self, program: &str) -> Command {
        let program = self.programs.join(program);
        if !self.as_root {
            return Command::new(program);
        }
        let mut command = Command::new("runuser");
        command.args(["-u", "postgres", "--"]).arg(program);
        command
    }

    fn runs(&self) -> bool {
        let status = self.command("pg_ctl").arg("-D").arg(self.folder.join("data")).arg("status").output();
        status.is_ok_and(|output| output.status.success())
    }

    fn start(&self) {
        let data = self.folder.join("data");
        let log = self.folder.join("log");
        let _ = (fs::remove_dir_all(&data), fs::remove_file(&log));
        let options = ["-U", "tl", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"];
        succeed(self.command("initdb").arg("-D").arg(&data).args(options));
        let settings = format!(
            "-k {} -c listen_addresses= -c max_connections=300 -c fsync=off -c synchronous_commit=off \
             -c full_page_writes=off -c shared_buffers=64MB",
            self.folder.display()
        );
        succeed(
            self.command("pg_ctl")
                .arg("-D")
                .arg(&data)
                .arg("-w")
                .arg("-l")
                .arg(log)
                .args(["-o", &settings, "start"]),
        );
        let stopper = self.command("pg_ctl");
        let mut watchdog = Command::new("setsid");
        watchdog.args(["--fork", "sh", "-c", WATCHDOG, "watchdog"]).arg(&self.folder);
        watchdog.arg(stopper.get_program()).args(stopper.get_args());
        succeed(&mut watchdog);
    }
}

/// A child that kept our standard output open would make the test runner wait for it.
fn quiet(command: &mut Command) -> &mut Command {
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null())
}

fn succeed(command: &mut Command) {
    let status = quiet(command).status();
    assert!(
        status.as_ref().is_ok_and(|status| status.success()),
        "{command:?} failed ({status:?}); the server's log is beside its data"
    );
}
