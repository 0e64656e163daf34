//! The finite differences themselves: an op with a planted error must be caught.

use ndarray::{ArrayD, ArrayViewD};
use rbgpu::backend::{Cpu, Device, Gpu, Real};
use rbgpu::engine::op::GpuView;
use rbgpu::engine::{CpuOp, Fill, Formula, GpuOp, Saved, Shape, Tensor, View, ViewMut};
use rbgpu::ops;
use rbgpu::ops::binary_cross_entropy::BinaryCrossEntropy;
use rbgpu::ops::dense::Dense;

use super::common::fill;
use super::differences::agree;

#[derive(Clone, Copy, Debug, PartialEq)]
enum Fault {
    None,
    /// The gradient passes where the rectifier is closed.
    PassesEverything,
    /// The last element's gradient is NaN.
    NanInOneElement,
    /// One part in 10⁴ too large.
    SlightlyTooLarge,
}

/// A rectifier whose backward has a fault.
#[derive(Clone, Copy, Debug)]
struct FaultyRelu(Fault);

impl FaultyRelu {
    fn backward_at(self, i: usize, len: usize, y: f64, dy: f64) -> f64 {
        match self.0 {
            Fault::PassesEverything => dy,
            Fault::NanInOneElement if i + 1 == len => f64::NAN,
            Fault::SlightlyTooLarge if y > 0.0 => dy * 1.0001,
            _ if y > 0.0 => dy,
            _ => 0.0,
        }
    }
}

impl Formula for FaultyRelu {
    fn name(&self) -> &'static str {
        "relu"
    }

    fn output_shapes(&self, inputs: &[&Shape]) -> rbgpu::Result<Vec<Shape>> {
        Ok(vec![inputs[0].clone()])
    }

    fn differentiable(&self, _: usize) -> bool {
        true
    }

    fn reference_forward(&self, inputs: &[ArrayViewD<f64>]) -> Vec<ArrayD<f64>> {
        vec![inputs[0].mapv(|x| x.max(0.0))]
    }

    fn reference_backward(
        &self,
        saved: Saved<ArrayViewD<f64>>,
        _: &[bool],
    ) -> Vec<Option<ArrayD<f64>>> {
        let mut dx = saved.grad.to_owned();
        let len = dx.len();
        for (i, (dx, y)) in dx.iter_mut().zip(&saved.outputs[0]).enumerate() {
            *dx = self.backward_at(i, len, *y, *dx);
        }
        vec![Some(dx)]
    }
}

impl<T: Real> CpuOp<T> for FaultyRelu {
    fn forward(&self, _: &Cpu, inputs: &[View<T>], outputs: &mut [ViewMut<T>]) {
        for (y, x) in outputs[0].data.iter_mut().zip(inputs[0].data) {
            *y = x.max(T::zero());
        }
    }

    fn backward(&self, _: &Cpu, saved: Saved<View<T>>, grads: &mut [Option<ViewMut<T>>]) {
        let dx = grads[0].as_mut().expect("it is wanted");
        let len = dx.data.len();
        for (i, dx) in dx.data.iter_mut().enumerate() {
            let (y, dy) = (saved.outputs[0].data[i], saved.grad.data[i]);
            *dx = T::of(self.backward_at(i, len, y.as_f64(), dy.as_f64()));
        }
    }
}

impl GpuOp for FaultyRelu {
    fn forward(&self, _: &Gpu, _: &[GpuView], _: &[GpuView]) -> rbgpu::Result<()> {
        unreachable!("the differences are taken in f64")
    }

    fn backward(&self, _: &Gpu, _: Saved<GpuView>, _: &[Option<GpuView>]) -> rbgpu::Result<()> {
        unreachable!("the differences are taken in f64")
    }
}

/// Two dense layers with the rectifier between, through the same differences as
/// the published networks.
fn differences(fault: Fault, device: &Device) -> Result<(), String> {
    let shapes = [[3, 5], [5, 4], [1, 4], [4, 1], [1, 1]].map(Shape::from);
    let mut parameters: Vec<Vec<f64>> = (0..5)
        .map(|i| fill(&shapes[i], Fill::Normal(0.8), 60 + i as u64))
        .collect();
    let x = parameters.remove(0);
    let compute = |parameters: &[Vec<f64>]| {
        let mut tape = ops::tape(device);
        let tensor = |shape: Shape, values: &[f64]| Tensor::new(device, shape, values).unwrap();
        let x = tape.constant(tensor(Shape::from([3, 5]), &x));
        let y = tape.constant(tensor(Shape::from([3, 1]), &[1.0, 0.0, 1.0]));
        let shapes = [vec![5, 4], vec![4], vec![4, 1], vec![1]];
        let vars: Vec<_> = shapes
            .into_iter()
            .zip(parameters)
            .map(|(shape, values)| tape.parameter(tensor(Shape::from(shape), values)))
            .collect();
        let hidden = tape.apply(Dense, &[x, vars[0], vars[1]]).unwrap();
        let hidden = tape.apply(FaultyRelu(fault), &[hidden]).unwrap();
        let logits = tape.apply(Dense, &[hidden, vars[2], vars[3]]).unwrap();
        let loss = tape
            .apply(BinaryCrossEntropy::default(), &[logits, y])
            .unwrap();
        let value = tape.tensor(loss).item().unwrap();
        let mut all = tape.backward(loss).unwrap();
        let gradients = vars
            .iter()
            .map(|var| all.take(*var).unwrap().to_vec().unwrap());
        (value, gradients.collect())
    };
    let places: Vec<(usize, usize)> = (0..parameters.len())
        .flat_map(|p| (0..parameters[p].len()).map(move |i| (p, i)))
        .collect();
    let what = format!("{fault:?} on {}", device.name());
    agree(&what, &compute, &parameters, &places)
}

#[test]
fn a_planted_error_is_caught() {
    for device in [Device::Reference, Device::cpu_f64()] {
        differences(Fault::None, &device).unwrap();
        let faults = [
            Fault::PassesEverything,
            Fault::NanInOneElement,
            Fault::SlightlyTooLarge,
        ];
        for fault in faults {
            let found = differences(fault, &device);
            assert!(found.is_err(), "{fault:?} on {} went unseen", device.name());
        }
    }
}

#[test]
fn nan_and_infinity_fail_every_comparison() {
    use super::common::{check, relative_l2, worst};
    for bad in [f64::NAN, f64::INFINITY] {
        let (got, want) = ([1.0, bad, 3.0], [1.0, 2.0, 3.0]);
        assert!(check("x", &got, &want, 1e9, 1e9).is_err());
        assert!(check("x", &want, &got, 1e9, 0.0).is_err());
        assert_eq!(worst(&got, &want), (f64::INFINITY, 1));
        assert_eq!(relative_l2(&got, &want), f64::INFINITY);
    }
}
