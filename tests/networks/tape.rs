//! The tape: sums, and what has no gradient.

use rbgpu::backend::Device;
use rbgpu::engine::{Tape, Tensor, Var};
use rbgpu::ops;
use rbgpu::ops::add::Add;
use rbgpu::ops::reduce::{Kind, Reduce};
use rbgpu::ops::relu::Relu;
use rbgpu::ops::scale::Scale;

use super::common::gpu;

fn devices() -> Vec<Device> {
    let mut all = vec![Device::Reference, Device::cpu_f64(), Device::cpu()];
    all.extend(gpu().map(Device::Gpu));
    all
}

fn sum(tape: &mut Tape, x: Var) -> Var {
    let op = Reduce {
        kind: Kind::Sum,
        keep_channels: false,
    };
    tape.apply(op, &[x]).unwrap()
}

fn start(device: &Device) -> (Tape, Var) {
    let mut tape = ops::tape(device);
    let x = Tensor::new(device, [2, 2], &[1.0, -2.0, 3.0, -4.0]).unwrap();
    let x = tape.parameter(x);
    (tape, x)
}

fn gradient(tape: Tape, loss: Var, of: Var) -> Option<Vec<f64>> {
    let mut all = tape.backward(loss).unwrap();
    all.take(of).map(|g| g.to_vec().unwrap())
}

#[test]
fn a_value_used_twice_by_one_op_gets_both_gradients() {
    for device in devices() {
        let (mut tape, x) = start(&device);
        let y = tape.apply(Add, &[x, x]).unwrap();
        let loss = sum(&mut tape, y);
        assert_eq!(
            gradient(tape, loss, x),
            Some(vec![2.0; 4]),
            "{}",
            device.name()
        );
    }
}

#[test]
fn a_value_used_by_two_ops_gets_the_sum_of_their_gradients() {
    for device in devices() {
        // y = relu(x) + 3x, then y + relu(x) once more: x is used twice, relu(x) too.
        let (mut tape, x) = start(&device);
        let open = tape.apply(Relu, &[x]).unwrap();
        let straight = tape.apply(Scale::by(3.0), &[x]).unwrap();
        let y = tape.apply(Add, &[open, straight]).unwrap();
        let y = tape.apply(Add, &[y, open]).unwrap();
        let loss = sum(&mut tape, y);
        let want = Some(vec![5.0, 3.0, 5.0, 3.0]);
        assert_eq!(gradient(tape, loss, x), want, "{}", device.name());
    }
}

#[test]
fn what_the_loss_does_not_use_has_no_gradient() {
    for device in devices() {
        let (mut tape, x) = start(&device);
        let unused = tape.parameter(Tensor::full(&device, [3], 1.0).unwrap());
        let constant = tape.constant(Tensor::full(&device, [2, 2], 1.0).unwrap());
        // Used, but not on the way to the loss.
        let aside = tape.parameter(Tensor::full(&device, [3], 1.0).unwrap());
        tape.apply(Relu, &[aside]).unwrap();
        let y = tape.apply(Add, &[x, constant]).unwrap();
        let loss = sum(&mut tape, y);
        let mut all = tape.backward(loss).unwrap();
        for leaf in [unused, constant, aside] {
            assert!(all.take(leaf).is_none(), "{}", device.name());
        }
        assert_eq!(all.take(x).unwrap().to_vec().unwrap(), [1.0; 4]);
        assert!(all.take(x).is_none(), "a gradient is taken once");
    }
}

#[test]
fn the_loss_must_be_one_number() {
    let (mut tape, x) = start(&Device::cpu());
    let y = tape.apply(Relu, &[x]).unwrap();
    let error = tape.backward(y).unwrap_err().to_string();
    assert!(error.contains("single number"), "{error}");
}
