//! Curves with as few points as a drawing needs.

use super::confusion::Confusion;
use super::evaluation::Point;
use super::metrics::Scored;

/// What two points may differ by at first, as a part of a figure's side: half of a pixel in
/// a figure of 500.
const FINE: f64 = 0.001;
/// By how much more, where there are still too many.
const COARSER: f64 = 1.3;
/// Decades that a logarithmic axis shows on one side of a figure.
const DECADES: f64 = 5.0;

/// Where a point lies on every axis that a curve is drawn against, as a part of its length:
/// TPR, FPR and MDR, linear and logarithmic, precision, threshold.
fn on_axes(threshold: f64, at: &Confusion) -> [f64; 6] {
    let positives = (at.tp + at.fn_).max(1) as f64;
    let negatives = (at.fp + at.tn).max(1) as f64;
    // No rate is lower than one in all, but for 0: below it by a step as from 1 to 2.
    let logarithm = |count: u64| (count as f64).max(0.5).log10() / DECADES;
    [
        at.tp as f64 / positives,
        at.fp as f64 / negatives,
        logarithm(at.fp),
        logarithm(at.fn_),
        at.precision(),
        threshold,
    ]
}

/// The points by falling threshold, at most `most` (at least 3) or little more: the first, at
/// infinity, the last, and on every axis each point from which on the curve would be seen to
/// move, with the one before it, so that steps keep their corners.
pub(super) fn thinned(sorted: &Scored, most: usize) -> Vec<Point> {
    let all = std::iter::once((f64::INFINITY, sorted.first(0))).chain(sorted.thresholds());
    let all: Vec<Point> = all
        .map(|(threshold, confusion)| Point {
            threshold,
            confusion,
        })
        .collect();
    if all.len() <= most {
        return all;
    }
    let top = sorted.scores()[0];
    let places: Vec<[f64; 6]> = all
        .iter()
        .map(|point| on_axes(point.threshold.min(top), &point.confusion))
        .collect();
    let mut fine = FINE;
    loop {
        let kept = kept(&places, fine);
        if kept.len() <= most || fine > 1.0 {
            return kept.into_iter().map(|i| all[i]).collect();
        }
        fine *= COARSER;
    }
}

fn kept(places: &[[f64; 6]], fine: f64) -> Vec<usize> {
    let last = places.len() - 1;
    let mut kept = vec![0];
    let mut from = 0;
    for at in 1..=last {
        let moved = |axis: usize| (places[at][axis] - places[from][axis]).abs() > fine;
        if (0..6).any(moved) || at == last {
            if at - 1 > from {
                kept.push(at - 1);
            }
            kept.push(at);
            from = at;
        }
    }
    kept
}
