//! Alert packets: the small ones of tests/fixtures/make_alerts.py, whole and broken.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use rbgpu::data::{Channel, Cutout, ReadOptions, Row, Rows, open, stream};

use super::{error, labelled, pixels, says};

pub fn alert(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures/alerts")
        .join(name)
}

fn bytes(name: &str) -> Vec<u8> {
    std::fs::read(alert(name)).unwrap()
}

/// Every row of `inputs`, and what was noticed.
pub fn all<P: AsRef<Path>>(inputs: &[P], options: &ReadOptions) -> (Vec<Row>, Vec<String>) {
    let mut rows = stream(inputs, options).unwrap();
    let (mut all, mut notices) = (Vec::new(), Vec::new());
    loop {
        let piece = rows.next(3).unwrap();
        notices.extend(rows.notices());
        if piece.is_empty() {
            return (all, notices);
        }
        all.extend(piece);
    }
}

fn read(name: &str) -> Vec<Row> {
    all(&[alert(name)], &ReadOptions::default()).0
}

/// The rows of a file that holds `bytes`.
fn made(name: &str, bytes: &[u8]) -> Vec<Row> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(name);
    std::fs::write(&path, bytes).unwrap();
    all(&[path], &ReadOptions::default()).0
}

#[track_caller]
fn cutout(row: &Row) -> &Cutout {
    match row {
        Row::Cutout(cutout) => cutout,
        Row::Failed(failed) => panic!("{failed:?}"),
    }
}

#[track_caller]
fn why(row: &Row) -> &str {
    match row {
        Row::Failed(failed) if failed.unreadable => &failed.why,
        row => panic!("{row:?}"),
    }
}

/// Pixel (row, column) of the fixtures' stamp `base`; NaN outside `height` x `width`.
fn image(base: usize, height: usize, width: usize) -> Vec<f32> {
    let at = |i: usize| (i / 5, i % 5);
    (0..25)
        .map(|i| match at(i) {
            (y, x) if y < height && x < width => (base + 10 * y + x) as f32,
            _ => f32::NAN,
        })
        .collect()
}

#[track_caller]
fn shows(cutout: &Cutout, images: &[Vec<f32>]) {
    let shape = cutout.shape;
    assert_eq!(
        (shape.height, shape.width, shape.channels),
        (5, 5, images.len())
    );
    for (channel, image) in images.iter().enumerate() {
        let own = cutout.values.iter().skip(channel).step_by(images.len());
        let same = own
            .zip(image)
            .all(|(a, b)| a == b || (a.is_nan() && b.is_nan()));
        assert!(same, "image {channel}: {:?}", cutout.values);
    }
}

#[test]
fn a_packet_of_ztf() {
    let rows = read("ztf_new.avro");
    assert_eq!(rows.len(), 1);
    let one = cutout(&rows[0]);
    shows(one, &[image(100, 5, 5), image(200, 5, 5), image(300, 4, 5)]);
    assert_eq!(one.channels.as_deref(), Some(&Channel::ALL[..]));
    let known = &one.candidate;
    assert_eq!((&known.id[..], &known.object[..]), ("1", "ZTF20abc"));
    assert_eq!(
        (known.mag, known.mag_err, &known.filter[..]),
        (18.5, 0.125, "r")
    );
    assert_eq!((known.fwhm, known.ra, known.dec), (2.5, 296.5, -24.125));
    assert_eq!((known.mjd, known.x, known.y), (59_415.25, 100.5, 200.25));
    assert_eq!(
        (&known.parent[..], known.survey_score),
        ("ztf_scimrefdiffimg.fits", 0.75)
    );
    assert!(known.file.ends_with("ztf_new.avro") && known.edge.is_none());
}

#[test]
fn an_older_packet_has_rb_and_its_stamps_are_padded_to_one_size() {
    let rows = read("ztf_old.avro");
    let one = cutout(&rows[0]);
    shows(one, &[image(100, 5, 5), image(200, 5, 4), image(300, 3, 5)]);
    assert_eq!(one.candidate.survey_score, 0.5);
}

#[test]
fn packets_of_rubin() {
    for name in ["rubin.avro", "rubin_one_block.avro"] {
        let rows = read(name);
        assert_eq!(rows.len(), 3);
        let one = cutout(&rows[0]);
        shows(one, &[image(100, 5, 5), image(200, 5, 5), image(300, 5, 5)]);
        let known = &one.candidate;
        assert_eq!(
            (&known.id[..], &known.object[..]),
            ("10", "170028485706776685")
        );
        // 1000 nJy, with an error of a tenth.
        assert!((known.mag - 23.9).abs() < 1e-12 && (known.mag_err - 0.108_573_62).abs() < 1e-8);
        assert_eq!((&known.filter[..], known.mjd), ("i", 61_105.25));
        assert_eq!(
            (known.x, known.y, known.ra, known.dec),
            (1213.5, 2275.25, 63.25, -47.5)
        );
        assert_eq!(
            (&known.parent[..], known.survey_score),
            ("2026030500055_140", 0.875)
        );
        assert!(known.fwhm.is_nan());
        let negative = &cutout(&rows[1]).candidate;
        assert!(negative.mag.is_nan() && negative.mag_err.is_nan());
        assert_eq!(why(&rows[2]), "record 3: cutoutTemplate is null");
        assert_eq!(
            (
                rows[2].candidate().id.as_str(),
                rows[2].candidate().object.as_str()
            ),
            ("12", "77")
        );
    }
}

#[test]
fn only_the_wanted_stamps_are_read() {
    let options = ReadOptions {
        channels: Some(vec![Channel::Difference, Channel::Search]),
        ..ReadOptions::default()
    };
    let (rows, notices) = all(&[alert("null_template.avro")], &options);
    shows(cutout(&rows[0]), &[image(300, 5, 5), image(200, 5, 5)]);
    assert!(notices.is_empty(), "{notices:?}");
    let rows = read("null_template.avro");
    assert_eq!(why(&rows[0]), "cutoutTemplate is null");
    let strict = ReadOptions {
        strict: true,
        ..ReadOptions::default()
    };
    let mut rows = stream(&[alert("null_template.avro")], &strict).unwrap();
    let refused = rows.next(1).unwrap_err().to_string();
    says(&refused, &["null_template.avro: cutoutTemplate is null"]);
}

#[test]
fn a_night_as_an_archive() {
    let night = alert("night.tar.gz");
    let (rows, notices) = all(&[&night], &ReadOptions::default());
    let ids: Vec<&str> = rows.iter().map(|row| row.candidate().id.as_str()).collect();
    assert_eq!(ids, ["1", "broken.avro", "10", "11", "12", "2"]);
    says(why(&rows[1]), &["block behind record 0", "truncated"]);
    assert!(
        rows[5]
            .candidate()
            .file
            .ends_with("night.tar.gz/ztf_old.avro")
    );
    assert_eq!(notices.len(), 1);
    says(&notices[0], &["1 members", "neither alerts nor FITS"]);
    // The same by another name, without gzip, and as gzip of one packet.
    let mut tar = Vec::new();
    let file = std::fs::File::open(&night).unwrap();
    flate2::read::GzDecoder::new(file)
        .read_to_end(&mut tar)
        .unwrap();
    assert_eq!(made("night", &bytes("night.tar.gz")).len(), 6);
    assert_eq!(made("night", &tar).len(), 6);
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), Default::default());
    gzip.write_all(&bytes("rubin.avro")).unwrap();
    let rows = made("packets", &gzip.finish().unwrap());
    assert_eq!(
        (rows.len(), cutout(&rows[0]).candidate.id.as_str()),
        (3, "10")
    );
}

#[test]
fn a_truncated_archive_says_so_behind_what_it_has() {
    let whole = bytes("night.tar.gz");
    let rows = made("night.tar.gz", &whole[..whole.len() - 900]);
    let (last, before) = rows.split_last().unwrap();
    assert!(before.len() >= 2, "{rows:?}");
    cutout(&before[0]);
    assert_eq!(last.candidate().id, "night.tar.gz");
    says(why(last), &["behind member ./", "truncated"]);
    let none = made("night.tar.gz", b"\x1f\x8b\x08\0\0\0\0\0");
    assert_eq!(none.len(), 1);
    why(&none[0]);
}

#[test]
fn a_night_without_alerts() {
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), Default::default());
    gzip.write_all(&[0; 10_240]).unwrap();
    let empty = gzip.finish().unwrap();
    assert_eq!(made("night.tar.gz", &empty), []);
}

#[test]
fn several_files_and_folders() {
    let (a, b) = (alert("ztf_new.avro"), alert("ztf_old.avro"));
    let set = open(&[&a, &b], &ReadOptions::default()).unwrap();
    assert_eq!((set.len(), set.shape.to_string().as_str()), (2, "5x5x3"));
    assert_eq!(pixels(&set, 1)[..3], [100.0, 200.0, 300.0]);
    says(
        &error(&a, &labelled()),
        &["ztf_new.avro", "labels", "true/ and false/"],
    );

    let dir = tempfile::tempdir().unwrap();
    for (folder, name) in [("true", "ztf_new.avro"), ("false", "rubin.avro")] {
        let folder = dir.path().join(folder);
        std::fs::create_dir(&folder).unwrap();
        std::fs::copy(alert(name), folder.join(name)).unwrap();
    }
    std::fs::write(dir.path().join("false/broken.avro"), b"nothing").unwrap();
    let set = open(&[dir.path()], &labelled()).unwrap();
    assert_eq!(set.labels, Some(vec![1, 0, 0]));
    let skipped: Vec<&str> = set.skipped.iter().map(|s| s.why.as_str()).collect();
    assert_eq!(skipped.len(), 2);
    says(
        skipped[0],
        &["start of the file", "nothing", "an Avro container"],
    );
    says(skipped[1], &["cutoutTemplate is null"]);
}

#[test]
fn broken_containers_say_what_is_wrong() {
    let whole = bytes("ztf_new.avro");
    let refused = |bytes: &[u8], parts: &[&str]| {
        let rows = made("a.avro", bytes);
        assert_eq!(rows.len(), 1, "{rows:?}");
        assert_eq!(rows[0].candidate().id, "a.avro");
        says(why(&rows[0]), parts);
    };
    refused(b"", &["an empty file", "an Avro container"]);
    refused(
        b"\0\0\0\x02\xbd\xa6\x80",
        &["without its schema", "schema 701"],
    );
    refused(&whole[..30], &["header"]);
    refused(
        &whole[..whole.len() - 3],
        &["13 bytes where there should be 16"],
    );
    refused(
        &bytes("weather.avro"),
        &["schema", "a record of temperature", "ZTF"],
    );
    let with = |from: &[u8], to: &[u8]| {
        let at = whole.windows(from.len()).position(|w| w == from).unwrap();
        [&whole[..at], to, &whole[at + from.len()..]].concat()
    };
    refused(
        &with(b"\x08null", b"\x12zstandard"),
        &["codec", "zstandard", "snappy"],
    );
    refused(
        &with(b"\x08null", b"\x0edeflate"),
        &["block behind record 0"],
    );
    // The block begins behind the header's marker: its count, then its length.
    let marker = b"0123456789abcdef";
    let block = 16 + whole.windows(16).position(|w| w == marker).unwrap();
    let mut lying = whole.clone();
    lying[block] = 40;
    let rows = made("a.avro", &lying);
    assert_eq!(rows.len(), 2);
    cutout(&rows[0]);
    says(why(&rows[1]), &["record 2 and the 18 behind it"]);
    let huge = b"\xfe\xff\xff\xff\xff\xff\xff\xff\x7f";
    let far = [&whole[..block + 1], huge, &whole[block + 3..]].concat();
    refused(&far, &["1 records in", "truncated"]);
    let many = [&whole[..block], huge, &whole[block + 1..]].concat();
    refused(&many, &["records in", "truncated"]);
    let mut other = whole.clone();
    *other.last_mut().unwrap() ^= 1;
    refused(&other, &["another marker"]);
}

#[test]
fn schemas_without_an_end_are_refused() {
    let header = |schema: &str| {
        let mut bytes = b"Obj\x01\x02\x16avro.schema".to_vec();
        let mut n = 2 * schema.len();
        while n > 127 {
            bytes.push(n as u8 | 0x80);
            n >>= 7;
        }
        bytes.push(n as u8);
        bytes.extend(schema.as_bytes());
        bytes.extend(b"\x000123456789abcdef\x02\x020");
        bytes.extend(b"0123456789abcdef");
        bytes
    };
    let refused = |field: &str, parts: &[&str]| {
        let schema = format!(
            r#"{{"type":"record","name":"candidate","fields":[{{"name":"candidate","type":{field}}}]}}"#
        );
        let rows = made("a.avro", &header(&schema));
        assert_eq!(rows.len(), 1);
        says(why(&rows[0]), parts);
    };
    refused(r#"["null","candidate"]"#, &["holds itself"]);
    refused(
        r#"{"type":"array","items":"null"}"#,
        &["list of values that take no byte"],
    );
    refused(
        r#"{"type":"fixed","name":"f","size":9000000000000}"#,
        &["9000000000000 bytes"],
    );
    refused(r#""unheard""#, &["no schema"]);
    let mut nested = r#""int""#.to_string();
    for _ in 0..65 {
        nested = format!(r#"["null",{{"type":"array","items":{nested}}}]"#);
    }
    refused(&nested, &["schema"]);
    // Each record twice in the next: 2^40 values that take no byte.
    let mut bomb =
        r#"{"type":"record","name":"r0","fields":[{"name":"a","type":"null"}]}"#.to_string();
    for i in 1..40 {
        bomb = format!(
            r#"{{"type":"record","name":"r{i}","fields":[{{"name":"a","type":{bomb}}},{{"name":"b","type":"r{}"}}]}}"#,
            i - 1
        );
    }
    refused(&bomb, &["take no byte"]);
}

#[test]
fn stamps_that_are_no_fits_files() {
    let whole = bytes("ztf_new.avro");
    let stamps: Vec<usize> = (0..whole.len() - 2)
        .filter(|&i| whole[i..].starts_with(b"\x1f\x8b\x08"))
        .collect();
    assert_eq!(stamps.len(), 3);
    let mut broken = whole.clone();
    broken[stamps[1] + 40] ^= 0x55;
    let rows = made("a.avro", &broken);
    says(why(&rows[0]), &["cutoutTemplate: ", "gzip"]);
    assert_eq!(rows[0].candidate().id, "1");
    let mut other = whole;
    other[stamps[2]..stamps[2] + 3].copy_from_slice(b"abc");
    let rows = made("a.avro", &other);
    says(
        why(&rows[0]),
        &["cutoutDifference: ", "found \"abc", "FITS"],
    );
}

#[test]
fn no_change_of_a_byte_is_a_panic() {
    let dir = tempfile::tempdir().unwrap();
    for name in ["ztf_new.avro", "ztf_old.avro", "rubin.avro", "night.tar.gz"] {
        let whole = bytes(name);
        let path = dir.path().join(name);
        for at in (0..whole.len()).step_by(whole.len() / 150) {
            let mut changed = whole.clone();
            changed[at] ^= [0x01, 0x80, 0xff][at % 3];
            std::fs::write(&path, &changed).unwrap();
            all(&[&path], &ReadOptions::default());
            std::fs::write(&path, &whole[..at]).unwrap();
            all(&[&path], &ReadOptions::default());
        }
    }
}
