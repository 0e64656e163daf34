//! The records of a study as rows: all columns for a file, some for the screen.

use std::path::Path;

use super::Record;
use crate::Result;
use crate::data::Part;
use crate::data::atomic::atomic_write;

/// What stands in one place of a table.
#[derive(Clone, Debug, PartialEq)]
pub enum Cell {
    /// Words.
    Text(String),
    /// A number of things.
    Count(usize),
    /// A measurement.
    Number(f64),
    /// Nothing known.
    None,
}

impl From<usize> for Cell {
    fn from(count: usize) -> Cell {
        Cell::Count(count)
    }
}

impl From<f64> for Cell {
    fn from(number: f64) -> Cell {
        Cell::Number(number)
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Cell {
        Cell::Text(text)
    }
}

impl From<&str> for Cell {
    fn from(text: &str) -> Cell {
        Cell::Text(text.into())
    }
}

impl<T: Into<Cell>> From<Option<T>> for Cell {
    fn from(value: Option<T>) -> Cell {
        value.map_or(Cell::None, Into::into)
    }
}

impl Cell {
    /// With every digit; nothing where nothing is known.
    fn whole(&self) -> String {
        match self {
            Cell::Text(text) => text.clone(),
            Cell::Count(count) => count.to_string(),
            Cell::Number(number) => number.to_string(),
            Cell::None => String::new(),
        }
    }

    /// With as many digits as one reads.
    fn short(&self) -> String {
        match self {
            Cell::Number(n) if *n != 0.0 && n.abs() < 0.001 => format!("{n:.1e}"),
            Cell::Number(n) if n.abs() >= 10.0 => format!("{n:.1}"),
            Cell::Number(n) => format!("{n:.4}"),
            Cell::None => "-".into(),
            _ => self.whole(),
        }
    }
}

/// Rows under named columns.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Table {
    /// Each column's name in a file.
    pub columns: Vec<&'static str>,
    /// As many cells as there are columns each.
    pub rows: Vec<Vec<Cell>>,
}

impl Table {
    /// The records under `first`, the columns that are the study's own, then those that all
    /// studies have; the measured seconds come last.
    pub fn new(first: &[&'static str], rows: Vec<(Vec<Cell>, &Record)>) -> Table {
        let rows = rows.into_iter().map(|(mut own, record)| {
            own.extend(common(record));
            own
        });
        Table {
            rows: rows.collect(),
            columns: first.iter().chain(&COMMON).copied().collect(),
        }
    }

    /// Writes it to `path` with a header; numbers in full, what is not known empty.
    pub fn write_csv(&self, path: &Path) -> Result<()> {
        atomic_write(path, |out| {
            let mut csv = csv::Writer::from_writer(out);
            csv.write_record(&self.columns)?;
            for row in &self.rows {
                csv.write_record(row.iter().map(Cell::whole))?;
            }
            csv.flush()
        })
    }

    /// The columns `wanted` as text, a header first: (name, header) each.
    pub fn text(&self, wanted: &[(&str, &str)]) -> Vec<Vec<String>> {
        let header = wanted.iter().map(|(_, head)| (*head).to_string());
        let mut rows = vec![header.collect::<Vec<_>>()];
        let place = |name: &str| self.columns.iter().position(|column| *column == name);
        rows.extend(self.rows.iter().map(|row| {
            let cell = |(name, _): &(&str, &str)| match place(name) {
                Some(at) => row[at].short(),
                None => String::new(),
            };
            wanted.iter().map(cell).collect()
        }));
        rows
    }

    /// As a JSON array of objects; what is not known is null.
    pub fn json(&self) -> serde_json::Value {
        let value = |cell: &Cell| match cell {
            Cell::Text(text) => text.as_str().into(),
            Cell::Count(count) => (*count).into(),
            Cell::Number(number) => (*number).into(),
            Cell::None => serde_json::Value::Null,
        };
        let object = |row: &Vec<Cell>| {
            let pairs = self.columns.iter().zip(row);
            let pairs = pairs.map(|(name, cell)| ((*name).to_string(), value(cell)));
            serde_json::Value::Object(pairs.collect())
        };
        self.rows.iter().map(object).collect()
    }
}

const COMMON: [&str; 27] = [
    "run",
    "parameters",
    "learning_rate",
    "train_real",
    "train_bogus",
    "epochs",
    "best_epoch",
    "stopped_early",
    "accuracy_train",
    "accuracy_validation",
    "delta_accuracy",
    "delta_accuracy_last",
    "threshold",
    "measured_on",
    "candidates",
    "accuracy",
    "f1",
    "mcc",
    "accuracy_at_0.5",
    "f1_at_0.5",
    "mcc_at_0.5",
    "auc",
    "fpr_at_mdr_0.05",
    "validation_auc",
    "validation_fpr_at_mdr_0.05",
    "note",
    "seconds_per_epoch",
];

/// The cells of [`COMMON`].
fn common(record: &Record) -> [Cell; 27] {
    let of = record.reported();
    let validation = record.validation.as_ref();
    let part = record.reported_on().map(|part| match part {
        Part::Test => "test",
        _ => "validation",
    });
    let trained = of.is_some().then_some(());
    [
        record.run.as_str().into(),
        record.parameters.into(),
        record.learning_rate.into(),
        record.trained_on[0].into(),
        record.trained_on[1].into(),
        record.epochs.into(),
        record.best_epoch.into(),
        trained
            .map(|()| if record.stopped_early { "yes" } else { "no" })
            .into(),
        record.accuracy_train.into(),
        record.accuracy_validation.into(),
        record.delta_accuracy.into(),
        record.delta_accuracy_last.into(),
        of.map(|m| m.threshold).into(),
        part.into(),
        of.map(|m| m.candidates).into(),
        of.map(|m| m.accuracy).into(),
        of.map(|m| m.f1).into(),
        of.map(|m| m.mcc).into(),
        of.map(|m| m.accuracy_at_half).into(),
        of.map(|m| m.f1_at_half).into(),
        of.map(|m| m.mcc_at_half).into(),
        of.and_then(|m| m.auc).into(),
        of.and_then(|m| m.fpr_at_mdr).into(),
        validation.and_then(|m| m.auc).into(),
        validation.and_then(|m| m.fpr_at_mdr).into(),
        record.note.clone().into(),
        record.seconds_per_epoch.into(),
    ]
}
