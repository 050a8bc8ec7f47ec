//! What a strategy that is somebody's own program has in common with the others: clients are asked in rounds, weighed by examples
//! unless a spec says otherwise, and told nothing. Programs are not started here; see the domain that asks for them.

use super::{Kind, Out, Round, Strategy};
use crate::{Error, Result, weighting::By};

/// Not one of [`KINDS`](super::KINDS): a spec asks for the program, by the program's name.
pub static EXTERNAL: Kind = Kind {
    name: "external",
    paper: "",
    params: &[],
    weighting: Some(By::Examples),
    built_in_only: false,
    build: |_| Box::new(External),
};

#[derive(Debug)]
struct External;

impl Strategy for External {
    fn aggregate(&self, _round: &Round<'_>, _out: Out<'_>) -> Result<()> {
        Err(Error::internal("an external strategy is aggregated by its program"))
    }
}
