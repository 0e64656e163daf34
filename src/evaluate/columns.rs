//! What is known of candidates, by column.

use crate::data::Candidate;
use crate::data::table::Cells;
use crate::judge::{Column, Role, Values};

/// A number of a candidate, with the column's names, the first of which is shown, and its unit.
type Number = (&'static [&'static str], &'static str, fn(&Candidate) -> f64);
/// A text likewise.
type Word = (&'static [&'static str], fn(&Candidate) -> &str);

/// How the column of magnitudes is called.
pub const MAGNITUDE: &str = "magnitude";
/// How the column of their errors is called.
pub const MAGNITUDE_ERROR: &str = "magnitude error";

const NUMBERS: &[Number] = &[
    (&[MAGNITUDE, "mag"], "mag", |c| c.mag),
    (&[MAGNITUDE_ERROR, "mag_err", "magerr"], "mag", |c| {
        c.mag_err
    }),
    (&["FWHM"], "pixels", |c| c.fwhm),
    (&["FWHM of the PSF", "fwhm_psf"], "pixels", |c| c.fwhm_psf),
    (&["right ascension", "ra"], "degrees", |c| c.ra),
    (&["declination", "dec"], "degrees", |c| c.dec),
    (&["MJD"], "days", |c| c.mjd),
    (&["x"], "pixels", |c| c.x),
    (&["y"], "pixels", |c| c.y),
    (&["survey's score", "survey_score"], "", |c| c.survey_score),
];

const WORDS: &[Word] = &[
    (&["filter"], |c| &c.filter),
    (&["telescope"], |c| &c.telescope),
    (&["parent", "image"], |c| &c.parent),
    (&["object"], |c| &c.object),
];

/// The names that [`of_candidates`] knows, as they are typed.
pub fn known_names() -> Vec<&'static str> {
    let numbers = NUMBERS.iter().map(|n| *n.0.last().expect("has a name"));
    let words = WORDS.iter().map(|w| *w.0.last().expect("has a name"));
    numbers.chain(words).collect()
}

/// What the column that is asked for as `name` is called where it is shown.
pub fn shown(name: &str) -> String {
    let all = NUMBERS.iter().map(|n| n.0).chain(WORDS.iter().map(|w| w.0));
    let is = |names: &&[&str]| names.iter().any(|n| n.eq_ignore_ascii_case(name));
    let found = all.clone().find(is);
    found.map_or(name.to_string(), |names| names[0].to_string())
}

/// The column of `candidates` called `name`, in any case; `None` for a name that is not known.
pub fn of_candidates<'a>(
    candidates: impl Iterator<Item = &'a Candidate>,
    name: &str,
) -> Option<Column> {
    let is = |names: &[&str]| names.iter().any(|n| n.eq_ignore_ascii_case(name));
    if let Some((names, unit, value)) = NUMBERS.iter().find(|n| is(n.0)) {
        let values = Values::Numbers(candidates.map(value).collect());
        return Some(column(names[0], unit, values));
    }
    let (names, value) = WORDS.iter().find(|w| is(w.0))?;
    let words = candidates.map(|c| value(c).to_string()).collect();
    Some(column(names[0], "", Values::Words(words)))
}

/// A column under the name and unit that it is shown with.
pub fn column(name: &str, unit: &str, values: Values) -> Column {
    Column {
        role: match name {
            MAGNITUDE => Role::Magnitude,
            MAGNITUDE_ERROR => Role::MagnitudeError,
            _ => Role::Other,
        },
        name: name.into(),
        unit: unit.into(),
        values,
    }
}

/// What a table has under `name`, for the rows `rows` of it.
pub fn of_cells(name: &str, cells: &Cells, rows: &[Option<usize>]) -> Column {
    let values = match cells {
        Cells::Numbers(all) => {
            let one = |row: &Option<usize>| row.map_or(f64::NAN, |row| all[row]);
            Values::Numbers(rows.iter().map(one).collect())
        }
        Cells::Words(all) => {
            let one = |row: &Option<usize>| row.map_or(String::new(), |row| all[row].clone());
            Values::Words(rows.iter().map(one).collect())
        }
    };
    let known = NUMBERS
        .iter()
        .find(|(names, ..)| names.iter().any(|n| n.eq_ignore_ascii_case(name)));
    match (known, &values) {
        (Some((names, unit, _)), Values::Numbers(_)) => column(names[0], unit, values),
        _ => column(&shown(name), "", values),
    }
}

/// Whether anything is known in it.
pub fn is_known(column: &Column) -> bool {
    match &column.values {
        Values::Numbers(values) => values.iter().any(|&value| column.is_usable(value)),
        Values::Words(words) => words.iter().any(|word| !word.is_empty()),
    }
}

/// The rows `keep` of it.
pub fn kept(column: Column, keep: &[usize]) -> Column {
    let values = match column.values {
        Values::Numbers(all) => Values::Numbers(keep.iter().map(|&row| all[row]).collect()),
        Values::Words(all) => Values::Words(keep.iter().map(|&row| all[row].clone()).collect()),
    };
    Column { values, ..column }
}
