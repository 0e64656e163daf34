//! Vectors whose width is chosen when the program runs.
//!
//! A [`Kernel`] is written once over [`Lane`]; [`vectorised`] compiles it for every
//! instruction set of the architecture and calls the one asked for. Everything that
//! a kernel calls must be `#[inline(always)]`, or it would be compiled without
//! those instructions.

use crate::backend::Real;
use crate::{Error, Result};

#[cfg(target_arch = "aarch64")]
mod arm;
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
mod lane;
mod portable;
#[cfg(target_arch = "x86_64")]
mod x86;

/// The environment variable that names the instruction set to use.
pub const ISA_VARIABLE: &str = "RBGPU_CPU_ISA";

/// An instruction set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Isa {
    /// x86-64 with 512-bit vectors.
    Avx512,
    /// x86-64 with 256-bit vectors and fused multiplication and addition.
    Avx2,
    /// 64-bit ARM.
    Neon,
    /// Whatever the compiler makes of short arrays, on any machine.
    Portable,
}

impl Isa {
    const ALL: [Isa; 4] = [Isa::Avx512, Isa::Avx2, Isa::Neon, Isa::Portable];

    /// As `RBGPU_CPU_ISA` spells it.
    pub fn name(self) -> &'static str {
        match self {
            Isa::Avx512 => "avx512",
            Isa::Avx2 => "avx2",
            Isa::Neon => "neon",
            Isa::Portable => "portable",
        }
    }

    /// Whether this machine has it.
    pub fn available(self) -> bool {
        match self {
            #[cfg(target_arch = "x86_64")]
            Isa::Avx512 => is_x86_feature_detected!("avx512f"),
            #[cfg(target_arch = "x86_64")]
            Isa::Avx2 => is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma"),
            #[cfg(target_arch = "aarch64")]
            Isa::Neon => true,
            Isa::Portable => true,
            #[allow(unreachable_patterns)]
            _ => false,
        }
    }

    /// Those that this machine has, the fastest first.
    pub fn all() -> Vec<Isa> {
        let all = Isa::ALL.into_iter();
        all.filter(|isa| isa.available()).collect()
    }

    /// The one that `RBGPU_CPU_ISA` names, or the fastest where it is not set.
    ///
    /// # Errors
    /// When this machine has none of that name.
    pub fn from_environment() -> Result<Isa> {
        match std::env::var(ISA_VARIABLE) {
            Ok(name) => Isa::named(&name),
            Err(_) => Ok(Isa::all()[0]),
        }
    }

    fn named(name: &str) -> Result<Isa> {
        let all = Isa::all();
        let found = all.iter().find(|isa| isa.name() == name);
        found.copied().ok_or_else(|| {
            let names: Vec<&str> = all.iter().map(|isa| isa.name()).collect();
            let expected = format!("what this machine has: {}", names.join(", "));
            Error::config(ISA_VARIABLE, name, expected)
        })
    }

    /// The same, and the fastest also where `RBGPU_CPU_ISA` names none.
    pub fn chosen() -> Isa {
        Isa::from_environment().unwrap_or_else(|_| Isa::all()[0])
    }
}

/// A vector of [`LANES`](Lane::LANES) numbers.
///
/// # Safety
/// An implementation touches exactly the memory that each method names.
pub unsafe trait Lane: Copy {
    /// One number.
    type Elem: Real;
    /// Numbers in a vector.
    const LANES: usize;
    /// Vectors that the machine keeps at hand.
    const REGISTERS: usize;

    /// The same number in every lane.
    ///
    /// # Safety
    /// The machine must have the vector's instructions; so for all that make one.
    unsafe fn splat(value: Self::Elem) -> Self;

    /// The numbers at `from`.
    ///
    /// # Safety
    /// As [`splat`](Lane::splat); `from` and what follows must be readable.
    unsafe fn load(from: *const Self::Elem) -> Self;

    /// The first `count < LANES` numbers, and 0 in the other lanes.
    ///
    /// # Safety
    /// As [`splat`](Lane::splat); `count` numbers must be readable.
    unsafe fn load_first(from: *const Self::Elem, count: usize) -> Self;

    /// Stores all.
    ///
    /// # Safety
    /// The vector's numbers must fit at `to`.
    unsafe fn store(self, to: *mut Self::Elem);

    /// Stores the first `count < LANES` numbers.
    ///
    /// # Safety
    /// `count` numbers must fit at `to`.
    unsafe fn store_first(self, to: *mut Self::Elem, count: usize);

    /// `self + other`.
    fn add(self, other: Self) -> Self;
    /// `self - other`.
    fn sub(self, other: Self) -> Self;
    /// `self · other`.
    fn mul(self, other: Self) -> Self;
    /// `self + a · b`, rounded once where the machine can.
    fn add_product(self, a: Self, b: Self) -> Self;
    /// The larger of the two; `other` where one is NaN.
    fn max(self, other: Self) -> Self;

    /// Calls the kernel as a function of its own, compiled for these vectors.
    ///
    /// # Safety
    /// The machine must have the vector's instructions.
    unsafe fn call<K: Kernel<Self::Elem>>(kernel: K);
}

/// Work that is written once for vectors of any width.
pub trait Kernel<T: Real> {
    /// Does the work. To be marked `#[inline(always)]`.
    ///
    /// # Safety
    /// The machine must have the instructions of `L`.
    unsafe fn run<L: Lane<Elem = T>>(self);
}

/// The vectors of an element type.
pub trait Vectors: Sized {
    /// 512 bits.
    #[cfg(target_arch = "x86_64")]
    type Avx512: Lane<Elem = Self>;
    /// 256 bits.
    #[cfg(target_arch = "x86_64")]
    type Avx2: Lane<Elem = Self>;
    /// 128 bits.
    #[cfg(target_arch = "aarch64")]
    type Neon: Lane<Elem = Self>;
    /// For any machine.
    type Portable: Lane<Elem = Self>;
}

macro_rules! vectors {
    ($type:ty, $avx512:ident, $avx2:ident, $neon:ident, $lanes:literal) => {
        impl Vectors for $type {
            #[cfg(target_arch = "x86_64")]
            type Avx512 = x86::$avx512;
            #[cfg(target_arch = "x86_64")]
            type Avx2 = x86::$avx2;
            #[cfg(target_arch = "aarch64")]
            type Neon = arm::$neon;
            type Portable = portable::Array<$type, $lanes>;
        }
    };
}
vectors!(f32, F32x16, F32x8, F32x4, 4);
vectors!(f64, F64x8, F64x4, F64x2, 2);

/// Runs the kernel with the vectors of `isa`.
///
/// # Panics
/// When this machine does not have `isa`.
pub fn vectorised<T: Real, K: Kernel<T>>(isa: Isa, kernel: K) {
    assert!(isa.available(), "this machine has no {}", isa.name());
    // SAFETY: the machine has the instructions.
    unsafe {
        match isa {
            #[cfg(target_arch = "x86_64")]
            Isa::Avx512 => T::Avx512::call(kernel),
            #[cfg(target_arch = "x86_64")]
            Isa::Avx2 => T::Avx2::call(kernel),
            #[cfg(target_arch = "aarch64")]
            Isa::Neon => T::Neon::call(kernel),
            _ => T::Portable::call(kernel),
        }
    }
}

/// Numbers in a vector of `isa`.
pub fn lanes<T: Real>(isa: Isa) -> usize {
    match isa {
        #[cfg(target_arch = "x86_64")]
        Isa::Avx512 => T::Avx512::LANES,
        #[cfg(target_arch = "x86_64")]
        Isa::Avx2 => T::Avx2::LANES,
        #[cfg(target_arch = "aarch64")]
        Isa::Neon => T::Neon::LANES,
        _ => T::Portable::LANES,
    }
}

/// Work over short arrays, which the compiler turns into vectors by itself once it
/// compiles it for a machine that has them. Not a closure: that would be compiled for
/// any machine and then called.
pub trait Work {
    /// What is left of it.
    type Output;
    /// Does it. To be marked `#[inline(always)]`, with everything that it calls.
    fn work(self) -> Self::Output;
}

/// Does `work`, compiled for the vectors of `isa`.
///
/// # Panics
/// When this machine does not have `isa`.
pub fn compiled_for<T: Real, W: Work>(isa: Isa, work: W) -> W::Output {
    struct Into<'a, W: Work> {
        work: W,
        output: &'a mut Option<W::Output>,
    }
    impl<T: Real, W: Work> Kernel<T> for Into<'_, W> {
        #[inline(always)]
        unsafe fn run<L: Lane<Elem = T>>(self) {
            *self.output = Some(self.work.work());
        }
    }
    let mut output = None;
    let kernel = Into {
        work,
        output: &mut output,
    };
    vectorised::<T, _>(isa, kernel);
    output.expect("the kernel ran")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instructions_are_found_by_name_or_refused() {
        for isa in Isa::all() {
            assert_eq!(Isa::named(isa.name()).unwrap(), isa);
        }
        let text = Isa::named("mmx").unwrap_err().to_string();
        for part in [ISA_VARIABLE, "mmx", "portable"] {
            assert!(text.contains(part), "{text}");
        }
    }
}
