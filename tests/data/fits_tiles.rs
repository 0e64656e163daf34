//! Tile-compressed images: every pixel as astropy reads it, and no card that makes the reader
//! abort, hang or panic.

use std::collections::HashMap;
use std::io::Read;
use std::path::Path;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use rbgpu::data::exposure::{Exposure, ImageHdu};
use rbgpu::data::fits::read_fits_bytes;
use rbgpu::data::{Channel, ReadOptions, open};

use super::folders::{extension, floats, hdu, image};
use super::{pixels, says};

/// What tests/fixtures/make_tiles.py made.
fn made(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures/fits")
        .join(name)
}

/// The files by name.
fn files() -> HashMap<String, Vec<u8>> {
    let packed = std::fs::read(made("tiles.tar.gz")).unwrap();
    let tar = fitsio_pure::gzip::decompress(&packed).unwrap();
    let mut archive = tar::Archive::new(&tar[..]);
    let mut files = HashMap::new();
    for entry in archive.entries().unwrap() {
        let mut entry = entry.unwrap();
        let name = entry.path().unwrap().display().to_string();
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).unwrap();
        files.insert(name, bytes);
    }
    files
}

#[test]
fn every_pixel_is_astropys() {
    let expected = open(&[made("tiles.npz")], &ReadOptions::default()).unwrap();
    let files = files();
    assert_eq!((files.len(), expected.len()), (150, 150));
    let mut blanks = 0;
    for (row, candidate) in expected.candidates.iter().enumerate() {
        let name = &candidate.id;
        let read = read_fits_bytes(&files[name], Path::new(name), None);
        let found = read.unwrap_or_else(|e| panic!("{e}"));
        for (at, (a, b)) in found.values.iter().zip(pixels(&expected, row)).enumerate() {
            assert!(
                *a == b || (a.is_nan() && b.is_nan()),
                "{name}, pixel {at}: {a}, astropy {b}"
            );
            blanks += usize::from(b.is_nan());
        }
    }
    assert!(blanks > 100, "{blanks}");
}

/// The header's first card called `name` with another value.
fn with(bytes: &[u8], name: &str, value: &str) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    let at = bytes.chunks(80).position(|card| {
        let key = String::from_utf8_lossy(&card[..8]);
        key.trim_end() == name
    });
    let at = at.unwrap_or_else(|| panic!("no {name}")) * 80;
    let card = format!("{:<80}", format!("{name:<8}= {value:>20}"));
    bytes[at..at + 80].copy_from_slice(card.as_bytes());
    bytes
}

#[test]
fn what_cannot_be_decoded_rightly_is_refused_by_name() {
    let files = files();
    let rice = &files["f32-RICE_1-1x18-dither1.fits"];
    let plain = &files["i16-RICE_1-5x7.fits"];
    for (bytes, card, value, found) in [
        (rice, "ZVAL1", "0", "ZVAL1 = 0 (BLOCKSIZE)"),
        (rice, "ZVAL1", "-1", "ZVAL1 = -1 (BLOCKSIZE)"),
        (rice, "TFIELDS", "2147483647", "TFIELDS = 2147483647"),
        (rice, "ZCMPTYPE", "'ZSTD_1'", "ZCMPTYPE = 'ZSTD_1'"),
        (rice, "ZQUANTIZ", "'DITHER_9'", "ZQUANTIZ = 'DITHER_9'"),
        (rice, "ZDITHER0", "0", "ZDITHER0 = 0"),
        (rice, "ZTILE1", "5", "NAXIS2 = 17 tiles"),
        (rice, "TFORM3", "'1E'", "NAXIS1 = 32"),
        (plain, "ZVAL2", "8", "BYTEPIX = 8"),
        (plain, "ZVAL2", "3", "BYTEPIX = 3"),
    ] {
        let error = read_fits_bytes(&with(bytes, card, value), Path::new("x.fits"), None);
        let error = error.map(|c| c.values).expect_err(found).to_string();
        says(&error, &["x.fits", found]);
    }
}

/// Blank integers are still blank in the copy of an exposure with light added.
#[test]
fn blank_integers_stay_blank_when_an_exposure_is_written() {
    use rbgpu::data::exposure::Rounding;
    let file = files()["i16-RICE_1-17x18-zblank.fits"].clone();
    let read = |bytes| Exposure::parse(bytes, Path::new("x.fits"), &ImageHdu::First).unwrap();
    let before = read(file);
    assert!(before.at(3, 2).is_nan());
    let rounding = Rounding {
        saturate: f64::INFINITY,
        dither: &|_| 0.5,
    };
    let added = vec![1.0; before.values.len()];
    let after = read(before.with_light(&added, &rounding, &[]).unwrap().bytes);
    // 1541 is the blank value, which a pixel with light goes past.
    for (a, b) in before.values.iter().zip(&after.values) {
        let lit = if a + 1.0 == 1541.0 { a + 0.5 } else { a + 1.0 };
        assert!(*b == lit || (a.is_nan() && b.is_nan()), "{a} {b}");
    }
}

/// Seven files of all kinds.
fn seeds() -> Vec<(&'static str, Vec<u8>)> {
    let files = files();
    let scaled = ["BSCALE  = 0.5", "BZERO   = 10.0", "BLANK   = 3", "RA = 1.0"];
    let plain = image(16, &scaled, &[1; 12]);
    let several = [image(8, &[], &[1; 6]), extension("DIFF", 1.0)].concat();
    let table = |kind: &str, cards: &[&str]| {
        let kind = format!("XTENSION= '{kind:<8}'");
        let own = [
            kind.as_str(),
            "BITPIX  = 8",
            "NAXIS   = 2",
            "NAXIS1  = 8",
            "NAXIS2  = 2",
            "PCOUNT  = 0",
            "GCOUNT  = 1",
            "TFIELDS = 2",
        ];
        hdu(&[&own[..], cards].concat(), &[b'1'; 16])
    };
    let binary = ["TFORM1  = '1J'", "TFORM2  = '4A'", "THEAP   = 16"];
    let ascii = [
        "TFORM1  = 'I4'",
        "TBCOL1  = 1",
        "TFORM2  = 'A4'",
        "TBCOL2  = 5",
    ];
    let tables = [
        image(-32, &[], &floats(&[1.0; 6])),
        table("BINTABLE", &binary),
        table("TABLE", &ascii),
    ]
    .concat();
    vec![
        ("plain", plain),
        ("several", several),
        ("tables", tables),
        ("rice", files["f32-RICE_1-1x18-dither1.fits"].clone()),
        ("gzip", files["f32-GZIP_2-17x18-lossless.fits"].clone()),
        ("hcompress", files["i16-HCOMPRESS_1-17x18.fits"].clone()),
        ("plio", files["i16-PLIO_1-5x7.fits"].clone()),
    ]
}

const ABSURD: [&str; 8] = [
    "0",
    "-1",
    "2147483647",
    "-2147483648",
    "9223372036854775807",
    "1E300",
    "'absurd'",
    "",
];

/// `seed` with each card set to each absurd value, and with absurd words where tables have
/// the places of their tiles.
fn absurd(seed: &[u8]) -> Vec<(String, Vec<u8>)> {
    let mut all = Vec::new();
    let mut table = 0;
    for (index, card) in seed.chunks(80).enumerate() {
        let is_card = card.len() == 80 && card[8] == b'=' && card[..8].is_ascii();
        if card.starts_with(b"XTENSION") {
            table = index;
        }
        if !is_card {
            continue;
        }
        let name = String::from_utf8_lossy(&card[..8]).trim_end().to_string();
        for value in ABSURD {
            let mut bytes = seed.to_vec();
            let new = format!("{:<80}", format!("{name:<8}= {value:>20}"));
            bytes[index * 80..][..80].copy_from_slice(new.as_bytes());
            all.push((format!("card {index}, {name} = {value}"), bytes));
        }
    }
    let data = (table..)
        .map(|i| i * 80)
        .find(|at| seed[*at..].starts_with(b"END "));
    let data = data.unwrap().next_multiple_of(2880);
    for at in (data..seed.len().min(data + 120)).step_by(4) {
        for word in [u32::MAX, i32::MAX as u32, 1 << 31] {
            let mut bytes = seed.to_vec();
            bytes[at..at + 4].copy_from_slice(&word.to_be_bytes());
            all.push((format!("word at {at} is {word}"), bytes));
        }
    }
    all
}

#[test]
fn no_card_makes_the_reader_abort_hang_or_panic() {
    let (sender, receiver) = channel();
    let reader = std::thread::spawn(move || {
        let path = Path::new("x.fits");
        let (mut files, mut refused) = (0, 0);
        for (name, seed) in seeds() {
            for (what, bytes) in absurd(&seed) {
                sender.send(format!("{name}: {what}")).unwrap();
                let one = read_fits_bytes(&bytes, path, None).map(|_| ());
                let all = read_fits_bytes(&bytes, path, Some(&Channel::ALL)).map(|_| ());
                let exposure = Exposure::parse(bytes, path, &ImageHdu::First).map(|_| ());
                files += 1;
                refused += usize::from(one.is_err());
                for result in [one, all, exposure] {
                    let Err(error) = result else { continue };
                    let error = error.to_string();
                    assert!(!error.contains("reader fails"), "{name}: {what}: {error}");
                }
            }
        }
        (files, refused)
    });
    let mut last = String::new();
    loop {
        match receiver.recv_timeout(Duration::from_secs(30)) {
            Ok(file) => last = file,
            Err(RecvTimeoutError::Timeout) => panic!("{last}: not read in 30 s"),
            Err(RecvTimeoutError::Disconnected) => break,
        }
    }
    let (files, refused) = reader
        .join()
        .unwrap_or_else(|_| panic!("a panic at {last}"));
    assert!(files > 1400 && refused > files / 4, "{refused} of {files}");
}
