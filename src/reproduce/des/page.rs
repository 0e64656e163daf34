//! The report: the paper's tables and figures in its order, its numbers beside ours.

use super::compare::shares;
use super::first::First;
use super::live::Live;
use super::published::{CATEGORIES, CONFUSION, GOLDSTEIN, TABLE_5};
use super::repair::Repair;
use super::run::Outcome;
use super::sample::Sample;
use super::second::Second;
use super::tables::{percent, table, table_1, table_2, table_3};
use super::{words, words_live};
use crate::Result;
use crate::judge::Evaluation;
use crate::report::{
    self, Cell, Figure, PaperPage, PaperPart, PaperSection, PaperTable, Tile, fpr_against_mdr,
};

/// Tiles of each kind in a gallery.
const SHOWN: usize = 4;

/// Builds the page.
pub fn page(outcome: &Outcome) -> Result<PaperPage> {
    let (sample, first) = (&outcome.sample, &outcome.first);
    let mut sections = vec![
        candidates(outcome)?,
        section(
            "Table 1. The four networks",
            words::table_1(outcome),
            [table_1(first)],
        ),
        with_figure(
            "Figure 4. FPR against MDR, labels as given",
            words::figure_4(outcome),
            rates(&first.evaluation, "figure-4"),
        ),
        with_figure(
            "Figure 5. Scores of model 1",
            words::figure_5(outcome),
            picked(
                &mut report::figures(&alone(&first.evaluation, 0))?,
                "scores",
                "figure-5",
            )?,
        ),
        section(
            "Table 2. Six categories",
            words::table_2(outcome),
            [table_2(first)],
        ),
        section(
            "Table 3. Do others say the same?",
            words::table_3(outcome),
            table_3(first),
        ),
    ];
    if let Some(repair) = &outcome.repair {
        sections.push(figure_6(sample, first, repair, outcome)?);
    }
    if let Some(found) = &outcome.found {
        sections.push(super::found::section(outcome, found));
    }
    if let Some(repair) = &outcome.repair {
        sections.push(with_figure(
            "Figure 7. The same networks, test labels repaired",
            words::figure_7(outcome, repair),
            rates(&repair.evaluation, "figure-7"),
        ));
    }
    if let (Some(repair), Some(second)) = (&outcome.repair, &outcome.second) {
        sections.extend(retrained(outcome, repair, second)?);
    }
    if let Some(live) = &outcome.live {
        sections.push(votes(live)?);
        sections.push(figures_12_13(live)?);
    }
    Ok(PaperPage {
        title: "Ayyar et al. 2022, run again: real/bogus networks for the Dark Energy Survey"
            .into(),
        facts: outcome.facts.clone(),
        notices: outcome.notices.clone(),
        summary: words::summary(outcome),
        claims: super::claims::claims(outcome),
        sections,
        files: Vec::new(),
    })
}

fn section<const N: usize>(heading: &str, text: String, tables: [PaperTable; N]) -> PaperSection {
    let mut section = PaperSection::new(heading, text);
    section.parts.extend(tables.map(PaperPart::Table));
    section
}

fn with_figure(heading: &str, text: String, figure: Figure) -> PaperSection {
    let mut section = PaperSection::new(heading, text);
    section.parts.push(PaperPart::Figure(figure));
    section
}

/// One of several classifiers.
fn alone(evaluation: &Evaluation, number: usize) -> Evaluation {
    let mut one = evaluation.clone();
    one.classifiers = vec![evaluation.classifiers[number].clone()];
    one.agreements.clear();
    one
}

/// The figure called `name` of those of an evaluation, under another name.
fn picked(all: &mut Vec<Figure>, name: &str, new: &str) -> Result<Figure> {
    let found = all.iter().position(|figure| figure.name == name);
    let at = found.ok_or_else(|| {
        crate::Error::config("figure", name, "one that the evaluation has something for")
    })?;
    let mut figure = all.swap_remove(at);
    figure.name = new.into();
    Ok(figure)
}

/// DES Figs. 4, 7, 8, with the points of Goldstein et al. 2015.
fn rates(evaluation: &Evaluation, name: &str) -> Figure {
    let published = "forest of Goldstein et al. 2015, on DES (Fig. 7 there)";
    let mut figure = fpr_against_mdr(evaluation, Some((published, &GOLDSTEIN)));
    figure.name = name.into();
    figure
}

/// What is drawn of candidates: `rows`, with `scores` of model 1, framed by `labels`.
fn sheet(
    sample: &Sample,
    rows: &[usize],
    labels: &[u8],
    caption: impl Fn(usize) -> Vec<String>,
) -> Result<Vec<Tile>> {
    let shape = sample.data.shape;
    let names = sample.data.channels.iter().flat_map(|names| names.iter());
    let names: Vec<String> = names.map(ToString::to_string).collect();
    let tile = |&row: &usize| {
        let mut pixels = vec![0.0; shape.len()];
        sample.data.pixels.read(row, &mut pixels)?;
        Ok(Tile {
            pixels,
            height: shape.height,
            width: shape.width,
            channels: shape.channels,
            names: names.clone(),
            captions: caption(row),
            real: labels[row] == 1,
            ..Tile::default()
        })
    };
    rows.iter().map(tile).collect()
}

fn gallery(name: &str, title: &str, caption: &str, tiles: &[Tile]) -> Result<Option<PaperPart>> {
    if tiles.is_empty() {
        return Ok(None);
    }
    Ok(Some(PaperPart::Gallery(Figure {
        name: name.into(),
        title: title.into(),
        caption: caption.into(),
        drawing: report::gallery(tiles, 2)?,
    })))
}

fn candidates(outcome: &Outcome) -> Result<PaperSection> {
    let sample = &outcome.sample;
    let labels = sample.labels();
    let mut section = PaperSection::new("Section 3. The candidates", words::candidates(outcome));
    let of = |label: u8| {
        let rows = (0..labels.len()).filter(|&row| labels[row] == label);
        rows.take(5).collect::<Vec<_>>()
    };
    let (bogus, real) = (of(0), of(1));
    let rows: Vec<usize> = bogus
        .iter()
        .zip(&real)
        .flat_map(|(a, b)| [*a, *b])
        .collect();
    let tiles = sheet(sample, &rows, labels, |_| Vec::new())?;
    section.parts.extend(gallery(
        "figure-2",
        "Figure 2. Template, search and difference",
        "Five candidates labelled bogus (left; the paper: artifacts) and five labelled real (right).",
        &tiles,
    )?);
    Ok(section)
}

fn figure_6(
    sample: &Sample,
    first: &First,
    repair: &Repair,
    outcome: &Outcome,
) -> Result<PaperSection> {
    let mut section = PaperSection::new(
        "Section 4.4. Labels repaired",
        words::repaired(repair, outcome),
    );
    let scores = &first.classified[0].scores;
    for (was, name, title) in [
        (
            1,
            "figure-6-real-to-bogus",
            "Figure 6, left. Real → bogus (the paper: 0 → 1)",
        ),
        (
            0,
            "figure-6-bogus-to-real",
            "Figure 6, right. Bogus → real (the paper: 1 → 0)",
        ),
    ] {
        let mut rows = repair.changed_from(was, scores);
        rows.truncate(SHOWN);
        let caption = |row: usize| vec![format!("P(real) {:.4}", scores[row])];
        let tiles = sheet(sample, &rows, sample.labels(), caption)?;
        let told = match (was, sample.truth.is_some()) {
            (1, true) => {
                "Labelled real, and the expert sees none: sources put on saturated stars or bad \
                 columns."
            }
            (1, false) => "Labelled real before, bogus after.",
            (_, true) => {
                "Labelled bogus, and the expert sees a source: transients among the artifacts."
            }
            (_, false) => "Labelled bogus before, real after.",
        };
        section.parts.extend(gallery(name, title, told, &tiles)?);
    }
    Ok(section)
}

fn retrained(outcome: &Outcome, repair: &Repair, second: &Second) -> Result<Vec<PaperSection>> {
    let mut network = report::figures(&alone(&second.evaluation, 0))?;
    let mut matrix = with_figure(
        "Figure 11. Confusion matrix of model 1",
        words::figure_11(second),
        picked(&mut network, "confusion", "figure-11")?,
    );
    let c = &second.evaluation.classifiers[0].confusion;
    let part = |n: u64, of: u64| format!("{:.1} % ({n})", 100.0 * n as f64 / of.max(1) as f64);
    let (bogus, real) = (c.fp + c.tn, c.tp + c.fn_);
    matrix.parts.push(PaperPart::Table(table(
        "figure-11-confusion",
        "At P(real) 0.5, in per cent of the label.",
        &[
            "Labelled",
            "called bogus (artifact)",
            "called real (non-artifact)",
        ],
        vec![
            vec![
                Cell::text("bogus (artifact)"),
                Cell::pair(Some(CONFUSION[0][0]), part(c.tn, bogus)),
                Cell::pair(Some(CONFUSION[0][1]), part(c.fp, bogus)),
            ],
            vec![
                Cell::text("real (non-artifact)"),
                Cell::pair(Some(CONFUSION[1][0]), part(c.fn_, real)),
                Cell::pair(Some(CONFUSION[1][1]), part(c.tp, real)),
            ],
        ],
    )));
    let ours = [
        &outcome.first.evaluation,
        &repair.evaluation,
        &second.evaluation,
    ];
    let ours = ours.map(|evaluation| shares(&evaluation.classifiers[0]));
    let rows = (0..6).map(|k| {
        let mut row = vec![Cell::number((k + 1).to_string()), Cell::text(CATEGORIES[k])];
        row.extend((0..3).map(|i| Cell::pair(Some(TABLE_5[k][i]), percent(ours[i][k]))));
        row
    });
    let table_5 = table(
        "table-5",
        "Per cent of the candidates in each category, by model 1: trained and tested with old labels; \
         trained with old, tested with new; trained and tested with new.",
        &[
            "Category",
            "",
            "1: old labels",
            "2: tested on new",
            "3: new labels",
        ],
        rows.collect(),
    );
    Ok(vec![
        with_figure(
            "Figure 8. FPR against MDR after retraining on repaired labels",
            words::figure_8(outcome, second),
            rates(&second.evaluation, "figure-8"),
        ),
        with_figure(
            "Figure 9. ROC",
            words::figure_9(second),
            picked(&mut report::figures(&second.evaluation)?, "roc", "figure-9")?,
        ),
        with_figure(
            "Figure 10. Learning curves of model 1",
            words::figure_10(second),
            picked(&mut network, "learning-curve", "figure-10")?,
        ),
        matrix,
        section(
            "Table 5. Categories before and after",
            words::table_5(outcome),
            [table_5],
        ),
    ])
}

fn votes(live: &Live) -> Result<PaperSection> {
    let mut section = PaperSection::new("Section 4.6. People's votes", words_live::votes(live));
    section
        .parts
        .push(PaperPart::Table(words_live::table_of_votes(live)));
    Ok(section)
}

fn figures_12_13(live: &Live) -> Result<PaperSection> {
    let mut one = report::figures(&live.retrained)?;
    let mut section = PaperSection::new(
        "Figures 12 and 13. Model 1 retrained on votes",
        words_live::figures_12_13(live),
    );
    section.parts.push(PaperPart::Figure(picked(
        &mut one,
        "roc",
        "figure-12-left",
    )?));
    section.parts.push(PaperPart::Panels(vec![
        picked(&mut one, "mdr-fpr-threshold", "figure-12-middle")?,
        picked(&mut one, "cleanliness", "figure-12-right")?,
    ]));
    section
        .parts
        .push(PaperPart::Figure(picked(&mut one, "scores", "figure-13")?));
    section
        .parts
        .push(PaperPart::Table(words_live::table_of_networks(live)));
    section
        .parts
        .push(PaperPart::Table(words_live::table_of_scores(live)));
    Ok(section)
}
