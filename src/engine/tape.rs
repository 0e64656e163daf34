//! Reverse-mode differentiation. The only place that adds gradients up.

use super::op::Op;
use super::run;
use super::shape::Shape;
use super::tensor::Tensor;
use crate::backend::Device;
use crate::{Error, Result};

/// A value on a [`Tape`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Var(usize);

#[derive(Debug)]
enum Step {
    Op {
        op: Box<dyn Op>,
        outputs: Vec<Tensor>,
    },
    /// The same elements under another shape: its gradient is the reverse.
    Reshape { from: Shape },
}

#[derive(Debug)]
struct Node {
    step: Step,
    inputs: Vec<Var>,
    output: Var,
}

#[derive(Debug)]
struct Value {
    tensor: Option<Tensor>,
    needs_gradient: bool,
    /// Whether the backward of a recorded op looks at its elements again.
    read: bool,
    /// Whether it was let go of; what is left is its shape.
    released: bool,
}

/// Records ops as they run, then walks them backwards.
#[derive(Debug)]
pub struct Tape {
    device: Device,
    adder: Box<dyn Op>,
    values: Vec<Value>,
    nodes: Vec<Node>,
}

/// What [`Tape::backward`] returns: a gradient per leaf that asked for one.
#[derive(Debug)]
pub struct Gradients(Vec<Option<Tensor>>);

impl Gradients {
    /// Takes the gradient of `leaf`; `None` if the loss does not depend on it,
    /// or the leaf did not ask.
    pub fn take(&mut self, leaf: Var) -> Option<Tensor> {
        self.0.get_mut(leaf.0).and_then(Option::take)
    }
}

impl Tape {
    /// An empty tape on `device`. `adder` is the op that sums two tensors of one
    /// shape; it comes from above because this layer knows no op.
    pub fn new(device: &Device, adder: impl Op + 'static) -> Tape {
        Tape {
            device: device.clone(),
            adder: Box::new(adder),
            values: Vec::new(),
            nodes: Vec::new(),
        }
    }

    /// Where this tape's tensors live.
    pub fn device(&self) -> &Device {
        &self.device
    }

    fn push(&mut self, tensor: Tensor, needs_gradient: bool) -> Var {
        self.values.push(Value {
            tensor: Some(tensor),
            needs_gradient,
            read: false,
            released: false,
        });
        Var(self.values.len() - 1)
    }

    /// A value that no op made and whose gradient is wanted: a parameter.
    pub fn parameter(&mut self, tensor: Tensor) -> Var {
        self.push(tensor, true)
    }

    /// A value that no op made and whose gradient nobody wants: pixels, labels.
    pub fn constant(&mut self, tensor: Tensor) -> Var {
        self.push(tensor, false)
    }

    /// The tensor behind a value.
    ///
    /// # Panics
    /// When the value was released, which is a mistake of the caller.
    pub fn tensor(&self, var: Var) -> &Tensor {
        let value = &self.values[var.0];
        assert!(!value.released, "the value was released");
        value.tensor.as_ref().expect("only backward takes it out")
    }

    /// Whether backward goes on to this value: it is a parameter, or depends on one.
    pub fn needs_gradient(&self, var: Var) -> bool {
        self.values[var.0].needs_gradient
    }

    /// Lets go of a value that the caller will not look at again: inference holds
    /// two activations and not all of them, and training those that backward reads.
    pub fn release(&mut self, var: Var) -> Result<()> {
        let value = &mut self.values[var.0];
        if !value.read && !value.released {
            value.released = true;
            value.tensor = match &value.tensor {
                Some(tensor) if value.needs_gradient => Some(tensor.without_elements()?),
                _ => None,
            };
        }
        Ok(())
    }

    /// Runs `op` and returns its value.
    pub fn apply(&mut self, op: impl Op + 'static, inputs: &[Var]) -> Result<Var> {
        Ok(self.apply_keeping(op, inputs)?.0)
    }

    /// Runs `op`; returns its value and the outputs after it, such as the batch
    /// statistics of a normalisation.
    pub fn apply_keeping(
        &mut self,
        op: impl Op + 'static,
        inputs: &[Var],
    ) -> Result<(Var, Vec<Tensor>)> {
        let tensors: Vec<&Tensor> = inputs.iter().map(|var| self.tensor(*var)).collect();
        let outputs = run::forward(&op, &tensors)?;
        let needs = inputs
            .iter()
            .enumerate()
            .any(|(i, var)| op.differentiable(i) && self.values[var.0].needs_gradient);
        let output = self.push(outputs[0].clone(), needs);
        let kept = outputs[1..].to_vec();
        if needs {
            for (i, var) in inputs.iter().enumerate() {
                // Its shape is needed in any case, and a constant has no other.
                let value = &mut self.values[var.0];
                value.read |= op.backward_reads_input(i) || !value.needs_gradient;
            }
            self.values[output.0].read = op.backward_reads_output(0);
            let mut outputs = outputs;
            for (i, output) in outputs.iter_mut().enumerate() {
                if !op.backward_reads_output(i) {
                    *output = output.without_elements()?;
                }
            }
            let step = Step::Op {
                op: Box::new(op),
                outputs,
            };
            self.nodes.push(Node {
                step,
                inputs: inputs.to_vec(),
                output,
            });
        }
        Ok((output, kept))
    }

    /// The same elements under another shape; nothing is copied.
    pub fn reshape(&mut self, input: Var, shape: impl Into<Shape>) -> Result<Var> {
        let from = self.tensor(input).shape().clone();
        let tensor = self.tensor(input).reshape(shape)?;
        let needs = self.values[input.0].needs_gradient;
        let output = self.push(tensor, needs);
        if needs {
            self.nodes.push(Node {
                step: Step::Reshape { from },
                inputs: vec![input],
                output,
            });
        }
        Ok(output)
    }

    /// (N, H, W, C) to (N, H·W·C), in Keras' order.
    pub fn flatten(&mut self, input: Var) -> Result<Var> {
        let flat = self.tensor(input).shape().flat();
        self.reshape(input, flat)
    }

    /// The gradients of the scalar `loss` with respect to every parameter.
    /// Activations are let go of as soon as they have been used.
    pub fn backward(self, loss: Var) -> Result<Gradients> {
        let shape = self.tensor(loss).shape().clone();
        if shape.len() != 1 {
            return Err(Error::shape(
                "backward",
                "the loss must be a single number",
                &[&shape],
            ));
        }
        let one = Tensor::full(&self.device, shape, 1.0)?;
        self.backward_from(loss, one)
    }

    /// The gradients of Σ `seed` · `value`, where `seed` is on the device and has as many
    /// numbers as `value`. Of a loss it is a part's share of a batch, or the scale of a
    /// loss in f16; of logits (N, K) it says which class is asked about.
    pub fn backward_from(mut self, value: Var, seed: Tensor) -> Result<Gradients> {
        let shape = self.tensor(value).shape().clone();
        let mut gradients: Vec<Option<Tensor>> = self.values.iter().map(|_| None).collect();
        gradients[value.0] = Some(seed.reshape(shape)?);

        while let Some(node) = self.nodes.pop() {
            // No op later on the tape used this value: the loss does not depend on it.
            let Some(gradient) = gradients[node.output.0].take() else {
                continue;
            };
            let contributions = match node.step {
                Step::Reshape { from } => vec![Some(gradient.reshape(from)?)],
                Step::Op { op, outputs } => {
                    // What stays behind in `values` would not be free until the end.
                    self.values[node.output.0].tensor = None;
                    let kept = |var: &Var| self.values[var.0].tensor.as_ref();
                    let inputs: Vec<&Tensor> = node
                        .inputs
                        .iter()
                        .map(|var| kept(var).expect("only its own op's backward takes it out"))
                        .collect();
                    let wanted: Vec<bool> = node
                        .inputs
                        .iter()
                        .enumerate()
                        .map(|(i, var)| op.differentiable(i) && self.values[var.0].needs_gradient)
                        .collect();
                    run::backward(op.as_ref(), &inputs, &outputs, &gradient, &wanted)?
                }
            };
            self.values[node.output.0].tensor = None;
            for (var, contribution) in node.inputs.iter().zip(contributions) {
                let Some(contribution) = contribution else {
                    continue;
                };
                let slot = &mut gradients[var.0];
                *slot = Some(match slot.take() {
                    None => contribution,
                    Some(sum) => {
                        let adder = self.adder.as_ref();
                        run::forward_in_place(adder, vec![sum], &[&contribution])?.remove(0)
                    }
                });
            }
        }
        Ok(Gradients(gradients))
    }
}
