//! A curve in one line of text.

const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// Draws the values between their smallest and largest, in at most `width` characters; longer series are averaged.
#[must_use]
pub fn sparkline(values: &[f64], width: usize) -> String {
    let finite: Vec<f64> = values.iter().copied().filter(|value| value.is_finite()).collect();
    if finite.is_empty() || width == 0 {
        return String::new();
    }
    let columns = finite.len().min(width);
    let column = |place: usize| {
        let (start, end) = (place * finite.len() / columns, (place + 1) * finite.len() / columns);
        finite[start..end].iter().sum::<f64>() / (end - start) as f64
    };
    let means: Vec<f64> = (0..columns).map(column).collect();
    let low = means.iter().copied().fold(f64::INFINITY, f64::min);
    let high = means.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let bar = |value: &f64| {
        let share = if high > low { (value - low) / (high - low) } else { 0.5 };
        BARS[((share * 7.0).round() as usize).min(7)]
    };
    means.iter().map(bar).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_smallest_and_the_largest_value_are_seen_as_such() {
        assert_eq!(sparkline(&[0.0, 1.0, 0.5], 10), "▁█▅");
        assert_eq!(sparkline(&[3.0, 3.0], 10), "▅▅");
        assert_eq!(sparkline(&[], 10), "");
        assert_eq!(sparkline(&[f64::NAN], 10), "");
    }

    #[test]
    fn a_long_series_fits_its_width() {
        let rising: Vec<f64> = (0..1000).map(f64::from).collect();
        let drawn = sparkline(&rising, 8);
        assert_eq!(drawn, "▁▂▃▄▅▆▇█");
    }
}
