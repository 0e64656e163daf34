//! Device memory: tensors' buffers, reused between steps.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use crate::{Error, Result};

/// What stands behind a tensor under guard: a NaN that no calculation makes.
pub(super) const SENTINEL: u32 = 0x7fc5_a5a5;

/// How many elements at least are guarded behind a tensor.
const GUARD_BAND: u64 = 64;

/// Locks even if a thread that held the lock panicked: what these locks protect
/// is whole between any two statements.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex
        .lock()
        .unwrap_or_else(|poisoned| poisoned.into_inner())
}

/// A buffer of the device, and the last recording that uses it.
#[derive(Debug)]
pub(super) struct Raw {
    pub buffer: wgpu::Buffer,
    pub recorded_in: AtomicU64,
}

/// Free buffers by size, and how much memory there is in all.
#[derive(Debug)]
pub(super) struct Pool {
    device: wgpu::Device,
    name: String,
    /// The largest buffer that can be bound, in bytes.
    limit: u64,
    pub guards: bool,
    free: Mutex<HashMap<u64, Vec<Raw>>>,
    /// Under guard: memory of dropped tensors, with their lengths, whose guard
    /// bands nobody has looked at yet.
    unchecked: Mutex<Vec<(Raw, usize)>>,
    allocated: AtomicU64,
}

/// Device memory of one tensor of f32; goes back to its pool when dropped.
///
/// Work that was recorded with it may still be waiting then. That is safe:
/// whoever gets the memory next records behind that work.
#[derive(Debug)]
pub struct GpuBuffer {
    raw: Option<Raw>,
    pool: Arc<Pool>,
    len: usize,
}

impl GpuBuffer {
    /// How many f32 the tensor has.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether the tensor has no elements.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    pub(super) fn raw(&self) -> &Raw {
        self.raw.as_ref().expect("only drop takes the buffer out")
    }
}

impl Drop for GpuBuffer {
    fn drop(&mut self) {
        match self.raw.take() {
            Some(raw) if self.pool.guards => lock(&self.pool.unchecked).push((raw, self.len)),
            Some(raw) => self.pool.release(raw),
            None => {}
        }
    }
}

/// The size of the buffer for so many bytes: four steps from one power of two
/// to the next, so that a last, smaller batch finds memory to reuse. All are
/// multiples of 256, so that a kernel may also read four elements at a time.
fn size_class(bytes: u64) -> u64 {
    let bytes = bytes.max(256);
    let step = (1 << (63 - bytes.leading_zeros())) / 4;
    bytes.next_multiple_of(step.max(256))
}

impl Pool {
    pub fn new(device: wgpu::Device, name: String, guards: bool) -> Pool {
        let limits = device.limits();
        // Kernels count elements with u32, so 16 GiB would be the end in any case.
        let limit = limits
            .max_storage_buffer_binding_size
            .min(limits.max_buffer_size);
        let limit = limit.min(1 << 33) & !255;
        Pool {
            device,
            name,
            limit,
            guards,
            free: Mutex::default(),
            unchecked: Mutex::default(),
            allocated: AtomicU64::new(0),
        }
    }

    /// Makes `raw` free for others.
    pub fn release(&self, raw: Raw) {
        lock(&self.free)
            .entry(raw.buffer.size())
            .or_default()
            .push(raw);
    }

    /// Takes what was dropped under guard: to be checked, then released.
    pub fn take_unchecked(&self) -> Vec<(Raw, usize)> {
        std::mem::take(&mut *lock(&self.unchecked))
    }

    /// Bytes of all buffers, in use or free.
    pub fn allocated(&self) -> u64 {
        self.allocated.load(Ordering::Relaxed)
    }

    pub fn allocate(self: &Arc<Pool>, len: usize) -> Result<GpuBuffer> {
        let needed = len as u64 * 4 + if self.guards { GUARD_BAND * 4 } else { 0 };
        if needed > self.limit {
            return Err(self.too_large(needed, self.limit));
        }
        let size = size_class(needed).min(self.limit);
        let reused = lock(&self.free).get_mut(&size).and_then(Vec::pop);
        let raw = match reused {
            Some(raw) => raw,
            None => self.create(size).or_else(|_| {
                // Out of memory: what is free in other sizes may be enough.
                self.trim();
                self.create(size)
            })?,
        };
        Ok(GpuBuffer {
            raw: Some(raw),
            pool: self.clone(),
            len,
        })
    }

    /// Gives all free buffers back to the driver.
    fn trim(&self) {
        let freed: u64 = lock(&self.free)
            .drain()
            .map(|(size, raws)| size * raws.len() as u64)
            .sum();
        self.allocated.fetch_sub(freed, Ordering::Relaxed);
        // Memory is only given back once the device has seen that its work is done.
        let _ = self.device.poll(wgpu::PollType::wait_indefinitely());
    }

    fn create(&self, size: u64) -> Result<Raw> {
        let memory = self.device.push_error_scope(wgpu::ErrorFilter::OutOfMemory);
        let validation = self.device.push_error_scope(wgpu::ErrorFilter::Validation);
        let buffer = self.device.create_buffer(&wgpu::BufferDescriptor {
            label: Some("tensor"),
            size,
            usage: wgpu::BufferUsages::STORAGE
                | wgpu::BufferUsages::COPY_SRC
                | wgpu::BufferUsages::COPY_DST,
            mapped_at_creation: false,
        });
        let invalid = pollster::block_on(validation.pop());
        let exhausted = pollster::block_on(memory.pop());
        if exhausted.is_some() {
            return Err(self.too_large(self.allocated() + size, self.allocated()));
        }
        if let Some(error) = invalid {
            return Err(Error::Device {
                device: self.name.clone(),
                doing: format!("allocating {size} bytes"),
                problem: error.to_string(),
            });
        }
        self.allocated.fetch_add(size, Ordering::Relaxed);
        Ok(Raw {
            buffer,
            recorded_in: AtomicU64::new(0),
        })
    }

    fn too_large(&self, needed: u64, limit: u64) -> Error {
        let device = self.name.clone();
        Error::TooLarge {
            what: "a tensor".into(),
            device,
            needed,
            limit,
            unit: "bytes",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::size_class;

    #[test]
    fn size_classes_are_few_and_large_enough() {
        assert_eq!(size_class(0), 256);
        assert_eq!(size_class(257), 512);
        assert_eq!(size_class(4096), 4096);
        assert_eq!(size_class(4097), 5120);
        for bytes in (0..100_000).step_by(7) {
            let class = size_class(bytes);
            assert!(class >= bytes && class.is_multiple_of(256) && size_class(class) == class);
        }
    }
}
