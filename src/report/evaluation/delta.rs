//! Over- and underfitting of the same network on several data sets (O'TRAIN Fig. 11, top).

use super::axes::{Axis, Panel};
use super::key::Entry;
use super::{Figure, WIDE, look, picture};
use crate::report::study::{FITTING, decades};
use crate::{Error, Result};

/// ΔAcc of some trainings on one data set.
#[derive(Clone, Debug)]
pub struct Fitted {
    /// What the data set is called.
    pub name: String,
    /// Candidates of the training set, above 0, and the accuracy in training less that in
    /// validation, by rising size. NaN leaves a gap.
    pub points: Vec<(f64, f64)>,
}

/// A line for each of `sets` over the size of the training set, which is on a logarithmic axis, and
/// dashed ones at ±0.02.
pub fn delta_accuracy(sets: &[Fitted]) -> Result<Figure> {
    let all = || sets.iter().flat_map(|set| &set.points);
    let known = || all().filter(|(x, y)| *x > 0.0 && x.is_finite() && y.is_finite());
    if known().count() == 0 {
        let expected = "at least one training that gave a network";
        return Err(Error::config("figure of ΔAcc", "none", expected));
    }
    let least = known().map(|p| p.0).fold(f64::INFINITY, f64::min);
    let most = known().map(|p| p.0).fold(0.0, f64::max);
    let far = known().map(|p| p.1.abs()).fold(1.5 * FITTING, f64::max) * 1.1;
    let (low, high) = decades(least, most);
    let x = Axis::log("candidates in the training set", low, high);
    let y = Axis::linear("ΔAcc, training − validation", -far, far);
    let mut panel = Panel::new("", x, y);
    for limit in [FITTING, -FITTING] {
        panel.line(vec![(low, limit), (high, limit)], look::aside());
    }
    let mut entries = Vec::new();
    for (i, set) in sets.iter().enumerate() {
        let look = look::classifier(i);
        panel.line(set.points.clone(), look);
        panel.marks(set.points.clone(), look, 4.5);
        entries.push(Entry::both(set.name.as_str(), look));
    }
    entries.push(Entry::line("ΔAcc = ±0.02", look::aside()));
    Ok(Figure {
        name: "delta-accuracy".into(),
        title: "Over- and underfitting against the size of the training set".into(),
        caption:
            "Accuracy of the training batches, as they were seen, less that of the validation \
                  part; above the upper line a network overfits, below the lower one it underfits \
                  (O'TRAIN Fig. 11, top)."
                .into(),
        drawing: picture(&[panel], 1, WIDE, &entries),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_set_is_named_and_the_limits_are_drawn() {
        let set = |name: &str, y: f64| Fitted {
            name: name.into(),
            points: vec![(500.0, y), (5000.0, f64::NAN)],
        };
        let figure = delta_accuracy(&[set("JAST", 0.001), set("TCA", -0.2)]).unwrap();
        let svg = figure.drawing.svg().unwrap();
        assert!(svg.contains("JAST") && svg.contains("TCA") && svg.contains("±0.02"));
        assert!(!svg.contains("NaN"));
        assert!(delta_accuracy(&[set("none", f64::NAN)]).is_err());
    }
}
