//! Addresses that hold what somebody typed.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use thunderline_core::Error;

use crate::failure::Result;

/// Everything but what RFC 3986 §2.3 leaves as it is.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A path with its `{names}` replaced by these values, in their order; each stays one piece of the path, whatever is in it.
///
/// # Errors
/// Refuses empty values, which would lead elsewhere.
///
/// # Panics
/// Where there are fewer values than names.
pub fn path(template: &str, values: &[&str]) -> Result<String> {
    let mut values = values.iter();
    let mut pieces = Vec::new();
    for piece in template.split('/') {
        let Some(name) = piece.strip_prefix('{').and_then(|piece| piece.strip_suffix('}')) else {
            pieces.push(piece.to_owned());
            continue;
        };
        let value = values.next().expect("there is a value for each name");
        if value.is_empty() {
            let name = format!("<{}>", name.to_uppercase());
            return Err(Error::invalid_value(name, "it is empty", "a name or an id").into());
        }
        pieces.push(utf8_percent_encode(value, ESCAPED).to_string());
    }
    Ok(pieces.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failure::Exit;

    #[test]
    fn a_name_stays_one_piece_of_the_path() {
        let members = |name: &str| path("/api/v1/node-groups/{name}/members", &[name]);
        assert_eq!(members("berlin-2.b_c~").unwrap(), "/api/v1/node-groups/berlin-2.b_c~/members");
        assert_eq!(members("a/b c").unwrap(), "/api/v1/node-groups/a%2Fb%20c/members");
        assert_eq!(members("ä?%#").unwrap(), "/api/v1/node-groups/%C3%A4%3F%25%23/members");
        let two = path("/api/v1/nodes/{id}/capabilities/{key}", &["7", "gpu"]);
        assert_eq!(two.unwrap(), "/api/v1/nodes/7/capabilities/gpu");
    }

    #[test]
    fn an_empty_name_is_refused_by_its_name() {
        let refused = path("/api/v1/nodes/{id}/capabilities/{key}", &["7", ""]).unwrap_err();
        assert_eq!(refused.exit, Exit::Refused);
        assert!(refused.message.contains("<KEY>"), "{refused}");
    }
}
