//! A graph as it grows, and its bytes. onnx-rs borrows every name and number, so they
//! are kept here until it writes them.

use onnx_rs::ast::{
    Attribute, AttributeType, DataType, Dimension, Graph as OnnxGraph, Model, Node as OnnxNode,
    OpType, OperatorSetId, StringStringEntry, TensorProto, TensorShape, TensorShapeDimension,
    TensorTypeProto, TypeProto, TypeValue, ValueInfo,
};

use super::super::facts::Facts;

/// Opset 17 and the file version that came with it (2022): what is needed and no newer.
const OPSET: i64 = 17;
const IR_VERSION: i64 = 8;

/// The graph's input.
pub const INPUT: &str = "cutouts";
/// The graph's output.
pub const OUTPUT: &str = "p_real";

/// An operator's setting.
#[derive(Clone, Debug)]
pub enum Setting {
    /// One number. Not 0: onnx-rs leaves that out, which is right only where 0 is
    /// the default.
    Int(i64),
    /// Several.
    Ints(Vec<i64>),
    /// A number that is none of the indices.
    Float(f32),
}

#[derive(Debug)]
struct Node {
    op: OpType<'static>,
    inputs: Vec<String>,
    output: String,
    settings: Vec<(&'static str, Setting)>,
}

#[derive(Debug)]
struct Constant {
    name: String,
    dims: Vec<i64>,
    kind: DataType,
    bytes: Vec<u8>,
}

/// Nodes in the order in which they run, and what they take besides each other.
#[derive(Debug, Default)]
pub struct Graph {
    nodes: Vec<Node>,
    constants: Vec<Constant>,
}

impl Graph {
    /// Adds an operator; the name of its output.
    pub fn node(
        &mut self,
        op: OpType<'static>,
        inputs: &[&str],
        settings: &[(&'static str, Setting)],
    ) -> String {
        let output = format!("{}_{}", op.as_str().to_lowercase(), self.nodes.len());
        self.nodes.push(Node {
            op,
            inputs: inputs.iter().map(|name| name.to_string()).collect(),
            output: output.clone(),
            settings: settings.to_vec(),
        });
        output
    }

    /// The last operator's output is the graph's.
    pub fn end(&mut self) {
        if let Some(last) = self.nodes.last_mut() {
            last.output = OUTPUT.into();
        }
    }

    /// Adds f32 numbers; their name.
    pub fn floats(&mut self, name: &str, dims: &[usize], values: &[f32]) -> String {
        let bytes = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        self.constant(name, dims, DataType::Float, bytes)
    }

    /// Adds one f64 number; its name.
    pub fn double(&mut self, name: &str, value: f64) -> String {
        self.constant(name, &[], DataType::Double, value.to_le_bytes().to_vec())
    }

    /// Adds whole numbers; their name.
    pub fn integers(&mut self, name: &str, dims: &[usize], values: &[i64]) -> String {
        let bytes = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        self.constant(name, dims, DataType::Int64, bytes)
    }

    /// A name that is there already keeps its numbers.
    fn constant(&mut self, name: &str, dims: &[usize], kind: DataType, bytes: Vec<u8>) -> String {
        if !self.constants.iter().any(|c| c.name == name) {
            self.constants.push(Constant {
                name: name.into(),
                dims: dims.iter().map(|n| *n as i64).collect(),
                kind,
                bytes,
            });
        }
        name.into()
    }

    /// Bytes of the constants.
    pub fn weight(&self) -> usize {
        self.constants.iter().map(|c| c.bytes.len()).sum()
    }

    /// The file, for cutouts of `input` (H, W, C).
    pub fn bytes(&self, name: &str, input: [usize; 3], facts: &Facts) -> Vec<u8> {
        let outputs: Vec<&str> = self.nodes.iter().map(|n| n.output.as_str()).collect();
        let node = self
            .nodes
            .iter()
            .zip(&outputs)
            .map(|(node, output)| OnnxNode {
                input: node.inputs.iter().map(String::as_str).collect(),
                output: vec![output],
                name: output,
                op_type: node.op.clone(),
                attribute: node.settings.iter().map(attribute).collect(),
                ..Default::default()
            });
        let initializer = self
            .constants
            .iter()
            .map(|c| TensorProto::from_raw(&c.name, c.dims.clone(), c.kind, &c.bytes));
        let graph = OnnxGraph {
            node: node.collect(),
            name,
            initializer: initializer.collect(),
            input: vec![value(INPUT, &input)],
            output: vec![value(OUTPUT, &[])],
            ..Default::default()
        };
        let metadata = facts.iter().map(|(key, value)| StringStringEntry {
            key,
            value: value.as_str(),
        });
        onnx_rs::encode(&Model {
            ir_version: IR_VERSION,
            opset_import: vec![OperatorSetId {
                domain: "",
                version: OPSET,
            }],
            producer_name: "rbgpu",
            producer_version: env!("CARGO_PKG_VERSION"),
            graph: Some(graph),
            metadata_props: metadata.collect(),
            ..Default::default()
        })
    }
}

fn attribute<'a>((name, setting): &(&'a str, Setting)) -> Attribute<'a> {
    let empty = Attribute {
        name,
        ..Default::default()
    };
    match setting {
        Setting::Int(i) => Attribute {
            r#type: AttributeType::Int,
            i: *i,
            ..empty
        },
        Setting::Ints(ints) => Attribute {
            r#type: AttributeType::Ints,
            ints: ints.clone(),
            ..empty
        },
        Setting::Float(f) => Attribute {
            r#type: AttributeType::Float,
            f: *f,
            ..empty
        },
    }
}

/// f32 numbers of shape (N, …axes).
fn value<'a>(name: &'a str, axes: &[usize]) -> ValueInfo<'a> {
    let batch = Dimension::Param("N");
    let fixed = axes.iter().map(|n| Dimension::Value(*n as i64));
    let dim = std::iter::once(batch)
        .chain(fixed)
        .map(|value| TensorShapeDimension {
            value,
            denotation: "",
        });
    let tensor = TensorTypeProto {
        elem_type: DataType::Float,
        shape: Some(TensorShape { dim: dim.collect() }),
    };
    ValueInfo {
        name,
        r#type: Some(TypeProto {
            value: Some(TypeValue::Tensor(tensor)),
            denotation: "",
        }),
        ..Default::default()
    }
}
