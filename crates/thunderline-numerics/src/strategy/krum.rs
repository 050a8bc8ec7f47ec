//! Krum and Multi-Krum: the updates that are closest to their neighbours (Blanchard et al. 2017, arXiv 1703.02757).
//!
//! The score of an update is the sum of squared distances to its max(1, n − f − 2) nearest others. The k with the lowest
//! scores are averaged by weight; Krum is k = 1. Of equal scores the earlier lease's wins.

use super::{Allowed, Kind, Out, Param, Round, Strategy, fedavg};
use crate::{
    Result,
    distance::{self, Distances},
    weighting::By,
};

pub(super) static KRUM: Kind = Kind {
    name: "krum",
    paper: "1703.02757",
    params: &[Param::new("num_malicious_nodes", 0.0, Allowed::Whole(0, 100_000))],
    weighting: None,
    built_in_only: false,
    build: |values| Box::new(MultiKrum { malicious: values.count("num_malicious_nodes"), select: 1 }),
};

pub(super) static MULTI_KRUM: Kind = Kind {
    name: "multikrum",
    paper: "1703.02757",
    params: &[
        Param::new("num_malicious_nodes", 0.0, Allowed::Whole(0, 100_000)),
        Param::new("num_nodes_to_select", 1.0, Allowed::Whole(1, 100_000)),
    ],
    weighting: Some(By::Examples),
    built_in_only: false,
    build: |values| {
        let select = values.count("num_nodes_to_select");
        Box::new(MultiKrum { malicious: values.count("num_malicious_nodes"), select })
    },
};

#[derive(Debug)]
struct MultiKrum {
    malicious: usize,
    select: usize,
}

impl Strategy for MultiKrum {
    fn aggregate(&self, round: &Round<'_>, out: Out<'_>) -> Result<()> {
        let distances = distance::pairwise(round.schema, &round.readers(), round.threads)?;
        let all: Vec<_> = (0..distances.clients()).collect();
        let mut chosen = best(&distances, &all, self.malicious, self.select);
        // Back to the order of leases, in which everything is summed.
        chosen.sort_unstable();
        let updates: Vec<_> = chosen.iter().map(|&place| round.updates[place]).collect();
        fedavg::mean(&Round { updates: &updates, ..*round }, out)
    }
}

/// The `count` of these clients with the lowest scores among these clients, the lowest first.
pub(super) fn best(distances: &Distances, among: &[usize], malicious: usize, count: usize) -> Vec<usize> {
    let nearest = among.len().saturating_sub(malicious + 2).max(1);
    let mut scored: Vec<(f64, usize)> = among
        .iter()
        .map(|&one| {
            let others = among.iter().filter(|&&other| other != one);
            let mut squared: Vec<f64> = others.map(|&other| distances.squared(one, other)).collect();
            squared.sort_unstable_by(f64::total_cmp);
            // Summed in ascending order, so that the order of the others changes nothing.
            (squared.iter().take(nearest).sum(), one)
        })
        .collect();
    scored.sort_by(|(one, left), (other, right)| one.total_cmp(other).then(left.cmp(right)));
    scored.into_iter().take(count).map(|(_, client)| client).collect()
}
