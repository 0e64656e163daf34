//! What every vector type has in common, whatever its instructions are called.

/// Declares a vector type: its element, the machine's vector, lanes and registers, the
/// instructions it needs, what they are called, `self + a · b` in their order, and how
/// a part of a vector is read and written.
macro_rules! lane {
    (
        $(#[$doc:meta])*
        $name:ident: [$elem:ty; $lanes:literal] in $vector:ty, $registers:literal of $features:literal,
        $splat:ident, $load:ident, $store:ident, $add:ident, $sub:ident, $mul:ident, $max:ident,
        |$sum:ident, $a:ident, $b:ident| $add_product:expr,
        |$from:ident, $read:ident| $load_first:expr,
        |$value:ident, $to:ident, $written:ident| $store_first:expr
    ) => {
        $(#[$doc])*
        #[derive(Clone, Copy)]
        pub struct $name($vector);

        // SAFETY: each method touches what it says; arithmetic touches nothing and
        // its operands prove that the instructions are there.
        unsafe impl Lane for $name {
            type Elem = $elem;
            const LANES: usize = $lanes;
            const REGISTERS: usize = $registers;

            #[inline(always)]
            unsafe fn splat(value: $elem) -> Self {
                // SAFETY: the caller's.
                Self(unsafe { $splat(value) })
            }
            #[inline(always)]
            unsafe fn load(from: *const $elem) -> Self {
                // SAFETY: the caller's.
                Self(unsafe { $load(from) })
            }
            #[inline(always)]
            unsafe fn load_first($from: *const $elem, $read: usize) -> Self {
                // SAFETY: the caller's.
                Self(unsafe { $load_first })
            }
            #[inline(always)]
            unsafe fn store(self, to: *mut $elem) {
                // SAFETY: the caller's.
                unsafe { $store(to, self.0) }
            }
            #[inline(always)]
            unsafe fn store_first(self, $to: *mut $elem, $written: usize) {
                let $value = self.0;
                // SAFETY: the caller's.
                unsafe { $store_first }
            }
            #[inline(always)]
            fn add(self, other: Self) -> Self {
                // SAFETY: that there is a value proves the instructions.
                Self(unsafe { $add(self.0, other.0) })
            }
            #[inline(always)]
            fn sub(self, other: Self) -> Self {
                // SAFETY: that there is a value proves the instructions.
                Self(unsafe { $sub(self.0, other.0) })
            }
            #[inline(always)]
            fn mul(self, other: Self) -> Self {
                // SAFETY: that there is a value proves the instructions.
                Self(unsafe { $mul(self.0, other.0) })
            }
            #[inline(always)]
            fn add_product(self, a: Self, b: Self) -> Self {
                let ($sum, $a, $b) = (self.0, a.0, b.0);
                // SAFETY: that there is a value proves the instructions.
                Self(unsafe { $add_product })
            }
            #[inline(always)]
            fn max(self, other: Self) -> Self {
                // SAFETY: that there is a value proves the instructions.
                Self(unsafe { $max(self.0, other.0) })
            }
            unsafe fn call<K: Kernel<$elem>>(kernel: K) {
                #[target_feature(enable = $features)]
                fn compiled<K: Kernel<$elem>>(kernel: K) {
                    // SAFETY: this function has the instructions.
                    unsafe { kernel.run::<$name>() }
                }
                // SAFETY: the caller's.
                unsafe { compiled(kernel) }
            }
        }
    };
}
pub(super) use lane;

/// The first `count` numbers at `from`, and 0 behind them, for machines that cannot
/// read a part of a vector.
///
/// # Safety
/// `count <= N` numbers must be readable.
#[inline(always)]
pub(super) unsafe fn first_of<T: Copy + Default, const N: usize>(
    from: *const T,
    count: usize,
) -> [T; N] {
    let mut all = [T::default(); N];
    // SAFETY: the caller's; the array holds N.
    unsafe { std::ptr::copy_nonoverlapping(from, all.as_mut_ptr(), count) };
    all
}

/// Stores the first `count` numbers of a vector that was written whole.
///
/// # Safety
/// `count <= N` numbers must fit at `to`.
#[inline(always)]
pub(super) unsafe fn write_first<T: Copy, const N: usize>(all: &[T; N], to: *mut T, count: usize) {
    // SAFETY: the caller's; the array holds N.
    unsafe { std::ptr::copy_nonoverlapping(all.as_ptr(), to, count) };
}
