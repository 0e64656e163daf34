//! From a problem's size to workgroups, and from its numbers to a kernel's parameters.

use crate::{Error, Result};

/// How many workgroups to start along x, y and z.
///
/// A kernel finds its linear workgroup as `id.x + count.x * (id.y + count.y *
/// id.z)`, and checks that it is still inside the problem: folding may start a
/// few more than were asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Workgroups(pub(super) [u32; 3]);

impl Workgroups {
    /// Enough workgroups of `per_group` invocations for `items`, none along any
    /// axis beyond `limit`; `None` if that is impossible.
    pub fn folded(items: usize, per_group: usize, limit: u32) -> Option<Workgroups> {
        let limit = limit as usize;
        let groups = items.div_ceil(per_group);
        let z = groups.div_ceil(limit * limit).max(1);
        let y = groups.div_ceil(z).div_ceil(limit).max(1);
        let x = groups.div_ceil(z * y);
        // A kernel's linear index is a u32.
        let indexable = u32::try_from(x * y * z * per_group).is_ok();
        (z <= limit && indexable).then_some(Workgroups([x as u32, y as u32, z as u32]))
    }

    pub(super) fn covering(
        items: usize,
        per_group: usize,
        limit: u32,
        kernel: &str,
        device: &str,
    ) -> Result<Workgroups> {
        Workgroups::folded(items, per_group, limit).ok_or_else(|| Error::TooLarge {
            what: kernel.to_owned(),
            device: device.to_owned(),
            needed: items as u64,
            limit: u64::from(u32::MAX),
            unit: "invocations",
        })
    }

    /// Whether there is nothing to start.
    pub fn is_empty(self) -> bool {
        self.0.contains(&0)
    }
}

/// A number that can be handed to a kernel: 32 bits of a parameter struct.
pub trait Parameter {
    /// The bits as WGSL sees them.
    fn word(self) -> u32;
}

impl Parameter for u32 {
    fn word(self) -> u32 {
        self
    }
}

impl Parameter for i32 {
    fn word(self) -> u32 {
        self as u32
    }
}

impl Parameter for f32 {
    fn word(self) -> u32 {
        self.to_bits()
    }
}

impl Parameter for f64 {
    fn word(self) -> u32 {
        (self as f32).to_bits()
    }
}

impl Parameter for bool {
    fn word(self) -> u32 {
        u32::from(self)
    }
}

impl Parameter for usize {
    /// Sizes come from tensors that are on the device, and those are never so
    /// long that an index would not fit: [`Gpu::allocate`](super::Gpu::allocate).
    fn word(self) -> u32 {
        debug_assert!(u32::try_from(self).is_ok());
        self as u32
    }
}

/// The parameters of one dispatch, in the order of the kernel's struct. Sizes
/// become `u32`, and floating-point numbers `f32`.
#[macro_export]
macro_rules! parameters {
    ($($value:expr),* $(,)?) => {
        &[$($crate::backend::gpu::Parameter::word($value)),*][..]
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folding_covers_everything_within_the_limits() {
        for items in [0, 1, 63, 64, 65, 65_535 * 64, 65_535 * 64 + 1, 1 << 29] {
            let Workgroups([x, y, z]) = Workgroups::folded(items, 64, 65_535).unwrap();
            assert!(x <= 65_535 && y <= 65_535 && z <= 65_535);
            assert!(x as usize * y as usize * z as usize * 64 >= items);
        }
        assert_eq!(
            Workgroups::folded(65_536, 1, 65_535),
            Some(Workgroups([32_768, 2, 1]))
        );
        assert_eq!(Workgroups::folded(1 << 33, 64, 65_535), None);
        assert!(Workgroups::folded(0, 64, 65_535).unwrap().is_empty());
        assert_eq!(Workgroups::folded(100, 1, 4), None);
    }
}
