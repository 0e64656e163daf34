//! What a candidate is in truth.

use std::fmt;

/// A real source, or one of the artefacts of O'TRAIN Sect. 2.4 (also seen in
/// the DES set, Goldstein et al. 2015).
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A point source that is in the search image and not, or fainter, in the template.
    Real,
    /// A star whose images do not coincide: misalignment, proper motion, refraction.
    Dipole,
    /// A bright star subtracted with a kernel of the wrong width: rings.
    WrongKernel,
    /// What is left of a bright galaxy's core.
    GalaxyCore,
    /// A charged particle's hit or track, as sharp as the pixels.
    CosmicRay,
    /// One or two pixels that always read high (or, in the template, low).
    HotPixel,
    /// A column or row that reads high (or, in the template, low).
    HotColumn,
    /// The image ends inside the cutout.
    Edge,
    /// A star beyond full well, with bleeding and diffraction spikes.
    Saturated,
    /// A satellite or aeroplane crossing the cutout.
    SatelliteTrail,
    /// A reflection inside the optics: diffuse and extended.
    Ghost,
    /// A peak of the noise, above the detection threshold.
    NoisePeak,
}

impl Kind {
    /// Every kind, the real one first.
    pub const ALL: [Kind; 12] = [
        Kind::Real,
        Kind::Dipole,
        Kind::WrongKernel,
        Kind::GalaxyCore,
        Kind::CosmicRay,
        Kind::HotPixel,
        Kind::HotColumn,
        Kind::Edge,
        Kind::Saturated,
        Kind::SatelliteTrail,
        Kind::Ghost,
        Kind::NoisePeak,
    ];

    /// Whether a candidate of this kind has label 1.
    pub fn is_real(self) -> bool {
        self == Kind::Real
    }

    /// Its name, as in a configuration file.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Real => "real",
            Kind::Dipole => "dipole",
            Kind::WrongKernel => "wrong_kernel",
            Kind::GalaxyCore => "galaxy_core",
            Kind::CosmicRay => "cosmic_ray",
            Kind::HotPixel => "hot_pixel",
            Kind::HotColumn => "hot_column",
            Kind::Edge => "edge",
            Kind::Saturated => "saturated",
            Kind::SatelliteTrail => "satellite_trail",
            Kind::Ghost => "ghost",
            Kind::NoisePeak => "noise_peak",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
