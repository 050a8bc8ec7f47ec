//! `thunderline federations leases`

use clap::Args;
use thunderline_core::brief;
use thunderline_web::dto::{lease::Lease, page::Page, round::Round};

use crate::{
    client::Client,
    failure::{Failure, Result},
    output::{
        Format, LONGEST_REASON,
        numbers::{bytes, time},
        print,
        table::table,
    },
};

/// List a round's leases: who was asked and when, what came of it, which round counts it, how stale each update was
#[derive(Args, Debug)]
pub struct Leases {
    /// The federation's id
    id: String,
    /// Of this round, from 1; of its newest try. Without it: of the newest round. Where clients are not asked in rounds (fedbuff):
    /// what this round counts (COUNTED IN) or ended without a result, in whichever round it was issued (ROUND); with the newest
    /// round also what is under way or waits for the next buffer
    #[arg(long)]
    round: Option<u32>,
}

impl Leases {
    /// Lists.
    pub fn run(&self, client: &Client, format: Format) -> Result<()> {
        let page: Page<Lease> = client.get(&format!("/api/v1/rounds/{}/leases", self.find(client)?), &[])?;
        print(format, &page, human);
        Ok(())
    }

    /// The id of the round that is asked for.
    fn find(&self, client: &Client) -> Result<String> {
        let (mut after, mut newest) =
            (self.round.map_or(0, |round| round.saturating_sub(1)).to_string(), None);
        loop {
            let path = format!("/api/v1/federations/{}/rounds", self.id);
            let page: Page<Round> = client.get(&path, &[("limit", "1000"), ("after", &after)])?;
            let found = page.items.into_iter().rfind(|it| self.round.is_none_or(|round| it.number == round));
            newest = found.or(newest);
            match page.next {
                Some(next) if self.round.is_none() => after = next,
                _ => break,
            }
        }
        let missing = || match self.round {
            Some(round) => format!("there is no round {round} yet"),
            None => "there is no round yet".to_owned(),
        };
        newest.map(|round: Round| round.id).ok_or_else(|| Failure::failed(missing()))
    }
}

fn human(page: &Page<Lease>) -> String {
    let shown = |number: Option<u32>| number.map_or_else(String::new, |number| number.to_string());
    let row = |lease: &Lease| {
        vec![
            lease.node.clone(),
            lease.purpose.clone(),
            lease.state.clone(),
            lease.round_number.to_string(),
            shown(lease.counted_in),
            shown(lease.staleness),
            time(lease.issued_at),
            lease.ended_at.map_or_else(String::new, time),
            lease.wire_bytes.map_or_else(String::new, bytes),
            lease.reason.as_deref().map_or_else(String::new, |reason| brief(reason, LONGEST_REASON)),
        ]
    };
    let headings =
        ["NODE", "PURPOSE", "STATE", "ROUND", "COUNTED IN", "STALENESS", "ISSUED", "ENDED", "SENT", "REASON"];
    table(&headings, &page.items.iter().map(row).collect::<Vec<_>>())
}
