//! Actions and the rules that guard them.
//!
//! An action is the only way to write. Its rule is a constant value, so that the whole policy can be printed as a table
//! (role × action) and reviewed; what no rule allows is denied.

use crate::{Actor, Cx, Error, Result, Role};

/// Who may perform an action.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// People and programs whose role is at least this one.
    AtLeast(Role),
    /// Any training node that proved possession of its key. That it acts on its own things only is checked by the
    /// action, which loads them by the caller's node id.
    Node,
    /// Thunderline's own background work only.
    System,
    /// Whoever one of these allows.
    AnyOf(&'static [Rule]),
}

impl Rule {
    /// True where this rule lets the actor through. Background work passes every rule: it acts for someone whose own
    /// action was decided already.
    #[must_use]
    pub fn allows(&self, actor: &Actor) -> bool {
        match (self, actor) {
            (_, Actor::System(_)) => true,
            (Self::AtLeast(least), Actor::User { role, .. }) => role >= least,
            (Self::Node, Actor::Node(_)) => true,
            (Self::AnyOf(rules), actor) => rules.iter().any(|rule| rule.allows(actor)),
            _ => false,
        }
    }

    /// The rule in words, for the audit row and the policy matrix.
    #[must_use]
    pub fn describe(&self) -> String {
        match self {
            Self::AtLeast(role) => format!("role>={}", role.name()),
            Self::Node => "node".into(),
            Self::System => "system".into(),
            Self::AnyOf(rules) => rules.iter().map(Self::describe).collect::<Vec<_>>().join(" or "),
        }
    }
}

/// Something that can be done, and who may do it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Action {
    /// `domain.noun.verb`, for example `fl.federation.submit`.
    pub name: &'static str,
    /// Who may.
    pub rule: Rule,
}

/// What the policy said, kept in the audit row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// Whether the action may go ahead.
    pub allowed: bool,
    /// The rule that decided.
    pub rule: String,
}

impl Action {
    /// Names an action and its rule.
    #[must_use]
    pub const fn new(name: &'static str, rule: Rule) -> Self {
        Self { name, rule }
    }

    /// Asks the policy.
    #[must_use]
    pub fn decide(&self, cx: &Cx) -> Decision {
        Decision { allowed: self.rule.allows(cx.actor()), rule: self.rule.describe() }
    }

    /// Asks the policy and turns a refusal into the error that the caller sees.
    ///
    /// # Errors
    /// `forbidden`, naming the action and the rule.
    pub fn authorize(&self, cx: &Cx) -> Result<Decision> {
        let decision = self.decide(cx);
        if decision.allowed {
            Ok(decision)
        } else {
            Err(Error::forbidden(format!("{} may not {}: needs {}", cx.actor(), self.name, decision.rule)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::NodeId;

    fn user(role: Role) -> Actor {
        Actor::User { name: "someone".into(), role }
    }

    #[test]
    fn what_no_rule_allows_is_denied() {
        let node = Actor::Node(NodeId::from_bits(7));
        assert!(!Rule::AtLeast(Role::Viewer).allows(&node));
        assert!(!Rule::Node.allows(&user(Role::Admin)));
        assert!(!Rule::System.allows(&user(Role::Admin)));
        assert!(!Rule::AnyOf(&[]).allows(&user(Role::Admin)));
    }

    #[test]
    fn a_higher_role_includes_the_lower_ones() {
        assert!(Rule::AtLeast(Role::Operator).allows(&user(Role::Admin)));
        assert!(!Rule::AtLeast(Role::Operator).allows(&user(Role::Viewer)));
    }

    #[test]
    fn alternatives_are_tried_in_turn() {
        let either = Rule::AnyOf(&[Rule::Node, Rule::AtLeast(Role::Admin)]);
        assert!(either.allows(&user(Role::Admin)) && either.allows(&Actor::Node(NodeId::from_bits(1))));
        assert_eq!(either.describe(), "node or role>=admin");
    }
}
