//! The folder of a paper's experiments: the page, figures, galleries, tables, every number.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use rayon::prelude::*;
use serde_json::Value;

use crate::data::atomic::folder_beside;
use crate::data::results::{self, create};
use crate::report::{Figure, PaperPage, paper_page};
use crate::{Error, Result};

/// Every number as JSON; a folder with it is that of an earlier report.
pub const NUMBERS: &str = "numbers.json";
/// The page.
pub const PAGE: &str = "report.html";
/// Trained networks.
pub const MODELS: &str = "models";
/// Trainings that are not over yet, or not all; gone when the report is there.
pub const RUNS: &str = "runs";
const FIGURES: &str = "figures";
const GALLERIES: &str = "galleries";
const TABLES: &str = "tables";
/// The table of claims.
const CLAIMS: &str = "claims";

/// Refuses, before long work, a folder that cannot be written: one that is or holds an input, is a
/// file, or holds something else than experiments.
pub fn check(dir: &Path, inputs: &[PathBuf]) -> Result<()> {
    let ours = [NUMBERS, RUNS].iter().any(|name| dir.join(name).exists());
    results::check(dir, inputs, ours, "an earlier report")
}

/// Writes everything into a folder beside `dir` and then puts it there, `report.html` last; what an
/// earlier report left there is replaced, what else is there is not touched. `page` gets links to
/// the files, before those it has. `progress` hears how many of how many pictures are done.
pub fn write(
    dir: &Path,
    page: &mut PaperPage,
    numbers: &Value,
    progress: &(dyn Fn(usize, usize) + Sync),
) -> Result<()> {
    let mut files: Vec<(String, String)> = vec![(NUMBERS.into(), "every number as JSON".into())];
    if !page.claims.is_empty() {
        let path = format!("{TABLES}/{CLAIMS}.csv");
        files.push((path, "the paper in one table".into()));
    }
    for table in page.tables() {
        let path = format!("{TABLES}/{}.csv", table.name);
        files.push((path, table.caption.clone()));
    }
    let has = |gallery: bool| page.figures().any(|(_, is)| is == gallery);
    let (figures, galleries) = (has(false), has(true));
    if figures {
        let what = "every figure as SVG and PNG";
        files.push((format!("{FIGURES}/"), what.into()));
    }
    if galleries {
        files.push((format!("{GALLERIES}/"), "the galleries, likewise".into()));
    }
    files.append(&mut page.files);
    page.files = files;

    let made = folder_beside(dir)?;
    fill(made.path(), page, numbers, progress)?;
    results::put(
        made.path(),
        dir,
        [NUMBERS, FIGURES, GALLERIES, TABLES, PAGE],
    )
}

fn fill(
    dir: &Path,
    page: &PaperPage,
    numbers: &Value,
    progress: &(dyn Fn(usize, usize) + Sync),
) -> Result<()> {
    for folder in [FIGURES, GALLERIES, TABLES] {
        let path = dir.join(folder);
        fs::create_dir(&path).map_err(Error::io("create", &path))?;
    }
    create(&dir.join(NUMBERS), |out| {
        serde_json::to_writer(out, numbers).map_err(std::io::Error::from)
    })?;
    tables(&dir.join(TABLES), page)?;
    let html = paper_page(page)?;
    create(&dir.join(PAGE), |out| out.write_all(html.as_bytes()))?;
    let all: Vec<(&Figure, bool)> = page.figures().collect();
    let done = std::sync::atomic::AtomicUsize::new(0);
    all.par_iter().try_for_each(|(figure, gallery)| {
        let folder = if *gallery { GALLERIES } else { FIGURES };
        let path = dir.join(folder).join(&figure.name);
        let svg = figure.drawing.svg()?;
        create(&path.with_extension("svg"), |out| {
            out.write_all(svg.as_bytes())
        })?;
        let png = figure.drawing.png()?;
        create(&path.with_extension("png"), |out| out.write_all(&png))?;
        let before = done.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        progress(before + 1, all.len());
        Ok::<(), Error>(())
    })
}

fn tables(dir: &Path, page: &PaperPage) -> Result<()> {
    for table in page.tables() {
        csv_file(dir, &table.name, &table.plain())?;
    }
    if page.claims.is_empty() {
        return Ok(());
    }
    let mut rows = vec![
        [
            "place",
            "the paper says",
            "paper",
            "here",
            "holds",
            "remark",
        ]
        .map(String::from)
        .to_vec(),
    ];
    for claim in &page.claims {
        let paper = claim.paper.clone();
        rows.push(vec![
            claim.place.clone(),
            claim.said.clone(),
            paper.unwrap_or_else(|| "not available".into()),
            claim.ours.clone(),
            claim.holds.word().into(),
            claim.remark.clone(),
        ]);
    }
    csv_file(dir, CLAIMS, &rows)
}

fn csv_file(dir: &Path, name: &str, rows: &[Vec<String>]) -> Result<()> {
    create(&dir.join(format!("{name}.csv")), |out| {
        let mut csv = csv::Writer::from_writer(out);
        rows.iter().try_for_each(|row| csv.write_record(row))?;
        csv.flush()
    })
}
