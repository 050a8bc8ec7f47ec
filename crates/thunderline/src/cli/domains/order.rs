//! `thunderline domains activate|deactivate|kill`

use std::{thread::sleep, time::Duration};

use clap::Args;
use thunderline_core::{DomainState, Wish};
use thunderline_web::dto::domain::{DomainDetails, DomainOrder, Mesh};

use crate::{
    client::{Client, path},
    failure::Result,
    output::{Format, print},
};

/// Looks before what is seen is told, and the pause between them.
const LOOKS: u32 = 30;
const PAUSE: Duration = Duration::from_millis(100);

/// Which domain, and why.
#[derive(Args, Debug)]
pub struct Order {
    /// The domain's name
    name: String,
    /// Why: it is kept with the domain's past and told to whoever asks
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
}

impl Order {
    /// Gives the order and looks until it is carried out, for a few seconds at most.
    pub fn run(&self, client: &Client, format: Format, wish: Wish, expected: &[DomainState]) -> Result<()> {
        let path = path("/api/v1/domains/{name}", &[&self.name])?;
        let order = DomainOrder { reason: self.reason.clone() };
        let _mesh: Mesh = client.post(&format!("{path}/{}", wish.name()), &order)?;
        let mut details: DomainDetails = client.get(&path, &[])?;
        for _ in 0..LOOKS {
            if expected.iter().any(|state| state.name() == details.domain.state) {
                break;
            }
            sleep(PAUSE);
            details = client.get(&path, &[])?;
        }
        print(format, &details, |it| {
            format!("{} is {}: {}", it.domain.name, it.domain.state, it.domain.reason)
        });
        Ok(())
    }
}
