//! The hand-written structs against the schema text.

use std::collections::BTreeSet;

const PROTO: &str = include_str!("../../proto/thunderline_fleet.proto");
const RUST: [&str; 4] =
    [include_str!("fleet.rs"), include_str!("message.rs"), include_str!("record.rs"), include_str!("run.rs")];

/// Message, field, tag, type.
type Field = (String, String, u32, String);

fn proto_fields() -> BTreeSet<Field> {
    let mut fields = BTreeSet::new();
    let mut message = String::new();
    for line in PROTO.lines().map(str::trim) {
        if let Some(name) = line.strip_prefix("message ") {
            message = name.trim_end_matches([' ', '{', '}']).into();
        } else if let Some((left, tag)) = line.strip_suffix(';').and_then(|line| line.split_once(" = "))
            && let Ok(tag) = tag.parse()
        {
            let (kind, name) = left.rsplit_once(' ').expect("a field has a type and a name");
            fields.insert((message.clone(), name.into(), tag, kind.into()));
        }
    }
    fields
}

fn rust_fields() -> BTreeSet<Field> {
    let mut fields = BTreeSet::new();
    for source in RUST {
        let mut message = String::new();
        let mut attribute = None;
        for line in source.lines().map(str::trim) {
            if let Some(name) = line.strip_prefix("pub struct ").or_else(|| line.strip_prefix("pub enum ")) {
                message = name.trim_end_matches([' ', '{', '}']).trim_end_matches("Kind").into();
            } else if let Some(inner) = line.strip_prefix("#[prost(").filter(|a| !a.starts_with("oneof")) {
                attribute = Some(inner);
            } else if let Some(given) = attribute.take() {
                fields.insert(field(&message, given, line));
            }
        }
    }
    fields
}

fn field(message: &str, attribute: &str, line: &str) -> Field {
    let (kind, tag) = attribute.split_once(", tag = \"").expect("every attribute has a tag");
    let tag = tag.trim_end_matches("\")]").parse().expect("a tag is a number");
    let (name, rust) = match line.strip_prefix("pub ") {
        Some(rest) => rest.split_once(": ").expect("a field has a type"),
        None => line.split_once('(').expect("a variant has a type"),
    };
    let bare = rust.trim_end_matches([',', ')']).trim_start_matches("Vec<").trim_start_matches("Option<");
    let kind = match kind.split(", ").next() {
        Some("message") => bare.trim_end_matches('>').to_owned(),
        Some(map) if map.starts_with("btree_map") => {
            let value = bare.trim_end_matches('>').rsplit_once(", ").expect("a map has two types").1;
            format!("map<string, {}>", if value == "String" { "string" } else { value })
                .replace("u32", "uint32")
        }
        Some(scalar) => scalar.split(" = ").next().expect("split gives at least one").to_owned(),
        None => unreachable!("split gives at least one"),
    };
    let label = match (attribute.contains(", repeated"), attribute.contains(", optional")) {
        (true, _) => "repeated ",
        (_, true) if !attribute.starts_with("message") => "optional ",
        _ => "",
    };
    (message.into(), snake(name), tag, format!("{label}{kind}"))
}

fn snake(name: &str) -> String {
    let mut out = String::new();
    for c in name.chars() {
        if c.is_uppercase() && !out.is_empty() {
            out.push('_');
        }
        out.extend(c.to_lowercase());
    }
    out
}

#[test]
fn the_structs_and_the_schema_text_name_the_same_fields_tags_and_types() {
    let (proto, rust) = (proto_fields(), rust_fields());
    assert!(proto.len() > 90, "only {} fields were understood", proto.len());
    let differences: Vec<_> = proto.symmetric_difference(&rust).collect();
    assert!(differences.is_empty(), "{differences:#?}");
}
