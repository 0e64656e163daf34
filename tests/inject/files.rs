//! The file that is written is the file that was read, but for the light.

use fitsio_pure::checksum::{verify_checksum, verify_datasum};
use fitsio_pure::compress::{TileCompression, compress_image_hdu};
use fitsio_pure::gzip;
use fitsio_pure::hdu::{HduInfo, parse_fits};
use fitsio_pure::image::{ImageData, read_image_data};
use fitsio_pure::value::Value;
use rbgpu::data::exposure::{Exposure, ImageHdu};
use rbgpu::simulate::inject::{Count, InjectConfig, PsfSource, inject};

use crate::field::{SIDE, calibrated, card, field, file, parse, primary};

fn config() -> InjectConfig {
    InjectConfig {
        count: Count::PerImage(30),
        magnitudes: 12.0..16.0,
        psf: PsfSource::Fwhm(3.0),
        ..InjectConfig::default()
    }
}

/// BITPIX, BZERO, and the pixels of a field as they are stored; one of them BLANK.
fn kinds(values: &[f64]) -> Vec<(i64, f64, ImageData)> {
    let whole = |low: f64, high: f64, zero: f64| -> Vec<i64> {
        let mut all: Vec<i64> = values
            .iter()
            .map(|v| (v - zero).round().clamp(low, high) as i64)
            .collect();
        all[77] = low as i64;
        all
    };
    let float = || {
        values
            .iter()
            .copied()
            .enumerate()
            .map(|(i, v)| if i == 77 { f64::NAN } else { v })
    };
    vec![
        (
            8,
            0.0,
            ImageData::U8(
                whole(0.0, 255.0, 200.0)
                    .into_iter()
                    .map(|v| v as u8)
                    .collect(),
            ),
        ),
        (
            16,
            32768.0,
            ImageData::I16(
                whole(-32768.0, 32767.0, 32768.0)
                    .into_iter()
                    .map(|v| v as i16)
                    .collect(),
            ),
        ),
        (
            32,
            0.0,
            ImageData::I32(
                whole(-1e9, 1e9, 0.0)
                    .into_iter()
                    .map(|v| v as i32)
                    .collect(),
            ),
        ),
        (64, 0.0, ImageData::I64(whole(-1e9, 1e9, 0.0))),
        (
            -32,
            0.0,
            ImageData::F32(float().map(|v| v as f32).collect()),
        ),
        (-64, 0.0, ImageData::F64(float().collect())),
    ]
}

fn blank(data: &ImageData) -> Option<i64> {
    match data {
        ImageData::U8(_) => Some(0),
        ImageData::I16(_) => Some(-32768),
        ImageData::I32(_) | ImageData::I64(_) => Some(-1_000_000_000),
        _ => None,
    }
}

#[test]
fn every_kind_of_pixel_stays_what_it_is() {
    let values = field(100, 6);
    for (bitpix, zero, data) in kinds(&values) {
        let mut cards = calibrated();
        cards.push(card("BZERO", Value::Float(zero)));
        cards.push(card("BSCALE", Value::Float(1.0)));
        cards.extend(blank(&data).map(|value| card("BLANK", Value::Integer(value))));
        let bytes = primary(bitpix, &[SIDE, SIDE], &data, cards);
        let before = parse(bytes).unwrap();
        assert!(before.values[77].is_nan(), "BITPIX {bitpix}");
        let done = inject(&before, &config()).unwrap();
        let after = parse(done.bytes.clone()).unwrap();
        assert!(after.values[77].is_nan(), "BITPIX {bitpix}");
        let file = parse_fits(&done.bytes).unwrap();
        let HduInfo::Primary { bitpix: own, .. } = file.primary().info else {
            panic!()
        };
        assert_eq!(own, bitpix);
        // Where there is no light, the stored number is the same.
        let pairs = after.values.iter().zip(&before.values);
        let changed = pairs.filter(|(a, b)| a.to_bits() != b.to_bits()).count();
        assert!(
            changed > 1000 && changed < SIDE * SIDE / 10,
            "BITPIX {bitpix}: {changed}"
        );
        let sum: f64 = after
            .values
            .iter()
            .zip(&before.values)
            .filter(|(a, _)| a.is_finite())
            .map(|(a, b)| f64::from(*a) - f64::from(*b))
            .sum();
        let flux: f64 = done.sources.iter().map(|s| s.flux).sum();
        if bitpix == 8 {
            // 255 is the end of its pixels.
            assert!(sum > 0.0 && sum < flux, "{sum} {flux}");
        } else {
            // Shot noise, and at most 1/12 to 1/4 square ADU of rounding per pixel.
            let noise = (flux / 2.0 + 0.25 * changed as f64).sqrt();
            assert!(
                (sum - flux).abs() < 5.0 * noise,
                "BITPIX {bitpix}: {sum} {flux} {noise}"
            );
        }
    }
}

#[test]
fn the_header_keeps_its_cards_and_says_what_was_done() {
    let mut cards = calibrated();
    cards.push(card("OBJECT", Value::String("it's M31".into())));
    let before = parse(file(&field(50, 7), cards)).unwrap();
    let config = InjectConfig {
        seed: 42,
        ..config()
    };
    let once = inject(&before, &config).unwrap();
    let twice = inject(&parse(once.bytes.clone()).unwrap(), &config).unwrap();
    for bytes in [once.bytes, twice.bytes] {
        let file = parse_fits(&bytes).unwrap();
        let cards = &file.primary().cards;
        let value = |name: &str| {
            let all: Vec<_> = cards.iter().filter(|c| c.keyword_str() == name).collect();
            assert_eq!(all.len(), 1, "{name}");
            all[0].value.clone().unwrap()
        };
        assert_eq!(value("OBJECT"), Value::String("it's M31".into()));
        assert_eq!(value("RBINJ"), Value::Integer(30));
        assert_eq!(value("RBZP"), Value::Float(25.0));
        let text = String::from_utf8_lossy(&bytes[..2880 * 2]);
        assert!(text.contains("30 sources put in, seed 42"), "{text}");
    }
}

/// An empty primary HDU, `extension`, and an image that is to stay as it is.
fn with_extensions(extension: &[u8]) -> Vec<u8> {
    let mut bytes = primary(
        8,
        &[],
        &ImageData::U8(Vec::new()),
        vec![card("EXTEND", Value::Logical(true))],
    );
    bytes.extend_from_slice(extension);
    let mask = primary(
        16,
        &[20, 20],
        &ImageData::I16((0..400).collect()),
        Vec::new(),
    );
    bytes.extend(as_extension(mask, "MASK"));
    bytes
}

/// A primary HDU as an IMAGE extension: the first card is another, three more are needed.
fn as_extension(primary: Vec<u8>, name: &str) -> Vec<u8> {
    let file = parse_fits(&primary).unwrap();
    let hdu = file.primary();
    let mut cards = vec![card("XTENSION", Value::String("IMAGE   ".into()))];
    let own = hdu
        .cards
        .iter()
        .filter(|c| !matches!(c.keyword_str(), "SIMPLE" | "END" | ""));
    let mut own: Vec<_> = own.cloned().collect();
    let axes = own
        .iter()
        .rposition(|c| c.keyword_str().starts_with("NAXIS"))
        .unwrap();
    let more = [("PCOUNT", 0), ("GCOUNT", 1)].map(|(name, n)| card(name, Value::Integer(n)));
    own.splice(axes + 1..axes + 1, more);
    cards.extend(own);
    cards.push(card("EXTNAME", Value::String(name.into())));
    cards.push(card("DATASUM", Value::String("0".into())));
    cards.push(card("CHECKSUM", Value::String("0000000000000000".into())));
    let mut bytes = fitsio_pure::header::serialize_header(&cards).unwrap();
    bytes.extend_from_slice(&primary[hdu.data_start..]);
    bytes
}

#[test]
fn other_hdus_stay_byte_by_byte_and_checksums_are_renewed() {
    let image = as_extension(file(&field(50, 8), calibrated()), "SCI");
    let bytes = with_extensions(&image);
    let zipped = gzip::compress(&bytes, 1);
    for which in [
        ImageHdu::First,
        ImageHdu::Number(1),
        ImageHdu::Named("sci".into()),
    ] {
        let before = Exposure::parse(zipped.clone(), "a.fits.gz".as_ref(), &which).unwrap();
        let done = inject(
            &before,
            &InjectConfig {
                hdu: which,
                ..config()
            },
        )
        .unwrap();
        assert!(gzip::is_gzip(&done.bytes));
        let after = gzip::decompress(&done.bytes).unwrap();
        let (old, new) = (parse_fits(&bytes).unwrap(), parse_fits(&after).unwrap());
        assert_eq!(new.len(), 3);
        let [old_mask, new_mask] = [(&old, &bytes), (&new, &after)]
            .map(|(file, bytes)| bytes[file.hdus[2].header_start..].to_vec());
        assert!(old_mask == new_mask, "the mask changed");
        assert!(after[..2880] == bytes[..2880], "the primary HDU changed");
        assert!(verify_datasum(&after, &new.hdus[1]) && verify_checksum(&after, &new.hdus[1]));
    }
}

#[test]
fn compressed_images_are_compressed_again_without_loss() {
    let values = field(50, 9);
    let floats: Vec<f32> = values.iter().map(|v| *v as f32).collect();
    let whole: Vec<i16> = values.iter().map(|v| v.min(30_000.0) as i16).collect();
    let extra = calibrated();
    let axes = [SIDE, SIDE];
    let packed = [
        compress_image_hdu(&axes, &floats, &TileCompression::rice(), &extra).unwrap(),
        compress_image_hdu(&axes, &floats, &TileCompression::gzip(), &extra).unwrap(),
        compress_image_hdu(&axes, &whole, &TileCompression::rice(), &extra).unwrap(),
        compress_image_hdu(&axes, &whole, &TileCompression::gzip2(), &extra).unwrap(),
    ];
    for (i, extension) in packed.iter().enumerate() {
        let before = parse(with_extensions(extension)).unwrap();
        let done = inject(&before, &config()).unwrap();
        let file = parse_fits(&done.bytes).unwrap();
        assert!(matches!(file.hdus[1].info, HduInfo::CompressedImage { .. }));
        let raw = read_image_data(&done.bytes, &file.hdus[1]).unwrap();
        assert_eq!(matches!(raw, ImageData::I16(_)), i >= 2, "kind {i}");
        let after = parse(done.bytes.clone()).unwrap();
        let pairs = after.values.iter().zip(&before.values);
        let changed = pairs.filter(|(a, b)| a.to_bits() != b.to_bits()).count();
        assert!(
            changed > 1000 && changed < SIDE * SIDE / 10,
            "kind {i}: {changed}"
        );
        assert_eq!(after.number(&["GAIN"]), Some(("GAIN", 2.0)), "kind {i}");
        assert_eq!(file.len(), 3);
    }
}
