//! The domains as things that run: one file each, which says what a domain needs before it is active and what it works at.

mod block;
mod federation;
mod flow;
mod gate;
mod grid;
mod link;
mod prism;
mod vine;

use thunderline_core::Manifest;
use thunderline_runtime::Domain;
use thunderline_store::MigrationSet;
use thunderline_web::Domains;

/// The migrations of every domain, in the order in which they are applied.
pub const MIGRATIONS: &[MigrationSet] = &[
    ::thunderlink::MIGRATIONS,
    ::federation::MIGRATIONS,
    ::thundergate::MIGRATIONS,
    ::thunderblock::MIGRATIONS,
    ::thunderflow::MIGRATIONS,
    ::thundervine::MIGRATIONS,
    ::thunderprism::MIGRATIONS,
    ::thundergrid::MIGRATIONS,
];

/// The borders of every domain.
pub const MANIFESTS: &[&Manifest] = &[
    &::federation::MANIFEST,
    &::thunderblock::MANIFEST,
    &::thunderflow::MANIFEST,
    &::thundergate::MANIFEST,
    &::thundergrid::MANIFEST,
    &::thunderlink::MANIFEST,
    &::thunderprism::MANIFEST,
    &::thundervine::MANIFEST,
];

/// Every domain, ready to be made active.
#[must_use]
pub fn all(domains: &Domains) -> Vec<Domain> {
    vec![
        block::domain(domains),
        federation::domain(domains),
        flow::domain(domains),
        gate::domain(domains),
        grid::domain(domains),
        link::domain(domains),
        prism::domain(domains),
        vine::domain(domains),
    ]
}
