//! The folder of a paper's experiments: the page, figures, galleries, tables, every number.

use std::fs;
use std::io::Write;
use std::path::Path;

use rayon::prelude::*;
use serde_json::Value;

use crate::data::claims;
use crate::data::results::{self, UNFINISHED, create, place_in};
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

/// The folder, as it is claimed before long work. A report is whole where no trainings are left.
pub const FOLDER: claims::Folder = claims::Folder {
    what: "an earlier report",
    ours: |dir| [NUMBERS, RUNS].iter().any(|name| dir.join(name).exists()),
    is_whole: |dir| {
        let is_there = |name: &str| dir.join(name).exists();
        is_there(NUMBERS) && !is_there(RUNS) && !is_there(UNFINISHED)
    },
    mixed: false,
};

/// Writes everything into a hidden folder and then puts it into `dir`, `report.html` last; what an
/// earlier report left there is replaced, what else is there is not touched. `more` writes the
/// models, and the files `besides`, into the folder that it gets. `page` gets links to the files,
/// before those it has. `progress` hears how many of how many pictures are done.
pub fn write(
    dir: &Path,
    page: &mut PaperPage,
    numbers: &Value,
    more: &dyn Fn(&Path) -> Result<()>,
    besides: &[&str],
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

    let made = place_in(dir)?;
    more(made.path())
        .and_then(|()| fill(made.path(), page, numbers, progress))
        .map_err(|error| results::renamed(error, made.path(), dir))?;
    let mut entries = vec![NUMBERS, MODELS, FIGURES, GALLERIES, TABLES];
    // One that a report has no use for may be somebody's own.
    let written = besides
        .iter()
        .filter(|name| made.path().join(name).exists());
    entries.extend(written);
    entries.push(PAGE);
    results::put(made.path(), dir, entries)
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
