//! ONNX, opset 17, with a batch of any size: `cutouts` (N, H, W, C) f32 in, `p_real`
//! (N) f32 out. Inside, images are NCHW as ONNX wants them, turned once on the way in
//! and once before the dense layers, whose kernels stay as they are.
//!
//! A cutout with a pixel that is not finite has the score NaN, never a number: a
//! rectifier may turn NaN into 0. Where the graph normalises by an l2 norm, such
//! pixels count as 0, as they do in rbgpu.

mod graph;
mod normalise;

use std::path::Path;

use onnx_rs::ast::OpType;

use super::facts::Facts;
use crate::data::Preprocess;
use crate::engine::Shape;
use crate::formats::ModelFile;
use crate::formats::tensors::NamedTensor;
use crate::nn::{Activation, Layer, LayerPlan, Pair};
use crate::ops::window::{Axis, sliding};
use crate::{Error, Result};
use graph::{Graph, INPUT, Setting};

/// What a file of protobuf can hold, less room for the graph.
const LARGEST: usize = (1 << 31) - (1 << 24);

/// The file.
pub fn bytes(
    file: &ModelFile,
    weights: &[NamedTensor],
    facts: &Facts,
    with_normalisation: bool,
    path: &Path,
) -> Result<Vec<u8>> {
    let mut graph = Graph::default();
    let plan = file.model.plan();
    let not_finite = normalise::not_finite(&mut graph);
    let (pixels, counts_as_zero) = match with_normalisation {
        true => {
            let Preprocess::Plain(normalisation) = file.preprocess else {
                unreachable!("{} is refused before", file.preprocess)
            };
            normalise::apply(&mut graph, normalisation, &not_finite)
        }
        false => (INPUT.to_string(), false),
    };
    let mut network = Network {
        graph,
        value: pixels,
        channels_first: false,
        shape: Shape::from(plan.input),
    };
    let mut weights = weights;
    for layer in &plan.layers {
        let (own, rest) = weights.split_at(layer.parameters.len());
        network.layer(layer, own)?;
        weights = rest;
    }
    let score = network.score(file.model.architecture().head());
    let mut graph = network.graph;
    if !counts_as_zero {
        normalise::nan_where_not_finite(&mut graph, &not_finite, &score);
    }
    graph.end();
    if graph.weight() > LARGEST {
        let found = format!("{} bytes of weights", graph.weight());
        let expected = "less than 2 GiB, which is what a file of ONNX holds";
        return Err(Error::input(path, "weights", found, expected));
    }
    Ok(graph.bytes(&file.model.architecture().name, plan.input, facts))
}

/// A network on its way into a graph.
struct Network {
    graph: Graph,
    /// The name of what has been calculated so far.
    value: String,
    /// Whether `value` is (N, C, H, W).
    channels_first: bool,
    /// Its shape in rbgpu, without the batch.
    shape: Shape,
}

impl Network {
    fn apply(
        &mut self,
        op: OpType<'static>,
        others: &[String],
        settings: &[(&'static str, Setting)],
    ) {
        let mut inputs = vec![self.value.as_str()];
        inputs.extend(others.iter().map(String::as_str));
        self.value = self.graph.node(op, &inputs, settings);
    }

    /// Turns images, if need be, so that channels come first or last.
    fn turn(&mut self, channels_first: bool) {
        if self.shape[..].len() != 3 || self.channels_first == channels_first {
            return;
        }
        let order = match channels_first {
            true => vec![0, 3, 1, 2],
            false => vec![0, 2, 3, 1],
        };
        self.apply(OpType::Transpose, &[], &[("perm", Setting::Ints(order))]);
        self.channels_first = channels_first;
    }

    fn weight(&mut self, tensor: &NamedTensor) -> String {
        self.graph
            .floats(&tensor.name, &tensor.shape, &tensor.values)
    }

    fn layer(&mut self, plan: &LayerPlan, weights: &[NamedTensor]) -> Result<()> {
        match (&plan.layer, weights) {
            (
                Layer::Conv2d {
                    kernel,
                    stride,
                    padding,
                    activation,
                    ..
                },
                [hwio, bias],
            ) => {
                self.turn(true);
                let [h, w, c] = self.shape[..] else {
                    unreachable!("the plan has images here");
                };
                let image = Shape::from([1, h, w, c]);
                let at = sliding("conv2d", &image, kernel.0, stride.0, *padding)?;
                let pads = [
                    at.rows.before,
                    at.columns.before,
                    after(at.rows),
                    after(at.columns),
                ];
                let kernel_name = self.kernel(hwio);
                let bias = self.weight(bias);
                let settings = [
                    ("kernel_shape", pair(*kernel)),
                    ("strides", pair(*stride)),
                    ("pads", ints(&pads)),
                ];
                self.apply(OpType::Conv, &[kernel_name, bias], &settings);
                self.activation(*activation);
            }
            (Layer::BatchNorm { epsilon, .. }, [gamma, beta, mean, variance]) => {
                self.turn(true);
                let others = [gamma, beta, mean, variance].map(|tensor| self.weight(tensor));
                let settings = [("epsilon", Setting::Float(*epsilon as f32))];
                self.apply(OpType::BatchNormalization, &others, &settings);
            }
            (Layer::MaxPool { window, stride }, _) => {
                self.pool(OpType::MaxPool, *window, *stride);
            }
            (Layer::AvgPool { window, stride }, _) => {
                self.pool(OpType::AveragePool, *window, *stride);
            }
            (Layer::Relu {}, _) => self.apply(OpType::Relu, &[], &[]),
            // onnx-rs leaves a setting of 0 out, and ONNX then takes 0.01.
            (Layer::LeakyRelu { slope: 0.0 }, _) => self.apply(OpType::Relu, &[], &[]),
            (Layer::LeakyRelu { slope }, _) => {
                let settings = [("alpha", Setting::Float(*slope as f32))];
                self.apply(OpType::LeakyRelu, &[], &settings);
            }
            (Layer::Rescaling { scale, offset }, _) => {
                for (op, part, value) in [
                    (OpType::Mul, "scale", *scale),
                    (OpType::Add, "offset", *offset),
                ] {
                    let name = format!("{}/{part}", plan.name);
                    let constant = self.graph.floats(&name, &[], &[value as f32]);
                    self.apply(op, &[constant], &[]);
                }
            }
            (Layer::Flatten {}, _) => {
                self.turn(false);
                self.apply(OpType::Flatten, &[], &[("axis", Setting::Int(1))]);
            }
            (Layer::Dense { activation, .. }, [kernel, bias]) => {
                let others = [kernel, bias].map(|tensor| self.weight(tensor));
                self.apply(OpType::Gemm, &others, &[]);
                self.activation(*activation);
            }
            // Nothing is dropped in inference.
            (Layer::Dropout { .. }, _) => {}
            (layer, weights) => {
                unreachable!("{layer:?} with {} parameters", weights.len())
            }
        }
        self.shape = plan.output.clone();
        Ok(())
    }

    fn pool(&mut self, op: OpType<'static>, window: Pair, stride: Option<Pair>) {
        self.turn(true);
        let settings = [
            ("kernel_shape", pair(window)),
            ("strides", pair(stride.unwrap_or(window))),
        ];
        self.apply(op, &[], &settings);
    }

    /// (h, w, in, out) as (out, in, h, w).
    fn kernel(&mut self, hwio: &NamedTensor) -> String {
        let [h, w, c, f] = hwio.shape[..] else {
            unreachable!("a kernel has four axes");
        };
        let mut oihw = Vec::with_capacity(hwio.values.len());
        for out in 0..f {
            for channel in 0..c {
                let places = (0..h * w).map(|place| (place * c + channel) * f + out);
                oihw.extend(places.map(|at| hwio.values[at]));
            }
        }
        self.graph.floats(&hwio.name, &[f, c, h, w], &oihw)
    }

    fn activation(&mut self, activation: Activation) {
        match activation {
            Activation::Linear => {}
            Activation::Relu => self.apply(OpType::Relu, &[], &[]),
            Activation::Sigmoid => self.apply(OpType::Sigmoid, &[], &[]),
            Activation::Softmax => {
                self.apply(OpType::Softmax, &[], &[("axis", Setting::Int(1))]);
            }
        }
    }

    /// (N, 1) or (N, 2) as (N).
    fn score(&mut self, head: Activation) -> String {
        match head {
            Activation::Softmax => {
                let real = self.graph.integers("class_real", &[], &[1]);
                self.apply(OpType::Gather, &[real], &[("axis", Setting::Int(1))]);
            }
            _ => {
                let axis = self.graph.integers("axis_of_classes", &[1], &[1]);
                self.apply(OpType::Squeeze, &[axis], &[]);
            }
        }
        self.value.clone()
    }
}

/// Zeros behind the last pixel: what the windows reach beyond it.
fn after(axis: Axis) -> usize {
    let reach = (axis.output - 1) * axis.stride + axis.window;
    reach.saturating_sub(axis.input + axis.before)
}

fn ints(values: &[usize]) -> Setting {
    Setting::Ints(values.iter().map(|n| *n as i64).collect())
}

fn pair(pair: Pair) -> Setting {
    ints(&pair.0)
}
