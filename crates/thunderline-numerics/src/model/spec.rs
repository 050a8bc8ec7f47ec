//! Which model, as it stands in a federation's specification.

use serde::{Deserialize, Serialize};

use crate::{ArraySpec, DType, Error, ModelSchema, Result};

/// More parameters than this (1 GiB of `f32`) are for a real training framework.
const MAX_PARAMETERS: usize = 1 << 28;

/// A built-in model: linear layers with ReLU between them. In JSON: `{"layers": [64, 64, 10]}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelSpec {
    /// Widths from the features to the classes. Two widths are multinomial logistic regression (softmax), more are a
    /// multi-layer perceptron.
    pub layers: Vec<usize>,
}

impl ModelSpec {
    /// A model of these widths.
    #[must_use]
    pub fn new(layers: &[usize]) -> Self {
        Self { layers: layers.to_vec() }
    }

    /// The parameters: `layers.0.weight` (outputs × inputs), `layers.0.bias`, `layers.1.weight`, …
    ///
    /// # Errors
    /// `invalid` where there are fewer than two widths, a width is 0, there are fewer than two classes, or there are too
    /// many parameters.
    pub fn schema(&self) -> Result<ModelSchema> {
        let layers = &self.layers;
        let refuse =
            |reason: String, allowed: &str| Err(Error::invalid_value("model.layers", reason, allowed));
        if layers.len() < 2 || layers.contains(&0) {
            return refuse(
                format!("{layers:?}"),
                "the number of features, of hidden units, of classes: 1 or more",
            );
        }
        if layers.last() == Some(&1) {
            return refuse("one class needs no model".into(), "2 classes or more");
        }
        let parameters = layers.windows(2).try_fold(0usize, |sum, pair| {
            let layer = pair[0].checked_add(1)?.checked_mul(pair[1])?;
            sum.checked_add(layer).filter(|&sum| sum <= MAX_PARAMETERS)
        });
        if parameters.is_none() {
            return refuse(
                format!("{layers:?} is too large"),
                &format!("at most {MAX_PARAMETERS} parameters"),
            );
        }
        let arrays = layers.windows(2).enumerate().flat_map(|(layer, pair)| {
            [
                ArraySpec::new(format!("layers.{layer}.weight"), DType::F32, &[pair[1], pair[0]]),
                ArraySpec::new(format!("layers.{layer}.bias"), DType::F32, &[pair[1]]),
            ]
        });
        ModelSchema::new(arrays.collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arrays_are_named_by_layer() {
        let spec: ModelSpec = serde_json::from_str(r#"{"layers": [64, 32, 16, 10]}"#).unwrap();
        let names: Vec<_> = spec.schema().unwrap().arrays().iter().map(ToString::to_string).collect();
        assert_eq!(names[0], "'layers.0.weight' float32[32, 64]");
        assert_eq!(names[5], "'layers.2.bias' float32[10]");
        assert!(serde_json::from_str::<ModelSpec>(r#"{"layers": [4, 2], "x": 3}"#).is_err());
    }

    #[test]
    fn impossible_models_are_refused() {
        for layers in [&[][..], &[4], &[0, 2], &[4, 0, 2], &[4, 3, 1], &[usize::MAX, usize::MAX, 2]] {
            assert_eq!(ModelSpec::new(layers).schema().unwrap_err().code(), "invalid", "{layers:?}");
        }
    }
}
