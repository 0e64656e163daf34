//! Decisions that a page sends, and what comes of them.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};

use super::journal::{Answer, Line, now};
use super::view::{Counts, State};
use super::work::{Told, Work};
use crate::error::escape::one_line;
use crate::{Error, Result};

/// Decisions that a page sends at once.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// Who.
    pub who: String,
    /// The browser tab.
    pub tab: String,
    /// What.
    pub decisions: Vec<Wish>,
}

/// One of them.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wish {
    /// Which candidate.
    pub key: String,
    /// What is said of it.
    pub answer: Answer,
    /// The last line about it that the page knows of; 0 for none.
    pub seen: u64,
    /// What the tab calls this decision. Sent again with it, the same decision is not written
    /// again; another one is refused.
    pub token: String,
}

/// What came of a [`Request`].
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Outcome {
    /// Those that are on disk.
    pub written: Vec<State>,
    /// Those that are not, since there was something that the page had not seen.
    pub conflicts: Vec<State>,
    /// How far everything is.
    pub counts: Counts,
}

/// Why a request is not answered.
#[derive(Debug)]
pub enum Refusal {
    /// It makes no sense.
    Bad(String),
    /// There is no such candidate here.
    Unknown,
    /// A block before this one is not finished.
    Early,
    /// It could not be done.
    Failed(Error),
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Refusal {
        Refusal::Failed(error)
    }
}

/// Names are no longer than this, in characters.
const LONGEST: usize = 64;

/// An error unless `who` can stand in a journal: label files join names with `+`.
pub fn check_name(who: &str) -> Result<()> {
    let fits = !who.trim().is_empty() && who.trim() == who && who.chars().count() <= LONGEST;
    // What would act on a terminal is no name either.
    match fits && !who.contains('+') && one_line(who) == who {
        true => Ok(()),
        false => Err(Error::config(
            "name",
            format!("{who:?}"),
            "1 to 64 characters, without +, control characters and blanks at its ends",
        )),
    }
}

impl Work {
    /// Writes decisions to the journal. They are on disk when this returns.
    pub fn decide(&mut self, request: &Request) -> Result<Outcome, Refusal> {
        let (who, tab) = (request.who.as_str(), request.tab.as_str());
        check_name(who).map_err(|error| Refusal::Bad(error.to_string()))?;
        let words = request.decisions.iter().map(|wish| wish.token.as_str());
        if words
            .chain([tab])
            .any(|w| w.is_empty() || w.len() > LONGEST)
        {
            return Err(Refusal::Bad("tab and token: 1 to 64 bytes".into()));
        }
        let (mut places, mut conflicts, mut lines) = (Vec::new(), Vec::new(), Vec::new());
        let mut tokens = HashSet::new();
        for wish in &request.decisions {
            let at = self.find(&wish.key)?;
            if places.contains(&at) || conflicts.contains(&at) {
                return Err(Refusal::Bad("two decisions about one candidate".into()));
            }
            let state = self.state(at, who, tab);
            let told = Told {
                at,
                who: who.into(),
                answer: wish.answer,
            };
            let before = self.tokens.get(&wish.token);
            if before.is_some_and(|before| *before != told) || !tokens.insert(&wish.token) {
                let why = "the token of another decision; reload the page";
                return Err(Refusal::Bad(why.into()));
            }
            if before.is_some() {
                places.push(at);
            } else if state.seen != wish.seen {
                conflicts.push(at);
            } else {
                places.push(at);
                lines.push((at, self.line(at, request, wish)?));
            }
        }
        let (items, mut new): (Vec<usize>, Vec<Line>) = lines.into_iter().unzip();
        if !new.is_empty() {
            self.journal.append(&mut new)?;
            self.written += new.len();
        }
        for (at, line) in items.into_iter().zip(new) {
            self.take(at, line);
        }
        let states = |places: Vec<usize>| -> Vec<State> {
            places
                .into_iter()
                .map(|at| self.state(at, who, tab))
                .collect()
        };
        Ok(Outcome {
            written: states(places),
            conflicts: states(conflicts),
            counts: self.counts(who),
        })
    }

    fn line(&self, at: usize, request: &Request, wish: &Wish) -> Result<Line> {
        let item = &self.subjects.items[at];
        Ok(Line {
            at: now(),
            who: request.who.clone(),
            id: item.id.clone(),
            pixels: self.subjects.mark(item)?,
            answer: wish.answer,
            was: item.label,
            mode: self.options.mode,
            tab: request.tab.clone(),
            // The journal numbers it.
            number: 0,
            token: wish.token.clone(),
        })
    }
}
