//! Convolution on the native device, a group of images at a time: every call
//! runs on one thread, so that a caller can keep a group in the cache through
//! several ops and share the groups out among its own tasks.

mod direct;
mod direct_kernel;
mod method;
mod points;
mod side;
mod transform;
mod winograd;
mod winograd_kernel;

use rayon::prelude::*;

use self::direct::{Direct, Frame};
use self::direct_kernel::DirectKernel;
use self::method::Folded;
use self::winograd::{Tiling, Winograd};
use self::winograd_kernel::WinogradKernel;
use super::{Conv2d, Geometry};
use crate::backend::parallel::column_sums;
use crate::backend::tile::padded;
use crate::backend::{Cpu, HostBuffer, Real};
use crate::engine::{CpuOp, Saved, View, ViewMut};

/// Most partial sums of the kernel's gradient. Fixed, so that the result does not
/// depend on the number of cores.
const PARTIALS: usize = 16;

/// Output pixels, or Winograd's tiles, that are worth a task of their own.
const PIXELS: usize = 512;
const TILES: usize = 32;

/// Tasks at least, where there are as many images: whatever the number of cores, as
/// batch norm's sums are by task. Few images cost an image hardly more.
const TASKS: usize = 16;

/// Positions below which the kernel's gradient is summed plainly. So few may never
/// bring together a pixel and a gradient that are both not 0; Winograd's filtering
/// then leaves a rounding where the plain sum is exactly 0, and Adam, which divides a
/// gradient by its own size, would make a step of it.
const FEW: usize = 256;

/// Images that make one good task: enough to reuse the weights.
pub(crate) fn images_per_task(g: &Geometry) -> usize {
    let output = [g.at.rows.output, g.at.columns.output];
    let images = match Folded::of(g) {
        Some(folded) => TILES / Tiling::new(output, folded.window).per_image().max(1),
        None => PIXELS / (output[0] * output[1]).max(1),
    };
    images.min(g.images.div_ceil(TASKS)).max(1)
}

/// Images per partial sum of the kernel's gradient, whatever the number of threads:
/// enough to make up for turning the sum into a kernel, but at least eight sums of
/// four images or more, or else four.
pub(crate) fn images_per_partial(g: &Geometry) -> usize {
    let eight_or_four = g.images.div_ceil(8).max(4).min(g.images.div_ceil(4));
    let enough = (4 * images_per_task(g)).min(eight_or_four);
    g.images.div_ceil(PARTIALS).max(enough).max(1)
}

/// Numbers in one image of x and in one of y.
fn sizes(g: &Geometry) -> [usize; 2] {
    let (rows, columns) = (g.at.rows, g.at.columns);
    [
        rows.input * columns.input * g.channels,
        rows.output * columns.output * g.filters,
    ]
}

/// y = conv(x) + bias for any number of images, with the weights made ready once.
pub(crate) struct Forward<T: Real> {
    filters: usize,
    way: ForwardWay<T>,
}

enum ForwardWay<T: Real> {
    Winograd(Winograd<T>),
    Direct(Direct<T>),
}

impl<T: Real> Forward<T> {
    /// Makes the weights of kernel (A,B,C,O) ready.
    pub(crate) fn new(cpu: &Cpu, g: &Geometry, kernel: &[T]) -> Self {
        let output = [g.at.rows.output, g.at.columns.output];
        let way = match Folded::of(g) {
            Some(folded) => {
                let mut weights = folded.weights(cpu, g, kernel);
                let (from, to) = (folded.images(g), folded.output(g));
                let window = folded.window;
                let way = Winograd::new(cpu, from, to, output, window, &mut weights);
                ForwardWay::Winograd(way)
            }
            None => {
                let image = sizes(g)[1];
                let to = (0..image).step_by(g.filters).collect();
                let way = Direct::new(cpu, Frame::of(g), kernel, g.filters, to, image);
                ForwardWay::Direct(way)
            }
        };
        let filters = g.filters;
        Forward { filters, way }
    }

    /// y (n,I,J,O) = conv(x (n,H,W,C)) + bias (O), then max(0, y) if `relu`.
    pub(crate) fn run(&self, cpu: &Cpu, x: &[T], bias: &[T], relu: bool, y: &mut [T]) {
        let mut whole = cpu.allocate(padded::<T>(cpu.isa(), self.filters));
        whole.fill(T::zero());
        whole[..self.filters].copy_from_slice(bias);
        match &self.way {
            ForwardWay::Winograd(way) => way.run(cpu, x, Some(&whole), relu, y),
            ForwardWay::Direct(way) => way.run(cpu, x, Some(&whole), relu, y),
        }
    }
}

/// dx = the gradient to the images, for any number of them.
pub(crate) struct BackwardInput<T: Real>(BackwardInputWay<T>);

enum BackwardInputWay<T: Real> {
    Winograd(Winograd<T>),
    /// One for each phase of the stride.
    Direct(Vec<Direct<T>>),
}

impl<T: Real> BackwardInput<T> {
    /// Makes the weights of kernel (A,B,C,O) ready.
    pub(crate) fn new(cpu: &Cpu, g: &Geometry, kernel: &[T]) -> Self {
        if let Some(folded) = Folded::of(g) {
            let mut weights = folded.turned_weights(cpu, g, kernel);
            let (from, to, output) = folded.turned(g);
            let window = folded.window;
            let way = Winograd::new(cpu, from, to, output, window, &mut weights);
            return BackwardInput(BackwardInputWay::Winograd(way));
        }
        let mut all = Vec::new();
        for down in method::phases(g.at.rows) {
            for across in method::phases(g.at.columns) {
                let phase = [down, across];
                let weights = method::phase_weights(cpu, g, kernel, phase);
                let (frame, to) = method::phase_frame(g, phase);
                let image = sizes(g)[0];
                let direct = Direct::new(cpu, frame, &weights, g.channels, to, image);
                all.push(direct);
            }
        }
        BackwardInput(BackwardInputWay::Direct(all))
    }

    /// Fills dx (n,H,W,C) from dy (n,I,J,O).
    pub(crate) fn run(&self, cpu: &Cpu, dy: &[T], dx: &mut [T]) {
        match &self.0 {
            BackwardInputWay::Winograd(way) => way.run(cpu, dy, None, false, dx),
            BackwardInputWay::Direct(phases) => {
                for phase in phases {
                    phase.run(cpu, dy, None, false, dx);
                }
            }
        }
    }
}

/// A partial sum of the kernel's gradient.
pub(crate) struct BackwardKernel<T: Real> {
    g: Geometry,
    way: BackwardKernelWay<T>,
}

enum BackwardKernelWay<T: Real> {
    Winograd(Folded, WinogradKernel<T>),
    Direct(DirectKernel<T>),
    Sealed(HostBuffer<T>),
}

impl<T: Real> BackwardKernel<T> {
    /// An empty sum for a batch of `g.images`.
    pub(crate) fn new(cpu: &Cpu, g: &Geometry) -> Self {
        let output = [g.at.rows.output, g.at.columns.output];
        let way = match Folded::of(g).filter(|_| g.pixels() >= FEW) {
            Some(folded) => {
                let (x, dy) = (folded.images(g), folded.output(g));
                let way = WinogradKernel::new(cpu, x, dy, output, folded.window);
                BackwardKernelWay::Winograd(folded, way)
            }
            None => BackwardKernelWay::Direct(DirectKernel::new(cpu, Frame::of(g), g.filters)),
        };
        BackwardKernel { g: *g, way }
    }

    /// Adds the terms of images x (n,H,W,C) with dy (n,I,J,O).
    ///
    /// # Panics
    /// After [`seal`](Self::seal).
    pub(crate) fn add(&mut self, cpu: &Cpu, x: &[T], dy: &[T]) {
        match &mut self.way {
            BackwardKernelWay::Winograd(_, way) => way.add(cpu, x, dy),
            BackwardKernelWay::Direct(way) => way.add(cpu, x, dy),
            BackwardKernelWay::Sealed(_) => panic!("a sealed sum takes no more terms"),
        }
    }

    /// To be called after the last [`add`](Self::add), in the task that called it:
    /// turns the sum into the kernel's own shape, which is smaller.
    pub(crate) fn seal(self, cpu: &Cpu) -> Self {
        let sum = match self.way {
            BackwardKernelWay::Winograd(folded, mut way) => {
                let mut sum = cpu.allocate(self.g.depth() * self.g.filters);
                sum.fill(T::zero());
                let weights = way.kernel(cpu);
                folded.unfold(cpu.isa(), &self.g, &weights, &mut sum);
                sum
            }
            BackwardKernelWay::Direct(way) => way.sum,
            BackwardKernelWay::Sealed(sum) => sum,
        };
        let (g, way) = (self.g, BackwardKernelWay::Sealed(sum));
        BackwardKernel { g, way }
    }

    /// Fills dkernel (A,B,C,O) with the sum of the partial sums, added in order.
    pub(crate) fn finish(cpu: &Cpu, partials: Vec<BackwardKernel<T>>, dkernel: &mut [T]) {
        dkernel.fill(T::zero());
        for partial in partials {
            if let BackwardKernelWay::Sealed(sum) = partial.seal(cpu).way {
                let terms = dkernel.iter_mut().zip(sum.iter());
                terms.for_each(|(sum, term)| *sum += *term);
            }
        }
    }
}

impl<T: Real> CpuOp<T> for Conv2d {
    fn forward(&self, cpu: &Cpu, inputs: &[View<T>], outputs: &mut [ViewMut<T>]) {
        let [x, kernel, bias] = [inputs[0], inputs[1], inputs[2]];
        let g = self
            .geometry(x.shape, kernel.shape)
            .expect("checked before");
        let [image, output] = sizes(&g).map(|size| (size * images_per_task(&g)).max(1));
        let forward = Forward::new(cpu, &g, kernel.data);
        outputs[0]
            .data
            .par_chunks_mut(output)
            .zip(x.data.par_chunks(image))
            .for_each(|(y, x)| forward.run(cpu, x, bias.data, false, y));
    }

    fn backward(&self, cpu: &Cpu, saved: Saved<View<T>>, grads: &mut [Option<ViewMut<T>>]) {
        let (x, kernel) = (saved.inputs[0], saved.inputs[1]);
        let g = self
            .geometry(x.shape, kernel.shape)
            .expect("checked before");
        let dy = saved.grad.data;
        let task = images_per_task(&g);
        let [image, output] = sizes(&g);
        if let Some(dx) = &mut grads[0] {
            let backward = BackwardInput::new(cpu, &g, kernel.data);
            dx.data
                .par_chunks_mut((image * task).max(1))
                .zip(dy.par_chunks((output * task).max(1)))
                .for_each(|(dx, dy)| backward.run(cpu, dy, dx));
        }
        if let Some(dkernel) = &mut grads[1] {
            let share = images_per_partial(&g);
            let partials = x
                .data
                .par_chunks((image * share).max(1))
                .zip(dy.par_chunks((output * share).max(1)))
                .map(|(x, dy)| {
                    let mut partial = BackwardKernel::new(cpu, &g);
                    partial.add(cpu, x, dy);
                    partial.seal(cpu)
                })
                .collect();
            BackwardKernel::finish(cpu, partials, dkernel.data);
        }
        if let Some(dbias) = &mut grads[2] {
            column_sums(dbias.data, dy);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Shape;
    use crate::ops::Padding;

    fn geometry(images: usize, size: usize, channels: usize) -> Geometry {
        let convolution = Conv2d {
            stride: [1, 1],
            padding: Padding::Same,
        };
        let x = Shape::from([images, size, size, channels]);
        let kernel = Shape::from([3, 3, channels, 64]);
        convolution.geometry(&x, &kernel).unwrap()
    }

    /// Small images are taken several at a time, but not so many that cores are idle.
    #[test]
    fn no_core_waits_while_there_are_images() {
        for (size, channels) in [(8, 64), (32, 64), (8, 3), (4, 1)] {
            for images in 1..=300 {
                let g = geometry(images, size, channels);
                let (task, share) = (images_per_task(&g), images_per_partial(&g));
                let (tasks, sums) = (images.div_ceil(task), images.div_ceil(share));
                let what = format!("{images} of {size}x{size}: {task}, {share}");
                assert!(tasks >= images.min(TASKS / 2), "{what}");
                assert!(sums >= images.min(3) && sums <= PARTIALS, "{what}");
            }
        }
        let g = geometry(32, 8, 64);
        assert_eq!([images_per_task(&g), images_per_partial(&g)], [2, 4]);
        let g = geometry(256, 8, 64);
        assert_eq!([images_per_task(&g), images_per_partial(&g)], [8, 32]);
    }
}
