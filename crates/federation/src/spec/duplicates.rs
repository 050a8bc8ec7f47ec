//! Reading a document so that no key can be given twice, and no number be none: a value would be ignored without a word.

use std::{cell::RefCell, fmt};

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};
use thunderline_core::Problem;

/// Reads any value; keys that come again are told in `problems`, with their paths.
pub(super) struct Unique<'a> {
    path: String,
    problems: &'a RefCell<Vec<Problem>>,
}

impl<'a> Unique<'a> {
    pub(super) fn new(problems: &'a RefCell<Vec<Problem>>) -> Self {
        Self { path: String::new(), problems }
    }

    fn below(&self, path: String) -> Self {
        Self { path, problems: self.problems }
    }
}

impl<'de> DeserializeSeed<'de> for Unique<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, input: D) -> Result<Value, D::Error> {
        input.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Unique<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value of JSON's kinds")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        // YAML knows '.nan' and '.inf'. JSON does not: null would take their place, and then a default.
        if !value.is_finite() {
            self.problems.borrow_mut().push(Problem {
                path: self.path,
                reason: format!("{value} is no number to work with"),
                allowed: "finite numbers".into(),
            });
        }
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut input: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        while let Some(item) =
            input.next_element_seed(self.below(format!("{}[{}]", self.path, items.len())))?
        {
            items.push(item);
        }
        Ok(Value::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut input: A) -> Result<Value, A::Error> {
        let mut keys = Map::new();
        while let Some(key) = input.next_key::<String>()? {
            let path = if self.path.is_empty() { key.clone() } else { format!("{}.{key}", self.path) };
            let value = input.next_value_seed(self.below(path.clone()))?;
            if keys.insert(key, value).is_some() {
                self.problems.borrow_mut().push(Problem {
                    path,
                    reason: "the key is given twice".into(),
                    allowed: "each key once".into(),
                });
            }
        }
        Ok(Value::Object(keys))
    }
}
