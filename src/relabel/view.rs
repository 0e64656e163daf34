//! What the page is sent.

use serde::Serialize;

use super::journal::Answer;
use super::subjects::Item;
use super::work::Last;
use crate::data::Candidate;
use crate::error::escape::one_line;

/// What was decided about one candidate, as one tab of one person may see it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct State {
    /// The candidate's name on the page.
    pub key: String,
    /// The last line about it (in a vote: this person's), 0 for none.
    pub seen: u64,
    /// What this person said: real, bogus, unsure; in a vote "voted" if it was in another tab.
    pub mine: Option<&'static str>,
    /// What others said; in a vote nothing of that.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub others: Vec<Other>,
}

/// What somebody else said.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Other {
    /// Who.
    pub who: String,
    /// What.
    pub answer: &'static str,
}

impl State {
    pub(super) fn of(key: String, said: &[Last], who: &str, tab: &str, votes: bool) -> State {
        let own = said.iter().find(|last| last.who == who);
        let mine = own.and_then(|last| match name(last.answer) {
            Some(_) if votes && last.tab != tab => Some("voted"),
            answer => answer,
        });
        let numbers = said.iter().filter(|last| !votes || last.who == who);
        let seen = numbers.map(|last| last.number).max().unwrap_or(0);
        let others = said.iter().filter(|last| !votes && last.who != who);
        let others = others.filter_map(|last| {
            Some(Other {
                who: shown(&last.who),
                answer: name(last.answer)?,
            })
        });
        State {
            key,
            seen,
            mine,
            others: others.collect(),
        }
    }
}

/// An answer's name; nothing of one that was withdrawn.
fn name(answer: Answer) -> Option<&'static str> {
    match answer {
        Answer::Real => Some("real"),
        Answer::Bogus => Some("bogus"),
        Answer::Unsure => Some("unsure"),
        Answer::Withdrawn => None,
    }
}

/// What is known of a candidate. A voter gets nothing of it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct About {
    /// Its id, control characters escaped.
    pub id: String,
    /// 1 real, 0 bogus.
    pub label: Option<u8>,
    /// Its place among the suspects.
    pub rank: Option<u64>,
    /// P(real).
    pub score: Option<f64>,
    /// DES' category.
    pub category: Option<u64>,
    /// What made it a suspect.
    pub rule: String,
    /// How likely its label is wrong.
    pub suspicion: Option<f64>,
    /// Magnitude.
    pub mag: Option<f64>,
    /// Filter band.
    pub filter: String,
    /// The object.
    pub object: String,
}

impl About {
    pub(super) fn of(item: &Item, candidate: &Candidate) -> About {
        About {
            id: shown(&item.id),
            label: item.label,
            rank: item.rank,
            score: item.score,
            category: item.category,
            rule: shown(&item.rule),
            suspicion: item.suspicion,
            mag: candidate.mag.is_finite().then_some(candidate.mag),
            filter: shown(&candidate.filter),
            object: shown(&candidate.object),
        }
    }
}

/// A name as the page shows it; decisions go by the key.
fn shown(name: &str) -> String {
    one_line(name).into_owned()
}

/// One candidate of a block.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Card {
    /// What was decided.
    #[serde(flatten)]
    pub state: State,
    /// What is known of it, in a repair.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub about: Option<About>,
}

/// Candidates that are shown at once.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Block {
    /// Which it is, from 0, in a repair.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub number: Option<usize>,
    /// How many there are, in a repair.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub of: Option<usize>,
    /// The candidates; none when everything is done.
    pub cards: Vec<Card>,
    /// How far everything is.
    pub counts: Counts,
    /// The last line that this knows of.
    pub last: u64,
}

/// How far everything is.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Counts {
    /// Candidates.
    pub total: usize,
    /// Decided by anybody; in a vote: rated by enough people.
    pub done: usize,
    /// Decided by this person.
    pub mine: usize,
    /// That this person is still to be asked about, in a vote.
    pub left: usize,
    /// With another answer than their label, in a repair; the last answer of anybody counts.
    pub flipped: usize,
    /// With the label as answer.
    pub kept: usize,
    /// Without a label before, and with an answer.
    pub new: usize,
    /// That nobody could tell.
    pub unsure: usize,
}

impl Counts {
    /// Counts a candidate with the label `label` of which `said` was said.
    pub(super) fn add_repair(&mut self, label: Option<u8>, said: &[Last], who: &str) {
        let said = || said.iter().filter(|last| last.answer != Answer::Withdrawn);
        let Some(last) = said().max_by_key(|last| last.number) else {
            self.left += 1;
            return;
        };
        self.done += 1;
        self.mine += usize::from(said().any(|last| last.who == who));
        let count = match (last.answer.label(), label) {
            (None, _) => &mut self.unsure,
            (Some(_), None) => &mut self.new,
            (Some(answer), Some(label)) if answer == label => &mut self.kept,
            _ => &mut self.flipped,
        };
        *count += 1;
    }
}
