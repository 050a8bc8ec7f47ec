//! Local training: stochastic gradient descent in minibatches.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::{
    Error, ErrorKind, Result,
    dataset::Dataset,
    model::{Gradient, Network, Score, check_fit},
    random::Rng,
};

/// How to train.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SgdConfig {
    /// Step size, above 0.
    pub learning_rate: f32,
    /// Share of the last step that is kept, 0 (none) to below 1: `v ← momentum·v + g; w ← w − learning_rate·v`.
    #[serde(default)]
    pub momentum: f32,
    /// Examples per step, at least 1; the last step of an epoch may have fewer.
    pub batch_size: usize,
    /// Passes over the data, at least 1.
    pub local_epochs: u32,
    /// μ of FedProx (Li et al. 2018, arXiv 1812.06127): adds (μ/2)·‖w − w₀‖² to the loss, where w₀ is the model as it
    /// arrived. 0 is FedAvg.
    #[serde(default)]
    pub proximal_mu: f32,
}

impl SgdConfig {
    /// Checks the ranges.
    ///
    /// # Errors
    /// `invalid` with all that is wrong.
    pub fn validate(&self) -> Result<()> {
        let checks = [
            ("learning_rate", f64::from(self.learning_rate), self.learning_rate > 0.0, "a number above 0"),
            ("momentum", f64::from(self.momentum), (0.0..1.0).contains(&self.momentum), "0 to below 1"),
            ("batch_size", self.batch_size as f64, self.batch_size > 0, "1 or more"),
            ("local_epochs", f64::from(self.local_epochs), self.local_epochs > 0, "1 or more"),
            ("proximal_mu", f64::from(self.proximal_mu), self.proximal_mu >= 0.0, "0 or more"),
        ];
        let problems: Vec<_> = checks
            .into_iter()
            .filter(|(_, value, good, _)| !(*good && value.is_finite()))
            .map(|(path, value, _, allowed)| thunderline_core::Problem {
                path: path.into(),
                reason: format!("{value} cannot be used"),
                allowed: allowed.into(),
            })
            .collect();
        match problems.first() {
            None => Ok(()),
            Some(first) => Err(Error::invalid(first.to_string(), problems)),
        }
    }
}

/// What training did.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct TrainReport {
    /// Examples in the data: the weight of this update in the mean.
    pub examples: u64,
    /// Passes over them.
    pub epochs: u32,
    /// Steps taken.
    pub steps: u64,
    /// How far they go in units of the learning rate where every gradient is the same: the effective number of steps, ‖a‖₁ of
    /// FedNova (Wang et al. 2020, arXiv 2007.07481). Equal to the steps without momentum and proximal term.
    pub step_norm: f64,
    /// Mean cross-entropy during the last epoch, in nats, without the proximal term.
    pub loss: f64,
    /// Share of examples that got their true label during the last epoch.
    pub accuracy: f64,
}

/// Trains the network in place. The same network, data, configuration and generator give the same bits.
///
/// # Errors
/// `invalid` where the configuration is out of range, the data does not fit the network, or training diverges.
pub fn train(
    network: &mut Network,
    data: &Dataset,
    config: &SgdConfig,
    rng: &mut Rng,
) -> Result<TrainReport> {
    train_while(network, data, config, &[], &[], rng, &|| true)
}

/// As [`train`], asking before each step whether to go on, and with `correction` added to every gradient, unless it is empty:
/// SCAFFOLD's c − cᵢ. Parameters in the `frozen` ranges stay as they are.
///
/// # Errors
/// As [`train`]; `invalid` where the correction has another length than the parameters; `unavailable` where the answer is no.
pub fn train_while(
    network: &mut Network,
    data: &Dataset,
    config: &SgdConfig,
    correction: &[f32],
    frozen: &[Range<usize>],
    rng: &mut Rng,
    go_on: &dyn Fn() -> bool,
) -> Result<TrainReport> {
    config.validate()?;
    check_fit(network, data)?;
    if !correction.is_empty() && correction.len() != network.parameters().len() {
        let reason = format!("{} values", correction.len());
        return Err(Error::invalid_value("correction", reason, network.parameters().len().to_string()));
    }
    if let Some(range) = frozen.iter().find(|range| network.parameters().get((*range).clone()).is_none()) {
        let reason = format!("{range:?}");
        return Err(Error::invalid_value("frozen", reason, format!("within {}", network.parameters().len())));
    }
    let start: Vec<f32> = if config.proximal_mu > 0.0 { network.parameters().to_vec() } else { Vec::new() };
    let mut velocity = vec![0f32; if config.momentum > 0.0 { network.parameters().len() } else { 0 }];
    let mut gradient = Gradient::new(network);
    let mut order: Vec<usize> = (0..data.len()).collect();
    let mut report = TrainReport {
        examples: data.len() as u64,
        epochs: config.local_epochs,
        steps: 0,
        step_norm: 0.0,
        loss: 0.0,
        accuracy: 0.0,
    };
    for epoch in 1..=config.local_epochs {
        rng.shuffle(&mut order);
        let mut score = Score::default();
        for batch in order.chunks(config.batch_size) {
            if !go_on() {
                return Err(Error::unavailable("training was broken off"));
            }
            score.add(gradient.compute(network, data, batch));
            gradient.values_mut().iter_mut().zip(correction).for_each(|(slope, more)| *slope += more);
            frozen.iter().for_each(|range| gradient.values_mut()[range.clone()].fill(0.0));
            step(network.parameters_mut(), gradient.values(), &start, &mut velocity, config);
            report.steps += 1;
        }
        report.step_norm = step_norm(report.steps, config);
        report.loss = score.loss / score.examples as f64;
        report.accuracy = score.correct as f64 / score.examples as f64;
        if !report.loss.is_finite() || network.parameters().iter().any(|value| !value.is_finite()) {
            let why = format!(
                "training diverged in epoch {epoch}: lower the learning rate {}",
                config.learning_rate
            );
            return Err(Error::new(ErrorKind::Invalid, why));
        }
    }
    Ok(report)
}

/// Follows a constant gradient of 1: the way gone is the sum of what each gradient counts in the end.
fn step_norm(steps: u64, config: &SgdConfig) -> f64 {
    let pull = f64::from(config.learning_rate) * f64::from(config.proximal_mu);
    let (mut way, mut velocity) = (0.0, 0.0);
    for _ in 0..steps {
        velocity = f64::from(config.momentum) * velocity + 1.0 - pull * way;
        way += velocity;
    }
    way
}

/// One step. `start` and `velocity` are empty where they are not used.
fn step(weights: &mut [f32], gradient: &[f32], start: &[f32], velocity: &mut [f32], config: &SgdConfig) {
    let &SgdConfig { learning_rate, momentum, proximal_mu, .. } = config;
    match (start.is_empty(), velocity.is_empty()) {
        (true, true) => {
            for (weight, slope) in weights.iter_mut().zip(gradient) {
                *weight -= learning_rate * slope;
            }
        }
        (false, true) => {
            for ((weight, slope), start) in weights.iter_mut().zip(gradient).zip(start) {
                *weight -= learning_rate * (slope + proximal_mu * (*weight - start));
            }
        }
        (true, false) => {
            for ((weight, slope), velocity) in weights.iter_mut().zip(gradient).zip(velocity) {
                *velocity = momentum * *velocity + slope;
                *weight -= learning_rate * *velocity;
            }
        }
        (false, false) => {
            for (((weight, slope), velocity), start) in
                weights.iter_mut().zip(gradient).zip(velocity).zip(start)
            {
                *velocity = momentum * *velocity + slope + proximal_mu * (*weight - start);
                *weight -= learning_rate * *velocity;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{ModelSpec, evaluate};

    /// Two clouds of points that a line separates.
    fn clouds() -> Dataset {
        let mut rng = Rng::derive(9, &["clouds"]);
        let text: String = (0..200)
            .map(|place| {
                let centre = if place % 2 == 0 { -1.5 } else { 1.5 };
                let (x, y) = (centre + 0.5 * rng.normal(), centre + 0.5 * rng.normal());
                format!("{x},{y},{}\n", place % 2)
            })
            .collect();
        Dataset::read_csv(text.as_bytes(), 1.0).unwrap()
    }

    fn config() -> SgdConfig {
        SgdConfig { learning_rate: 0.1, momentum: 0.0, batch_size: 16, local_epochs: 5, proximal_mu: 0.0 }
    }

    fn trained(config: &SgdConfig) -> (Network, TrainReport) {
        let spec = ModelSpec::new(&[2, 8, 2]);
        let mut network = Network::initial(&spec, &mut Rng::derive(1, &["init"])).unwrap();
        let report = train(&mut network, &clouds(), config, &mut Rng::derive(1, &["shuffle"])).unwrap();
        (network, report)
    }

    #[test]
    fn every_variant_learns_and_is_repeatable() {
        for (momentum, proximal_mu) in [(0.0, 0.0), (0.9, 0.0), (0.0, 0.01), (0.9, 0.01)] {
            let config = SgdConfig { momentum, proximal_mu, ..config() };
            let (network, report) = trained(&config);
            assert!(evaluate(&network, &clouds()).unwrap().accuracy > 0.97, "{config:?}");
            assert_eq!((report.examples, report.epochs, report.steps), (200, 5, 65));
            assert_eq!(trained(&config).0.to_bytes(), network.to_bytes());
        }
    }

    #[test]
    fn the_proximal_term_keeps_the_model_near_where_it_began() {
        let spec = ModelSpec::new(&[2, 8, 2]);
        let start = Network::initial(&spec, &mut Rng::derive(1, &["init"])).unwrap();
        let way = |proximal_mu| {
            let (end, _) = trained(&SgdConfig { proximal_mu, ..config() });
            let pairs = start.parameters().iter().zip(end.parameters());
            pairs.map(|(a, b)| (a - b).powi(2)).sum::<f32>().sqrt()
        };
        assert!(way(5.0) < 0.5 * way(0.0), "{} {}", way(5.0), way(0.0));
    }

    #[test]
    fn training_can_be_broken_off() {
        let spec = ModelSpec::new(&[2, 2]);
        let mut network = Network::initial(&spec, &mut Rng::derive(1, &[])).unwrap();
        let steps = std::cell::Cell::new(0);
        let three = || steps.replace(steps.get() + 1) < 3;
        let mut rng = Rng::derive(1, &[]);
        let error = train_while(&mut network, &clouds(), &config(), &[], &[], &mut rng, &three).unwrap_err();
        assert_eq!((error.code(), steps.get()), ("unavailable", 4));
    }

    #[test]
    fn the_effective_number_of_steps_is_that_of_the_papers_closed_forms() {
        let norm = |momentum, proximal_mu| step_norm(7, &SgdConfig { momentum, proximal_mu, ..config() });
        assert_eq!(norm(0.0, 0.0), 7.0);
        let rho = f64::from(0.9f32);
        let wanted = (7.0 - rho * (1.0 - rho.powi(7)) / (1.0 - rho)) / (1.0 - rho);
        assert!((norm(0.9, 0.0) - wanted).abs() < 1e-12);
        let alpha = f64::from(0.1f32) * 0.5;
        let wanted = (1.0 - (1.0 - alpha).powi(7)) / alpha;
        assert!((norm(0.0, 0.5) - wanted).abs() < 1e-12);
    }

    #[test]
    fn a_correction_is_added_to_every_gradient() {
        let spec = ModelSpec::new(&[2, 2]);
        let start = Network::initial(&spec, &mut Rng::derive(1, &[])).unwrap();
        let run = |correction: &[f32]| {
            let mut network = start.clone();
            let config = SgdConfig { batch_size: 200, local_epochs: 1, ..config() };
            let mut rng = Rng::derive(1, &[]);
            train_while(&mut network, &clouds(), &config, correction, &[], &mut rng, &|| true)
                .map(|_| network)
        };
        let (plain, corrected) = (run(&[]).unwrap(), run(&[1.0, 0.0, 0.0, -2.0, 0.0, 0.5]).unwrap());
        let moved: Vec<f32> =
            plain.parameters().iter().zip(corrected.parameters()).map(|(a, b)| a - b).collect();
        for (moved, wanted) in moved.iter().zip([0.1, 0.0, 0.0, -0.2, 0.0, 0.05]) {
            assert!((moved - wanted).abs() < 1e-6, "{moved} instead of {wanted}");
        }
        assert_eq!(run(&[1.0]).unwrap_err().code(), "invalid");
    }

    #[test]
    fn divergence_and_wrong_settings_are_errors() {
        let spec = ModelSpec::new(&[2, 8, 2]);
        let mut network = Network::initial(&spec, &mut Rng::derive(1, &["init"])).unwrap();
        let mut run = |config| train(&mut network, &clouds(), &config, &mut Rng::derive(1, &[]));
        let error = run(SgdConfig { learning_rate: 1e30, ..config() }).unwrap_err();
        assert!(error.to_string().contains("diverged"), "{error}");
        let wrong = SgdConfig {
            learning_rate: f32::NAN,
            momentum: 1.0,
            batch_size: 0,
            local_epochs: 0,
            proximal_mu: -1.0,
        };
        assert_eq!(run(wrong).unwrap_err().problems().len(), 5);
        let narrow = ModelSpec::new(&[3, 2]);
        let mut narrow = Network::initial(&narrow, &mut Rng::derive(1, &[])).unwrap();
        assert!(train(&mut narrow, &clouds(), &config(), &mut Rng::derive(1, &[])).is_err());
    }

    #[test]
    fn frozen_parameters_stay_as_they_are_and_the_others_learn() {
        let spec = ModelSpec::new(&[2, 8, 2]);
        let mut network = Network::initial(&spec, &mut Rng::derive(1, &[])).unwrap();
        let start = network.parameters().to_vec();
        let momentum = SgdConfig { momentum: 0.9, proximal_mu: 0.1, ..config() };
        let mut rng = Rng::derive(1, &["train"]);
        train_while(
            &mut network,
            &clouds(),
            &momentum,
            &[],
            std::slice::from_ref(&(0..3)),
            &mut rng,
            &|| true,
        )
        .unwrap();
        assert_eq!(network.parameters()[..3], start[..3]);
        assert!(network.parameters()[3..].iter().zip(&start[3..]).any(|(now, before)| now != before));
        let outside = start.len()..start.len() + 1;
        let error = train_while(&mut network, &clouds(), &momentum, &[], &[outside], &mut rng, &|| true);
        assert_eq!(error.unwrap_err().code(), "invalid");
    }
}
