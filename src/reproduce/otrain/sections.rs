//! The page: what stands in it, in the paper's order.

use super::cams::{self, Seen};
use super::cube::{CROPPED, Cube, LARGEST};
use super::trained::EPOCH;
use super::{Done, diagnosis, studies, tables};
use crate::Result;
use crate::report::{Figure, PaperPart, PaperSection, Tile, gallery, recovered};
use crate::reproduce::words::{count, list, percent};
use crate::simulate::{SurveyConfig, recovery};

/// Columns and rows of one class in a gallery.
const SHEET: (usize, usize) = (4, 3);

/// What was run.
pub(super) fn facts(done: &Done) -> Vec<(String, String)> {
    let (config, request) = (&done.config, done.request);
    let names: Vec<&str> = done.cubes.iter().map(|cube| cube.name.as_str()).collect();
    let data = match request.given.is_empty() {
        true => format!("simulated: {}", list(&names)),
        false => {
            let one = |cube: &Cube| format!("{} from {}", cube.name, cube.whole.source.display());
            list(&done.cubes.iter().map(one).collect::<Vec<_>>())
        }
    };
    let training = format!(
        "Adam at {}, batches of {}, {} epochs, split {}, cutouts scaled to mean 0 and deviation 1",
        config.learning_rate, config.batch_size, config.epochs, config.split
    );
    [
        (
            "Paper",
            "Makhlouf et al. 2022, A&A 664, A81: “O'TRAIN: A robust and flexible ‘real or bogus’ \
             classifier for the study of the optical transient sky”"
                .to_string(),
        ),
        ("Data", data),
        ("Network", "otrain, the paper's Fig. 3".into()),
        ("Training", training),
        ("Seed", request.seed.to_string()),
        ("rbgpu", env!("CARGO_PKG_VERSION").into()),
        ("Command", request.command.clone()),
    ]
    .map(|(name, value)| (name.to_string(), value))
    .into()
}

/// What the reader must know.
pub(super) fn notices(done: &Done) -> Vec<String> {
    let (scale, config) = (&done.request.scale, &done.config);
    let mut notices = Vec::new();
    if scale.quick {
        let sizes: Vec<String> = done.cubes.iter().map(|c| count(c.data.len())).collect();
        notices.push(format!(
            "A quick run (--quick): cubes of {} candidates where the paper has some ten thousand, {} \
             epochs where it has 30, batches of {} where it has 1024, few points in Figs. 11 and 12. \
             It shows that everything works and what to expect; what depends on size needs the full \
             run.",
            list(&sizes),
            config.epochs,
            config.batch_size
        ));
    }
    if done.request.given.is_empty() {
        notices.push(
            "The images are simulated. They have the paper's pixel scales, cutout sizes and kinds of \
             bogus; how hard they are is the simulation's doing, and numbers are to be compared in \
             kind, not in the third decimal. With --data NAME=CUBE the same experiments run on real \
             cubes."
                .into(),
        );
    }
    for cube in &done.cubes {
        let of_cube = cube.notices.iter();
        notices.extend(of_cube.map(|text| format!("{}: {text}", cube.name)));
    }
    notices
}

/// Everything below the table of claims.
pub(super) fn sections(done: &Done, seen: &mut [Seen]) -> Result<Vec<PaperSection>> {
    let mut all = vec![differences(done), the_cubes(done)];
    let mut network = PaperSection::new(
        "Figure 3. The network",
        "Built from the paper's Fig. 3; the second convolution precedes the average pooling, as in \
         the authors' code.",
    );
    network.parts.push(PaperPart::Table(tables::network(done)?));
    all.push(network);
    all.extend(injected(done)?);
    all.push(galleries(done)?);
    all.push(table_5(done));
    all.extend(figure_9(done, seen));
    all.extend(diagnosis::sections(done)?);
    all.push(studies::figure_11(done)?);
    all.extend(studies::figure_12(done)?);
    all.push(figure_13(done, seen));
    Ok(all)
}

fn differences(done: &Done) -> PaperSection {
    let mut section = PaperSection::new(
        "How this differs from the paper",
        "Pixels: the paper's text has no scaling of counts. Here each cutout is scaled to mean 0 and \
         deviation 1, because the counts of these telescopes differ by orders of magnitude.",
    );
    section.text(
        "Weights: the paper evaluates those of the last epoch, here those of the epoch with the \
         lowest validation loss are kept. Accuracy and loss of the last epoch are given as in the \
         paper.",
    );
    section.text(
        "Thresholds: of 0, 0.01, … 1 the one with the largest F1 + MCC on the validation part, as in \
         the paper (Sect. 6.2). Metrics are given for the same part, which has no say in the weights \
         but chose epoch and threshold: they are a little too good, there as here. A candidate is \
         real from the threshold on (the authors' code: above it).",
    );
    section.text(format!(
        "Training sets: Fig. 11 takes nested parts of one training part and always the same \
         validation part, where the paper shrinks both; ΔAcc is that of epoch {EPOCH}, or of the last \
         where there are fewer.",
    ));
    if done.cubes.iter().any(Cube::is_cropped) {
        section.text(format!(
            "Sizes: cutouts of more than {LARGEST} pixels are cropped to {CROPPED}, as the paper does \
             with those of STDPipe; Fig. 12 takes them whole.",
        ));
    }
    section
}

fn the_cubes(done: &Done) -> PaperSection {
    let mut section = PaperSection::new(
        "Tables 2 and 3. Telescopes and data cubes",
        "The paper tests its network on images of four telescopes, from finely to poorly sampled, and \
         on the candidates of two pipelines.",
    );
    if let Some(table) = tables::telescopes(done) {
        section.text(
            "Simulated: pixel scales are the paper's where its text has them; seeing, exposures, sky \
             and apertures are ours. Point-spread functions are within what the simulation can draw, \
             1.5 to 8 pixels. gmadet's bogus are of all kinds, STDPipe's mostly detector defects and \
             bad alignment; both pipelines remove cosmic rays, of which few are left.",
        );
        section.parts.push(PaperPart::Table(table));
        let simulated = done.cubes.iter().filter(|cube| cube.simulated.is_some());
        for telescope in simulated.filter_map(|cube| cube.telescope) {
            section.text(format!("{}: {}", telescope.name, telescope.note));
        }
    }
    section.parts.push(PaperPart::Table(tables::cubes(done)));
    section
}

/// Fig. 4, of the first cube that was simulated.
fn injected(done: &Done) -> Result<Option<PaperSection>> {
    let simulated = |cube: &Cube| Some((cube.name.clone(), cube.simulated.clone()?));
    let Some((name, config)) = done.cubes.iter().find_map(simulated) else {
        return Ok(None);
    };
    let config = SurveyConfig {
        count: done.request.scale.injected,
        ..config
    };
    let sources = recovery(&config)?;
    let found = sources.iter().filter(|source| source.1).count();
    let [bright, faint] = config.magnitudes;
    let mut section = PaperSection::new(
        "Figure 4. Sources injected and recovered",
        format!(
            "The paper shows the magnitudes of the sources that gmadet retrieves of those injected \
             into the JAST images; its counts are not available. Here {} sources from {bright} to \
             {faint} mag are put into fields of {name}, evenly in magnitude, and {} of them ({}) are \
             found within 1.5 pixels of their place. They fade away around the limiting magnitude of \
             {:.1}.",
            count(sources.len()),
            count(found),
            percent(found as f64 / sources.len() as f64),
            config.limiting_magnitude()
        ),
    );
    section.parts.push(PaperPart::Figure(Figure {
        name: "figure-4-recovered".into(),
        title: format!("Sources injected and recovered, {name}"),
        ..recovered(&sources)?
    }));
    Ok(Some(section))
}

/// Figs. 5 to 8.
fn galleries(done: &Done) -> Result<PaperSection> {
    let mut section = PaperSection::new(
        "Figures 5 to 8. Cutouts",
        "Bogus in the left half, real ones in the right, the first of each in the cube: residuals of \
         the subtraction, each on its own grey scale. Under each its magnitude.",
    );
    for cube in &done.cubes {
        let figure = match cube.telescope.map(|t| t.name) {
            Some("JAST-gmadet") => "Fig. 5, top",
            Some("JAST-STDPipe") => "Fig. 5, bottom",
            Some("FRAM-CTA-N-gmadet") => "Fig. 6",
            Some("TACA-gmadet") => "Fig. 7",
            Some("TCA-gmadet") => "Fig. 8",
            _ => "as Figs. 5 to 8",
        };
        section.parts.push(PaperPart::Gallery(Figure {
            name: format!("cutouts-{}", cube.slug),
            title: format!("{}: bogus and real", cube.name),
            caption: format!("O'TRAIN {figure}."),
            drawing: gallery(&tiles(cube)?, 2 * SHEET.0)?,
        }));
    }
    Ok(section)
}

fn tiles(cube: &Cube) -> Result<Vec<Tile>> {
    let (columns, rows) = SHEET;
    let labels = cube.labels();
    let of = |label: u8| -> Vec<usize> {
        let all = (0..labels.len()).filter(|&row| labels[row] == label);
        all.take(columns * rows).collect()
    };
    let (bogus, real) = (of(0), of(1));
    let mut order = Vec::new();
    for row in 0..rows {
        for class in [&bogus, &real] {
            order.extend(class.iter().skip(row * columns).take(columns));
        }
    }
    let data = &cube.whole;
    let tile = |row: &usize| {
        let mut pixels = vec![0.0; data.shape.len()];
        data.pixels.read(*row, &mut pixels)?;
        let mag = data.candidates[*row].mag;
        Ok(Tile {
            pixels,
            height: data.shape.height,
            width: data.shape.width,
            channels: data.shape.channels,
            captions: match mag.is_finite() {
                true => vec![format!("{mag:.2} mag")],
                false => Vec::new(),
            },
            real: labels[*row] == 1,
            ..Tile::default()
        })
    };
    order.iter().map(tile).collect()
}

fn table_5(done: &Done) -> PaperSection {
    let mut section = PaperSection::new(
        "Table 5. Metrics",
        "The paper's table is not in our copy of its text. The text says that MCC is above 0.84 \
         everywhere (0.84 to 0.99) and false positives are below 2 %; the captions of Figs. 10 and \
         A.1–A.4 have the best thresholds; the accuracy and loss of JAST-gmadet are in Sect. 7.1.",
    );
    section.parts.push(PaperPart::Table(tables::metrics(done)));
    section
        .parts
        .push(PaperPart::Table(tables::confusion(done)));
    section
}

/// Of the first cube that has one.
fn figure_9(done: &Done, seen: &mut [Seen]) -> Option<PaperSection> {
    let mut all = done.cubes.iter().zip(seen);
    let (cube, [rows, columns], drawing) =
        all.find_map(|(cube, seen)| Some((cube, seen.shape, seen.refused.take()?)))?;
    let mut section = PaperSection::new(
        "Figure 9. What the network looks at in a bogus",
        format!(
            "Grad-CAM of the last convolution: {rows}×{columns} pixels, as the paper's 8×8. Four bogus \
             candidates that the network refuses, chosen at random, each as cutout, map and map \
             enlarged to the cutout. Bright is where the evidence for “bogus” is. The paper shows one \
             of JAST, whose map covers the residual."
        ),
    );
    section.parts.push(PaperPart::Figure(cams::figure(
        "figure-9-grad-cam".into(),
        format!("Grad-CAM of bogus candidates, {}", cube.name),
        "Left to right: cutout, map, map enlarged, map over the cutout (O'TRAIN Fig. 9).",
        drawing,
    )));
    Some(section)
}

fn figure_13(done: &Done, seen: &mut [Seen]) -> PaperSection {
    let mut section = PaperSection::new(
        "Figure 13. Real sources that are missed",
        "The paper shows a real source that the network refuses because it looks at a brighter one \
         beside it. Here: up to four such sources of each cube, those whose map has least of its \
         evidence at the centre. Bright is where the evidence for “bogus” is.",
    );
    for (cube, seen) in done.cubes.iter().zip(seen) {
        let Some(drawing) = seen.missed.take() else {
            section.text(format!(
                "{}: no real source of the validation part is missed that has a map.",
                cube.name
            ));
            continue;
        };
        let [found, missed] = seen.central.map(percent);
        section.parts.push(PaperPart::Figure(cams::figure(
            format!("figure-13-{}", cube.slug),
            format!("Missed by the network, {}", cube.name),
            &format!(
                "{} real ones of the validation part are missed. In the central half of width and \
                 height lies {missed} of their maps, of those of found ones {found}; of an even map \
                 25 % (O'TRAIN Fig. 13).",
                seen.misses
            ),
            drawing,
        )));
    }
    section
}
