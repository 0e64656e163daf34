//! Counts by class in bins.

use super::evaluation::{Distribution, Histogram};
use super::subject::{Column, Labelled, Role, Values};

/// Bins of a distribution, at most.
const MOST: f64 = 40.0;
/// A distribution leaves the outermost hundredth out where it spreads this many times wider
/// than the rest.
const FAR: f64 = 5.0;

/// `bins` bins equal in width from `low` to `high`; what lies outside, or is NaN, is not counted.
pub fn equal(labels: &[u8], values: &[f64], low: f64, high: f64, bins: usize) -> Histogram {
    let width = (high - low) / bins as f64;
    let inner = (0..bins).map(|i| low + width * i as f64);
    let edges: Vec<f64> = inner.chain([high]).collect();
    let mut histogram = Histogram {
        real: vec![0; bins],
        bogus: vec![0; bins],
        edges,
    };
    for (&label, &value) in labels.iter().zip(values) {
        if let Some(bin) = bin_of(&histogram.edges, value) {
            match label {
                1 => histogram.real[bin] += 1,
                _ => histogram.bogus[bin] += 1,
            }
        }
    }
    histogram
}

/// The bin of `value`: one on an inner edge is in the bin above; the last bin has its upper
/// end. The bins are about equal in width.
pub(super) fn bin_of(edges: &[f64], value: f64) -> Option<usize> {
    let bins = edges.len() - 1;
    let (low, high) = (edges[0], edges[bins]);
    if !(value >= low && value <= high) {
        return None;
    }
    // A first guess, then as the edges have it.
    let mut bin = ((value - low) / (high - low) * bins as f64) as usize;
    bin = bin.min(bins - 1);
    while value < edges[bin] {
        bin -= 1;
    }
    while bin + 1 < bins && value >= edges[bin + 1] {
        bin += 1;
    }
    Some(bin)
}

/// 1, 2 or 5 times a power of ten: the least that is at least `at_least`.
fn round_width(at_least: f64) -> f64 {
    let power = 10f64.powf(at_least.log10().floor());
    let widths = [1.0, 2.0, 5.0, 10.0].map(|factor| factor * power);
    let fits = |width: &f64| *width >= at_least * (1.0 - 1e-9);
    widths.into_iter().find(fits).unwrap_or(widths[3])
}

/// How each numeric column is spread, magnitudes first, then their errors.
pub(super) fn distributions(data: &Labelled) -> Vec<Distribution> {
    let mut columns: Vec<&Column> = data.columns.iter().collect();
    columns.sort_by_key(|column| match column.role {
        Role::Magnitude => 0,
        Role::MagnitudeError => 1,
        Role::Other => 2,
    });
    let all = columns.into_iter();
    all.filter_map(|column| distribution(data.labels, column))
        .collect()
}

fn distribution(labels: &[u8], column: &Column) -> Option<Distribution> {
    let Values::Numbers(values) = &column.values else {
        return None;
    };
    let mut usable: Vec<f64> = values
        .iter()
        .copied()
        .filter(|&v| column.is_usable(v))
        .collect();
    if usable.is_empty() {
        return None;
    }
    let last = usable.len() - 1;
    let mut at = |part: f64| {
        let place = (part * last as f64).round() as usize;
        *usable.select_nth_unstable_by(place, f64::total_cmp).1
    };
    let (mut low, mut high) = (at(0.0), at(1.0));
    let (inner_low, inner_high) = (at(0.005), at(0.995));
    if inner_high > inner_low && high - low > FAR * (inner_high - inner_low) {
        (low, high) = (inner_low, inner_high);
    }
    // Less apart than rounding is one value.
    let apart = 1e-9 * low.abs().max(high.abs()) + 1e-290;
    let (low, high, bins) = if high - low > apart {
        let width = round_width((high - low) / MOST);
        let (first, end) = ((low / width).floor(), (high / width).floor() + 1.0);
        (first * width, end * width, (end - first) as usize)
    } else {
        let half = (0.5f64).max(low.abs() * 1e-3);
        (low - half, low + half, 1)
    };
    let histogram = equal(labels, values, low, high, bins);
    let counted: u64 = histogram.real.iter().chain(&histogram.bogus).sum();
    Some(Distribution {
        column: column.name.clone(),
        unit: column.unit.clone(),
        histogram,
        unknown: values.len() as u64 - counted,
    })
}
