//! FedTrimmedAvg: the mean of each coordinate without its extremes, unweighted (Yin et al. 2018, arXiv 1803.01498).

use super::{Allowed, Kind, Out, Param, Round, Strategy, fedmedian};
use crate::{Result, order::OrderStatistic};

pub(super) static KIND: Kind = Kind {
    name: "fedtrimmedavg",
    paper: "1803.01498",
    params: &[Param::new("beta", 0.2, Allowed::Trim)],
    weighting: None,
    built_in_only: false,
    build: |values| Box::new(FedTrimmedAvg { beta: values.get("beta") }),
};

#[derive(Debug)]
struct FedTrimmedAvg {
    beta: f64,
}

impl Strategy for FedTrimmedAvg {
    fn aggregate(&self, round: &Round<'_>, out: Out<'_>) -> Result<()> {
        fedmedian::order(round, OrderStatistic::TrimmedMean { beta: self.beta }, out)
    }
}
