//! Which candidates are worth looking at: the worst mistakes, and some that are right.

use crate::data::split::first_of_shuffled;
use crate::judge::Cut;

/// A kind of candidate, by label and decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Labelled bogus, called real.
    FalsePositive,
    /// Labelled real, called bogus.
    FalseNegative,
    /// Labelled real, called real.
    TruePositive,
    /// Labelled bogus, called bogus.
    TrueNegative,
}

impl Outcome {
    /// All of them, mistakes first.
    pub const ALL: [Outcome; 4] = [
        Outcome::FalsePositive,
        Outcome::FalseNegative,
        Outcome::TruePositive,
        Outcome::TrueNegative,
    ];

    /// As a file's name: "false-positives".
    pub fn name(self) -> &'static str {
        match self {
            Outcome::FalsePositive => "false-positives",
            Outcome::FalseNegative => "false-negatives",
            Outcome::TruePositive => "true-positives",
            Outcome::TrueNegative => "true-negatives",
        }
    }

    /// What a gallery of them shows.
    pub fn title(self) -> &'static str {
        match self {
            Outcome::FalsePositive => "The worst false positives",
            Outcome::FalseNegative => "The worst false negatives",
            Outcome::TruePositive => "Real ones that were found",
            Outcome::TrueNegative => "Bogus ones that were refused",
        }
    }

    /// How they were chosen.
    pub fn caption(self) -> &'static str {
        match self {
            Outcome::FalsePositive => "Labelled bogus, called real; the highest scores first.",
            Outcome::FalseNegative => "Labelled real, called bogus; the lowest scores first.",
            Outcome::TruePositive => "Labelled real, called real; chosen at random.",
            Outcome::TrueNegative => "Labelled bogus, called bogus; chosen at random.",
        }
    }

    fn of(label: u8, score: f64, threshold: f64) -> Outcome {
        match (label == 1, Cut::AtLeast.is_real(score, threshold)) {
            (false, true) => Outcome::FalsePositive,
            (true, false) => Outcome::FalseNegative,
            (true, true) => Outcome::TruePositive,
            (false, false) => Outcome::TrueNegative,
        }
    }
}

/// At most `most` rows of the kind: the worst first of mistakes, a random choice of others.
pub fn rows(
    kind: Outcome,
    labels: &[u8],
    scores: &[f64],
    threshold: f64,
    most: usize,
    seed: u64,
) -> Vec<usize> {
    let mut rows: Vec<usize> = (0..labels.len())
        .filter(|&row| Outcome::of(labels[row], scores[row], threshold) == kind)
        .collect();
    match kind {
        // Sorting is stable: among equals the first in the data comes first.
        Outcome::FalsePositive => rows.sort_by(|&a, &b| scores[b].total_cmp(&scores[a])),
        Outcome::FalseNegative => rows.sort_by(|&a, &b| scores[a].total_cmp(&scores[b])),
        Outcome::TruePositive | Outcome::TrueNegative => {
            first_of_shuffled(&mut rows, most, seed);
            rows.sort_unstable();
        }
    }
    rows.truncate(most);
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_come_first_and_the_rest_at_random() {
        let labels = [0, 0, 0, 1, 1, 1, 0, 1];
        let scores = [0.6, 0.9, 0.1, 0.2, 0.1, 0.5, 0.9, 0.8];
        let of = |kind, most| rows(kind, &labels, &scores, 0.5, most, 7);
        assert_eq!(of(Outcome::FalsePositive, 9), [1, 6, 0]);
        assert_eq!(of(Outcome::FalseNegative, 1), [4]);
        assert_eq!(of(Outcome::TruePositive, 9), [5, 7]);
        assert_eq!(of(Outcome::TrueNegative, 0), [0; 0]);
        assert_eq!(of(Outcome::TruePositive, 1), of(Outcome::TruePositive, 1));
    }
}
