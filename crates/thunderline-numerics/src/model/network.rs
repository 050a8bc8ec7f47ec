//! A model's parameters and its forward pass.

use crate::{
    Error, ModelSchema, Result,
    model::{ModelSpec, linear::dot},
    random::Rng,
};

/// A built-in model with its parameters, which lie one after another in schema order.
#[derive(Clone, Debug, PartialEq)]
pub struct Network {
    schema: ModelSchema,
    sizes: Vec<usize>,
    parameters: Vec<f32>,
}

/// One linear layer's part of the parameters.
#[derive(Clone, Copy)]
pub(super) struct Layer {
    pub(super) inputs: usize,
    pub(super) outputs: usize,
    /// Where the weights begin; the biases follow.
    pub(super) start: usize,
}

impl Layer {
    pub(super) fn bias(self) -> usize {
        self.start + self.inputs * self.outputs
    }

    pub(super) fn end(self) -> usize {
        self.bias() + self.outputs
    }
}

impl Network {
    /// A model at its starting point: weights from a normal distribution of variance 2/inputs (He et al. 2015, arXiv
    /// 1502.01852), biases 0. Softmax regression starts at 0, since its loss is convex.
    ///
    /// # Errors
    /// As [`ModelSpec::schema`].
    pub fn initial(spec: &ModelSpec, rng: &mut Rng) -> Result<Self> {
        let mut network = Self::zero(spec)?;
        if spec.layers.len() > 2 {
            for layer in network.layers().collect::<Vec<_>>() {
                let deviation = (2.0 / layer.inputs as f64).sqrt();
                for weight in &mut network.parameters[layer.start..layer.bias()] {
                    *weight = (deviation * rng.normal()) as f32;
                }
            }
        }
        Ok(network)
    }

    /// A model with these parameters: little-endian `f32` in schema order.
    ///
    /// # Errors
    /// As [`ModelSpec::schema`]; `invalid` where the length is another.
    pub fn from_bytes(spec: &ModelSpec, bytes: &[u8]) -> Result<Self> {
        let mut network = Self::zero(spec)?;
        if bytes.len() as u64 != network.schema.bytes() {
            let reason = format!("{} bytes of parameters", bytes.len());
            return Err(Error::invalid_value("model", reason, format!("{} bytes", network.schema.bytes())));
        }
        for (parameter, &raw) in network.parameters.iter_mut().zip(bytes.as_chunks::<4>().0) {
            *parameter = f32::from_le_bytes(raw);
        }
        Ok(network)
    }

    fn zero(spec: &ModelSpec) -> Result<Self> {
        let schema = spec.schema()?;
        let elements = usize::try_from(schema.elements()).expect("a schema's arrays fit memory");
        Ok(Self { schema, sizes: spec.layers.clone(), parameters: vec![0.0; elements] })
    }

    /// The parameters as little-endian bytes in schema order.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        self.parameters.iter().flat_map(|parameter| parameter.to_le_bytes()).collect()
    }

    /// Names and shapes of the parameters.
    #[must_use]
    pub fn schema(&self) -> &ModelSchema {
        &self.schema
    }

    /// Features per example.
    #[must_use]
    pub fn inputs(&self) -> usize {
        self.sizes[0]
    }

    /// Labels.
    #[must_use]
    pub fn classes(&self) -> usize {
        self.sizes[self.sizes.len() - 1]
    }

    /// All parameters, in schema order.
    #[must_use]
    pub fn parameters(&self) -> &[f32] {
        &self.parameters
    }

    /// All parameters, in schema order.
    pub fn parameters_mut(&mut self) -> &mut [f32] {
        &mut self.parameters
    }

    pub(super) fn layers(&self) -> impl DoubleEndedIterator<Item = Layer> + ExactSizeIterator {
        let mut starts = Vec::with_capacity(self.sizes.len());
        let mut start = 0;
        for pair in self.sizes.windows(2) {
            let layer = Layer { inputs: pair[0], outputs: pair[1], start };
            start = layer.end();
            starts.push(layer);
        }
        starts.into_iter()
    }

    /// Room for the outputs of every layer.
    pub(super) fn outputs(&self) -> Vec<Vec<f32>> {
        self.sizes[1..].iter().map(|&size| vec![0.0; size]).collect()
    }

    /// Computes every layer's outputs for one example; the last are the logits. Inner layers are rectified.
    pub(super) fn forward(&self, features: &[f32], outputs: &mut [Vec<f32>]) {
        let last = outputs.len() - 1;
        for (place, layer) in self.layers().enumerate() {
            let (before, after) = outputs.split_at_mut(place);
            let input = before.last().map_or(features, Vec::as_slice);
            let weights = &self.parameters[layer.start..layer.bias()];
            let biases = &self.parameters[layer.bias()..layer.end()];
            for ((output, row), bias) in
                after[0].iter_mut().zip(weights.chunks_exact(layer.inputs)).zip(biases)
            {
                let sum = dot(row, input) + bias;
                *output = if place < last { sum.max(0.0) } else { sum };
            }
        }
    }
}

/// Turns logits into probabilities in place and returns the cross-entropy of the true label.
pub(super) fn softmax(logits: &mut [f32], label: usize) -> f32 {
    let largest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let truth = logits[label] - largest;
    let mut sum = 0.0;
    for logit in logits.iter_mut() {
        *logit = libm::expf(*logit - largest);
        sum += *logit;
    }
    logits.iter_mut().for_each(|probability| *probability /= sum);
    libm::logf(sum) - truth
}

/// The place of the largest value; the first of equals.
pub(super) fn argmax(values: &[f32]) -> usize {
    let mut best = 0;
    for (place, value) in values.iter().enumerate() {
        if *value > values[best] {
            best = place;
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_lead_back_to_the_same_network() {
        let spec = ModelSpec::new(&[5, 4, 3]);
        let network = Network::initial(&spec, &mut Rng::derive(1, &["init"])).unwrap();
        assert_eq!(network.parameters().len(), 5 * 4 + 4 + 4 * 3 + 3);
        assert_eq!(Network::from_bytes(&spec, &network.to_bytes()).unwrap(), network);
        assert!(Network::from_bytes(&spec, &[0; 8]).is_err());
    }

    #[test]
    fn weights_begin_with_the_variance_that_relu_needs() {
        let spec = ModelSpec::new(&[200, 100, 10]);
        let network = Network::initial(&spec, &mut Rng::derive(1, &["init"])).unwrap();
        let weights = &network.parameters()[..20_000];
        let variance = weights.iter().map(|weight| weight * weight).sum::<f32>() / 20_000.0;
        assert!((variance - 0.01).abs() < 0.0005, "{variance}");
        assert!(network.parameters()[20_000..20_100].iter().all(|&bias| bias == 0.0));
    }

    #[test]
    fn large_logits_do_not_overflow() {
        let mut logits = [1000.0, 0.0, -1000.0];
        assert_eq!(softmax(&mut logits, 0), 0.0);
        assert_eq!(logits, [1.0, 0.0, 0.0]);
        let mut logits = [1000.0, 0.0];
        assert_eq!(softmax(&mut logits, 1), 1000.0);
    }
}
