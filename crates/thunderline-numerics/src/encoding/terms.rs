//! What a client is told about how to send its update.

use ring::digest;
use serde::{Deserialize, Serialize};

use super::Encoding;

/// The configuration's key for [`Terms`], as JSON.
pub const KEY: &str = "thunderline.encoding";

/// How a client is to send its update. One that does not know them sends its arrays as they are, which is always taken.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Terms {
    /// How each array is encoded.
    pub encoding: Encoding,
    /// What chance is drawn from; another for each task.
    pub seed: u64,
    /// Patterns of the arrays that are sent; all where there are none.
    #[serde(default)]
    pub trainable: Vec<String>,
    /// Whether this is the last round: nothing needs to be kept for another.
    #[serde(default)]
    pub last: bool,
}

impl Terms {
    /// Whether the array of this name is sent.
    #[must_use]
    pub fn sends(&self, name: &str) -> bool {
        trainable(&self.trainable, name)
    }

    /// The seed of one array: the first eight bytes, little-endian, of the SHA-256 of `thunderline encoding 1`, the task's seed
    /// in eight bytes, and the name.
    #[must_use]
    pub fn seed_of(&self, name: &str) -> u64 {
        let mut hash = digest::Context::new(&digest::SHA256);
        hash.update(b"thunderline encoding 1");
        hash.update(&self.seed.to_le_bytes());
        hash.update(name.as_bytes());
        let hash = hash.finish();
        u64::from_le_bytes(hash.as_ref()[..8].try_into().expect("eight of 32 bytes"))
    }
}

/// Whether one of the patterns fits the name, or there are none.
#[must_use]
pub fn trainable(patterns: &[String], name: &str) -> bool {
    patterns.is_empty() || patterns.iter().any(|pattern| fits(pattern, name))
}

/// Whether a pattern fits a whole name: `*` stands for any characters or none, `?` for one, everything else for itself.
#[must_use]
pub fn fits(pattern: &str, name: &str) -> bool {
    let (pattern, name): (Vec<char>, Vec<char>) = (pattern.chars().collect(), name.chars().collect());
    let (mut p, mut n) = (0, 0);
    // Where the last star is, and where in the name what it stands for ends so far.
    let mut star = None;
    while n < name.len() {
        match pattern.get(p) {
            Some('*') => {
                star = Some((p, n));
                p += 1;
            }
            Some(one) if *one == '?' || *one == name[n] => (p, n) = (p + 1, n + 1),
            _ => match star {
                Some((place, end)) => {
                    star = Some((place, end + 1));
                    (p, n) = (place + 1, end + 1);
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|rest| *rest == '*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_fit_whole_names() {
        for (pattern, name, wanted) in [
            ("lora_*", "lora_a", true),
            ("lora_*", "lora_", true),
            ("lora_*", "a.lora_b", false),
            ("*lora_?.weight", "h.0.lora_B.weight", true),
            ("*a*b", "aab.b", true),
            ("*a*b", "aab.c", false),
            ("*", "", true),
            ("?", "", false),
            ("a.b", "axb", false),
            ("ü?", "üé", true),
            ("**x**", "x", true),
        ] {
            assert_eq!(fits(pattern, name), wanted, "{pattern} {name}");
        }
        assert!(trainable(&[], "anything"));
    }

    #[test]
    fn a_star_does_not_take_for_ever() {
        let pattern = "*a".repeat(200);
        assert!(!fits(&pattern, &"a".repeat(199)));
        assert!(!fits(&pattern, &format!("{}b", "a".repeat(5000))));
    }

    #[test]
    fn every_array_and_every_task_has_a_seed_of_its_own() {
        let terms = |seed| Terms { encoding: Encoding::Fp16, seed, trainable: vec![], last: false };
        assert_ne!(terms(1).seed_of("a"), terms(1).seed_of("b"));
        assert_ne!(terms(1).seed_of("a"), terms(2).seed_of("a"));
        assert_eq!(terms(1).seed_of("a"), terms(1).seed_of("a"));
    }
}
