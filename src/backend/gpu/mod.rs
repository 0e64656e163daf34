//! The WGSL device: Vulkan, Metal or DX12 through wgpu.
//!
//! An op records kernels with [`Gpu::dispatch`]; they run in the order in which
//! they were recorded, some time later. [`Gpu::download`] waits for them.

mod adapter;
mod cache;
mod kernel;
mod pool;
mod presence;
mod read_back;
mod recorder;
mod settings;
mod timer;
mod workgroups;

use std::sync::{Arc, Mutex};

pub use adapter::{
    AdapterDescription, AdapterKind, Choice, Limitation, adapters, compiled, limitations,
};
pub use kernel::{Bind, Kernel, Shader};
pub use pool::GpuBuffer;
pub use settings::{Body, GpuPrecision, Settings};
pub use workgroups::{Parameter, Workgroups};

use self::cache::Cache;
use self::kernel::Pipelines;
use self::pool::{Pool, SENTINEL, lock};
use self::recorder::{Failure, Recorder};
use self::settings::{Abilities, body_from_environment};
use self::timer::Timer;
use super::profile::Profile;
use crate::{Error, Result};

/// No invocation of any kernel may go round its loops more often than this, in
/// sum: see [`Limitation::LoopIterations`].
pub const MAX_LOOP_ITERATIONS: usize = 60_000;

/// A WGSL device.
#[derive(Debug)]
pub struct Gpu {
    description: AdapterDescription,
    device: wgpu::Device,
    limits: wgpu::Limits,
    precision: GpuPrecision,
    body: Body,
    abilities: Abilities,
    pool: Arc<Pool>,
    pipelines: Pipelines,
    profile: Profile,
    timer: Mutex<Timer>,
    recorder: Mutex<Recorder>,
    /// Buffers that the host can read, for downloads.
    readable: Mutex<Vec<wgpu::Buffer>>,
}

impl Gpu {
    /// Opens the best adapter that fits `choice`, to calculate in f32.
    pub fn open(choice: &Choice) -> Result<Arc<Gpu>> {
        Gpu::open_as(choice, GpuPrecision::F32)
    }

    /// The same in the precision that is given; fails where the adapter cannot.
    pub fn open_as(choice: &Choice, precision: GpuPrecision) -> Result<Arc<Gpu>> {
        let settings = Settings {
            precision,
            ..Settings::default()
        };
        Gpu::open_with(choice, settings)
    }

    /// The same as [`Gpu::open`], where every tensor's memory starts out as NaN and
    /// is followed by a guard band: a kernel that reads what was never written, or
    /// writes beyond the end, is found. Slow; for tests.
    pub fn open_guarded(choice: &Choice) -> Result<Arc<Gpu>> {
        let settings = Settings {
            guards: true,
            ..Settings::default()
        };
        Gpu::open_with(choice, settings)
    }

    /// Opens the best adapter that fits `choice`, as `settings` say.
    pub fn open_with(choice: &Choice, settings: Settings) -> Result<Arc<Gpu>> {
        let (adapter, description) = adapter::choose(choice)?;
        let name = description.name.clone();
        let limits = adapter.limits();
        let abilities = Abilities::of(&adapter);
        let forced = match settings.body {
            None => body_from_environment()?,
            forced => forced,
        };
        let body = abilities.body(&description, settings.precision, forced)?;
        let mut descriptor = wgpu::DeviceDescriptor {
            label: Some("rbgpu"),
            required_features: abilities.features(),
            required_limits: limits.clone(),
            ..Default::default()
        };
        if abilities.cooperative.is_some() {
            // SAFETY: of what wgpu calls experimental only cooperative matrices are
            // asked for, and only this crate's own kernels use them.
            descriptor.experimental_features = unsafe { wgpu::ExperimentalFeatures::enabled() };
        }
        let (device, queue) =
            pollster::block_on(adapter.request_device(&descriptor)).map_err(|error| {
                Error::Device {
                    device: name.clone(),
                    doing: "opening it".into(),
                    problem: error.to_string(),
                }
            })?;
        let failure = Failure::default();
        let remember = |failure: &Failure, problem: String| {
            lock(failure).get_or_insert(problem);
        };
        let uncaptured = failure.clone();
        device.on_uncaptured_error(Arc::new(move |error: wgpu::Error| {
            remember(&uncaptured, error.to_string());
        }));
        let lost = failure.clone();
        device.set_device_lost_callback(move |reason, message| {
            remember(
                &lost,
                format!("the device was lost ({reason:?}): {message}"),
            );
        });
        // Tests leave nothing behind in the user's folders.
        let cache = match abilities.pipeline_cache && !settings.guards {
            true => Cache::open(&device, &description),
            false => None,
        };
        Ok(Arc::new(Gpu {
            profile: Profile::default(),
            timer: Mutex::new(Timer::new(&device, &queue, abilities.timestamps)),
            pool: Arc::new(Pool::new(device.clone(), name.clone(), settings.guards)),
            pipelines: Pipelines::new(device.clone(), name.clone(), cache),
            recorder: Mutex::new(Recorder::new(device.clone(), queue, name, failure)),
            readable: Mutex::default(),
            description,
            device,
            limits,
            precision: settings.precision,
            body,
            abilities,
        }))
    }

    /// The adapter's name.
    pub fn name(&self) -> &str {
        &self.description.name
    }

    /// The adapter.
    pub fn description(&self) -> &AdapterDescription {
        &self.description
    }

    /// What is known to be wrong with the adapter.
    pub fn limitations(&self) -> Vec<Limitation> {
        limitations(&self.description)
    }

    /// What the operands of products are rounded to.
    pub fn precision(&self) -> GpuPrecision {
        self.precision
    }

    /// Which body of the kernels of products runs.
    pub fn body(&self) -> Body {
        self.body
    }

    /// The size of the square matrices that the cooperative body multiplies.
    pub fn matrix_size(&self) -> Option<usize> {
        self.abilities.cooperative.map(|size| size as usize)
    }

    /// Invocations of a subgroup, where the adapter has subgroups of one size.
    pub fn subgroup(&self) -> Option<u32> {
        self.abilities.subgroup
    }

    /// Bytes of device memory held for tensors, in use or kept for reuse.
    pub fn allocated_bytes(&self) -> u64 {
        self.pool.allocated()
    }

    /// From now on tensors may take so many bytes in all; `None` leaves it to the
    /// driver.
    pub fn limit_memory(&self, bytes: Option<u64>) {
        self.pool.set_budget(bytes);
    }

    /// How many bytes tensors may take in all: u64::MAX if nobody said.
    pub fn memory_limit(&self) -> u64 {
        self.pool.budget()
    }

    /// The longest tensor that the adapter can bind, in elements.
    pub fn longest_tensor(&self) -> usize {
        self.pool.longest()
    }

    /// Memory for `len` f32, from the pool or new, with any contents.
    pub fn allocate(&self, len: usize) -> Result<GpuBuffer> {
        let buffer = match self.pool.allocate(len) {
            // What is free in other sizes may be enough, once the work that was
            // recorded with it is done.
            Err(Error::TooLarge { .. }) => {
                self.wait()?;
                self.pool.shrink_to(0);
                let _ = self.device.poll(wgpu::PollType::wait_indefinitely());
                self.pool.allocate(len)?
            }
            other => other?,
        };
        if self.pool.guards {
            let size = buffer.raw().buffer.size() as usize;
            let sentinels = vec![SENTINEL; size / 4];
            let bytes = bytemuck::cast_slice(&sentinels);
            lock(&self.recorder).upload(buffer.raw(), bytes)?;
        }
        Ok(buffer)
    }

    /// Copies `values` into `buffer`, behind all work recorded so far.
    pub fn upload(&self, buffer: &GpuBuffer, values: &[f32]) -> Result<()> {
        if values.len() != buffer.len() {
            let problem = format!("{} values for a tensor of {}", values.len(), buffer.len());
            return Err(lock(&self.recorder).error("uploading", problem));
        }
        if values.is_empty() {
            return Ok(());
        }
        lock(&self.recorder).upload(buffer.raw(), bytemuck::cast_slice(values))
    }

    /// Hands everything recorded to the device without waiting for it.
    pub fn submit(&self) -> Result<()> {
        lock(&self.recorder).submit()
    }

    /// Submits, and waits until all has run.
    pub fn wait(&self) -> Result<()> {
        let mut recorder = lock(&self.recorder);
        recorder.submit()?;
        recorder.wait(None)
    }

    /// Workgroups of `per_group` invocations, enough for `items`.
    pub fn covering(&self, kernel: &Kernel, items: usize, per_group: usize) -> Result<Workgroups> {
        let limit = self.limits.max_compute_workgroups_per_dimension;
        Workgroups::covering(items, per_group, limit, kernel.entry, self.name())
    }

    /// Records `kernel` with its bindings in order, and its parameters as they
    /// stand in its struct (see [`parameters!`](crate::parameters)).
    pub fn dispatch(
        &self,
        kernel: &Kernel,
        binds: &[Bind],
        parameters: &[u32],
        workgroups: Workgroups,
    ) -> Result<()> {
        let pipeline = self.pipelines.get(kernel, binds, parameters.len())?;
        if workgroups.is_empty() {
            return Ok(());
        }
        let mut recorder = lock(&self.recorder);
        if self.profile.is_on() {
            let mut timer = lock(&self.timer);
            timer.begin(&mut recorder)?;
            recorder.dispatch(kernel.entry, &pipeline, binds, parameters, workgroups)?;
            let seconds = timer.end(&mut recorder)?;
            let cost = self.profile.expected();
            self.profile.add(kernel.entry, seconds, cost);
            return Ok(());
        }
        recorder.dispatch(kernel.entry, &pipeline, binds, parameters, workgroups)
    }

    /// Where time goes, per kernel. While it is on, every kernel is waited for.
    pub fn profile(&self) -> &Profile {
        &self.profile
    }

    /// Records `kernel` with one invocation for each of `items`, in workgroups of 64.
    pub fn dispatch_items(
        &self,
        kernel: &Kernel,
        binds: &[Bind],
        parameters: &[u32],
        items: usize,
    ) -> Result<()> {
        let workgroups = self.covering(kernel, items, 64)?;
        self.dispatch(kernel, binds, parameters, workgroups)
    }

    /// Fails when an invocation would go round its loops too often to be trusted.
    pub fn check_loops(&self, what: &str, iterations: usize) -> Result<()> {
        if iterations <= MAX_LOOP_ITERATIONS {
            return Ok(());
        }
        Err(Error::TooLarge {
            what: what.to_owned(),
            device: self.name().to_owned(),
            needed: iterations as u64,
            limit: MAX_LOOP_ITERATIONS as u64,
            unit: "loop iterations",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lost_device_is_an_error_from_then_on() {
        if std::env::var_os("RBGPU_SKIP_GPU_TESTS").is_some_and(|value| value == "1") {
            println!("SKIPPED: a gpu test, because RBGPU_SKIP_GPU_TESTS is 1");
            return;
        }
        let gpu = Gpu::open(&Choice::Any).expect("gpu tests need an adapter");
        let buffer = gpu.allocate(10).unwrap();
        gpu.upload(&buffer, &[1.0; 10]).unwrap();
        gpu.device.destroy();
        for _ in 0..2 {
            let lost = gpu.download(&buffer).unwrap_err();
            assert!(matches!(lost, Error::Device { .. }), "{lost}");
        }
        gpu.submit().unwrap_err();
        let _ = gpu.allocate(1000);
        gpu.upload(&buffer, &[1.0; 10]).unwrap_err();
    }
}
