//! Real alert packets against fastavro and astropy, where there are any:
//! tests/fixtures/make_alerts_reference.py.

use std::collections::HashMap;

use rbgpu::data::{Cutout, ReadOptions, Row};

use super::alerts::{alert, all};
use super::real::shared;
use super::says;

/// What is committed of each packet: column by name, for each (file, id).
fn reference() -> HashMap<(String, String), HashMap<String, String>> {
    let mut table = csv::Reader::from_path(alert("real.csv")).unwrap();
    let rows = table.deserialize::<HashMap<String, String>>();
    rows.map(|row| {
        let row = row.unwrap();
        ((row["file"].clone(), row["id"].clone()), row)
    })
    .collect()
}

/// FNV-1a over the pixels of one image, as far as it goes without the padding.
fn fnv(cutout: &Cutout, channel: usize, height: usize, width: usize) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for y in 0..height {
        for x in 0..width {
            let shape = cutout.shape;
            let value = cutout.values[(y * shape.width + x) * shape.channels + channel];
            let bits = if value.is_nan() {
                0x7fc0_0000
            } else {
                value.to_bits()
            };
            for byte in bits.to_le_bytes() {
                hash = (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3);
            }
        }
    }
    hash
}

#[track_caller]
fn same(cutout: &Cutout, row: &HashMap<String, String>) {
    let known = &cutout.candidate;
    let texts = [
        ("object", &known.object),
        ("filter", &known.filter),
        ("parent", &known.parent),
    ];
    for (name, ours) in texts {
        assert_eq!(*ours, row[name], "{name} of {}", known.id);
    }
    for (name, ours) in [
        ("mag", known.mag),
        ("mag_err", known.mag_err),
        ("fwhm", known.fwhm),
        ("ra", known.ra),
        ("dec", known.dec),
        ("mjd", known.mjd),
        ("x", known.x),
        ("y", known.y),
        ("survey_score", known.survey_score),
    ] {
        let theirs: f64 = row[name].parse().unwrap();
        let near = (ours - theirs).abs() <= 1e-13 * theirs.abs();
        assert!(
            near || (ours.is_nan() && theirs.is_nan()),
            "{name}: {ours}, {theirs}"
        );
    }
    for (channel, name) in ["template", "search", "difference"].into_iter().enumerate() {
        let size = |side: &str| row[&format!("{name}_{side}")].parse().unwrap();
        let (height, width) = (size("h"), size("w"));
        assert!(cutout.shape.height >= height && cutout.shape.width >= width);
        let hash = fnv(cutout, channel, height, width);
        assert_eq!(format!("{hash:016x}"), row[name], "{name} of {}", known.id);
    }
}

#[test]
fn every_packet_is_read_or_refused_with_its_reason() {
    let (Some(ztf), Some(rubin)) = (shared("real/ztf_avro"), shared("real/rubin_lsst")) else {
        return;
    };
    let reference = reference();
    let (rows, notices) = all(&[ztf, rubin], &ReadOptions::default());
    assert!(notices.is_empty(), "{notices:?}");
    let (mut read, mut refused) = (0, Vec::new());
    for row in &rows {
        match row {
            Row::Cutout(cutout) => {
                let file = cutout.candidate.file.rsplit('/').next().unwrap();
                let key = (file.to_string(), cutout.candidate.id.clone());
                same(cutout, &reference[&key]);
                read += 1;
            }
            Row::Failed(failed) => refused.push(failed),
        }
    }
    // 11 of ZTF, 7 of Rubin in one container; one of Rubin came without its schema.
    assert_eq!((read, reference.len()), (18, 18));
    assert_eq!(refused.len(), 1);
    assert!(
        refused[0]
            .candidate
            .id
            .starts_with("boom-astro__boom__tests_data_alerts_lsst_")
    );
    says(&refused[0].why, &["without its schema", "schema 701"]);
}

#[test]
fn a_stamp_that_the_edge_cut_off_is_padded_as_braai_does() {
    let Some(ztf) = shared("real/ztf_avro") else {
        return;
    };
    let set = rbgpu::data::open(&[&ztf], &ReadOptions::default()).unwrap();
    assert_eq!(set.shape.to_string(), "63x63x3");
    let narrow = set
        .candidates
        .iter()
        .position(|c| c.id == "472263571115115014");
    let values = super::pixels(&set, narrow.unwrap());
    let outside = |i: usize| i / 3 % 63 >= 53;
    assert!(
        values
            .iter()
            .enumerate()
            .all(|(i, v)| !outside(i) || v.is_nan())
    );
    assert!(
        set.notices
            .iter()
            .any(|n| n.contains("1 of 11 cutouts are smaller"))
    );
}
