//! What surveys and brokers call what a [`Candidate`] holds.
//!
//! A packet has a record `candidate` (ZTF, DECam, babamul) or `diaSource` (Rubin):
//!
//! | here | first of these names that has a value |
//! |---|---|
//! | id | `candid` (of the packet, else of the record), `diaSourceId` |
//! | object | `objectId` of the packet, `diaObjectId`, `ssObjectId` |
//! | mag, mag_err | `magpsf`, `sigmapsf`; `forcediffimmag`, `forcediffimmagunc`; `psfFlux`, `psfFluxErr` (nJy) as AB magnitudes; `magap`, `sigmagap` |
//! | filter | `band`, `filterName`; `fid` 1, 2, 3 as g, r, i |
//! | fwhm | `fwhm` |
//! | ra, dec | `ra`, `dec` |
//! | mjd | `jd` - 2400000.5 (UTC), `mjd`, `midpointMjdTai` (TAI) |
//! | x, y | `xpos`, `ypos`; `x`, `y` |
//! | parent | `pdiffimfilename`, else `visit`_`detector` |
//! | survey_score | `drb`, `rb`, `reliability` |
//!
//! A schema that has none of the names for id, position, time, magnitude or filter is refused.
//!
//! Schemas: <https://github.com/ZwickyTransientFacility/ztf-avro-alert>,
//! <https://github.com/lsst/alert_packet> and, of DECam, <https://github.com/boom-astro/boom>;
//! names of older versions are known too.

use apache_avro::Schema;
use apache_avro::schema::{RecordField, ResolvedSchema};

use super::packet::{Field, Packet};
use super::stamps;
use crate::data::fits::checksums::damage;
use crate::data::rows::{Cutout, Failed, Row};
use crate::data::{Candidate, Channel};

/// Modified Julian date = Julian date - this, in days.
const MJD_EPOCH: f64 = 2_400_000.5;

/// The AB magnitude of a flux of 1 nJy.
const AB_OF_NANOJANSKY: f64 = 31.4;

/// The fields that are read, at any depth, in the order of their bytes.
pub const FIELDS: [&str; 43] = [
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
    "forcediffimmag",
    "forcediffimmagunc",
    "fwhm",
    "jd",
    "magap",
    "magpsf",
    "midPointTai",
    "midpointMjdTai",
    "mjd",
    "objectId",
    "pdiffimfilename",
    "psFlux",
    "psFluxErr",
    "psfFlux",
    "psfFluxErr",
    "ra",
    "rb",
    "reliability",
    "sigmagap",
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

/// The records that hold the candidate, one of which a packet has.
const RECORDS: [&str; 2] = ["candidate", "diaSource"];

const IDS: [&str; 2] = ["candid", "diaSourceId"];
const RA: [&str; 1] = ["ra"];
const DEC: [&str; 2] = ["dec", "decl"];
const MJDS: [&str; 3] = ["mjd", "midpointMjdTai", "midPointTai"];
const MAGS: [&str; 5] = ["magpsf", "forcediffimmag", "psfFlux", "psFlux", "magap"];
const FILTERS: [&str; 3] = ["band", "filterName", "fid"];

/// What is wrong with `schema`, a record with `fields`, as that of an alert: the names that it has
/// none of.
pub fn fault(schema: &Schema, fields: &[RecordField]) -> Option<String> {
    let names = |fields: &[RecordField]| -> Vec<String> {
        fields.iter().map(|field| field.name.clone()).collect()
    };
    let outer = names(fields);
    let Some(field) = fields
        .iter()
        .find(|field| RECORDS.contains(&&field.name[..]))
    else {
        return Some(format!("a record of {}", shortened(&outer)));
    };
    let resolved = ResolvedSchema::try_from(schema).ok()?;
    let inner = record(&field.schema, &resolved).map_or_else(Vec::new, names);
    let has = |wanted: &[&str], of: &[String]| of.iter().any(|name| wanted.contains(&&name[..]));
    let mut times = vec!["jd"];
    times.extend(MJDS);
    let needed: [(&str, &[&str]); 6] = [
        ("id", &IDS),
        ("right ascension", &RA),
        ("declination", &DEC),
        ("time", &times),
        ("magnitude", &MAGS),
        ("filter", &FILTERS),
    ];
    let lacks = |(what, wanted): &(&str, &[&str])| {
        let there = has(wanted, &inner) || (*what == "id" && has(wanted, &outer));
        (!there).then(|| format!("{what} ({})", wanted.join(", ")))
    };
    let missing: Vec<String> = needed.iter().filter_map(lacks).collect();
    (!missing.is_empty()).then(|| {
        let (name, missing) = (&field.name, missing.join(", "));
        format!(
            "a record {name} without {missing}; it has {}",
            shortened(&inner)
        )
    })
}

/// The fields of a record, or of the one in a union.
fn record<'a>(schema: &'a Schema, resolved: &ResolvedSchema<'a>) -> Option<&'a [RecordField]> {
    match schema {
        Schema::Record(record) => Some(&record.fields),
        Schema::Union(union) => {
            let mut all = union.variants().iter();
            all.find_map(|variant| record(variant, resolved))
        }
        Schema::Ref { name } => match resolved.get_names().get(name) {
            Some(Schema::Record(record)) => Some(&record.fields),
            _ => None,
        },
        _ => None,
    }
}

fn shortened(names: &[String]) -> String {
    match names.len() {
        0..=8 => names.join(", "),
        n => format!("{} and {} more", names[..8].join(", "), n - 8),
    }
}

/// The row of `packet`, which is in the file `name` with the label of its folder; `place` says
/// which of the file's it is.
pub fn row(
    packet: &Packet,
    (name, label): (&str, Option<u8>),
    channels: &[Channel],
    place: &str,
) -> Row {
    let Some(inner) = RECORDS.iter().find_map(|name| packet.record(name)) else {
        return Row::Failed(Box::new(Failed {
            candidate: Candidate {
                id: packet.text(&IDS),
                file: name.to_string(),
                ..Candidate::default()
            },
            why: format!("{place}neither a candidate nor a diaSource"),
            unreadable: true,
        }));
    };
    let candidate = Candidate {
        file: name.to_string(),
        ..candidate(packet, inner)
    };
    let mut images = Vec::with_capacity(channels.len());
    let mut wrong_sums = Vec::new();
    for &channel in channels {
        let name = stamp_name(channel);
        let why = match stamp(packet, name) {
            Ok(bytes) => match stamps::read(bytes, name) {
                Ok((image, wrong)) => {
                    images.push(image);
                    wrong_sums.extend(wrong);
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
        label,
        channels: Some(channels.into()),
        shape,
        values,
        remarks: damage(&wrong_sums).into_iter().collect(),
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

fn candidate(packet: &Packet, inner: &Packet) -> Candidate {
    let (mag, mag_err) = measured(inner);
    let filter = match (inner.text(&FILTERS[..2]), inner.field("fid")) {
        (band, _) if !band.is_empty() => band,
        (_, Some(Field::Integer(1))) => "g".to_string(),
        (_, Some(Field::Integer(2))) => "r".to_string(),
        (_, Some(Field::Integer(3))) => "i".to_string(),
        _ => inner.text(&["fid"]),
    };
    let (visit, detector) = (inner.text(&["visit"]), inner.number(&["detector"]));
    let exposure = || match visit.is_empty() || detector.is_nan() {
        true => inner.text(&["ccdVisitId"]),
        false => format!("{visit}_{detector}"),
    };
    let jd = inner.number(&["jd"]) - MJD_EPOCH;
    Candidate {
        id: either(packet.text(&IDS[..1]), || {
            either(inner.text(&IDS), || packet.text(&IDS))
        }),
        object: either(packet.text(&["objectId"]), || {
            inner.text(&["diaObjectId", "ssObjectId"])
        }),
        mag,
        mag_err,
        filter,
        fwhm: inner.known(&["fwhm"]),
        ra: inner.number(&RA),
        dec: inner.number(&DEC),
        mjd: if jd.is_nan() { inner.number(&MJDS) } else { jd },
        x: inner.number(&["xpos", "x"]),
        y: inner.number(&["ypos", "y"]),
        parent: either(inner.text(&["pdiffimfilename"]), exposure),
        survey_score: inner.known(&["drb", "rb", "reliability"]),
        ..Candidate::default()
    }
}

fn either(first: String, second: impl FnOnce() -> String) -> String {
    if first.is_empty() { second() } else { first }
}

/// Magnitude and error by the first names that have one.
fn measured(inner: &Packet) -> (f64, f64) {
    let pair = |mag: &str, error: &str| (inner.known(&[mag]), inner.known(&[error]));
    let flux = || {
        magnitude(
            inner.number(&["psfFlux", "psFlux"]),
            inner.number(&["psfFluxErr", "psFluxErr"]),
        )
    };
    let mut all = [
        pair("magpsf", "sigmapsf"),
        pair("forcediffimmag", "forcediffimmagunc"),
        flux(),
        pair("magap", "sigmagap"),
    ]
    .into_iter();
    all.find(|(mag, _)| !mag.is_nan())
        .unwrap_or((f64::NAN, f64::NAN))
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
