//! The norm-bounded mean: x + Σ αᵢ (xᵢ − x) min(1, M / ‖xᵢ − x‖), where α are the shares (Sun et al. 2019, arXiv
//! 1911.07963): nobody moves the model further than others may.

use super::{Allowed, Kind, Out, Param, Round, Strategy, centered_clipping::clip};
use crate::{
    Result, delta,
    distance::{self, Centre},
    weighting::By,
};

pub(super) static KIND: Kind = Kind {
    name: "normbounded",
    paper: "1911.07963",
    params: &[Param::required("max_norm", Allowed::Positive)],
    weighting: Some(By::Examples),
    built_in_only: false,
    build: |values| Box::new(NormBounded { max_norm: values.get("max_norm") }),
};

#[derive(Debug)]
struct NormBounded {
    max_norm: f64,
}

impl Strategy for NormBounded {
    fn aggregate(&self, round: &Round<'_>, out: Out<'_>) -> Result<()> {
        let shares = round.shares()?;
        let lengths = distance::from_centre(round, Centre { factors: &vec![0.0; shares.len()], state: 0.0 })?;
        let factors: Vec<f64> =
            shares.iter().zip(&lengths).map(|(share, length)| share * clip(*length, self.max_norm)).collect();
        delta::move_by(round, &factors, out)
    }
}
