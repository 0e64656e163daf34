//! Votes as a label file, and what a network says of candidates that people dispute.

use std::collections::HashMap;
use std::path::Path;

use crate::data::labels::{Decided, LabelRow, mark_text, pixels_mark};
use crate::data::{Dataset, atomic_write};
use crate::judge::votes::{Counted, Tally};
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
        Some(data.labels.as_ref()?[row])
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
