//! The report: one HTML file that holds all it shows and asks the network for nothing.

mod inline;
mod paper;
mod study;
mod tables;

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::evaluation::Figure;
use crate::Result;
use crate::error::escape::escaped;
use crate::judge::Evaluation;

pub use paper::{Cell, Claim, Holds, PaperPage, PaperPart, PaperSection, PaperTable, paper_page};
pub use study::{StudyPage, study_page};

const STYLE: &str = include_str!("style.css");
/// What a browser may load: nothing.
const POLICY: &str = "default-src 'none'; img-src data:; style-src 'unsafe-inline'";

/// What stands in a report.
#[derive(Debug)]
pub struct Page<'a> {
    /// The heading.
    pub title: String,
    /// What was evaluated, on which rows, by which version and command: name and value.
    pub facts: Vec<(String, String)>,
    /// What the reader must know of it, most important first.
    pub notices: Vec<String>,
    /// The numbers.
    pub evaluation: &'a Evaluation,
    /// The figures, in their order.
    pub figures: &'a [Figure],
    /// Sheets of cutouts.
    pub galleries: &'a [Figure],
    /// Files beside the report: path relative to it, and what is in it.
    pub files: Vec<(String, String)>,
}

/// A part of the report with its figures.
struct Section<'a> {
    id: &'static str,
    title: &'static str,
    figures: Vec<&'a Figure>,
}

const SECTIONS: [(&str, &str); 7] = [
    ("trade-offs", "What a threshold trades"),
    ("by-threshold", "Against the threshold"),
    ("probabilities", "Probabilities"),
    ("parts", "Parts of the data"),
    ("data", "The data"),
    ("training", "Training"),
    ("more", "More figures"),
];

/// The section that a figure belongs to, by its name.
fn section_of(name: &str) -> &'static str {
    match name {
        "confusion" | "roc" | "fpr-mdr" | "precision-recall" | "cleanliness" => "trade-offs",
        "mcc-f1" | "mcc-f1-threshold" | "mdr-fpr-threshold" => "by-threshold",
        "scores" | "reliability" | "categories" => "probabilities",
        "completeness" => "parts",
        n if n.starts_with("distribution-") => "data",
        n if n.starts_with("learning-curve") => "training",
        n if n.contains("-by-") => "parts",
        _ => "more",
    }
}

/// The whole file. Everything that comes from data is escaped. It has no scripts; its policy
/// forbids the browser to load anything.
pub fn page(page: &Page) -> Result<String> {
    let sections = SECTIONS.map(|(id, title)| Section {
        id,
        title,
        figures: page
            .figures
            .iter()
            .filter(|figure| section_of(&figure.name) == id)
            .collect(),
    });
    let sections: Vec<Section> = sections
        .into_iter()
        .filter(|s| !s.figures.is_empty())
        .collect();
    let mut drawn = Vec::new();
    for section in &sections {
        let figures = section.figures.iter().map(|f| figure(f, "figure"));
        drawn.push(figures.collect::<Result<Vec<Markup>>>()?);
    }
    let galleries = page.galleries.iter().map(|sheet| figure(sheet, "gallery"));
    let galleries = galleries.collect::<Result<Vec<Markup>>>()?;
    let evaluation = page.evaluation;
    let body = html! {
        (header(&page.title, &page.facts, &page.notices))
        (contents(page, &sections))
        section id="metrics" {
            h2 { "Metrics" }
            p { "At the threshold in use where a metric needs one. In brackets the interval, \
                 and in the last column how it was found." }
            (tables::metrics(evaluation))
        }
        section id="thresholds" {
            h2 { "Thresholds" }
            p { "A candidate is called real when P(real) is at least the threshold. Rules choose \
                 it as in O'TRAIN Sect. 6.2, or for a wanted rate." }
            (tables::thresholds(evaluation))
        }
        section id="decisions" {
            h2 { "Decisions" }
            (tables::confusion(evaluation))
        }
        section id="table-categories" {
            h2 { "Categories" }
            p { "Candidates by label and by how sure the classifier is (DES Table 2). In 1 and 6 it \
                 is sure of the opposite of the label." }
            (tables::categories(evaluation))
            @if !evaluation.agreements.is_empty() {
                p { "How the other classifiers sort what one is wrongly sure of (DES Table 3): where they \
                     agree with it, the label is likely to be wrong." }
                (tables::agreements(evaluation))
            }
        }
        @for (section, figures) in sections.iter().zip(&drawn) {
            section id=(section.id) {
                h2 { (section.title) }
                @for figure in figures { (figure) }
            }
        }
        @if !galleries.is_empty() {
            section id="galleries" {
                h2 { "Galleries" }
                @for gallery in &galleries { (gallery) }
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

/// A file of this look around what it shows.
fn document(title: &str, body: Markup) -> String {
    let whole = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(POLICY);
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                link rel="icon" href="data:,";
                title { (title) }
                style { (PreEscaped(STYLE)) }
            }
            body { main { (body) } }
        }
    };
    // Of ids and names maud escapes what HTML gives a meaning, and leaves what acts on the text.
    escaped(&whole.into_string()).into_owned()
}

fn header(title: &str, facts: &[(String, String)], notices: &[String]) -> Markup {
    html! {
        header {
            h1 { (title) }
            dl { @for (name, value) in facts { dt { (name) } dd { (value) } } }
            @if !notices.is_empty() {
                div.notices { @for notice in notices { p { (notice) } } }
            }
        }
    }
}

fn contents(page: &Page, sections: &[Section]) -> Markup {
    let tables = [
        ("metrics", "Metrics"),
        ("thresholds", "Thresholds"),
        ("decisions", "Decisions"),
        ("table-categories", "Categories"),
    ];
    html! {
        nav aria-label="Contents" { ul {
            li { "Numbers" ul { @for (id, title) in tables {
                li { a href={ "#" (id) } { (title) } }
            } } }
            @for section in sections {
                li {
                    a href={ "#" (section.id) } { (section.title) }
                    ul { @for figure in &section.figures {
                        li { a href={ "#figure-" (figure.name) } { (figure.title) } }
                    } }
                }
            }
            @if !page.galleries.is_empty() {
                li {
                    a href="#galleries" { "Galleries" }
                    ul { @for gallery in page.galleries {
                        li { a href={ "#gallery-" (gallery.name) } { (gallery.title) } }
                    } }
                }
            }
            @if !page.files.is_empty() { li { a href="#files" { "Files" } } }
        } }
    }
}

/// Heading, picture and caption.
fn figure(figure: &Figure, kind: &str) -> Result<Markup> {
    let id = format!("{kind}-{}", figure.name);
    let svg = inline::inline(&figure.drawing, &id, &figure.title)?;
    Ok(html! {
        figure id=(id) {
            h3 { (figure.title) }
            div.scroll { (PreEscaped(svg)) }
            figcaption { (figure.caption) }
        }
    })
}

/// A relative path as a link: what has a meaning in a URL is coded, and nothing in it can be
/// taken for a scheme or a host.
fn href(path: &str) -> String {
    let mut made = String::from("./");
    for byte in path.trim_start_matches('/').bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'/' => {
                made.push(byte as char);
            }
            _ => made.push_str(&format!("%{byte:02X}")),
        }
    }
    made
}

#[cfg(test)]
mod tests {
    use super::href;

    #[test]
    fn links_stay_beside_the_report() {
        assert_eq!(href("metrics.json"), "./metrics.json");
        assert_eq!(href("javascript:x"), "./javascript%3Ax");
        assert_eq!(href("//host/a b#c"), "./host/a%20b%23c");
    }
}
