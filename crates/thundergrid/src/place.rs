//! Which zone a node belongs to by what it says of itself. Pure.

use std::collections::BTreeMap;

use serde_json::Value;
use thunderline_contracts::link::Capabilities;
use thunderline_core::{Error, Result, ZoneId};

use crate::rows::zones::Zone;

/// Texts by their keys: `site: charite`, `region: eu`, `trust: internal`, `data: icu-2026`.
pub type Labels = BTreeMap<String, String>;

/// The most labels of one zone.
const MOST: usize = 16;

/// What a node says of itself, as texts.
pub(crate) fn labels_of(capabilities: &Capabilities) -> Labels {
    let text = |value: &Value| match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    capabilities.iter().map(|(key, value)| (key.clone(), text(value))).collect()
}

/// The zone whose labels the node has, all of them. Of several the one with the most labels; of those the first by name.
pub(crate) fn fitting(zones: &[Zone], labels: &Labels) -> Option<ZoneId> {
    let fits = |zone: &&Zone| {
        !zone.labels.is_empty() && zone.labels.iter().all(|(key, value)| labels.get(key) == Some(value))
    };
    let best = |zone: &&Zone| (std::cmp::Reverse(zone.labels.len()), zone.name.clone());
    zones.iter().filter(fits).min_by_key(best).map(|zone| zone.id)
}

/// # Errors
/// `invalid`, with what labels may be.
pub(crate) fn check(labels: &Labels) -> Result<()> {
    let allowed = "at most 16 labels, keys and values of 1 to 100 characters";
    let fits = |text: &String| !text.trim().is_empty() && text.chars().count() <= 100;
    match labels.iter().find(|(key, value)| !fits(key) || !fits(value)) {
        Some((key, _)) => Err(Error::invalid_value(format!("labels.{key}"), "empty or too long", allowed)),
        None if labels.len() > MOST => Err(Error::invalid_value("labels", "too many", allowed)),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use thunderline_core::{TenantId, Timestamp};

    use super::*;
    use crate::claim::Claim;

    fn zone(number: u128, name: &str, labels: &[(&str, &str)]) -> Zone {
        Zone {
            id: format!("{number:032x}").parse().unwrap(),
            tenant: TenantId(Default::default()),
            name: name.into(),
            description: String::new(),
            labels: labels.iter().map(|(key, value)| ((*key).into(), (*value).into())).collect(),
            claim: Claim::default(),
            created_at: Timestamp::UNIX_EPOCH,
        }
    }

    #[test]
    fn the_closest_fit_wins_and_a_zone_without_labels_takes_nobody() {
        let zones = [
            zone(1, "eu", &[("region", "eu")]),
            zone(2, "charite", &[("region", "eu"), ("site", "charite")]),
            zone(3, "anywhere", &[]),
            zone(4, "a-eu", &[("region", "eu")]),
        ];
        let labels = |value: Value| labels_of(&serde_json::from_value(value).unwrap());
        let fit = |value| fitting(&zones, &labels(value));
        assert_eq!(fit(json!({"region": "eu", "site": "charite", "gpu": true})), Some(zones[1].id));
        assert_eq!(fit(json!({"region": "eu"})), Some(zones[3].id), "the first by name");
        assert_eq!(fit(json!({"region": "us"})), None);
    }
}
