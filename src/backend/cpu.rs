//! The native device: its element types. Its memory is in `backend/host.rs`.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;

use num_traits::Float;

pub use super::host::{HostBuffer, Pool};
use super::profile::Profile;
use super::simd::{Isa, Vectors};
use crate::memory::{LARGE, refused};
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
    Float
    + Default
    + fmt::Debug
    + Send
    + Sync
    + std::iter::Sum
    + std::ops::AddAssign
    + Vectors
    + bytemuck::Pod
{
    /// From f64, rounded.
    fn of(value: f64) -> Self;
    /// Widened to f64.
    fn as_f64(self) -> f64;
    /// The pool of this type in `cpu`.
    fn pool(cpu: &Cpu) -> &Arc<Pool<Self>>;
}

macro_rules! real {
    ($type:ty, $pool:ident) => {
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
        }
    };
}
real!(f32, pool_f32);
real!(f64, pool_f64);

/// The native device.
#[derive(Debug)]
pub struct Cpu {
    precision: Precision,
    isa: Isa,
    pool_f32: Arc<Pool<f32>>,
    pool_f64: Arc<Pool<f64>>,
    profile: Profile,
}

impl Cpu {
    /// A device of its own pools in `precision`. All share rayon's threads.
    /// Their vector instructions are [`Isa::chosen`].
    pub fn new(precision: Precision) -> Cpu {
        Cpu::with_isa(precision, Isa::chosen())
    }

    /// The same with vector instructions that this machine has.
    ///
    /// # Panics
    /// When it does not have them.
    pub fn with_isa(precision: Precision, isa: Isa) -> Cpu {
        assert!(isa.available(), "this machine has no {}", isa.name());
        Cpu {
            precision,
            isa,
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

    /// The vector instructions that its kernels use.
    pub fn isa(&self) -> Isa {
        self.isa
    }

    /// The element type that tensors on this device have.
    pub fn precision(&self) -> Precision {
        self.precision
    }

    /// Bytes held for tensors and scratch, in use or kept for reuse.
    pub fn allocated_bytes(&self) -> usize {
        self.pool_f32.held_bytes() + self.pool_f64.held_bytes()
    }

    /// The most bytes that were ever held.
    pub fn peak_bytes(&self) -> usize {
        self.pool_f32.peak_bytes() + self.pool_f64.peak_bytes()
    }

    /// From now on tensors may take so many bytes in all; `None` leaves it to the
    /// system. Beyond it, [`allocate_tensor`](Cpu::allocate_tensor) fails.
    pub fn limit_memory(&self, bytes: Option<usize>) {
        self.pool_f32.limit(bytes);
        self.pool_f64.limit(bytes);
    }

    /// Memory of `len` elements with any contents: from the pool, or new. For
    /// scratch, which is small; a tensor's memory comes from
    /// [`allocate_tensor`](Cpu::allocate_tensor).
    ///
    /// Kernels ask for it in the middle of parallel loops. Where the system refuses, the
    /// loop is unwound (without a message) up to [`or_too_large`], which whoever runs an
    /// op calls.
    pub fn allocate<T: Real>(&self, len: usize) -> HostBuffer<T> {
        self.pooled(len, false)
            .unwrap_or_else(|()| resume_unwind(Box::new(self.refused::<T>(len))))
    }

    /// The same, where the system, or [a limit](Cpu::limit_memory), may not give
    /// as much. For a large one it has to have [`HEADROOM`](crate::memory::HEADROOM) besides.
    pub fn allocate_tensor<T: Real>(&self, len: usize) -> Result<HostBuffer<T>> {
        let allowed = T::pool(self).allows(len);
        allowed.map_err(|left| Error::TooLarge {
            what: "a tensor".into(),
            device: self.name().into(),
            needed: len.saturating_mul(size_of::<T>()) as u64,
            limit: left as u64,
            unit: "bytes",
        })?;
        let large = len.saturating_mul(size_of::<T>()) >= LARGE;
        self.pooled(len, large).map_err(|()| self.refused::<T>(len))
    }

    /// From the pool, else new; else once more when everything free is given back.
    fn pooled<T: Real>(&self, len: usize, sparing: bool) -> Result<HostBuffer<T>, ()> {
        let pool = T::pool(self);
        if let Some(buffer) = pool.take(len) {
            return Ok(buffer);
        }
        pool.fresh(len, sparing).or_else(|()| {
            let released = [self.pool_f32.release(), self.pool_f64.release()];
            match released.contains(&true) {
                true => pool.fresh(len, sparing),
                false => Err(()),
            }
        })
    }

    fn refused<T>(&self, len: usize) -> Error {
        refused("a tensor", len.saturating_mul(size_of::<T>()) as u64)
    }
}

/// Runs an op; where [`Cpu::allocate`] was refused within it, the error.
pub fn or_too_large<T>(run: impl FnOnce() -> T) -> Result<T> {
    // What the op was writing is dropped with its error, or the trainer ends.
    catch_unwind(AssertUnwindSafe(run)).or_else(|payload| match payload.downcast::<Error>() {
        Ok(error) => Err(*error),
        Err(panicked) => resume_unwind(panicked),
    })
}
