//! The gradient of the cross-entropy, by back-propagation.

use crate::{
    dataset::Dataset,
    model::{
        Network,
        linear::axpy,
        network::{argmax, softmax},
    },
};

/// Sums over some examples.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Score {
    /// How many examples.
    pub examples: u64,
    /// Sum of their cross-entropies, in nats.
    pub loss: f64,
    /// How many got their true label.
    pub correct: u64,
}

impl Score {
    /// Adds another sum.
    pub fn add(&mut self, other: Self) {
        self.examples += other.examples;
        self.loss += other.loss;
        self.correct += other.correct;
    }
}

/// A gradient and the room that computing it needs; used again for every batch.
pub struct Gradient {
    values: Vec<f32>,
    outputs: Vec<Vec<f32>>,
    deltas: Vec<Vec<f32>>,
}

impl Gradient {
    /// Room for gradients of such a network.
    #[must_use]
    pub fn new(network: &Network) -> Self {
        let outputs = network.outputs();
        Self { values: vec![0.0; network.parameters().len()], deltas: outputs.clone(), outputs }
    }

    /// The gradient of the last [`compute`](Self::compute), in the order of the parameters.
    #[must_use]
    pub fn values(&self) -> &[f32] {
        &self.values
    }

    /// The same, to be corrected.
    pub fn values_mut(&mut self) -> &mut [f32] {
        &mut self.values
    }

    /// Computes the gradient of the mean cross-entropy of the examples at these places (at least one), and the score of
    /// the network on them. The data must fit the network.
    pub fn compute(&mut self, network: &Network, data: &Dataset, places: &[usize]) -> Score {
        self.values.fill(0.0);
        let mut score = Score { examples: places.len() as u64, ..Score::default() };
        let share = 1.0 / places.len() as f32;
        for &place in places {
            let label = data.labels()[place] as usize;
            network.forward(data.row(place), &mut self.outputs);
            let logits = self.outputs.last_mut().expect("a network has a layer");
            score.correct += u64::from(argmax(logits) == label);
            score.loss += f64::from(softmax(logits, label));
            self.backward(network, data.row(place), label, share);
        }
        score
    }

    /// Adds one example's gradient, times its share in the mean. The last outputs are probabilities by now.
    fn backward(&mut self, network: &Network, features: &[f32], label: usize, share: f32) {
        let last = self.outputs.len() - 1;
        for (delta, probability) in self.deltas[last].iter_mut().zip(&self.outputs[last]) {
            *delta = probability * share;
        }
        self.deltas[last][label] -= share;
        for (place, layer) in network.layers().enumerate().rev() {
            let (before, after) = self.deltas.split_at_mut(place);
            let delta = &after[0];
            let input = place.checked_sub(1).map_or(features, |below| self.outputs[below].as_slice());
            let (weights, biases) =
                self.values[layer.start..layer.end()].split_at_mut(layer.inputs * layer.outputs);
            for (row, &delta) in weights.chunks_exact_mut(layer.inputs).zip(delta) {
                // Rectified layers make many of them zero.
                if delta != 0.0 {
                    axpy(row, delta, input);
                }
            }
            axpy(biases, 1.0, delta);
            let Some(below) = before.last_mut() else { continue };
            below.fill(0.0);
            let weights = &network.parameters()[layer.start..layer.bias()];
            for (row, &delta) in weights.chunks_exact(layer.inputs).zip(delta) {
                axpy(below, delta, row);
            }
            for (delta, &output) in below.iter_mut().zip(input) {
                if output <= 0.0 {
                    *delta = 0.0;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{model::ModelSpec, random::Rng};

    fn mean_loss(network: &Network, data: &Dataset, places: &[usize]) -> f64 {
        let mut outputs = network.outputs();
        let losses = places.iter().map(|&place| {
            network.forward(data.row(place), &mut outputs);
            // In f64, so that the difference of two nearby losses means something.
            let logits: Vec<f64> = outputs[outputs.len() - 1].iter().map(|&logit| f64::from(logit)).collect();
            let sum: f64 = logits.iter().map(|logit| logit.exp()).sum();
            sum.ln() - logits[data.labels()[place] as usize]
        });
        losses.sum::<f64>() / places.len() as f64
    }

    #[test]
    fn the_gradient_agrees_with_finite_differences() {
        let mut rng = Rng::derive(5, &["gradient"]);
        let text: String = (0..12u32)
            .map(|place| {
                let fields: Vec<String> = (0..20).map(|_| format!("{:.4}", rng.normal())).collect();
                format!("{},{}\n", fields.join(","), place % 3)
            })
            .collect();
        let data = Dataset::read_csv(text.as_bytes(), 1.0).unwrap();
        let places = [0, 3, 4, 7, 11];
        for spec in [ModelSpec::new(&[20, 3]), ModelSpec::new(&[20, 17, 6, 3])] {
            let mut network = Network::initial(&spec, &mut rng).unwrap();
            network.parameters_mut().iter_mut().for_each(|value| *value += 0.05 * rng.normal() as f32);
            let mut gradient = Gradient::new(&network);
            let score = gradient.compute(&network, &data, &places);
            assert!((score.loss / 5.0 - mean_loss(&network, &data, &places)).abs() < 1e-5);
            let step = 1e-3f32;
            for place in 0..network.parameters().len() {
                let value = network.parameters()[place];
                let mut at = |value| {
                    network.parameters_mut()[place] = value;
                    mean_loss(&network, &data, &places)
                };
                let slope =
                    (at(value + step) - at(value - step)) / f64::from((value + step) - (value - step));
                at(value);
                let computed = f64::from(gradient.values()[place]);
                assert!((slope - computed).abs() < 2e-3, "{spec:?}, parameter {place}: {slope} {computed}");
            }
        }
    }
}
