//! Which events somebody wants: `fl.round.completed`, `fl.round.*`, `fl.*`, `*`.

use thunderline_contracts::registry::EVENTS;
use thunderline_core::Problem;

/// True where an event of this name is wanted.
#[must_use]
pub fn matches(pattern: &str, name: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(before) => name.starts_with(before),
        None => pattern == name,
    }
}

/// What is wrong with a pattern: it is malformed, or no event can match it.
#[must_use]
pub fn problem(pattern: &str, index: usize) -> Option<Problem> {
    let before = pattern.strip_suffix('*').unwrap_or(pattern);
    let at_a_dot = before == pattern || before.is_empty() || before.ends_with('.');
    if at_a_dot && !before.contains('*') && EVENTS.iter().any(|event| matches(pattern, event.name)) {
        return None;
    }
    Some(Problem {
        path: format!("events[{index}]"),
        reason: format!("'{pattern}' matches no event"),
        allowed: "a name, the beginning of one with '.*', or '*'; see 'thunderline events types'".into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_is_a_name_or_its_beginning() {
        assert!(matches("*", "fl.round.completed") && matches("fl.*", "fl.round.completed"));
        assert!(matches("fl.round.completed", "fl.round.completed"));
        assert!(!matches("fl.round", "fl.round.completed") && !matches("fl.*", "flow.flag.changed"));
    }

    #[test]
    fn a_pattern_that_matches_nothing_is_a_mistake() {
        for good in ["*", "fl.*", "fl.round.*", "fl.round.completed"] {
            assert_eq!(problem(good, 0), None, "{good}");
        }
        for bad in ["", "fl", "fl*", "*.round", "fl.*.completed", "mars.*", "fl.round.exploded"] {
            assert!(problem(bad, 1).is_some_and(|it| it.path == "events[1]"), "{bad}");
        }
    }
}
