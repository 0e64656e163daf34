//! Sources that were put into images, and those of them that a pipeline found (O'TRAIN Fig. 4).

use super::axes::{Axis, Item, Panel};
use super::histograms::stairs;
use super::key::Entry;
use super::{Figure, WIDE, look, picture};
use crate::{Error, Result};

/// Width of a bin, in magnitudes.
const BIN: f64 = 0.5;
/// More bins than this are none that one can see.
const MOST: f64 = 200.0;

/// `sources` as their magnitude and whether they were found, counted in bins of half a magnitude.
/// An error where there is none with a magnitude, or where they are hundreds of magnitudes apart.
pub fn recovered(sources: &[(f64, bool)]) -> Result<Figure> {
    let usable: Vec<(f64, bool)> = sources
        .iter()
        .copied()
        .filter(|s| s.0.is_finite())
        .collect();
    let low = usable.iter().map(|s| s.0).fold(f64::INFINITY, f64::min);
    let high = usable.iter().map(|s| s.0).fold(f64::NEG_INFINITY, f64::max);
    let (low, high) = ((low / BIN).floor() * BIN, (high / BIN).floor() * BIN + BIN);
    let bins = (high - low) / BIN;
    if !(1.0..=MOST).contains(&bins) {
        let found = format!("{} sources with a magnitude", usable.len());
        let expected = format!("at least one, and all within {} mag", MOST * BIN);
        return Err(Error::config("injected sources", found, expected));
    }
    let bins = bins.round() as usize;
    let edges: Vec<f64> = (0..=bins).map(|i| low + BIN * i as f64).collect();
    let count = |found: bool| {
        let mut counts = vec![0_u64; bins];
        for (mag, _) in usable.iter().filter(|s| s.1 || !found) {
            counts[(((mag - low) / BIN) as usize).min(bins - 1)] += 1;
        }
        counts
    };
    let heights = |counts: Vec<u64>| counts.into_iter().map(|n| n as f64).collect::<Vec<f64>>();
    let (injected, found) = (heights(count(false)), heights(count(true)));
    let top = injected.iter().copied().fold(0.0, f64::max);
    let x = Axis::linear("magnitude (mag)", low, high);
    let y = Axis::linear("sources per bin of 0.5 mag", 0.0, 1.1 * top);
    let mut panel = Panel::new("", x, y);
    let area = stairs(&edges, &found, 0.0);
    panel.items.push(Item::Area(area, look::class(true), 0.2));
    panel.line(stairs(&edges, &injected, 0.0), look::class(false));
    panel.line(stairs(&edges, &found, 0.0), look::class(true));
    let sum = |counts: &[f64]| counts.iter().sum::<f64>();
    let entries = [
        Entry::line(format!("injected: {}", sum(&injected)), look::class(false)),
        Entry::line(format!("recovered: {}", sum(&found)), look::class(true)),
    ];
    Ok(Figure {
        name: "recovered".into(),
        title: "Sources injected and recovered".into(),
        caption: "How many sources of each magnitude were put into the images, and how many of \
                  these the detection found at their place (O'TRAIN Fig. 4)."
            .into(),
        drawing: picture(&[panel], 1, WIDE, &entries),
    })
}

#[cfg(test)]
mod tests {
    use super::recovered;

    #[test]
    fn every_source_is_counted() {
        let figure = recovered(&[(15.0, true), (17.2, false), (f64::NAN, true)]).unwrap();
        let svg = figure.drawing.svg().unwrap();
        assert!(svg.contains("injected: 2") && svg.contains("recovered: 1"));
        assert!(recovered(&[(f64::NAN, true)]).is_err());
        assert!(recovered(&[(0.0, true), (1e9, true)]).is_err());
    }
}
