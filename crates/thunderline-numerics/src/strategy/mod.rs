//! Strategies: how a round's updates become the next model. One file each; `docs/strategies.md` has the formulas, and tells
//! how to add one.
//!
//! A strategy is a pure function over [`Round`]: the same updates in the same order, model and state give the same bytes,
//! whatever the number of threads. Updates come in the order of their leases, never in that of their arrival, so a round's
//! result does not depend on who answered first.
//!
//! Everything streams: no strategy holds a model, so memory is O(threads × tile) for the linear family and bounded for the
//! others (see [`GATHER_BYTES`](crate::order::GATHER_BYTES) and [`distance`](crate::distance)).

mod bulyan;
mod centered_clipping;
mod external;
mod fedavg;
mod fedbuff;
mod fedmedian;
mod fednova;
mod fedopt;
mod fedprox;
mod fedtrimmedavg;
mod geometric_median;
mod krum;
mod norm_bounded;
mod params;
mod qfedavg;
mod scaffold;

use std::{collections::BTreeMap, fmt};

pub use external::EXTERNAL;
pub use params::{Allowed, Param, Values};

pub use crate::optimiser::Part;
use crate::{ArrayReader, Error, ErrorKind, ModelSchema, Result, Weighted, weighting::By};

/// What a strategy writes to: pieces of any length; each [`Part`] by itself is in order.
pub type Out<'a> = &'a mut dyn FnMut(Part, &[u8]) -> Result<()>;

/// One accepted update.
#[derive(Clone, Copy)]
pub struct Update<'a> {
    /// Its arrays: those of the model, every float finite.
    pub reader: &'a dyn ArrayReader,
    /// What it counts, after weighting and cap; above 0. Strategies that do not weigh ignore it.
    pub weight: f64,
    /// What the client measured; it passed [`Strategy::check_metrics`].
    pub metrics: &'a BTreeMap<String, f64>,
    /// Where the client began; none where that is the round's model.
    pub began: Option<Earlier<'a>>,
}

/// An older model than the round's.
#[derive(Clone, Copy)]
pub struct Earlier<'a> {
    /// Its arrays.
    pub model: &'a dyn ArrayReader,
    /// How many versions older it is.
    pub versions: u32,
}

impl Update<'_> {
    /// How many versions older than the round's model the one is that the client began from.
    #[must_use]
    pub fn staleness(&self) -> u32 {
        self.began.map_or(0, |earlier| earlier.versions)
    }
}

/// How updates wait for each other where clients are not asked in rounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Buffer {
    /// So many updates make a model.
    pub size: u32,
    /// An update that began from a model that is more versions old than this is refused.
    pub max_staleness: u32,
    /// So many clients train at once.
    pub max_concurrency: u32,
}

/// What a round is aggregated from.
#[derive(Clone, Copy)]
pub struct Round<'a> {
    /// The model's arrays.
    pub schema: &'a ModelSchema,
    /// The model that the updates were trained from, unless they say otherwise.
    pub model: &'a dyn ArrayReader,
    /// What the last aggregation left, with the arrays of [`Strategy::state`]; nothing before the first.
    pub state: Option<&'a dyn ArrayReader>,
    /// The round's number, from 1.
    pub number: u32,
    /// The share of all clients whose updates these are, in (0, 1].
    pub participation: f64,
    /// The updates, in the order of their leases.
    pub updates: &'a [Update<'a>],
    /// At least 1; changes nothing but the time.
    pub threads: usize,
}

impl Round<'_> {
    /// Each client's share of the weight; they add up to 1.
    fn shares(&self) -> Result<Vec<f64>> {
        let total = crate::mean::total_weight(&self.weighted())?;
        Ok(self.updates.iter().map(|update| update.weight / total).collect())
    }

    pub(crate) fn weighted(&self) -> Vec<Weighted<'_>> {
        self.updates.iter().map(|update| Weighted { reader: update.reader, weight: update.weight }).collect()
    }

    fn readers(&self) -> Vec<&dyn ArrayReader> {
        self.updates.iter().map(|update| update.reader).collect()
    }

    /// A metric of every client.
    fn metric(&self, name: &str) -> Result<Vec<f64>> {
        let missing = || Error::internal(format!("an accepted update lacks the metric '{name}'"));
        self.updates.iter().map(|update| update.metrics.get(name).copied().ok_or_else(missing)).collect()
    }
}

/// How a round's updates become the next model.
pub trait Strategy: fmt::Debug + Send + Sync {
    /// Writes the next model to [`Part::Model`], and what the next round begins with to [`Part::First`] and
    /// [`Part::Second`], whose concatenation has the arrays of [`state`](Self::state).
    ///
    /// # Errors
    /// `invalid` where no model comes of these updates; `internal` where reading fails; whatever `out` returns, at once.
    fn aggregate(&self, round: &Round<'_>, out: Out<'_>) -> Result<()>;

    /// The arrays that are kept from round to round; none where nothing is.
    ///
    /// # Errors
    /// `invalid` where the state would be larger than a file can be.
    fn state(&self, _model: &ModelSchema) -> Result<Option<ModelSchema>> {
        Ok(None)
    }

    /// Fewer updates than this do not make a model.
    fn least_updates(&self) -> usize {
        1
    }

    /// Whether the metrics of a reply suffice. What does not is refused with this reason, and never ends the round.
    ///
    /// # Errors
    /// `invalid`, naming the metric.
    fn check_metrics(&self, _metrics: &BTreeMap<String, f64>) -> Result<()> {
        Ok(())
    }

    /// How updates wait for each other; none where clients are asked in rounds.
    fn buffer(&self) -> Option<Buffer> {
        None
    }

    /// Settings that go to the clients with each training task.
    fn client_config(&self) -> Vec<(&'static str, f64)> {
        Vec::new()
    }
}

/// What there is to know about a strategy before it is built.
pub struct Kind {
    /// The name in specs.
    pub name: &'static str,
    /// The arXiv number of its paper.
    pub paper: &'static str,
    /// Its parameters, in the order of [`build`](Self::build)'s values.
    pub params: &'static [Param],
    /// How it weighs clients where a spec does not say; none where it does not weigh them.
    pub weighting: Option<By>,
    /// Whether only the built-in trainer can do the clients' part of it: the state goes down with the model, and each client
    /// keeps one of its own.
    pub built_in_only: bool,
    build: fn(&Values<'_>) -> Box<dyn Strategy>,
}

impl fmt::Debug for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

/// Every strategy. A new one is one file in this folder, with its `mod` above and its place here.
pub static KINDS: &[&Kind] = &[
    &fedavg::KIND,
    &fedprox::KIND,
    &fedopt::FEDAVGM,
    &fedopt::FEDADAGRAD,
    &fedopt::FEDADAM,
    &fedopt::FEDYOGI,
    &fedmedian::KIND,
    &fedtrimmedavg::KIND,
    &krum::KRUM,
    &krum::MULTI_KRUM,
    &bulyan::KIND,
    &geometric_median::KIND,
    &centered_clipping::KIND,
    &norm_bounded::KIND,
    &qfedavg::KIND,
    &fednova::KIND,
    &scaffold::KIND,
    &fedbuff::KIND,
];

impl Kind {
    /// The strategy of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<&'static Self> {
        KINDS.iter().copied().find(|kind| kind.name == name)
    }

    /// The strategy with these values, in the order of [`params`](Self::params).
    ///
    /// # Errors
    /// `invalid` where a value is out of its range.
    pub fn build(&self, values: &[f64]) -> Result<Box<dyn Strategy>> {
        Ok((self.build)(&Values::new(self.params, values)?))
    }

    /// The strategy with its defaults, but for the parameters that are named.
    ///
    /// # Errors
    /// `invalid` where a value is out of its range, a name is not known, or a required one is missing.
    pub fn with(&self, named: &[(&str, f64)]) -> Result<Box<dyn Strategy>> {
        if let Some((name, _)) =
            named.iter().find(|(name, _)| self.params.iter().all(|param| param.name != *name))
        {
            let known = self.params.iter().map(|param| param.name).collect::<Vec<_>>().join(", ");
            return Err(Error::invalid_value(format!("params.{name}"), "no such parameter", known));
        }
        let values = self.params.iter().map(|param| {
            let given = named.iter().find(|(name, _)| *name == param.name).map(|(_, value)| *value);
            given.or(param.default).ok_or_else(|| {
                Error::invalid_value(format!("params.{}", param.name), "missing", param.allowed.words())
            })
        });
        self.build(&values.collect::<Result<Vec<_>>>()?)
    }
}

/// A metric that a reply must have, and what it may be.
fn require(
    metrics: &BTreeMap<String, f64>,
    name: &str,
    fits: impl Fn(f64) -> bool,
    allowed: &str,
) -> Result<()> {
    let refuse = |what: String| Err(Error::new(ErrorKind::Invalid, what));
    match metrics.get(name) {
        None => refuse(format!("the metric '{name}' is missing; this strategy needs it, {allowed}")),
        Some(&value) if !(value.is_finite() && fits(value)) => {
            refuse(format!("the metric '{name}' is {value}; allowed is {allowed}"))
        }
        Some(_) => Ok(()),
    }
}

/// The example of `docs/strategies.md`.
#[cfg(test)]
mod halfstep;
#[cfg(test)]
mod tests;
