//! Bulyan: of n updates, Krum selects θ = n − 2f; of their values at each coordinate, the θ − 2f closest to the median are
//! averaged, unweighted (El Mhamdi et al. 2018, arXiv 1802.07927). It takes 4f + 3 updates to withstand f liars.
//!
//! In the paper Krum is asked θ times, each time without those that it has selected. Flower asks it once for the θ best: that
//! is `iterated: false`.

use super::{Allowed, Kind, Out, Param, Part, Round, Strategy, krum};
use crate::{
    ArrayReader, Error, ErrorKind, Result,
    distance::{self, Distances},
    order::{OrderStatistic, order_statistic},
};

pub(super) static KIND: Kind = Kind {
    name: "bulyan",
    paper: "1802.07927",
    params: &[
        Param::new("num_malicious_nodes", 0.0, Allowed::Whole(0, 100_000)),
        Param::new("iterated", 1.0, Allowed::Flag),
    ],
    weighting: None,
    built_in_only: false,
    build: |values| {
        Box::new(Bulyan {
            malicious: values.count("num_malicious_nodes"),
            iterated: values.get("iterated") != 0.0,
        })
    },
};

#[derive(Debug)]
struct Bulyan {
    malicious: usize,
    iterated: bool,
}

impl Strategy for Bulyan {
    fn aggregate(&self, round: &Round<'_>, out: Out<'_>) -> Result<()> {
        let (clients, least) = (round.updates.len(), self.least_updates());
        if clients < least {
            let why =
                format!("bulyan needs {least} updates to withstand {}; there are {clients}", self.malicious);
            return Err(Error::new(ErrorKind::Invalid, why));
        }
        let readers = round.readers();
        let distances = distance::pairwise(round.schema, &readers, round.threads)?;
        let chosen = self.select(&distances);
        let chosen: Vec<&dyn ArrayReader> = chosen.into_iter().map(|place| readers[place]).collect();
        let count = chosen.len() - 2 * self.malicious;
        let statistic = OrderStatistic::NearMedian { count };
        order_statistic(round.schema, &chosen, statistic, round.threads, &mut |piece| out(Part::Model, piece))
    }

    fn least_updates(&self) -> usize {
        4 * self.malicious + 3
    }
}

impl Bulyan {
    fn select(&self, distances: &Distances) -> Vec<usize> {
        let mut left: Vec<_> = (0..distances.clients()).collect();
        let wanted = left.len() - 2 * self.malicious;
        if !self.iterated {
            return krum::best(distances, &left, self.malicious, wanted);
        }
        (0..wanted)
            .map(|_| {
                let next = krum::best(distances, &left, self.malicious, 1)[0];
                left.retain(|&client| client != next);
                next
            })
            .collect()
    }
}
