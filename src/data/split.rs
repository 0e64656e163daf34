//! Which candidates train, which validate, which test.

use std::fmt;
use std::path::Path;
use std::str::FromStr;

use rand_xoshiro::Xoshiro256PlusPlus;
use rand_xoshiro::rand_core::{Rng, SeedableRng};
use serde::{Deserialize, Serialize};

use super::groups::{Grouping, Groups};
use super::{Dataset, Part};
use crate::{Error, Result};

mod written;

pub use written::{Entry, fingerprint};

/// The shares of a split; they sum to 1.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Fractions {
    train: f64,
    validation: f64,
    test: f64,
}

impl Fractions {
    /// Training, validation and test; each from 0 to 1, together 1, and training above 0.
    pub fn new(train: f64, validation: f64, test: f64) -> Result<Fractions> {
        let all = [train, validation, test];
        let fits = all.iter().all(|f| (0.0..=1.0).contains(f))
            && train > 0.0
            && (all.iter().sum::<f64>() - 1.0).abs() < 1e-6;
        if fits {
            Ok(Fractions {
                train,
                validation,
                test,
            })
        } else {
            Err(bad_split(format!("{train}/{validation}/{test}")))
        }
    }

    /// Of training, validation and test.
    pub fn shares(self) -> [f64; 3] {
        [self.train, self.validation, self.test]
    }
}

impl Default for Fractions {
    /// 70/10/20.
    fn default() -> Self {
        Fractions {
            train: 0.7,
            validation: 0.1,
            test: 0.2,
        }
    }
}

fn bad_split(found: String) -> Error {
    let expected = "training/validation/test or training/validation, such as 70/10/20 or \
                    0.85/0.15, that sum to 100 or 1";
    Error::config("--split", found, expected)
}

impl FromStr for Fractions {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let bad = || bad_split(format!("'{text}'"));
        let numbers = text.split('/').map(|part| part.trim().parse::<f64>());
        let mut numbers: Vec<f64> = numbers.collect::<Result<_, _>>().map_err(|_| bad())?;
        if numbers.len() == 2 {
            numbers.push(0.0);
        }
        let sum: f64 = numbers.iter().sum();
        let whole = if (sum - 100.0).abs() < 1e-4 {
            100.0
        } else {
            1.0
        };
        match numbers[..] {
            [train, validation, test] => {
                Fractions::new(train / whole, validation / whole, test / whole).map_err(|_| bad())
            }
            _ => Err(bad()),
        }
    }
}

impl TryFrom<String> for Fractions {
    type Error = Error;

    fn try_from(text: String) -> Result<Self> {
        text.parse()
    }
}

impl From<Fractions> for String {
    fn from(fractions: Fractions) -> String {
        fractions.to_string()
    }
}

impl fmt::Display for Fractions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // 0.7 * 100 is not 70 in binary; nobody splits finer than this.
        let percent = |share: f64| (share * 1e8).round() / 1e6;
        write!(f, "{}/{}", percent(self.train), percent(self.validation))?;
        if self.test > 0.0 {
            write!(f, "/{}", percent(self.test))
        } else {
            Ok(())
        }
    }
}

/// Indices of candidates, ascending in each part.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Split {
    /// Weights are fitted to them.
    pub train: Vec<usize>,
    /// Early stopping and the threshold look at them.
    pub validation: Vec<usize>,
    /// Nothing looks at them during training.
    pub test: Vec<usize>,
}

/// A split that was made, and what a user should know of it.
#[derive(Clone, Debug)]
pub struct Made {
    /// Which candidate is in which part.
    pub split: Split,
    /// What belongs together.
    pub groups: Groups,
    /// What is kept together and why; what a split of the file itself tears apart.
    pub notices: Vec<String>,
}

impl Split {
    /// [`grouped`](Self::grouped) by [`Grouping::Auto`].
    pub fn make(set: &Dataset, fractions: Fractions, seed: u64) -> Result<Split> {
        Ok(Split::grouped(set, fractions, seed, Grouping::Auto)?.split)
    }

    /// Splits a labelled set: as the file itself says, if it does
    /// ([`Dataset::parts`]; `fractions` and `seed` are then unused), else at
    /// random, each class by itself, so that every part has both classes where
    /// their numbers allow. What `grouping` joins ([`Groups::of`]) stays in one part.
    ///
    /// Each class needs two candidates, of two groups (two in the training and two in the
    /// validation part, if the file has its own split: one would do to fit, but
    /// says nothing).
    pub fn grouped(
        set: &Dataset,
        fractions: Fractions,
        seed: u64,
        grouping: Grouping,
    ) -> Result<Made> {
        let Some(labels) = &set.labels else {
            let expected = "labels, to train on and to split by";
            return Err(Error::input(&set.source, "labels", "none", expected));
        };
        let groups = Groups::of(set, grouping)?;
        let split = Split::with_labels(set, labels, fractions, seed, &groups)?;
        let notices = match &set.parts {
            None => groups.notices(labels),
            Some(parts) => {
                let mut notices = groups.warnings(labels);
                notices.extend(groups.spread(|row| Some(parts[row])).map(|torn| {
                    format!(
                        "the split that {} brings divides {torn} between its parts, which makes \
                         its test part too easy; without --split-key it is split anew",
                        set.source.display()
                    )
                }));
                notices
            }
        };
        Ok(Made {
            split,
            groups,
            notices,
        })
    }

    /// As [`grouped`](Self::grouped), with other labels than the set has: one for each candidate.
    pub fn with_labels(
        set: &Dataset,
        labels: &[u8],
        fractions: Fractions,
        seed: u64,
        groups: &Groups,
    ) -> Result<Split> {
        let mut split = Split::default();
        if let Some(parts) = &set.parts {
            for (index, part) in parts.iter().enumerate() {
                split.part_mut(*part).push(index);
            }
            let train: Vec<u8> = split.train.iter().map(|&i| labels[i]).collect();
            both_classes(&set.source, &train, "labels of the training part")?;
            // Early stopping and the threshold need one as much as the weights do.
            let validation: Vec<u8> = split.validation.iter().map(|&i| labels[i]).collect();
            both_classes(&set.source, &validation, "labels of the validation part")?;
            return Ok(split);
        }
        Split::of_labels(&set.source, labels, fractions, seed, groups)
    }

    /// Splits candidates at random by their labels (1 real, 0 bogus) and groups alone, as
    /// [`grouped`](Self::grouped) does; `source` is for the message. The same labels and groups
    /// in the same order give the same split.
    pub fn of_labels(
        source: &Path,
        labels: &[u8],
        fractions: Fractions,
        seed: u64,
        groups: &Groups,
    ) -> Result<Split> {
        both_classes(source, labels, "labels")?;
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed);
        if !groups.is_single() {
            let split = groups.share_out(0..labels.len(), labels, fractions.shares(), &mut rng);
            for (name, share, part) in [
                ("training", fractions.train, &split.train),
                ("validation", fractions.validation, &split.validation),
            ] {
                let class = |class| part.iter().filter(|&&row| labels[row] == class).count();
                let (real, bogus) = (class(1), class(0));
                if share > 0.0 && real.min(bogus) == 0 {
                    let found = format!(
                        "{real} real and {bogus} bogus for the {name} part: candidates of one \
                         object, id or cutout stay together"
                    );
                    let expected =
                        "both classes in two groups or more; --group none divides groups";
                    return Err(Error::input(source, "labels", found, expected));
                }
            }
            return Ok(split);
        }
        let mut split = Split::default();
        for class in [1, 0] {
            let mut indices: Vec<usize> =
                (0..labels.len()).filter(|&i| labels[i] == class).collect();
            shuffle(&mut indices, &mut rng);
            let [train, validation, _] = apportion(indices.len(), fractions.shares());
            let (first, rest) = indices.split_at(train);
            let (second, third) = rest.split_at(validation);
            split.train.extend(first);
            split.validation.extend(second);
            split.test.extend(third);
        }
        for part in [&mut split.train, &mut split.validation, &mut split.test] {
            part.sort_unstable();
        }
        Ok(split)
    }

    /// The indices of one part.
    pub fn part(&self, part: Part) -> &[usize] {
        match part {
            Part::Train => &self.train,
            Part::Validation => &self.validation,
            Part::Test => &self.test,
        }
    }

    fn part_mut(&mut self, part: Part) -> &mut Vec<usize> {
        match part {
            Part::Train => &mut self.train,
            Part::Validation => &mut self.validation,
            Part::Test => &mut self.test,
        }
    }
}

fn both_classes(source: &Path, labels: &[u8], place: &str) -> Result<()> {
    let real = labels.iter().filter(|&&label| label == 1).count();
    let bogus = labels.len() - real;
    let expected = match (real, bogus) {
        (0, _) | (_, 0) => "both",
        (1, _) | (_, 1) => "at least two of each",
        _ => return Ok(()),
    };
    Err(Error::input(
        source,
        place,
        format!("{real} real and {bogus} bogus"),
        expected,
    ))
}

/// Divides `n` by shares: rounded so that they sum to n, and a part that is
/// wanted at all gets one as long as there are enough.
pub(super) fn apportion(n: usize, shares: [f64; 3]) -> [usize; 3] {
    let exact = shares.map(|share| share * n as f64);
    // A share such as 0.7 * 10 may be a hair below 7.
    let mut counts = exact.map(|x| (x + 1e-9).floor() as usize);
    while counts.iter().sum::<usize>() < n {
        let lack = |i: &usize| exact[*i] - counts[*i] as f64;
        let most = (0..3)
            .max_by(|a, b| lack(a).total_cmp(&lack(b)).then(b.cmp(a)))
            .unwrap_or(0);
        let empty = (0..3).find(|&i| shares[i] > 0.0 && counts[i] == 0);
        counts[empty.unwrap_or(most)] += 1;
    }
    for part in 0..3 {
        let richest = (0..3).max_by_key(|&i| (counts[i], 3 - i)).unwrap_or(0);
        if shares[part] > 0.0 && counts[part] == 0 && counts[richest] > 1 {
            counts[richest] -= 1;
            counts[part] += 1;
        }
    }
    counts
}

/// A random choice: shuffles `items` by `seed` and keeps the first `most`.
pub fn first_of_shuffled<T>(items: &mut Vec<T>, most: usize, seed: u64) {
    shuffle(items, &mut Xoshiro256PlusPlus::seed_from_u64(seed));
    items.truncate(most);
}

/// Fisher and Yates, written out so that a seed means the same order for ever.
pub fn shuffle<T>(items: &mut [T], rng: &mut Xoshiro256PlusPlus) {
    for i in (1..items.len()).rev() {
        let below = (u128::from(rng.next_u64()) * (i as u128 + 1)) >> 64;
        items.swap(i, below as usize);
    }
}

#[cfg(test)]
mod tests {
    use super::apportion;

    #[test]
    fn shares_of_small_numbers() {
        let shares = [0.7, 0.1, 0.2];
        assert_eq!(apportion(10, shares), [7, 1, 2]);
        assert_eq!(apportion(100, shares), [70, 10, 20]);
        assert_eq!(apportion(3, shares), [1, 1, 1]);
        assert_eq!(apportion(2, shares), [1, 1, 0]);
        assert_eq!(apportion(5, [0.85, 0.15, 0.0]), [4, 1, 0]);
        for n in 0..200 {
            assert_eq!(apportion(n, shares).iter().sum::<usize>(), n);
        }
    }
}
