//! What a user of an exported model has to know, as plain texts.

use super::{Export, Format};
use crate::data::channels::names;
use crate::data::{Normalisation, Preprocess};
use crate::formats::ModelFile;
use crate::formats::model::MEANING;
use crate::nn::Activation;

/// A key and what it says, in the order in which they are written.
pub type Facts = Vec<(&'static str, String)>;

/// The facts about `model` in a file of this kind. A new one is a line.
pub fn of(model: &ModelFile, export: &Export) -> Facts {
    let network = &model.model;
    let [h, w, c] = network.plan().input;
    let takes = model.takes();
    let channels = match (&takes.names, takes.guessed) {
        (None, _) => c.to_string(),
        (Some(known), false) => names(known),
        (Some(guess), true) => format!("{} (guessed at import)", names(guess)),
    };
    let json = |value| serde_json::to_string(&value).expect("plain data");
    let mut facts = vec![
        ("rbgpu_version", env!("CARGO_PKG_VERSION").into()),
        ("network", network.architecture().name.clone()),
        ("meaning", MEANING.into()),
        ("input", "cutouts (N, H, W, C), float32".into()),
        ("input_shape", format!("{h},{w},{c}")),
        ("channels", channels),
        ("normalisation", model.preprocess.name().into()),
        (
            "pixels",
            pixels(model.preprocess, export.with_normalisation),
        ),
        ("output", output(network.architecture().head(), export)),
        ("threshold", model.threshold.to_string()),
        (
            "decision",
            "real where P(real) is at least the threshold".into(),
        ),
        (
            "architecture",
            json(serde_json::json!(network.architecture())),
        ),
        ("provenance", json(serde_json::json!(model.provenance))),
    ];
    if let Some(calibration) = &model.calibration {
        let text = format!("{calibration}, in the weights of the last layer");
        facts.push(("calibration", text));
    }
    facts
}

/// What is to be done to the pixels before they go in.
pub fn pixels(preprocess: Preprocess, inside: bool) -> String {
    use Normalisation::*;
    let Preprocess::Plain(normalisation) = preprocess else {
        return format!("prepared as '{preprocess}' before they go in (rbgpu's README has it)");
    };
    let rule = match normalisation {
        L2 | L2Rows => "pixels that are not finite count as 0",
        _ => "pixels that are not finite become the median of their image",
    };
    match (inside, normalisation) {
        (true, L2 | L2Rows) => format!("as they are: the graph normalises them; {rule}"),
        (true, _) => "finite, else as they are: the graph normalises them; a cutout with a \
             pixel that is not finite has the score NaN"
            .into(),
        (false, None) => format!("as they are, but {rule}"),
        (false, _) => format!("normalised by '{normalisation}' before they go in, where {rule}"),
    }
}

fn output(head: Activation, export: &Export) -> String {
    match (export.format, head) {
        (Format::Onnx, _) => "p_real (N): P(real)",
        (_, Activation::Softmax) => "softmax (N, 2): class 1 is real",
        _ => "sigmoid (N, 1): P(real)",
    }
    .into()
}
