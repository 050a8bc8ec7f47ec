//! JSON as Python's `json.dumps` writes it, so that ids equal Flower's; and reading that refuses repeated keys.

use std::{collections::HashSet, fmt, io};

use serde::{Deserialize, Deserializer, Serialize, de};
use serde_json::ser::{Formatter, Serializer};

/// Writes `", "` and `": "` between items and escapes what is not printable ASCII.
struct Python;

impl Formatter for Python {
    fn begin_array_value<W: ?Sized + io::Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        if first { Ok(()) } else { writer.write_all(b", ") }
    }

    fn begin_object_key<W: ?Sized + io::Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        if first { Ok(()) } else { writer.write_all(b", ") }
    }

    fn begin_object_value<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        writer.write_all(b": ")
    }

    fn write_string_fragment<W: ?Sized + io::Write>(
        &mut self,
        writer: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        for c in fragment.chars() {
            if (' '..='~').contains(&c) {
                writer.write_all(&[c as u8])?;
            } else {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    write!(writer, "\\u{unit:04x}")?;
                }
            }
        }
        Ok(())
    }
}

/// The value in Python's spacing.
pub(crate) fn to_bytes(value: &impl Serialize) -> Vec<u8> {
    let mut bytes = Vec::new();
    value
        .serialize(&mut Serializer::with_formatter(&mut bytes, Python))
        .expect("string keys and plain values are always JSON");
    bytes
}

/// An object's entries in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entries(pub(crate) Vec<(String, String)>);

impl Serialize for Entries {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(key, value)| (key, value)))
    }
}

impl<'de> Deserialize<'de> for Entries {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> de::Visitor<'de> for Visitor {
            type Value = Entries;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of strings")
            }

            fn visit_map<A: de::MapAccess<'de>>(self, mut map: A) -> Result<Entries, A::Error> {
                let (mut entries, mut seen) = (Vec::new(), HashSet::new());
                while let Some((key, value)) = map.next_entry::<String, String>()? {
                    if !seen.insert(key.clone()) {
                        return Err(de::Error::custom(format!("the key '{key}' is there twice")));
                    }
                    entries.push((key, value));
                }
                Ok(Entries(entries))
            }
        }
        deserializer.deserialize_map(Visitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_escaped_as_python_does() {
        let entries = Entries(vec![("ä\u{7f}\n\"\\".into(), "😀\u{1}/".into()), ("b".into(), String::new())]);
        // json.dumps({"ä\x7f\n\"\\": "😀\x01/", "b": ""})
        let python = r#"{"\u00e4\u007f\n\"\\": "\ud83d\ude00\u0001/", "b": ""}"#;
        assert_eq!(String::from_utf8(to_bytes(&entries)).unwrap(), python);
        assert_eq!(serde_json::from_str::<Entries>(python).unwrap(), entries);
    }

    #[test]
    fn a_repeated_key_is_refused() {
        assert!(serde_json::from_str::<Entries>(r#"{"a": "1", "a": "2"}"#).is_err());
    }
}
