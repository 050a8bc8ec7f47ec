//! `thunderline runner` as a process.

use super::{group::Group, server::Server};

/// Starts a runner of the server. `arguments` are its own: data, commands, tags.
pub fn start_runner(server: &Server, name: &str, arguments: &[&str]) -> Group {
    start_runner_at(server, &server.fleet_http(), name, arguments)
}

/// The same, for a runner that reaches the server at another address, `host:port`.
pub fn start_runner_at(server: &Server, address: &str, name: &str, arguments: &[&str]) -> Group {
    let fleet = format!("http://{address}");
    let mut command = server.command(&["runner", "--server", &fleet, "--name", name, "--state"]);
    command.arg(server.folder().join(name)).args(arguments);
    Group::start(&mut command, &server.folder().join(format!("{name}.log")))
}
