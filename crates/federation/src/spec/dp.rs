//! The group `dp`: differential privacy, calibrated before anything runs.
//!
//! What is accepted has a noise multiplier with which all rounds together cost no more than `epsilon`. Everything that the
//! proof needs beside that is implied or refused here: equal weights, a fixed divisor, sampling exactly as accounted, no
//! metrics from clients.

use serde::{Deserialize, Serialize};
use thunderline_numerics::privacy::{
    Accountant, Participation, Plan, Sampling, banded, calibrate, clip, pld,
};

use super::{
    Strategy,
    fields::{Fields, Problems},
};

mod correlated;

use correlated::Correlated;
pub use correlated::Matrix;

/// Differential privacy for one client with all of its data.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Dp {
    /// ε: what all rounds together may cost at most, above 0.
    pub epsilon: f64,
    /// δ, from 1e-11 to below 1.
    pub delta: f64,
    /// C: an update's length at most, over all arrays; with adaptive clipping, in the first round.
    pub clip_norm: f64,
    /// Whether the length moves.
    pub clipping: Clipping,
    /// How it moves; only with adaptive clipping.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub adaptive: Option<Adaptive>,
    /// Who clips. The server clips whatever clients were told to do.
    pub placement: Placement,
    /// Where the noise comes from.
    pub mechanism: Mechanism,
    /// What correlates the noise of rounds; only with `dp_ftrl`, where none is the tree: of federations from before there was a
    /// choice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub matrix: Option<Matrix>,
    /// Of how many rounds' noise a round's is made; only with `banded`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bands: Option<u32>,
    /// What stays of a round's noise for good; only with `banded`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub residue: Option<f64>,
    /// Which clients take part in a round.
    pub sampling: Draw,
    /// The most rounds that a client takes part in; only with `dp_ftrl`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_participations: Option<u32>,
    /// Rounds from one participation to the next; only with `dp_ftrl`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_separation: Option<u32>,
    /// Who computes the cost.
    pub accountant: AccountantName,
    /// z: the noise's standard deviation divided by the most that two neighbours' sums differ.
    pub noise_multiplier: f64,
    /// Rounds that may fail and be repeated within `epsilon`.
    pub spare_rounds: u32,
}

/// Whether the clipping norm moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Clipping {
    /// It stays.
    Fixed,
    /// It follows a quantile of the updates' lengths (Andrew et al. 2021).
    Adaptive,
}

/// How an adaptive clipping norm moves.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Adaptive {
    /// The share of clients that shall be within, in [0, 1].
    pub quantile: f64,
    /// How quickly it moves, above 0.
    pub learning_rate: f64,
    /// The standard deviation of the noise on the number within; above half of the noise multiplier.
    pub count_noise: f64,
}

/// Who clips.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Placement {
    /// The server.
    Server,
    /// The clients, who are told the norm; then the server once more.
    Client,
}

/// Where the noise comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mechanism {
    /// Fresh Gaussian noise in every round.
    Gaussian,
    /// Gaussian noise that is correlated over the rounds.
    DpFtrl,
}

/// Which clients take part in a round.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Draw {
    /// Each eligible node by itself, with probability `client_fraction`.
    Poisson,
    /// `client_fraction` of them, without replacement.
    FixedSize,
    /// All of them.
    All,
    /// No more often than `max_participations` and `min_separation` say, and otherwise in any way.
    Limited,
}

/// Who computes the cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AccountantName {
    /// Rényi differential privacy.
    Rdp,
    /// Privacy loss distributions.
    Pld,
}

impl Dp {
    /// What is accounted for, where `rate` is the spec's `client_fraction`.
    #[must_use]
    pub fn plan(&self, rate: f64) -> Plan {
        let sampling = match self.sampling {
            Draw::Poisson => Sampling::Poisson { rate },
            Draw::FixedSize => Sampling::FixedSize { rate },
            Draw::All => Sampling::All,
            Draw::Limited => {
                let participation = Participation {
                    most: self.max_participations.unwrap_or(u32::MAX),
                    separation: self.min_separation.unwrap_or(1),
                };
                match self.band() {
                    Some(band) => Sampling::Banded(participation, band),
                    None => Sampling::Tree(participation),
                }
            }
        };
        let accountant = match self.accountant {
            AccountantName::Rdp => Accountant::Rdp,
            AccountantName::Pld => Accountant::Pld,
        };
        Plan { accountant, sampling, noise_multiplier: self.noise_multiplier }
    }

    /// The bands of the rounds' noise, where it has any.
    #[must_use]
    pub fn band(&self) -> Option<banded::Band> {
        let (Matrix::Banded, bands) = (self.matrix?, self.bands?) else { return None };
        Some(banded::Band { bands, residue: self.residue? })
    }

    /// How much farther two neighbours' sums can be apart than one clipped update is long: twice where a client is replaced.
    #[must_use]
    pub fn movement(&self) -> f64 {
        if self.sampling == Draw::FixedSize { 2.0 } else { 1.0 }
    }

    /// The rule by which the clipping norm moves, where it does.
    #[must_use]
    pub fn rule(&self) -> Option<clip::Adaptive> {
        self.adaptive.map(|Adaptive { quantile, learning_rate, count_noise }| clip::Adaptive {
            quantile,
            learning_rate,
            count_noise,
        })
    }
}

/// What of the rest of a spec the group depends on.
pub(super) struct Around<'a> {
    pub strategy: &'a Strategy,
    pub rounds: u32,
    pub fraction: f64,
    pub min_clients: u32,
    /// Whether the server does not see single updates.
    pub hides: bool,
}

/// Reads the group; `None` where it is not there or not right.
pub(super) fn read(top: &mut Fields<'_>, around: &Around<'_>, problems: &mut Problems) -> Option<Dp> {
    top.get("dp")?;
    let before = problems.0.len();
    let mut group = top.group("dp", problems);
    for key in ["epsilon", "delta", "clip_norm"] {
        if group.get(key).is_none() {
            problems.add(group.path(key), "missing", "a number above 0");
        }
    }
    let epsilon = group.number("epsilon", |x| x > 0.0 && x <= 1e3, "above 0 and at most 1000", 1.0, problems);
    let small = |x: f64| (pld::SMALLEST_DELTA..1.0).contains(&x);
    let delta = group.number("delta", small, "from 1e-11 to below 1; well below 1/clients", 1e-5, problems);
    let clip_norm = group.number("clip_norm", |x| (1e-9..=1e9).contains(&x), "1e-9 to 1e9", 1.0, problems);
    let ftrl = choice(&mut group, "mechanism", &["gaussian", "dp_ftrl"], problems) == Some("dp_ftrl");
    let (sampling, correlated) = if ftrl {
        (Draw::Limited, Some(Correlated::read(&mut group, around.rounds, problems)))
    } else {
        correlated::refuse(&mut group, problems);
        (read_sampling(&mut group, around, problems), None)
    };
    let band = correlated.and_then(|correlated| correlated.band);
    let accountant = read_accountant(&mut group, sampling, problems);
    let placement = match choice(&mut group, "placement", &["server", "client"], problems) {
        Some("client") => Placement::Client,
        None if around.hides => Placement::Client,
        _ => Placement::Server,
    };
    if around.hides {
        check_hidden(placement, sampling, around, problems);
    }
    let spare_rounds = group.whole("spare_rounds", 0..=100_000, 0, problems) as u32;
    let given = group.get("noise_multiplier").is_some();
    let in_range = |x: f64| (calibrate::LEAST..=calibrate::MOST).contains(&x);
    let noise_multiplier = group.number("noise_multiplier", in_range, "0.05 to 10000", 1.0, problems);
    let mut dp = Dp {
        epsilon,
        delta,
        clip_norm,
        clipping: Clipping::Fixed,
        adaptive: None,
        placement,
        mechanism: if ftrl { Mechanism::DpFtrl } else { Mechanism::Gaussian },
        matrix: correlated.map(|correlated| correlated.matrix),
        bands: band.map(|band| band.bands),
        residue: band.map(|band| band.residue),
        sampling,
        max_participations: correlated.map(|correlated| correlated.limits.most),
        min_separation: correlated.map(|correlated| correlated.limits.separation),
        accountant,
        noise_multiplier,
        spare_rounds,
    };
    if problems.0.len() == before {
        calibrated(&mut dp, around, given, &group, problems);
    }
    if choice(&mut group, "clipping", &["fixed", "adaptive"], problems) == Some("adaptive") {
        dp.clipping = Clipping::Adaptive;
        dp.adaptive = Some(read_adaptive(&mut group, &dp, around, problems));
    }
    group.refuse_unknown(problems);
    check_strategy(&dp, around.strategy, problems);
    (problems.0.len() == before).then_some(dp)
}

/// The noise that the goal needs; a noise that is given must suffice.
fn calibrated(dp: &mut Dp, around: &Around<'_>, given: bool, group: &Fields<'_>, problems: &mut Problems) {
    // Correlated noise belongs to a round's number, however often the round is tried.
    let spare = if dp.sampling == Draw::Limited { 0 } else { dp.spare_rounds };
    let (plan, releases) = (dp.plan(around.fraction), u64::from(around.rounds) + u64::from(spare));
    if given {
        let cost = plan.epsilon(releases, dp.delta);
        if cost > dp.epsilon {
            let reason = format!("with this noise {releases} rounds cost ε = {cost:.4}");
            problems.add(group.path("noise_multiplier"), reason, "more, or the key left out");
        }
        return;
    }
    match calibrate::noise_multiplier(plan, releases, dp.epsilon, dp.delta) {
        Ok(noise) => dp.noise_multiplier = noise,
        Err(error) => problems.add(group.path("epsilon"), error.to_string(), "a larger ε or fewer rounds"),
    }
}

fn read_sampling(group: &mut Fields<'_>, around: &Around<'_>, problems: &mut Problems) -> Draw {
    let rate = around.fraction;
    let sampling = match choice(group, "sampling", &["poisson", "fixed_size", "all"], problems) {
        Some("poisson") => Draw::Poisson,
        Some("fixed_size") => Draw::FixedSize,
        Some(_) => Draw::All,
        None if rate < 1.0 => Draw::Poisson,
        None => Draw::All,
    };
    if sampling == Draw::All && rate < 1.0 {
        problems.add("dp.sampling", format!("all, with client_fraction {rate}"), "poisson or fixed_size");
    }
    if sampling == Draw::FixedSize && rate * f64::from(around.min_clients) < 1.0 {
        let reason = format!("{rate} of {} clients is less than one", around.min_clients);
        problems.add("dp.sampling", reason, "poisson, more min_clients, or a larger client_fraction");
    }
    sampling
}

/// What cannot be done with updates that the server does not see.
fn check_hidden(placement: Placement, sampling: Draw, around: &Around<'_>, problems: &mut Problems) {
    if placement == Placement::Server {
        let reason = "the server cannot clip updates that it does not see";
        problems.add("dp.placement", reason, "with secure_agg: client, or the key left out");
    }
    let expected = around.fraction * f64::from(around.min_clients) * (1.0 + 1e-12);
    let fewest = match sampling {
        Draw::Poisson => {
            let reason = "poisson, but how many are drawn decides how their updates are rounded, fewer than three cannot hide, \
                and everybody who is drawn sees the others' keys";
            problems.add("dp.sampling", reason, "with secure_agg: fixed_size, all, or mechanism: dp_ftrl");
            return;
        }
        Draw::FixedSize => expected.floor(),
        Draw::Limited => expected.round(),
        Draw::All => f64::from(around.min_clients),
    };
    if fewest < 3.0 && around.min_clients >= 3 {
        let reason = format!("{fewest} clients in a round, and a client hides among two others at least");
        problems.add("client_fraction", reason, "with secure_agg: enough of min_clients for three");
    }
}

fn read_accountant(group: &mut Fields<'_>, sampling: Draw, problems: &mut Problems) -> AccountantName {
    let fixed_size = sampling == Draw::FixedSize;
    match choice(group, "accountant", &["rdp", "pld"], problems) {
        Some("rdp") => AccountantName::Rdp,
        Some(_) if fixed_size => {
            problems.add("dp.accountant", "pld cannot account for fixed_size sampling", "rdp");
            AccountantName::Rdp
        }
        None if fixed_size => AccountantName::Rdp,
        _ => AccountantName::Pld,
    }
}

fn read_adaptive(group: &mut Fields<'_>, dp: &Dp, around: &Around<'_>, problems: &mut Problems) -> Adaptive {
    let mut own = group.group("adaptive", problems);
    // σ_b of the paper's experiments, where enough clients come; never so little that the count costs more than the updates.
    let usual = around.fraction * f64::from(around.min_clients) / 20.0;
    let usual = dp.noise_multiplier.max(usual);
    let share = |x: f64| (0.0..=1.0).contains(&x);
    let adaptive = Adaptive {
        quantile: own.number("quantile", share, "0 to 1", 0.5, problems),
        learning_rate: own.number(
            "learning_rate",
            |x| x > 0.0 && x <= 10.0,
            "above 0, at most 10",
            0.2,
            problems,
        ),
        count_noise: own.number("count_noise", |x| x > 0.0, "above 0", usual, problems),
    };
    own.refuse_unknown(problems);
    if adaptive.count_noise <= dp.noise_multiplier / 2.0 {
        let reason = "the count alone would cost more than count and updates may";
        problems.add(own.path("count_noise"), reason, format!("above {:.4}", dp.noise_multiplier / 2.0));
    }
    if dp.placement == Placement::Client || around.hides {
        let reason = "adaptive, but what clients have clipped says nothing about the updates' lengths";
        let with = if around.hides { "secure_agg" } else { "placement: client" };
        problems.add("dp.clipping", reason, format!("with {with}: fixed"));
    }
    if dp.sampling == Draw::Limited {
        problems.add(
            "dp.clipping",
            "adaptive, but noise of several rounds is for one norm",
            "with dp_ftrl: fixed",
        );
    }
    adaptive
}

/// What else can be done with a private mean.
fn check_strategy(dp: &Dp, strategy: &Strategy, problems: &mut Problems) {
    let linear = matches!(strategy.name(), "fedavg" | "fedprox" | "fedavgm");
    let adaptive = matches!(strategy.name(), "fedadagrad" | "fedadam" | "fedyogi");
    if dp.sampling == Draw::Limited && adaptive {
        let reason =
            format!("{} divides by squares, and the rounds' noise would not cancel", strategy.name());
        problems.add("strategy", reason, "with dp_ftrl: fedavg, fedprox, fedavgm");
    } else if strategy.buffer().is_some() {
        let reason = format!("{} takes who is quick, and dp accounts for a fair draw", strategy.name());
        problems.add(
            "strategy",
            reason,
            "with dp: fedavg, fedprox, fedavgm, fedadagrad, fedadam, fedyogi, external",
        );
    // A program gets the private mean as its one update; what it makes of it costs no privacy.
    } else if !linear && !adaptive && strategy.program().is_none() {
        let reason = format!("{} looks at single updates, which dp does not allow", strategy.name());
        problems.add(
            "strategy",
            reason,
            "with dp: fedavg, fedprox, fedavgm, fedadagrad, fedadam, fedyogi, external",
        );
    }
}

fn choice(
    group: &mut Fields<'_>,
    key: &'static str,
    names: &[&'static str],
    problems: &mut Problems,
) -> Option<&'static str> {
    let value = group.get(key)?;
    let found = value.as_str().and_then(|text| names.iter().find(|name| **name == text));
    if found.is_none() {
        problems.add(group.path(key), format!("{value} is not known"), names.join(", "));
    }
    found.copied()
}
