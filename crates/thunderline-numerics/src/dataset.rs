//! Labelled examples of numbers, and their CSV form: one example per line, the label last.

use std::{
    fmt::Write as _,
    io::{BufRead, Write},
};

use crate::{Error, Result, malformed, partition::by_label, random::Rng};

/// Examples with the same number of features each, and a class label.
#[derive(Clone, Debug, PartialEq)]
pub struct Dataset {
    columns: usize,
    features: Vec<f32>,
    labels: Vec<u32>,
}

impl Dataset {
    /// Reads CSV: features, then the label (a whole number, 0 to 65535) in the last column. A first line whose last field is
    /// not a number is taken for a header; empty lines are skipped. Features are multiplied by `scale`.
    ///
    /// # Errors
    /// `invalid` with the number of the line and column; `internal` where reading fails.
    pub fn read_csv(input: impl BufRead, scale: f32) -> Result<Self> {
        let mut data = Self { columns: 0, features: Vec::new(), labels: Vec::new() };
        let mut seen = 0;
        for (line, text) in input.lines().enumerate() {
            let text = text?;
            let text = text.trim().trim_start_matches('\u{feff}');
            if text.is_empty() {
                continue;
            }
            seen += 1;
            data.push_line(text, line + 1, scale, seen == 1)?;
        }
        if data.labels.is_empty() {
            return Err(malformed("CSV", "there is no example in it"));
        }
        Ok(data)
    }

    fn push_line(&mut self, text: &str, line: usize, scale: f32, may_be_header: bool) -> Result<()> {
        let refuse = |why: String| malformed("CSV", format!("line {line}: {why}"));
        let (features, label) = text
            .rsplit_once(',')
            .ok_or_else(|| refuse("at least one feature and a label are needed".into()))?;
        let label = label.trim();
        if may_be_header && label.parse::<f64>().is_err() {
            return Ok(());
        }
        let label = whole(label)
            .ok_or_else(|| refuse(format!("the label '{label}' is not a whole number from 0 to 65535")))?;
        let before = self.features.len();
        for (column, field) in features.split(',').enumerate() {
            let field = field.trim();
            let value = field.parse::<f32>().ok().filter(|value| value.is_finite());
            let value =
                value.ok_or_else(|| refuse(format!("column {}: '{field}' is not a number", column + 1)))?;
            self.features.push(value * scale);
        }
        let columns = self.features.len() - before;
        if self.columns == 0 {
            self.columns = columns;
        }
        if columns != self.columns {
            return Err(refuse(format!("{columns} features, where the lines above have {}", self.columns)));
        }
        self.labels.push(label);
        Ok(())
    }

    /// Writes CSV without a header, in digits that give the same numbers when they are read again.
    ///
    /// # Errors
    /// `internal` where writing fails.
    pub fn write_csv(&self, out: &mut impl Write) -> Result<()> {
        let mut line = String::new();
        for example in 0..self.len() {
            line.clear();
            for value in self.row(example) {
                write!(line, "{value},").expect("a string takes everything");
            }
            writeln!(out, "{line}{}", self.labels[example])?;
        }
        Ok(())
    }

    /// How many examples.
    #[must_use]
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Whether there is no example.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// Features per example.
    #[must_use]
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// The labels, in order.
    #[must_use]
    pub fn labels(&self) -> &[u32] {
        &self.labels
    }

    /// One more than the largest label.
    #[must_use]
    pub fn classes(&self) -> usize {
        self.labels.iter().max().map_or(0, |&largest| largest as usize + 1)
    }

    /// The features of one example. Panics where there is none at this place.
    #[must_use]
    pub fn row(&self, example: usize) -> &[f32] {
        &self.features[example * self.columns..][..self.columns]
    }

    /// The examples at these places, in this order. Panics where there is none.
    #[must_use]
    pub fn subset(&self, places: &[usize]) -> Self {
        Self {
            columns: self.columns,
            features: places.iter().flat_map(|&place| self.row(place)).copied().collect(),
            labels: places.iter().map(|&place| self.labels[place]).collect(),
        }
    }

    /// Splits into training and test examples so that every label has the same share in both. `test_share` is between 0
    /// and 1; both parts keep the order of the whole.
    ///
    /// # Errors
    /// `invalid` where the share is not between 0 and 1.
    pub fn split(&self, test_share: f64, rng: &mut Rng) -> Result<(Self, Self)> {
        if !(0.0..=1.0).contains(&test_share) {
            return Err(Error::invalid_value("test_share", format!("{test_share} is not a share"), "0 to 1"));
        }
        let (mut train, mut test) = (Vec::new(), Vec::new());
        for mut examples in by_label(&self.labels) {
            rng.shuffle(&mut examples);
            let held_out = (examples.len() as f64 * test_share).round() as usize;
            test.extend_from_slice(&examples[..held_out]);
            train.extend_from_slice(&examples[held_out..]);
        }
        train.sort_unstable();
        test.sort_unstable();
        Ok((self.subset(&train), self.subset(&test)))
    }
}

/// `7` and `7.0`, as spreadsheets write whole numbers.
fn whole(text: &str) -> Option<u32> {
    text.strip_suffix(".0").unwrap_or(text).parse().ok().filter(|&label| label <= u32::from(u16::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_is_skipped_and_features_are_scaled() {
        let data = Dataset::read_csv("a,b,label\n8, 16 ,1\n\n0,4,0.0\r\n".as_bytes(), 1.0 / 16.0).unwrap();
        assert_eq!((data.len(), data.columns(), data.classes()), (2, 2, 2));
        assert_eq!(data.row(0), [0.5, 1.0]);
        assert_eq!(data.labels(), [1, 0]);
    }

    #[test]
    fn errors_name_the_line_and_the_column() {
        let cases = [
            ("1,2,0\n1,x,0\n", "line 2: column 2: 'x'"),
            ("1,2,0\n\n1,0\n", "line 3: 1 features, where the lines above have 2"),
            ("1,2,0\n1,2,-1\n", "line 2: the label '-1'"),
            ("1,2,0.5\n", "line 1: the label '0.5'"),
            ("1,NaN,0\n", "line 1: column 2"),
            ("7\n", "line 1: at least one feature"),
            ("a,b\n", "no example"),
        ];
        for (text, why) in cases {
            let error = Dataset::read_csv(text.as_bytes(), 1.0).unwrap_err();
            assert!(error.to_string().contains(why), "{text}: {error}");
        }
    }

    #[test]
    fn what_is_written_is_read_back_exactly() {
        let data = Dataset::read_csv("0.1,3e-7,-5,2\n1,16777216,0.33333334,0\n".as_bytes(), 1.0).unwrap();
        let mut text = Vec::new();
        data.write_csv(&mut text).unwrap();
        assert_eq!(Dataset::read_csv(text.as_slice(), 1.0).unwrap(), data);
    }

    #[test]
    fn a_split_keeps_the_shares_of_the_labels() {
        let text: String = (0..100).map(|place| format!("{place},{}\n", u8::from(place % 5 == 0))).collect();
        let data = Dataset::read_csv(text.as_bytes(), 1.0).unwrap();
        let (train, test) = data.split(0.2, &mut Rng::derive(1, &[])).unwrap();
        assert_eq!((train.len(), test.len()), (80, 20));
        assert_eq!(test.labels().iter().sum::<u32>(), 4);
        assert_eq!(data.split(0.2, &mut Rng::derive(1, &[])).unwrap().1, test);
        assert!(data.split(1.5, &mut Rng::derive(1, &[])).is_err());
    }
}
