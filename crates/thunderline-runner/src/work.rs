//! One message, from claiming its lease to the last byte of the reply.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::Instant,
};

use thunderline_core::{Error, ErrorKind, RunId};
use thunderline_flower::{
    ObjectId,
    message::{TaskKind, error_code},
    wire,
};

use crate::{
    app::{self, App},
    builtin::{self, Loaded},
    channel::{CallError, CallResult},
    clip, command,
    config::RunnerConfig,
    control,
    download::download,
    encode::{self, Encoded, Rest},
    energy::Meter,
    enrol::{self, Enrolment},
    finished::{self, Finished, Keeps},
    fleet::Fleet,
    key::cannot,
    manifest::{self, Expected},
    masked::{self, Way},
    metrics,
    reply::{self, Reply},
    retry::until_answered,
    task::{Failure, Outcome, Task},
    upload::{counted, upload},
};

/// Flower's code for a message that could not be had.
const MESSAGE_UNAVAILABLE: i64 = 3;

/// Does what a message asks, one message at a time.
pub(crate) struct Worker<'a> {
    pub(crate) config: &'a RunnerConfig,
    pub(crate) fleet: Fleet,
    pub(crate) enrolment: Enrolment,
    pub(crate) loaded: &'a mut Loaded,
}

impl Worker<'_> {
    /// Claims, verifies, pulls, works, replies. What is wrong with the message or the work is told to the server; the
    /// error is what is wrong between the server and this runner.
    pub(crate) fn handle(&mut self, message: &wire::Message) -> CallResult<()> {
        let metadata =
            message.metadata.as_ref().ok_or_else(|| Error::internal("a message without metadata came"))?;
        let run = RunId::try_from(metadata.run_id)?;
        if metadata.dst_node_id != self.enrolment.node.get() {
            return Err(Error::internal("a message for another node came").into());
        }
        let claim = until_answered(self.fleet.channel.cx(), &self.fleet.stop, || {
            enrol::claim(&self.fleet.channel, run, &metadata.message_id)
        })?;
        let state = &self.config.state;
        finished::settle(state, &metadata.message_id, |other| counted(self.fleet.progress(other)))?;
        let mut folder = Folder::take(&finished::work(state), &metadata.message_id)?;
        let found = Finished::find(&folder.path, metadata);
        let again = found.is_some();
        let done = match (self.verified(metadata, run, &claim), found) {
            (Err(failure), _) => Err(failure.into()),
            // What was finished without masks, before the site asked for them, is not sent either.
            (Ok(()), Some((found, reply))) if self.masked_enough(metadata, false) => {
                Ok(Done::reply(found, reply))
            }
            (Ok(()), _) => self.work(metadata, run, &folder.path),
        };
        let (reply, seconds, keeps) = match done {
            Ok(Done::Reply(reply, seconds, keeps)) => (*reply, seconds, keeps),
            // All was said in the exchanges; the lease has ended with the last.
            Ok(Done::Masked(keeps)) => return Ok(keeps.keep(state, run)?),
            Err(Broken::Task(failure)) => {
                tracing::warn!(reason = %failure.reason, "the task failed");
                (reply::failure(metadata, self.fleet.channel.cx().now(), &failure)?, 0.0, Keeps::default())
            }
            Err(Broken::Call(error)) => return Err(error),
        };
        let sent = upload(&self.fleet, &reply, seconds, again);
        // Whoever is ended here, or has to enrol again, gets the message again and goes on.
        folder.stays = matches!(sent, Err(CallError::Stopped | CallError::Unauthenticated(_)));
        sent?;
        let kept = keeps.keep(state, run);
        folder.stays = kept.is_err();
        Ok(kept?)
    }

    /// Whether the server has signed that this runner may do this.
    fn verified(&self, metadata: &wire::Metadata, run: RunId, claim: &enrol::Claim) -> Result<(), Failure> {
        let kind = task_kind(&metadata.message_type)?;
        let expected = Expected {
            node: self.enrolment.node,
            run,
            lease: &claim.lease_id,
            message: &metadata.message_id,
            purpose: kind.name(),
            now: self.fleet.channel.cx().now(),
        };
        manifest::verify(&claim.manifest, &self.enrolment.manifest_key, &expected)
            .map(drop)
            .map_err(|error| Failure::new(error_code::INVALID_FAB, error.to_string()))
    }

    /// Whether the site lets this leave it. Evaluation tells metrics alone, and is not asked about.
    fn masked_enough(&self, metadata: &wire::Metadata, masks: bool) -> bool {
        let trains = matches!(task_kind(&metadata.message_type), Ok(TaskKind::Train));
        masks || !trains || self.config.floor.is_none()
    }

    fn work(&mut self, metadata: &wire::Metadata, run: RunId, folder: &Path) -> Result<Done, Broken> {
        let cx = self.fleet.channel.cx().clone();
        let kind = task_kind(&metadata.message_type)?;
        let payload = download(&self.fleet, run, metadata, folder).map_err(|error| match error {
            CallError::Broken(error) => Broken::Task(Failure::new(MESSAGE_UNAVAILABLE, error.chain())),
            CallError::Refused(why) => Broken::Task(Failure::new(MESSAGE_UNAVAILABLE, why)),
            other => Broken::Call(other),
        })?;
        self.fleet.confirm(run, &metadata.message_id).map_err(Broken::Call)?;
        let app = app::read(&payload.config)
            .map_err(|error| Failure::new(error_code::LOAD_CLIENT_APP, error.to_string()))?;
        let round = Task::round_of(&payload.config);
        let task = Task {
            kind,
            round,
            config: payload.config,
            model: payload.model,
            state: payload.state,
            own: control::path(&self.config.state, run),
            folder: folder.into(),
        };
        let masks = kind == TaskKind::Train && app.secure_agg();
        if !self.masked_enough(metadata, masks) {
            let why = "this site trains with secure aggregation only, and the federation has no secure_agg";
            return Err(Failure::new(error_code::CLIENT_APP_RAISED, why).into());
        }
        let (fleet, config) = (self.fleet.clone(), self.config);
        let floor = config.floor.clone().unwrap_or_default();
        let way = if masks {
            let identity = masked::identity(&config.state, &cx).map_err(CallError::from)?;
            let message = &metadata.message_id;
            Some(Way { fleet: &fleet, message, identity: Arc::new(identity), floor: &floor })
        } else {
            None
        };
        let joined = match &way {
            Some(way) => {
                let joined = way.join(&task.config, task.model.schema())?;
                let missing = || Failure::new(error_code::LOAD_CLIENT_APP, "the task masks and has no terms");
                Some(joined.ok_or_else(missing)?)
            }
            None => None,
        };
        tracing::info!(%run, round, task = kind.name(), masked = masks, "working");
        let (started, meter) = (Instant::now(), Meter::start());
        let outcome = self.execute(&app, &task)?;
        let seconds = started.elapsed().as_secs_f64();
        if let (Some(way), Some(joined)) = (&way, joined) {
            way.contribute(joined, &task.model, &outcome)?;
            tracing::info!(%run, round, seconds, "done, masked");
            return Ok(Done::Masked(Keeps { own: outcome.own, rest: Rest::Nothing }));
        }
        let metrics = metrics::record(&outcome, seconds, meter.joules());
        let failed = |error: Error| Failure::new(error_code::CLIENT_APP_RAISED, error.chain());
        let encoded =
            encode::update(&task, outcome.model.as_ref(), &self.config.state, run).map_err(failed)?;
        let Outcome { examples, model, own, .. } = outcome;
        tracing::info!(%run, round, task = kind.name(), examples, seconds, "done");
        let (input, model, rest) = match encoded {
            Some(Encoded { model, rest }) => (model.clone(), Some(model), rest),
            None => (task.model, model, Rest::Nothing),
        };
        let finished = Finished { at: cx.now(), seconds, input, model, metrics, keeps: Keeps { own, rest } };
        let reply = finished
            .reply(metadata)
            .and_then(|reply| finished.keep(folder, run, &reply).map(|()| reply))
            .map_err(failed)?;
        Ok(Done::reply(finished, reply))
    }

    fn execute(&mut self, app: &App, task: &Task) -> Result<Outcome, Broken> {
        let outcome = match app {
            App::Builtin(app) => {
                let now = self.fleet.channel.cx().now();
                builtin::run(app, task, self.config, self.loaded, now, &self.fleet.stop)
            }
            App::Command(app) => command::run(app, task, self.config, &self.fleet.stop),
        };
        let outcome = outcome.and_then(|outcome| clip::clip(task, outcome));
        outcome.map_err(|error| {
            if self.fleet.stop.is_stopped() {
                return Broken::Call(CallError::Stopped);
            }
            let code = match error.kind() {
                ErrorKind::NotFound => error_code::LOAD_CLIENT_APP,
                ErrorKind::Timeout => error_code::CLIENT_APP_CRASHED,
                _ => error_code::CLIENT_APP_RAISED,
            };
            Broken::Task(Failure::new(code, error.chain()))
        })
    }
}

/// What comes of a message.
enum Done {
    /// A reply, the seconds it took, and what is to be kept once it is sent.
    Reply(Box<Reply>, f64, Keeps),
    /// An update that went out masked.
    Masked(Keeps),
}

impl Done {
    fn reply(finished: Finished, reply: Reply) -> Self {
        Self::Reply(Box::new(reply), finished.seconds, finished.keeps)
    }
}

/// What stands in the way of a result.
enum Broken {
    /// The task: the server is told.
    Task(Failure),
    /// The connection.
    Call(CallError),
}

impl From<Failure> for Broken {
    fn from(failure: Failure) -> Self {
        Self::Task(failure)
    }
}

impl From<CallError> for Broken {
    fn from(error: CallError) -> Self {
        Self::Call(error)
    }
}

impl From<masked::Stop> for Broken {
    fn from(stop: masked::Stop) -> Self {
        match stop {
            masked::Stop::Refused(why) => Self::Task(Failure::new(error_code::CLIENT_APP_RAISED, why)),
            masked::Stop::Call(error) => Self::Call(error),
        }
    }
}

fn task_kind(message_type: &str) -> Result<TaskKind, Failure> {
    match message_type.split('.').next() {
        Some("train") => Ok(TaskKind::Train),
        Some("evaluate") => Ok(TaskKind::Evaluate),
        _ => {
            let why = format!("runners train and evaluate; '{message_type}' is neither");
            Err(Failure::new(error_code::LOAD_CLIENT_APP, why))
        }
    }
}

/// The folder of a task, which goes when the reply is sent. What a crash left is removed at the next start, unless the work was
/// finished.
struct Folder {
    path: PathBuf,
    stays: bool,
}

impl Folder {
    /// The message's folder: new, or with the finished work that is in it. There is one at a time.
    fn take(work: &Path, message: &str) -> thunderline_core::Result<Self> {
        // A server must not choose where this runner writes, and removes.
        let name = message.parse::<ObjectId>()?.to_string();
        let path = work.join(&name);
        finished::sweep(work, |other| other == path && finished::is_there(other))?;
        fs::create_dir_all(&path).map_err(|error| cannot("make", &path, error))?;
        // Programs run elsewhere than in the runner's own folder: what they are told must not be relative.
        Ok(Self { path: path.canonicalize().map_err(|error| cannot("read", &path, error))?, stays: false })
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if self.stays {
            return;
        }
        if let Err(error) = fs::remove_dir_all(&self.path) {
            tracing::warn!(%error, "a work folder stays behind");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_cannot_choose_which_folder_is_removed() {
        let folder = tempfile::tempdir().unwrap();
        let (work, own) = (folder.path().join("work"), folder.path().join("own"));
        for path in [&work, &own] {
            fs::create_dir(path).unwrap();
        }
        for message in ["../own", own.to_str().unwrap(), "", "."] {
            assert!(Folder::take(&work, message).is_err(), "{message}");
        }
        assert!(own.is_dir() && work.is_dir());
        let message = ObjectId::of(b"message").to_string();
        let taken = Folder::take(&work, &message).unwrap();
        assert!(taken.path.is_dir());
        drop(taken);
        assert!(!work.join(message).exists());
    }
}
