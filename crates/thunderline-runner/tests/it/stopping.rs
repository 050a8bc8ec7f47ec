//! A runner that is told to stop while the server holds what it asked.

use std::{fs, path::Path};

use thunderline_flower::message::TaskKind;

use crate::{
    cohort::Cohort,
    rounds::{Site, app, initial},
    server::Server,
};

fn keys(state: &Path) -> [Vec<u8>; 3] {
    ["runner.key", "secure.key", "secure.pub"].map(|file| fs::read(state.join(file)).unwrap())
}

#[test]
fn a_runner_does_not_wait_for_an_exchange_that_is_held_and_works_on_after_the_next_start() {
    for exchange in ["advertise", "share", "mask", "consent"] {
        let (server, start) = (Server::start(), initial());
        let folder = tempfile::tempdir().unwrap();
        let state = folder.path().to_owned();
        {
            let mut known = server.state();
            (known.cohort, known.holds) = (Some(Cohort::new(start.parameters().len())), Some(exchange));
        }
        let mut masked = app();
        masked["secure_agg"] = true.into();
        server.ask(TaskKind::Train, 1, &masked, start.schema(), &start.to_bytes());
        let mut site = Site::start(&server, |config, _| config.state = state.clone());
        let held = format!("/{exchange}/answer");
        server.wait(|state| state.calls.iter().any(|path| path.ends_with(&held)).then_some(()));
        let before = keys(&state);
        // The server holds the call until it closes, below.
        site.stop();
        let goodbyes = server.state().calls.iter().filter(|path| path.ends_with("/deactivate-node")).count();
        assert_eq!(goodbyes, 1, "{exchange}");
        assert!(keys(&state) == before, "{exchange}: it is another runner now");
        assert_eq!(fs::read_dir(state.join("work")).unwrap().count(), 0, "{exchange}");

        server.ask(TaskKind::Train, 2, &app(), start.schema(), &start.to_bytes());
        let mut site = Site::start(&server, |config, _| config.state = state.clone());
        assert_eq!(server.wait(|state| state.received.pop_front()).error, None, "{exchange}");
        site.stop();
        server.close();
    }
}
