//! The fast Fourier transform of a power of two of points (Cooley and Tukey 1965), enough for composing distributions.

use std::f64::consts::PI;

/// Real parts and imaginary parts apart.
pub(super) struct Complex {
    pub re: Vec<f64>,
    pub im: Vec<f64>,
}

impl Complex {
    pub fn zeros(size: usize) -> Self {
        Self { re: vec![0.0; size], im: vec![0.0; size] }
    }
}

/// Points whose transform stays in a core's cache: larger ones are put together from those.
const NEAR: usize = 1 << 14;

/// Transforms of one size.
pub(super) struct Transform {
    size: usize,
    /// For each level the cosines and sines that it needs, one behind the other: those of the level that joins halves of `half`
    /// points begin at `half`.
    cosines: Vec<f64>,
    sines: Vec<f64>,
}

impl Transform {
    /// `size` must be a power of two.
    pub fn new(size: usize) -> Self {
        assert!(size.is_power_of_two(), "{size} points are not a power of two");
        let angle = |place: usize| -2.0 * PI * place as f64 / size as f64;
        let by_level = |wave: fn(f64) -> f64| {
            let mut levels = vec![0.0; size];
            let top = size / 2;
            for place in 0..top {
                levels[top + place] = wave(angle(place));
            }
            for place in (1..top).rev() {
                levels[place] = levels[2 * place];
            }
            levels
        };
        Self { size, cosines: by_level(libm::cos), sines: by_level(libm::sin) }
    }

    /// How many points are transformed.
    pub fn size(&self) -> usize {
        self.size
    }

    /// Σⱼ xⱼ·exp(−2πi·jk/n), in place.
    pub fn forward(&self, x: &mut Complex) {
        let bits = self.size.trailing_zeros();
        for place in 0..self.size {
            let other = if bits == 0 { 0 } else { place.reverse_bits() >> (usize::BITS - bits) };
            if place < other {
                x.re.swap(place, other);
                x.im.swap(place, other);
            }
        }
        self.transform(&mut x.re, &mut x.im);
    }

    /// Transforms points in reversed order: what fits the cache level by level, more by halves.
    fn transform(&self, re: &mut [f64], im: &mut [f64]) {
        let size = re.len();
        if size <= NEAR {
            let mut half = 1;
            while half < size {
                let pairs = re.chunks_exact_mut(2 * half).zip(im.chunks_exact_mut(2 * half));
                pairs.for_each(|(re, im)| self.join(re, im));
                half *= 2;
            }
            return;
        }
        let (low_re, high_re) = re.split_at_mut(size / 2);
        let (low_im, high_im) = im.split_at_mut(size / 2);
        self.transform(low_re, low_im);
        self.transform(high_re, high_im);
        self.join(re, im);
    }

    /// The transform of points from the transforms of their halves.
    fn join(&self, re: &mut [f64], im: &mut [f64]) {
        let half = re.len() / 2;
        let (cosines, sines) = (&self.cosines[half..2 * half], &self.sines[half..2 * half]);
        let (low_re, high_re) = re.split_at_mut(half);
        let (low_im, high_im) = im.split_at_mut(half);
        let (low_im, high_re, high_im) = (&mut low_im[..half], &mut high_re[..half], &mut high_im[..half]);
        for (k, (c, s)) in cosines.iter().zip(sines).enumerate() {
            let re = high_re[k] * c - high_im[k] * s;
            let im = high_re[k] * s + high_im[k] * c;
            (high_re[k], high_im[k]) = (low_re[k] - re, low_im[k] - im);
            (low_re[k], low_im[k]) = (low_re[k] + re, low_im[k] + im);
        }
    }

    /// The inverse of [`forward`](Self::forward), in place.
    pub fn inverse(&self, x: &mut Complex) {
        // Swapping the parts before and after turns one transform into the other.
        std::mem::swap(&mut x.re, &mut x.im);
        self.forward(x);
        std::mem::swap(&mut x.re, &mut x.im);
        let scale = 1.0 / self.size as f64;
        x.re.iter_mut().chain(&mut x.im).for_each(|value| *value *= scale);
    }
}

/// The element-wise power by repeated squaring. `power` is at least 1.
pub(super) fn power(x: &mut Complex, power: u64) {
    for (re, im) in x.re.iter_mut().zip(&mut x.im) {
        let (mut base, mut result, mut left) = ((*re, *im), (1.0, 0.0), power);
        while left > 0 {
            if left & 1 == 1 {
                result = product(result, base);
            }
            base = product(base, base);
            left >>= 1;
        }
        (*re, *im) = result;
    }
}

fn product(a: (f64, f64), b: (f64, f64)) -> (f64, f64) {
    (a.0 * b.0 - a.1 * b.1, a.0 * b.1 + a.1 * b.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_and_back_again_changes_nothing() {
        for size in [1, 2, 8, 1024, 4 * NEAR] {
            let transform = Transform::new(size);
            let original: Vec<f64> = (0..size).map(|i| ((i * 37 % 11) as f64).sin()).collect();
            let mut x = Complex { re: original.clone(), im: vec![0.0; size] };
            transform.forward(&mut x);
            transform.inverse(&mut x);
            let error = x.re.iter().zip(&original).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
            assert!(error < 1e-14, "{size}: {error}");
        }
    }

    #[test]
    fn a_single_point_becomes_a_wave() {
        for size in [2, 64, 4 * NEAR] {
            let mut x = Complex::zeros(size);
            x.re[1] = 1.0;
            Transform::new(size).forward(&mut x);
            for place in 0..size {
                let angle = -2.0 * PI * place as f64 / size as f64;
                assert!(
                    (x.re[place] - angle.cos()).abs() < 1e-14 && (x.im[place] - angle.sin()).abs() < 1e-14
                );
            }
        }
    }

    #[test]
    fn a_power_of_the_transform_is_a_repeated_convolution() {
        // Three tosses of a coin that shows heads two times in three.
        let mut x = Complex::zeros(4);
        (x.re[0], x.re[1]) = (1.0 / 3.0, 2.0 / 3.0);
        let transform = Transform::new(4);
        transform.forward(&mut x);
        power(&mut x, 3);
        transform.inverse(&mut x);
        for (got, wanted) in x.re.iter().zip([1.0 / 27.0, 6.0 / 27.0, 12.0 / 27.0, 8.0 / 27.0]) {
            assert!((got - wanted).abs() < 1e-15);
        }
    }
}
