//! The checks.

use std::{
    fs::{self, File},
    io,
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::Path,
};

use thunderline_core::ErrorKind;
use thunderline_store::Db;
use thunderline_web::dto::{federation::Federation, health::Health, page::Page};

use super::Finding;
use crate::{
    client::{Remote, ServerFile},
    compose::{self, Options},
    failure::Exit,
    output::numbers::bytes,
};

/// A model or two and a few rounds of uploads.
const ENOUGH: u64 = 2_000_000_000;
const PORTS: [(&str, u16); 3] = [("--web", 4000), ("--fleet-http", 8000), ("--fleet-grpc", 9092)];

/// Whether the data folder can be used.
pub fn folder(data: &Path) -> Finding {
    let shown = data.display();
    if !data.exists() {
        return Finding::note(
            "data folder",
            format!("{shown} does not exist"),
            "'thunderline serve' makes it",
        );
    }
    let probe = data.join(".doctor");
    let written = File::create(&probe).and_then(|_| fs::remove_file(&probe));
    match written {
        Ok(()) => Finding::good("data folder", format!("{shown} can be written")),
        Err(error) => {
            let advice = "give this user write access to it, or choose another --data-dir";
            Finding::bad("data folder", format!("{shown} cannot be written: {error}"), advice)
        }
    }
}

/// Whether there is room for models.
pub fn disk(data: &Path) -> Finding {
    let existing =
        data.ancestors().find(|folder| folder.exists()).filter(|folder| !folder.as_os_str().is_empty());
    match rustix::fs::statvfs(existing.unwrap_or(Path::new("."))) {
        Ok(disk) => {
            let free = disk.f_bavail.saturating_mul(disk.f_frsize);
            if free < ENOUGH {
                let advice = "models and uploads need room: free some, or choose another --data-dir";
                return Finding::bad("disk", format!("{} are free", bytes(free)), advice);
            }
            Finding::good("disk", format!("{} are free", bytes(free)))
        }
        Err(error) => Finding::note("disk", format!("cannot be looked at: {error}"), "look at it with 'df'"),
    }
}

/// Whether the database answers and has this program's schema.
pub fn database(data: &Path, url: Option<&str>) -> Finding {
    let options = Options { database: url.map(str::to_owned), ..Options::ephemeral(data) };
    if url.is_none() && !data.join("thunderline.db").exists() {
        return Finding::note("database", "there is none yet", "'thunderline serve' makes it");
    }
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return Finding::bad("database", error.to_string(), "this machine is out of resources"),
    };
    let checked = runtime.block_on(async {
        let db = Db::connect(&options.database_url()).await?;
        let checked = db.check_migrations(compose::MIGRATIONS).await;
        let seen = db.last_sequence().await;
        db.close().await;
        checked.and(seen)
    });
    match checked {
        Ok(events) => Finding::good("database", format!("up to date, {events} events")),
        Err(error) if error.kind() == ErrorKind::Unavailable => {
            let advice = "run 'thunderline migrate', or check the address and that the database runs";
            Finding::bad("database", error.chain(), advice)
        }
        Err(error) => {
            Finding::bad("database", error.chain(), "use the program that wrote it, or restore a backup")
        }
    }
}

/// Whether the server answers and knows us.
pub fn server(remote: &Remote, data: &Path) -> Finding {
    let client = match remote.client(data) {
        Ok(client) => client,
        Err(refused) => return Finding::bad("server", refused.to_string(), "mend --server"),
    };
    match client.health() {
        Err(away) if away.exit == Exit::Unreachable => {
            let advice = "start it with 'thunderline serve', or name another with --server";
            return Finding::note("server", format!("nothing answers at {}", client.base()), advice);
        }
        Err(failure) => return Finding::bad("server", failure.to_string(), "look at its log"),
        Ok(health) => {
            if let Some(finding) = trouble(&health) {
                return finding;
            }
        }
    }
    match client.get::<Page<Federation>>("/api/v1/federations", &[("limit", "1")]) {
        Ok(_) => Finding::good("server", format!("answers at {}", client.base())),
        Err(failure) => {
            let advice = "set --token or THUNDERLINE_TOKEN, or name the server's --data-dir";
            Finding::bad("server", format!("{} answers, but: {failure}", client.base()), advice)
        }
    }
}

/// The worst that the server says of itself.
fn trouble(health: &Health) -> Option<Finding> {
    let worst = health.checks.iter().find(|check| !check.ok);
    let worst = worst.or_else(|| health.checks.iter().find(|check| check.status == "degraded"))?;
    let found = format!("{}: {}", worst.name, worst.detail);
    let advice = match worst.name.as_str() {
        _ if !worst.advice.is_empty() => worst.advice.clone(),
        "domains" => "look at 'thunderline domains list', and at 'domains show NAME' for its past".to_owned(),
        _ => "look at the server's log".to_owned(),
    };
    Some(if worst.ok {
        Finding::note("server", found, advice)
    } else {
        Finding::bad("server", found, advice)
    })
}

/// Whether the server's addresses can be listened on: those that are given, those of the server that runs here, else the usual ones.
pub fn ports(data: &Path, given: [Option<SocketAddr>; 3]) -> Vec<Finding> {
    let ours = ServerFile::read(data);
    let own = ours.as_ref().map(|file| [&file.web, &file.fleet_http, &file.fleet_grpc]);
    let look = |(place, given): (usize, Option<SocketAddr>)| {
        let (option, port) = PORTS[place];
        let own = own.and_then(|own| own[place].trim_start_matches("http://").parse::<SocketAddr>().ok());
        let usual = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let address = given.or(own).unwrap_or(usual);
        look(option, address, own.is_some_and(|own| own.port() == address.port()))
    };
    given.into_iter().enumerate().map(look).collect()
}

fn look(option: &str, address: SocketAddr, own: bool) -> Finding {
    match TcpListener::bind(address) {
        Ok(_) => Finding::good("port", format!("{address} ({option}) is free")),
        Err(error) if error.kind() == io::ErrorKind::AddrInUse && own => {
            Finding::good("port", format!("{address} ({option}) is used by the server of this data folder"))
        }
        Err(error) => {
            let advice = format!("'thunderline serve {option} HOST:PORT' takes another");
            Finding::note("port", format!("{address} ({option}) cannot be listened on: {error}"), advice)
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        io::{BufRead, BufReader, Write},
        thread,
    };

    use thunderline_web::dto::health::Check;

    use super::*;
    use crate::{cli::doctor::Verdict, client::SERVER_FILE};

    #[test]
    fn a_server_that_is_not_ready_says_which_domain_is_why() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let says = "thunderlink is inactive: deactivated by user:ann";
        let health = Health {
            status: "not_ready".into(),
            version: "0".into(),
            checks: vec![
                Check::new("database", true, "it answers".into()),
                Check::new("domains", false, says.into()),
            ],
        };
        let body = serde_json::to_string(&health).unwrap();
        let answering = thread::spawn(move || {
            let (stream, _) = listener.accept().unwrap();
            let mut lines = BufReader::new(&stream).lines();
            while !lines.next().unwrap().unwrap().is_empty() {}
            let length = body.len();
            write!(
                &stream,
                "HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/json\r\nconnection: close\r\n\
                 content-length: {length}\r\n\r\n{body}"
            )
            .unwrap();
        });
        let folder = tempfile::tempdir().unwrap();
        let remote = Remote { server: Some(format!("http://{address}")), token: None };
        let finding = server(&remote, folder.path());
        answering.join().unwrap();
        assert_eq!(finding.verdict, Verdict::Bad);
        assert_eq!(finding.found, format!("domains: {says}"));
        assert!(finding.advice.contains("domains list"), "{finding:?}");
    }

    #[test]
    fn a_taken_port_is_noted_unless_it_is_ours() {
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = taken.local_addr().unwrap();
        assert_eq!(look("--web", address, false).verdict, Verdict::Note);
        assert_eq!(look("--web", address, true).verdict, Verdict::Good);
    }

    #[test]
    fn the_ports_that_are_looked_at_are_those_that_are_asked_for_or_used() {
        let folder = tempfile::tempdir().unwrap();
        let file = ServerFile {
            web: "http://127.0.0.1:41".into(),
            fleet_http: "http://127.0.0.1:42".into(),
            fleet_grpc: "127.0.0.1:43".into(),
            pid: 4,
            version: "5".into(),
        };
        let found = |given| ports(folder.path(), given).into_iter().map(|it| it.found).collect::<Vec<_>>();
        let told = found([None, Some("127.0.0.1:51".parse().unwrap()), None]);
        assert!(
            told[0].contains(":4000") && told[1].contains(":51") && told[2].contains(":9092"),
            "{told:?}"
        );
        fs::write(folder.path().join(SERVER_FILE), serde_json::to_vec(&file).unwrap()).unwrap();
        let told = found([None, Some("127.0.0.1:51".parse().unwrap()), None]);
        assert!(told[0].contains(":41") && told[1].contains(":51") && told[2].contains(":43"), "{told:?}");
    }

    #[test]
    fn a_folder_that_is_not_there_yet_is_no_fault() {
        let folder = tempfile::tempdir().unwrap();
        let missing = folder.path().join("later");
        assert_eq!(super::folder(&missing).verdict, Verdict::Note);
        assert_eq!(super::folder(folder.path()).verdict, Verdict::Good);
        assert_eq!(database(&missing, None).verdict, Verdict::Note);
        assert_ne!(disk(&missing).found, "");
    }
}
