//! A random rotation: random signs, then the Walsh–Hadamard transform, not normalised.

use crate::kernels::wide;

/// Elements that are transformed together at first.
const SMALL: usize = 8;

/// The Walsh–Hadamard transform in place, in its natural order; the length must be a power of two, 8 at least. Each sum adds
/// the same two numbers on every platform.
pub(super) fn transform(values: &mut [f32]) {
    debug_assert!(values.len() >= SMALL && values.len().is_power_of_two());
    wide::run(
        #[inline(always)]
        || transform_each(values),
    );
}

#[inline(always)]
fn transform_each(values: &mut [f32]) {
    for block in values.as_chunks_mut::<SMALL>().0 {
        *block = small(*block);
    }
    let mut half = SMALL;
    // Two steps at a time, as long as there are two: half as many ways through memory, the same sums.
    while 4 * half <= values.len() {
        for block in values.chunks_exact_mut(4 * half) {
            let (front, back) = block.split_at_mut(2 * half);
            let ((a, b), (c, d)) = (front.split_at_mut(half), back.split_at_mut(half));
            four(a, b, c, d);
        }
        half *= 4;
    }
    while half < values.len() {
        for block in values.chunks_exact_mut(2 * half) {
            let (a, b) = block.split_at_mut(half);
            two(a, b);
        }
        half *= 2;
    }
}

#[inline(always)]
fn two(a: &mut [f32], b: &mut [f32]) {
    for (a, b) in a.as_chunks_mut::<SMALL>().0.iter_mut().zip(b.as_chunks_mut::<SMALL>().0) {
        for (a, b) in a.iter_mut().zip(b) {
            (*a, *b) = (*a + *b, *a - *b);
        }
    }
}

#[inline(always)]
fn four(a: &mut [f32], b: &mut [f32], c: &mut [f32], d: &mut [f32]) {
    let front = a.as_chunks_mut::<SMALL>().0.iter_mut().zip(b.as_chunks_mut::<SMALL>().0);
    let back = c.as_chunks_mut::<SMALL>().0.iter_mut().zip(d.as_chunks_mut::<SMALL>().0);
    for ((a, b), (c, d)) in front.zip(back) {
        for place in 0..SMALL {
            let (low, high) = (a[place] + b[place], a[place] - b[place]);
            let (far_low, far_high) = (c[place] + d[place], c[place] - d[place]);
            (a[place], b[place]) = (low + far_low, high + far_high);
            (c[place], d[place]) = (low - far_low, high - far_high);
        }
    }
}

#[inline(always)]
fn small(x: [f32; SMALL]) -> [f32; SMALL] {
    let [a, b, c, d, e, f, g, h] = x;
    let [a, b, c, d, e, f, g, h] = [a + b, a - b, c + d, c - d, e + f, e - f, g + h, g - h];
    let [a, b, c, d, e, f, g, h] = [a + c, b + d, a - c, b - d, e + g, f + h, e - g, f - h];
    [a + e, b + f, c + g, d + h, a - e, b - f, c - g, d - h]
}

/// Turns the signs of some of these elements, which begin at the place `64 · word` of their array. Which, says SplitMix64
/// (Steele et al. 2014) as a counter: bit i of its value for a word is for element i of 64.
pub(super) fn turn_signs(values: &mut [f32], word: u64, seed: u64) {
    let (eights, rest) = values.as_chunks_mut::<SMALL>();
    debug_assert!(rest.is_empty());
    for (word, eights) in (word..).zip(eights.chunks_mut(64 / SMALL)) {
        for (byte, values) in signs(word, seed).to_le_bytes().into_iter().zip(eights) {
            let turned = &TURNED[usize::from(byte)];
            for (value, turn) in values.iter_mut().zip(turned) {
                *value = f32::from_bits(value.to_bits() ^ turn);
            }
        }
    }
}

/// For each byte, the signs that its bits turn: one look-up for eight numbers.
static TURNED: [[u32; SMALL]; 256] = {
    let mut turned = [[0; SMALL]; 256];
    let mut byte = 0;
    while byte < 256 {
        let mut place = 0;
        while place < SMALL {
            turned[byte][place] = ((byte as u32 >> place) & 1) << 31;
            place += 1;
        }
        byte += 1;
    }
    turned
};

fn signs(word: u64, seed: u64) -> u64 {
    let mut z = seed.wrapping_add((word + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15));
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_transform_is_its_own_inverse_but_for_the_length() {
        for length in [8usize, 16, 64, 4096] {
            let start: Vec<f32> = (0..length).map(|place| (place * place % 97) as f32 - 48.0).collect();
            let mut values = start.clone();
            transform(&mut values);
            assert_eq!(values[0], start.iter().sum::<f32>());
            transform(&mut values);
            assert!(start.iter().zip(&values).all(|(start, value)| start * length as f32 == *value));
        }
    }

    #[test]
    fn about_half_of_the_signs_turn_and_others_with_another_seed() {
        let turned = |seed| {
            let mut values = vec![1f32; 4096];
            turn_signs(&mut values, 0, seed);
            values
        };
        let (one, two) = (turned(1), turned(2));
        let minus = one.iter().filter(|value| **value < 0.0).count();
        assert!(minus.abs_diff(2048) < 200, "{minus}");
        let same = one.iter().zip(&two).filter(|(one, two)| one == two).count();
        assert!(same.abs_diff(2048) < 200, "{same}");
        let mut later = vec![1f32; 64];
        turn_signs(&mut later, 63, 1);
        assert_eq!(later, one[63 * 64..]);
    }
}
