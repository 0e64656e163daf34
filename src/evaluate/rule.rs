//! Which threshold to store in a model.

use std::fmt;
use std::str::FromStr;

use serde::Serialize;

use crate::judge::evaluation::Judged;
use crate::judge::intervals::{quantile, wilson};
use crate::judge::{Cut, DecisionThreshold, Options, Scored};
use crate::{Error, Result};

/// How sure an interval is.
const LEVEL: f64 = 0.95;

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
        // 1 is every candidate; whoever means 1% writes 0.01.
        let below_all = |text: &str| rate(text).filter(|v| *v < 1.0);
        let rule = match text.to_ascii_lowercase().as_str() {
            "f1" => Some(Rule::F1),
            "f1+mcc" => Some(Rule::F1PlusMcc),
            "g-mean" | "gmean" => Some(Rule::GMean),
            text => match text.split_once('=') {
                Some(("fpr", text)) => below_all(text).map(Rule::Fpr),
                Some(("mdr", text)) => below_all(text).map(Rule::Mdr),
                Some(_) => None,
                None => rate(text).map(Rule::Value),
            },
        };
        rule.ok_or_else(|| {
            let expected = "a number from 0 to 1, f1, f1+mcc, g-mean, or a rate below 1: fpr=0.01 for 1%, mdr=0.05";
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

    /// The threshold that the rule gives on the candidates `scored`, of which `judged` is the
    /// evaluation, and what it does there. An error where the rule needs a class that is not
    /// there.
    pub fn set(&self, judged: &Judged, scored: &Scored) -> Result<Set> {
        let decision = match self {
            // Chosen elsewhere, and perhaps for other candidates.
            Rule::Value(value) => DecisionThreshold {
                value: *value,
                notice: None,
            },
            _ => {
                let name = self.to_string();
                let chosen = judged.thresholds.iter().find(|chosen| chosen.rule == name);
                let chosen = chosen.ok_or_else(|| {
                    let found = format!("no threshold by {name} on these data");
                    let expected = "data with both classes, or a number";
                    Error::config("--set-threshold", found, expected)
                })?;
                DecisionThreshold::by(&name, Some(chosen.threshold), scored)
            }
        };
        let at = scored.confusion(decision.value, Cut::AtLeast);
        let (real, bogus) = (scored.positives(), scored.negatives());
        let mut notices: Vec<String> = decision.notice.into_iter().collect();
        notices.extend(match *self {
            Rule::Fpr(rate) => too_few(self, rate, bogus, "bogus"),
            Rule::Mdr(rate) => too_few(self, rate, real, "real"),
            _ => None,
        });
        Ok(Set {
            threshold: decision.value,
            real,
            bogus,
            fpr: Rate::of(at.fp, bogus),
            mdr: Rate::of(at.fn_, real),
            notices,
        })
    }
}

/// Says where a rate cannot be shown: of 3 / rate candidates none may be wrong, and the upper end
/// of a 95% interval is then the rate (the rule of three).
fn too_few(rule: &Rule, rate: f64, count: u64, class: &str) -> Option<String> {
    // 3 / 0.01 may be a hair above 300.
    let needed = (3.0 / rate - 1e-9).ceil();
    (needed > count as f64).then(|| match needed.is_finite() {
        true => format!(
            "{count} {class} candidates are too few for {rule}: it takes at least {needed} (3 / {rate})"
        ),
        false => format!("{rule} on {count} {class} candidates says little of others: no number shows it"),
    })
}

/// A threshold that was set, and what it does on the candidates that chose it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Set {
    /// Real from this score on.
    pub threshold: f64,
    /// Candidates labelled real.
    pub real: u64,
    /// Candidates labelled bogus.
    pub bogus: u64,
    /// False positive rate.
    pub fpr: Rate,
    /// Missed detection rate.
    pub mdr: Rate,
    /// What a user should know: that the rule's own threshold is not used, that there are too few
    /// candidates for it.
    pub notices: Vec<String>,
}

/// A part of a whole with its 95% interval (Wilson); NaN where there is no whole.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Rate {
    /// The part.
    pub value: f64,
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

impl Rate {
    fn of(part: u64, whole: u64) -> Rate {
        let (part, whole) = (part as f64, whole as f64);
        let [low, high] = wilson(part, whole, quantile(LEVEL));
        Rate {
            value: part / whole,
            low,
            high,
        }
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.value.is_nan() {
            true => f.write_str("unknown"),
            false => write!(
                f,
                "{:.4} (95% interval {:.4}\u{2013}{:.4})",
                self.value, self.low, self.high
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_that_the_candidates_are_too_few_to_show_is_said() {
        let said = |rule: &Rule, rate, count| too_few(rule, rate, count, "bogus");
        assert_eq!(said(&Rule::Fpr(0.01), 0.01, 300), None);
        let text = said(&Rule::Fpr(0.01), 0.01, 299).unwrap();
        assert!(
            text.starts_with(
                "299 bogus candidates are too few for FPR 0.01: it takes at least 300"
            )
        );
        assert!(said(&Rule::Mdr(0.0), 0.0, 1_000_000).is_some());
    }
}
