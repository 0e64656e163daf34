//! `rbgpu explain`: why a model gives the scores that it gives.

mod files;
mod pictures;
mod summary;
mod work;

use std::ops::RangeInclusive;
use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::Done;
use super::args::{Common, Reading};
use super::outputs::{Force, Outputs};
use super::terminal::Terminal;
use crate::data;
use crate::explain::{self, Asked, Choice, Chosen, Drawn, Found, Of, Patch, Question};
use crate::train::Classifier;
use crate::{Error, Result};

use summary::Summary;
use work::Work;

/// Candidates of the sample that is explained where nothing is said.
const USUAL: usize = 24;

/// Candidates at a time: their maps are in memory at once.
const AT_ONCE: usize = 32;

/// Ways to ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Method {
    /// Where in a layer's maps the evidence for the class is
    GradCam,
    /// The gradient with respect to every pixel, and its share of each image
    Saliency,
    /// What hiding a part of the cutout does
    Occlusion,
}

impl Method {
    fn name(self) -> &'static str {
        match self {
            Method::GradCam => "grad-cam",
            Method::Saliency => "saliency",
            Method::Occlusion => "occlusion",
        }
    }
}

/// Arguments of `rbgpu explain`.
#[derive(Debug, Args)]
pub struct Arguments {
    /// A model that `rbgpu train` or `rbgpu import` wrote
    model: PathBuf,
    /// Cubes, folders, FITS files, alerts, .npy triples' prefixes; - for standard input
    #[arg(required = true, value_name = "DATA")]
    inputs: Vec<PathBuf>,
    /// The folder for maps (.npy), pictures (.png), explain.csv and explain.json
    #[arg(long, short, value_name = "DIR")]
    out: PathBuf,
    /// grad-cam, saliency, occlusion [default: all]
    #[arg(long, value_delimiter = ',', value_name = "NAME,…")]
    method: Vec<Method>,
    /// Layer for Grad-CAM, named as in `rbgpu summary` [default: the last convolution]
    #[arg(long, value_name = "NAME")]
    layer: Option<String>,
    /// Class to explain: real, bogus, or the predicted one
    #[arg(long, default_value = "predicted", value_name = "NAME")]
    class: Asked,
    /// Output to explain: the class probability (as O'TRAIN), or the logit
    #[arg(long, default_value = "probability", value_name = "NAME")]
    of: Of,
    /// Only the candidate with this id; may be repeated
    #[arg(long = "id", value_name = "ID")]
    ids: Vec<String>,
    /// Only rows A to B of DATA, counted from 0, both included
    #[arg(long, value_name = "A-B", value_parser = parse_rows)]
    rows: Option<RangeInclusive<usize>>,
    /// At most N candidates [default: 24]. Without --id and --rows they are a random sample,
    /// half real and half bogus if labels are known
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
    /// Random seed for the sample
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Occlusion: side of the square in pixels [default: an eighth of the cutout]
    #[arg(long, value_name = "PIXELS")]
    size: Option<usize>,
    /// Occlusion: stride of the square in pixels [default: half its side]
    #[arg(long, value_name = "PIXELS")]
    stride: Option<usize>,
    /// Occlusion: hide this image only (template, search, difference, or its number from 0)
    #[arg(long, value_name = "IMAGE")]
    hide: Option<String>,
    /// Also write one picture per candidate
    #[arg(long)]
    each: bool,
    /// Crop larger cutouts to N x N pixels about their centre
    #[arg(long, value_name = "N")]
    cutout_size: Option<usize>,
    /// Decision threshold on P(real) [default: the model's]
    #[arg(long)]
    threshold: Option<f64>,
    #[command(flatten)]
    force: Force,
    #[command(flatten)]
    reading: Reading,
    #[command(flatten)]
    common: Common,
}

fn parse_rows(text: &str) -> std::result::Result<RangeInclusive<usize>, String> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let number = |text: &str| text.trim().parse::<usize>();
    match (number(first), number(last)) {
        (Ok(first), Ok(last)) if first <= last && last < usize::MAX => Ok(first..=last),
        _ => Err("expected A-B, such as 0-23, counted from 0".into()),
    }
}

/// Explains and writes.
pub fn run(arguments: &Arguments) -> Result<Done> {
    let terminal = arguments.common.terminal();
    if arguments.limit == Some(0) {
        return Err(Error::config("--limit", "0", "at least 1"));
    }
    if arguments.cutout_size == Some(0) {
        return Err(Error::config("--cutout-size", "0", "at least 1"));
    }
    let mut inputs = arguments.inputs.clone();
    inputs.push(arguments.model.clone());
    let mut outputs = Outputs::new(arguments.force, &inputs, &terminal);
    outputs.folder(&arguments.out, &files::FOLDER)?;
    let device = arguments.common.open(&terminal)?;
    let reading = &arguments.reading;
    let mut classifier = reading.classifier(&arguments.model, &device, &terminal)?;
    if let Some(threshold) = arguments.threshold {
        classifier = classifier.with_threshold(threshold)?;
    }
    let question = question(arguments, &classifier, &terminal)?;
    let options = reading.options(false, classifier.takes().names)?;
    let rows = data::stream(&arguments.inputs, &options)?;
    let is_named = !arguments.ids.is_empty() || arguments.rows.is_some();
    let limit = arguments.limit.unwrap_or(usize::MAX);
    let choice = Choice {
        ids: arguments.ids.clone(),
        rows: arguments.rows.clone(),
        limit: if is_named { limit } else { usize::MAX },
        crop: arguments.cutout_size,
    };
    let mut chosen = Chosen::new(&classifier, rows, choice);
    let what = if is_named { "explaining" } else { "choosing" };
    let bar = terminal.bar(chosen.expected(), what);
    // A sample is known only at the end of the input.
    let limit = arguments.limit.unwrap_or(USUAL);
    let mut drawn = (!is_named).then(|| Drawn::new(limit, arguments.seed));
    let mut work = Work {
        classifier: &classifier,
        question: &question,
        terminal,
        bar: bar.clone(),
        at_once: AT_ONCE,
        failed: 0,
        padded: 0,
        output: None,
        summary: Summary::new(&classifier, &question),
    };
    loop {
        let found = chosen.next(AT_ONCE)?;
        let notices = chosen.notices();
        bar.suspend(|| notices.iter().for_each(|notice| terminal.notice(notice)));
        if found.is_empty() {
            break;
        }
        let Some(drawn) = &mut drawn else {
            work.take_all(&found, arguments)?;
            continue;
        };
        bar.inc(found.len() as u64);
        for found in found {
            match found {
                Found::Sample(sample) => drawn.add(*sample),
                failed => work.take(&[failed], arguments)?,
            }
        }
    }
    if let Some(draw) = drawn.map(Drawn::finish) {
        bar.reset();
        bar.set_length(draw.samples.len() as u64);
        bar.set_message("explaining");
        let text = draw.text(arguments.seed);
        if draw.samples.len() < draw.of {
            let notice =
                format!("explaining {text}; --id, --rows, --limit or --seed choose others");
            bar.suspend(|| terminal.notice(&notice));
        }
        work.summary.chosen = Some(text);
        let samples = draw.samples.into_iter().map(Box::new);
        let found: Vec<Found> = samples.map(Found::Sample).collect();
        work.take_all(&found, arguments)?;
    }
    bar.finish_and_clear();
    if work.output.is_none()
        && let Some(error) = chosen.nothing()
    {
        return Err(error);
    }
    for id in chosen.missing() {
        terminal.notice(&format!("no candidate has the id {id}"));
        work.failed += 1;
    }
    work.finish(arguments)
}

fn question(
    arguments: &Arguments,
    classifier: &Classifier,
    terminal: &Terminal,
) -> Result<Question> {
    let model = &classifier.file().model;
    let wanted = |method: Method| arguments.method.is_empty() || arguments.method.contains(&method);
    let named = arguments.method.contains(&Method::GradCam) || arguments.layer.is_some();
    let layer = match wanted(Method::GradCam) || named {
        false => None,
        true => match explain::layer(model, arguments.layer.as_deref()) {
            Ok(layer) => Some(layer),
            Err(error) if named => return Err(error),
            // Nobody asked for it by name: the others still say something.
            Err(error) => {
                terminal.notice(&format!("no Grad-CAM: {error}"));
                None
            }
        },
    };
    let input = model.plan().input;
    let usual = Patch::for_input(input);
    let size = arguments.size.unwrap_or(usual.size);
    let patch = Patch {
        size,
        stride: arguments.stride.unwrap_or(size.div_ceil(2)),
        channel: hidden(arguments, classifier)?,
    };
    patch.check(input)?;
    Ok(Question {
        class: arguments.class,
        of: arguments.of,
        grad_cam: layer,
        saliency: wanted(Method::Saliency),
        occlusion: wanted(Method::Occlusion).then_some(patch),
    })
}

/// The image that occlusion hides.
fn hidden(arguments: &Arguments, classifier: &Classifier) -> Result<Option<usize>> {
    let Some(name) = &arguments.hide else {
        return Ok(None);
    };
    let images = explain::images(classifier);
    let [.., channels] = classifier.file().model.plan().input;
    let by_name = images.iter().position(|image| image == name);
    let place = by_name.or_else(|| name.parse().ok());
    match place.filter(|&place| place < channels && images.len() == channels) {
        Some(place) => Ok(Some(place)),
        None => {
            let expected = match images.len() == channels {
                true => format!("one of {}", images.join(", ")),
                false => "nothing: this network gets its images side by side in one".into(),
            };
            Err(Error::config("--hide", format!("'{name}'"), expected))
        }
    }
}
