//! Memory is flat: the steps after the first two take what those gave back.

use std::sync::Arc;

use rbgpu::backend::{Cpu, Device, Precision};
use rbgpu::engine::Tensor;
use rbgpu::nn::{Architecture, Model};
use rbgpu::train::Trainer;

#[test]
fn memory_of_the_native_device_is_flat_over_training() {
    // One thread: how many scratch buffers are in use at once depends on how
    // many tasks happen to run together.
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(1)
        .build()
        .unwrap();
    pool.install(|| {
        let cpu = Arc::new(Cpu::new(Precision::F32));
        let device = Device::Cpu(cpu.clone());
        let otrain = Architecture::named("otrain").unwrap();
        let model = Model::new(otrain, [16, 16, 1], 1, &device).unwrap();
        let mut trainer = Trainer::new(model, 0.9, 0.999, 1e-7).unwrap();
        let mut step = || {
            let x = Tensor::full(&device, [8, 16, 16, 1], 0.5).unwrap();
            let targets = trainer.model().targets(&[0, 1, 0, 1, 0, 1, 0, 1]).unwrap();
            trainer.step(x, targets, 1e-3, 1).unwrap();
        };
        (0..2).for_each(|_| step());
        let after_two = cpu.allocated_bytes();
        assert!(after_two > 0);
        for _ in 0..6 {
            step();
            // It may be less: what has not been used for some time is given back.
            assert!(cpu.allocated_bytes() <= after_two);
        }
    });
}
