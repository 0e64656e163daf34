//! The native device: its element types and pooled host memory.

use std::collections::HashMap;
use std::fmt;
use std::ops::{Deref, DerefMut};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, Weak};

use num_traits::Float;

use super::profile::Profile;
use crate::{Error, Result};

/// Element type of the native device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Precision {
    /// 32-bit, for training and scoring.
    F32,
    /// 64-bit, so that whole networks can be checked by finite differences.
    F64,
}

/// The two element types of the native device.
pub trait Real:
    Float + Default + fmt::Debug + Send + Sync + std::iter::Sum + std::ops::AddAssign + 'static
{
    /// From f64, rounded.
    fn of(value: f64) -> Self;
    /// Widened to f64.
    fn as_f64(self) -> f64;
    /// The pool of this type in `cpu`.
    fn pool(cpu: &Cpu) -> &Arc<Pool<Self>>;
    /// The raw GEMM of the crate `matrixmultiply`; see `backend/gemm.rs`.
    ///
    /// # Safety
    /// Every element that the sizes and strides reach must lie in its allocation.
    #[allow(clippy::too_many_arguments)]
    unsafe fn raw_gemm(
        m: usize,
        k: usize,
        n: usize,
        a: *const Self,
        rsa: isize,
        csa: isize,
        b: *const Self,
        rsb: isize,
        csb: isize,
        beta: Self,
        c: *mut Self,
        rsc: isize,
        csc: isize,
    );
}

macro_rules! real {
    ($type:ty, $pool:ident, $gemm:path) => {
        impl Real for $type {
            fn of(value: f64) -> Self {
                value as $type
            }
            fn as_f64(self) -> f64 {
                f64::from(self)
            }
            fn pool(cpu: &Cpu) -> &Arc<Pool<Self>> {
                &cpu.$pool
            }
            unsafe fn raw_gemm(
                m: usize,
                k: usize,
                n: usize,
                a: *const Self,
                rsa: isize,
                csa: isize,
                b: *const Self,
                rsb: isize,
                csb: isize,
                beta: Self,
                c: *mut Self,
                rsc: isize,
                csc: isize,
            ) {
                // SAFETY: passed on from the caller.
                unsafe { $gemm(m, k, n, 1.0, a, rsa, csa, b, rsb, csb, beta, c, rsc, csc) }
            }
        }
    };
}
real!(f32, pool_f32, matrixmultiply::sgemm);
real!(f64, pool_f64, matrixmultiply::dgemm);

/// Free blocks of one element type, by exact length.
#[derive(Default)]
pub struct Pool<T> {
    free: Mutex<HashMap<usize, Vec<Vec<T>>>>,
    /// Elements that were ever made; none is ever given up.
    made: AtomicUsize,
}

impl<T> fmt::Debug for Pool<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pool")
    }
}

/// Host memory of one tensor; goes back to its pool when dropped.
#[derive(Debug)]
pub struct HostBuffer<T: Real> {
    data: Vec<T>,
    pool: Weak<Pool<T>>,
}

impl<T: Real> HostBuffer<T> {
    /// Zeroed memory that belongs to no pool.
    pub fn unpooled(len: usize) -> HostBuffer<T> {
        HostBuffer {
            data: vec![T::zero(); len],
            pool: Weak::new(),
        }
    }
}

impl<T: Real> Deref for HostBuffer<T> {
    type Target = [T];
    fn deref(&self) -> &[T] {
        &self.data
    }
}

impl<T: Real> DerefMut for HostBuffer<T> {
    fn deref_mut(&mut self) -> &mut [T] {
        &mut self.data
    }
}

impl<T: Real> Drop for HostBuffer<T> {
    fn drop(&mut self) {
        if let Some(pool) = self.pool.upgrade() {
            let data = std::mem::take(&mut self.data);
            let mut free = pool
                .free
                .lock()
                .unwrap_or_else(|poisoned| poisoned.into_inner());
            free.entry(data.len()).or_default().push(data);
        }
    }
}

/// The native device.
#[derive(Debug)]
pub struct Cpu {
    precision: Precision,
    pool_f32: Arc<Pool<f32>>,
    pool_f64: Arc<Pool<f64>>,
    profile: Profile,
}

impl Cpu {
    /// A device of its own pools in `precision`. All share rayon's threads.
    pub fn new(precision: Precision) -> Cpu {
        Cpu {
            precision,
            pool_f32: Arc::default(),
            pool_f64: Arc::default(),
            profile: Profile::default(),
        }
    }

    /// Where time goes, per op.
    pub fn profile(&self) -> &Profile {
        &self.profile
    }

    /// "cpu", or "cpu-f64".
    pub fn name(&self) -> &'static str {
        match self.precision {
            Precision::F32 => "cpu",
            Precision::F64 => "cpu-f64",
        }
    }

    /// The element type that tensors on this device have.
    pub fn precision(&self) -> Precision {
        self.precision
    }

    /// Bytes held for tensors and scratch, in use or kept for reuse.
    pub fn allocated_bytes(&self) -> usize {
        4 * self.pool_f32.made.load(Ordering::Relaxed)
            + 8 * self.pool_f64.made.load(Ordering::Relaxed)
    }

    /// Memory of `len` elements with any contents: from the pool, or new. For
    /// scratch, which is small; a tensor's memory comes from
    /// [`allocate_tensor`](Cpu::allocate_tensor).
    pub fn allocate<T: Real>(&self, len: usize) -> HostBuffer<T> {
        self.reuse(len)
            .unwrap_or_else(|| self.fresh(vec![T::zero(); len]))
    }

    /// The same, where the system may not have as much.
    pub fn allocate_tensor<T: Real>(&self, len: usize) -> Result<HostBuffer<T>> {
        if let Some(buffer) = self.reuse(len) {
            return Ok(buffer);
        }
        let mut data = Vec::new();
        data.try_reserve_exact(len).map_err(|_| Error::Device {
            device: self.name().into(),
            doing: "making room for a tensor".into(),
            problem: format!("the system does not give {len} numbers more; use a smaller batch"),
        })?;
        data.resize(len, T::zero());
        Ok(self.fresh(data))
    }

    fn reuse<T: Real>(&self, len: usize) -> Option<HostBuffer<T>> {
        let pool = T::pool(self);
        let mut free = pool.free.lock().unwrap_or_else(|p| p.into_inner());
        let data = free.get_mut(&len)?.pop()?;
        let pool = Arc::downgrade(pool);
        Some(HostBuffer { data, pool })
    }

    fn fresh<T: Real>(&self, data: Vec<T>) -> HostBuffer<T> {
        let pool = T::pool(self);
        pool.made.fetch_add(data.len(), Ordering::Relaxed);
        HostBuffer {
            data,
            pool: Arc::downgrade(pool),
        }
    }
}
