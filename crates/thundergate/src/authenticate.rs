//! From a bearer token to a call context.

use thunderline_core::{Action, Actor, Cx, Error, ErrorKind, Result, Rule};
use thunderline_store::Db;

use crate::{rows, token};

/// The edge, on behalf of a caller who is not known yet.
pub const ACTION: Action = Action::new("gate.token.read", Rule::System);

/// The context of whoever holds the token. `edge` is the edge's own context: its clock, randomness and trace.
///
/// # Errors
/// `unauthenticated` where the token is unknown or revoked.
pub async fn authenticate(edge: &Cx, db: &Db, bearer: &str) -> Result<Cx> {
    let mut read = db.read(edge, &ACTION).await?;
    let found = rows::by_digest(&mut read, &token::digest(bearer.trim())).await?;
    let token = found.ok_or_else(|| {
        Error::new(ErrorKind::Unauthenticated, "the token is not known here, or it was revoked")
    })?;
    Ok(edge.for_actor(Actor::User { name: token.name.into(), role: token.role }, token.tenant))
}
