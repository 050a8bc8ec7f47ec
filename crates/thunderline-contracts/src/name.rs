//! How events are named: `root.noun.past`, at least two segments in lower case.

use std::fmt;

/// The first segments that are given away, and what they are for. A domain tells events under its own root, and under
/// `system` what concerns the installation.
pub const ROOTS: &[(&str, &str)] = &[
    ("ai", "language models and their tools"),
    ("audit", "what the auditor must see at once"),
    ("block", "domains as things that run, retention, backups"),
    ("cluster", "nodes of the control plane"),
    ("dag", "workflows"),
    ("device", "devices"),
    ("domain", "domains becoming active"),
    ("evt", "experiments, and what comes from outside"),
    ("fl", "federated training"),
    ("flow", "events on their way"),
    ("foundry", "reserved"),
    ("gate", "identity"),
    ("grid", "zones and placement"),
    ("link", "nodes and groups"),
    ("ml", "model runs and trials"),
    ("pac", "reserved"),
    ("prism", "the decision trail"),
    ("reactor", "reserved"),
    ("stone", "reserved"),
    ("system", "the installation"),
    ("ui", "commands of people"),
    ("vine", "lineage"),
    ("voice", "reserved"),
];

/// The longest name, in bytes.
pub const LONGEST: usize = 100;

/// Why a name is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NameFault {
    /// Fewer than two segments, or an empty one.
    Short,
    /// More than [`LONGEST`] bytes.
    Long,
    /// A segment that is not lower-case letters, digits and underscores after a letter.
    Form,
    /// A root that nobody gave away.
    Root,
    /// A root of another domain.
    Category,
}

impl NameFault {
    /// The reason as a word for programs.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Short => "short_name",
            Self::Long => "long_name",
            Self::Form => "invalid_name",
            Self::Root => "reserved_violation",
            Self::Category => "forbidden_category",
        }
    }
}

impl fmt::Display for NameFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self {
            Self::Short => "a name has at least two segments, as fl.round.completed, and none is empty",
            Self::Long => "a name has at most 100 bytes",
            Self::Form => "a segment is a lower-case letter, then lower-case letters, digits and underscores",
            Self::Root => "the first segment is none of those that are given away",
            Self::Category => "the first segment is another domain's",
        };
        write!(f, "{}: {text}", self.code())
    }
}

/// Checks a name's form and its root.
///
/// # Errors
/// The first rule that it breaks.
pub fn check(name: &str) -> Result<(), NameFault> {
    let segments: Vec<_> = name.split('.').collect();
    if segments.len() < 2 || segments.iter().any(|segment| segment.is_empty()) {
        return Err(NameFault::Short);
    }
    if name.len() > LONGEST {
        return Err(NameFault::Long);
    }
    let well_formed = |segment: &&str| {
        segment.starts_with(|first: char| first.is_ascii_lowercase())
            && segment.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
    };
    if !segments.iter().all(well_formed) {
        return Err(NameFault::Form);
    }
    match ROOTS.iter().any(|(root, _)| *root == segments[0]) {
        true => Ok(()),
        false => Err(NameFault::Root),
    }
}

/// Checks that the domain with this prefix may tell events of this name: under its own root, or `system`; Thundervine
/// also `dag`, Thunderlink also `cluster` and `device`, Thunderblock also `domain`, Thunderflow also `evt` and `audit`.
///
/// # Errors
/// As [`check`], and [`NameFault::Category`].
pub fn check_for(prefix: &str, name: &str) -> Result<(), NameFault> {
    check(name)?;
    let root = name.split('.').next().unwrap_or_default();
    let others: &[&str] = match prefix {
        "vine" => &["dag"],
        "link" => &["cluster", "device"],
        "block" => &["domain"],
        "flow" => &["evt", "audit"],
        _ => &[],
    };
    let may = root == prefix || root == "system" || others.contains(&root);
    if may { Ok(()) } else { Err(NameFault::Category) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn segment() -> impl Strategy<Value = String> {
        "[a-z][a-z0-9_]{0,10}"
    }

    fn name() -> impl Strategy<Value = String> {
        let root = proptest::sample::select(ROOTS).prop_map(|(root, _)| root.to_owned());
        (root, proptest::collection::vec(segment(), 1..4))
            .prop_map(|(root, rest)| format!("{root}.{}", rest.join(".")))
    }

    proptest! {
        #[test]
        fn well_formed_names_are_accepted(name in name()) {
            prop_assert_eq!(check(&name), Ok(()));
        }

        #[test]
        fn a_spoilt_name_is_refused_for_what_was_spoilt(name in name(), at in any::<prop::sample::Index>(),
            bad in proptest::sample::select(&['A', 'Z', ' ', '-', '/', 'é', '*'][..])) {
            let (root, rest) = name.split_once('.').expect("two segments");
            prop_assert_eq!(check(root), Err(NameFault::Short));
            prop_assert_eq!(check(&format!("{name}.")), Err(NameFault::Short));
            prop_assert_eq!(check(&format!(".{name}")), Err(NameFault::Short));
            prop_assert_eq!(check(&format!("{root}..{rest}")), Err(NameFault::Short));
            prop_assert_eq!(check(&format!("{name}.{}", "x".repeat(LONGEST))), Err(NameFault::Long));
            prop_assert_eq!(check(&format!("nobodys{root}.{rest}")), Err(NameFault::Root));
            prop_assert_eq!(check(&format!("{root}.7{rest}")), Err(NameFault::Form));
            let mut spoilt: Vec<char> = rest.chars().collect();
            let place = at.index(spoilt.len());
            prop_assume!(spoilt[place] != '.');
            spoilt[place] = bad;
            prop_assert_eq!(check(&format!("{root}.{}", String::from_iter(spoilt))), Err(NameFault::Form));
        }

        #[test]
        fn a_domain_may_not_tell_what_is_anothers(name in name()) {
            let root = name.split('.').next().unwrap_or_default().to_owned();
            prop_assert_eq!(check_for(&root, &name), Ok(()));
            let expected = if root == "system" { Ok(()) } else { Err(NameFault::Category) };
            prop_assert_eq!(check_for("some_other", &name), expected);
        }
    }

    #[test]
    fn nothing_is_no_name() {
        assert_eq!(check(""), Err(NameFault::Short));
        assert_eq!(check("."), Err(NameFault::Short));
    }
}
