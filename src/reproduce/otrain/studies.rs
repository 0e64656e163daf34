//! The sizes of training sets and of cutouts (Figs. 11 and 12).

use super::{Done, tables};
use crate::Result;
use crate::report::{
    Figure, Fitted, PaperPart, PaperSection, Trained as Point, delta_accuracy, study_cutout,
    study_metrics,
};
use crate::reproduce::words::count;
use crate::study::{Measures, Record};

fn point(x: f64, record: &Record, delta_accuracy: f64) -> Point {
    let of = |pick: fn(&Measures) -> f64| record.reported().map_or(f64::NAN, pick);
    Point {
        x,
        delta_accuracy,
        accuracy: of(|m| m.accuracy),
        f1: of(|m| m.f1),
        mcc: of(|m| m.mcc),
    }
}

pub(super) fn figure_11(done: &Done) -> Result<PaperSection> {
    let mut section = PaperSection::new(
        "Figure 11. How many cutouts it takes",
        "The paper finds that networks trained on fewer than 5000 candidates over- or underfit \
         (|ΔAcc| > 2 %), that larger ones do not, and that accuracy, F1 and MCC of JAST-gmadet have \
         converged by then. ΔAcc is negative where dropout, which works in training alone, costs \
         more than what is learned by heart.",
    );
    let sets: Vec<Fitted> = done
        .cubes
        .iter()
        .zip(&done.trained)
        .map(|(cube, trained)| Fitted {
            name: cube.name.clone(),
            points: trained
                .by_size
                .iter()
                .map(|of| (of.size as f64, of.delta()))
                .collect(),
        })
        .collect();
    section.parts.push(PaperPart::Figure(Figure {
        name: "figure-11-delta-accuracy".into(),
        ..delta_accuracy(&sets)?
    }));
    let (cube, trained) = (&done.cubes[0], &done.trained[0]);
    let points: Vec<Point> = trained
        .by_size
        .iter()
        .map(|of| point(of.size as f64, &of.record, f64::NAN))
        .collect();
    section.parts.push(PaperPart::Figure(Figure {
        name: "figure-11-metrics".into(),
        title: format!(
            "Metrics against the size of the training set, {}",
            cube.name
        ),
        caption: "Accuracy, F1 and MCC on the validation part at the best threshold of each \
                  training (O'TRAIN Fig. 11, bottom)."
            .into(),
        drawing: study_metrics(&points, "validation", "")?,
    }));
    section
        .parts
        .push(PaperPart::Table(tables::training_sets(done)));
    Ok(section)
}

pub(super) fn figure_12(done: &Done) -> Result<Option<PaperSection>> {
    let Some(cutouts) = &done.cutouts else {
        return Ok(None);
    };
    let points = |of: &[(usize, Record)]| -> Vec<Point> {
        let each = of.iter();
        each.map(|(size, record)| point(*size as f64, record, f64::NAN))
            .collect()
    };
    let mut section = PaperSection::new(
        "Figure 12. How large a cutout should be",
        format!(
            "The paper cuts the 63×63 cutouts of JAST-STDPipe to sizes from 15 to 63, trains on each, \
             and finds that above 48 pixels “the model behaves randomly”, which it lays to the small \
             kernels. Here: {} trained on {} candidates for {} epochs at each size.",
            cutouts.cube,
            count(cutouts.candidates),
            cutouts.epochs
        ),
    );
    section.parts.push(PaperPart::Figure(Figure {
        name: "figure-12-cutout-sizes".into(),
        title: format!("Metrics against the size of the cutouts, {}", cutouts.cube),
        caption: "Accuracy, F1 and MCC on the validation part at the best threshold of each \
                  training (O'TRAIN Fig. 12)."
            .into(),
        drawing: study_cutout(&points(&cutouts.by_size), "validation", "")?,
    }));
    let known = |(_, record): &(usize, Record)| record.reported().is_some();
    if cutouts.unscaled.iter().any(known) {
        section.text(
            "The same on counts as they are, nearer to the paper, whose text has no scaling: whether \
             scaling is what makes the difference.",
        );
        section.parts.push(PaperPart::Figure(Figure {
            name: "figure-12-unscaled".into(),
            title: format!("The same on counts as they are, {}", cutouts.cube),
            caption: "As above, without scaling of the cutouts.".into(),
            drawing: study_cutout(&points(&cutouts.unscaled), "validation", "")?,
        }));
    }
    section.parts.push(PaperPart::Table(tables::cutouts(done)?));
    Ok(Some(section))
}
