//! Device memory: tensors' buffers, reused between steps.

use std::collections::BTreeMap;
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
    free: Mutex<Free>,
    /// Under guard: memory of dropped tensors, with their lengths, whose guard
    /// bands nobody has looked at yet.
    unchecked: Mutex<Vec<(Raw, usize)>>,
    /// Bytes of all buffers, of those in use, and the most that ever were in use.
    allocated: AtomicU64,
    in_use: AtomicU64,
    most_in_use: AtomicU64,
    /// The most bytes that may be in use.
    budget: AtomicU64,
}

/// Free buffers by size, each with the time at which it was given back.
#[derive(Debug, Default)]
struct Free {
    buffers: BTreeMap<u64, Vec<(u64, Raw)>>,
    clock: u64,
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
        if let Some(raw) = self.raw.take() {
            let size = raw.buffer.size();
            self.pool.in_use.fetch_sub(size, Ordering::Relaxed);
            match self.pool.guards {
                true => lock(&self.pool.unchecked).push((raw, self.len)),
                false => self.pool.release(raw),
            }
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
            in_use: AtomicU64::new(0),
            most_in_use: AtomicU64::new(0),
            budget: AtomicU64::new(u64::MAX),
        }
    }

    /// Makes `raw` free for others.
    pub fn release(&self, raw: Raw) {
        let mut free = lock(&self.free);
        free.clock += 1;
        let now = free.clock;
        let same = free.buffers.entry(raw.buffer.size()).or_default();
        same.push((now, raw));
    }

    /// The longest tensor that one buffer can hold, in elements.
    pub fn longest(&self) -> usize {
        (self.limit / 4 - if self.guards { GUARD_BAND } else { 0 }) as usize
    }

    pub fn budget(&self) -> u64 {
        self.budget.load(Ordering::Relaxed)
    }

    /// From now on so many bytes may be in use; `None` leaves it to the driver.
    pub fn set_budget(&self, bytes: Option<u64>) {
        self.budget
            .store(bytes.unwrap_or(u64::MAX), Ordering::Relaxed);
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
        let in_use = self.in_use.load(Ordering::Relaxed) + size;
        let budget = self.budget.load(Ordering::Relaxed);
        if in_use > budget {
            return Err(self.too_large(in_use, budget));
        }
        let reused = {
            let mut free = lock(&self.free);
            let same = free.buffers.get_mut(&size);
            same.and_then(Vec::pop).map(|(_, raw)| raw)
        };
        let raw = match reused {
            Some(raw) => raw,
            None => {
                // A little more than is needed at once may be held, so that buffers of
                // other sizes need not be made anew in every step.
                let most = self.most_in_use.load(Ordering::Relaxed).max(in_use);
                self.shrink_to((most + most / 4).min(budget).saturating_sub(size));
                self.create(size)?
            }
        };
        self.in_use.fetch_add(size, Ordering::Relaxed);
        self.most_in_use.fetch_max(in_use, Ordering::Relaxed);
        Ok(GpuBuffer {
            raw: Some(raw),
            pool: self.clone(),
            len,
        })
    }

    /// Gives the buffers that have been free for longest back to the driver, until
    /// no more than `bytes` are held or none is free. It has them once the work that
    /// uses them is done and the device was polled.
    pub fn shrink_to(&self, bytes: u64) {
        let mut free = lock(&self.free);
        while self.allocated() > bytes {
            let oldest = free.buffers.iter();
            let oldest = oldest.filter_map(|(size, same)| Some((same.first()?.0, *size)));
            let Some((_, size)) = oldest.min() else {
                return;
            };
            if let Some(same) = free.buffers.get_mut(&size) {
                same.remove(0);
            }
            self.allocated.fetch_sub(size, Ordering::Relaxed);
        }
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
