//! Which part of the real ones is called real, against magnitude.

use super::evaluation::{Completeness, CompletenessBin};
use super::intervals::{quantile, wilson};
use super::subject::{Labelled, Role, Subject, Values};

/// Magnitudes to a bin, and where the candidates span few of them.
const WIDTH: f64 = 0.5;
const NARROW: f64 = 0.2;
const FEW: f64 = 2.0;
/// Real candidates that a bin needs for the magnitude of half completeness.
const ENOUGH: u64 = 5;

/// `None` where no real candidate has a magnitude.
pub(super) fn completeness(data: &Labelled, subject: &Subject, level: f64) -> Option<Completeness> {
    let column = data
        .columns
        .iter()
        .find(|column| column.role == Role::Magnitude)?;
    let Values::Numbers(magnitudes) = &column.values else {
        return None;
    };
    let usable = |row: &usize| data.labels[*row] == 1 && column.is_usable(magnitudes[*row]);
    let rows: Vec<usize> = (0..magnitudes.len()).filter(usable).collect();
    let least = rows.iter().map(|&row| magnitudes[row]).reduce(f64::min)?;
    let most = rows.iter().map(|&row| magnitudes[row]).reduce(f64::max)?;
    let width = if most - least < FEW { NARROW } else { WIDTH };
    // Edges at whole numbers of widths, which is what an axis shows.
    let place = |magnitude: f64| (magnitude / width).floor() as i64;
    let first = place(least);
    let mut counts = vec![(0, 0); (place(most) - first + 1) as usize];
    for row in rows {
        let (real, found) = &mut counts[(place(magnitudes[row]) - first) as usize];
        *real += 1;
        *found += u64::from(subject.scores[row] >= subject.threshold);
    }
    let z = quantile(level);
    let bins: Vec<CompletenessBin> = (first..)
        .zip(counts)
        .map(|(at, (real, found))| {
            let [value_low, value_high] = wilson(found as f64, real as f64, z);
            CompletenessBin {
                low: at as f64 * width,
                high: (at + 1) as f64 * width,
                real,
                found,
                value: found as f64 / real as f64,
                value_low,
                value_high,
            }
        })
        .collect();
    let half = half(&bins);
    Some(Completeness { bins, half })
}

/// The faintest magnitude at which it falls through one half, from bin to bin on straight
/// lines between their middles; bins with fewer than five real ones say too little.
fn half(bins: &[CompletenessBin]) -> f64 {
    let enough: Vec<&CompletenessBin> = bins.iter().filter(|bin| bin.real >= ENOUGH).collect();
    let middle = |bin: &CompletenessBin| 0.5 * (bin.low + bin.high);
    for pair in enough.windows(2).rev() {
        let (bright, faint) = (pair[0], pair[1]);
        if bright.value >= 0.5 && faint.value < 0.5 {
            let part = (bright.value - 0.5) / (bright.value - faint.value);
            return middle(bright) + part * (middle(faint) - middle(bright));
        }
    }
    f64::NAN
}
