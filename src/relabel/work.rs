//! What is shown to whom, what is decided, and who was there first.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use super::decide::Refusal;
use super::journal::{Answer, Header, Journal, Line, Mode};
use super::picture;
use super::subjects::{Item, Subjects};
use super::view::{About, Block, Card, Counts, State};
use super::vote::{Ballot, is_open, pick};
use crate::report::Stretch;
use crate::{Error, Result};

/// How candidates are shown.
#[derive(Clone, Debug)]
pub struct Options {
    /// Repair or vote.
    pub mode: Mode,
    /// Candidates that are shown at a time.
    pub block: usize,
    /// People who are to rate a candidate, in a vote.
    pub votes: usize,
    /// Of the order in which voters see them.
    pub seed: u64,
    /// What names of candidates on the page are made of, so that they say nothing.
    pub secret: String,
}

/// The last line of one person about one candidate.
#[derive(Clone, Debug)]
pub(super) struct Last {
    pub who: String,
    pub answer: Answer,
    pub number: u64,
    pub tab: String,
}

/// What a decision says. A token belongs to one such.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Told {
    pub at: usize,
    pub who: String,
    pub answer: Answer,
}

/// Candidates that are looked at by some people, in some tabs, and the journal that says what
/// they decided.
#[derive(Debug)]
pub struct Work {
    pub(super) subjects: Subjects,
    pub(super) options: Options,
    pub(super) journal: Journal,
    keys: Vec<String>,
    by_key: HashMap<String, usize>,
    /// For each item the last words of everybody, in this mode.
    said: Vec<Vec<Last>>,
    /// Number and item of every line in this mode.
    log: Vec<(u64, usize)>,
    /// Decisions that are in the journal already, by what their tabs call them.
    pub(super) tokens: HashMap<String, Told>,
    /// Lines that were written since this was opened.
    pub(super) written: usize,
}

impl Work {
    /// Opens the journal at `path` and takes up what stands in it; with what a user should
    /// know. An error if it is of other data.
    pub fn open(
        subjects: Subjects,
        options: Options,
        path: &std::path::Path,
    ) -> Result<(Work, Vec<String>)> {
        let name = |path: &std::path::Path| path.display().to_string();
        let suspects = subjects.suspects.as_deref().map(name).unwrap_or_default();
        let header = Header::new(name(&subjects.data.source), suspects);
        let (journal, contents, mut notices) = Journal::open(path, &header)?;
        let mut work = Work {
            keys: Vec::new(),
            by_key: HashMap::with_capacity(subjects.items.len()),
            said: vec![Vec::new(); subjects.items.len()],
            log: Vec::new(),
            tokens: HashMap::new(),
            written: 0,
            subjects,
            options,
            journal,
        };
        work.name_items();
        let items = work.subjects.items.iter().enumerate();
        let places: HashMap<String, usize> = items.map(|(at, i)| (i.id.clone(), at)).collect();
        let (mut taken, mut strangers) = (0, 0);
        let mut marks: HashMap<usize, String> = HashMap::new();
        for line in contents.lines {
            if line.mode != work.options.mode {
                continue;
            }
            let Some(&at) = places.get(&line.id) else {
                strangers += 1;
                continue;
            };
            let mark = match marks.get(&at) {
                Some(mark) => mark,
                None => {
                    let mark = work.subjects.mark(&work.subjects.items[at])?;
                    marks.entry(at).or_insert(mark)
                }
            };
            if !line.pixels.eq_ignore_ascii_case(mark) {
                let found = format!("pixels {} of '{}'", line.pixels, line.id);
                let source = work.subjects.data.source.display();
                let expected = format!(
                    "{mark}, as {source} has it; it is of other data or --channels: --journal \
                     names another one"
                );
                return Err(Error::input(path, "a decision", found, expected));
            }
            work.take(at, line);
            taken += 1;
        }
        if taken > 0 {
            notices.push(format!(
                "going on behind {taken} decisions of {}",
                name(path)
            ));
        }
        if strangers > 0 {
            notices.push(format!(
                "{strangers} decisions of {} are about candidates that are not looked at now; \
                 they stay",
                name(path)
            ));
        }
        Ok((work, notices))
    }

    /// Gives every item a name that says nothing of its row, rank or id.
    fn name_items(&mut self) {
        for (at, item) in self.subjects.items.iter().enumerate() {
            let mut salt = 0u32;
            let key = loop {
                let mut hasher = DefaultHasher::new();
                (&self.options.secret, &item.id, salt).hash(&mut hasher);
                let key = format!("{:016x}", hasher.finish());
                if !self.by_key.contains_key(&key) {
                    break key;
                }
                salt += 1;
            };
            self.by_key.insert(key.clone(), at);
            self.keys.push(key);
        }
    }

    /// Takes up a line that is in the journal.
    pub(super) fn take(&mut self, at: usize, line: Line) {
        if !line.token.is_empty() {
            let told = Told {
                at,
                who: line.who.clone(),
                answer: line.answer,
            };
            self.tokens.insert(line.token, told);
        }
        self.log.push((line.number, at));
        let said = &mut self.said[at];
        let new = Last {
            who: line.who,
            answer: line.answer,
            number: line.number,
            tab: line.tab,
        };
        match said.iter_mut().find(|last| last.who == new.who) {
            Some(last) => *last = new,
            None => said.push(new),
        }
    }

    /// How they are shown.
    pub fn options(&self) -> &Options {
        &self.options
    }

    /// What is looked at.
    pub fn subjects(&self) -> &Subjects {
        &self.subjects
    }

    /// Lines that were written since this was opened.
    pub fn written(&self) -> usize {
        self.written
    }

    /// The number of the last line of the journal.
    pub fn last(&self) -> u64 {
        self.journal.next() - 1
    }

    fn votes(&self) -> bool {
        self.options.mode == Mode::Vote
    }

    /// The item that the page calls `key`.
    pub(super) fn find(&self, key: &str) -> Result<usize, Refusal> {
        self.by_key.get(key).copied().ok_or(Refusal::Unknown)
    }

    /// Whether somebody decided on it.
    fn is_decided(&self, at: usize) -> bool {
        let said = &self.said[at];
        said.iter().any(|last| last.answer != Answer::Withdrawn)
    }

    fn ballot(&self, at: usize, who: &str) -> Ballot<'_> {
        let counted = |last: &&Last| last.answer != Answer::Withdrawn;
        let said = || self.said[at].iter().filter(counted);
        Ballot {
            id: &self.subjects.items[at].id,
            mine: said().any(|last| last.who == who),
            others: said().filter(|last| last.who != who).count(),
        }
    }

    /// Blocks of a repair: how many are finished one after the other, and how many there are.
    fn blocks(&self) -> (usize, usize) {
        let first = (0..self.said.len()).find(|&at| !self.is_decided(at));
        let all = self.said.len().div_ceil(self.options.block);
        (first.map_or(all, |at| at / self.options.block), all)
    }

    /// The block `number`, from 0, or the one that the first of `keys` is in, or the first that
    /// is not finished. In a vote those that `keys` name, or what this person is to rate next.
    pub fn block(
        &self,
        who: &str,
        tab: &str,
        number: Option<usize>,
        keys: &[String],
    ) -> Result<Block, Refusal> {
        let size = self.options.block;
        if keys.len() > size {
            return Err(Refusal::Bad(format!("more than {size} keys")));
        }
        let named = keys.iter().map(|key| self.find(key));
        let named = named.collect::<Result<Vec<_>, _>>()?;
        let (open, of) = self.blocks();
        let number = named.first().map(|at| at / size).or(number).unwrap_or(open);
        let places = if self.votes() && named.is_empty() {
            let ballots = (0..self.said.len()).map(|at| self.ballot(at, who));
            let (seed, enough) = (self.options.seed, self.options.votes);
            pick(ballots, who, seed, enough, size)
        } else if self.votes() {
            named
        } else if number > open {
            return Err(Refusal::Early);
        } else {
            let begin = (number * size).min(self.said.len());
            (begin..(begin + size).min(self.said.len())).collect()
        };
        let cards = places.into_iter().map(|at| self.card(at, who, tab));
        Ok(Block {
            number: (!self.votes()).then_some(number),
            of: (!self.votes()).then_some(of),
            cards: cards.collect::<Result<_>>()?,
            counts: self.counts(who),
            last: self.last(),
        })
    }

    /// Everything that is shown of an item; an error if its pixels are not those ranked.
    fn card(&self, at: usize, who: &str, tab: &str) -> Result<Card> {
        let item = &self.subjects.items[at];
        self.subjects.mark(item)?;
        let candidate = &self.subjects.data.candidates[item.row];
        Ok(Card {
            state: self.state(at, who, tab),
            about: (!self.votes()).then(|| About::of(item, candidate)),
        })
    }

    pub(super) fn state(&self, at: usize, who: &str, tab: &str) -> State {
        State::of(
            self.keys[at].clone(),
            &self.said[at],
            who,
            tab,
            self.votes(),
        )
    }

    /// What changed behind line `since`, as `who` may see it.
    pub fn changes(&self, who: &str, tab: &str, since: u64) -> Vec<State> {
        let begin = self.log.partition_point(|(number, _)| *number <= since);
        let mut places: Vec<usize> = self.log[begin..].iter().map(|(_, at)| *at).collect();
        places.sort_unstable();
        places.dedup();
        let own = |at: &usize| {
            let mut said = self.said[*at].iter();
            !self.votes() || said.any(|last| last.who == who && last.tab == tab)
        };
        let places = places.into_iter().filter(own);
        places.map(|at| self.state(at, who, tab)).collect()
    }

    /// How far everything is.
    pub fn counts(&self, who: &str) -> Counts {
        let mut counts = Counts {
            total: self.said.len(),
            ..Counts::default()
        };
        for (at, said) in self.said.iter().enumerate() {
            if self.votes() {
                let ballot = self.ballot(at, who);
                let rated = usize::from(ballot.mine) + ballot.others;
                counts.mine += usize::from(ballot.mine);
                counts.left += usize::from(is_open(&ballot, self.options.votes));
                counts.done += usize::from(rated >= self.options.votes);
            } else {
                counts.add_repair(self.subjects.items[at].label, said, who);
            }
        }
        counts
    }

    /// The images of the item that the page calls `key`, as PNG.
    pub fn picture(&self, key: &str, stretch: Stretch) -> Result<Vec<u8>, Refusal> {
        let item: &Item = &self.subjects.items[self.find(key)?];
        Ok(picture::png(&self.subjects, item, stretch)?)
    }
}

#[cfg(test)]
#[path = "work_tests.rs"]
mod tests;
