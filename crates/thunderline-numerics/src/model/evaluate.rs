//! How good a model is on held-out examples.

use serde::{Deserialize, Serialize};

use crate::{
    Error, Result,
    dataset::Dataset,
    model::{
        Network,
        network::{argmax, softmax},
    },
};

/// A model's quality on some examples.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Evaluation {
    /// How many examples.
    pub examples: u64,
    /// Mean cross-entropy in nats.
    pub loss: f64,
    /// Share of examples that got their true label, 0 to 1.
    pub accuracy: f64,
}

/// Evaluates the network on all examples.
///
/// # Errors
/// `invalid` where the data does not fit the network.
pub fn evaluate(network: &Network, data: &Dataset) -> Result<Evaluation> {
    check_fit(network, data)?;
    let mut outputs = network.outputs();
    let (mut loss, mut correct) = (0.0, 0u64);
    for (place, &label) in data.labels().iter().enumerate() {
        network.forward(data.row(place), &mut outputs);
        let logits = outputs.last_mut().expect("a network has a layer");
        correct += u64::from(argmax(logits) == label as usize);
        loss += f64::from(softmax(logits, label as usize));
    }
    let examples = data.len() as u64;
    Ok(Evaluation { examples, loss: loss / examples as f64, accuracy: correct as f64 / examples as f64 })
}

/// Refuses data with other features or more classes than the network was made for, and data without examples.
pub(crate) fn check_fit(network: &Network, data: &Dataset) -> Result<()> {
    if data.is_empty() {
        return Err(Error::invalid_value("data", "there is no example", "1 or more"));
    }
    if data.columns() != network.inputs() {
        let reason = format!("the data has {} features", data.columns());
        return Err(Error::invalid_value("model.inputs", reason, format!("{}", network.inputs())));
    }
    if data.classes() > network.classes() {
        let reason = format!("the data has the label {}", data.classes() - 1);
        return Err(Error::invalid_value(
            "model.classes",
            reason,
            format!("labels below {}", network.classes()),
        ));
    }
    Ok(())
}
