//! What the paper says of the sizes of training sets and of cutouts.

use super::{Of, first, made, of_all};
use crate::report::{Claim, Holds};
use crate::reproduce::otrain::Done;
use crate::reproduce::otrain::cube::{Cube, LARGEST};
use crate::reproduce::otrain::trained::{EPOCH, OfSize};
use crate::reproduce::words::{count, list, range, signed, three};
use crate::study::Record;

/// Candidates of a training set from which the paper's networks fit (Sect. 7.2).
const ENOUGH: usize = 5000;
/// |ΔAcc| beyond which a network over- or underfits.
const FITTING: f64 = 0.02;

fn trainings<'a>(all: &[Of<'a>]) -> Vec<(&'a Cube, &'a OfSize)> {
    let of = |(cube, trained): &Of<'a>| {
        let (cube, trained) = (*cube, *trained);
        trained.by_size.iter().map(move |of| (cube, of))
    };
    all.iter()
        .flat_map(of)
        .filter(|(_, of)| of.delta().is_finite())
        .collect()
}

/// Yes: every training on 5000 candidates or more is within the lines.
pub(super) fn fits(all: &[Of]) -> Claim {
    let large: Vec<_> = trainings(all)
        .into_iter()
        .filter(|(_, of)| of.size >= ENOUGH)
        .collect();
    let off: Vec<_> = large
        .iter()
        .filter(|(_, of)| of.delta().abs() > FITTING)
        .collect();
    let words: Vec<String> = off
        .iter()
        .map(|(cube, of)| {
            format!(
                "{} with {} ({})",
                cube.name,
                count(of.size),
                signed(of.delta())
            )
        })
        .collect();
    let most = trainings(all)
        .iter()
        .map(|(_, of)| of.size)
        .max()
        .unwrap_or(0);
    Claim {
        ours: match large.is_empty() {
            true => format!("at most {} candidates", count(most)),
            false => format!("{} of {}", large.len() - off.len(), large.len()),
        },
        holds: of_all(large.len() - off.len(), large.len()),
        remark: match (large.is_empty(), off.is_empty()) {
            (true, _) => "No training part of this run has 5000 candidates.".into(),
            (false, true) => format!("Trainings with |ΔAcc| ≤ 0.02 in epoch {EPOCH} or the last."),
            (false, false) => format!("Outside: {}.", list(&words)),
        },
        ..made(
            "Sect. 7.2, Fig. 11",
            "From 5000 candidates on there is no over- or underfitting (ΔAcc ~ 0).",
            Some("|ΔAcc| ≤ 2 %"),
        )
    }
}

/// Yes: four in five trainings on fewer than 5000 candidates are outside of the lines.
pub(super) fn fits_not(all: &[Of]) -> Claim {
    let small: Vec<_> = trainings(all)
        .into_iter()
        .filter(|(_, of)| of.size < ENOUGH)
        .collect();
    let off = small
        .iter()
        .filter(|(_, of)| of.delta().abs() > FITTING)
        .count();
    Claim {
        ours: format!("{off} of {} outside", small.len()),
        holds: match small.len() {
            0 => Holds::Unknown,
            n if 5 * off >= 4 * n => Holds::Yes,
            _ if off > 0 => Holds::Partly,
            _ => Holds::No,
        },
        remark: format!(
            "ΔAcc from {}. With a small validation part ΔAcc has an error of its own: 0.013 for \
             300 candidates at an accuracy of 0.95.",
            range(small.iter().map(|(_, of)| of.delta()), signed)
        ),
        ..made(
            "Sect. 7.2, Fig. 11",
            "With fewer than 5000 candidates over- or underfitting is unavoidable.",
            Some("|ΔAcc| > 2 %"),
        )
    }
}

/// Yes: MCC with 5000 candidates or more is within 0.02 of that with all.
pub(super) fn converges(all: &[Of]) -> Claim {
    let (cube, trained) = first(all);
    let mcc = |of: &OfSize| of.record.reported().map_or(f64::NAN, |m| m.mcc);
    let last = trained.by_size.last().expect("the whole");
    let large: Vec<&OfSize> = trained
        .by_size
        .iter()
        .filter(|of| of.size >= ENOUGH)
        .collect();
    let near = large
        .iter()
        .filter(|of| (mcc(of) - mcc(last)).abs() <= 0.02)
        .count();
    let each: Vec<String> = trained
        .by_size
        .iter()
        .map(|of| format!("{} with {}", three(mcc(of)), count(of.size)))
        .collect();
    Claim {
        ours: format!("MCC {} with {}", three(mcc(last)), count(last.size)),
        holds: of_all(near, large.len()),
        remark: format!("MCC is {}.", list(&each)),
        ..made(
            "Sect. 7.2, Fig. 11",
            format!(
                "{}: accuracy, F1 and MCC have converged with 5000 cutouts.",
                cube.name
            ),
            None,
        )
    }
}

/// Up to 48 pixels, yes: MCC is within 0.05 of the best. Above, yes: every MCC is below 0.2, which
/// is random.
pub(super) fn cutouts(done: &Done) -> Vec<Claim> {
    let Some(cutouts) = &done.cutouts else {
        return Vec::new();
    };
    let known = |of: &[(usize, Record)]| -> Vec<(usize, f64)> {
        let each = of.iter();
        let each = each.filter_map(|(size, record)| Some((*size, record.reported()?.mcc)));
        each.filter(|(_, mcc)| mcc.is_finite()).collect()
    };
    let counts = known(&cutouts.unscaled);
    let known = known(&cutouts.by_size);
    let best = known.iter().map(|k| k.1).fold(f64::NEG_INFINITY, f64::max);
    let (small, large): (Vec<_>, Vec<_>) = known.iter().partition(|(size, _)| *size <= LARGEST);
    let words = |of: &[(usize, f64)]| {
        let each = of
            .iter()
            .map(|(size, mcc)| format!("{} at {size}", three(*mcc)));
        list(&each.collect::<Vec<_>>())
    };
    let good = small.iter().filter(|(_, mcc)| *mcc >= best - 0.05).count();
    // The paper's networks see counts as they are: where there are such trainings they decide.
    let counts_large: Vec<_> = counts
        .iter()
        .filter(|(size, _)| *size > LARGEST)
        .copied()
        .collect();
    let decide = match counts_large.is_empty() {
        true => &large,
        false => &counts_large,
    };
    let random = decide.iter().filter(|(_, mcc)| *mcc < 0.2).count();
    let said = |what: &str| format!("{}: {what}", cutouts.cube);
    vec![
        Claim {
            ours: format!("MCC {}", range(small.iter().map(|s| s.1), three)),
            holds: of_all(good, small.len()),
            remark: format!("MCC {}.", words(&small)),
            ..made(
                "Sect. 8.1, Fig. 12",
                said("cutouts of up to 48 pixels classify well."),
                None,
            )
        },
        Claim {
            ours: match large.is_empty() {
                true => "no larger cutouts".into(),
                // Those that decide.
                false => format!("MCC {}", range(decide.iter().map(|s| s.1), three)),
            },
            holds: of_all(random, decide.len()),
            remark: match (large.is_empty(), counts.is_empty()) {
                (true, _) => String::new(),
                (false, true) => format!(
                    "MCC {}. Here each cutout is scaled to mean 0 and deviation 1 before it goes \
                     in, which the paper does not say it does; the full run tries counts as they \
                     are as well.",
                    words(&large)
                ),
                (false, false) => format!(
                    "MCC {} on cutouts scaled to mean 0 and deviation 1. On counts as they are, nearer \
                     to the paper, whose text has no scaling, and what decides here: {}.",
                    words(&large),
                    words(&counts)
                ),
            },
            ..made(
                "Sect. 8.1, Fig. 12",
                said("above 48 pixels the model behaves randomly."),
                Some("48"),
            )
        },
    ]
}
