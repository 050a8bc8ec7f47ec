//! References: `${input.name}` and `${node.output}` in the texts of an input.
//!
//! A text that is nothing but one reference becomes the value itself, whatever it is; elsewhere the value is put into the
//! text. `$${` is a plain `${`.

use serde_json::{Map, Value};
use thunderline_core::{Error, Result};

use crate::workflow::native::plain;

/// The name under which a workflow's own inputs are referred to.
pub const INPUT: &str = "input";

/// A reference: of what, and which value of it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Reference {
    /// A node's name, or `input`.
    pub source: String,
    /// The output's or input's name.
    pub name: String,
}

/// A piece of a text.
enum Piece<'a> {
    Plain(&'a str),
    Reference(&'a str),
}

fn pieces(text: &str) -> Vec<Piece<'_>> {
    let (mut pieces, mut rest) = (Vec::new(), text);
    while let Some(start) = rest.find("${") {
        if rest[..start].ends_with('$') {
            pieces.push(Piece::Plain(&rest[..start - 1]));
            pieces.push(Piece::Plain("${"));
            rest = &rest[start + 2..];
            continue;
        }
        let Some(length) = rest[start..].find('}') else { break };
        pieces.push(Piece::Plain(&rest[..start]));
        pieces.push(Piece::Reference(&rest[start + 2..start + length]));
        rest = &rest[start + length + 1..];
    }
    pieces.push(Piece::Plain(rest));
    pieces
}

fn parsed(text: &str) -> Option<Reference> {
    let (source, name) = text.trim().split_once('.')?;
    let fits = |part: &str| {
        !part.is_empty() && part.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'))
    };
    (fits(source) && fits(name)).then(|| Reference { source: source.into(), name: name.into() })
}

/// Calls `each` for every reference below the value, with the path of the text that holds it; what looks like a reference
/// and is none comes as its text.
pub fn visit(value: &Value, path: &str, each: &mut dyn FnMut(&str, Result<Reference, String>)) {
    match value {
        Value::String(text) => {
            for piece in pieces(text) {
                if let Piece::Reference(text) = piece {
                    each(path, parsed(text).ok_or_else(|| text.to_owned()));
                }
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                visit(item, &format!("{path}[{index}]"), each);
            }
        }
        Value::Object(keys) => {
            for (key, item) in keys {
                visit(item, &format!("{path}.{key}"), each);
            }
        }
        _ => {}
    }
}

/// Puts values in the place of references.
///
/// # Errors
/// `invalid` where a value is not there, naming the reference.
pub fn resolve(
    input: &Map<String, Value>,
    lookup: &dyn Fn(&Reference) -> Option<Value>,
) -> Result<Map<String, Value>> {
    input.iter().map(|(key, value)| Ok((key.clone(), resolved(value, lookup)?))).collect()
}

fn resolved(value: &Value, lookup: &dyn Fn(&Reference) -> Option<Value>) -> Result<Value> {
    let find = |text: &str| {
        parsed(text).as_ref().and_then(lookup).ok_or_else(|| {
            Error::invalid_value(
                format!("${{{text}}}"),
                "there is no such value",
                "an input or an output of a node that is done",
            )
        })
    };
    Ok(match value {
        Value::String(text) => match &pieces(text)[..] {
            [Piece::Plain(""), Piece::Reference(one), Piece::Plain("")] => find(one)?,
            several => {
                let mut whole = String::new();
                for piece in several {
                    match piece {
                        Piece::Plain(text) => whole.push_str(text),
                        Piece::Reference(text) => whole.push_str(&plain(&find(text)?)),
                    }
                }
                Value::String(whole)
            }
        },
        Value::Array(items) => {
            Value::Array(items.iter().map(|item| resolved(item, lookup)).collect::<Result<_>>()?)
        }
        Value::Object(keys) => Value::Object(resolve(keys, lookup)?),
        other => other.clone(),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn resolve_one(value: Value) -> Result<Value> {
        let lookup = |reference: &Reference| match (reference.source.as_str(), reference.name.as_str()) {
            ("a", "count") => Some(json!(3)),
            ("input", "name") => Some(json!("x")),
            _ => None,
        };
        let input = Map::from_iter([("v".to_owned(), value)]);
        Ok(resolve(&input, &lookup)?["v"].clone())
    }

    #[test]
    fn a_lone_reference_keeps_its_type_and_others_become_text() {
        for (given, wanted) in [
            (json!("${a.count}"), json!(3)),
            (json!("n=${a.count}/${input.name}!"), json!("n=3/x!")),
            (json!("$${a.count} costs $5"), json!("${a.count} costs $5")),
            (json!({"k": ["${input.name}", 1, null]}), json!({"k": ["x", 1, null]})),
            (json!("${unclosed"), json!("${unclosed")),
        ] {
            assert_eq!(resolve_one(given.clone()).unwrap(), wanted, "{given}");
        }
        for wrong in ["${b.count}", "${a.other}", "${nonsense}", "${}"] {
            assert_eq!(resolve_one(json!(wrong)).unwrap_err().code(), "invalid", "{wrong}");
        }
    }
}
