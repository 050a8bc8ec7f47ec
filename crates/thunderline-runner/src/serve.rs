//! The runner's life: enrol, wait for work, do it, say goodbye.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use thunderline_core::{Cx, Error, ErrorKind, Result};
use thunderline_flower::wire;

use crate::{
    builtin::Loaded,
    channel::{CallError, CallResult, Channel},
    config::RunnerConfig,
    enrol::{self, Enrolment},
    finished,
    fleet::Fleet,
    heartbeat, key,
    lock::StateLock,
    masked,
    retry::until_answered,
    stop::Stop,
    work::Worker,
};

/// How long to wait where the server says 'not now'.
const NOT_NOW: Duration = Duration::from_secs(3);
/// A server that answers 'no work' sooner than this does not hold calls; it is not to be flooded.
const HELD: Duration = Duration::from_millis(500);
const UNHELD_PAUSE: Duration = Duration::from_secs(1);

/// Runs until the stop signal, through any number of restarts of the server.
///
/// # Errors
/// `invalid` where the configuration or a data file is wrong; `not_found` where a data file is missing; `conflict` where
/// another runner uses the state folder; `unauthenticated` where the server refuses this runner, also after it
/// enrolled again; `internal` where the key or the work folder cannot be used, or the server does not follow the protocol.
pub fn run(cx: &Cx, config: &RunnerConfig, stop: &Stop) -> Result<()> {
    config.validate()?;
    let _lock = StateLock::take(&config.state)?;
    let mut loaded = Loaded::default();
    loaded.check(config)?;
    let key = Arc::new(key::load_or_make(&config.state)?);
    // Other sites ask for its public half before the first round.
    masked::identity(&config.state, cx)?;
    finished::sweep(&finished::work(&config.state), finished::is_there)?;
    let channel = Channel::new(config.base(), key, cx.clone());
    let mut again = false;
    loop {
        let enrolment = match until_answered(cx, stop, || enrol::enrol(&channel, config)) {
            Ok(enrolment) => enrolment,
            Err(CallError::Stopped) => return Ok(()),
            Err(error) => return Err(refused("enrolling failed", error)),
        };
        tracing::info!(node = %enrolment.node, server = config.base(), "enrolled");
        let fleet = Fleet { channel: channel.clone(), stop: stop.clone(), node: enrolment.node };
        let mut session = Session { config, fleet, enrolment, loaded: &mut loaded, known: false };
        match session.run() {
            Err(CallError::Stopped) => {
                if let Err(error) = session.fleet.deactivate() {
                    tracing::debug!(%error, "no goodbye");
                }
                return Ok(());
            }
            // Once in a row: a server that still does not know this runner never will.
            Err(CallError::Unauthenticated(why)) if session.known || !again => {
                again = true;
                tracing::warn!(%why, "the server does not know this runner any more; enrolling again");
            }
            Err(error) => return Err(refused("the server refuses this runner", error)),
            Ok(never) => match never {},
        }
    }
}

fn refused(what: &str, error: CallError) -> Error {
    match error {
        CallError::Unauthenticated(why) => Error::new(ErrorKind::Unauthenticated, format!("{what}: {why}")),
        CallError::Forbidden(why) => Error::forbidden(format!("{what}: {why}")),
        CallError::Broken(error) => error,
        other => Error::internal(format!("{what}: {other}")),
    }
}

/// One enrolment, for as long as the server knows it.
struct Session<'a> {
    config: &'a RunnerConfig,
    fleet: Fleet,
    enrolment: Enrolment,
    loaded: &'a mut Loaded,
    /// Whether a call succeeded since enrolling.
    known: bool,
}

impl Session<'_> {
    fn run(&mut self) -> CallResult<std::convert::Infallible> {
        let ended = Stop::new();
        heartbeat::start(self.fleet.clone(), self.enrolment.heartbeat_seconds, ended.clone());
        let result = self.serve();
        ended.stop();
        result
    }

    fn serve(&mut self) -> CallResult<std::convert::Infallible> {
        loop {
            let asked = Instant::now();
            let pulled = self.fleet.held(Fleet::pull_messages);
            let pause = match pulled {
                Ok(Some(message)) => {
                    self.known = true;
                    self.handle(&message)?;
                    Duration::ZERO
                }
                Ok(None) => {
                    self.known = true;
                    if asked.elapsed() < HELD { UNHELD_PAUSE } else { Duration::ZERO }
                }
                Err(CallError::Forbidden(why)) => {
                    tracing::debug!(%why, "no work now");
                    NOT_NOW
                }
                Err(error) => return Err(error),
            };
            if !pause.is_zero() {
                self.fleet.stop.wait(pause);
            }
        }
    }

    /// Does what a message asks. Only what makes it senseless to go on is an error.
    fn handle(&mut self, message: &wire::Message) -> CallResult<()> {
        let mut worker = Worker {
            config: self.config,
            fleet: self.fleet.clone(),
            enrolment: self.enrolment.clone(),
            loaded: self.loaded,
        };
        match worker.handle(message) {
            Err(error @ (CallError::Unauthenticated(_) | CallError::Stopped)) => Err(error),
            Err(error) => {
                tracing::warn!(%error, "the message is dropped");
                Ok(())
            }
            Ok(()) => Ok(()),
        }
    }
}
