//! Patterns as in `.gitignore`.

/// An ordered list of patterns; the last one that matches decides.
pub(super) struct Patterns(Vec<Pattern>);

struct Pattern {
    negated: bool,
    folders_only: bool,
    segments: Vec<String>,
}

impl Patterns {
    /// Reads patterns, one per line. Empty lines and comments are passed over.
    pub(super) fn new<'a>(lines: impl IntoIterator<Item = &'a str>) -> Self {
        Self(lines.into_iter().filter_map(Pattern::new).collect())
    }

    /// True where the file, given by its path from the root, or a folder above it matches.
    pub(super) fn matches(&self, path: &str) -> bool {
        let parts: Vec<_> = path.split('/').collect();
        self.0.iter().rev().find(|pattern| pattern.matches(&parts)).is_some_and(|pattern| !pattern.negated)
    }
}

impl Pattern {
    fn new(line: &str) -> Option<Self> {
        let line = line.trim();
        let (negated, line) = line.strip_prefix('!').map_or((false, line), |rest| (true, rest));
        if line.is_empty() || line.starts_with('#') {
            return None;
        }
        let folders_only = line.ends_with('/');
        let body = line.trim_end_matches('/');
        // A pattern with a slash anywhere but at its end is bound to the root.
        let anchored = body.contains('/');
        let mut segments: Vec<_> =
            body.split('/').filter(|part| !part.is_empty()).map(str::to_owned).collect();
        if !anchored {
            segments.insert(0, "**".into());
        }
        Some(Self { negated, folders_only, segments })
    }

    fn matches(&self, path: &[&str]) -> bool {
        let segments: Vec<_> = self.segments.iter().map(String::as_str).collect();
        let longest = if self.folders_only { path.len() - 1 } else { path.len() };
        (1..=longest).any(|length| matches_path(&segments, &path[..length]))
    }
}

fn matches_path(pattern: &[&str], path: &[&str]) -> bool {
    match pattern {
        [] => path.is_empty(),
        ["**"] => !path.is_empty(),
        ["**", rest @ ..] => (0..=path.len()).any(|skipped| matches_path(rest, &path[skipped..])),
        [first, rest @ ..] => match path {
            [name, below @ ..] => {
                matches_name(first.as_bytes(), name.as_bytes()) && matches_path(rest, below)
            }
            [] => false,
        },
    }
}

/// One name against `*`, `?` and `[...]`.
fn matches_name(pattern: &[u8], name: &[u8]) -> bool {
    match pattern {
        [] => name.is_empty(),
        [b'*', rest @ ..] => (0..=name.len()).any(|skipped| matches_name(rest, &name[skipped..])),
        [b'?', rest @ ..] => !name.is_empty() && matches_name(rest, &name[1..]),
        [b'[', rest @ ..] => match (rest.iter().skip(1).position(|&b| b == b']'), name) {
            (Some(end), [first, below @ ..]) => {
                in_class(&rest[..=end], *first) && matches_name(&rest[end + 2..], below)
            }
            _ => false,
        },
        [b'\\', literal, rest @ ..] | [literal, rest @ ..] => {
            name.first() == Some(literal) && matches_name(rest, &name[1..])
        }
    }
}

fn in_class(class: &[u8], byte: u8) -> bool {
    let (negated, mut class) = match class {
        [b'!' | b'^', rest @ ..] => (true, rest),
        _ => (false, class),
    };
    let mut found = false;
    while let [first, rest @ ..] = class {
        class = match rest {
            [b'-', last, after @ ..] => {
                found |= (*first..=*last).contains(&byte);
                after
            }
            _ => {
                found |= *first == byte;
                rest
            }
        };
    }
    found != negated
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_mean_what_git_says() {
        for (pattern, path, expected) in [
            ("*.py", "a.py", true),
            ("*.py", "a/b.py", true),
            ("**/*.py", "b.py", true),
            ("**/*.py", "a/b/c.py", true),
            ("/LICENSE", "LICENSE", true),
            ("/LICENSE", "a/LICENSE", false),
            ("build/**", "build/a/b", true),
            ("build/**", "a/build/b", false),
            ("build", "a/build/b", true),
            ("data/", "data/x", true),
            ("data/", "a/data/x", true),
            ("data/", "data", false),
            ("a/*.txt", "a/x.txt", true),
            ("a/*.txt", "a/b/x.txt", false),
            ("a/**/z", "a/z", true),
            ("a/**/z", "a/b/c/z", true),
            ("x?[0-9].[!p]y", "xa7.ny", true),
            ("x?[0-9].[!p]y", "xa7.py", false),
            ("[]a]", "]", true),
            ("[a", "[a", false),
            (r"\*", "*", true),
            (r"\*", "x", false),
            ("# note", "# note", false),
        ] {
            assert_eq!(Patterns::new([pattern]).matches(path), expected, "{pattern} on {path}");
        }
    }

    #[test]
    fn the_last_matching_pattern_decides() {
        let patterns = Patterns::new(["*.json", "!keep.json", ""]);
        assert!(patterns.matches("a/b.json"));
        assert!(!patterns.matches("keep.json"));
    }
}
