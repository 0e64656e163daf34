//! Tables that other programs write, a few columns of them: scores, labels, whatever is
//! known of candidates.
//!
//! | file | what it reads |
//! |---|---|
//! | `content` | what a file is, by what it holds; text in UTF-8 and UTF-16 |
//! | `builder` | the cells of a column, whatever format they are from |
//! | `text` | CSV, also with tabs, semicolons or blanks (O'TRAIN's `infer_results.dat`, ECSV) |
//! | `json` | JSON lines |
//! | `parquet` | Parquet |
//! | `fits` | binary tables in FITS files |
//! | `votable`, `votable_binary` | VOTables, as TABLEDATA, BINARY or BINARY2 |
//! | `array` | a .npy of scores alone: one or two columns without names |
//!
//! A file is read once and only the columns that are asked for are kept, so a million rows
//! take as much memory as their numbers.

mod array;
mod builder;
mod content;
mod fits;
mod json;
#[cfg(feature = "parquet")]
mod parquet;
mod text;
mod votable;
mod votable_binary;

use std::path::{Path, PathBuf};

use super::folder::has_fits_name;
use super::options::refuse_lfs_pointer;
use crate::{Error, Result};

use builder::{Builder, builders, finished};
pub(super) use content::{Content, not_text, open_text, recognise};

/// What the cells of a column are to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Numbers; anything else is an error.
    Number,
    /// Text.
    Word,
    /// Text that names a candidate: as [`Word`](Self::Word), but a float that is not exact, such
    /// as 1.07e18, is an error, and 123.0 is 123.
    Id,
    /// Numbers if all that is there are numbers, else text.
    Either,
}

/// The values of one column.
#[derive(Clone, Debug, PartialEq)]
pub enum Cells {
    /// NaN where there is none.
    Numbers(Vec<f64>),
    /// Empty where there is none.
    Words(Vec<String>),
}

/// Some columns of a file.
#[derive(Clone, Debug)]
pub struct Table {
    /// The file.
    pub path: PathBuf,
    /// How many rows.
    pub rows: usize,
    /// The columns that were asked for, in that order.
    pub columns: Vec<Cells>,
}

/// Which columns are wanted of those that a file has: where each is, and what it is to be.
pub type Choose<'a> = &'a dyn Fn(&[String]) -> Result<Vec<(usize, Kind)>>;

/// Endings of tables.
const ENDINGS: [&str; 12] = [
    "csv", "tsv", "txt", "dat", "ecsv", "jsonl", "ndjson", "parquet", "pq", "xml", "vot", "votable",
];

/// Whether `path` is called as a table is, or is a FITS file with a table and no image.
pub fn is_table(path: &Path) -> bool {
    let ending = path.extension().unwrap_or_default().to_string_lossy();
    ENDINGS.contains(&ending.to_ascii_lowercase().as_str())
        || (has_fits_name(path) && fits::is_table(path))
}

/// Reads the columns of `path` that `choose` takes. What the file is, is seen from what it
/// holds, not from its name. A .npy has columns "0", "1", ….
///
/// # Errors
/// If the file is no table that is read here, or damaged, or a cell is not what it is to be;
/// the error names row and column.
pub fn read(path: &Path, choose: Choose) -> Result<Table> {
    refuse_lfs_pointer(path)?;
    let choose: Choose = &|names| {
        let chosen = choose(names)?;
        no_twins(path, names, &chosen)?;
        Ok(chosen)
    };
    match recognise(path)? {
        Content::Text => text::read(path, choose),
        Content::JsonLines => json::read(path, choose),
        Content::Npy => array::read(path, choose),
        Content::Fits => fits::read(path, choose),
        Content::VoTable => votable::read(path, choose),
        #[cfg(feature = "parquet")]
        Content::Parquet => parquet::read(path, choose),
        #[cfg(not(feature = "parquet"))]
        Content::Parquet => {
            let found = "Parquet, and this rbgpu was built without it";
            Err(Error::input(path, "file", found, content::READ))
        }
    }
}

/// An error where a chosen column has a twin that was not chosen, such as Label beside label.
fn no_twins(path: &Path, names: &[String], chosen: &[(usize, Kind)]) -> Result<()> {
    for &(at, _) in chosen {
        let Some(name) = names.get(at) else { continue };
        let twin = (0..names.len()).find(|&other| {
            let is_chosen = chosen.iter().any(|&(at, _)| at == other);
            !is_chosen && names[other].eq_ignore_ascii_case(name)
        });
        if let Some(twin) = twin {
            let found = format!(
                "'{name}' and '{}' (columns {} and {})",
                names[twin],
                at + 1,
                twin + 1
            );
            let expected = "one column of that name; remove or rename the other";
            return Err(Error::input(path, "columns", found, expected));
        }
    }
    Ok(())
}

/// The first of `wanted` among `names`, in any case.
pub fn column(names: &[String], wanted: &[&str]) -> Option<usize> {
    let at = |wanted: &&str| {
        names
            .iter()
            .position(|name| wanted.eq_ignore_ascii_case(name))
    };
    wanted.iter().find_map(at)
}

/// The error that a file has several tables with the columns that are wanted.
fn several(path: &Path, tables: &[String]) -> Error {
    let found = format!("the wanted columns in {}", tables.join(" and "));
    Error::input(
        path,
        "tables",
        found,
        "one table with them; save the one that is meant in a file of its own",
    )
}
