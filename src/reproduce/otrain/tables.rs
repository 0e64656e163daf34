//! The paper's tables.

use super::Done;
use super::cube::Cube;
use super::trained::{OfSize, Trained};
use crate::judge::EpochRecord;
use crate::nn::{LayerPlan, Plan};
use crate::report::{Cell, PaperTable};
use crate::reproduce::words::{NOTHING, count, percent, signed, three, with_interval};
use crate::study::Record;
use crate::{Error, Result};

fn heads(all: &[&str]) -> Vec<String> {
    all.iter().map(|head| head.to_string()).collect()
}

/// The paper's Table 2, for the cubes that were simulated; `None` where none was.
pub(super) fn telescopes(done: &Done) -> Option<PaperTable> {
    let row = |cube: &Cube| {
        let (telescope, config) = (cube.telescope?, cube.simulated.as_ref()?);
        let [best, worst] = config.seeing;
        let pixels = config.seeing.map(|arcsec| arcsec / config.pixel_scale);
        Some(vec![
            Cell::text(cube.name.as_str()),
            Cell::text(telescope.telescope),
            Cell::pair(telescope.paper_scale, format!("{}", config.pixel_scale)),
            Cell::number(format!("{best} to {worst}")),
            Cell::number(format!("{:.1} to {:.1}", pixels[0], pixels[1])),
            Cell::number(format!("{:.0}", config.exposure)),
            Cell::pair(None, format!("{:.1}", config.limiting_magnitude())),
        ])
    };
    let rows: Vec<Vec<Cell>> = done.cubes.iter().filter_map(row).collect();
    (!rows.is_empty()).then(|| PaperTable {
        name: "table-2-telescopes".into(),
        caption: "Table 2. The telescopes, as simulated; pixel scales beside the paper's.".into(),
        head: heads(&[
            "Cube",
            "Telescope",
            "Pixel scale (″)",
            "Seeing (″)",
            "PSF FWHM (pixels)",
            "Exposure (s)",
            "Limiting magnitude (5σ)",
        ]),
        rows,
    })
}

/// The paper's Table 3.
pub(super) fn cubes(done: &Done) -> PaperTable {
    let row = |cube: &Cube| {
        let (real, bogus) = cube.data.class_counts();
        let pipeline = cube.telescope.map_or(NOTHING, |t| t.pipeline.name());
        let size = |cube: &Cube| format!("{}×{}", cube.whole.shape.height, cube.whole.shape.width);
        let trained = format!("{}×{}", cube.data.shape.height, cube.data.shape.width);
        let whole = match cube.is_cropped() {
            true => format!("{} cropped to {trained}", size(cube)),
            false => size(cube),
        };
        let (paper, ours) = match cube.telescope.map(|t| t.name) {
            Some("JAST-STDPipe") => (Some("63×63 cropped to 32×32"), whole),
            Some(_) => (Some("32×32"), whole),
            None => (None, whole),
        };
        vec![
            Cell::text(cube.name.as_str()),
            Cell::text(pipeline),
            Cell::pair(paper, ours),
            Cell::pair(None, count(real)),
            Cell::pair(None, count(bogus)),
            Cell::number(count(cube.split.train.len())),
            Cell::number(count(cube.split.validation.len())),
        ]
    };
    PaperTable {
        name: "table-3-cubes".into(),
        caption: "Table 3. The data cubes. The paper's have several thousand to some ten thousand \
                  candidates, half of them real, 85 % for training."
            .into(),
        head: heads(&[
            "Cube",
            "Pipeline",
            "Cutouts (pixels)",
            "Real",
            "Bogus",
            "Training",
            "Validation",
        ]),
        rows: done.cubes.iter().map(row).collect(),
    }
}

/// The paper's Fig. 3, which is a table.
pub(super) fn network(done: &Done) -> Result<PaperTable> {
    let shape = done.cubes[0].data.shape;
    let input = [shape.height, shape.width, shape.channels];
    let plan = Plan::new(&done.config.architecture, input)?;
    let row = |layer: &LayerPlan| {
        let parameters = layer
            .parameters
            .iter()
            .map(|p| p.shape.iter().product::<usize>());
        vec![
            Cell::text(layer.name.as_str()),
            Cell::number(layer.output.to_string()),
            Cell::number(count(parameters.sum())),
        ]
    };
    let mut rows: Vec<Vec<Cell>> = plan.layers.iter().map(row).collect();
    rows.push(vec![
        Cell::text("all"),
        Cell::number(""),
        Cell::number(count(plan.trainable())),
    ]);
    Ok(PaperTable {
        name: "figure-3-network".into(),
        caption: format!("Fig. 3. The network at cutouts of {shape} (rows, columns, images)."),
        head: heads(&["Layer", "Output", "Parameters"]),
        rows,
    })
}

/// Of the last epoch, a number of the validation part.
fn last(trained: &Trained, pick: fn(&EpochRecord) -> f64) -> String {
    trained
        .history()
        .last()
        .map_or(NOTHING.into(), |record| three(pick(record)))
}

/// The paper's Table 5 without the confusion matrix.
pub(super) fn metrics(done: &Done) -> PaperTable {
    let row = |(cube, trained): (&Cube, &Trained)| {
        let judged = trained.judged();
        let paper = cube.telescope;
        let first = paper.is_some_and(|t| t.name == "JAST-gmadet");
        let known = |text: &'static str| first.then_some(text);
        vec![
            Cell::text(cube.name.as_str()),
            Cell::pair(
                paper.map(|t| t.threshold),
                format!("{:.2}", judged.threshold),
            ),
            Cell::pair(known("> 0.98"), last(trained, |r| r.val_accuracy)),
            Cell::pair(known("< 0.1"), last(trained, |r| r.val_loss)),
            Cell::pair(None, with_interval(judged, "precision")),
            Cell::pair(None, with_interval(judged, "recall")),
            Cell::pair(None, with_interval(judged, "f1")),
            Cell::pair(paper.map(|_| "> 0.84"), with_interval(judged, "mcc")),
        ]
    };
    PaperTable {
        name: "table-5-metrics".into(),
        caption:
            "Table 5. Accuracy and loss of the last epoch on the validation part, and metrics \
                  at the best threshold, with 95 % intervals of a bootstrap."
                .into(),
        head: heads(&[
            "Cube",
            "Best threshold",
            "Accuracy",
            "Loss",
            "Precision",
            "Recall",
            "F1",
            "MCC",
        ]),
        rows: done.cubes.iter().zip(&done.trained).map(row).collect(),
    }
}

/// The confusion matrix of the paper's Table 5, in per cent of the validation part.
pub(super) fn confusion(done: &Done) -> PaperTable {
    let row = |(cube, trained): (&Cube, &Trained)| {
        let c = &trained.judged().confusion;
        let part = |n: u64| percent(n as f64 / c.total() as f64);
        vec![
            Cell::text(cube.name.as_str()),
            Cell::pair(None, part(c.tp)),
            Cell::pair(None, part(c.tn)),
            Cell::pair(cube.telescope.map(|_| "< 2 %"), part(c.fp)),
            Cell::pair(None, part(c.fn_)),
            Cell::number(count(c.total() as usize)),
        ]
    };
    PaperTable {
        name: "table-5-confusion".into(),
        caption: "Table 5, continued. Confusion matrix at the best threshold, in per cent of the \
                  validation part."
            .into(),
        head: heads(&[
            "Cube",
            "True positives",
            "True negatives",
            "False positives",
            "False negatives",
            "Candidates",
        ]),
        rows: done.cubes.iter().zip(&done.trained).map(row).collect(),
    }
}

/// Accuracy, F1 and MCC of a training, or why there are none.
fn measures(record: &Record) -> [Cell; 3] {
    let dash = || Cell::number(NOTHING);
    record.reported().map_or_else(
        || [dash(), dash(), dash()],
        |m| [m.accuracy, m.f1, m.mcc].map(|v| Cell::number(three(v))),
    )
}

/// The numbers of Fig. 11.
pub(super) fn training_sets(done: &Done) -> PaperTable {
    let row = |cube: &Cube, of: &OfSize| {
        let mut row = vec![
            Cell::text(cube.name.as_str()),
            Cell::number(count(of.size)),
            Cell::number(signed(of.delta())),
        ];
        row.extend(measures(&of.record));
        row
    };
    let all = done.cubes.iter().zip(&done.trained);
    let rows = all.flat_map(|(cube, trained)| trained.by_size.iter().map(move |of| row(cube, of)));
    PaperTable {
        name: "figure-11-training-sets".into(),
        caption: "The numbers of Fig. 11, all on the same validation part of each cube.".into(),
        head: heads(&["Cube", "Training set", "ΔAcc", "Accuracy", "F1", "MCC"]),
        rows: rows.collect(),
    }
}

/// The numbers of Fig. 12; an error where there was no such study.
pub(super) fn cutouts(done: &Done) -> Result<PaperTable> {
    let Some(cutouts) = &done.cutouts else {
        return Err(Error::config("table of cutout sizes", "no study", "one"));
    };
    let row = |pixels: &str, (size, record): &(usize, Record)| {
        let mut row = vec![
            Cell::text(pixels),
            Cell::number(size.to_string()),
            Cell::number(record.parameters.map_or(NOTHING.into(), count)),
        ];
        row.extend(measures(record));
        let auc = record.reported().and_then(|m| m.auc);
        row.push(Cell::number(auc.map_or(NOTHING.into(), three)));
        row
    };
    let scaled = cutouts.by_size.iter().map(|one| row("scaled", one));
    let unscaled = cutouts.unscaled.iter().map(|one| row("as they are", one));
    Ok(PaperTable {
        name: "figure-12-cutouts".into(),
        caption: format!("The numbers of Fig. 12, {}.", cutouts.cube),
        head: heads(&[
            "Counts",
            "Pixels across",
            "Parameters",
            "Accuracy",
            "F1",
            "MCC",
            "AUC",
        ]),
        rows: scaled.chain(unscaled).collect(),
    })
}
