//! What is evaluated: models and score files, by name.

use std::path::{Path, PathBuf};

use crate::data::kind::FileKind;
use crate::data::table;
use crate::{Error, Result};

/// What a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// A model that rbgpu wrote.
    Model,
    /// Scores of anything.
    Scores,
}

/// A classifier as a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// What it is called; no two alike.
    pub name: String,
    /// The file.
    pub path: PathBuf,
    /// What it is.
    pub what: What,
}

/// Sorts `inputs` into classifiers and data. A model is safetensors, scores are a table
/// (.csv, .tsv, .dat, .jsonl, .parquet, …) or are called so (`NAME=FILE`, which also names
/// them and may be a .npy of scores); everything else is data.
pub fn sort(inputs: &[PathBuf]) -> Result<(Vec<Source>, Vec<PathBuf>)> {
    let (mut sources, mut data) = (Vec::<Source>::new(), Vec::new());
    for input in inputs {
        let text = input.to_string_lossy();
        let named = match text.split_once('=') {
            // A file may have such a name itself.
            Some((name, path)) if !input.exists() && !name.is_empty() => {
                Some((name.to_string(), PathBuf::from(path)))
            }
            _ => None,
        };
        let path = named.as_ref().map_or(input, |(_, path)| path);
        let kind = FileKind::of(path);
        let is_model = path
            .extension()
            .is_some_and(|end| end.eq_ignore_ascii_case("safetensors"))
            || kind == FileKind::Safetensors;
        let what = match is_model {
            true => What::Model,
            false if named.is_some() || table::is_table(path) => What::Scores,
            false => {
                if kind.is_foreign_network() {
                    return Err(kind.not_a_model(path));
                }
                data.push(input.clone());
                continue;
            }
        };
        if !path.is_file() {
            return Err(match what {
                What::Model => kind.not_a_model(path),
                What::Scores => {
                    let found = format!("no file {}", path.display());
                    let expected = "a model (.safetensors) or a table of scores";
                    Error::config("MODEL", found, expected)
                }
            });
        }
        let is_named = named.is_some();
        let name = named
            .as_ref()
            .map_or_else(|| stem(path), |(name, _)| name.clone());
        let taken = sources.iter().any(|s| s.name == name);
        if taken && is_named {
            let expected = "a name that no other has";
            return Err(Error::config("MODEL", format!("'{name}' twice"), expected));
        }
        let name = if taken {
            path.display().to_string()
        } else {
            name
        };
        let again = |s: &Source| s.name == name || (!is_named && s.path == *path);
        if sources.iter().any(again) {
            let found = format!("{} twice", path.display());
            return Err(Error::config("MODEL", found, "each once"));
        }
        let path = path.to_path_buf();
        sources.push(Source { name, path, what });
    }
    if sources.is_empty() {
        let expected = "a model (.safetensors) or a table of scores, and then the data";
        return Err(Error::config("MODEL", "none among the inputs", expected));
    }
    Ok((sources, data))
}

fn stem(path: &Path) -> String {
    path.file_stem()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned()
}
