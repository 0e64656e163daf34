//! A study as a page: what was asked, its table, its figure.

use maud::{DOCTYPE, PreEscaped, html};

use super::{POLICY, STYLE, figure, href};
use crate::Result;
use crate::report::Figure;

/// What stands on the page of a study.
#[derive(Debug)]
pub struct StudyPage<'a> {
    /// The heading.
    pub title: String,
    /// What was trained, on what: name and value.
    pub facts: Vec<(String, String)>,
    /// What the reader must know of it, most important first.
    pub notices: Vec<String>,
    /// Rows of text under a header, which comes first.
    pub table: &'a [Vec<String>],
    /// `None` where there is nothing to draw.
    pub figure: Option<&'a Figure>,
    /// Files beside the page: path relative to it, and what is in it.
    pub files: Vec<(String, String)>,
}

/// The whole file, as [`page`](super::page) makes it: no scripts, no outside request, everything
/// that comes from data escaped.
pub fn study_page(page: &StudyPage) -> Result<String> {
    let drawn = page.figure.map(|f| figure(f, "figure")).transpose()?;
    let (head, rows) = match page.table.split_first() {
        Some((head, rows)) => (head.as_slice(), rows),
        None => (&[][..], page.table),
    };
    let whole = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(POLICY);
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                link rel="icon" href="data:,";
                title { (page.title) }
                style { (PreEscaped(STYLE)) }
            }
            body { main {
                header {
                    h1 { (page.title) }
                    dl { @for (name, value) in &page.facts { dt { (name) } dd { (value) } } }
                    @if !page.notices.is_empty() {
                        div.notices { @for notice in &page.notices { p { (notice) } } }
                    }
                }
                @if let Some(drawn) = drawn { section id="figure" { (drawn) } }
                section id="table" {
                    h2 { "Trainings" }
                    div.scroll { table {
                        thead { tr { @for name in head { th { (name) } } } }
                        tbody { @for row in rows { tr { @for cell in row { td { (cell) } } } } }
                    } }
                }
                section id="files" {
                    h2 { "Files" }
                    ul { @for (path, what) in &page.files {
                        li { a href=(href(path)) { (path) } ": " (what) }
                    } }
                }
            } }
        }
    };
    Ok(whole.into_string())
}
