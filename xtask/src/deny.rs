//! Reads the `[[bans.deny]]` tables of `deny.toml`, the one place where dependency rules are written.
//!
//! The file is cargo-deny's own format, so that either tool can enforce it. Only what those tables use is understood
//! (`crate`, `wrappers`, `reason`; strings and arrays of strings); anything else inside them is refused rather than
//! skipped, since a rule that is misread protects nothing.

/// Who may depend directly on one crate.
#[derive(Debug, PartialEq, Eq)]
pub struct Rule {
    /// The crate the rule is about.
    pub name: String,
    /// The only crates that may name it; none means that it must not be in the graph at all.
    pub wrappers: Vec<String>,
    /// Why.
    pub reason: String,
}

/// All rules in a `deny.toml`, or the line that cannot be read.
pub fn rules(text: &str) -> Result<Vec<Rule>, String> {
    let mut rules: Vec<Rule> = Vec::new();
    let mut inside = false;
    let mut lines = text.lines().enumerate();
    while let Some((number, line)) = lines.next() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if line.starts_with('[') {
            inside = line == "[[bans.deny]]";
            if inside {
                rules.push(Rule { name: String::new(), wrappers: Vec::new(), reason: String::new() });
            }
            continue;
        }
        let Some(rule) = rules.last_mut().filter(|_| inside) else { continue };
        let at = |what: &str| format!("deny.toml line {}: {what}", number + 1);
        let (key, value) = line.split_once('=').ok_or_else(|| at("expected `key = value`"))?;
        let mut value = value.trim().to_owned();
        while value.starts_with('[') && !value.ends_with(']') {
            let (_, more) = lines.next().ok_or_else(|| at("the array is not closed"))?;
            value.push_str(more.trim());
        }
        match key.trim() {
            "crate" => rule.name = string(&value).ok_or_else(|| at("expected a string"))?,
            "reason" => rule.reason = string(&value).ok_or_else(|| at("expected a string"))?,
            "wrappers" => {
                rule.wrappers = strings(&value).ok_or_else(|| at("expected an array of strings"))?;
            }
            other => return Err(at(&format!("`{other}` is not understood here"))),
        }
    }
    match rules.iter().find(|rule| rule.name.is_empty() || rule.reason.is_empty()) {
        Some(rule) => Err(format!("deny.toml: a rule lacks its crate or its reason: {rule:?}")),
        None => Ok(rules),
    }
}

/// The TOML strings we write are JSON strings too.
fn string(value: &str) -> Option<String> {
    serde_json::from_str(value).ok()
}

fn strings(value: &str) -> Option<Vec<String>> {
    let inner = value.strip_prefix('[')?.strip_suffix(']')?.trim();
    serde_json::from_str(&format!("[{}]", inner.strip_suffix(',').unwrap_or(inner))).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_with_arrays_over_several_lines_are_read() {
        let text = r#"
[bans]
multiple-versions = "allow"

# a remark
[[bans.deny]]
crate = "axum"
wrappers = [
    "web",
    "fleet",
]
reason = "the edge"

[[bans.deny]]
crate = "openssl-sys"
reason = "pure Rust"

[licenses]
allow = ["MIT"]
"#;
        let read = rules(text).expect("the text is well formed");
        assert_eq!(read.len(), 2);
        assert_eq!(read[0].wrappers, ["web", "fleet"]);
        assert_eq!(read[1].name, "openssl-sys");
        assert!(read[1].wrappers.is_empty());
    }

    #[test]
    fn a_key_that_is_not_understood_is_refused_with_its_line() {
        let refused = rules("[[bans.deny]]\ncrate = \"a\"\nwraps = [\"b\"]\n").expect_err("a misspelt key");
        assert!(refused.contains("line 3") && refused.contains("wraps"), "{refused}");
    }

    #[test]
    fn a_rule_without_a_reason_is_refused() {
        assert!(rules("[[bans.deny]]\ncrate = \"a\"\n").is_err());
    }
}
