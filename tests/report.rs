//! Pictures: that they are whole, hold what they should, and refuse what
//! cannot be drawn. They are left in target/tmp to be looked at.

use std::path::{Path, PathBuf};

use image::{Rgb, RgbImage};
use rbgpu::judge::EpochRecord;
use rbgpu::report::{Tile, gallery, learning_curve, zscale};

fn at(name: &str) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join(name)
}

/// A course like those of the papers: validation noisy, best before the end.
fn history(epochs: usize) -> Vec<EpochRecord> {
    let noise = |e: usize| ((e * 7919) % 13) as f64 / 13.0 - 0.5;
    (1..=epochs)
        .map(|epoch| {
            let t = epoch as f64;
            EpochRecord {
                epoch,
                learning_rate: 2e-5,
                loss: 0.05 + 0.5 * (-t / 5.0).exp(),
                accuracy: 0.985 - 0.25 * (-t / 4.0).exp(),
                val_loss: 0.09 + 0.4 * (-t / 4.0).exp() + 0.002 * t + 0.02 * noise(epoch),
                val_accuracy: 0.97 - 0.2 * (-t / 4.0).exp() + 0.008 * noise(epoch),
                samples: 10_000,
            }
        })
        .collect()
}

#[test]
fn a_learning_curve_is_drawn() {
    let drawing = learning_curve(&history(25), Some(17), "O'TRAIN on $simulated$ <sky>").unwrap();
    drawing.save(at("learning_curve.svg")).unwrap();
    drawing.save(at("learning_curve.png")).unwrap();
    let svg = std::fs::read_to_string(at("learning_curve.svg")).unwrap();
    for text in [
        "training",
        "validation",
        "kept: epoch 17",
        "loss",
        "accuracy",
        "$simulated$ &lt;sky&gt;",
    ] {
        assert!(svg.contains(text), "{text} is not in the picture");
    }
    let png = image::open(at("learning_curve.png")).unwrap().into_rgb8();
    assert_eq!(f64::from(png.width()), 2.0 * drawing.width());
    for color in [[0x00, 0x72, 0xB2], [0xD5, 0x5E, 0x00], [0x00, 0x9E, 0x73]] {
        assert!(
            png.pixels().any(|p| p.0 == color),
            "{color:?} is not in the picture"
        );
    }
    let long = learning_curve(&history(200), Some(200), "").unwrap();
    long.save(at("learning_curve_200.png")).unwrap();
}

#[test]
fn odd_histories_are_drawn_too() {
    learning_curve(&history(1), Some(1), "one epoch")
        .unwrap()
        .save(at("one_epoch.png"))
        .unwrap();
    let mut gaps = history(6);
    gaps[2].loss = f64::NAN;
    for r in &mut gaps {
        (r.val_loss, r.val_accuracy) = (f64::NAN, f64::INFINITY);
    }
    learning_curve(&gaps, None, "gaps")
        .unwrap()
        .save(at("gaps.png"))
        .unwrap();
    assert!(learning_curve(&[], None, "").is_err());
}

/// A star (or a cosmic ray's trail) at the middle of noise, as three planes.
fn tile(i: usize, size: usize, channels: usize) -> Tile {
    let real = i.is_multiple_of(2);
    let mut state = i as u64 * 7 + 1;
    let mut noise = || {
        (0..6)
            .map(|_| {
                state = state
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1_442_695_040_888_963_407);
                (state >> 40) as f32 / (1u64 << 24) as f32 - 0.5
            })
            .sum::<f32>()
    };
    let mut pixels = Vec::new();
    for y in 0..size {
        for x in 0..size {
            let (dx, dy) = (x as f32 - size as f32 / 2.0, y as f32 - size as f32 / 2.0);
            let star = (-(dx * dx + dy * dy) / 8.0).exp();
            let trail = (-(dx - 0.6 * dy).powi(2) / 1.5).exp();
            let galaxy = 8.0 * (-((dx - 4.0).powi(2) + (dy - 3.0).powi(2)).sqrt() / 4.0).exp();
            let new = if real { 9.0 * star } else { 7.0 * trail };
            let planes = [
                100.0 + galaxy + 0.3 * noise(),
                103.0 + galaxy + new + noise(),
                new + noise(),
            ];
            pixels.extend_from_slice(if channels == 3 { &planes } else { &planes[2..] });
        }
    }
    if i == 3 {
        pixels[..size * 9 * channels].fill(f32::NAN);
    }
    Tile {
        pixels,
        height: size,
        width: size,
        channels,
        title: format!("ZTF{i} & a name too long for its tile: 1234567890123456789"),
        names: match channels {
            3 => ["template", "search", "difference"]
                .map(String::from)
                .to_vec(),
            _ => Vec::new(),
        },
        captions: vec![format!("P(real) {:.3}", if real { 0.997 } else { 0.004 })],
        real,
        ..Tile::default()
    }
}

#[test]
fn a_gallery_is_drawn() {
    let tiles: Vec<Tile> = (0..6).map(|i| tile(i, 51, 3)).collect();
    let sheet = gallery(&tiles, 3).unwrap();
    sheet.save(at("gallery.svg")).unwrap();
    sheet.save(at("gallery.png")).unwrap();
    let svg = std::fs::read_to_string(at("gallery.svg")).unwrap();
    assert_eq!(svg.matches("<image ").count(), 18);
    assert!(svg.contains("P(real) 0.997") && svg.contains("ZTF3 &amp; a") && svg.contains("…"));
    assert!(svg.starts_with("<svg viewBox=\"0 0 780 330\" ") && svg.ends_with("</svg>\n"));
    let png = image::open(at("gallery.png")).unwrap().into_rgb8();
    let count = |c: [u8; 3]| png.pixels().filter(|p| p.0 == c).count();
    // 51 x 9 missing pixels of three planes, each 3 x 3 large, and the key's swatch.
    assert!(count([0xCC, 0x79, 0xA7]) >= 51 * 9 * 3 * 9);
    assert!(count([0x00, 0x72, 0xB2]) > 1000 && count([0xD5, 0x5E, 0x00]) > 1000);
    let single: Vec<Tile> = (0..12).map(|i| tile(i, 32, 1)).collect();
    gallery(&single, 8)
        .unwrap()
        .save(at("gallery_single.png"))
        .unwrap();
}

#[test]
fn a_gallery_names_its_images_and_shows_what_was_looked_at() {
    let mut tiles: Vec<Tile> = (0..4).map(|i| tile(i, 32, 3)).collect();
    let orange = Rgb([230, 120, 10]);
    for tile in &mut tiles {
        tile.overlay = Some(RgbImage::from_pixel(16, 16, orange));
        tile.captions.push("18.3 mag".into());
    }
    let sheet = gallery(&tiles, 2).unwrap();
    sheet.save(at("gallery_overlay.png")).unwrap();
    let svg = sheet.svg().unwrap();
    assert_eq!(svg.matches("<image ").count(), 16);
    assert_eq!(svg.matches("18.3 mag").count(), 4);
    assert!(svg.contains(">difference<") && svg.contains(">Grad-CAM<"));
    let png = image::open(at("gallery_overlay.png")).unwrap().into_rgb8();
    // 32 pixels are drawn as 160, whatever the size of the overlay.
    assert!(png.pixels().filter(|p| **p == orange).count() >= 4 * 128 * 128);
    for tile in &mut tiles {
        tile.names = ["R", "S", "D", "saliency"].map(String::from).to_vec();
    }
    let svg = gallery(&tiles, 2).unwrap().svg().unwrap();
    assert!(svg.contains(">saliency<") && !svg.contains(">difference<"));
}

#[derive(serde::Deserialize)]
struct Limits {
    name: String,
    pixels_64: Vec<Option<i32>>,
    low: f64,
    high: f64,
}

#[test]
fn zscale_is_that_of_astropy() {
    let cases = include_str!("fixtures/zscale/limits.json");
    let cases: Vec<Limits> = serde_json::from_str(cases).unwrap();
    assert_eq!(cases.len(), 11);
    for case in cases {
        let pixel = |v: &Option<i32>| v.map_or(f32::NAN, |v| v as f32 / 64.0);
        let pixels: Vec<f32> = case.pixels_64.iter().map(pixel).collect();
        let (low, high) = zscale(&pixels);
        let scale = case.high.abs().max(case.low.abs());
        for (found, expected) in [(low, case.low), (high, case.high)] {
            let off = (found - expected).abs();
            assert!(off <= 1e-9 * scale, "{}: {found} for {expected}", case.name);
        }
    }
    assert!(zscale(&[]).0.is_nan() && zscale(&[f32::NAN]).1.is_nan());
}

#[test]
fn what_cannot_be_drawn_is_an_error() {
    let mut wrong = tile(0, 5, 1);
    wrong.pixels.pop();
    let said = gallery(&[wrong], 1).unwrap_err().to_string();
    assert!(
        said.contains("tile 0 has 24 pixels") && said.contains("[5, 5, 1]"),
        "{said}"
    );
    assert!(gallery(&[], 3).is_err());
    assert!(gallery(&[tile(0, 5, 1)], 0).is_err());
    let sheet = gallery(&[tile(0, 5, 1)], 9).unwrap();
    let said = sheet.save("picture.jpg").unwrap_err().to_string();
    assert!(
        said.contains("picture.jpg") && said.contains(".svg or .png"),
        "{said}"
    );
    let said = sheet
        .save(at("no/such/folder/x.png"))
        .unwrap_err()
        .to_string();
    assert!(said.contains("x.png"), "{said}");
}

#[test]
fn saving_replaces_a_file_and_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.SVG");
    std::fs::write(&path, "old").unwrap();
    gallery(&[tile(0, 5, 1)], 1).unwrap().save(&path).unwrap();
    assert!(std::fs::read_to_string(&path).unwrap().starts_with("<svg"));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
}
