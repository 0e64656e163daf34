//! Cutouts on one sheet, framed by their label, with what was said of them.

use image::imageops::{FilterType, resize};
use image::{Rgb, RgbImage};
use kuva::render::render::TextAnchor;

use super::drawing::{Drawing, Font, PNG_SCALE, text_width};
use super::palette;
use super::zscale::zscale;
use crate::{Error, Result};

/// One candidate on the sheet.
#[derive(Clone, Debug, Default)]
pub struct Tile {
    /// (H, W, C), row-major, as in a file: not normalised, NaN allowed.
    pub pixels: Vec<f32>,
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
    /// Images of the candidate, drawn side by side.
    pub channels: usize,
    /// What each image is, and the overlay after them. Images without names have no heading, an
    /// overlay without one is headed Grad-CAM.
    pub names: Vec<String>,
    /// One more picture, of any size: what a network looked at.
    pub overlay: Option<RgbImage>,
    /// Above the cutout; may be empty.
    pub title: String,
    /// Below it, a line each.
    pub captions: Vec<String>,
    /// The label, which colours the frame.
    pub real: bool,
}

/// About how large a plane is drawn, in PNG pixels.
const PLANE: usize = 144;
/// Units: frame, line between planes, space between tiles, around the sheet.
const FRAME: f64 = 4.0;
const SEAM: f64 = 1.0;
const GAP: f64 = 16.0;
const MARGIN: f64 = 14.0;
/// Font sizes, and the height of a line of each.
const TEXT: (u32, f64) = (13, 19.0);
const SMALL: (u32, f64) = (11, 16.0);
/// A tile is as wide as its texts ask for, within these: an id of 19 digits fits.
const NARROWEST: f64 = 92.0;
const WIDEST_TEXT: f64 = 180.0;

/// Tiles in rows of `columns`. Each plane has its own grey scale, that of [`super::zscale`], as
/// is usual for looking at cutouts: brightness may not be compared between planes. Pixels without a value (NaN, infinite)
/// are purple. Frames are blue for real and vermillion for bogus. Texts too
/// long for their tile are cut.
pub fn gallery(tiles: &[Tile], columns: usize) -> Result<Drawing> {
    if tiles.is_empty() || columns == 0 {
        let found = format!("{} tiles in {columns} columns", tiles.len());
        return Err(Error::config(
            "gallery",
            found,
            "at least one tile and one column",
        ));
    }
    for (i, t) in tiles.iter().enumerate() {
        let shape = [t.height, t.width, t.channels];
        if t.pixels.is_empty() || t.pixels.len() != shape.iter().product::<usize>() {
            let problem = format!("tile {i} has {} pixels for its shape", t.pixels.len());
            return Err(Error::shape("gallery", problem, &[&shape]));
        }
    }
    let columns = columns.min(tiles.len());
    let rows = tiles.len().div_ceil(columns);
    let most = |of: fn(&Tile) -> f64| tiles.iter().map(of).fold(0.0, f64::max);
    let texts = most(text_room).clamp(NARROWEST, WIDEST_TEXT);
    let cell_width = most(|t| framed_size(t).0).max(texts).ceil();
    let picture = most(|t| framed_size(t).1).ceil();
    let line = |used: bool, height: f64| if used { height } else { 0.0 };
    let title = line(tiles.iter().any(|t| !t.title.is_empty()), TEXT.1);
    let lines = tiles.iter().map(|t| t.captions.len()).max().unwrap_or(0);
    let caption = lines as f64 * TEXT.1;
    let first = &tiles[..columns];
    let heading = line(first.iter().any(|t| !heads(t).is_empty()), SMALL.1);
    let cell_height = title + picture + caption;

    let across = |n: usize| n as f64 * (cell_width + GAP);
    let down = |n: usize| n as f64 * (cell_height + GAP);
    let width = 2.0 * MARGIN + across(columns) - GAP;
    let key = SMALL.1 + 8.0;
    let height = 2.0 * MARGIN + heading + down(rows) - GAP + key;
    let mut sheet = Drawing::new(width as u32, height as u32);
    for (i, tile) in tiles.iter().enumerate() {
        let (row, column) = (i / columns, i % columns);
        let middle = MARGIN + across(column) + cell_width / 2.0;
        let left = (middle - framed_size(tile).0 / 2.0).floor();
        let top = MARGIN + heading + title + down(row);
        let above = if row == 0 { top - heading } else { top };
        write_line(&mut sheet, (middle, above - 5.0), &tile.title, cell_width);
        if row == 0 {
            head_planes(&mut sheet, tile, left, top - 4.0);
        }
        draw_planes(&mut sheet, tile, left, top);
        for (line, caption) in tile.captions.iter().enumerate() {
            let y = top + picture + 15.0 + line as f64 * TEXT.1;
            write_line(&mut sheet, (middle, y), caption, cell_width);
        }
    }
    write_key(&mut sheet, tiles, height - MARGIN);
    Ok(sheet)
}

/// Units that the widest of a tile's own texts takes.
fn text_room(tile: &Tile) -> f64 {
    let texts = tile.captions.iter().chain([&tile.title]);
    texts
        .map(|text| text_width(text, TEXT.0))
        .fold(0.0, f64::max)
}

/// PNG pixels per pixel of the cutout.
fn zoom(tile: &Tile) -> usize {
    let side = tile.height.max(tile.width);
    ((PLANE + side / 2) / side).max(1)
}

/// Width and height of one plane, in units.
fn plane_size(tile: &Tile) -> (f64, f64) {
    let units = |pixels: usize| (pixels * zoom(tile)) as f64 / f64::from(PNG_SCALE);
    (units(tile.width), units(tile.height))
}

/// Width and height of all planes with their frame, in units.
fn framed_size(tile: &Tile) -> (f64, f64) {
    let (width, height) = plane_size(tile);
    let planes = (tile.channels + usize::from(tile.overlay.is_some())) as f64;
    (
        planes * width + (planes - 1.0) * SEAM + 2.0 * FRAME,
        height + 2.0 * FRAME,
    )
}

fn plane_left(tile: &Tile, left: f64, channel: usize) -> f64 {
    left + FRAME + channel as f64 * (plane_size(tile).0 + SEAM)
}

fn frame_color(real: bool) -> &'static str {
    if real {
        palette::BLUE
    } else {
        palette::VERMILLION
    }
}

fn draw_planes(sheet: &mut Drawing, tile: &Tile, left: f64, top: f64) {
    let (width, height) = framed_size(tile);
    sheet.rect(left, top, width, height, frame_color(tile.real));
    let pixels = |units: f64| (units * f64::from(PNG_SCALE)).round() as u32;
    for channel in 0..tile.channels {
        let x = pixels(plane_left(tile, left, channel));
        sheet.image(
            x,
            pixels(top + FRAME),
            zoom(tile) as u32,
            plane(tile, channel),
        );
    }
    if let Some(overlay) = &tile.overlay {
        let (width, height) = (tile.width * zoom(tile), tile.height * zoom(tile));
        let overlay = resize(overlay, width as u32, height as u32, FilterType::Nearest);
        let x = pixels(plane_left(tile, left, tile.channels));
        sheet.image(x, pixels(top + FRAME), 1, overlay);
    }
}

/// What stands over the planes.
fn heads(tile: &Tile) -> Vec<&str> {
    let mut heads: Vec<&str> = tile.names.iter().map(String::as_str).collect();
    if tile.overlay.is_some() && heads.len() <= tile.channels {
        heads.resize(tile.channels, "");
        heads.push("Grad-CAM");
    }
    heads
}

fn head_planes(sheet: &mut Drawing, tile: &Tile, left: f64, y: f64) {
    for (channel, name) in heads(tile).into_iter().enumerate() {
        let x = plane_left(tile, left, channel) + plane_size(tile).0 / 2.0;
        let font = Font {
            size: SMALL.0,
            color: palette::GREY,
            anchor: TextAnchor::Middle,
        };
        let name = cut(name, SMALL.0, plane_size(tile).0);
        sheet.text(x, y, &name, font);
    }
}

/// A line of text around `at`, cut to `room`.
pub(super) fn write_line(sheet: &mut Drawing, at: (f64, f64), text: &str, room: f64) {
    let shown = cut(text, TEXT.0, room);
    let font = Font {
        size: TEXT.0,
        color: "#000000",
        anchor: TextAnchor::Middle,
    };
    sheet.text(at.0, at.1, &shown, font);
}

/// As much of the beginning as fits.
fn cut(text: &str, size: u32, room: f64) -> String {
    let mut shown = text.to_string();
    let mut kept: Vec<char> = text.chars().collect();
    while text_width(&shown, size) > room && kept.pop().is_some() {
        shown = kept.iter().chain(['…'].iter()).collect();
    }
    shown
}

/// What the colours mean, as far as they occur.
fn write_key(sheet: &mut Drawing, tiles: &[Tile], y: f64) {
    let [r, g, b] = palette::PURPLE;
    let purple = format!("#{r:02X}{g:02X}{b:02X}");
    let entries = [
        (
            tiles.iter().any(|t| t.real),
            frame_color(true),
            "labelled real",
        ),
        (
            tiles.iter().any(|t| !t.real),
            frame_color(false),
            "labelled bogus",
        ),
        (
            tiles
                .iter()
                .any(|t| t.pixels.iter().any(|p| !p.is_finite())),
            &purple,
            "no value",
        ),
    ];
    let mut x = MARGIN;
    for (_, color, label) in entries.into_iter().filter(|e| e.0) {
        sheet.rect(x, y - 10.0, 11.0, 11.0, color);
        let font = Font {
            size: SMALL.0,
            color: palette::GREY,
            anchor: TextAnchor::Start,
        };
        sheet.text(x + 16.0, y, label, font);
        x += 34.0 + text_width(label, SMALL.0);
    }
}

/// One channel in grey.
fn plane(tile: &Tile, channel: usize) -> RgbImage {
    let channel = tile.pixels[channel..].iter().step_by(tile.channels);
    let values: Vec<f32> = channel.copied().collect();
    grey(&values, tile.width, zscale(&values))
}

/// Black at the first of `range`, white at the second; rows of `width` pixels.
pub(super) fn grey(values: &[f32], width: usize, (low, high): (f64, f64)) -> RgbImage {
    let height = values.len() / width;
    RgbImage::from_fn(width as u32, height as u32, |x, y| {
        let v = values[y as usize * width + x as usize];
        if !v.is_finite() {
            return Rgb(palette::PURPLE);
        }
        // A plane of one value is mid-grey.
        let part = if high > low {
            (f64::from(v) - low) / (high - low)
        } else {
            0.5
        };
        Rgb([(255.0 * part.clamp(0.0, 1.0)).round() as u8; 3])
    })
}

/// Nearest rank among the finite values; NaN of nothing.
pub(super) fn percentile(values: &[f32], part: f64) -> f64 {
    let mut finite: Vec<f32> = values.iter().copied().filter(|v| v.is_finite()).collect();
    finite.sort_unstable_by(f32::total_cmp);
    match finite.len() {
        0 => f64::NAN,
        n => f64::from(finite[((n - 1) as f64 * part).round() as usize]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tile(pixels: Vec<f32>) -> Tile {
        Tile {
            pixels,
            height: 1,
            width: 3,
            channels: 1,
            ..Tile::default()
        }
    }

    #[test]
    fn planes_are_stretched_and_gaps_are_purple() {
        let image = plane(&tile(vec![-5.0, f32::NAN, 15.0]), 0);
        let pixels: Vec<_> = image.pixels().map(|p| p.0).collect();
        assert_eq!(pixels, [[0; 3], palette::PURPLE, [255; 3]]);
        let flat = plane(&tile(vec![7.0; 3]), 0);
        assert!(flat.pixels().all(|p| p.0 == [128; 3]));
        let empty = plane(&tile(vec![f32::INFINITY; 3]), 0);
        assert!(empty.pixels().all(|p| p.0 == palette::PURPLE));
    }
}
