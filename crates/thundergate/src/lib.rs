//! Identity: who is calling, and Thunderline's own signature.
//!
//! What is here is what one installation on one machine needs: bearer [`tokens`](token) with roles, a local operator token
//! that is made on the first start, and the [`ManifestSigner`] that signs leases. Tenants, certificates and outside
//! identity providers are not here yet.

mod authenticate;
pub mod local;
mod manifest;
mod rows;
pub mod token;

use thunderline_core::{Action, Manifest, TenantId};

pub use authenticate::authenticate;
pub use manifest::{ManifestSigner, verify};
pub use rows::{MIGRATIONS, statements};

/// The one tenant of an installation that has no others.
pub const DEFAULT_TENANT: TenantId =
    TenantId(uuid::Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0001));

/// Every action, for the policy matrix.
pub const ACTIONS: &[&Action] = &[&authenticate::ACTION, &token::ACTION];

/// The domain's border.
pub const MANIFEST: Manifest = Manifest {
    domain: "thundergate",
    prefix: "gate",
    charter: "Identity: who is calling, and Thunderline's own signature.",
    actions: ACTIONS,
    emits: &[],
    consumes: &[],
    jobs: &[],
    ports: &[],
    depends_on: &["thunderblock"],
    required: true,
};
