//! Pooled host memory of the native device.
//!
//! A step asks for the same sizes as the one before it, so what it gives back is
//! kept: fresh memory costs a page fault for every 4 KiB. How much is kept is
//! bounded by how much was ever in use at once.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Mutex, MutexGuard, Weak};

use super::cpu::Real;

/// Blocks up to this much larger than what is asked for are taken: a last,
/// smaller batch, or scratch of another layer, finds memory to reuse.
const SLACK: usize = 4;

/// Free blocks of one element type.
pub struct Pool<T>(Mutex<State<T>>);

#[derive(Debug)]
struct State<T> {
    /// By length; each with the time at which it was given back.
    free: BTreeMap<usize, Vec<(u64, Vec<T>)>>,
    /// Counts what was given back.
    clock: u64,
    /// Elements of all blocks, in use or free, and the most there ever were.
    held: usize,
    most_held: usize,
    /// Elements of the blocks in use, and the most there ever were.
    in_use: usize,
    most_in_use: usize,
    /// The most elements that may be in use.
    limit: usize,
}

impl<T> Default for Pool<T> {
    fn default() -> Pool<T> {
        Pool(Mutex::new(State {
            free: BTreeMap::new(),
            clock: 0,
            held: 0,
            most_held: 0,
            in_use: 0,
            most_in_use: 0,
            limit: usize::MAX,
        }))
    }
}

impl<T> fmt::Debug for Pool<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pool")
    }
}

/// Host memory of one tensor; goes back to its pool when dropped.
#[derive(Debug)]
pub struct HostBuffer<T: Real> {
    /// At least `len` long.
    data: Vec<T>,
    len: usize,
    pool: Weak<Pool<T>>,
}

impl<T: Real> HostBuffer<T> {
    /// Zeroed memory that belongs to no pool.
    pub fn unpooled(len: usize) -> HostBuffer<T> {
        HostBuffer {
            data: vec![T::zero(); len],
            len,
            pool: Weak::new(),
        }
    }
}

impl<T: Real> Deref for HostBuffer<T> {
    type Target = [T];
    fn deref(&self) -> &[T] {
        &self.data[..self.len]
    }
}

impl<T: Real> DerefMut for HostBuffer<T> {
    fn deref_mut(&mut self) -> &mut [T] {
        &mut self.data[..self.len]
    }
}

impl<T: Real> Drop for HostBuffer<T> {
    fn drop(&mut self) {
        if let Some(pool) = self.pool.upgrade() {
            let data = std::mem::take(&mut self.data);
            let mut state = pool.lock();
            state.in_use -= data.len();
            state.clock += 1;
            let now = state.clock;
            state.free.entry(data.len()).or_default().push((now, data));
        }
    }
}

impl<T: Real> Pool<T> {
    fn lock(&self) -> MutexGuard<'_, State<T>> {
        // Whoever panicked with the lock held left the state whole.
        self.0
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// The smallest free block that holds `len` and is not much longer.
    pub(super) fn take(self: &Arc<Self>, len: usize) -> Option<HostBuffer<T>> {
        let mut state = self.lock();
        let longest = len + len / SLACK;
        let (&size, _) = state.free.range(len..=longest).next()?;
        let blocks = state.free.get_mut(&size)?;
        let (_, data) = blocks.pop()?;
        if blocks.is_empty() {
            state.free.remove(&size);
        }
        state.in_use += size;
        state.most_in_use = state.most_in_use.max(state.in_use);
        Some(self.buffer(data, len))
    }

    /// A buffer of new memory, in whose place what has been free for longest goes.
    pub(super) fn fresh(self: &Arc<Self>, data: Vec<T>, len: usize) -> HostBuffer<T> {
        let mut state = self.lock();
        state.in_use += data.len();
        state.most_in_use = state.most_in_use.max(state.in_use);
        state.held += data.len();
        let allowed = state.allowed();
        state.shrink_to(allowed);
        state.most_held = state.most_held.max(state.held);
        drop(state);
        self.buffer(data, len)
    }

    fn buffer(self: &Arc<Self>, data: Vec<T>, len: usize) -> HostBuffer<T> {
        let pool = Arc::downgrade(self);
        HostBuffer { data, len, pool }
    }

    /// Whether the limit leaves room for `len` elements more; else how many bytes
    /// it does leave.
    pub(super) fn allows(&self, len: usize) -> Result<(), usize> {
        let state = self.lock();
        let left = state.limit.saturating_sub(state.in_use);
        if len <= left {
            Ok(())
        } else {
            Err(left * size_of::<T>())
        }
    }

    /// See [`Cpu::limit_memory`](super::Cpu::limit_memory).
    pub(super) fn limit(&self, bytes: Option<usize>) {
        let mut state = self.lock();
        state.limit = bytes.map_or(usize::MAX, |bytes| bytes / size_of::<T>());
        let allowed = state.allowed();
        state.shrink_to(allowed);
    }

    pub(super) fn held_bytes(&self) -> usize {
        self.lock().held * size_of::<T>()
    }

    pub(super) fn peak_bytes(&self) -> usize {
        self.lock().most_held * size_of::<T>()
    }

    pub(super) fn in_use_bytes(&self) -> usize {
        self.lock().in_use * size_of::<T>()
    }
}

impl<T> State<T> {
    /// How many elements may be held: a little more than are needed at once, so
    /// that blocks of other sizes need not be made anew in every step.
    fn allowed(&self) -> usize {
        (self.most_in_use + self.most_in_use / 8).min(self.limit)
    }

    /// Gives back to the system what has been free for longest, until no more
    /// than `elements` are held or nothing is free.
    fn shrink_to(&mut self, elements: usize) {
        while self.held > elements {
            let oldest = self
                .free
                .iter()
                .filter_map(|(size, blocks)| Some((blocks.first()?.0, *size)))
                .min();
            let Some((_, size)) = oldest else { return };
            let Some(blocks) = self.free.get_mut(&size) else {
                return;
            };
            blocks.remove(0);
            if blocks.is_empty() {
                self.free.remove(&size);
            }
            self.held -= size;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn take(pool: &Arc<Pool<f32>>, len: usize) -> HostBuffer<f32> {
        pool.take(len)
            .unwrap_or_else(|| pool.fresh(vec![0.0; len], len))
    }

    #[test]
    fn a_smaller_tensor_takes_a_block_that_is_a_little_larger() {
        let pool: Arc<Pool<f32>> = Arc::default();
        drop(take(&pool, 1000));
        let smaller = take(&pool, 900);
        assert_eq!((smaller.len(), pool.held_bytes()), (900, 4000));
        // And not one that is much larger.
        drop(smaller);
        assert!(pool.take(500).is_none() && pool.take(1001).is_none());
    }

    #[test]
    fn what_is_kept_is_bounded_by_what_was_in_use() {
        let pool: Arc<Pool<f32>> = Arc::default();
        // One size after the other, none of which fits the next.
        for round in 0..10 {
            for len in [1000, 2000, 4000, 8000] {
                let one = take(&pool, len);
                let held = pool.held_bytes();
                assert!(held <= 4 * 9000, "{held} bytes in round {round}");
                drop(one);
            }
        }
    }

    #[test]
    fn a_limit_counts_what_is_in_use() {
        let pool: Arc<Pool<f32>> = Arc::default();
        pool.limit(Some(4 * 1500));
        let first = take(&pool, 1000);
        assert_eq!((pool.allows(500), pool.allows(501)), (Ok(()), Err(2000)));
        drop(first);
        let second = take(&pool, 1500);
        assert_eq!(pool.held_bytes(), 4 * second.len());
    }
}
