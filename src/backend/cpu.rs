//! The native device: its element types. Its memory is in `backend/host.rs`.

use std::fmt;
use std::sync::Arc;

use num_traits::Float;

pub use super::host::{HostBuffer, Pool};
use super::profile::Profile;
use super::simd::{Isa, Vectors};
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
    pub fn allocate<T: Real>(&self, len: usize) -> HostBuffer<T> {
        let pool = T::pool(self);
        let fresh = || {
            let no_memory =
                std::alloc::Layout::array::<T>(len).unwrap_or(std::alloc::Layout::new::<T>());
            pool.fresh(len)
                .unwrap_or_else(|()| std::alloc::handle_alloc_error(no_memory))
        };
        pool.take(len).unwrap_or_else(fresh)
    }

    /// The same, where the system, or [a limit](Cpu::limit_memory), may not give
    /// as much.
    pub fn allocate_tensor<T: Real>(&self, len: usize) -> Result<HostBuffer<T>> {
        let pool = T::pool(self);
        let too_large = |needed: usize, limit: usize| Error::TooLarge {
            what: "a tensor".into(),
            device: self.name().into(),
            needed: needed as u64,
            limit: limit as u64,
            unit: "bytes",
        };
        let bytes = len.saturating_mul(size_of::<T>());
        pool.allows(len).map_err(|left| too_large(bytes, left))?;
        if let Some(buffer) = pool.take(len) {
            return Ok(buffer);
        }
        pool.fresh(len)
            .map_err(|()| too_large(bytes, pool.in_use_bytes()))
    }
}
