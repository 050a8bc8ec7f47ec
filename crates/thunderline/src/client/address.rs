//! Which server, and who we are to it.

use std::{
    fs,
    path::{Path, PathBuf},
};

use clap::Args;
use serde::{Deserialize, Serialize};
use ureq::http::Uri;

use super::Client;
use crate::failure::Result;

/// The data folder unless told otherwise.
pub const DEFAULT_DATA_DIR: &str = ".thunderline";
/// Where a running server says how it can be reached, in its data folder.
pub const SERVER_FILE: &str = "server.json";
/// Where a server listens unless told otherwise.
const DEFAULT_SERVER: &str = "http://127.0.0.1:4000";

/// How a running server can be reached.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerFile {
    /// The web port's address.
    pub web: String,
    /// Flower's Fleet API over HTTP, and the runners' channel.
    pub fleet_http: String,
    /// Flower's Fleet API over gRPC: `host:port`.
    pub fleet_grpc: String,
    /// The server's process.
    pub pid: u32,
    /// Its version.
    pub version: String,
}

impl ServerFile {
    /// What the server of this data folder wrote, if one runs or ended without cleaning up.
    #[must_use]
    pub fn read(data: &Path) -> Option<Self> {
        serde_json::from_slice(&fs::read(data.join(SERVER_FILE)).ok()?).ok()
    }
}

/// Which server a command talks to.
// The heading stands at each option: one for the struct would go on to the options of whatever it is a part of.
#[derive(Args, Clone, Debug, Default)]
pub struct Remote {
    /// The server's address; without it, the one that serves the data folder
    #[arg(
        long,
        global = true,
        help_heading = "Server",
        env = "THUNDERLINE_SERVER",
        hide_env_values = true,
        value_name = "URL"
    )]
    pub server: Option<String>,
    /// The token; without it, the data folder's operator token (for servers on this machine)
    #[arg(
        long,
        global = true,
        help_heading = "Server",
        env = "THUNDERLINE_TOKEN",
        value_name = "TOKEN",
        hide_env_values = true
    )]
    pub token: Option<String>,
}

impl Remote {
    /// The server that is meant.
    ///
    /// # Errors
    /// Refuses addresses that cannot be called.
    pub fn client(&self, data: &Path) -> Result<Client> {
        let written = || ServerFile::read(data).map(|file| file.web);
        let server = self.server.clone().or_else(written).unwrap_or_else(|| DEFAULT_SERVER.to_owned());
        // The local token is not shown to other machines.
        let own = || fs::read_to_string(token_path(data)).ok().filter(|_| is_loopback(&server));
        let token = self.token.clone().or_else(own).map(|token| token.trim().to_owned());
        let client = Client::new(&server, token)?;
        Ok(client.refused_without_token(if is_loopback(&server) {
            format!("no token in {}; use --data-dir DIR or --token TOKEN", data.display())
        } else {
            "other machines' servers want --token TOKEN".to_owned()
        }))
    }
}

fn token_path(data: &Path) -> PathBuf {
    thundergate::local::token_path(data)
}

/// True where the address names this machine by a loopback name.
fn is_loopback(server: &str) -> bool {
    // Parsed like the request's address is: in http://localhost:x@host/ the host is the last part.
    let Ok(uri) = server.parse::<Uri>() else { return false };
    matches!(uri.host(), Some("127.0.0.1" | "localhost" | "[::1]"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_local_token_goes_to_loopback_only() {
        for own in ["http://127.0.0.1:4000", "http://localhost", "http://[::1]:4000/"] {
            assert!(is_loopback(own), "{own}");
        }
        for foreign in [
            "http://127.0.0.1.example:4000",
            "http://10.0.0.1",
            "http://localhost.example",
            "http://localhost:x@evil/",
            "http://127.0.0.1@evil:4000",
            "http://evil/localhost",
            "http://evil/?@localhost",
        ] {
            assert!(!is_loopback(foreign), "{foreign}");
        }
    }

    #[test]
    fn the_data_folder_says_where_its_server_is() {
        let folder = tempfile::tempdir().unwrap();
        let remote = Remote::default();
        assert_eq!(remote.client(folder.path()).unwrap().base(), DEFAULT_SERVER);
        let file = ServerFile {
            web: "http://127.0.0.1:4321".into(),
            fleet_http: "http://127.0.0.1:8000".into(),
            fleet_grpc: "127.0.0.1:9092".into(),
            pid: 1,
            version: "0".into(),
        };
        fs::write(folder.path().join(SERVER_FILE), serde_json::to_vec(&file).unwrap()).unwrap();
        assert_eq!(remote.client(folder.path()).unwrap().base(), "http://127.0.0.1:4321");
        let named = Remote { server: Some("http://elsewhere:1/".into()), token: None };
        assert_eq!(named.client(folder.path()).unwrap().base(), "http://elsewhere:1");
    }
}
