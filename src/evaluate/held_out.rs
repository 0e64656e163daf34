//! Which candidates a model has not been fitted to.

use std::collections::HashMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use super::split_file::{SplitFile, Training, check_own};
use crate::data::{Dataset, Fractions, Grouping, Groups, Part, Split};
use crate::formats::{Provenance, beside};
use crate::train::checkpoint::fingerprint_with;
use crate::{Error, Result};

/// Which rows of the data are looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Rows {
    /// The test part, where every model has one; else what no model was fitted to.
    #[default]
    HeldOut,
    /// The validation part, which chose epoch and threshold already, so that the test part
    /// stays untouched; where there is none, as held out.
    Spent,
    /// One part.
    Part(Part),
    /// All of them, those that the weights were fitted to as well.
    All,
}

impl FromStr for Rows {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Ok(match text {
            "held-out" => Rows::HeldOut,
            "train" => Rows::Part(Part::Train),
            "validation" => Rows::Part(Part::Validation),
            "test" => Rows::Part(Part::Test),
            "all" => Rows::All,
            _ => {
                let expected = "held-out, train, validation, test or all";
                return Err(Error::config("--part", format!("'{text}'"), expected));
            }
        })
    }
}

impl fmt::Display for Rows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Rows::HeldOut => "held-out",
            Rows::Spent => "validation, else held-out",
            Rows::Part(Part::Train) => "train",
            Rows::Part(Part::Validation) => "validation",
            Rows::Part(Part::Test) => "test",
            Rows::All => "all",
        })
    }
}

/// The candidates that are asked about.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// Their ids.
    pub ids: &'a [String],
    /// 1 real, 0 bogus.
    pub labels: &'a [u8],
    /// Where they are from.
    pub source: &'a Path,
    /// Them as a set, where they are one: what a split is made from anew.
    pub data: Option<&'a Dataset>,
}

/// Where the parts of a model are from of which nobody said what it was fitted to.
pub(super) const NOT_KNOWN: &str = "not known";

/// What a model knows of each candidate: the part it was in, `None` for one that was in none.
#[derive(Clone, Debug)]
pub struct Parts {
    /// One for each candidate.
    pub of: Vec<Option<Part>>,
    /// Where this is from, in words.
    pub from: String,
    /// What a user should know.
    pub notices: Vec<String>,
    /// Ids that it knows.
    known: usize,
    /// Candidates that had another label then.
    relabelled: usize,
    /// Whether it knows just the candidates of the input, with the labels that they had before
    /// a label file was read.
    as_before: bool,
    /// Why some candidates, or all, are in no part.
    pub(super) lacks: Vec<String>,
    /// What is known of the training part besides its ids.
    pub(super) training: Training,
    /// What tells the rows of the table that says all this from others.
    pub(super) fingerprint: String,
}

impl Parts {
    /// Of a model of which nobody said what it was fitted to.
    fn not_known(count: usize, lack: String) -> Parts {
        Parts {
            lacks: vec![lack],
            ..Parts::new(vec![None; count], NOT_KNOWN)
        }
    }

    /// The parts `of` the candidates.
    pub fn new(of: Vec<Option<Part>>, from: &str) -> Parts {
        Parts {
            known: of.iter().flatten().count(),
            of,
            from: from.into(),
            notices: Vec::new(),
            relabelled: 0,
            as_before: false,
            lacks: Vec::new(),
            training: Training::default(),
            fingerprint: String::new(),
        }
    }

    /// Whether any of the candidates is in a part.
    pub fn is_known(&self) -> bool {
        self.of.iter().any(Option::is_some)
    }

    /// As the table `path` says it: columns id and part.
    pub fn from_table(path: &Path, asked: &Asked) -> Result<Parts> {
        Ok(Parts::of_table(path, asked)?.said())
    }

    fn of_table(path: &Path, asked: &Asked) -> Result<Parts> {
        let file = SplitFile::read(path)?;
        let (ids, labels) = (&file.ids, &file.labels);
        let mut known: HashMap<&str, (Part, f64)> = HashMap::with_capacity(ids.len());
        for (row, (id, &part)) in ids.iter().zip(&file.parts).enumerate() {
            let label = labels.as_ref().map_or(f64::NAN, |labels| labels[row]);
            let entry = known.entry(id).or_insert((part, label));
            // One id for several candidates: what may have been fitted to counts as such.
            entry.0 = part.min(entry.0);
        }
        let of: Vec<Option<Part>> = asked
            .ids
            .iter()
            .map(|id| known.get(id.trim()).map(|(part, _)| *part))
            .collect();
        let mut notices = Vec::new();
        let found = of.iter().flatten().count();
        let other = asked.ids.iter().zip(asked.labels).filter(|(id, label)| {
            let then = known.get(id.trim()).map_or(f64::NAN, |known| known.1);
            !then.is_nan() && then != f64::from(**label)
        });
        let relabelled = other.count();
        let repaired = asked.data.and_then(|data| data.relabelled.as_ref());
        if relabelled > 0 {
            let by = repaired.map_or(String::new(), |r| {
                format!(" ({} was read)", r.file.display())
            });
            notices.push(format!(
                "{relabelled} of {found} candidates have another label than in {}{by}",
                path.display()
            ));
        }
        let as_before = repaired.is_some_and(|repaired| {
            let was = asked.ids.iter().zip(&repaired.was);
            let mut was = was.filter_map(|(id, was)| Some((id, (*was)?)));
            let then = |id: &String| known.get(id.trim()).map_or(f64::NAN, |known| known.1);
            let count = was.clone().count() + repaired.left_out;
            known.len() == count && was.all(|(id, was)| then(id) == f64::from(was))
        });
        let lacks = match of.len() - found {
            without if found > 0 && without > 0 => vec![format!(
                "{without} of {} candidates are not in {}",
                of.len(),
                path.display()
            )],
            _ => Vec::new(),
        };
        Ok(Parts {
            of,
            from: path.display().to_string(),
            notices,
            known: known.len(),
            relabelled,
            as_before,
            lacks,
            training: file.training(),
            fingerprint: file.fingerprint(),
        })
    }

    /// As [`from_table`](Self::from_table), of a file that was named: it has to know at
    /// least one of the candidates.
    pub fn from_named(path: &Path, asked: &Asked) -> Result<Parts> {
        let parts = Parts::from_table(path, asked)?;
        match parts.is_known() {
            true => Ok(parts),
            false => {
                let expected = "ids of the data, such as those of the model's split.csv";
                Err(Error::input(
                    path,
                    "ids",
                    "none of the candidates",
                    expected,
                ))
            }
        }
    }

    /// Of the model `path` by itself, whatever it began with: from the file that its training
    /// left beside it, else made anew as training made it. A model that rbgpu did not train,
    /// and data that are not those it was trained on, have no parts.
    pub(super) fn own(path: &Path, provenance: &Provenance, asked: &Asked) -> Result<Parts> {
        let count = asked.ids.len();
        let name = path.display();
        if provenance.parts == [0; 3] {
            return Ok(Parts::not_known(
                count,
                format!("what {name} was trained on is not known"),
            ));
        }
        let source = asked.source.display();
        let then = PathBuf::from(&provenance.data);
        let left = beside(path, "split.csv");
        if !left.is_file() {
            return match asked.data.and_then(|data| made_anew(provenance, data)) {
                Some(of) => Ok(Parts::new(of, "made again as in training")),
                None => Err(not_told(path, asked, &left)),
            };
        }
        let mut parts = Parts::of_table(&left, asked)?;
        check_own(&left, &parts.fingerprint, path, provenance)?;
        let same_name = then.file_name() == asked.source.file_name();
        if asked.has_row_numbers() {
            // They say nothing by themselves: all of them have to be there, with their labels.
            let whole = parts.known == count;
            if parts.as_before || (whole && parts.relabelled == 0) {
                return Ok(parts);
            }
            if whole || same_name {
                return Err(not_told(path, asked, &left));
            }
            let lack = format!(
                "{name} was trained on {}, and the ids of {source} are row numbers",
                then.display()
            );
            return Ok(Parts {
                training: parts.training,
                ..Parts::not_known(count, lack)
            });
        }
        if !parts.is_known() {
            if same_name {
                return Err(not_told(path, asked, &left));
            }
            let lack = format!("none of {source} is in {}", left.display());
            parts.lacks.push(lack);
        }
        Ok(parts)
    }
}

/// The error that nothing says which of the candidates a model was fitted to.
fn not_told(path: &Path, asked: &Asked, left: &Path) -> Error {
    let source = asked.source.display();
    let found = match left.is_file() {
        true => format!(
            "{}, which does not fit {source}: other ids, or row numbers with other labels",
            left.display()
        ),
        false => format!(
            "no {} that says which candidates it was trained on, and {source} is not exactly \
             what it was trained on",
            left.display()
        ),
    };
    let expected = "--split FILE, or --all to look at every row";
    Error::input(path, "split", found, expected)
}

impl Asked<'_> {
    /// Whether the ids are numbers of rows, some of which may have been left out.
    fn has_row_numbers(&self) -> bool {
        let skipped = self.data.map_or(&[][..], |data| &data.skipped);
        let dropped: usize = skipped.iter().map(|skipped| skipped.count).sum();
        let most = 2 * (self.ids.len() + dropped) + 1000;
        self.ids.iter().enumerate().all(|(row, id)| {
            id.parse::<usize>()
                .is_ok_and(|number| number >= row && number <= most)
        })
    }
}

/// The split as training makes it from these data, if they are what they were then.
fn made_anew(provenance: &Provenance, data: &Dataset) -> Option<Vec<Option<Part>>> {
    let settings = &provenance.settings;
    let fractions: Fractions = serde_json::from_value(settings.get("split")?.clone()).ok()?;
    let seed = settings.get("seed")?.as_u64()?;
    let grouping = match settings.get("group") {
        Some(group) => serde_json::from_value(group.clone()).ok()?,
        None => Grouping::before(),
    };
    let groups = Groups::of(data, grouping).ok()?;
    let with = |labels: &[u8]| {
        let split = Split::with_labels(data, labels, fractions, seed, &groups).ok()?;
        let same = fingerprint_with(data, labels, &split).ok()? == provenance.fingerprint;
        same.then_some(split)
    };
    // Before the labels were repaired, or since.
    let was = data.relabelled.as_ref().filter(|r| r.left_out == 0);
    let was: Option<Vec<u8>> = was.and_then(|r| r.was.iter().copied().collect());
    let split = with(data.labels.as_deref()?).or_else(|| with(&was?))?;
    let mut of = vec![None; data.len()];
    for part in [Part::Train, Part::Validation, Part::Test] {
        for &row in split.part(part) {
            of[row] = Some(part);
        }
    }
    Some(of)
}

/// The rows that `wanted` means to several models, and in words which these are. Without a
/// model all rows are held out.
pub fn rows(wanted: Rows, models: &[Parts], count: usize) -> (Vec<usize>, String) {
    let parts_of = |row: usize| models.iter().map(move |parts| parts.of[row]);
    let keep = |fits: &dyn Fn(Option<Part>) -> bool| -> Vec<usize> {
        (0..count).filter(|&row| parts_of(row).all(fits)).collect()
    };
    if models.is_empty() {
        let words = "all rows; what was in training is not known";
        return ((0..count).collect(), words.into());
    }
    match wanted {
        Rows::Spent => {
            let validated = |parts: &Parts| parts.of.contains(&Some(Part::Validation));
            let which = match models.iter().any(validated) {
                true => Rows::Part(Part::Validation),
                false => Rows::HeldOut,
            };
            rows(which, models, count)
        }
        Rows::All => {
            let words = "all rows, those in training too";
            ((0..count).collect(), words.into())
        }
        Rows::Part(part) => {
            let known = |row: &usize| {
                let mut of = models.iter().filter(|parts| parts.is_known());
                of.all(|parts| parts.of[*row] == Some(part))
            };
            let rows = match models.iter().any(Parts::is_known) {
                true => (0..count).filter(known).collect(),
                false => Vec::new(),
            };
            (rows, format!("the {wanted} part"))
        }
        Rows::HeldOut => {
            let split = |parts: &&Parts| parts.of.iter().any(Option::is_some);
            let tested = |parts: &Parts| parts.of.contains(&Some(Part::Test));
            let mut split = models.iter().filter(split).peekable();
            if split.peek().is_none() {
                let words = match models.iter().any(|parts| parts.from == NOT_KNOWN) {
                    true => "all rows; what was in training is not known",
                    false => "all rows, none of them in training",
                };
                return ((0..count).collect(), words.into());
            }
            match split.all(tested) {
                true => (
                    keep(&|p| matches!(p, None | Some(Part::Test))),
                    "held out: the test part".into(),
                ),
                false => (
                    keep(&|p| p != Some(Part::Train)),
                    "held out: not in training (the validation part chose epoch and threshold)"
                        .into(),
                ),
            }
        }
    }
}
