//! Lists in pieces.

use serde::{Deserialize, Serialize};
use thunderline_core::{Error, Result};
use utoipa::ToSchema;

/// Items of a list when the caller does not say how many.
const DEFAULT: u32 = 50;
/// The most items of one answer.
const MOST: u32 = 1_000;

/// A piece of a list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Page<T> {
    /// The items.
    pub items: Vec<T>,
    /// Where the list goes on: hand it in as `before` (or `after`, where the list has that) to get the next piece.
    /// Absent at the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

impl<T> Page<T> {
    /// A list that is complete.
    pub fn whole<S: Into<T>>(items: impl IntoIterator<Item = S>) -> Self {
        Self { items: items.into_iter().map(Into::into).collect(), next: None }
    }

    /// The first `limit` of one more item than that, where there are so many; `key` says where an item stands.
    pub fn piece<S: Into<T>>(mut items: Vec<S>, limit: u32, key: impl Fn(&S) -> String) -> Self {
        let more = items.len() > limit as usize;
        items.truncate(limit as usize);
        let next = items.last().filter(|_| more).map(key);
        Self { items: items.into_iter().map(Into::into).collect(), next }
    }
}

/// How many items the caller gets.
///
/// # Errors
/// `invalid` for none and for more than 1000.
pub fn limit(wanted: Option<u32>) -> Result<u32> {
    match wanted.unwrap_or(DEFAULT) {
        limit @ 1..=MOST => Ok(limit),
        odd => Err(Error::invalid_value("limit", format!("{odd} is out of range"), format!("1 to {MOST}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_list_has_no_continuation() {
        let page: Page<u32> = Page::piece(vec![5u32, 4], 2, u32::to_string);
        assert_eq!((page.items, page.next), (vec![5, 4], None));
        let page: Page<u32> = Page::piece(vec![5u32, 4, 3], 2, u32::to_string);
        assert_eq!((page.items, page.next), (vec![5, 4], Some("4".into())));
    }

    #[test]
    fn absurd_limits_are_refused_with_what_is_allowed() {
        assert_eq!(
            (limit(None).unwrap(), limit(Some(1)).unwrap(), limit(Some(1_000)).unwrap()),
            (50, 1, 1_000)
        );
        for absurd in [0, 1_001, u32::MAX] {
            let refused = limit(Some(absurd)).unwrap_err();
            assert_eq!(
                (&*refused.problems()[0].path, &*refused.problems()[0].allowed),
                ("limit", "1 to 1000")
            );
        }
    }
}
