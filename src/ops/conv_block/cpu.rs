//! The block on the native device. Each task takes a few whole images through all
//! of it while they are in the second-level cache; only batch norm, which needs
//! the whole batch's statistics, makes the tasks wait for one another once each way.

use rayon::prelude::*;

use self::ahead::ImagesBack;
use self::behind::{Affine, Behind, ImageForward};
use self::sums::{Moments, MomentsOf, total};
use super::{ConvBlock, Norm};
use crate::backend::simd::compiled_for;
use crate::backend::{Cpu, Real};
use crate::engine::{CpuOp, Saved, Shape, View, ViewMut};
use crate::ops::conv2d::Geometry;
use crate::ops::conv2d::cpu::{
    BackwardInput, BackwardKernel, Forward, images_per_partial, images_per_task,
};

mod ahead;
mod behind;
mod sums;

impl ConvBlock {
    /// The convolution's sizes, and those of what stands behind it.
    fn laid_out(&self, x: &Shape, kernel: &Shape) -> (Geometry, Behind) {
        let g = self.conv.geometry(x, kernel).expect("checked before");
        let y = self.convolved(x, kernel).expect("checked before");
        let at = self.sliding(&y).expect("checked before");
        (g, Behind::new(self.pool, at, &y))
    }
}

impl<T: Real> CpuOp<T> for ConvBlock {
    fn forward(&self, cpu: &Cpu, inputs: &[View<T>], outputs: &mut [ViewMut<T>]) {
        let [x, kernel, bias] = [inputs[0], inputs[1], inputs[2]];
        let (g, behind) = self.laid_out(x.shape, kernel.shape);
        let conv = Forward::new(cpu, &g, kernel.data);
        let images = images_per_task(&g);
        let isa = cpu.isa();
        let x_image = x.shape[1] * x.shape[2] * x.shape[3];
        let input = |task: usize, count: usize| {
            let first = task * images * x_image;
            &x.data[first..first + count * x_image]
        };
        if let Some(Norm::Batch { epsilon }) = self.norm {
            let [value, mean, variance, y, rest @ ..] = outputs else {
                unreachable!("a normalised block has four outputs or five")
            };
            let tasks = y.data.par_chunks_mut((images * behind.y_image).max(1));
            let moments: Vec<Moments> = tasks
                .enumerate()
                .map(|(task, y)| {
                    let x = input(task, y.len() / behind.y_image);
                    conv.run(cpu, x, bias.data, true, y);
                    compiled_for::<T, _>(isa, MomentsOf(y, bias.data.len()))
                })
                .collect();
            total(&moments, mean.data, variance.data);
            let affine = Affine::new(
                inputs[3].data,
                inputs[4].data,
                mean.data,
                variance.data,
                epsilon,
            );
            let mut none = [];
            let place = rest
                .first_mut()
                .map_or(&mut none[..], |place| &mut place.data[..]);
            let y = &*y.data;
            behind.each_image(value.data, place, |n, value, place| {
                let y = &y[n * behind.y_image..][..behind.y_image];
                compiled_for::<T, _>(isa, ImageForward(&behind, y, &affine, value, place));
            });
            return;
        }
        let affine = match self.norm {
            Some(Norm::Moving { epsilon }) => {
                let [gamma, beta, mean, variance] = [3, 4, 5, 6].map(|i| inputs[i].data);
                Affine::new(gamma, beta, mean, variance, epsilon)
            }
            _ => Affine::identity(bias.data.len()),
        };
        let [value, rest @ ..] = outputs else {
            unreachable!("there is always a value")
        };
        let plain = self.norm.is_none() && self.pool.is_none();
        let mut none = [];
        let place = rest
            .first_mut()
            .map_or(&mut none[..], |place| &mut place.data[..]);
        behind.each_images(images, value.data, place, |task, value, place| {
            let count = value.len() / behind.value_image;
            let x = input(task, count);
            if plain {
                return conv.run(cpu, x, bias.data, true, value);
            }
            let mut y = cpu.allocate::<T>(images * behind.y_image);
            let y = &mut y[..count * behind.y_image];
            conv.run(cpu, x, bias.data, true, y);
            for n in 0..count {
                let at = n * behind.value_image..(n + 1) * behind.value_image;
                let place = if place.is_empty() {
                    &mut place[..]
                } else {
                    &mut place[at.clone()]
                };
                let y = &y[n * behind.y_image..][..behind.y_image];
                let value = &mut value[at];
                compiled_for::<T, _>(isa, ImageForward(&behind, y, &affine, value, place));
            }
        });
    }

    fn backward(&self, cpu: &Cpu, saved: Saved<View<T>>, grads: &mut [Option<ViewMut<T>>]) {
        let (x, kernel) = (saved.inputs[0], saved.inputs[1]);
        let (g, behind) = self.laid_out(x.shape, kernel.shape);
        let images = images_per_task(&g);
        let isa = cpu.isa();
        let ahead = ahead::Ahead::new(self, isa, &behind, &saved);
        let [dx, dkernel, dbias, of_norm @ ..] = grads else {
            unreachable!("a block has three inputs or more")
        };
        for (gradient, sums) in of_norm.iter_mut().zip(ahead.of_norm()) {
            if let Some(gradient) = gradient {
                gradient.data.copy_from_slice(sums);
            }
        }
        let input = dx
            .is_some()
            .then(|| BackwardInput::new(cpu, &g, kernel.data));
        let wants_kernel = dkernel.is_some();
        let x_image = x.shape[1] * x.shape[2] * x.shape[3];
        let share = images_per_partial(&g);
        let partials = g.images.div_ceil(share);
        let mut all_dx: Vec<Option<&mut [T]>> = match dx {
            Some(dx) => dx
                .data
                .chunks_mut((share * x_image).max(1))
                .map(Some)
                .collect(),
            None => (0..partials).map(|_| None).collect(),
        };
        all_dx.resize_with(partials, || None);
        let sums: Vec<(Option<BackwardKernel<T>>, Vec<f64>)> = all_dx
            .into_par_iter()
            .enumerate()
            .map(|(partial, mut dx)| {
                let mut kernel = wants_kernel.then(|| BackwardKernel::new(cpu, &g));
                let mut bias = vec![0.0; g.filters];
                let mut dy = cpu.allocate::<T>(images * behind.y_image);
                let end = g.images.min((partial + 1) * share);
                for first in (partial * share..end).step_by(images) {
                    let count = images.min(end - first);
                    let dy = &mut dy[..count * behind.y_image];
                    compiled_for::<T, _>(isa, ImagesBack(&ahead, first, dy, &mut bias));
                    if let (Some(input), Some(dx)) = (&input, &mut dx) {
                        let at = (first - partial * share) * x_image;
                        input.run(cpu, dy, &mut dx[at..at + count * x_image]);
                    }
                    if let Some(kernel) = &mut kernel {
                        kernel.add(cpu, &x.data[first * x_image..][..count * x_image], dy);
                    }
                }
                (kernel.map(|kernel| kernel.seal(cpu)), bias)
            })
            .collect();
        if let Some(dbias) = dbias {
            for (c, dbias) in dbias.data.iter_mut().enumerate() {
                *dbias = T::of(sums.iter().map(|(_, bias)| bias[c]).sum());
            }
        }
        if let Some(dkernel) = dkernel {
            let sums = sums.into_iter().filter_map(|(kernel, _)| kernel).collect();
            BackwardKernel::finish(cpu, sums, dkernel.data);
        }
    }
}
