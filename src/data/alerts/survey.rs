//! What ZTF and Rubin (LSST) call what a [`Candidate`] holds.
//!
//! | here | ZTF, `candidate` | Rubin, `diaSource` |
//! |---|---|---|
//! | id | `candid` | `diaSourceId` |
//! | object | `objectId` of the packet | `diaObjectId`, else `ssObjectId` |
//! | mag, mag_err | `magpsf`, `sigmapsf` | `psfFlux`, `psfFluxErr` (nJy) as AB magnitudes |
//! | filter | `fid` 1, 2, 3 as g, r, i | `band` |
//! | fwhm | `fwhm` | not in the packet |
//! | ra, dec | `ra`, `dec` | `ra`, `dec` |
//! | mjd | `jd` - 2400000.5 (UTC) | `midpointMjdTai` (TAI) |
//! | x, y | `xpos`, `ypos` | `x`, `y` |
//! | parent | `pdiffimfilename` | `visit`_`detector` |
//! | survey_score | `drb`, else `rb` | `reliability` |
//!
//! Schemas: <https://github.com/ZwickyTransientFacility/ztf-avro-alert> and
//! <https://github.com/lsst/alert_packet>; names of older versions are known too.

use super::container::Container;
use super::packet::{Field, Packet};
use super::stamps;
use crate::data::rows::{Cutout, Failed, Row};
use crate::data::{Candidate, Channel};

/// Modified Julian date = Julian date - this, in days.
const MJD_EPOCH: f64 = 2_400_000.5;

/// The AB magnitude of a flux of 1 nJy.
const AB_OF_NANOJANSKY: f64 = 31.4;

/// The fields that are read, at any depth, in the order of their bytes.
pub const FIELDS: [&str; 38] = [
    "band",
    "candid",
    "candidate",
    "ccdVisitId",
    "cutoutDifference",
    "cutoutScience",
    "cutoutTemplate",
    "dec",
    "decl",
    "detector",
    "diaObjectId",
    "diaSource",
    "diaSourceId",
    "drb",
    "fid",
    "filterName",
    "fwhm",
    "jd",
    "magpsf",
    "midPointTai",
    "midpointMjdTai",
    "objectId",
    "pdiffimfilename",
    "psFlux",
    "psFluxErr",
    "psfFlux",
    "psfFluxErr",
    "ra",
    "rb",
    "reliability",
    "sigmapsf",
    "ssObjectId",
    "stampData",
    "visit",
    "x",
    "xpos",
    "y",
    "ypos",
];

/// The packet's name for the stamp of `channel`.
pub fn stamp_name(channel: Channel) -> &'static str {
    match channel {
        Channel::Template => "cutoutTemplate",
        Channel::Search => "cutoutScience",
        Channel::Difference => "cutoutDifference",
    }
}

/// Whether a record with fields of these names is an alert of either.
pub fn knows(names: &[&str]) -> bool {
    ["candidate", "diaSource"].iter().any(|n| names.contains(n))
}

/// The row of `packet`; `place` says which of its container it is.
pub fn row(packet: &Packet, container: &Container, channels: &[Channel], place: &str) -> Row {
    let candidate = Candidate {
        file: container.name.clone(),
        ..candidate(packet)
    };
    let mut images = Vec::with_capacity(channels.len());
    for &channel in channels {
        let name = stamp_name(channel);
        let why = match stamp(packet, name) {
            Ok(bytes) => match stamps::read(bytes, name) {
                Ok(image) => {
                    images.push(image);
                    continue;
                }
                Err(why) => why,
            },
            Err(why) => why,
        };
        return Row::Failed(Box::new(Failed {
            candidate,
            why: format!("{place}{why}"),
            unreadable: true,
        }));
    }
    let (shape, values) = stamps::together(images);
    Row::of(Cutout {
        candidate,
        label: container.label,
        channels: Some(channels.into()),
        shape,
        values,
    })
}

/// The bytes of the stamp `name`, or why there are none.
fn stamp<'a>(packet: &'a Packet, name: &str) -> Result<&'a [u8], String> {
    let field = match packet.field(name) {
        // ZTF has a record with the file's name and its bytes.
        Some(Field::Record(inner)) => inner.field("stampData"),
        field => field,
    };
    match field {
        Some(Field::Bytes(bytes)) if bytes.is_empty() => Err(format!("{name} is empty")),
        Some(Field::Bytes(bytes)) => Ok(bytes),
        Some(Field::Nothing) => Err(format!("{name} is null")),
        Some(_) => Err(format!("{name} is no stamp")),
        None => Err(format!("there is no {name}")),
    }
}

fn candidate(packet: &Packet) -> Candidate {
    let none = Packet::default();
    match (packet.record("candidate"), packet.record("diaSource")) {
        (Some(inner), _) => ztf(packet, inner),
        (None, source) => rubin(packet, source.unwrap_or(&none)),
    }
}

fn either(first: String, second: impl FnOnce() -> String) -> String {
    if first.is_empty() { second() } else { first }
}

fn ztf(packet: &Packet, inner: &Packet) -> Candidate {
    let filter = match inner.field("fid") {
        Some(Field::Integer(1)) => "g".to_string(),
        Some(Field::Integer(2)) => "r".to_string(),
        Some(Field::Integer(3)) => "i".to_string(),
        _ => inner.text(&["fid"]),
    };
    Candidate {
        id: either(packet.text(&["candid"]), || inner.text(&["candid"])),
        object: packet.text(&["objectId"]),
        mag: inner.known(&["magpsf"]),
        mag_err: inner.known(&["sigmapsf"]),
        filter,
        fwhm: inner.known(&["fwhm"]),
        ra: inner.number(&["ra"]),
        dec: inner.number(&["dec"]),
        mjd: inner.number(&["jd"]) - MJD_EPOCH,
        x: inner.number(&["xpos"]),
        y: inner.number(&["ypos"]),
        parent: inner.text(&["pdiffimfilename"]),
        survey_score: inner.known(&["drb", "rb"]),
        ..Candidate::default()
    }
}

fn rubin(packet: &Packet, inner: &Packet) -> Candidate {
    let (mag, mag_err) = magnitude(
        inner.number(&["psfFlux", "psFlux"]),
        inner.number(&["psfFluxErr", "psFluxErr"]),
    );
    let (visit, detector) = (inner.text(&["visit"]), inner.number(&["detector"]));
    let parent = match visit.is_empty() || detector.is_nan() {
        true => inner.text(&["ccdVisitId"]),
        false => format!("{visit}_{detector}"),
    };
    let id = ["diaSourceId"];
    Candidate {
        id: either(inner.text(&id), || packet.text(&id)),
        object: inner.text(&["diaObjectId", "ssObjectId"]),
        mag,
        mag_err,
        filter: inner.text(&["band", "filterName"]),
        ra: inner.number(&["ra"]),
        dec: inner.number(&["dec", "decl"]),
        mjd: inner.number(&["midpointMjdTai", "midPointTai"]),
        x: inner.number(&["x"]),
        y: inner.number(&["y"]),
        parent,
        survey_score: inner.number(&["reliability"]),
        ..Candidate::default()
    }
}

/// The AB magnitude of a flux and of its error, in nJy. A source that became
/// fainter has a negative flux and no magnitude: NaN.
fn magnitude(flux: f64, error: f64) -> (f64, f64) {
    if flux > 0.0 {
        let slope = 2.5 / std::f64::consts::LN_10;
        (AB_OF_NANOJANSKY - 2.5 * flux.log10(), slope * error / flux)
    } else {
        (f64::NAN, f64::NAN)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_in_the_order_that_they_are_looked_up_in() {
        assert!(FIELDS.is_sorted());
    }

    #[test]
    fn magnitudes_of_nanojanskys() {
        // 3631 Jy is magnitude 0 but for 31.4 being rounded.
        let (mag, error) = magnitude(3631e9, 3631e7);
        assert!(
            mag.abs() < 1e-3 && (error - 0.010_857).abs() < 1e-6,
            "{mag} {error}"
        );
        let (mag, error) = magnitude(-20.0, 3.0);
        assert!(mag.is_nan() && error.is_nan());
    }
}
