//! Domains.

use std::collections::BTreeMap;

use thunderline_core::DomainState;

use super::{Broken, law};
use crate::facts::Facts;

/// Each domain went from where it was to where it went next, or began anew with the process; the table says where it went
/// last; and each step was told once.
pub(crate) fn steps(facts: &Facts) -> Result<(), Broken> {
    let mut at: BTreeMap<&str, &str> = BTreeMap::new();
    for (domain, from, to) in &facts.transitions {
        let begins = (from.as_str(), to.as_str()) == ("inactive", "waiting");
        let known = at.insert(domain.as_str(), to.as_str());
        law!(begins || known == Some(from.as_str()), "{domain} was {known:?} and went from {from} to {to}");
    }
    let is: BTreeMap<&str, &str> =
        facts.domains.iter().map(|(domain, state)| (&**domain, &**state)).collect();
    law!(at == is, "domains are {is:?}, but went to {at:?}");
    let told = facts.events.iter().filter(|event| event.name.starts_with("system.domain.")).count();
    law!(
        told == facts.transitions.len(),
        "{told} steps of domains were told, {} made",
        facts.transitions.len()
    );
    Ok(())
}

/// What is in memory after a tick whose outcome was written down.
pub(crate) fn live(facts: &Facts, mesh: &[(&str, DomainState)]) -> Result<(), Broken> {
    for (domain, state) in mesh {
        let row = facts.domains.get(*domain).map(String::as_str);
        law!(row == Some(state.name()), "{domain} is {state}, its row says {row:?}");
    }
    Ok(())
}
