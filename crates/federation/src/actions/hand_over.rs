//! Leave to a job what may take long, or what a node's message makes possible.

use thunderline_core::{Action, Cx, FederationId, Result, Rule};

use super::about_federation;
use crate::{Federations, drive::Drive};

/// Background work only.
pub const ACTION: Action = Action::new("fl.federation.hand_over", Rule::System);

pub(crate) async fn hand_over(cx: &Cx, domain: &Federations, id: FederationId) -> Result<()> {
    let mut write = domain.db.write(cx, &ACTION).await?;
    write.enqueue(&Drive { federation: id });
    write.commit(&about_federation(id)).await
}
