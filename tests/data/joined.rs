//! Files that are several files one after the other: all of them are read, and what is none
//! is an error.

use std::fs;
use std::io::Write;

use fitsio_pure::gzip::compress;
use rbgpu::data::{ReadOptions, Row, open, stream_listed};

use super::alerts::{alert, all};
use super::folders::{extension, floats, image};
use super::{error, pixels, says};

/// The pieces of a file, each gzipped by itself.
fn members(bytes: &[u8], piece: usize) -> Vec<u8> {
    bytes.chunks(piece).flat_map(|p| compress(p, 6)).collect()
}

#[test]
fn a_gzipped_fits_file_of_several_members_is_read_in_full() {
    let dir = tempfile::tempdir().unwrap();
    let primary = image(-32, &[], &floats(&[1.0; 6]));
    let whole = [primary.clone(), extension("DIFF", 7.0)].concat();
    let path = dir.path().join("x.fits.gz");
    let first = |bytes: &[u8]| {
        fs::write(&path, bytes).unwrap();
        open(&[&path], &ReadOptions::default()).map(|set| pixels(&set, 0)[0])
    };
    // One member for each HDU; bgzip's blocks; filling behind.
    assert_eq!(first(&members(&whole, primary.len())).unwrap(), 7.0);
    assert_eq!(first(&members(&whole, 1000)).unwrap(), 7.0);
    let padded = [members(&whole, 1000), vec![0; 512]].concat();
    assert_eq!(first(&padded).unwrap(), 7.0);
    let garbage = [members(&whole, 1000), b"garbage".to_vec()].concat();
    let error = first(&garbage).unwrap_err().to_string();
    says(&error, &["x.fits.gz", "neither gzip nor zeros"]);
}

fn tar(names: &[&str]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for name in names {
        let bytes = fs::read(alert(name)).unwrap();
        let mut header = tar::Header::new_ustar();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        header.set_cksum();
        builder.append_data(&mut header, name, &bytes[..]).unwrap();
    }
    builder.into_inner().unwrap()
}

fn ids(name: &str, bytes: &[u8]) -> Vec<String> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(name);
    fs::write(&path, bytes).unwrap();
    let (rows, _) = all(&[path], &ReadOptions::default());
    let id = |row: &Row| match row {
        Row::Cutout(cutout) => cutout.candidate.id.clone(),
        Row::Failed(failed) => format!("failed: {}", failed.why),
    };
    rows.iter().map(id).collect()
}

#[test]
fn archives_one_after_the_other_are_read_to_the_end() {
    let (one, two) = (tar(&["ztf_new.avro"]), tar(&["rubin.avro"]));
    let alone = [ids("a.tar", &one), ids("a.tar", &two)].concat();
    assert_eq!(alone.len(), 4);
    let none = tar(&[]);
    for (name, bytes) in [
        ("joined.tar", [one.clone(), two.clone()].concat()),
        (
            "packed.tar.gz",
            compress(&[one.clone(), two.clone()].concat(), 6),
        ),
        (
            "joined.tar.gz",
            [compress(&one, 6), compress(&two, 6)].concat(),
        ),
        (
            "empty-first.tar.gz",
            [compress(&none, 6), compress(&one, 6), compress(&two, 6)].concat(),
        ),
    ] {
        assert_eq!(ids(name, &bytes), alone, "{name}");
    }
    let garbage = [one, b"garbage".repeat(100)].concat();
    let ids = ids("garbage.tar", &garbage);
    assert_eq!(ids.len(), 2);
    says(&ids[1], &["failed", "truncated"]);
}

#[test]
fn containers_one_after_the_other_are_read_to_the_end() {
    let bytes = |name: &str| fs::read(alert(name)).unwrap();
    let mut alone = [
        ids("a.avro", &bytes("ztf_new.avro")),
        ids("a.avro", &bytes("rubin.avro")),
    ]
    .concat();
    // Records are counted through the file.
    let last = alone.last_mut().unwrap();
    *last = last.replace("record 3", "record 4");
    let joined = [bytes("ztf_new.avro"), bytes("rubin.avro")].concat();
    assert_eq!(ids("joined.avro", &joined), alone);
    assert_eq!(ids("joined.avro.gz", &compress(&joined, 6)), alone);
    let cut = ids("cut.avro", &joined[..joined.len() - 20]);
    assert_eq!(cut.len(), 4);
    says(&cut[3], &["failed", "record 3", "truncated"]);
}

#[test]
fn a_missing_file_among_several_is_an_error_that_names_it() {
    let dir = tempfile::tempdir().unwrap();
    let there = dir.path().join("a.fits");
    fs::write(&there, image(8, &[], &[1; 6])).unwrap();
    let gone = dir.path().join("b.fits");
    let error = open(&[&there, &gone], &ReadOptions::default());
    let error = error.map(|set| set.len()).unwrap_err().to_string();
    says(&error, &["b.fits", "no such file"]);
}

#[test]
fn a_fits_file_that_is_cut_off_is_an_error_whatever_it_is_called() {
    let dir = tempfile::tempdir().unwrap();
    let whole = image(-32, &[], &floats(&[1.0; 6]));
    for name in ["x.fits", "x.img", "x"] {
        let path = dir.path().join(name);
        fs::write(&path, &whole[..2890]).unwrap();
        says(&error(&path, &ReadOptions::default()), &[name, "truncated"]);
        fs::write(&path, &compress(&whole, 6)[..90]).unwrap();
        says(&error(&path, &ReadOptions::default()), &[name, "truncated"]);
    }
}

/// Names are bytes.
#[cfg(unix)]
#[test]
fn a_listed_name_that_is_no_text_is_read_or_costs_its_own_row() {
    use rbgpu::data::Rows;
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    let dir = tempfile::tempdir().unwrap();
    let name = OsStr::from_bytes(b"caf\xe9.fits");
    let plain = dir.path().join("a.fits");
    let strange = dir.path().join(name);
    for path in [&plain, &strange] {
        fs::write(path, image(8, &[], &[1; 6])).unwrap();
    }
    let mut list = Vec::new();
    for path in [
        &plain,
        &strange,
        &dir.path().join(OsStr::from_bytes(b"\xff.fits")),
    ] {
        list.write_all(path.as_os_str().as_bytes()).unwrap();
        list.push(b'\n');
    }
    let list = std::io::Cursor::new(list);
    let mut rows = stream_listed(list, "list".as_ref(), &ReadOptions::default());
    let mut all = Vec::new();
    loop {
        let piece = rows.next(2).unwrap();
        if piece.is_empty() {
            break;
        }
        all.extend(piece);
    }
    let read: Vec<bool> = all
        .iter()
        .map(|row| matches!(row, Row::Cutout(_)))
        .collect();
    assert_eq!(read, [true, true, false]);
}
