//! What kind of value a parameter takes, from its JSON schema.

use std::fmt;

use serde::Serialize;
use serde_json::Value;

/// What a value is read as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Any text; a handler may refuse it.
    Text,
    /// `true` or `false`.
    Flag,
    /// A whole number within these bounds, both included.
    Whole {
        /// The smallest.
        least: i128,
        /// The largest.
        most: i128,
    },
}

impl Kind {
    /// Read from a schema. What it does not bound is bounded by the type that the handler reads: `u32` is `int32` from 0.
    pub fn of(schema: &impl Serialize) -> Self {
        let schema = serde_json::to_value(schema).unwrap_or_default();
        let is = |name: &str| match &schema["type"] {
            Value::Array(several) => several.iter().any(|it| it == name),
            one => one == name,
        };
        if is("boolean") {
            return Self::Flag;
        }
        if !is("integer") {
            return Self::Text;
        }
        let bound = |name: &str| schema[name].as_i64().map(i128::from);
        let signed = bound("minimum").is_none_or(|least| least < 0);
        let (least, most) = match (schema["format"].as_str(), signed) {
            (Some("int32"), true) => (i32::MIN.into(), i32::MAX.into()),
            (Some("int32"), false) => (0, u32::MAX.into()),
            (_, true) => (i64::MIN.into(), i64::MAX.into()),
            (_, false) => (0, u64::MAX.into()),
        };
        Self::Whole { least: bound("minimum").unwrap_or(least), most: bound("maximum").unwrap_or(most) }
    }

    /// Why a value is refused, as the rest of a sentence that begins with it.
    pub fn refuses(self, value: &str) -> Option<&'static str> {
        match self {
            Self::Text => None,
            Self::Flag => value.parse::<bool>().is_err().then_some("is neither true nor false"),
            Self::Whole { least, most } => match value.parse::<i128>() {
                Ok(number) => (number < least || number > most).then_some("is out of range"),
                Err(_) => Some("is not a whole number"),
            },
        }
    }
}

/// What is allowed.
impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text => f.write_str("text"),
            Self::Flag => f.write_str("true, false"),
            Self::Whole { least, most } => write!(f, "{least} to {most}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_schema_says_what_is_allowed() {
        for (schema, allowed, refused, accepted) in [
            (
                json!({"type": "integer", "format": "int32", "minimum": 1, "maximum": 1000}),
                "1 to 1000",
                "0",
                "1",
            ),
            (
                json!({"type": "integer", "format": "int32", "minimum": 0}),
                "0 to 4294967295",
                "-1",
                "4294967295",
            ),
            (
                json!({"type": ["integer", "null"], "format": "int64"}),
                "-9223372036854775808 to 9223372036854775807",
                "9223372036854775808",
                "-9223372036854775808",
            ),
            (json!({"type": "boolean"}), "true, false", "yes", "true"),
        ] {
            let kind = Kind::of(&schema);
            assert_eq!(kind.to_string(), allowed, "{schema}");
            assert!(kind.refuses(refused).is_some() && kind.refuses("").is_some(), "{schema}");
            assert_eq!(kind.refuses(accepted), None, "{schema}");
        }
        assert_eq!(Kind::of(&json!({"type": "string"})).refuses(""), None);
    }
}
