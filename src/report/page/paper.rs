//! A paper's experiments done again, as a page: its claims with what came of them, then its tables
//! and figures in its order, each number beside the paper's.

use std::collections::HashSet;

use maud::{Markup, html};
use serde::Serialize;

use super::{document, figure, header, href};
use crate::report::Figure;
use crate::{Error, Result};

/// What stands for a number that the paper has and we do not.
const NOT_AVAILABLE: &str = "not available";

/// What stands on the page of a paper's reproduction.
#[derive(Debug, Default)]
pub struct PaperPage {
    /// The heading.
    pub title: String,
    /// What was run and how, nothing that differs from machine to machine: name and value.
    pub facts: Vec<(String, String)>,
    /// What the reader must know of it, most important first.
    pub notices: Vec<String>,
    /// What came out, in words, above the table of claims; a paragraph each.
    pub summary: Vec<String>,
    /// The paper in one table.
    pub claims: Vec<Claim>,
    /// Its experiments.
    pub sections: Vec<PaperSection>,
    /// Files beside the page: path relative to it, and what is in it. A path may be a folder's.
    pub files: Vec<(String, String)>,
}

/// Something that the paper says, and what came of it here.
#[derive(Clone, Debug, Serialize)]
pub struct Claim {
    /// Where it says so: "Sect. 7.1, Table 5".
    pub place: String,
    /// What it says, as a sentence.
    pub said: String,
    /// Its number; `None` where our copy of the paper does not have it.
    pub paper: Option<String>,
    /// The same number here.
    pub ours: String,
    /// Whether it is so here too.
    pub holds: Holds,
    /// Where it differs and why, or what to keep in mind; may be empty.
    pub remark: String,
}

/// Whether what a paper says is so in its reproduction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Holds {
    /// It is.
    Yes,
    /// Some of it is.
    Partly,
    /// It is not.
    No,
    /// This run cannot tell.
    Unknown,
}

impl Holds {
    /// In one or two words: "holds", "in part", "does not", "cannot tell".
    pub fn word(self) -> &'static str {
        self.shown().0
    }

    /// The words, and the class of their look.
    fn shown(self) -> (&'static str, &'static str) {
        match self {
            Holds::Yes => ("holds", "yes"),
            Holds::Partly => ("in part", "partly"),
            Holds::No => ("does not", "no"),
            Holds::Unknown => ("cannot tell", "unknown"),
        }
    }
}

/// A part of the page under a heading, such as "Table 5. Metrics of the five networks".
#[derive(Debug, Default)]
pub struct PaperSection {
    /// The heading; no two on a page are the same.
    pub heading: String,
    /// What stands under it, in this order.
    pub parts: Vec<PaperPart>,
}

/// Something under a heading.
#[derive(Debug)]
pub enum PaperPart {
    /// A paragraph: what the paper shows, what ours is, where it differs and why.
    Text(String),
    /// A table.
    Table(PaperTable),
    /// A figure.
    Figure(Figure),
    /// Figures that belong together, two beside each other where there is room.
    Panels(Vec<Figure>),
    /// A sheet of cutouts.
    Gallery(Figure),
}

/// A table of the paper, its numbers beside ours.
#[derive(Clone, Debug, Default, Serialize)]
pub struct PaperTable {
    /// Stem of its file; no two on a page are the same.
    pub name: String,
    /// Above it: what it shows.
    pub caption: String,
    /// Column heads.
    pub head: Vec<String>,
    /// As many cells each as there are heads.
    pub rows: Vec<Vec<Cell>>,
}

/// A cell of a table.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Cell {
    /// Words, which may take several lines.
    Text(String),
    /// A number, or words as short as one.
    Number(String),
    /// A number here and in the paper; `None` is "not available".
    Pair {
        /// The paper's.
        paper: Option<String>,
        /// This run's, with its interval if it has one: "0.981 [0.97, 0.99]".
        ours: String,
    },
}

impl Cell {
    /// A number and the paper's.
    pub fn pair(paper: Option<&str>, ours: impl Into<String>) -> Cell {
        Cell::Pair {
            paper: paper.map(String::from),
            ours: ours.into(),
        }
    }

    /// Words.
    pub fn text(text: impl Into<String>) -> Cell {
        Cell::Text(text.into())
    }

    /// A number.
    pub fn number(number: impl Into<String>) -> Cell {
        Cell::Number(number.into())
    }
}

impl PaperTable {
    /// As rows of text under a header, which comes first: a column that has the paper's numbers
    /// becomes two, ours and then the paper's.
    pub fn plain(&self) -> Vec<Vec<String>> {
        let paired = |k: usize| {
            let mut cells = self.rows.iter().filter_map(|row| row.get(k));
            cells.any(|cell| matches!(cell, Cell::Pair { .. }))
        };
        let mut head = Vec::new();
        for (k, name) in self.head.iter().enumerate() {
            head.push(name.clone());
            if paired(k) {
                head.push(format!("{name} (paper)"));
            }
        }
        let row = |cells: &Vec<Cell>| {
            let mut row = Vec::new();
            for (k, cell) in cells.iter().enumerate() {
                let (ours, paper) = match cell {
                    Cell::Text(text) | Cell::Number(text) => (text, ""),
                    Cell::Pair { paper, ours } => (ours, paper.as_deref().unwrap_or(NOT_AVAILABLE)),
                };
                row.push(ours.clone());
                if paired(k) {
                    row.push(paper.into());
                }
            }
            row
        };
        std::iter::once(head)
            .chain(self.rows.iter().map(row))
            .collect()
    }
}

impl PaperSection {
    /// A section with a heading and its first paragraph.
    pub fn new(heading: impl Into<String>, text: impl Into<String>) -> PaperSection {
        PaperSection {
            heading: heading.into(),
            parts: vec![PaperPart::Text(text.into())],
        }
    }

    /// One more paragraph.
    pub fn text(&mut self, text: impl Into<String>) {
        self.parts.push(PaperPart::Text(text.into()));
    }
}

impl PaperPage {
    /// Every table, in the page's order.
    pub fn tables(&self) -> impl Iterator<Item = &PaperTable> {
        let parts = self.sections.iter().flat_map(|section| &section.parts);
        parts.filter_map(|part| match part {
            PaperPart::Table(table) => Some(table),
            _ => None,
        })
    }

    /// Every figure, in the page's order, and whether it is a gallery.
    pub fn figures(&self) -> impl Iterator<Item = (&Figure, bool)> {
        let parts = self.sections.iter().flat_map(|section| &section.parts);
        parts.flat_map(|part| {
            let (figures, gallery) = match part {
                PaperPart::Figure(figure) => (std::slice::from_ref(figure), false),
                PaperPart::Gallery(sheet) => (std::slice::from_ref(sheet), true),
                PaperPart::Panels(figures) => (figures.as_slice(), false),
                PaperPart::Text(_) | PaperPart::Table(_) => (&[][..], false),
            };
            figures.iter().map(move |figure| (figure, gallery))
        })
    }

    /// An error where two things would have the same file or the same place on the page.
    fn check(&self) -> Result<()> {
        let headings = self
            .sections
            .iter()
            .map(|s| format!("section {}", slug(&s.heading)));
        let tables = self.tables().map(|t| format!("table {}", t.name));
        let figures = self.figures().map(|(f, _)| format!("figure {}", f.name));
        let mut seen = HashSet::new();
        for name in headings.chain(tables).chain(figures) {
            if seen.contains(&name) {
                let found = format!("{name} twice");
                return Err(Error::config("page of a paper", found, "each name once"));
            }
            seen.insert(name);
        }
        for table in self.tables() {
            let wide = table.head.len();
            if let Some(row) = table.rows.iter().find(|row| row.len() != wide) {
                let found = format!("{} cells in a row of table {}", row.len(), table.name);
                let expected = format!("{wide}, one under each head");
                return Err(Error::config("page of a paper", found, expected));
            }
        }
        Ok(())
    }
}

/// The whole file, as [`page`](super::page) makes it: no scripts, no outside request, everything
/// that comes from data escaped. An error where two figures, tables or headings have one name.
pub fn paper_page(page: &PaperPage) -> Result<String> {
    page.check()?;
    let mut sections = Vec::new();
    for section in &page.sections {
        let parts = section.parts.iter().map(part);
        sections.push((section, parts.collect::<Result<Vec<Markup>>>()?));
    }
    let body = html! {
        (header(&page.title, &page.facts, &page.notices))
        (contents(page))
        @if !page.summary.is_empty() || !page.claims.is_empty() {
            section id="summary" {
                h2 { "The paper in one table" }
                @for text in &page.summary { p { (text) } }
                (claims(&page.claims))
            }
        }
        @for (section, parts) in &sections {
            section id={ "section-" (slug(&section.heading)) } {
                h2 { (section.heading) }
                @for part in parts { (part) }
            }
        }
        @if !page.files.is_empty() {
            section id="files" {
                h2 { "Files" }
                ul { @for (path, what) in &page.files {
                    li { a href=(href(path)) { (path) } ": " (what) }
                } }
            }
        }
    };
    Ok(document(&page.title, body))
}

/// Small letters, digits and dashes, as an id has them.
fn slug(heading: &str) -> String {
    let plain = |c: char| match c.is_ascii_alphanumeric() {
        true => c.to_ascii_lowercase(),
        false => ' ',
    };
    let plain: String = heading.chars().map(plain).collect();
    plain.split_whitespace().collect::<Vec<_>>().join("-")
}

fn part(part: &PaperPart) -> Result<Markup> {
    Ok(match part {
        PaperPart::Text(text) => html! { p { (text) } },
        PaperPart::Table(shown) => table(shown),
        PaperPart::Figure(shown) => figure(shown, "figure")?,
        PaperPart::Gallery(sheet) => figure(sheet, "gallery")?,
        PaperPart::Panels(figures) => {
            let drawn = figures.iter().map(|f| figure(f, "figure"));
            let drawn = drawn.collect::<Result<Vec<Markup>>>()?;
            html! { div.panels { @for figure in &drawn { (figure) } } }
        }
    })
}

fn contents(page: &PaperPage) -> Markup {
    html! {
        nav aria-label="Contents" { ul {
            @if !page.claims.is_empty() { li { a href="#summary" { "The paper in one table" } } }
            @for section in &page.sections {
                li {
                    a href={ "#section-" (slug(&section.heading)) } { (section.heading) }
                }
            }
            @if !page.files.is_empty() { li { a href="#files" { "Files" } } }
        } }
    }
}

fn claims(claims: &[Claim]) -> Markup {
    html! {
        @if !claims.is_empty() { div.scroll { table.claims {
            thead { tr {
                th { "The paper says" } th.left { "Paper" } th.left { "Here" } th.left { "" } th.left { "Remark" }
            } }
            tbody { @for claim in claims {
                @let (word, class) = claim.holds.shown();
                tr {
                    td.words { (claim.said) " " span.quiet { "(" (claim.place) ")" } }
                    td.left.short { (paper(claim.paper.as_deref())) }
                    td.left.short.ours { (claim.ours) }
                    td.left { span class={ "verdict " (class) } { (word) } }
                    td.left.words { (claim.remark) }
                }
            } }
        } } }
    }
}

fn paper(number: Option<&str>) -> Markup {
    match number {
        Some(number) => html! { (number) },
        None => html! { span.missing { (NOT_AVAILABLE) } },
    }
}

fn table(table: &PaperTable) -> Markup {
    // A head stands as its column does.
    let words = |k: usize| {
        let mut cells = table.rows.iter().filter_map(|row| row.get(k));
        cells.any(|cell| matches!(cell, Cell::Text(_)))
    };
    html! {
        div.tabled id={ "table-" (table.name) } {
            p.caption { (table.caption) }
            div.scroll { table {
                thead { tr { @for (k, name) in table.head.iter().enumerate() {
                    th.left[words(k)] { (name) }
                } } }
                tbody { @for row in &table.rows {
                    tr { @for cell in row { (shown(cell)) } }
                } }
            } }
        }
    }
}

fn shown(cell: &Cell) -> Markup {
    match cell {
        Cell::Text(text) => html! { td.left.text { (text) } },
        Cell::Number(number) => html! { td { (number) } },
        Cell::Pair {
            paper: theirs,
            ours,
        } => html! {
            td.pair {
                @let (value, interval) = ours.split_once(" [").unwrap_or((ours, ""));
                span.ours { (value) }
                @if !interval.is_empty() { span.interval { "[" (interval) } }
                span.paper { "paper " (paper(theirs.as_deref())) }
            }
        },
    }
}
