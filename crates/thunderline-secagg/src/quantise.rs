//! Numbers as whole levels that can be summed modulo 2^32 without ever passing it.
//!
//! A number x in ±clip, times w / max_weight, lies in ±clip again and becomes a level between 0 and L = ⌊(2^32 − 1) / n⌋.
//! The sum of n levels is at most n·L ≤ 2^32 − 1, so nothing wraps and no bound is left to trust. Before the numbers
//! stands the weight itself. Rounding is stochastic (up with the probability of the remainder, drawn in steps of 2^-32),
//! so a level's mean is the number to within 2^-32 of a level. One client's step is 2·clip·max_weight / (w·L): with
//! n = 1000, clip 1 and full weight 4.7e-7.

use crate::prg::Stream;
use crate::terms::Terms;
use crate::{Refusal, keys};

/// How numbers become levels in one cohort, and a sum of levels a mean.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Quantiser {
    clip: f64,
    max_weight: u32,
    dimension: usize,
    members: u32,
    levels: u32,
}

/// An input as levels, weight first. Only a [`Quantiser`] makes one.
#[derive(Clone, Debug, PartialEq)]
pub struct Quantised {
    pub(crate) words: Vec<u32>,
    pub(crate) made_by: Quantiser,
    /// How many numbers lay outside ±clip and were moved to its edge.
    pub clipped: usize,
}

impl Quantised {
    /// The weight, and the levels of the numbers. These are the input: they stay with the client.
    #[must_use]
    pub fn words(&self) -> &[u32] {
        &self.words
    }
}

/// What the survivors' inputs come to.
#[derive(Clone, Debug, PartialEq)]
pub struct Mean {
    /// The weighted mean, number by number.
    pub values: Vec<f32>,
    /// The sum of the weights.
    pub weight: u32,
}

impl Quantiser {
    /// For a cohort of this size, under these terms (which were checked).
    pub(crate) fn new(terms: &Terms, members: usize) -> Self {
        let members = u32::try_from(members).expect("a roster has at most 16384 members");
        Self {
            clip: f64::from(terms.clip),
            max_weight: terms.max_weight,
            dimension: terms.dimension as usize,
            members,
            levels: u32::MAX / members,
        }
    }

    /// The highest level.
    #[must_use]
    pub const fn levels(&self) -> u32 {
        self.levels
    }

    /// How many words an input has: the weight and the numbers.
    pub(crate) const fn words(&self) -> usize {
        self.dimension + 1
    }

    /// The levels of an input. `seed` decides the rounding and is used once.
    ///
    /// # Errors
    ///
    /// An input of another length, a number that is not finite, a weight outside the terms.
    pub fn quantise(&self, values: &[f32], weight: u32, seed: &[u8; 32]) -> Result<Quantised, Refusal> {
        if values.len() != self.dimension {
            return Err(Refusal::Length { have: values.len(), want: self.dimension });
        }
        if weight == 0 || weight > self.max_weight {
            return Err(Refusal::Weight(weight));
        }
        let part = f64::from(weight) / f64::from(self.max_weight);
        let scale = f64::from(self.levels) / (2.0 * self.clip);
        let key = keys::derive(&keys::hash("rounding 1", &[]), seed, &[b"rounding"]);
        let mut draws = Stream::new(&key);
        let mut words = Vec::with_capacity(self.words());
        words.push(weight);
        let mut clipped = 0;
        let mut buffer = [0; 4096];
        for (block, values) in values.chunks(1024).enumerate() {
            draws.fill(&mut buffer[..values.len() * 4]);
            for ((offset, &value), draw) in values.iter().enumerate().zip(buffer.as_chunks::<4>().0) {
                if !value.is_finite() {
                    return Err(Refusal::NotFinite { place: block * 1024 + offset });
                }
                let value = f64::from(value);
                let within = value.clamp(-self.clip, self.clip);
                clipped += usize::from(within != value);
                let draw = f64::from(u32::from_le_bytes(*draw)) / 4_294_967_296.0;
                let level = ((within * part + self.clip) * scale + draw).floor();
                words.push((level as u32).min(self.levels));
            }
        }
        Ok(Quantised { words, made_by: *self, clipped })
    }

    /// The weighted mean that a sum of `inputs` inputs stands for.
    ///
    /// # Errors
    ///
    /// A sum that no inputs of this cohort have: of another length, or with a weight that they cannot have together.
    pub(crate) fn mean(&self, sum: &[u32], inputs: usize) -> Result<Mean, Refusal> {
        if sum.len() != self.words() {
            return Err(Refusal::Length { have: sum.len(), want: self.words() });
        }
        let weight = sum[0];
        let inputs = u32::try_from(inputs).expect("a roster has at most 16384 members");
        if weight < inputs || u64::from(weight) > u64::from(inputs) * u64::from(self.max_weight) {
            return Err(Refusal::Weight(weight));
        }
        let step = 2.0 * self.clip / f64::from(self.levels);
        let offset = f64::from(inputs) * self.clip;
        let scale = f64::from(self.max_weight) / f64::from(weight);
        let values =
            sum[1..].iter().map(|&level| ((f64::from(level) * step - offset) * scale) as f32).collect();
        Ok(Mean { values, weight })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn quantiser(members: usize, clip: f32, max_weight: u32) -> Quantiser {
        let terms = Terms {
            dimension: 4,
            clip,
            max_weight,
            min_members: 3,
            max_members: 3,
            corrupt: 100,
            dropouts: 100,
        };
        Quantiser::new(&terms, members)
    }

    #[test]
    fn rounding_is_right_on_average() {
        let terms = Terms { dimension: 40_000, ..TERMS };
        let coarse = Quantiser { levels: 9, ..Quantiser::new(&terms, 3) };
        // 0.3 is level 5.85 of 9: rounded to 6 with 0.85, never further.
        let words = coarse.quantise(&vec![0.3; 40_000], 7, &[1; 32]).expect("it fits").words;
        assert!(words[1..].iter().all(|word| [5, 6].contains(word)));
        let mean = words[1..].iter().map(|&word| f64::from(word)).sum::<f64>() / 40_000.0;
        assert!((mean - 5.85).abs() < 0.01, "{mean}");
    }

    const TERMS: Terms = Terms {
        dimension: 4,
        clip: 1.0,
        max_weight: 7,
        min_members: 3,
        max_members: 3,
        corrupt: 100,
        dropouts: 100,
    };

    #[test]
    fn what_cannot_be_quantised_is_refused() {
        let quantiser = quantiser(3, 1.0, 7);
        let refusal = |values: &[f32], weight| quantiser.quantise(values, weight, &[1; 32]).err();
        assert_eq!(refusal(&[0.0; 3], 1), Some(Refusal::Length { have: 3, want: 4 }));
        assert_eq!(refusal(&[0.0; 4], 0), Some(Refusal::Weight(0)));
        assert_eq!(refusal(&[0.0; 4], 8), Some(Refusal::Weight(8)));
        assert_eq!(refusal(&[0.0, 0.0, f32::NAN, 0.0], 1), Some(Refusal::NotFinite { place: 2 }));
        assert_eq!(
            quantiser.quantise(&[2.0, -2.0, 1.0, -1.0], 1, &[1; 32]).map(|input| input.clipped),
            Ok(2)
        );
    }

    #[test]
    fn a_weight_that_the_inputs_cannot_have_is_refused() {
        let quantiser = quantiser(3, 1.0, 7);
        assert_eq!(quantiser.mean(&[1, 0, 0, 0, 0], 2), Err(Refusal::Weight(1)));
        assert_eq!(quantiser.mean(&[15, 0, 0, 0, 0], 2), Err(Refusal::Weight(15)));
        assert!(quantiser.mean(&[14, 0, 0, 0, 0], 2).is_ok());
    }

    proptest! {
        #[test]
        fn the_extremes_of_every_member_together_stay_below_the_modulus(
            members in 3usize..=16_384,
            clip in 1e-6f32..1e6,
            seed: [u8; 32],
        ) {
            let quantiser = quantiser(members, clip, 5);
            let input = quantiser.quantise(&[clip, -clip, f32::MAX, f32::MIN], 5, &seed).expect("it fits");
            for &word in &input.words[1..] {
                prop_assert!(u64::from(word) * members as u64 <= u64::from(u32::MAX));
            }
            prop_assert!(input.words[1] >= quantiser.levels - 1 && input.words[2] <= 1);
        }

        #[test]
        fn the_mean_of_the_sum_is_the_weighted_mean_to_within_the_steps(
            inputs in proptest::collection::vec((proptest::array::uniform4(-1.0f32..1.0), 1u32..1000), 2..40),
        ) {
            let quantiser = quantiser(inputs.len(), 1.0, 1000);
            let mut sum = vec![0u32; 5];
            for (values, weight) in &inputs {
                let input = quantiser.quantise(values, *weight, &[9; 32]).expect("it fits");
                for (sum, word) in sum.iter_mut().zip(&input.words) {
                    *sum = sum.checked_add(*word).expect("levels are such that nothing passes 2^32");
                }
            }
            let total: u32 = inputs.iter().map(|(_, weight)| weight).sum();
            let mean = quantiser.mean(&sum, inputs.len()).expect("it is a sum");
            prop_assert_eq!(mean.weight, total);
            let step = 2.0 / f64::from(quantiser.levels) * inputs.len() as f64 * 1000.0 / f64::from(total);
            for (place, &value) in mean.values.iter().enumerate() {
                let exact = inputs.iter().map(|(values, weight)| f64::from(values[place]) * f64::from(*weight)).sum::<f64>()
                    / f64::from(total);
                prop_assert!((f64::from(value) - exact).abs() <= step + 1e-7, "{} {}", value, exact);
            }
        }
    }
}
