//! Which model, as it stands in a federation's specification.

use serde::{Deserialize, Serialize};

use crate::{ArraySpec, DType, Error, ModelSchema, Result};

/// More parameters than this (1 GiB of `f32`) are for a real training framework.
const MAX_PARAMETERS: usize = 1 << 28;

/// A built-in model. In JSON: `{"softmax": {"inputs": 64, "classes": 10}}` or
/// `{"mlp": {"inputs": 64, "hidden": [64], "classes": 10}}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum ModelSpec {
    /// Multinomial logistic regression: one linear layer.
    Softmax {
        /// Features per example.
        inputs: usize,
        /// Labels.
        classes: usize,
    },
    /// Linear layers with ReLU between them.
    Mlp {
        /// Features per example.
        inputs: usize,
        /// Widths of the layers between, first to last.
        hidden: Vec<usize>,
        /// Labels.
        classes: usize,
    },
}

impl ModelSpec {
    /// Widths from the features to the classes.
    #[must_use]
    pub fn sizes(&self) -> Vec<usize> {
        match self {
            Self::Softmax { inputs, classes } => vec![*inputs, *classes],
            Self::Mlp { inputs, hidden, classes } => [&[*inputs], hidden.as_slice(), &[*classes]].concat(),
        }
    }

    /// The parameters: `layers.0.weight` (outputs × inputs), `layers.0.bias`, `layers.1.weight`, …
    ///
    /// # Errors
    /// `invalid` where a width is 0, there are fewer than two classes, or there are too many parameters.
    pub fn schema(&self) -> Result<ModelSchema> {
        let sizes = self.sizes();
        if sizes.contains(&0) {
            return Err(Error::invalid_value(
                "model",
                format!("a layer of width 0 in {sizes:?}"),
                "1 or more",
            ));
        }
        if sizes.last().is_none_or(|&classes| classes < 2) {
            return Err(Error::invalid_value("model.classes", "one class needs no model", "2 or more"));
        }
        let parameters = sizes.windows(2).try_fold(0usize, |sum, pair| {
            let layer = pair[0].checked_add(1)?.checked_mul(pair[1])?;
            sum.checked_add(layer).filter(|&sum| sum <= MAX_PARAMETERS)
        });
        if parameters.is_none() {
            let allowed = format!("at most {MAX_PARAMETERS} parameters");
            return Err(Error::invalid_value("model", format!("{sizes:?} is too large"), allowed));
        }
        let layers = sizes.windows(2).enumerate().flat_map(|(layer, pair)| {
            [
                ArraySpec::new(format!("layers.{layer}.weight"), DType::F32, &[pair[1], pair[0]]),
                ArraySpec::new(format!("layers.{layer}.bias"), DType::F32, &[pair[1]]),
            ]
        });
        ModelSchema::new(layers.collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_json_form_is_as_documented() {
        let softmax: ModelSpec =
            serde_json::from_str(r#"{"softmax": {"inputs": 64, "classes": 10}}"#).unwrap();
        assert_eq!(softmax.sizes(), [64, 10]);
        let text = r#"{"mlp": {"inputs": 64, "hidden": [32, 16], "classes": 10}}"#;
        let mlp: ModelSpec = serde_json::from_str(text).unwrap();
        assert_eq!(mlp.sizes(), [64, 32, 16, 10]);
        let names: Vec<_> = mlp.schema().unwrap().arrays().iter().map(ToString::to_string).collect();
        assert_eq!(names[0], "'layers.0.weight' float32[32, 64]");
        assert_eq!(names[5], "'layers.2.bias' float32[10]");
        assert!(
            serde_json::from_str::<ModelSpec>(r#"{"softmax": {"inputs": 1, "classes": 2, "x": 3}}"#).is_err()
        );
    }

    #[test]
    fn impossible_models_are_refused() {
        let mlp =
            |inputs, hidden: &[usize], classes| ModelSpec::Mlp { inputs, hidden: hidden.to_vec(), classes };
        for spec in [mlp(0, &[], 2), mlp(4, &[0], 2), mlp(4, &[3], 1), mlp(usize::MAX, &[usize::MAX], 2)] {
            assert_eq!(spec.schema().unwrap_err().code(), "invalid", "{spec:?}");
        }
    }
}
