//! ONNX read back and run as its specification says: every operator a plain loop or
//! one line of ndarray, in f64, one after the other. It shares nothing with the code
//! that writes the files but the crate that encodes them.

use std::collections::HashMap;

use ndarray::{ArrayD, Axis, IxDyn, Zip, indices};
use onnx_rs::ast::{DataType, Graph, Node, TensorProto};

type Tensor = ArrayD<f64>;

/// The output `p_real` of `file` for `cutouts` (N, H, W, C).
pub fn run(file: &[u8], cutouts: Tensor) -> Vec<f64> {
    let model = onnx_rs::parse(file).expect("a file of ONNX");
    let graph: Graph = model.graph.expect("a graph");
    let mut values: HashMap<&str, Tensor> = HashMap::from([("cutouts", cutouts)]);
    for constant in &graph.initializer {
        values.insert(constant.name(), numbers(constant));
    }
    for node in &graph.node {
        let inputs: Vec<&Tensor> = node.input.iter().map(|name| &values[name]).collect();
        let output = apply(node, &inputs);
        values.insert(node.output[0], output);
    }
    let score = &values["p_real"];
    assert_eq!(score.ndim(), 1, "p_real is (N)");
    score.iter().copied().collect()
}

fn numbers(tensor: &TensorProto) -> Tensor {
    let raw = tensor.as_raw().expect("raw numbers");
    let values: Vec<f64> = match tensor.data_type() {
        DataType::Float => raw
            .chunks_exact(4)
            .map(|b| f64::from(f32::from_le_bytes(b.try_into().unwrap())))
            .collect(),
        DataType::Double => raw
            .chunks_exact(8)
            .map(|b| f64::from_le_bytes(b.try_into().unwrap()))
            .collect(),
        DataType::Int64 => raw
            .chunks_exact(8)
            .map(|b| i64::from_le_bytes(b.try_into().unwrap()) as f64)
            .collect(),
        other => panic!("{}: {other:?}", tensor.name()),
    };
    let shape: Vec<usize> = tensor.dims().iter().map(|n| *n as usize).collect();
    Tensor::from_shape_vec(shape, values).unwrap()
}

fn ints(node: &Node, name: &str) -> Vec<usize> {
    let found = node.attribute.iter().find(|a| a.name == name);
    let found = found.unwrap_or_else(|| panic!("{}: no {name}", node.name));
    found.ints.iter().map(|n| *n as usize).collect()
}

fn int(node: &Node, name: &str) -> i64 {
    let found = node.attribute.iter().find(|a| a.name == name);
    found
        .unwrap_or_else(|| panic!("{}: no {name}", node.name))
        .i
}

fn float(node: &Node, name: &str) -> f64 {
    let found = node.attribute.iter().find(|a| a.name == name);
    let found = found.unwrap_or_else(|| panic!("{}: no {name}", node.name));
    f64::from(found.f)
}

fn apply(node: &Node, inputs: &[&Tensor]) -> Tensor {
    let truth = |yes: bool| f64::from(u8::from(yes));
    let x = inputs[0];
    let each = |f: &dyn Fn(f64) -> f64| x.mapv(f);
    let both = |f: &dyn Fn(f64, f64) -> f64| combine(x, inputs[1], f);
    let over_axes =
        |start: f64, f: &dyn Fn(f64, f64) -> f64| reduce(x, &ints(node, "axes"), start, f);
    match node.op_type.as_str() {
        "Transpose" => x
            .view()
            .permuted_axes(ints(node, "perm"))
            .as_standard_layout()
            .into_owned(),
        "Conv" => conv(node, x, inputs[1], inputs[2]),
        "MaxPool" => pool(node, x, &|window| {
            window.iter().copied().fold(f64::NEG_INFINITY, f64::max)
        }),
        "AveragePool" => pool(node, x, &|window| {
            window.iter().sum::<f64>() / window.len() as f64
        }),
        "BatchNormalization" => {
            let epsilon = node
                .attribute
                .iter()
                .find(|a| a.name == "epsilon")
                .expect("epsilon")
                .f;
            let mut y = x.clone();
            for (c, mut lane) in y.axis_iter_mut(Axis(1)).enumerate() {
                let [scale, shift, mean, variance] = [1, 2, 3, 4].map(|i| inputs[i][[c]]);
                lane.mapv_inplace(|v| {
                    (v - mean) / (variance + f64::from(epsilon)).sqrt() * scale + shift
                });
            }
            y
        }
        "Flatten" => {
            assert_eq!(int(node, "axis"), 1);
            let n = x.shape()[0];
            let x = x.as_standard_layout().into_owned();
            let rest = x.len() / n;
            x.into_shape_with_order(IxDyn(&[n, rest])).unwrap()
        }
        "Gemm" => {
            assert!(node.attribute.is_empty(), "neither scaled nor transposed");
            let matrix = |t: &Tensor| t.clone().into_dimensionality::<ndarray::Ix2>().unwrap();
            combine(
                &matrix(x).dot(&matrix(inputs[1])).into_dyn(),
                inputs[2],
                &|a, b| a + b,
            )
        }
        "LeakyRelu" => {
            let slope = float(node, "alpha");
            each(&|v| if v > 0.0 { v } else { slope * v })
        }
        "Relu" => each(&|v| if v > 0.0 { v } else { 0.0 }),
        "Sigmoid" => each(&|v| 1.0 / (1.0 + (-v).exp())),
        "Softmax" => {
            assert_eq!(int(node, "axis"), 1);
            let exp = x.mapv(f64::exp);
            let sum = reduce(&exp, &[1], 0.0, &|a, b| a + b);
            combine(&exp, &sum, &|a, b| a / b)
        }
        "Gather" => {
            let at = inputs[1].iter().next().copied().unwrap() as usize;
            x.index_axis(Axis(int(node, "axis") as usize), at)
                .into_owned()
        }
        "Squeeze" => {
            let mut axes: Vec<usize> = inputs[1].iter().map(|a| *a as usize).collect();
            axes.sort_unstable();
            let mut y = x.clone();
            for axis in axes.into_iter().rev() {
                assert_eq!(y.shape()[axis], 1);
                y = y.index_axis(Axis(axis), 0).into_owned();
            }
            y
        }
        "IsNaN" => each(&|v| truth(v.is_nan())),
        "IsInf" => each(&|v| truth(v.is_infinite())),
        "Abs" => each(&f64::abs),
        "Sqrt" => each(&f64::sqrt),
        "Cast" => match DataType::try_from(int(node, "to") as i32).unwrap() {
            DataType::Float => each(&|v| f64::from(v as f32)),
            DataType::Double => x.clone(),
            other => panic!("a cast to {other:?}"),
        },
        "Or" => both(&|a, b| truth(a != 0.0 || b != 0.0)),
        "Greater" => both(&|a, b| truth(a > b)),
        "LessOrEqual" => both(&|a, b| truth(a <= b)),
        "Equal" => both(&|a, b| truth(a == b)),
        "Sub" => both(&|a, b| a - b),
        "Add" => both(&|a, b| a + b),
        "Mul" => both(&|a, b| a * b),
        "Div" => both(&|a, b| a / b),
        "Where" => {
            let yes = combine(x, inputs[1], &|condition, yes| {
                if condition != 0.0 { yes } else { 0.0 }
            });
            let no = combine(x, inputs[2], &|condition, no| {
                if condition != 0.0 { 0.0 } else { no }
            });
            combine(&yes, &no, &|a, b| a + b)
        }
        "ReduceMax" => over_axes(f64::NEG_INFINITY, &f64::max),
        "ReduceMin" => over_axes(f64::INFINITY, &f64::min),
        "ReduceSumSquare" => reduce(&each(&|v| v * v), &ints(node, "axes"), 0.0, &|a, b| a + b),
        "ReduceMean" => {
            let axes = ints(node, "axes");
            let count: usize = axes.iter().map(|a| x.shape()[*a]).product();
            over_axes(0.0, &|a, b| a + b) / count as f64
        }
        other => panic!("an operator that no network needs: {other}"),
    }
}

/// `f` of both, after numpy's broadcasting.
fn combine(a: &Tensor, b: &Tensor, f: &dyn Fn(f64, f64) -> f64) -> Tensor {
    let rank = a.ndim().max(b.ndim());
    let axes = |t: &Tensor| [vec![1; rank - t.ndim()], t.shape().to_vec()].concat();
    let shape: Vec<usize> = axes(a)
        .iter()
        .zip(axes(b))
        .map(|(a, b)| (*a).max(b))
        .collect();
    let [a, b] = [a, b].map(|t| t.broadcast(shape.clone()).expect("shapes that fit"));
    Zip::from(a).and(b).map_collect(|a, b| f(*a, *b))
}

/// Folds `axes`, which stay with length 1.
fn reduce(x: &Tensor, axes: &[usize], start: f64, f: &dyn Fn(f64, f64) -> f64) -> Tensor {
    axes.iter().fold(x.clone(), |x, axis| {
        let folded = x.fold_axis(Axis(*axis), start, |a, b| f(*a, *b));
        folded.insert_axis(Axis(*axis))
    })
}

fn conv(node: &Node, x: &Tensor, kernel: &Tensor, bias: &Tensor) -> Tensor {
    let (strides, pads) = (ints(node, "strides"), ints(node, "pads"));
    let [n, c, h, w] = x.shape()[..] else {
        panic!("images")
    };
    let [f, c2, kh, kw] = kernel.shape()[..] else {
        panic!("a kernel")
    };
    assert_eq!((c, &ints(node, "kernel_shape")[..]), (c2, &[kh, kw][..]));
    let out = |size: usize, k: usize, axis: usize| {
        (size + pads[axis] + pads[axis + 2] - k) / strides[axis] + 1
    };
    let (rows, columns) = (out(h, kh, 0), out(w, kw, 1));
    let (x, kernel) = (x.as_slice().unwrap(), kernel.as_slice().unwrap());
    let mut y = Vec::with_capacity(n * f * rows * columns);
    for (image, filter) in indices((n, f)) {
        let mut plane = vec![bias[[filter]]; rows * columns];
        for (channel, i, j) in indices((c, kh, kw)) {
            let weight = kernel[((filter * c + channel) * kh + i) * kw + j];
            // The columns whose pixel under the window's column j is none of the padding.
            let first = pads[1].saturating_sub(j).div_ceil(strides[1]);
            let end = (w + pads[1]).saturating_sub(j).div_ceil(strides[1]);
            for row in 0..rows {
                let up = row * strides[0] + i;
                if !(pads[0]..h + pads[0]).contains(&up) {
                    continue;
                }
                let line = &x[((image * c + channel) * h + up - pads[0]) * w..][..w];
                for column in first..end.min(columns) {
                    let pixel = line[column * strides[1] + j - pads[1]];
                    plane[row * columns + column] += weight * pixel;
                }
            }
        }
        y.append(&mut plane);
    }
    Tensor::from_shape_vec(IxDyn(&[n, f, rows, columns]), y).unwrap()
}

fn pool(node: &Node, x: &Tensor, f: &dyn Fn(&[f64]) -> f64) -> Tensor {
    let (strides, window) = (ints(node, "strides"), ints(node, "kernel_shape"));
    let known = ["strides", "kernel_shape"];
    assert!(
        node.attribute.iter().all(|a| known.contains(&a.name)),
        "no pads, no ceil_mode"
    );
    let [n, c, h, w] = x.shape()[..] else {
        panic!("images")
    };
    let (rows, columns) = (
        (h - window[0]) / strides[0] + 1,
        (w - window[1]) / strides[1] + 1,
    );
    Tensor::from_shape_fn(IxDyn(&[n, c, rows, columns]), |at| {
        let pixels: Vec<f64> = indices((window[0], window[1]))
            .into_iter()
            .map(|(i, j)| x[[at[0], at[1], at[2] * strides[0] + i, at[3] * strides[1] + j]])
            .collect();
        f(&pixels)
    })
}
