//! Thresholds, chosen by rules.

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
