//! The reference: the same network, trained with as many passes over all data in one place.

use thunderline_numerics::{
    dataset::Dataset,
    model::{Evaluation, ModelSpec, Network, evaluate},
    random::Rng,
    sgd::{SgdConfig, train as train_network},
};

use super::{Demo, data::Prepared, spec};
use crate::failure::Result;

/// Trains and judges it.
pub fn train(demo: &Demo, prepared: &Prepared) -> Result<Evaluation> {
    let app = federation::spec::BuiltinApp::default();
    let config = SgdConfig {
        learning_rate: app.learning_rate as f32,
        momentum: app.momentum as f32,
        batch_size: app.batch_size as usize,
        local_epochs: app.local_epochs * demo.rounds,
        proximal_mu: 0.0,
    };
    let model = ModelSpec::new(&spec::MODEL);
    let mut network = Network::initial(&model, &mut Rng::derive(demo.seed, &["reference", "initial"]))?;
    let mut rng = Rng::derive(demo.seed, &["reference", "train"]);
    train_network(&mut network, &scaled(&prepared.training)?, &config, &mut rng)?;
    Ok(evaluate(&network, &scaled(&prepared.test)?)?)
}

/// The features as the clients see them.
fn scaled(data: &Dataset) -> Result<Dataset> {
    let mut text = Vec::new();
    data.write_csv(&mut text)?;
    Ok(Dataset::read_csv(text.as_slice(), 1.0 / spec::SCALE)?)
}
