//! Which header describes a candidate, and how its keywords may be written.

use std::fs;
use std::path::Path;

use rbgpu::data::exposure::{Exposure, ImageHdu};
use rbgpu::data::fits::{FitsCutout, read_fits_bytes};
use rbgpu::data::{Channel, ReadOptions, open};

use super::folders::{extension, floats, hdu, image};
use super::says;

const EMPTY: [&str; 3] = [
    "SIMPLE  =                    T",
    "BITPIX  =                    8",
    "NAXIS   =                    0",
];

/// A primary HDU without an image.
pub fn primary(cards: &[&str]) -> Vec<u8> {
    hdu(&[&EMPTY[..], cards].concat(), &[])
}

/// An extension of 1 x 2 pixels with more cards.
pub fn with_cards(name: &str, cards: &[&str]) -> Vec<u8> {
    let name = format!("EXTNAME = '{name:<8}'");
    let own = [
        "XTENSION= 'IMAGE   '",
        "BITPIX  =                  -32",
        "NAXIS   =                    2",
        "NAXIS1  =                    2",
        "NAXIS2  =                    1",
        "PCOUNT  =                    0",
        "GCOUNT  =                    1",
        &name,
    ];
    hdu(&[&own[..], cards].concat(), &floats(&[1.0, 0.0]))
}

#[track_caller]
pub fn read(parts: &[Vec<u8>], wanted: Option<&[Channel]>) -> FitsCutout {
    read_fits_bytes(&parts.concat(), Path::new("dir/x.fits"), wanted).unwrap()
}

/// A single image with these cards.
#[track_caller]
fn single(cards: &[&str]) -> FitsCutout {
    read(&[image(-32, cards, &floats(&[1.0; 6]))], None)
}

pub fn refused(parts: &[Vec<u8>]) -> String {
    let read = read_fits_bytes(&parts.concat(), Path::new("dir/x.fits"), None);
    read.map(|cutout| cutout.candidate).unwrap_err().to_string()
}

/// What STDPipe's write_cutout writes: the candidate in the primary header, the header of the
/// whole exposure in every extension.
#[test]
fn the_primary_header_describes_the_candidate_and_the_extensions_its_exposure() {
    let candidate = [
        "RA      =               150.01",
        "DEC     =                  2.1",
        "NAME    = 'artefact'",
    ];
    let exposure = [
        "RA      =           150.119167",
        "DEC     =             2.205833",
        "FWHM    =                  2.0",
        "MAG     =                 12.0",
        "FILTER  = 'r       '",
        "TELESCOP= 'T80     '",
        "MJD     =              58768.5",
    ];
    let file = [
        primary(&candidate),
        with_cards("IMAGE", &exposure),
        with_cards("TEMPLATE", &exposure),
        with_cards("DIFF", &exposure),
    ];
    let both = [Channel::Template, Channel::Difference];
    for wanted in [None, Some(&both[..1]), Some(&both[..])] {
        let cutout = read(&file, wanted);
        let c = cutout.candidate;
        assert_eq!((c.id.as_str(), c.ra, c.dec), ("artefact", 150.01, 2.1));
        assert!(c.fwhm.is_nan() && c.mag.is_nan(), "the exposure's");
        assert_eq!((c.filter.as_str(), c.telescope.as_str()), ("r", "T80"));
        assert_eq!((c.mjd, cutout.remarks), (58_768.5, vec![]));
    }
    // What only the extension says of the candidate is not passed over in silence.
    let file = [
        primary(&candidate),
        with_cards("DIFF", &["CANDID  = '5'", "EDGE    = T"]),
    ];
    let cutout = read(&file, None);
    let remarks = cutout.remarks.join("\n");
    says(&remarks, &["CANDID of the image extension", "EDGE of the"]);
    assert_eq!(cutout.candidate.edge, Some(true));
}

/// A .fits.fz has the image's header behind an empty primary HDU.
#[test]
fn behind_an_empty_primary_header_the_images_own_counts() {
    let own = [
        "CANDID  = '7       '",
        "EDGE    =                    F",
        "RA      =               150.25",
        "FWHM    =                  2.5",
    ];
    let c = read(&[primary(&[]), with_cards("", &own)], None).candidate;
    assert_eq!((c.id.as_str(), c.ra, c.fwhm), ("7", 150.25, 2.5));
    assert_eq!(c.edge, Some(false));
    // Of two images that differ neither is right.
    let other = ["RA      =                 10.0", "FWHM    = 2.5"];
    let file = [
        primary(&[]),
        with_cards("TEMPLATE", &other),
        with_cards("DIFF", &own),
    ];
    let both = [Channel::Template, Channel::Difference];
    let cutout = read(&file, Some(&both));
    assert!(cutout.candidate.ra.is_nan());
    assert_eq!(cutout.candidate.fwhm, 2.5);
    says(&cutout.remarks.join("\n"), &["RA differs between"]);
}

#[test]
fn keywords_in_every_form_that_writers_have() {
    let c = single(&[
        "candid  = '12345678901234567890 &'",
        "CONTINUE  'and more' / goes on",
        "EDGE    = 0",
        "ra      = '10:00:00'           / hours",
        "DEC     = '-02 30 00'",
        "HIERARCH mag_calib = '1.75D+01'",
        "MAGERR  =1.0D-01/comment",
        "FWHM    =       2.5E0",
        "MJD     = '58768.5 '",
        "FILTER  =                      / undefined",
        "XPOS    =                  99.",
    ])
    .candidate;
    assert_eq!(c.id, "12345678901234567890 and more");
    assert_eq!((c.ra, c.dec, c.edge), (150.0, -2.5, Some(false)));
    assert_eq!((c.mag, c.mag_err, c.fwhm), (17.5, 0.1, 2.5));
    assert_eq!((c.mjd, c.x, c.filter.as_str()), (58_768.5, 99.0, ""));
}

#[test]
fn an_edge_is_true_or_false_however_it_is_spelled_and_nothing_else() {
    for (written, edge) in [
        ("T", true),
        ("1", true),
        ("1.0", true),
        ("'1'", true),
        ("'Y'", true),
        ("'yes'", true),
        ("'True'", true),
        ("F", false),
        ("0", false),
        ("'False'", false),
        ("'no'", false),
    ] {
        let c = single(&[&format!("EDGE    = {written}")]).candidate;
        assert_eq!(c.edge, Some(edge), "{written}");
    }
    for written in ["2", "'maybe'", "'-1'"] {
        let file = image(-32, &[&format!("EDGE    = {written}")], &floats(&[1.0; 6]));
        says(
            &refused(&[file]),
            &["x.fits", "EDGE", "neither true nor false"],
        );
    }
}

#[test]
fn a_position_is_understood_or_refused() {
    for (cards, found) in [
        (["RA      = 'north'", "DEC     = 1.0"], "RA = 'north'"),
        (["RA      = 400.0", "DEC     = 1.0"], "RA = 400"),
        (["RA      = 4.0", "DEC     = 91.0"], "DEC = 91"),
        (["RA      = '10:70:00'", "DEC     = 1.0"], "RA = '10:70:00'"),
        (["RA      = 10:70:00", "DEC     = 1.0"], "RA = 10:70:00"),
    ] {
        let file = image(-32, &cards, &floats(&[1.0; 6]));
        says(&refused(&[file]), &["x.fits: header", found]);
    }
    for cards in [
        ["RA      = -99.0", "DEC     = -99.0"],
        ["RA      = 'N/A'", "DEC     = ''"],
    ] {
        let c = single(&cards).candidate;
        assert!(c.ra.is_nan() && c.dec.is_nan());
    }
    let other = single(&["MAG     = '>20.5'", "DATE-OBS= 'yesterday'"]);
    assert!(other.candidate.mag.is_nan() && other.candidate.mjd.is_nan());
    says(&other.remarks.join("\n"), &["MAG is no number", "DATE-OBS"]);
}

#[test]
fn a_keyword_that_stands_twice_with_two_values_is_told_or_refused() {
    let twice = single(&["RA      = 1.0", "RA      = 2.0", "DEC = 3", "DEC = 3"]);
    assert_eq!(twice.candidate.ra, 1.0);
    assert_eq!(twice.remarks.len(), 1);
    says(&twice.remarks[0], &["RA stands", "first"]);
    let file = image(-32, &["NAXIS1  = 2"], &floats(&[1.0; 6]));
    says(&refused(&[file]), &["NAXIS1 twice: 3 and 2"]);
}

/// pandas makes float64 of ids with missing rows; from 2^53 on they are other ids.
#[test]
fn ids_that_are_floats_of_2_to_53_are_no_ids() {
    let dir = tempfile::tempdir().unwrap();
    let card = "CANDID  = 1.07409262121501E+18";
    for name in ["0.fits", "1.fits"] {
        let file = image(-32, &[card], &floats(&[1.0; 6]));
        fs::write(dir.path().join(name), file).unwrap();
    }
    let set = open(&[dir.path()], &ReadOptions::default()).unwrap();
    let ids: Vec<&str> = set.candidates.iter().map(|c| c.id.as_str()).collect();
    assert_eq!(ids, ["0.fits", "1.fits"]);
    let notices = set.notices.join("\n");
    says(
        &notices,
        &["2 candidates, such as", "0.fits: CANDID is a float of 2^53"],
    );
    let cutout = single(&["CANDID  = 123.5"]);
    assert_eq!(cutout.candidate.id, "x.fits");
    says(&cutout.remarks.join("\n"), &["CANDID is no whole number"]);
    for (written, id) in [
        ("1034530232615015004", "1034530232615015004"),
        ("'1034530232615015004'", "1034530232615015004"),
        ("5.0", "5"),
        ("1.0E3", "1000"),
        ("'1E99'", "1E99"),
    ] {
        let cutout = single(&[&format!("CANDID  = {written}")]);
        assert_eq!(cutout.candidate.id, id, "{written}");
        assert!(cutout.remarks.is_empty());
    }
}

#[test]
fn scales_and_blanks_count_however_they_are_written() {
    let data: Vec<u8> = [1_i16, 2, 3, 4, 5, 6]
        .iter()
        .flat_map(|v| v.to_be_bytes())
        .collect();
    let read = |cards: &[&str]| {
        let file = image(16, cards, &data);
        read_fits_bytes(&file, Path::new("x.fits"), None)
    };
    let scaled = [
        "bscale  = '2.0     '",
        "BZERO   =             1.0D+01",
        "BLANK   = '3'",
    ];
    let values = read(&scaled).unwrap().values;
    assert_eq!(values[..2], [12.0, 14.0]);
    assert!(values[2].is_nan());
    // No pixel of 16 bits has this value; its lowest bits are 3.
    let values = read(&["BLANK   = 65539"]).unwrap().values;
    assert_eq!(values[..3], [1.0, 2.0, 3.0]);
    for (card, found) in [
        ("BSCALE  = 0.0", "BSCALE = 0"),
        ("BZERO   = 'zero'", "BZERO = 'zero'"),
        ("BLANK   = 1.5", "BLANK = 1.5"),
    ] {
        says(&read(&[card]).unwrap_err().to_string(), &[found]);
    }
}

/// A reader that stops at the first broken extension takes the primary image for the
/// difference.
#[test]
fn an_extension_that_cannot_be_read_is_not_passed_over() {
    let primary = image(-32, &[], &floats(&[1.0; 6]));
    let whole = [primary.clone(), extension("DIFF", 7.0)].concat();
    assert_eq!(read(std::slice::from_ref(&whole), None).values[0], 7.0);
    for (name, bytes) in [
        ("in the header", &whole[..primary.len() + 900]),
        ("in its first word", &whole[..primary.len() + 5]),
        ("in the data", &whole[..primary.len() + 2880 + 4]),
    ] {
        let error = read_fits_bytes(bytes, Path::new("x.fits"), None);
        let error = error.map(|c| c.values).expect_err(name).to_string();
        says(&error, &["x.fits", "truncated"]);
    }
    let shifted = [primary.clone(), vec![0; 2880], extension("DIFF", 7.0)].concat();
    says(&refused(&[shifted]), &["behind HDU 0", "extension"]);
    // What others keep there, and filling, is no extension of ours.
    let others = hdu(
        &[
            "XTENSION= 'FOREIGN '",
            "BITPIX  = 8",
            "NAXIS   = 1",
            "NAXIS1  = 5",
        ],
        &[1; 5],
    );
    let file = [primary, others, extension("DIFF", 7.0), vec![0; 500]];
    assert_eq!(read(&file, None).values[0], 7.0);
}

#[test]
fn wrong_checksums_are_told_and_with_strict_refused() {
    let whole = image(
        -32,
        &["CANDID  = '7'", "DATASUM = '2130706432'"],
        &floats(&[1.0; 6]),
    );
    let right = read_fits_bytes(&whole, Path::new("x.fits"), None).unwrap();
    // Six words of 0x3f800000: 6 x 1065353216, its carry added.
    let sum = (0..6).fold(0_u64, |sum, _| sum + 0x3f80_0000);
    let sum = (sum & 0xffff_ffff) + (sum >> 32);
    assert_eq!(right.wrong_sums, ["DATASUM of HDU 0"]);
    let card = format!("DATASUM = '{sum}'");
    let good = image(-32, &["CANDID  = '7'", &card], &floats(&[1.0; 6]));
    let read = read_fits_bytes(&good, Path::new("x.fits"), None).unwrap();
    assert_eq!(read.wrong_sums, Vec::<String>::new());
    let empty = image(
        -32,
        &["CHECKSUM= '        '", "DATASUM = ''"],
        &floats(&[1.0; 6]),
    );
    let read = read_fits_bytes(&empty, Path::new("x.fits"), None).unwrap();
    assert_eq!(read.wrong_sums, Vec::<String>::new());

    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("bad.fits"), &whole).unwrap();
    fs::write(dir.path().join("good.fits"), &good).unwrap();
    let set = open(&[dir.path()], &ReadOptions::default()).unwrap();
    assert_eq!(set.len(), 2);
    let notices = set.notices.join("\n");
    says(&notices, &["bad.fits: DATASUM of HDU 0 wrong", "damaged"]);
    let strict = ReadOptions {
        strict: true,
        ..ReadOptions::default()
    };
    says(&super::error(dir.path(), &strict), &["bad.fits", "DATASUM"]);

    let pixels: Vec<f32> = (0..400).map(|p| p as f32).collect();
    let side = "NAXIS1  =                   20";
    let exposure = hdu(
        &[
            "SIMPLE  =                    T",
            "BITPIX  =                  -32",
            "NAXIS   =                    2",
            side,
            &side.replace("NAXIS1", "NAXIS2"),
            "DATASUM = '1'",
        ],
        &floats(&pixels),
    );
    let exposure = Exposure::parse(exposure, Path::new("x.fits"), &ImageHdu::First).unwrap();
    says(&exposure.notices.join("\n"), &["x.fits: DATASUM of HDU 0"]);
}
