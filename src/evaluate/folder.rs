//! The folder of an evaluation: the page, figures, galleries, tables, everything as JSON.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use rayon::prelude::*;
use serde_json::json;

use super::gallery;
use super::gather::Gathered;
use super::source::{Source, What};
use super::tables;
use crate::data::results::{UNFINISHED, create, place_in};
use crate::data::{Dataset, claims, results};
use crate::judge::Evaluation;
use crate::report::{self, Figure};
use crate::train::Classifier;
use crate::{Error, Result};

/// What goes into the folder.
#[derive(Clone, Copy, Debug)]
pub struct Contents<'a> {
    /// The numbers.
    pub evaluation: &'a Evaluation,
    /// What they were worked out from.
    pub gathered: &'a Gathered,
    /// The cutouts, if there are any.
    pub data: Option<&'a Arc<Dataset>>,
    /// The models, opened, in the order of those sources that are models.
    pub models: &'a [Classifier],
    /// Models and score files.
    pub sources: &'a [Source],
    /// Candidates in each gallery; 0 for no galleries.
    pub gallery: usize,
    /// Whether galleries show what a model looked at.
    pub grad_cam: bool,
    /// The side in pixels to which cutouts are cropped for the models.
    pub crop: Option<usize>,
    /// Of what is chosen at random.
    pub seed: u64,
    /// The command that was given.
    pub command: &'a str,
}

const PAGE: &str = "report.html";
const JSON: &str = "evaluation.json";
const FIGURES: &str = "figures";
const GALLERIES: &str = "galleries";

/// The folder, as it is claimed before long work.
pub const FOLDER: claims::Folder = claims::Folder {
    what: "an earlier evaluation",
    ours: |dir| dir.join(JSON).is_file(),
    is_whole: |dir| dir.join(JSON).is_file() && !dir.join(UNFINISHED).exists(),
    mixed: false,
};

/// Writes everything into a hidden folder and then puts it into `dir`, `report.html` last;
/// what an earlier evaluation left there is replaced, what else is there is not touched.
/// `progress` hears how many of how many pictures are done.
pub fn write(
    dir: &Path,
    contents: &Contents,
    progress: &(dyn Fn(usize, usize) + Sync),
) -> Result<()> {
    let made = place_in(dir)?;
    fill(made.path(), contents, progress)
        .map_err(|error| results::renamed(error, made.path(), dir))?;
    let mut entries = vec![JSON, FIGURES, GALLERIES];
    entries.extend(tables::TABLES.map(|(name, _)| name));
    entries.push(PAGE);
    results::put(made.path(), dir, entries)
}

fn fill(dir: &Path, contents: &Contents, progress: &(dyn Fn(usize, usize) + Sync)) -> Result<()> {
    let (evaluation, gathered) = (contents.evaluation, contents.gathered);
    let galleries = gallery::galleries(contents)?;
    let figures = report::figures(evaluation)?;
    let drawings = figures.iter().map(|figure| (FIGURES, figure));
    let sheets = galleries.iter().map(|figure| (GALLERIES, figure));
    let all: Vec<(&str, &Figure)> = drawings.chain(sheets).collect();
    for folder in [FIGURES, GALLERIES] {
        if all.iter().any(|(into, _)| *into == folder) {
            let path = dir.join(folder);
            fs::create_dir(&path).map_err(Error::io("create", &path))?;
        }
    }
    let done = AtomicUsize::new(0);
    let (tables, pictures) = rayon::join(
        || {
            tables::write(dir, evaluation, gathered)?;
            json(&dir.join(JSON), contents)?;
            page(&dir.join(PAGE), contents, &figures, &galleries)
        },
        || {
            all.par_iter().try_for_each(|(folder, figure)| {
                let path = dir.join(folder).join(&figure.name);
                let svg = figure.drawing.svg()?;
                create(&path.with_extension("svg"), |out| {
                    out.write_all(svg.as_bytes())
                })?;
                let png = figure.drawing.png()?;
                create(&path.with_extension("png"), |out| out.write_all(&png))?;
                progress(done.fetch_add(1, Ordering::Relaxed) + 1, all.len());
                Ok::<(), Error>(())
            })
        },
    );
    tables.and(pictures)
}

/// What was evaluated, in pairs of what and which.
fn facts(contents: &Contents) -> Vec<(String, String)> {
    let gathered = contents.gathered;
    let mut facts = vec![
        ("Data".into(), gathered.source.display().to_string()),
        ("Rows".into(), gathered.which.clone()),
    ];
    for source in contents.sources {
        let what = match source.what {
            What::Model => "Model",
            What::Scores => "Scores",
        };
        let path = source.path.display().to_string();
        facts.push((format!("{what} {}", source.name), path));
    }
    if let Some(model) = contents.models.first() {
        facts.push(("Device".into(), model.file().model.device().name()));
    }
    facts.push(("rbgpu".into(), env!("CARGO_PKG_VERSION").into()));
    facts.push(("Command".into(), contents.command.into()));
    facts
}

fn page(path: &Path, contents: &Contents, figures: &[Figure], galleries: &[Figure]) -> Result<()> {
    let gathered = contents.gathered;
    let names: Vec<&str> = contents.sources.iter().map(|s| s.name.as_str()).collect();
    let source = gathered.source.file_name().unwrap_or_default();
    let mut files: Vec<(String, String)> = vec![(JSON.into(), "every number as JSON".into())];
    let tables = tables::TABLES.iter();
    files.extend(tables.map(|(name, what)| (name.to_string(), what.to_string())));
    files.push((format!("{FIGURES}/"), "every figure as SVG and PNG".into()));
    if !galleries.is_empty() {
        files.push((format!("{GALLERIES}/"), "the galleries, likewise".into()));
    }
    let page = report::page(&report::Page {
        title: format!("{} on {}", names.join(", "), source.to_string_lossy()),
        facts: facts(contents),
        notices: gathered.notices.clone(),
        evaluation: contents.evaluation,
        figures,
        galleries,
        files,
    })?;
    create(path, |out| out.write_all(page.as_bytes()))
}

fn json(path: &Path, contents: &Contents) -> Result<()> {
    let about = facts(contents)
        .into_iter()
        .map(|(what, which)| (what, json!(which)));
    let all = json!({
        "about": about.collect::<serde_json::Map<_, _>>(),
        "notices": contents.gathered.notices,
        "evaluation": contents.evaluation,
    });
    create(path, |out| {
        serde_json::to_writer(out, &all).map_err(std::io::Error::from)
    })
}
