//! Pooled host memory of the native device.
//!
//! A step asks for the same sizes as the one before it, so what it gives back is
//! kept: fresh memory costs a page fault for every 4 KiB. How much is kept is
//! bounded by how much was ever in use at once.

use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Mutex, MutexGuard, Weak};

use super::cpu::Real;
use crate::memory::{HEADROOM, has_room};

/// Blocks up to this much larger than what is asked for are taken: a last,
/// smaller batch, or scratch of another layer, finds memory to reuse.
const SLACK: usize = 4;

/// A cache line, which is also the longest vector: memory is made of whole ones,
/// since a vector across two costs two reads.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(64))]
struct Line([u8; 64]);

// SAFETY: bytes and nothing else, of which any are valid.
unsafe impl bytemuck::Zeroable for Line {}
// SAFETY: as above; 64 bytes at a border of 64 leave no padding.
unsafe impl bytemuck::Pod for Line {}

/// Elements in a line.
const fn per_line<T>() -> usize {
    size_of::<Line>() / size_of::<T>()
}

/// So many elements, rounded up to whole lines.
fn whole<T>(len: usize) -> usize {
    len.next_multiple_of(per_line::<T>())
}

/// Elements that `data` has room for.
fn room<T>(data: &[Line]) -> usize {
    data.len() * per_line::<T>()
}

/// Free blocks of one element type.
pub struct Pool<T>(Mutex<State>, PhantomData<T>);

#[derive(Debug)]
struct State {
    /// By elements; each with the time at which it was given back.
    free: BTreeMap<usize, Vec<(u64, Vec<Line>)>>,
    /// Counts what was given back.
    clock: u64,
    /// Elements of all blocks, in use or free, and the most there ever were.
    held: usize,
    most_held: usize,
    /// Elements that were asked for and not given back: the blocks may be larger, by
    /// what happened to be free, and what a limit allows must not depend on that.
    promised: usize,
    /// Elements of the blocks in use, and the most there ever were.
    in_use: usize,
    most_in_use: usize,
    /// The most elements that may be in use.
    limit: usize,
}

impl<T> Default for Pool<T> {
    fn default() -> Pool<T> {
        let state = Mutex::new(State {
            free: BTreeMap::new(),
            clock: 0,
            held: 0,
            most_held: 0,
            promised: 0,
            in_use: 0,
            most_in_use: 0,
            limit: usize::MAX,
        });
        Pool(state, PhantomData)
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
    /// With room for at least `len` elements.
    data: Vec<Line>,
    len: usize,
    pool: Weak<Pool<T>>,
}

impl<T: Real> HostBuffer<T> {
    /// Zeroed memory that belongs to no pool.
    pub fn unpooled(len: usize) -> HostBuffer<T> {
        HostBuffer {
            data: bytemuck::zeroed_vec(len.div_ceil(per_line::<T>())),
            len,
            pool: Weak::new(),
        }
    }
}

impl<T: Real> Deref for HostBuffer<T> {
    type Target = [T];
    fn deref(&self) -> &[T] {
        &bytemuck::cast_slice(&self.data)[..self.len]
    }
}

impl<T: Real> DerefMut for HostBuffer<T> {
    fn deref_mut(&mut self) -> &mut [T] {
        &mut bytemuck::cast_slice_mut(&mut self.data)[..self.len]
    }
}

impl<T: Real> Drop for HostBuffer<T> {
    fn drop(&mut self) {
        if let Some(pool) = self.pool.upgrade() {
            let data = std::mem::take(&mut self.data);
            let mut state = pool.lock();
            let size = room::<T>(&data);
            state.in_use -= size;
            state.promised -= whole::<T>(self.len);
            state.clock += 1;
            let now = state.clock;
            state.free.entry(size).or_default().push((now, data));
        }
    }
}

impl<T: Real> Pool<T> {
    fn lock(&self) -> MutexGuard<'_, State> {
        // Whoever panicked with the lock held left the state whole.
        self.0
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// The smallest free block that holds `len` and is not much longer.
    pub(super) fn take(self: &Arc<Self>, len: usize) -> Option<HostBuffer<T>> {
        let mut state = self.lock();
        let longest = len + (len / SLACK).max(per_line::<T>() - 1);
        let (&size, _) = state.free.range(len..=longest).next()?;
        let blocks = state.free.get_mut(&size)?;
        let (_, data) = blocks.pop()?;
        if blocks.is_empty() {
            state.free.remove(&size);
        }
        state.in_use += size;
        state.promised += whole::<T>(len);
        state.most_in_use = state.most_in_use.max(state.in_use);
        Some(self.buffer(data, len))
    }

    /// A buffer of new memory, in whose place what has been free for longest goes;
    /// an error where the system does not give as much, or where `sparing` is set and
    /// it has no headroom left then.
    pub(super) fn fresh(self: &Arc<Self>, len: usize, sparing: bool) -> Result<HostBuffer<T>, ()> {
        let data = bytemuck::allocation::try_zeroed_vec(len.div_ceil(per_line::<T>()))?;
        if sparing && !has_room(HEADROOM) {
            return Err(());
        }
        let size = room::<T>(&data);
        let mut state = self.lock();
        state.in_use += size;
        state.promised += whole::<T>(len);
        state.most_in_use = state.most_in_use.max(state.in_use);
        state.held += size;
        let allowed = state.allowed();
        state.shrink_to(allowed);
        state.most_held = state.most_held.max(state.held);
        drop(state);
        Ok(self.buffer(data, len))
    }

    fn buffer(self: &Arc<Self>, data: Vec<Line>, len: usize) -> HostBuffer<T> {
        let pool = Arc::downgrade(self);
        HostBuffer { data, len, pool }
    }

    /// Whether the limit leaves room for `len` elements more; else how many bytes
    /// it does leave.
    pub(super) fn allows(&self, len: usize) -> Result<(), usize> {
        let state = self.lock();
        let left = state.limit.saturating_sub(state.promised);
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

    /// Gives back to the system what is free. Whether that was anything.
    pub(super) fn release(&self) -> bool {
        let mut state = self.lock();
        let before = state.held;
        state.shrink_to(0);
        state.held < before
    }

    pub(super) fn held_bytes(&self) -> usize {
        self.lock().held * size_of::<T>()
    }

    pub(super) fn peak_bytes(&self) -> usize {
        self.lock().most_held * size_of::<T>()
    }
}

impl State {
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
        let fresh = || pool.fresh(len, false).expect("little memory");
        pool.take(len).unwrap_or_else(fresh)
    }

    #[test]
    fn a_smaller_tensor_takes_a_block_that_is_a_little_larger() {
        let pool: Arc<Pool<f32>> = Arc::default();
        drop(take(&pool, 1024));
        let smaller = take(&pool, 900);
        assert_eq!((smaller.len(), pool.held_bytes()), (900, 4096));
        // And not one that is much larger.
        drop(smaller);
        assert!(pool.take(500).is_none() && pool.take(1025).is_none());
    }

    #[test]
    fn what_is_kept_is_bounded_by_what_was_in_use() {
        let pool: Arc<Pool<f32>> = Arc::default();
        // One size after the other, none of which fits the next.
        for round in 0..10 {
            for len in [1024, 2048, 4096, 8192] {
                let one = take(&pool, len);
                let held = pool.held_bytes();
                assert!(held <= 4 * 9216, "{held} bytes in round {round}");
                drop(one);
            }
        }
    }

    #[test]
    fn a_limit_counts_what_is_in_use() {
        let pool: Arc<Pool<f32>> = Arc::default();
        pool.limit(Some(4 * 1536));
        let first = take(&pool, 1024);
        assert_eq!((pool.allows(512), pool.allows(513)), (Ok(()), Err(2048)));
        drop(first);
        let second = take(&pool, 1536);
        assert_eq!(pool.held_bytes(), 4 * second.len());
    }
}
