//! The built-in models: softmax regression and multi-layer perceptrons, in `f32`.
//!
//! Every operation runs in a fixed order, so the same seed and data give the same bytes everywhere. Meant for first steps,
//! tests and small tabular data; larger models are trained by the site's own program.

mod evaluate;
mod gradient;
mod linear;
mod network;
mod spec;

pub(crate) use evaluate::check_fit;
pub use evaluate::{Evaluation, evaluate};
pub use gradient::{Gradient, Score};
pub use network::Network;
pub use spec::ModelSpec;
