//! Lists in pieces.

use serde::{Deserialize, Serialize};
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
#[must_use]
pub fn limit(wanted: Option<u32>) -> u32 {
    wanted.unwrap_or(DEFAULT).clamp(1, MOST)
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
    fn absurd_limits_are_bounded() {
        assert_eq!((limit(None), limit(Some(0)), limit(Some(u32::MAX))), (50, 1, 1_000));
    }
}
