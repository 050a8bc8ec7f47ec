//! Ending a program that nobody waits for any more.

use std::time::Duration;

use thunderline_bridge::Stop;
use thunderline_core::{Cx, RoundId};

use crate::{Federations, actions::read, rows};

/// Whether the round is over is looked for so often even where no signal says so: signals are lossy.
const LOOK: Duration = Duration::from_secs(10);

/// Gives the signal when it is dropped: whoever was to use the result is gone.
pub(crate) struct Given(pub Stop);

impl Drop for Given {
    fn drop(&mut self) {
        self.0.stop();
    }
}

/// Resolves when the round is over, which it is before its aggregation where somebody cancels the federation.
pub(crate) async fn until_over(cx: &Cx, domain: &Federations, round: RoundId) {
    loop {
        // Before looking, so that an end in between is noticed.
        let waiter = domain.db.signals().waiter(&rows::rounds::over_key(round));
        let over = async {
            let mut read = domain.db.read(cx, &read::ACTION).await?;
            rows::rounds::is_over(&mut read, round).await
        };
        match over.await {
            Ok(true) => return,
            Ok(false) => {}
            Err(error) => {
                tracing::warn!(%round, error = error.chain(), "it is not known whether the round is over");
            }
        }
        let _either = tokio::time::timeout(LOOK, waiter.wait()).await;
    }
}
