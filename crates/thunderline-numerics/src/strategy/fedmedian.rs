//! FedMedian: the median of each coordinate, unweighted (Yin et al. 2018, arXiv 1803.01498).

use super::{Kind, Out, Part, Round, Strategy};
use crate::{
    Result,
    order::{OrderStatistic, order_statistic},
};

pub(super) static KIND: Kind = Kind {
    name: "fedmedian",
    paper: "1803.01498",
    params: &[],
    weighting: None,
    built_in_only: false,
    build: |_| Box::new(FedMedian),
};

#[derive(Debug)]
struct FedMedian;

impl Strategy for FedMedian {
    fn aggregate(&self, round: &Round<'_>, out: Out<'_>) -> Result<()> {
        order(round, OrderStatistic::Median, out)
    }
}

/// Writes a statistic of each coordinate.
pub(super) fn order(round: &Round<'_>, statistic: OrderStatistic, out: Out<'_>) -> Result<()> {
    order_statistic(round.schema, &round.readers(), statistic, round.threads, &mut |piece| {
        out(Part::Model, piece)
    })
}
