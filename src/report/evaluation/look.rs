//! How one line is told from another: by colour, dashes and marks at once.

use kuva::plot::MarkerShape;

use crate::report::legend::{DASH, DOTS};
use crate::report::palette;

/// The look of one line and its marks.
#[derive(Clone, Copy, Debug)]
pub(super) struct Look {
    pub color: &'static str,
    pub dash: Option<&'static str>,
    pub marker: MarkerShape,
    pub width: f64,
}

const COLORS: [&str; 6] = [
    palette::BLUE,
    palette::VERMILLION,
    palette::GREEN,
    palette::MAUVE,
    palette::ORANGE,
    palette::SKY,
];
const DASHES: [Option<&str>; 6] = [
    None,
    Some(DASH),
    Some(DOTS),
    Some("20 7 4 7"),
    Some("28 9"),
    Some("12 7 4 7 4 7"),
];
const MARKERS: [MarkerShape; 6] = [
    MarkerShape::Circle,
    MarkerShape::Square,
    MarkerShape::Triangle,
    MarkerShape::Diamond,
    MarkerShape::TriangleDown,
    MarkerShape::Plus,
];

/// The i-th classifier. After six the colours come again with other dashes and marks, so
/// that the first 36 differ.
pub(super) fn classifier(i: usize) -> Look {
    let other = (i + i / COLORS.len()) % DASHES.len();
    Look {
        color: COLORS[i % COLORS.len()],
        dash: DASHES[other],
        marker: MARKERS[other],
        width: 2.2,
    }
}

/// The i-th of `n` parts that have an order: dark to bright, with dashes that take turns.
pub(super) fn part(i: usize, n: usize) -> Look {
    let last = palette::ORDERED.len() - 1;
    let at = (i * last + (n.max(2) - 1) / 2) / (n.max(2) - 1);
    Look {
        color: palette::ORDERED[at.min(last)],
        ..classifier(i % 4)
    }
}

/// Labelled real, or bogus.
pub(super) fn class(real: bool) -> Look {
    classifier(usize::from(!real))
}

/// The line of chance, and what else is only for comparison.
pub(super) fn aside() -> Look {
    Look {
        color: palette::GREY,
        dash: Some(DOTS),
        marker: MarkerShape::Circle,
        width: 1.5,
    }
}

/// Points that were published by somebody else.
pub(super) fn published() -> Look {
    Look {
        marker: MarkerShape::Square,
        dash: None,
        ..aside()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_36_classifiers_look_different() {
        let looks: std::collections::HashSet<_> = (0..36)
            .map(|i| (classifier(i).color, classifier(i).dash))
            .collect();
        assert_eq!(looks.len(), 36);
    }

    #[test]
    fn parts_go_from_the_first_colour_to_the_last() {
        for n in 2..12 {
            assert_eq!(part(0, n).color, palette::ORDERED[0]);
            assert_eq!(
                part(n - 1, n).color,
                palette::ORDERED[palette::ORDERED.len() - 1]
            );
        }
    }
}
