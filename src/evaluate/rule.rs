//! Which threshold to store in a model.

use std::fmt;
use std::str::FromStr;

use crate::judge::Options;
use crate::judge::evaluation::Judged;
use crate::{Error, Result};

/// A way to choose a threshold.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Rule {
    /// This one.
    Value(f64),
    /// The greatest sqrt(TPR (1 - FPR)) (O'TRAIN Eq. 4).
    GMean,
    /// The greatest F1.
    F1,
    /// The greatest F1 + MCC in steps of 0.01 (O'TRAIN Sect. 6.2).
    F1PlusMcc,
    /// As many real ones as this false positive rate allows.
    Fpr(f64),
    /// As few bogus ones as this missed detection rate allows.
    Mdr(f64),
}

impl FromStr for Rule {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let rate = |text: &str| text.parse().ok().filter(|v| (0.0..=1.0).contains(v));
        let rule = match text.to_ascii_lowercase().as_str() {
            "f1" => Some(Rule::F1),
            "f1+mcc" => Some(Rule::F1PlusMcc),
            "g-mean" | "gmean" => Some(Rule::GMean),
            text => match text.split_once('=') {
                Some(("fpr", text)) => rate(text).map(Rule::Fpr),
                Some(("mdr", text)) => rate(text).map(Rule::Mdr),
                Some(_) => None,
                None => rate(text).map(Rule::Value),
            },
        };
        rule.ok_or_else(|| {
            let expected = "a number from 0 to 1, f1, f1+mcc, g-mean, fpr=0.01 or mdr=0.05";
            Error::config("--set-threshold", format!("'{text}'"), expected)
        })
    }
}

impl fmt::Display for Rule {
    /// As an evaluation calls it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Rule::Value(value) => write!(f, "{value}"),
            Rule::GMean => f.write_str("g-mean"),
            Rule::F1 => f.write_str("F1"),
            Rule::F1PlusMcc => f.write_str("F1 + MCC"),
            Rule::Fpr(rate) => write!(f, "FPR {rate}"),
            Rule::Mdr(rate) => write!(f, "MDR {rate}"),
        }
    }
}

impl Rule {
    /// Asks an evaluation for what the rule needs.
    pub fn wanted(&self, options: &mut Options) {
        match *self {
            Rule::Fpr(rate) if !options.wanted_fpr.contains(&rate) => options.wanted_fpr.push(rate),
            Rule::Mdr(rate) if !options.wanted_mdr.contains(&rate) => options.wanted_mdr.push(rate),
            _ => {}
        }
    }

    /// What `judged` has as the rule's threshold.
    pub fn threshold(&self, judged: &Judged) -> Result<f64> {
        if let Rule::Value(value) = self {
            return Ok(*value);
        }
        let name = self.to_string();
        let chosen = judged.thresholds.iter().find(|chosen| chosen.rule == name);
        let threshold = chosen
            .map(|c| c.threshold)
            .filter(|t| (0.0..=1.0).contains(t));
        threshold.ok_or_else(|| {
            let found = format!("no threshold by {name} on these data");
            Error::config(
                "--set-threshold",
                found,
                "data with both classes, or a number",
            )
        })
    }
}
