//! Candidates that stay together when a set is split: those of one object, with one id, or with
//! the same pixels. One of them in training tells of the other in the test part, whose numbers
//! are then too good.

mod find;
mod share;

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{Dataset, Part};
use crate::{Error, Result};

pub use find::{is_blank, own_id, pixel_marks};
use find::{of_name, of_pixels};
pub use share::majority;

/// What is kept in one part of a split.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Grouping {
    /// As `Object` where the input knows objects, else as `Id`. An object or id that more than
    /// half of the candidates have is taken for a placeholder, and said so.
    #[default]
    Auto,
    /// Detections of one object, and what `Id` joins.
    Object,
    /// Candidates with the same id, or the same pixels.
    Id,
    /// Nothing: each candidate by itself.
    None,
}

impl Grouping {
    /// That of a model whose settings do not name one: there was none then.
    pub fn before() -> Grouping {
        Grouping::None
    }

    /// Whether it is that one.
    pub fn is_none(&self) -> bool {
        *self == Grouping::None
    }
}

impl FromStr for Grouping {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text {
            "auto" => Ok(Grouping::Auto),
            "object" => Ok(Grouping::Object),
            "id" => Ok(Grouping::Id),
            "none" => Ok(Grouping::None),
            _ => {
                let expected = "auto, object, id or none";
                Err(Error::config("--group", format!("'{text}'"), expected))
            }
        }
    }
}

impl fmt::Display for Grouping {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Grouping::Auto => "auto",
            Grouping::Object => "object",
            Grouping::Id => "id",
            Grouping::None => "none",
        })
    }
}

/// Why candidates belong together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum By {
    Object,
    Id,
    Pixels,
}

impl By {
    /// `rows` rows that share `keys` of them.
    fn text(self, rows: usize, keys: usize) -> String {
        let s = if keys == 1 { "" } else { "s" };
        match self {
            By::Object => format!("{rows} rows of {keys} object{s}"),
            By::Id => format!("{rows} rows of {keys} repeated id{s}"),
            By::Pixels => format!("{rows} rows of {keys} repeated cutout{s}"),
        }
    }
}

/// The rows that have one key, ascending, two or more each.
#[derive(Clone, Debug)]
struct Shared {
    by: By,
    runs: Vec<Vec<usize>>,
}

/// The groups of a set: the connected components of what shares an object, an id or pixels.
#[derive(Clone, Debug)]
pub struct Groups {
    count: usize,
    /// The lowest row of each row's group; empty where each row is one.
    lead: Vec<usize>,
    shared: Vec<Shared>,
    notices: Vec<String>,
}

/// A name by row; blank where there is none.
type Name<'a> = &'a (dyn Fn(usize) -> &'a str + Sync);

impl Groups {
    /// Each of `count` rows by itself.
    pub fn single(count: usize) -> Groups {
        Groups {
            count,
            lead: Vec::new(),
            shared: Vec::new(),
            notices: Vec::new(),
        }
    }

    /// Those of `set`. Pixels are read once, in parallel; what has the same CRC-32 is compared.
    /// [`Grouping::Object`] is an error where no candidate has an object.
    pub fn of(set: &Dataset, grouping: Grouping) -> Result<Groups> {
        if grouping == Grouping::None {
            return Ok(Groups::single(set.len()));
        }
        let mut groups = Groups::of_names(
            set.len(),
            &|row| own_id(&set.candidates[row]),
            &|row| &set.candidates[row].object,
            grouping,
        )
        .ok_or_else(|| {
            let expected = "objects (OBJECTID, objectId, --key objects=KEY), or --group id";
            Error::input(&set.source, "objects", "none", expected)
        })?;
        groups.shared.push(Shared {
            by: By::Pixels,
            runs: of_pixels(set)?,
        });
        groups.join();
        Ok(groups)
    }

    /// As [`of`](Self::of), of `count` rows of which nothing but the names is known; `None` where
    /// objects are demanded and no row has one.
    pub fn of_names(
        count: usize,
        id: Name<'_>,
        object: Name<'_>,
        grouping: Grouping,
    ) -> Option<Groups> {
        let mut groups = Groups::single(count);
        if grouping == Grouping::None {
            return Some(groups);
        }
        let known = grouping != Grouping::Id && (0..count).any(|row| !is_blank(object(row)));
        if grouping == Grouping::Object && !known {
            return None;
        }
        let mut add = |by: By, name: Name<'_>| {
            let mut runs = of_name(count, name);
            if grouping == Grouping::Auto
                && let Some(at) = runs.iter().position(|run| 2 * run.len() > count)
            {
                let run = runs.remove(at);
                let (what, key) = match by {
                    By::Object => ("object", "object"),
                    _ => ("id", "id"),
                };
                groups.notices.push(format!(
                    "'{}' is the {what} of {} of {count} candidates: taken for a placeholder, \
                     which does not keep them together (--group {key} does)",
                    name(run[0]).trim(),
                    run.len()
                ));
            }
            groups.shared.push(Shared { by, runs });
        };
        if known {
            add(By::Object, object);
        }
        add(By::Id, id);
        groups.join();
        Some(groups)
    }

    /// Makes the components.
    fn join(&mut self) {
        self.shared.retain(|shared| !shared.runs.is_empty());
        if self.shared.is_empty() {
            return;
        }
        let mut lead: Vec<usize> = (0..self.count).collect();
        fn root(lead: &mut [usize], mut row: usize) -> usize {
            while lead[row] != row {
                lead[row] = lead[lead[row]];
                row = lead[row];
            }
            row
        }
        for run in self.shared.iter().flat_map(|shared| &shared.runs) {
            for &row in &run[1..] {
                let (one, other) = (root(&mut lead, run[0]), root(&mut lead, row));
                lead[one.max(other)] = one.min(other);
            }
        }
        for row in 0..self.count {
            lead[row] = root(&mut lead, row);
        }
        self.lead = lead;
    }

    /// How many rows.
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Whether each row is a group by itself.
    pub fn is_single(&self) -> bool {
        self.lead.is_empty()
    }

    /// The lowest row of the group of `row`.
    pub fn lead(&self, row: usize) -> usize {
        self.lead.get(row).copied().unwrap_or(row)
    }

    /// The groups of `rows`, which ascend: in the order of their first rows, each ascending.
    pub fn lists(&self, rows: impl IntoIterator<Item = usize>) -> Vec<Vec<usize>> {
        let mut place = vec![usize::MAX; if self.is_single() { 0 } else { self.count }];
        let mut lists: Vec<Vec<usize>> = Vec::new();
        for row in rows {
            let new = lists.len();
            let at = place.get_mut(self.lead(row));
            let at = at.map_or(new, |at| {
                *at = new.min(*at);
                *at
            });
            match lists.get_mut(at) {
                Some(list) => list.push(row),
                None => lists.push(vec![row]),
            }
        }
        lists
    }

    /// What a user should know: placeholders, how many rows are kept together and by what, and
    /// how many repeated cutouts have contradicting `labels`, one for each row.
    pub fn notices(&self, labels: &[u8]) -> Vec<String> {
        let texts = self.shared.iter().map(|shared| {
            let rows = shared.runs.iter().map(Vec::len).sum();
            shared.by.text(rows, shared.runs.len())
        });
        let texts: Vec<String> = texts.collect();
        let mut notices = self.warnings(labels);
        if !texts.is_empty() {
            notices.push(format!(
                "{} are kept together in one part of the split (--group none divides them)",
                listed(&texts)
            ));
        }
        notices
    }

    /// Of [`notices`](Self::notices) those that hold whatever the split is.
    pub fn warnings(&self, labels: &[u8]) -> Vec<String> {
        let mut notices = self.notices.clone();
        let pixels = self.shared.iter().filter(|shared| shared.by == By::Pixels);
        let torn = |run: &&Vec<usize>| run.iter().any(|&row| labels[row] != labels[run[0]]);
        let torn: Vec<usize> = pixels
            .flat_map(|shared| &shared.runs)
            .filter(torn)
            .map(Vec::len)
            .collect();
        if !torn.is_empty() {
            let s = if torn.len() == 1 { "" } else { "s" };
            notices.push(format!(
                "{} repeated cutout{s} ({} rows) have contradicting labels: the same pixels are \
                 labelled real and bogus (--labels FILE corrects them)",
                torn.len(),
                torn.iter().sum::<usize>()
            ));
        }
        notices
    }

    /// What to say of a split that comes with the data: what of these groups is in several parts.
    pub fn spread(&self, part: impl Fn(usize) -> Option<Part>) -> Option<String> {
        let texts = self.shared.iter().filter_map(|shared| {
            let torn = |run: &&Vec<usize>| {
                let mut parts = run.iter().filter_map(|&row| part(row));
                let first = parts.next();
                parts.any(|other| Some(other) != first)
            };
            let torn: Vec<usize> = shared.runs.iter().filter(torn).map(Vec::len).collect();
            (!torn.is_empty()).then(|| shared.by.text(torn.iter().sum(), torn.len()))
        });
        let texts: Vec<String> = texts.collect();
        (!texts.is_empty()).then(|| listed(&texts))
    }
}

/// "a, b and c".
fn listed(texts: &[String]) -> String {
    match texts {
        [all @ .., last] if !all.is_empty() => format!("{} and {last}", all.join(", ")),
        texts => texts.join(""),
    }
}
