//! Strategies that are programs of the operator: a round's updates go out as files, and the next model comes back as one.
//!
//! The contract is documented for its authors in `docs/strategies.md`. A spec chooses among the names that the operator gave; no
//! command line ever comes from a request. The program gets copies in a folder of its own and never sees what is kept, what it
//! writes is [checked](take) before it is stored, and nothing of it counts before the round's commit: a program that fails, or a
//! server that dies meanwhile, leaves the federation as it was, and the next run begins from the same inputs.

mod contract;
mod give;
mod take;
mod watch;

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tempfile::TempDir;
use thunderline_bridge::{NamedCommand, Run, Stop, Surroundings, run};
use thunderline_core::{Error, ErrorKind, Result, RoundId};
use thunderline_numerics::{
    ArrayReader, FileArrays, ModelSchema,
    strategy::{EXTERNAL, Kind},
};
use thunderline_objects::Area;

pub(crate) use give::Client;
pub(crate) use take::Stored;
pub(crate) use watch::{Given, until_over};

use crate::spec::Program;

/// Of what a program says while it runs, the log gets so many lines.
const LINES: u64 = 200;
/// Bytes that a program may write even where the model is small: caches of its libraries, among others.
const SPARE_ROOM: u64 = 256 << 20;
/// Characters of a strategy's name.
const LONGEST_NAME: usize = 64;

/// The programs that specs may name as their strategies. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Programs {
    commands: Arc<[NamedCommand]>,
    folder: Arc<Path>,
    limit: Duration,
}

impl Programs {
    /// These programs. Each run gets a folder below `folder`, which must be nobody else's: what an earlier process left there is
    /// removed. A run that takes longer than `limit` has failed.
    ///
    /// # Errors
    /// Those of [`Self::check`]; `internal` where the folder cannot be cleared.
    pub fn new(commands: Vec<NamedCommand>, folder: PathBuf, limit: Duration) -> Result<Self> {
        Self::check(&commands)?;
        match fs::remove_dir_all(&folder) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error.into()),
            _ => {}
        }
        if !commands.is_empty() {
            fs::create_dir_all(&folder)?;
        }
        Ok(Self { commands: commands.into(), folder: folder.into(), limit })
    }

    /// Refuses names that are none, or do not tell one strategy from all others.
    ///
    /// # Errors
    /// `invalid` where a name has other characters than letters, digits, `.`, `_` and `-`, two are the same, or one is that of a
    /// built-in strategy.
    pub fn check(commands: &[NamedCommand]) -> Result<()> {
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        for (place, command) in commands.iter().enumerate() {
            let name = &command.name;
            if name.is_empty() || name.len() > LONGEST_NAME || !name.chars().all(plain) {
                let allowed = format!("1 to {LONGEST_NAME} letters, digits, '.', '_' or '-'");
                return Err(Error::invalid_value("--strategy", format!("'{name}' is no name"), allowed));
            }
            if commands[..place].iter().any(|other| other.name == command.name) {
                let reason = format!("two strategies are named '{}'", command.name);
                return Err(Error::invalid_value("--strategy", reason, "distinct names"));
            }
            if Kind::named(&command.name.to_lowercase()).is_some() || command.name == EXTERNAL.name {
                let reason = format!("'{}' is the name of a built-in strategy", command.name);
                return Err(Error::invalid_value("--strategy", reason, "a name of your own"));
            }
        }
        Ok(())
    }

    /// No programs: specs cannot name any.
    #[must_use]
    pub fn none() -> Self {
        Self { commands: Arc::default(), folder: Path::new("").into(), limit: Duration::ZERO }
    }

    /// Their names.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.commands.iter().map(|command| command.name.as_str())
    }

    /// An empty folder for a run, which goes with it. No two runs share one: that of a round that was given up may still be
    /// clearing up when the round is tried again. Programs are told whole paths, so it is an absolute one.
    fn folder(&self, round: RoundId) -> Result<TempDir> {
        let prefix = format!("{round}-");
        let cannot = |error| {
            let what = format!("cannot make a strategy's folder below {}", self.folder.display());
            Error::internal(what).caused_by(error)
        };
        let below = self.folder.canonicalize().map_err(cannot)?;
        TempDir::with_prefix_in(prefix, below).map_err(cannot)
    }

    fn command(&self, name: &str) -> Result<&NamedCommand> {
        self.commands.iter().find(|command| command.name == name).ok_or_else(|| {
            let why =
                format!("this server was started without the strategy '{name}' (--strategy {name}=PROGRAM)");
            Error::new(ErrorKind::NotFound, why)
        })
    }
}

/// What a program is to aggregate.
pub(crate) struct Order<'a> {
    /// Which round, whatever its number.
    pub round: RoundId,
    /// Its number, from 1.
    pub number: u32,
    /// The federation's.
    pub seed: u64,
    pub program: &'a Program,
    /// The model's arrays.
    pub schema: &'a ModelSchema,
    pub model: &'a dyn ArrayReader,
    /// What the program left in the round before; none where it left nothing.
    pub state: Option<(ModelSchema, FileArrays)>,
    /// In fold order.
    pub clients: &'a [Client<'a>],
}

/// How much a program may write: twice what it was given, for what it works with, and the largest model and state that are kept.
fn room(order: &Order<'_>) -> u64 {
    let (model, clients) = (order.schema.bytes(), order.clients.len() as u64);
    let state = order.state.as_ref().map_or(0, |(schema, _)| schema.bytes());
    let given = model.saturating_mul(clients.saturating_add(1)).saturating_add(state);
    let made = model.saturating_mul(take::STATE_TIMES + 1);
    given.saturating_mul(2).saturating_add(made).saturating_add(SPARE_ROOM)
}

/// What came of it.
pub(crate) struct Made {
    pub model: Stored,
    /// What the next round begins with; none where the program keeps nothing.
    pub state: Option<Stored>,
    /// What the program measured.
    pub metrics: BTreeMap<String, f64>,
}

/// Runs the program and stores what it made, checked. Blocking.
///
/// # Errors
/// `not_found` where this process knows no such program; `invalid` and `timeout` with the end of its error output; `unavailable`
/// where it cannot be started, or was told to stop.
pub(crate) fn aggregate(
    programs: &Programs,
    order: &Order<'_>,
    checkpoints: &Area,
    stop: &Stop,
) -> Result<Made> {
    let name = &order.program.name;
    let command = programs.command(name)?;
    let folder = programs.folder(order.round)?;
    let files = give::Files::below(folder.path());
    let input = give::write(order, &files, stop)?;
    let heard = AtomicU64::new(0);
    let hear = |line: &str| match heard.fetch_add(1, Ordering::Relaxed) {
        0..LINES => tracing::info!(strategy = name, round = %order.round, "{line}"),
        LINES => tracing::info!(strategy = name, round = %order.round, "… and more, which is left out"),
        _ => {}
    };
    let run_once = Run {
        command,
        folder: folder.path(),
        input: &input,
        surroundings: Surroundings::Bare,
        limit: programs.limit,
        room: Some(room(order)),
        listener: Some(&hear),
    };
    let finished = run(&run_once, stop)?;
    let answer: contract::Answer = finished.answer()?;
    let metrics = contract::metrics(answer).map_err(|why| finished.failure(&why))?;
    let (model, state) =
        take::take(order.schema, &files, checkpoints).map_err(|error| match error.kind() {
            ErrorKind::Invalid => finished.failure(&error.to_string()),
            _ => error,
        })?;
    Ok(Made { model, state, metrics })
}
