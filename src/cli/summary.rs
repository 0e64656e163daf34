//! `rbgpu summary`: the layer table of O'TRAIN's Fig. 3 and DES's Table 4.

use std::path::Path;

use clap::Args;
use serde_json::json;

use super::Done;
use super::terminal::{Terminal, table};
use crate::backend::Device;
use crate::formats::ModelFile;
use crate::nn::{Architecture, Layer, LayerPlan, Plan};
use crate::{Error, Result};

/// Arguments of `rbgpu summary`.
#[derive(Debug, Args)]
pub struct Arguments {
    /// des1, des2, des3, des4, otrain, a .toml file, or a model
    network: String,
    /// Cutout size, if it is not the published one
    #[arg(long, value_name = "H,W,C", value_parser = size)]
    input: Option<[usize; 3]>,
    /// Print as JSON
    #[arg(long)]
    json: bool,
}

/// Prints the table.
pub fn run(arguments: &Arguments) -> Result<Done> {
    let terminal = Terminal::new(false, false);
    let name = &arguments.network;
    let path = Path::new(name);
    let mut decision = None;
    let (architecture, input) = if path.is_file() && !name.ends_with(".toml") {
        let file = ModelFile::read(path, &Device::cpu())?;
        let input = file.model.plan().input;
        decision = Some((file.threshold, file.calibration));
        (file.model.architecture().clone(), Some(input))
    } else {
        let architecture = Architecture::named(name)?;
        let input = architecture.input;
        (architecture, input)
    };
    let input = arguments.input.or(input).ok_or_else(|| {
        let expected = "input = [H, W, C] in it, or --input H,W,C";
        Error::input(path, "input", "no size of the cutouts", expected)
    })?;
    let plan = Plan::new(&architecture, input)?;
    let size = |layer: &LayerPlan| {
        layer
            .parameters
            .iter()
            .map(|p| p.shape.len())
            .sum::<usize>()
    };
    if arguments.json {
        let layers: Vec<_> = plan
            .layers
            .iter()
            .map(|l| json!({"name": l.name, "output": l.output.to_vec(), "parameters": size(l)}))
            .collect();
        let mut all = json!({
            "network": architecture.name, "input": input, "layers": layers,
            "trainable": plan.trainable(), "not_trainable": plan.not_trainable(),
        });
        if let Some((threshold, calibration)) = decision {
            all["threshold"] = json!(threshold);
            all["calibration"] = json!(calibration);
        }
        terminal.result(&serde_json::to_string_pretty(&all).expect("plain data"))?;
        return Ok(Done::Whole);
    }
    let row = |cells: [String; 4]| cells.to_vec();
    let mut rows = vec![row(["layer", "", "output", "parameters"].map(String::from))];
    let [h, w, c] = input;
    rows.push(row([
        "input".into(),
        String::new(),
        format!("({h}, {w}, {c})"),
        String::new(),
    ]));
    for layer in &plan.layers {
        let count = size(layer);
        rows.push(row([
            layer.name.clone(),
            describe(&layer.layer),
            layer.output.to_string(),
            if count == 0 {
                String::new()
            } else {
                grouped(count)
            },
        ]));
    }
    terminal.result(&format!("{}\n\n{}\n", architecture.name, table(&rows)))?;
    let (trainable, still) = (plan.trainable(), plan.not_trainable());
    terminal.result(&format!(
        "parameters {}: {} trainable, {} moving statistics",
        grouped(trainable + still),
        grouped(trainable),
        grouped(still)
    ))?;
    if let Some((threshold, calibration)) = decision {
        let calibration = calibration.map_or("none".into(), |map| map.to_string());
        terminal.result(&format!(
            "calibration: {calibration}\nreal from P(real) = {threshold} on"
        ))?;
    }
    Ok(Done::Whole)
}

fn describe(layer: &Layer) -> String {
    let activation = |a: &crate::nn::Activation| match a {
        crate::nn::Activation::Linear => String::new(),
        other => format!(", {}", format!("{other:?}").to_lowercase()),
    };
    match layer {
        Layer::Conv2d {
            kernel,
            stride,
            padding,
            activation: a,
            ..
        } => {
            let [kh, kw] = kernel.0;
            let by = if stride.0 == [1, 1] {
                String::new()
            } else {
                format!(" by {}", stride.0[0])
            };
            let same = if *padding == crate::ops::Padding::Same {
                ", same"
            } else {
                ", valid"
            };
            format!("{kh}x{kw}{by}{same}{}", activation(a))
        }
        Layer::MaxPool { window, .. } | Layer::AvgPool { window, .. } => {
            format!("{}x{}", window.0[0], window.0[1])
        }
        Layer::Dropout { rate } => format!("{rate}"),
        Layer::Dense { activation: a, .. } => activation(a).trim_start_matches(", ").to_string(),
        Layer::LeakyRelu { slope } => format!("slope {slope}"),
        Layer::Rescaling { scale, offset } => format!("{scale} x + {offset}"),
        Layer::BatchNorm { .. } | Layer::Relu {} | Layer::Flatten {} => String::new(),
    }
}

/// "63,63,1" as numbers.
pub(super) fn size(text: &str) -> std::result::Result<[usize; 3], String> {
    let numbers = text
        .split([',', 'x'])
        .map(|number| number.trim().parse().ok().filter(|n| *n > 0));
    numbers
        .collect::<Option<Vec<usize>>>()
        .and_then(|all| all.try_into().ok())
        .ok_or_else(|| "expected height, width and images, such as 63,63,1".into())
}

/// 2621826 as 2,621,826.
pub(super) fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}
