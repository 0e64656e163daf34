//! Votes as a label file, and what a network says of candidates that people dispute.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use super::models;
use crate::data::labels::{Decided, LabelRow, mark_text, pixels_mark};
use crate::data::{Dataset, OfDataset, atomic_write};
use crate::evaluate::score_file::{self, ScoreFile, rows_of};
use crate::evaluate::{Source, Watcher};
use crate::judge::votes::{Counted, Tally};
use crate::train::Classifier;
use crate::train::stream::StreamOptions;
use crate::{Error, Result};

/// For each candidate that was voted on its row in `data`, `None` where it is not there. An id
/// that the data have more than once, pixels other than those that people saw, and votes that
/// are all on other data, are errors. `path` is the file of votes, for messages.
pub fn places(path: &Path, tallies: &[Tally], data: &Dataset) -> Result<Vec<Option<usize>>> {
    let mut rows: HashMap<&str, (usize, bool)> = HashMap::with_capacity(data.len());
    for (row, candidate) in data.candidates.iter().enumerate() {
        let twice = rows.contains_key(candidate.id.trim());
        rows.insert(candidate.id.trim(), (row, twice));
    }
    let mut values = vec![0.0; data.shape.len()];
    let mut places = Vec::with_capacity(tallies.len());
    for tally in tallies {
        let id = &tally.id;
        let place = match rows.get(id.as_str()) {
            Some((_, true)) => {
                let found = format!("votes on '{id}', which is the id of several candidates");
                let expected = format!("ids that mean one candidate of {}", data.source.display());
                return Err(Error::input(path, "ids", found, expected));
            }
            Some((row, false)) => Some(*row),
            None => None,
        };
        if let (Some(row), Some(mark)) = (place, tally.pixels) {
            data.pixels.read(row, &mut values)?;
            let own = pixels_mark(&values);
            if own != mark {
                let found = format!("votes on '{id}' with pixels {}", mark_text(mark));
                let expected = format!(
                    "{}, as {} has them: the data that people saw",
                    mark_text(own),
                    data.source.display()
                );
                return Err(Error::input(path, "pixels", found, expected));
            }
        }
        places.push(place);
    }
    if places.iter().all(Option::is_none) {
        let first = |id: Option<&str>| id.map_or("none".into(), |id| format!("'{id}'"));
        let theirs = first(tallies.first().map(|tally| tally.id.as_str()));
        let ours = first(data.candidates.first().map(|c| c.id.as_str()));
        let found = format!("no candidate of the data (the first is {theirs})");
        return Err(Error::input(
            path,
            "ids",
            found,
            format!("ids such as {ours}"),
        ));
    }
    Ok(places)
}

/// The rows of a label file: one for each candidate that was voted on, undecided ones too.
/// `was` and the pixels are those of the data where these are given, with
/// [`places`]; `others` adds every other candidate of the data as undecided, so that
/// training is on what was voted on alone.
pub fn label_rows(
    counted: &Counted,
    data: Option<(&Dataset, &[Option<usize>])>,
    others: bool,
) -> Result<Vec<LabelRow>> {
    let mut rows = Vec::with_capacity(counted.tallies.len());
    let was = |row: usize| {
        let (data, _) = data?;
        let label = data.labels.as_ref()?[row];
        // Anything else says that it has none.
        (label <= 1).then_some(label)
    };
    for (at, tally) in counted.tallies.iter().enumerate() {
        let place = data.and_then(|(_, places)| places[at]);
        let pixels = match (data, place) {
            (Some((data, _)), Some(row)) if tally.pixels.is_none() => {
                let mut values = vec![0.0; data.shape.len()];
                data.pixels.read(row, &mut values)?;
                Some(pixels_mark(&values))
            }
            _ => tally.pixels,
        };
        rows.push(LabelRow {
            id: tally.id.clone(),
            label: tally.label,
            was: place.and_then(was),
            decision: Decided::Voted,
            by: tally.who.join("+"),
            pixels,
        });
    }
    if let (true, Some((data, places))) = (others, data) {
        let mut voted = vec![false; data.len()];
        places.iter().flatten().for_each(|&row| voted[row] = true);
        for row in (0..data.len()).filter(|&row| !voted[row]) {
            rows.push(LabelRow {
                id: data.candidates[row].id.clone(),
                label: None,
                was: was(row),
                decision: Decided::Untouched,
                by: String::new(),
                pixels: None,
            });
        }
    }
    Ok(rows)
}

/// Writes the votes on each candidate: id, votes for real, bogus and neither, whether all
/// agree, the label, and the score where there are `scores` (NaN where there is none).
pub fn write_tallies(path: &Path, counted: &Counted, scores: Option<&[f64]>) -> Result<()> {
    atomic_write(path, |out| {
        let mut csv = csv::Writer::from_writer(out);
        let head = ["id", "real", "bogus", "unsure", "unanimous", "label"];
        csv.write_record(head.into_iter().chain(scores.map(|_| "score")))?;
        for (at, tally) in counted.tallies.iter().enumerate() {
            let label = tally.label.map_or("-1".into(), |label| label.to_string());
            let score = scores.map(|scores| match scores[at] {
                score if score.is_nan() => String::new(),
                score => (score as f32).to_string(),
            });
            let counts = [tally.real, tally.bogus, tally.unsure].map(|n| n.to_string());
            let own = [tally.id.clone()].into_iter().chain(counts);
            let ends = [tally.unanimous.to_string(), label];
            csv.write_record(own.chain(ends).chain(score))?;
        }
        csv.flush()
    })
}

/// P(real) of each candidate that was voted on, NaN where there is none, and what a user should
/// know. A score table is joined by id; `model` scores what of `data` was voted on.
pub fn scores_of(
    tallies: &[Tally],
    source: &Source,
    model: Option<&Classifier>,
    data: Option<&Arc<Dataset>>,
    reading: &score_file::Reading,
    watcher: &mut dyn Watcher,
) -> Result<(Vec<f64>, Vec<String>)> {
    let ids: Vec<String> = tallies.iter().map(|tally| tally.id.clone()).collect();
    let mut notices = Vec::new();
    let Some(model) = model else {
        let file = ScoreFile::read(&source.path, reading)?;
        if file.ids.is_none() {
            let expected = "a column of ids, to find what was voted on";
            return Err(Error::input(
                &source.path,
                "line of names",
                "none",
                expected,
            ));
        }
        let rows = rows_of(&source.path, &file, Some(&ids), ids.len(), &mut notices)?;
        let score = |row: &Option<usize>| row.map_or(f64::NAN, |row| file.scores[row]);
        return Ok((rows.iter().map(score).collect(), notices));
    };
    let Some(data) = data else {
        let expected = "--data DATA beside it: the candidates that it is to score";
        return Err(Error::input(
            &source.path,
            "model",
            "no data to score",
            expected,
        ));
    };
    let places = places(&source.path, tallies, data)?;
    let kept: Vec<usize> = places.iter().flatten().copied().collect();
    let seen = models::as_wanted(data, std::slice::from_ref(model))?;
    watcher.begin(&format!("scoring with {}", source.name), kept.len());
    let mut scored = Vec::with_capacity(kept.len());
    for rows in model.score_rows_as(OfDataset::some(seen, kept), StreamOptions::default())? {
        let rows = rows?;
        watcher.done(rows.len());
        scored.extend(rows.iter().map(|row| row.score));
    }
    let mut scored = scored.into_iter();
    let score = |place: &Option<usize>| place.and_then(|_| scored.next()).unwrap_or(f64::NAN);
    Ok((places.iter().map(score).collect(), notices))
}
