//! How a device is opened: in which precision it multiplies, which bodies of the
//! kernels it runs, and what its adapter offers for either.

use std::fmt;
use std::str::FromStr;

use super::adapter::AdapterDescription;
use crate::{Error, Result};

/// What the operands of convolutions and dense layers are rounded to before they
/// are multiplied. Tensors, weights among them, are f32 in memory and sums are f32
/// either way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum GpuPrecision {
    /// Not at all.
    #[default]
    F32,
    /// To f16: 11 bits, and nothing beyond ±65,504.
    F16,
}

/// The bodies of a product's kernel. They share bindings, parameters and epilogue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Body {
    /// Register blocks that read memory directly, without barriers: for the
    /// processor acting as a gpu, whose caches are better than any tile.
    Direct,
    /// Tiles in workgroup memory, in f32 or f16: for gpus.
    Shared,
    /// Matrix units, in f16: for gpus that have them.
    Cooperative,
}

impl fmt::Display for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Body::Direct => "direct",
            Body::Shared => "shared",
            Body::Cooperative => "cooperative",
        })
    }
}

impl FromStr for Body {
    type Err = Error;

    fn from_str(name: &str) -> Result<Body> {
        let all = [Body::Direct, Body::Shared, Body::Cooperative];
        all.into_iter()
            .find(|body| body.to_string() == name)
            .ok_or_else(|| Error::Config {
                what: "RBGPU_CONV_BODY".into(),
                found: name.to_owned(),
                expected: "direct, shared or cooperative".into(),
            })
    }
}

/// How to open a device.
#[derive(Clone, Copy, Debug, Default)]
pub struct Settings {
    /// The operands' precision.
    pub precision: GpuPrecision,
    /// The body to run, for tests; without one RBGPU_CONV_BODY is asked, then the
    /// adapter.
    pub body: Option<Body>,
    /// Every tensor's memory starts out as NaN and is followed by a guard band.
    pub guards: bool,
}

/// What an adapter offers beyond the least that the kernels need.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Abilities {
    pub f16: bool,
    /// The size of square matrices that are multiplied in f16 and summed in f32.
    pub cooperative: Option<u32>,
    pub timestamps: bool,
    pub pipeline_cache: bool,
    /// Invocations of a subgroup, where that is always the same number.
    pub subgroup: Option<u32>,
}

impl Abilities {
    pub fn of(adapter: &wgpu::Adapter) -> Abilities {
        let features = adapter.features();
        let f16 = features.contains(wgpu::Features::SHADER_F16);
        let matrices = wgpu::Features::EXPERIMENTAL_COOPERATIVE_MATRIX;
        let sizes = adapter.cooperative_matrix_properties().into_iter();
        let sizes = sizes.filter(|p| {
            (p.ab_type, p.cr_type)
                == (
                    wgpu::CooperativeScalarType::F16,
                    wgpu::CooperativeScalarType::F32,
                )
                && (p.m_size, p.n_size) == (p.k_size, p.k_size)
        });
        let largest = sizes.map(|p| p.k_size).max();
        let info = adapter.get_info();
        let fixed = info.subgroup_min_size == info.subgroup_max_size;
        let subgroups = fixed && features.contains(wgpu::Features::SUBGROUP);
        Abilities {
            f16,
            cooperative: largest.filter(|_| f16 && subgroups && features.contains(matrices)),
            timestamps: features.contains(wgpu::Features::TIMESTAMP_QUERY),
            pipeline_cache: features.contains(wgpu::Features::PIPELINE_CACHE),
            subgroup: subgroups.then_some(info.subgroup_min_size),
        }
    }

    /// What the device is asked for.
    pub fn features(self) -> wgpu::Features {
        let mut features = wgpu::Features::IMMEDIATES;
        features.set(wgpu::Features::SHADER_F16, self.f16);
        let matrices = wgpu::Features::EXPERIMENTAL_COOPERATIVE_MATRIX;
        features.set(matrices, self.cooperative.is_some());
        features.set(wgpu::Features::TIMESTAMP_QUERY, self.timestamps);
        features.set(wgpu::Features::PIPELINE_CACHE, self.pipeline_cache);
        features.set(wgpu::Features::SUBGROUP, self.subgroup.is_some());
        features
    }

    /// The body that runs: `forced`, or the best one for the adapter.
    pub fn body(
        self,
        adapter: &AdapterDescription,
        precision: GpuPrecision,
        forced: Option<Body>,
    ) -> Result<Body> {
        let refuse = |problem: &str| {
            Err(Error::NoDevice {
                wanted: adapter.name.clone(),
                problem: problem.to_owned(),
            })
        };
        if precision == GpuPrecision::F16 && !self.f16 {
            return refuse("it cannot calculate in f16; use --precision f32");
        }
        match (forced, precision) {
            (Some(Body::Cooperative), GpuPrecision::F32) => {
                refuse("cooperative matrices are f16; use --precision f16 with that body")
            }
            (Some(Body::Cooperative), _) if self.cooperative.is_none() => {
                refuse("it has no cooperative matrices of f16 with f32 sums")
            }
            (Some(Body::Direct), GpuPrecision::F16) => {
                refuse("the direct body is f32; use the shared body with --precision f16")
            }
            (Some(body), _) => Ok(body),
            (None, GpuPrecision::F16) if self.cooperative.is_some() => Ok(Body::Cooperative),
            (None, GpuPrecision::F32) if adapter.is_software() => Ok(Body::Direct),
            (None, _) => Ok(Body::Shared),
        }
    }
}

/// The body named in RBGPU_CONV_BODY, if any.
pub(super) fn body_from_environment() -> Result<Option<Body>> {
    match std::env::var("RBGPU_CONV_BODY") {
        Ok(name) => name.parse().map(Some),
        Err(_) => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use super::super::adapter::AdapterKind;
    use super::*;

    #[test]
    fn the_body_goes_by_adapter_and_precision() {
        use GpuPrecision::{F16, F32};
        let adapter = |kind| AdapterDescription {
            name: "an adapter".into(),
            backend: "Vulkan".into(),
            kind,
            driver: "a driver".into(),
        };
        let software = adapter(AdapterKind::Software);
        let card = adapter(AdapterKind::Discrete);
        let plain = Abilities {
            f16: false,
            cooperative: None,
            timestamps: false,
            pipeline_cache: false,
            subgroup: None,
        };
        let half = Abilities { f16: true, ..plain };
        let matrices = Abilities {
            cooperative: Some(16),
            ..half
        };
        let table = [
            (plain, &software, F32, None, Some(Body::Direct)),
            (plain, &card, F32, None, Some(Body::Shared)),
            (plain, &card, F16, None, None),
            (half, &software, F16, None, Some(Body::Shared)),
            (matrices, &card, F32, None, Some(Body::Shared)),
            (matrices, &card, F16, None, Some(Body::Cooperative)),
            (matrices, &card, F16, Some(Body::Shared), Some(Body::Shared)),
            (
                plain,
                &software,
                F32,
                Some(Body::Shared),
                Some(Body::Shared),
            ),
            (matrices, &card, F32, Some(Body::Cooperative), None),
            (half, &card, F16, Some(Body::Cooperative), None),
            (half, &card, F16, Some(Body::Direct), None),
        ];
        for (abilities, adapter, precision, forced, want) in table {
            let got = abilities.body(adapter, precision, forced);
            assert_eq!(got.ok(), want, "{abilities:?} {precision:?} {forced:?}");
        }
    }

    #[test]
    fn bodies_are_read_by_name() {
        assert_eq!("shared".parse::<Body>().unwrap(), Body::Shared);
        let error = "tiled".parse::<Body>().unwrap_err();
        assert!(error.to_string().contains("RBGPU_CONV_BODY"), "{error}");
    }
}
