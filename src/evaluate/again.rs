//! How the data of a model that goes on learning are split: what it was fitted to before must
//! not test what it becomes.

use std::path::Path;

use super::held_out::{Asked, Parts};
use crate::data::{Dataset, Fractions, Grouping, Groups, Part, Split};
use crate::formats::Provenance;
use crate::{Error, Result};

/// A split for going on with a model.
#[derive(Clone, Debug)]
pub struct SplitAgain {
    /// Which candidate is in which part.
    pub split: Split,
    /// Where it is from, and what a user should know of it.
    pub notices: Vec<String>,
}

/// Splits `data`, on which the model `path` with `provenance` is to learn more. Where the data
/// are the model's own, as `evaluate` finds out, they are split as they were then, and
/// candidates that it does not know are divided by `fractions` (`usual` unless given). Where
/// `fractions` are given, or the data state a split, that counts, but no candidate that the model was fitted
/// to, or stopped by, is in the test part: it goes to the training part instead. Data of which
/// nobody can tell are split anew, said so. What `grouping` joins is in one part, as far as the
/// model's own split had it in one.
pub fn split_again(
    path: &Path,
    provenance: &Provenance,
    data: &Dataset,
    (fractions, usual): (Option<Fractions>, Fractions),
    (seed, grouping): (u64, Grouping),
) -> Result<SplitAgain> {
    let made = Split::grouped(data, fractions.unwrap_or(usual), seed, grouping)?;
    let (mut anew, groups, told) = (made.split, made.groups, made.notices);
    let ids: Vec<String> = data.candidates.iter().map(|c| c.id.clone()).collect();
    let labels = data.labels.as_deref().unwrap_or_default();
    let asked = Asked {
        ids: &ids,
        labels,
        source: &data.source,
        data: Some(data),
    };
    let name = path.display();
    let cannot_be_told = |found: &str| {
        format!(
            "which candidates {name} was fitted to cannot be told ({found}): the test part may \
             hold some of them"
        )
    };
    let (mut parts, untold) = match Parts::with_ancestors(path, provenance, &asked) {
        Ok(told) => told,
        // Nothing that would keep anyone from training, but from believing the test part.
        Err(Error::Input { found, .. }) => {
            let notices = told.into_iter().chain([cannot_be_told(&found)]);
            return Ok(SplitAgain {
                split: anew,
                notices: notices.collect(),
            });
        }
        Err(error) => return Err(error),
    };
    let untold = match untold {
        None => None,
        Some(Error::Input { found, .. }) => Some(cannot_be_told(&found)),
        Some(error) => return Err(error),
    };
    if !parts.is_known() {
        parts.notices.extend(untold);
        parts.notices.extend(told);
        return Ok(SplitAgain {
            split: anew,
            notices: parts.notices,
        });
    }
    let stated = data.parts.is_some();
    let of_groups = of_groups(&parts, &groups);
    if fractions.is_some() || stated {
        let fitted = |row: &usize| matches!(of_groups[*row], Some(Part::Train | Part::Validation));
        let (moved, test) = anew.test.iter().partition(|row| fitted(row));
        let moved: Vec<usize> = moved;
        anew.test = test;
        let mut notices = told;
        notices.extend(untold);
        if !moved.is_empty() {
            notices.push(format!(
                "{} candidates of the test part are ones that {name} was fitted to or stopped by, \
                 or belong to such ({}): they are in the training part",
                moved.len(),
                parts.from
            ));
        }
        anew.train.extend(moved);
        anew.train.sort_unstable();
        return Ok(SplitAgain {
            split: anew,
            notices,
        });
    }
    // A candidate that is new to the model goes where others of its group are.
    let near = |row: usize| parts.of[row].or(of_groups[row]);
    let mut split = Split::default();
    let unknown = parts.of.iter().filter(|part| part.is_none()).count();
    for part in [Part::Train, Part::Validation, Part::Test] {
        let own = (0..data.len()).filter(|&row| near(row) == Some(part));
        let new = anew.part(part).iter().copied();
        let new: Vec<usize> = new.filter(|&row| near(row).is_none()).collect();
        let mut rows: Vec<usize> = own.chain(new).collect();
        rows.sort_unstable();
        match part {
            Part::Train => split.train = rows,
            Part::Validation => split.validation = rows,
            Part::Test => split.test = rows,
        }
    }
    // The split of a few of its candidates may have no part that can choose an epoch.
    let classes = |rows: &[usize]| [0, 1].map(|label| rows.iter().any(|&i| labels[i] == label));
    for (what, rows) in [
        ("training", &split.train),
        ("validation", &split.validation),
    ] {
        if classes(rows) != [true; 2] {
            let found = format!("not both classes in the {what} part");
            let expected = format!("them in the split of {name}, or --split, to divide anew");
            return Err(Error::input(&data.source, "split", found, expected));
        }
    }
    let mut notices = vec![format!("split as that of {name} ({})", parts.from)];
    if unknown > 0 {
        notices.push(format!(
            "{unknown} of {} candidates are new to {name}, and are divided as {}",
            data.len(),
            usual
        ));
    }
    notices.extend(untold);
    let mut part_of = vec![None; data.len()];
    for part in [Part::Train, Part::Validation, Part::Test] {
        let rows = split.part(part).iter();
        rows.for_each(|&row| part_of[row] = Some(part));
    }
    match groups.spread(|row| part_of[row]) {
        None => notices.extend(groups.notices(labels)),
        Some(torn) => {
            notices.extend(groups.warnings(labels));
            notices.push(format!(
                "the split of {name} divides {torn} between its parts, which makes its test part \
                 too easy"
            ));
        }
    }
    Ok(SplitAgain { split, notices })
}

/// Of each candidate's group the part that the model knows of any of it; of several the one that
/// is fitted to most.
fn of_groups(parts: &Parts, groups: &Groups) -> Vec<Option<Part>> {
    let mut known: Vec<Option<Part>> = vec![None; parts.of.len()];
    for (row, part) in parts.of.iter().enumerate() {
        let own = &mut known[groups.lead(row)];
        *own = [*own, *part].into_iter().flatten().min();
    }
    (0..known.len())
        .map(|row| known[groups.lead(row)])
        .collect()
}
