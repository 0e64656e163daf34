//! ONNX: what the file says, and what it calculates.

use ndarray::ArrayD;
use onnx_rs::ast::{DataType, Dimension, ValueInfo};
use rbgpu::data::Normalisation;
use rbgpu::formats::{Format, ModelFile};
use rbgpu::nn::Layer;

use super::interpreter;
use super::networks::{FLAT, ODD, all, cutouts, exported, model, parsed, scores};

/// The largest difference between what `file` says of `pixels` and `want`.
pub fn worst(file: &[u8], model: &ModelFile, pixels: &[f32], want: &[f64]) -> f64 {
    let [h, w, c] = model.model.plan().input;
    let shape = vec![want.len(), h, w, c];
    let pixels = pixels.iter().map(|v| f64::from(*v)).collect();
    let got = interpreter::run(file, ArrayD::from_shape_vec(shape, pixels).unwrap());
    assert_eq!(got.len(), want.len());
    let differences = got.iter().zip(want).map(|(got, want)| (got - want).abs());
    differences.fold(0.0, |worst, d| if d <= worst { worst } else { d })
}

#[test]
fn every_network_scores_as_it_does_here() {
    for architecture in all() {
        let name = architecture.name.clone();
        let model = model(architecture, Normalisation::Standard);
        let file = exported(&model, Format::Onnx);
        let mut pixels = cutouts(&model, 2);
        // The second is fainter, so that the two differ in more than noise.
        let half = pixels.len() / 2;
        pixels[half..].iter_mut().for_each(|v| *v *= 0.2);
        let want = scores(&model, &pixels);
        // Neither 0 nor 1, where every mistake would be hidden.
        assert!(
            want.iter().all(|p| (1e-3..0.999).contains(p)),
            "{name}: {want:?}"
        );
        assert!((want[0] - want[1]).abs() >= 1e-3, "{name}: {want:?}");
        let difference = worst(&file, &model, &pixels, &want);
        println!("{name}: {difference:.1e}");
        assert!(difference <= 1e-5, "{name}: {difference}");
    }
}

/// The name, number type and axes of an input or output; "N" for the batch.
fn described(value: &ValueInfo) -> String {
    let axes = value.tensor_shape().expect("a shape").dim.iter();
    let axes: Vec<String> = axes
        .map(|axis| match &axis.value {
            Dimension::Value(n) => n.to_string(),
            Dimension::Param(name) => name.to_string(),
        })
        .collect();
    assert_eq!(value.tensor_elem_type(), Some(DataType::Float));
    format!("{}: {}", value.name, axes.join(" "))
}

#[test]
fn the_file_says_what_goes_in_and_what_comes_out() {
    let odd = model(parsed(ODD), Normalisation::L2);
    let file = exported(&odd, Format::Onnx);
    let read = onnx_rs::parse(&file).unwrap();
    assert_eq!(read.opset_import.len(), 1);
    assert_eq!(
        (read.opset_import[0].domain, read.opset_import[0].version),
        ("", 17)
    );
    assert_eq!((read.ir_version, read.producer_name), (8, "rbgpu"));
    let graph = read.graph.unwrap();
    let inputs: Vec<String> = graph.input.iter().map(described).collect();
    let outputs: Vec<String> = graph.output.iter().map(described).collect();
    assert_eq!(inputs, ["cutouts: N 17 14 2"]);
    assert_eq!(outputs, ["p_real: N"]);
    let says = |key: &str| {
        let found = read.metadata_props.iter().find(|entry| entry.key == key);
        found.unwrap_or_else(|| panic!("no {key}")).value
    };
    assert_eq!(says("rbgpu_version"), env!("CARGO_PKG_VERSION"));
    assert_eq!(says("normalisation"), "l2");
    assert!(says("pixels").contains("normalised by 'l2' before they go in"));
    assert_eq!(says("threshold"), "0.37");
    assert_eq!((says("input_shape"), says("channels")), ("17,14,2", "2"));
    assert!(says("meaning").contains("the score is P(real)"));
    let architecture: rbgpu::nn::Architecture = serde_json::from_str(says("architecture")).unwrap();
    assert_eq!(&architecture, odd.model.architecture());
}

#[test]
fn dropout_is_left_out_and_same_is_tensorflows() {
    let odd = model(parsed(ODD), Normalisation::None);
    let file = exported(&odd, Format::Onnx);
    let graph = onnx_rs::parse(&file).unwrap().graph.unwrap();
    let kinds: Vec<&str> = graph
        .node
        .iter()
        .map(|node| node.op_type.as_str())
        .collect();
    assert!(
        odd.model
            .architecture()
            .layers
            .contains(&Layer::Dropout { rate: 0.25 })
    );
    assert!(!kinds.contains(&"Dropout"));
    let pads: Vec<Vec<i64>> = graph
        .node
        .iter()
        .filter(|node| node.op_type.as_str() == "Conv")
        .map(|node| {
            node.attribute
                .iter()
                .find(|a| a.name == "pads")
                .unwrap()
                .ints
                .clone()
        })
        .collect();
    // Rows, columns before; rows, columns after. 17 by 4 at 2: 8 * 2 + 4 - 17 = 3 zeros,
    // 1 and 2; 14 by 3 at 3: 4 * 3 + 3 - 14 = 1 zero, behind. Then 8x5 by 2x5 at 3x1:
    // 2 * 3 + 2 - 8 = 0 and 4 + 5 - 5 = 4. The third is 'valid'.
    assert_eq!(pads, [[1, 0, 2, 1], [0, 2, 0, 2], [0, 0, 0, 0]]);
}

#[test]
fn the_same_model_gives_the_same_bytes() {
    let flat = model(parsed(FLAT), Normalisation::Asinh);
    for format in Format::ALL {
        assert_eq!(exported(&flat, format), exported(&flat, format), "{format}");
    }
}
