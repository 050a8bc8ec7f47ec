//! Reading a document field by field, collecting every problem instead of stopping at the first.

use std::{collections::BTreeMap, ops::RangeInclusive};

use serde_json::{Map, Value};
use thunderline_core::Problem;

use super::Scalar;

/// An object of the document, the path to it, and where problems go.
pub(super) struct Fields<'a> {
    path: String,
    object: Option<&'a Map<String, Value>>,
    known: Vec<&'static str>,
}

/// The problems found so far.
#[derive(Default)]
pub(super) struct Problems(pub Vec<Problem>);

impl Problems {
    pub fn add(&mut self, path: impl Into<String>, reason: impl Into<String>, allowed: impl Into<String>) {
        self.0.push(Problem { path: path.into(), reason: reason.into(), allowed: allowed.into() });
    }
}

/// A value as it stands in a problem.
pub(super) fn show(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(60) {
        Some((cut, _)) => format!("{}…", &text[..cut]),
        None => text,
    }
}

/// Why a value is not the number that is asked for.
fn unfit(value: &Value) -> String {
    format!("{} is {}", show(value), if value.is_number() { "out of range" } else { "no number" })
}

impl<'a> Fields<'a> {
    /// The fields of `value`; nothing and `null` count as an empty object.
    pub fn of(path: &str, value: Option<&'a Value>, problems: &mut Problems) -> Self {
        let object = match value {
            None | Some(Value::Null) => None,
            Some(Value::Object(object)) => Some(object),
            Some(other) => {
                problems.add(path, format!("{} is not a group of keys", show(other)), "key: value pairs");
                None
            }
        };
        Self { path: path.into(), object, known: Vec::new() }
    }

    /// The full path of a key.
    pub fn path(&self, key: &str) -> String {
        if self.path.is_empty() { key.into() } else { format!("{}.{key}", self.path) }
    }

    /// The value of a key; `null` counts as absent.
    pub fn get(&mut self, key: &'static str) -> Option<&'a Value> {
        self.known.push(key);
        self.object.and_then(|object| object.get(key)).filter(|value| !value.is_null())
    }

    /// The child object under a key.
    pub fn group(&mut self, key: &'static str, problems: &mut Problems) -> Fields<'a> {
        let path = self.path(key);
        let value = self.get(key);
        Fields::of(&path, value, problems)
    }

    /// The child object under a key whose value may also be a plain name, which counts as an empty object.
    pub fn group_or_name(&mut self, key: &'static str, problems: &mut Problems) -> Fields<'a> {
        let path = self.path(key);
        let value = self.get(key).filter(|value| !value.is_string());
        Fields::of(&path, value, problems)
    }

    /// Text of 1 to `longest` characters.
    pub fn text(&mut self, key: &'static str, longest: usize, problems: &mut Problems) -> Option<String> {
        let value = self.get(key)?;
        match value.as_str().map(str::trim) {
            Some(text) if !text.is_empty() && text.chars().count() <= longest => Some(text.into()),
            _ => {
                let allowed = format!("text of 1 to {longest} characters");
                problems.add(self.path(key), format!("{} does not fit", show(value)), allowed);
                None
            }
        }
    }

    /// A whole number within a range, or the default.
    pub fn whole(
        &mut self,
        key: &'static str,
        range: RangeInclusive<u64>,
        default: u64,
        problems: &mut Problems,
    ) -> u64 {
        let Some(value) = self.get(key) else { return default };
        match value.as_u64() {
            Some(number) if range.contains(&number) => number,
            _ => {
                let allowed = format!("a whole number from {} to {}", range.start(), range.end());
                let fraction = value.as_f64().is_some_and(|number| number.fract() != 0.0);
                let reason = if fraction { format!("{} is not whole", show(value)) } else { unfit(value) };
                problems.add(self.path(key), reason, allowed);
                default
            }
        }
    }

    /// A finite number that fulfils a condition, or the default.
    pub fn number(
        &mut self,
        key: &'static str,
        fits: impl Fn(f64) -> bool,
        allowed: &str,
        default: f64,
        problems: &mut Problems,
    ) -> f64 {
        let Some(value) = self.get(key) else { return default };
        match value.as_f64() {
            Some(number) if number.is_finite() && fits(number) => number,
            _ => {
                problems.add(self.path(key), unfit(value), allowed);
                default
            }
        }
    }

    /// `true` or `false`, or the default.
    pub fn flag(&mut self, key: &'static str, default: bool, problems: &mut Problems) -> bool {
        let Some(value) = self.get(key) else { return default };
        value.as_bool().unwrap_or_else(|| {
            problems.add(
                self.path(key),
                format!("{} is neither true nor false", show(value)),
                "true or false",
            );
            default
        })
    }

    /// Seconds, as a number or as text with a unit (`90s`, `10m`, `2h`), or the default.
    pub fn seconds(
        &mut self,
        key: &'static str,
        range: RangeInclusive<u64>,
        default: u64,
        problems: &mut Problems,
    ) -> u64 {
        let Some(value) = self.get(key) else { return default };
        let seconds = match value {
            Value::String(text) => parse_seconds(text),
            other => other.as_u64(),
        };
        seconds.filter(|seconds| range.contains(seconds)).unwrap_or_else(|| {
            let allowed = format!("{} to {} seconds, as 90, 90s, 10m or 2h", range.start(), range.end());
            problems.add(self.path(key), format!("{} does not fit", show(value)), allowed);
            default
        })
    }

    /// A list of texts.
    pub fn texts(&mut self, key: &'static str, problems: &mut Problems) -> Vec<String> {
        let Some(value) = self.get(key) else { return Vec::new() };
        let Some(items) = value.as_array() else {
            problems.add(self.path(key), format!("{} is not a list", show(value)), "a list of texts");
            return Vec::new();
        };
        let mut texts = Vec::with_capacity(items.len());
        for (index, item) in items.iter().enumerate() {
            match item.as_str().map(str::trim).filter(|text| !text.is_empty()) {
                Some(text) => texts.push(text.into()),
                None => {
                    let path = format!("{}[{index}]", self.path(key));
                    problems.add(path, format!("{} is not text", show(item)), "text that is not empty");
                }
            }
        }
        texts
    }

    /// Keys of the author's own choosing with plain values.
    pub fn scalars(&mut self, key: &'static str, problems: &mut Problems) -> BTreeMap<String, Scalar> {
        let path = self.path(key);
        let value = self.get(key);
        let fields = Fields::of(&path, value, problems);
        let mut scalars = BTreeMap::new();
        for (name, value) in fields.object.into_iter().flatten() {
            match serde_json::from_value(value.clone()) {
                Ok(scalar) => {
                    scalars.insert(name.clone(), scalar);
                }
                Err(_) => {
                    let allowed = "true, false, a number or text";
                    problems.add(fields.path(name), format!("{} is not a plain value", show(value)), allowed);
                }
            }
        }
        scalars
    }

    /// Keys of the author's own choosing with values of any kind.
    pub fn free(&mut self, key: &'static str, problems: &mut Problems) -> Map<String, Value> {
        self.group(key, problems).object.cloned().unwrap_or_default()
    }

    /// Refuses keys that nobody asked for.
    pub fn refuse_unknown(&self, problems: &mut Problems) {
        for key in self.object.into_iter().flat_map(Map::keys) {
            if !self.known.contains(&key.as_str()) {
                let mut known = self.known.clone();
                known.sort_unstable();
                known.dedup();
                problems.add(self.path(key), "no such key", known.join(", "));
            }
        }
    }
}

fn parse_seconds(text: &str) -> Option<u64> {
    let text = text.trim();
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let factor = match &text[digits.len()..] {
        "" | "s" => 1,
        "m" | "min" => 60,
        "h" => 3600,
        _ => return None,
    };
    digits.trim().parse::<u64>().ok()?.checked_mul(factor)
}
