//! Thresholds, chosen by rules, and which of them a model may have.

use super::confusion::{Confusion, Cut};
use super::evaluation::Chosen;
use super::metrics::{Best, Scored};
use super::subject::Options;

/// By g-mean, F1, F1 + MCC (O'TRAIN Sect. 6.2), then for each wanted FPR and MDR. A rule that
/// needs a class that is not there is left out.
pub(super) fn thresholds(sorted: &Scored, options: &Options) -> Vec<Chosen> {
    // Of one class alone F1 is best where all are called real, which is no choice.
    let both = sorted.positives() > 0 && sorted.negatives() > 0;
    let best = [
        ("g-mean", sorted.best_gmean()),
        ("F1", sorted.best_f1().filter(|_| both)),
        (
            "F1 + MCC",
            sorted.best_f1_plus_mcc(Cut::AtLeast).filter(|_| both),
        ),
    ];
    let by_rule = |(rule, best): (&str, Option<Best>)| {
        best.map(|best| Chosen {
            rule: rule.into(),
            threshold: best.threshold,
            value: best.value,
            confusion: best.confusion,
        })
    };
    let mut chosen: Vec<Chosen> = best.into_iter().filter_map(by_rule).collect();
    for &wanted in &options.wanted_fpr {
        chosen.extend(for_fpr(sorted, wanted));
    }
    for &wanted in &options.wanted_mdr {
        chosen.extend(for_mdr(sorted, wanted));
    }
    chosen
}

/// Every threshold by falling score, the first at infinity.
fn all(sorted: &Scored) -> impl Iterator<Item = (f64, Confusion)> + '_ {
    std::iter::once((f64::INFINITY, sorted.first(0))).chain(sorted.thresholds())
}

/// The lowest threshold whose FPR is not above `wanted`: it finds the most real ones.
fn for_fpr(sorted: &Scored, wanted: f64) -> Option<Chosen> {
    let within = |(_, confusion): &(f64, Confusion)| confusion.fpr() <= wanted;
    let (threshold, confusion) = all(sorted).take_while(within).last()?;
    (sorted.negatives() > 0).then(|| Chosen {
        rule: format!("FPR {wanted}"),
        threshold,
        value: confusion.fpr(),
        confusion,
    })
}

/// The highest threshold whose MDR is not above `wanted`: it lets the fewest bogus ones in.
fn for_mdr(sorted: &Scored, wanted: f64) -> Option<Chosen> {
    let (threshold, confusion) = all(sorted).find(|(_, confusion)| confusion.mdr() <= wanted)?;
    (sorted.positives() > 0).then(|| Chosen {
        rule: format!("MDR {wanted}"),
        threshold,
        value: confusion.mdr(),
        confusion,
    })
}

/// The threshold of a model for which no rule finds one.
pub const NEUTRAL: f64 = 0.5;

/// The decision threshold that a model gets.
#[derive(Clone, Debug, PartialEq)]
pub struct DecisionThreshold {
    /// Real from this score on.
    pub value: f64,
    /// Why it is not what the rule chose.
    pub notice: Option<String>,
}

impl DecisionThreshold {
    /// `chosen` by `rule` on the candidates `scored`; 0.5 where it calls all of them real, or
    /// all bogus: such a threshold decides nothing, however good it looks by its rule.
    pub fn by(rule: &str, chosen: Option<f64>, scored: &Scored) -> DecisionThreshold {
        let used = |value| DecisionThreshold {
            value,
            notice: None,
        };
        let Some(threshold) = chosen else {
            return used(NEUTRAL);
        };
        let at = scored.confusion(threshold, Cut::AtLeast);
        let alike = match (at.tp + at.fp, at.tn + at.fn_) {
            (_, 0) => "real",
            (0, _) => "bogus",
            _ => return used(threshold),
        };
        let which = match threshold.is_finite() {
            true => format!("the threshold {threshold:.4} by {rule}"),
            false => format!("the threshold by {rule}"),
        };
        DecisionThreshold {
            value: NEUTRAL,
            notice: Some(format!(
                "{which} calls everything {alike} on the {} candidates that chose it, so it is not \
                 used: the decision threshold is {NEUTRAL}",
                scored.len()
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_threshold_that_calls_everything_real_or_everything_bogus_is_none() {
        let scored = Scored::new(&[1, 0, 0, 0], &[0.1, 0.2, 0.3, 0.3]).unwrap();
        for (chosen, called) in [(0.0, "real"), (0.31, "bogus"), (f64::INFINITY, "bogus")] {
            let decision = DecisionThreshold::by("F1", Some(chosen), &scored);
            assert_eq!(decision.value, 0.5);
            let notice = decision.notice.unwrap();
            assert!(notice.contains(&format!("everything {called} on the 4 candidates")));
        }
        let decision = DecisionThreshold::by("F1", Some(0.2), &scored);
        assert_eq!((decision.value, decision.notice), (0.2, None));
        assert_eq!(DecisionThreshold::by("F1", None, &scored).value, 0.5);
    }
}
