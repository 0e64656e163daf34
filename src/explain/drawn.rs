//! A random choice of candidates that come one after the other, as many real as bogus.

use rand_xoshiro::Xoshiro256PlusPlus;
use rand_xoshiro::rand_core::{Rng, SeedableRng};

use super::Sample;
use crate::data::split::shuffle;

/// Candidates of one label, or of none.
#[derive(Debug, Default)]
struct Stratum {
    seen: usize,
    /// With their places in the input.
    kept: Vec<(usize, Sample)>,
}

/// Draws while candidates come: reservoirs (Vitter's algorithm R) of the real, the bogus and
/// those without a label, so that no more than three times the limit are in memory.
#[derive(Debug)]
pub struct Drawn {
    limit: usize,
    random: Xoshiro256PlusPlus,
    /// Bogus, real, without a label.
    strata: [Stratum; 3],
}

/// What was drawn.
#[derive(Clone, Debug)]
pub struct Draw {
    /// In the input's order.
    pub samples: Vec<Sample>,
    /// How many of them are bogus, real, without a label.
    pub taken: [usize; 3],
    /// How many there were to choose from.
    pub of: usize,
}

impl Drawn {
    /// At most `limit`; the same seed and candidates give the same choice.
    pub fn new(limit: usize, seed: u64) -> Drawn {
        Drawn {
            limit,
            random: Xoshiro256PlusPlus::seed_from_u64(seed),
            strata: Default::default(),
        }
    }

    /// Takes the next candidate of the input, or lets it go.
    pub fn add(&mut self, sample: Sample) {
        let place = self.strata.iter().map(|stratum| stratum.seen).sum();
        let which = sample.label.map_or(2, |label| usize::from(label == 1));
        let stratum = &mut self.strata[which];
        stratum.seen += 1;
        if stratum.kept.len() < self.limit {
            stratum.kept.push((place, sample));
            return;
        }
        let product = u128::from(self.random.next_u64()) * stratum.seen as u128;
        if let Some(kept) = stratum.kept.get_mut((product >> 64) as usize) {
            *kept = (place, sample);
        }
    }

    /// The choice: half of each class; where one is short, more of the other, and then of those
    /// without a label.
    pub fn finish(mut self) -> Draw {
        let of = self.strata.iter().map(|stratum| stratum.seen).sum();
        let [bogus, real, unlabelled] = [0, 1, 2].map(|at: usize| self.strata[at].kept.len());
        let half = self.limit.div_ceil(2);
        let real_taken = real.min(half.max(self.limit.saturating_sub(bogus)));
        let bogus_taken = bogus.min(self.limit - real_taken);
        let rest = self.limit - real_taken - bogus_taken;
        let taken = [bogus_taken, real_taken, unlabelled.min(rest)];
        let mut chosen: Vec<(usize, Sample)> = Vec::new();
        for (stratum, count) in self.strata.into_iter().zip(taken) {
            let mut kept = stratum.kept;
            // The first of a reservoir are not a random choice of it.
            shuffle(&mut kept, &mut self.random);
            kept.truncate(count);
            chosen.extend(kept);
        }
        chosen.sort_by_key(|(place, _)| *place);
        Draw {
            samples: chosen.into_iter().map(|(_, sample)| sample).collect(),
            taken,
            of,
        }
    }
}

impl Draw {
    /// How it was chosen, in words.
    pub fn text(&self, seed: u64) -> String {
        let count = self.samples.len();
        if count == self.of {
            return format!("all {count} candidates");
        }
        let [bogus, real, unlabelled] = self.taken;
        let which = match (real + bogus, unlabelled) {
            (0, _) => String::new(),
            (_, 0) => format!(", {real} real and {bogus} bogus"),
            _ => format!(", {real} real, {bogus} bogus and {unlabelled} without a label"),
        };
        format!(
            "a random sample of {count} of {} candidates{which} (seed {seed})",
            self.of
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::Candidate;

    /// Candidates whose labels are `labels`, named by their places.
    fn drawn(labels: &[Option<u8>], limit: usize, seed: u64) -> Draw {
        let mut drawn = Drawn::new(limit, seed);
        for (at, &label) in labels.iter().enumerate() {
            drawn.add(Sample {
                candidate: Candidate {
                    id: at.to_string(),
                    ..Candidate::default()
                },
                label,
                values: Vec::new(),
                padded: false,
            });
        }
        drawn.finish()
    }

    fn places(draw: &Draw) -> Vec<usize> {
        let ids = draw.samples.iter().map(|sample| &sample.candidate.id);
        ids.map(|id| id.parse().expect("a place")).collect()
    }

    #[test]
    fn both_classes_are_drawn_where_the_first_are_all_of_one() {
        // As in a folder, where false/ comes before true/.
        let labels: Vec<Option<u8>> = (0..300).map(|i| Some(u8::from(i >= 250))).collect();
        let draw = drawn(&labels, 24, 1);
        assert_eq!((draw.taken, draw.of), ([12, 12, 0], 300));
        let own = places(&draw);
        assert!(own.is_sorted() && own.iter().filter(|&&at| at >= 250).count() == 12);
        assert_eq!(own, places(&drawn(&labels, 24, 1)));
        assert_ne!(own, places(&drawn(&labels, 24, 2)));
        assert!(
            draw.text(1)
                .contains("24 of 300 candidates, 12 real and 12 bogus (seed 1)")
        );
    }

    #[test]
    fn what_one_class_lacks_the_other_gives() {
        let few = |real: usize| -> Vec<Option<u8>> {
            (0..100).map(|i| Some(u8::from(i < real))).collect()
        };
        assert_eq!(drawn(&few(3), 24, 1).taken, [21, 3, 0]);
        assert_eq!(drawn(&few(98), 24, 1).taken, [2, 22, 0]);
        assert_eq!(drawn(&few(0), 7, 1).taken, [7, 0, 0]);
        assert_eq!(drawn(&[None; 50], 24, 1).taken, [0, 0, 24]);
        let some = [Some(1), None, None, Some(0), None];
        assert_eq!(drawn(&some, 3, 1).taken, [1, 1, 1]);
        let all = drawn(&some, 9, 1);
        assert_eq!(
            (places(&all), all.text(1).as_str()),
            (vec![0, 1, 2, 3, 4], "all 5 candidates")
        );
    }

    #[test]
    fn every_candidate_is_as_likely() {
        let mut counts = [0; 20];
        for seed in 0..2000 {
            for at in places(&drawn(&[Some(1); 20], 5, seed)) {
                counts[at] += 1;
            }
        }
        // 500 each, with a deviation of 19.
        assert!(
            counts.iter().all(|count| (400..600).contains(count)),
            "{counts:?}"
        );
    }
}
