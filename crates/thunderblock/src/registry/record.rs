//! What happened to a domain is written down and told.

use thunderline_contracts::system::{
    DomainActivated, DomainCrashed, DomainDeactivated, DomainDegraded, DomainRestarting, DomainWaiting,
};
use thunderline_core::{Action, Cx, DomainState, Result, Rule, Subject, Transition};
use thunderline_store::Write;

use super::rows;
use crate::Block;

/// The process itself.
pub const RECORD: Action = Action::new("block.domain.record", Rule::System);

/// Keeps a transition and emits its event. Repeating it changes nothing.
///
/// # Errors
/// Those of writing.
pub async fn record(cx: &Cx, block: &Block, transition: &Transition) -> Result<()> {
    let cx = cx.as_system("thunderblock");
    let mut write = block.db.write(&cx, &RECORD).await?;
    if !rows::add_transition(&mut write, cx.uuid(), transition).await? {
        return Ok(());
    }
    rows::set_domain(&mut write, transition).await?;
    tell(&mut write, transition);
    write.commit(&Subject::new("domain", transition.domain)).await
}

fn tell(write: &mut Write, transition: &Transition) {
    let domain = transition.domain.to_owned();
    let node = transition.node.clone();
    let from = transition.from.name().to_owned();
    let (reason, tick) = (transition.reason.clone(), transition.tick);
    match transition.to {
        DomainState::Waiting => write.emit(&DomainWaiting { domain, node, from, reason, tick }),
        DomainState::Active => write.emit(&DomainActivated { domain, node, from, reason, tick }),
        DomainState::Degraded => write.emit(&DomainDegraded { domain, node, from, reason, tick }),
        DomainState::Crashed => write.emit(&DomainCrashed { domain, node, from, reason, tick }),
        DomainState::Restarting => write.emit(&DomainRestarting { domain, node, from, reason, tick }),
        DomainState::Inactive => write.emit(&DomainDeactivated { domain, node, from, reason, tick }),
    }
}
