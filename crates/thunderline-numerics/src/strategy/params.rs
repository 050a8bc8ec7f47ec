//! A strategy's parameters: names, defaults and what is allowed, in one place for specs, errors and documentation.

use crate::{Error, Result};

/// What a parameter may be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Allowed {
    /// 0 or more.
    NotNegative,
    /// Above 0.
    Positive,
    /// 0 or more and below 1.
    Decay,
    /// 0 or more and below 0.5.
    Trim,
    /// A whole number in this range.
    Whole(u32, u32),
    /// True or false; its value is 1 or 0.
    Flag,
}

impl Allowed {
    /// Whether the value may be used.
    #[must_use]
    pub fn fits(self, value: f64) -> bool {
        value.is_finite()
            && match self {
                Self::NotNegative => value >= 0.0,
                Self::Positive => value > 0.0,
                Self::Decay => (0.0..1.0).contains(&value),
                Self::Trim => (0.0..0.5).contains(&value),
                Self::Whole(least, most) => {
                    value.fract() == 0.0 && (f64::from(least)..=f64::from(most)).contains(&value)
                }
                Self::Flag => value == 0.0 || value == 1.0,
            }
    }

    /// The same in words, for errors.
    #[must_use]
    pub fn words(self) -> String {
        match self {
            Self::NotNegative => "0 or more".into(),
            Self::Positive => "above 0".into(),
            Self::Decay => "0 or more and below 1".into(),
            Self::Trim => "0 or more and below 0.5".into(),
            Self::Whole(least, most) => format!("a whole number from {least} to {most}"),
            Self::Flag => "true or false".into(),
        }
    }
}

/// One parameter.
#[derive(Debug)]
pub struct Param {
    /// Its key in specs; Flower's name where Flower has it.
    pub name: &'static str,
    /// What it is where a spec says nothing; none where it must be said.
    pub default: Option<f64>,
    /// What it may be.
    pub allowed: Allowed,
}

impl Param {
    /// A parameter that may be left out.
    #[must_use]
    pub const fn new(name: &'static str, default: f64, allowed: Allowed) -> Self {
        Self { name, default: Some(default), allowed }
    }

    /// A parameter that must be given.
    #[must_use]
    pub const fn required(name: &'static str, allowed: Allowed) -> Self {
        Self { name, default: None, allowed }
    }
}

/// Parameters with their values, each checked.
pub struct Values<'a> {
    params: &'static [Param],
    values: &'a [f64],
}

impl<'a> Values<'a> {
    /// These values, in the order of the parameters.
    ///
    /// # Errors
    /// `invalid` where their number is another, or one is out of its range.
    pub fn new(params: &'static [Param], values: &'a [f64]) -> Result<Self> {
        if params.len() != values.len() {
            let reason = format!("{} values for {} parameters", values.len(), params.len());
            return Err(Error::invalid_value("params", reason, params.len().to_string()));
        }
        for (param, &value) in params.iter().zip(values) {
            if !param.allowed.fits(value) {
                let path = format!("params.{}", param.name);
                return Err(Error::invalid_value(
                    path,
                    format!("{value} is out of range"),
                    param.allowed.words(),
                ));
            }
        }
        Ok(Self { params, values })
    }

    /// The value of this name, which must be among the strategy's own parameters.
    #[must_use]
    pub fn get(&self, name: &str) -> f64 {
        let place = self.params.iter().position(|param| param.name == name);
        self.values[place.expect("a strategy reads its own parameters")]
    }

    /// A whole number.
    #[must_use]
    pub fn count(&self, name: &str) -> usize {
        self.get(name) as usize
    }
}
