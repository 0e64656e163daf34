//! What cannot be used is refused in words, and nothing is written.

use fitsio_pure::image::ImageData;
use fitsio_pure::value::Value;
use rbgpu::data::exposure::{Exposure, ImageHdu};
use rbgpu::simulate::inject::{Count, InjectConfig, PsfSource, inject, into_folder};

use crate::field::{SIDE, calibrated, card, field, file, parse, primary};

#[track_caller]
fn refused<T: std::fmt::Debug>(result: rbgpu::Result<T>, parts: &[&str]) {
    let text = result.unwrap_err().to_string();
    for part in parts {
        assert!(text.contains(part), "no '{part}' in: {text}");
    }
}

#[test]
fn files_that_are_no_image_are_refused_in_words() {
    let read = |bytes: &[u8]| parse(bytes.to_vec());
    refused(read(b""), &["an empty file", "FITS"]);
    refused(read(b"hello, this is text"), &["field.fits", "FITS"]);
    let good = file(&field(0, 1), calibrated());
    refused(read(&good[..good.len() / 2]), &["truncated"]);
    refused(read(&good[..100]), &["truncated"]);
    let none = primary(8, &[], &ImageData::U8(Vec::new()), Vec::new());
    refused(read(&none), &["HDUs", "no 2-D image"]);
    let cube = primary(8, &[20, 20, 3], &ImageData::U8(vec![0; 1200]), Vec::new());
    refused(read(&cube), &["no 2-D image"]);
    let tiny = primary(8, &[5, 5], &ImageData::U8(vec![0; 25]), Vec::new());
    refused(read(&tiny), &["5 x 5", "at least 16"]);
    let other = |which| Exposure::parse(good.clone(), "field.fits".as_ref(), &which);
    refused(
        other(ImageHdu::Number(3)),
        &["0 (900 x 900 image)", "HDU 3"],
    );
    refused(other(ImageHdu::Named("SCI".into())), &["named SCI"]);
    let flat = vec![card("BSCALE", Value::Float(0.0))];
    refused(read(&file(&field(0, 1), flat)), &["BSCALE = 0"]);
}

/// Every byte of the header in turn is another one: an image or an error, never a panic.
#[test]
fn damaged_headers_are_read_or_refused() {
    let mut cards = calibrated();
    cards.push(card("CTYPE1", Value::String("RA---TAN-SIP".into())));
    cards.push(card("CTYPE2", Value::String("DEC--TAN-SIP".into())));
    for name in [
        "CRVAL1", "CRVAL2", "CRPIX1", "CRPIX2", "CDELT1", "CDELT2", "A_ORDER",
    ] {
        cards.push(card(name, Value::Float(1.0)));
    }
    let pixels = ImageData::I16((0..4096).map(|i| (i * 37 % 101) as i16).collect());
    let good = primary(16, &[64, 64], &pixels, cards);
    let mut read = 0;
    for at in 0..2880 {
        for byte in [b'9', b'-', b' ', 0xff] {
            let mut bytes = good.clone();
            bytes[at] = byte;
            if let Ok(image) = parse(bytes) {
                read += 1;
                let config = InjectConfig {
                    psf: PsfSource::Fwhm(2.0),
                    margin: 1.0,
                    separation: 1.0,
                    count: Count::PerImage(3),
                    ..InjectConfig::default()
                };
                let _ = image.wcs.as_ref().and_then(|wcs| wcs.sky(1.0, 1.0));
                // A zero point or a gain of many digits is refused; the rest is done.
                let _ = inject(&image, &config);
            }
        }
    }
    assert!(read > 5000, "{read}");
}

#[test]
fn images_that_say_too_little_are_refused_with_the_way_out() {
    let config = InjectConfig::default();
    let stars = field(600, 1);
    let bare = parse(file(&stars, Vec::new())).unwrap();
    refused(
        inject(&bare, &config),
        &["no zero point", "--zero-point", "MAGZERO"],
    );
    let with = InjectConfig {
        zero_point: Some(24.0),
        ..config.clone()
    };
    let done = inject(&bare, &with).unwrap();
    assert!(
        done.notices.iter().any(|n| n.contains("no GAIN")),
        "{:?}",
        done.notices
    );
    assert!(
        done.notices.iter().any(|n| n.contains("no ra and dec")),
        "{:?}",
        done.notices
    );
    let empty = parse(file(&field(0, 1), calibrated())).unwrap();
    refused(
        inject(&empty, &config),
        &["usable stars", "--psf", "--fwhm"],
    );
    let flat = parse(file(&vec![5.0; SIDE * SIDE], calibrated())).unwrap();
    refused(inject(&flat, &config), &["usable stars"]);
    let nothing = parse(file(&vec![f64::NAN; SIDE * SIDE], calibrated())).unwrap();
    refused(inject(&nothing, &config), &["hardly a pixel"]);
    let round = InjectConfig {
        psf: PsfSource::Fwhm(3.0),
        ..config.clone()
    };
    refused(inject(&nothing, &round), &["no place"]);
}

#[test]
fn settings_that_make_no_sense_are_refused() {
    let image = parse(file(&field(0, 1), calibrated())).unwrap();
    let base = InjectConfig {
        psf: PsfSource::Fwhm(3.0),
        ..InjectConfig::default()
    };
    let wrong = [
        (
            InjectConfig {
                magnitudes: 22.0..14.0,
                ..base.clone()
            },
            "--magnitudes",
        ),
        (
            InjectConfig {
                magnitudes: f64::NAN..14.0,
                ..base.clone()
            },
            "--magnitudes",
        ),
        (
            InjectConfig {
                magnitudes: -40.0..14.0,
                ..base.clone()
            },
            "--magnitudes",
        ),
        (
            InjectConfig {
                count: Count::PerImage(0),
                ..base.clone()
            },
            "--number",
        ),
        (
            InjectConfig {
                count: Count::PerMegapixel(-1.0),
                ..base.clone()
            },
            "--density",
        ),
        (
            InjectConfig {
                gain: Some(0.0),
                ..base.clone()
            },
            "--gain",
        ),
        (
            InjectConfig {
                saturate: Some(f64::NAN),
                ..base.clone()
            },
            "--saturate",
        ),
        (
            InjectConfig {
                zero_point: Some(f64::INFINITY),
                ..base.clone()
            },
            "--zero-point",
        ),
        (
            InjectConfig {
                margin: 450.0,
                ..base.clone()
            },
            "--margin",
        ),
        (
            InjectConfig {
                separation: -1.0,
                ..base.clone()
            },
            "--separation",
        ),
        (
            InjectConfig {
                psf: PsfSource::Fwhm(0.1),
                ..base.clone()
            },
            "--fwhm",
        ),
    ];
    for (config, part) in wrong {
        refused(inject(&image, &config), &[part]);
    }
}

#[test]
fn psf_files_that_are_none_are_refused() {
    let image = parse(file(&field(0, 1), calibrated())).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let fixture =
        std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/psf/field.psf");
    let good = std::fs::read(fixture).unwrap();
    let replaced = |from: &str, to: &str| {
        let at = good
            .windows(from.len())
            .position(|w| w == from.as_bytes())
            .unwrap();
        let mut bytes = good.clone();
        bytes[at..at + to.len()].copy_from_slice(to.as_bytes());
        bytes
    };
    let wrong = [
        (b"text".to_vec(), "FITS"),
        (good[..4000].to_vec(), "field.psf"),
        (file(&field(0, 1), Vec::new()), "0 tables with a PSF_MASK"),
        (
            replaced(
                "POLDEG1 =                    2",
                "POLDEG1 =                    3",
            ),
            "POLDEG1 = 3",
        ),
        (replaced("'X_IMAGE '", "'MAG_AUTO'"), "MAG_AUTO"),
        (
            replaced(
                "PSFAXIS1=                   25",
                "PSFAXIS1=                   24",
            ),
            "PSFAXIS = 24",
        ),
        (
            replaced(
                "PSF_SAMP=                 0.55",
                "PSF_SAMP=                 0.00",
            ),
            "PSF_SAMP = 0",
        ),
    ];
    let path = folder.path().join("field.psf");
    for (bytes, part) in wrong {
        std::fs::write(&path, bytes).unwrap();
        for psf in [path.clone(), folder.path().to_path_buf()] {
            let config = InjectConfig {
                psf: PsfSource::PsfEx(psf),
                ..InjectConfig::default()
            };
            refused(inject(&image, &config), &["field.psf", part]);
        }
    }
    std::fs::remove_file(&path).unwrap();
    let config = InjectConfig {
        psf: PsfSource::PsfEx(path),
        ..InjectConfig::default()
    };
    refused(inject(&image, &config), &["could not read", "field.psf"]);
}

#[test]
fn a_folder_is_there_whole_or_not_at_all() {
    let desk = tempfile::tempdir().unwrap();
    let write = |name: &str, bytes: &[u8]| {
        let path = desk.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    };
    let good = write("good.fits", &file(&field(0, 1), calibrated()));
    let bad = write("bad.fits", b"no image");
    let config = InjectConfig {
        psf: PsfSource::Fwhm(3.0),
        ..InjectConfig::default()
    };
    let out = desk.path().join("deep/out");
    let run = |images: &[&std::path::PathBuf], strict| {
        let images: Vec<_> = images.iter().map(|p| p.to_path_buf()).collect();
        let mut done = 0;
        let result = into_folder(&images, &out, &config, strict, &|_, _| Ok(()), &mut || {
            done += 1
        });
        result.map(|summary| (summary, done))
    };
    refused(run(&[&good, &bad], true), &["bad.fits"]);
    refused(run(&[&bad], false), &["bad.fits"]);
    refused(run(&[&good, &good], false), &["different names"]);
    let left = || std::fs::read_dir(desk.path().join("deep")).unwrap().count();
    assert_eq!(left(), 0, "something was left");
    let (summary, done) = run(&[&good, &bad], false).unwrap();
    assert_eq!(
        (summary.images, summary.sources, summary.failed.len(), done),
        (1, 100, 1, 2)
    );
    assert_eq!(left(), 1);
    let names = std::fs::read_dir(&out).unwrap();
    let mut names: Vec<_> = names
        .map(|e| e.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(names, ["good.fits", "injected.csv"]);
    let table = std::fs::read_to_string(out.join("injected.csv")).unwrap();
    assert_eq!(table.lines().count(), 101);
    assert!(
        table
            .starts_with("image,id,x,y,ra,dec,mag,flux,fwhm,cell_x,cell_y,saturated\ngood.fits,1,")
    );
    // Not into a folder that holds something, such as the images themselves.
    refused(run(&[&good], false), &["out", "empty or new folder"]);
    let own = into_folder(
        std::slice::from_ref(&good),
        desk.path(),
        &config,
        false,
        &|_, _| Ok(()),
        &mut || {},
    );
    refused(own, &["empty or new folder"]);
}
