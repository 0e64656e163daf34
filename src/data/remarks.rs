//! What a user should know of how candidates were read, counted: a night has a hundred
//! thousand files that are all written alike.

use std::collections::BTreeMap;

/// Something about one candidate. Equal texts are counted together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Remark {
    /// A keyword that is not used, or not as it might be meant.
    Of(String),
    /// The data are damaged by what the file itself says: a wrong checksum.
    Damage(String),
}

/// Remarks of many candidates: how many have each, and one of them.
#[derive(Debug, Default)]
pub(super) struct Remarks(BTreeMap<String, (usize, String)>);

impl Remarks {
    /// Adds what is said of the candidate at `place`.
    pub fn add(&mut self, place: &str, what: String) {
        let (count, _) = self.0.entry(what).or_insert_with(|| (0, place.to_string()));
        *count += 1;
    }

    /// All of them, as notices.
    pub fn take(&mut self) -> Vec<String> {
        let all = std::mem::take(&mut self.0).into_iter();
        all.map(|(what, (count, place))| match count {
            1 => format!("{place}: {what}"),
            _ => format!("{count} candidates, such as {place}: {what}"),
        })
        .collect()
    }
}
