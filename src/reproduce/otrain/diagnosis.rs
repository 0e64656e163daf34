//! How the training on one cube went (Figs. 10 and A.1–A.4).

use super::Done;
use super::cube::Cube;
use super::trained::Trained;
use crate::Result;
use crate::judge::evaluation::Judged;
use crate::report::{Figure, PaperPart, PaperSection, figures};
use crate::reproduce::words::{range, signed, three};

/// The paper's four panels: what each is called among the figures of an evaluation, and here.
const PANELS: [(&str, &str); 4] = [
    ("mcc-f1-threshold", "MCC and F1"),
    ("scores", "Probabilities"),
    ("learning-curve", "Accuracy and loss"),
    ("roc-by-magnitude", "ROC by magnitude"),
];

/// A section for each cube, in the order of the paper's figures.
pub(super) fn sections(done: &Done) -> Result<Vec<PaperSection>> {
    let mut made = Vec::new();
    for (cube, trained) in done.cubes.iter().zip(&done.trained) {
        made.push(section(cube, trained)?);
    }
    Ok(made)
}

fn section(cube: &Cube, trained: &Trained) -> Result<PaperSection> {
    let heading = match cube.figure() {
        Some(number) => format!("Figure {number}. Diagnosis curves of {}", cube.name),
        None => format!("As Figure 10. Diagnosis curves of {}", cube.name),
    };
    let mut section = PaperSection::new(heading, words(cube, trained));
    let mut all = figures(&trained.evaluation)?;
    let mut panels: Vec<Figure> = Vec::new();
    for (name, title) in PANELS {
        let Some(at) = all.iter().position(|figure| figure.name == name) else {
            continue;
        };
        let figure = all.swap_remove(at);
        panels.push(Figure {
            name: format!("{}-{name}", cube.slug),
            title: format!("{title}, {}", cube.name),
            ..figure
        });
    }
    if panels.len() < PANELS.len() {
        section.text(
            "The ROC by magnitude is left out: no bin of magnitude has candidates of both classes, \
             or none of the candidates has a magnitude.",
        );
    }
    section.parts.push(PaperPart::Panels(panels));
    Ok(section)
}

/// What is to be seen, beside what the paper saw.
fn words(cube: &Cube, trained: &Trained) -> String {
    let judged = trained.judged();
    let mut text = match cube.telescope {
        Some(telescope) => format!(
            "The paper's best threshold is {}, here it is {:.2}. ",
            telescope.threshold, judged.threshold
        ),
        None => format!("The best threshold is {:.2}. ", judged.threshold),
    };
    if let Some(last) = trained.history().last() {
        text += &format!(
            "In the last of {} epochs the accuracy is {} in training and {} in validation, the loss \
             {} and {}: ΔAcc is {}. ",
            last.epoch,
            three(last.accuracy),
            three(last.val_accuracy),
            three(last.loss),
            three(last.val_loss),
            signed(last.accuracy - last.val_accuracy),
        );
    }
    if let Some(training) = &judged.training
        && let Some(best) = training.best_epoch
    {
        text += &format!("The weights of epoch {best} are kept, whose validation loss is lowest. ");
    }
    text += &by_magnitude(judged);
    text.trim().into()
}

fn by_magnitude(judged: &Judged) -> String {
    let bins = judged.breakdowns.iter().find(|b| b.column == "magnitude");
    let aucs: Vec<f64> = bins
        .map_or(&[][..], |b| &b.bins)
        .iter()
        .map(|bin| bin.auc.value)
        .filter(|auc| auc.is_finite())
        .collect();
    match aucs.is_empty() {
        true => String::new(),
        false => format!("By magnitude the AUC is {}.", range(aucs, three)),
    }
}
