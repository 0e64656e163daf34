//! Normalisation as operators, in f64 as rbgpu does it: with a bright sky under faint
//! noise f32 would lose digits. Images are (N, H, W, C) here.

use onnx_rs::ast::{DataType, OpType};

use super::graph::{Graph, INPUT, Setting};
use crate::data::Normalisation;
use crate::data::normalise::NO_CONTRAST;

fn axes(axes: &[i64]) -> (&'static str, Setting) {
    ("axes", Setting::Ints(axes.to_vec()))
}

fn cast(graph: &mut Graph, value: &str, kind: DataType) -> String {
    let to = Setting::Int(kind as i64);
    graph.node(OpType::Cast, &[value], &[("to", to)])
}

/// Which pixels are not finite.
pub fn not_finite(graph: &mut Graph) -> String {
    let nan = graph.node(OpType::IsNaN, &[INPUT], &[]);
    let infinite = graph.node(OpType::IsInf, &[INPUT], &[]);
    graph.node(OpType::Or, &[&nan, &infinite], &[])
}

/// `score` (N), but NaN for candidates with a pixel that is `not_finite`.
pub fn nan_where_not_finite(graph: &mut Graph, not_finite: &str, score: &str) {
    let count = cast(graph, not_finite, DataType::Float);
    let worst = graph.node(OpType::ReduceMax, &[&count], &[axes(&[1, 2, 3])]);
    let pixels = graph.integers("axes_of_pixels", &[3], &[1, 2, 3]);
    let worst = graph.node(OpType::Squeeze, &[&worst, &pixels], &[]);
    let half = graph.floats("half", &[], &[0.5]);
    let bad = graph.node(OpType::Greater, &[&worst, &half], &[]);
    let nan = graph.floats("not_a_number", &[], &[f32::NAN]);
    graph.node(OpType::Where, &[&bad, &nan, score], &[]);
}

/// The input normalised, and whether pixels that are not finite counted as 0.
///
/// # Panics
/// For a normalisation with a median, which is refused before.
pub fn apply(graph: &mut Graph, normalisation: Normalisation, not_finite: &str) -> (String, bool) {
    match normalisation {
        Normalisation::None => (INPUT.into(), false),
        Normalisation::Standard => (standard(graph), false),
        Normalisation::Minmax => (minmax(graph), false),
        Normalisation::L2 => (l2(graph, not_finite, &[1, 2]), true),
        Normalisation::L2Rows => (l2(graph, not_finite, &[2]), true),
        Normalisation::Mad | Normalisation::Asinh => {
            unreachable!("{normalisation} is refused before")
        }
    }
}

fn standard(graph: &mut Graph) -> String {
    let x = cast(graph, INPUT, DataType::Double);
    let image = || axes(&[1, 2]);
    let mean = graph.node(OpType::ReduceMean, &[&x], &[image()]);
    let centred = graph.node(OpType::Sub, &[&x, &mean], &[]);
    let squares = graph.node(OpType::Mul, &[&centred, &centred], &[]);
    let variance = graph.node(OpType::ReduceMean, &[&squares], &[image()]);
    let deviation = graph.node(OpType::Sqrt, &[&variance], &[]);
    divided(graph, &x, &centred, &deviation)
}

fn minmax(graph: &mut Graph) -> String {
    let x = cast(graph, INPUT, DataType::Double);
    let image = || axes(&[1, 2]);
    let low = graph.node(OpType::ReduceMin, &[&x], &[image()]);
    let high = graph.node(OpType::ReduceMax, &[&x], &[image()]);
    let range = graph.node(OpType::Sub, &[&high, &low], &[]);
    let above = graph.node(OpType::Sub, &[&x, &low], &[]);
    divided(graph, &x, &above, &range)
}

/// `value` / `scale`, and 0 for images `x` without contrast, as f32.
fn divided(graph: &mut Graph, x: &str, value: &str, scale: &str) -> String {
    let size = graph.node(OpType::Abs, &[x], &[]);
    let largest = graph.node(OpType::ReduceMax, &[&size], &[axes(&[1, 2])]);
    let rounding = graph.double("no_contrast", NO_CONTRAST);
    let least = graph.node(OpType::Mul, &[&largest, &rounding], &[]);
    let flat = graph.node(OpType::LessOrEqual, &[scale, &least], &[]);
    let one = graph.double("one", 1.0);
    let zero = graph.double("zero", 0.0);
    let scale = graph.node(OpType::Where, &[&flat, &one, scale], &[]);
    let scaled = graph.node(OpType::Div, &[value, &scale], &[]);
    let scaled = graph.node(OpType::Where, &[&flat, &zero, &scaled], &[]);
    cast(graph, &scaled, DataType::Float)
}

/// x by its norm over `along`; 1 in place of 0, and 0 where the squares are beyond f32.
fn l2(graph: &mut Graph, not_finite: &str, along: &[i64]) -> String {
    let nothing = graph.floats("no_light", &[], &[0.0]);
    let x = graph.node(OpType::Where, &[not_finite, &nothing, INPUT], &[]);
    let x = cast(graph, &x, DataType::Double);
    let squares = graph.node(OpType::ReduceSumSquare, &[&x], &[axes(along)]);
    let norm = graph.node(OpType::Sqrt, &[&squares], &[]);
    let one = graph.double("one", 1.0);
    let zero = graph.double("zero", 0.0);
    let empty = graph.node(OpType::Equal, &[&squares, &zero], &[]);
    let norm = graph.node(OpType::Where, &[&empty, &one, &norm], &[]);
    let scaled = graph.node(OpType::Div, &[&x, &norm], &[]);
    let most = graph.double("largest_f32", f64::from(f32::MAX));
    let beyond = graph.node(OpType::Greater, &[&squares, &most], &[]);
    let scaled = graph.node(OpType::Where, &[&beyond, &zero, &scaled], &[]);
    cast(graph, &scaled, DataType::Float)
}
