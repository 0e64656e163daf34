//! Several people's labels: what they decide together, and how far they agree (Ayyar et al.
//! 2022, Sect. 4.6).
//!
//! A vote of "unsure" is one for neither: it counts neither towards a majority nor towards the
//! votes that a candidate needs, and where there is one, people are not unanimous.

use std::collections::HashMap;
use std::fmt;
use std::str::FromStr;

use serde::Serialize;

use super::agreement::{Kappa, cohen, fleiss};
use crate::data::votes::{Answer, Vote};
use crate::{Error, Result};

/// What makes votes a label.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Consensus {
    /// The majority is larger than the minority by two at least (DES Sect. 4.6).
    #[default]
    Majority,
    /// All say the same.
    Unanimous,
}

impl FromStr for Consensus {
    type Err = Error;

    fn from_str(text: &str) -> Result<Consensus> {
        match text {
            "majority" => Ok(Consensus::Majority),
            "unanimous" => Ok(Consensus::Unanimous),
            _ => {
                let expected = "majority (by at least two) or unanimous";
                Err(Error::config("--rule", format!("'{text}'"), expected))
            }
        }
    }
}

impl fmt::Display for Consensus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Consensus::Majority => "majority",
            Consensus::Unanimous => "unanimous",
        })
    }
}

/// The votes that a label needs: three.
pub const AT_LEAST: u32 = 3;

/// The votes on one candidate.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Tally {
    /// The candidate's id.
    pub id: String,
    /// Votes for real.
    pub real: u32,
    /// Votes for bogus.
    pub bogus: u32,
    /// Votes for neither.
    pub unsure: u32,
    /// Who voted, in the order of [`Counted::people`].
    pub who: Vec<String>,
    /// What the majority says if it is larger by two at least and there are enough votes: 1
    /// real, 0 bogus.
    pub majority: Option<u8>,
    /// Whether all say the same, and there are enough votes.
    pub unanimous: bool,
    /// The label by the rule: 1 real, 0 bogus, `None` undecided.
    pub label: Option<u8>,
    /// The mark of the pixels that they saw, where it is known.
    #[serde(skip)]
    pub pixels: Option<u32>,
}

/// A person.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Person {
    /// Their name.
    pub who: String,
    /// Votes in all.
    pub votes: u32,
    /// For real.
    pub real: u32,
    /// For bogus.
    pub bogus: u32,
    /// For neither.
    pub unsure: u32,
    /// Of their votes for real or bogus, those on candidates where more of the others voted
    /// one way than the other.
    pub compared: u32,
    /// Of these, with most of the others.
    pub with_the_others: u32,
}

/// Two people.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Pair {
    /// Their names.
    pub who: [String; 2],
    /// Candidates on which both voted real or bogus.
    pub both: u32,
    /// Of these, alike.
    pub alike: u32,
    /// Cohen's κ; NaN where it does not exist: none in common, or both said one thing only.
    pub kappa: f64,
}

/// How many are unanimous.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Unanimity {
    /// Candidates.
    pub of: u64,
    /// Of these, unanimous.
    pub unanimous: u64,
}

impl Unanimity {
    /// In per cent; NaN of none.
    pub fn percent(&self) -> f64 {
        100.0 * self.unanimous as f64 / self.of as f64
    }

    fn of<'a>(tallies: impl Iterator<Item = &'a Tally>) -> Unanimity {
        let mut all = Unanimity::default();
        for tally in tallies {
            all.of += 1;
            all.unanimous += u64::from(tally.unanimous);
        }
        all
    }
}

/// Votes counted.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Counted {
    /// The rule.
    pub rule: Consensus,
    /// Votes for real or bogus that a label needs.
    pub at_least: u32,
    /// In the order in which candidates first appear.
    #[serde(skip)]
    pub tallies: Vec<Tally>,
    /// By name.
    pub people: Vec<Person>,
    /// All pairs that voted on a candidate in common.
    pub pairs: Vec<Pair>,
    /// Of candidates with enough votes.
    pub enough: Unanimity,
    /// Of those with a majority by two that says real (DES: 75 %).
    pub majority_real: Unanimity,
    /// Of those with a majority by two that says bogus (DES: 95 %).
    pub majority_bogus: Unanimity,
    /// Fleiss' κ of real and bogus.
    pub fleiss: Kappa,
}

impl Counted {
    /// How many candidates have the label.
    pub fn labelled(&self, label: Option<u8>) -> usize {
        let with = self.tallies.iter().filter(|tally| tally.label == label);
        with.count()
    }
}

/// Counts votes, of which there is at most one of a person on a candidate.
pub fn count(votes: &[Vote], rule: Consensus, at_least: u32) -> Result<Counted> {
    if at_least == 0 {
        return Err(Error::config("--at-least", "0", "one vote or more"));
    }
    let mut people: Vec<String> = votes.iter().map(|vote| vote.who.clone()).collect();
    people.sort_unstable();
    people.dedup();
    let number: HashMap<&str, usize> = people
        .iter()
        .enumerate()
        .map(|(at, who)| (who.as_str(), at))
        .collect();
    let mut places: HashMap<&str, usize> = HashMap::new();
    // For each candidate who said what.
    let mut said: Vec<Vec<(usize, Answer)>> = Vec::new();
    let mut first: Vec<&Vote> = Vec::new();
    let mut marks: Vec<Option<u32>> = Vec::new();
    for vote in votes {
        let place = *places.entry(&vote.id).or_insert(said.len());
        if place == said.len() {
            said.push(Vec::new());
            first.push(vote);
            marks.push(None);
        }
        let person = number[vote.who.as_str()];
        if said[place].iter().any(|(who, _)| *who == person) {
            let found = format!("two votes of {} on '{}'", vote.who, vote.id);
            return Err(Error::config("votes", found, "one of each person"));
        }
        said[place].push((person, vote.answer));
        marks[place] = marks[place].or(vote.pixels);
    }
    for answers in &mut said {
        answers.sort_unstable_by_key(|(who, _)| *who);
    }
    let mut tallies = Vec::with_capacity(said.len());
    for ((vote, answers), pixels) in first.iter().zip(&said).zip(marks) {
        let mut tally = tally(&vote.id, answers, at_least);
        tally.label = match rule {
            Consensus::Majority => tally.majority,
            Consensus::Unanimous if tally.unanimous => Some(u8::from(tally.real > 0)),
            Consensus::Unanimous => None,
        };
        let who = answers.iter().map(|(who, _)| people[*who].clone());
        tally.who = who.collect();
        tally.pixels = pixels;
        tallies.push(tally);
    }
    let of_majority =
        |label: u8| Unanimity::of(tallies.iter().filter(|t| t.majority == Some(label)));
    let counts: Vec<[u32; 2]> = tallies.iter().map(|t| [t.bogus, t.real]).collect();
    Ok(Counted {
        rule,
        at_least,
        enough: Unanimity::of(tallies.iter().filter(|t| t.real + t.bogus >= at_least)),
        majority_real: of_majority(1),
        majority_bogus: of_majority(0),
        fleiss: fleiss(&counts),
        people: persons(&people, &said),
        pairs: pairs(&people, &said),
        tallies,
    })
}

/// Without the label, the names and the mark.
fn tally(id: &str, answers: &[(usize, Answer)], at_least: u32) -> Tally {
    let of = |wanted: Answer| answers.iter().filter(|(_, said)| *said == wanted).count() as u32;
    let (real, bogus, unsure) = (of(Answer::Real), of(Answer::Bogus), of(Answer::Unsure));
    let enough = real + bogus >= at_least;
    let majority = (enough && real.abs_diff(bogus) >= 2).then_some(u8::from(real > bogus));
    Tally {
        id: id.to_string(),
        real,
        bogus,
        unsure,
        who: Vec::new(),
        majority,
        unanimous: enough && unsure == 0 && (real == 0 || bogus == 0),
        label: None,
        pixels: None,
    }
}

fn persons(people: &[String], said: &[Vec<(usize, Answer)>]) -> Vec<Person> {
    let mut persons: Vec<Person> = people
        .iter()
        .map(|who| Person {
            who: who.clone(),
            votes: 0,
            real: 0,
            bogus: 0,
            unsure: 0,
            compared: 0,
            with_the_others: 0,
        })
        .collect();
    for answers in said {
        let side = |answer: Answer| match answer {
            Answer::Real => 1,
            Answer::Bogus => -1,
            Answer::Unsure => 0,
        };
        let all: i64 = answers.iter().map(|(_, answer)| side(*answer)).sum();
        for &(who, answer) in answers {
            let (person, own) = (&mut persons[who], side(answer));
            person.votes += 1;
            match answer {
                Answer::Real => person.real += 1,
                Answer::Bogus => person.bogus += 1,
                Answer::Unsure => person.unsure += 1,
            }
            let others = all - own;
            if own != 0 && others != 0 {
                person.compared += 1;
                person.with_the_others += u32::from(others.signum() == own);
            }
        }
    }
    persons
}

fn pairs(people: &[String], said: &[Vec<(usize, Answer)>]) -> Vec<Pair> {
    // [one][other] of what both said: 0 bogus, 1 real.
    let mut tables: HashMap<[usize; 2], [[u32; 2]; 2]> = HashMap::new();
    for answers in said {
        let sure = answers.iter().filter(|(_, said)| *said != Answer::Unsure);
        let sure: Vec<(usize, usize)> = sure
            .map(|(who, said)| (*who, usize::from(*said == Answer::Real)))
            .collect();
        for (i, one) in sure.iter().enumerate() {
            for other in &sure[i + 1..] {
                tables.entry([one.0, other.0]).or_default()[one.1][other.1] += 1;
            }
        }
    }
    let mut pairs: Vec<_> = tables.into_iter().collect();
    pairs.sort_unstable_by_key(|(who, _)| *who);
    pairs
        .into_iter()
        .map(|(who, table)| Pair {
            who: who.map(|at| people[at].clone()),
            both: table.iter().flatten().sum(),
            alike: table[0][0] + table[1][1],
            kappa: cohen(&table),
        })
        .collect()
}
