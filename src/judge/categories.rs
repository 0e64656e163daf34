//! DES's six categories of candidates (Ayyar et al. 2022, Tables 2 and 3).

use super::evaluation::Agreement;
use super::subject::Subject;

/// The category, 1 to 6, by the label and P(real): labelled bogus with at least 0.9, 0.5 to
/// 0.9, below 0.5 are 1, 2, 3; labelled real with at least 0.5, 0.1 to 0.5, at most 0.1 are 4,
/// 5, 6.
///
/// DES' labels and scores say "artifact"; its "at most 0.1" and "at least 0.9" change places.
pub fn category(label: u8, score: f64) -> u8 {
    match (label, score) {
        (0, score) if score >= 0.9 => 1,
        (0, score) if score >= 0.5 => 2,
        (0, _) => 3,
        (_, score) if score >= 0.5 => 4,
        (_, score) if score > 0.1 => 5,
        _ => 6,
    }
}

/// How many candidates are in each.
pub(super) fn categories(labels: &[u8], scores: &[f64]) -> [u64; 6] {
    let mut counts = [0; 6];
    for (&label, &score) in labels.iter().zip(scores) {
        counts[usize::from(category(label, score) - 1)] += 1;
    }
    counts
}

/// For each classifier's categories 1 and 6, how the others sort what is in them. Nothing
/// where there are no others.
pub(super) fn agreements(labels: &[u8], subjects: &[Subject]) -> Vec<Agreement> {
    if subjects.len() < 2 {
        return Vec::new();
    }
    let mut agreements = Vec::with_capacity(2 * subjects.len());
    for (own, subject) in subjects.iter().enumerate() {
        for (wanted, first) in [(1, 1), (6, 4)] {
            let of_category = |row: &usize| category(labels[*row], subject.scores[*row]) == wanted;
            let rows: Vec<usize> = (0..labels.len()).filter(of_category).collect();
            let mut others = Vec::with_capacity(subjects.len() - 1);
            for (other, subject) in subjects.iter().enumerate() {
                if other == own {
                    continue;
                }
                let mut counts = [0; 3];
                for &row in &rows {
                    let category = category(labels[row], subject.scores[row]);
                    counts[usize::from(category - first)] += 1;
                }
                others.push((subject.name.clone(), counts));
            }
            agreements.push(Agreement {
                of: subject.name.clone(),
                category: wanted,
                candidates: rows.len() as u64,
                others,
            });
        }
    }
    agreements
}
