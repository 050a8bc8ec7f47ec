//! thundergrid as something that runs.

use thunderline_runtime::{Domain, Work};
use thunderline_web::Domains;

pub fn domain(_domains: &Domains) -> Domain {
    Domain::new(&thundergrid::MANIFEST, |_cx| async { Ok(Work::default()) })
}
