//! Maps of what a network looks at, laid over the cutouts: Grad-CAM, saliency, occlusion.

use colorous::Gradient;
use image::imageops::{FilterType, resize};
use image::{Rgb, RgbImage};
use kuva::render::render::TextAnchor;

use super::drawing::{Drawing, Font, PNG_SCALE, text_width};
use super::gallery::{grey, percentile, write_line};
use super::palette;
use super::zscale::zscale;
use crate::{Error, Result};

/// The colours of a map.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scale {
    /// From 0 to 1: dark blue by way of red to yellow ("plasma"), even steps to the eye, in grey
    /// and for the colour-blind.
    Heat,
    /// From -1 to 1: purple, white, orange.
    Signed,
}

impl Scale {
    /// The colour of `value`; one that is no number has the colour of missing pixels.
    pub fn color(self, value: f32) -> [u8; 3] {
        if value.is_nan() {
            return palette::PURPLE;
        }
        let (gradient, part): (Gradient, f32) = match self {
            Scale::Heat => (colorous::PLASMA, value),
            Scale::Signed => (colorous::PURPLE_ORANGE, (1.0 - value) / 2.0),
        };
        let color = gradient.eval_continuous(f64::from(part.clamp(0.0, 1.0)));
        [color.r, color.g, color.b]
    }

    /// The colour of `value` over a stamp, and how much of the stamp it covers: nothing where
    /// the map has nothing. Weak signed values have the colours of stronger ones, which on
    /// grey would be white.
    fn laid_over(self, value: f32) -> ([u8; 3], f32) {
        let size = if value.is_nan() { 1.0 } else { value.abs() };
        let cover = 0.75 * size.clamp(0.0, 1.0).powf(0.7);
        match self {
            Scale::Heat => (self.color(value), cover),
            Scale::Signed => (
                self.color(value.signum() * (0.4 + 0.6 * value.abs())),
                cover,
            ),
        }
    }

    fn ends(self) -> [&'static str; 2] {
        match self {
            Scale::Heat => ["0", "1"],
            Scale::Signed => ["-1", "1"],
        }
    }
}

/// Image `channel` of a cutout (H, W, C) in grey, as in a gallery.
///
/// # Panics
/// If `values` is not of that shape.
pub fn stamp(values: &[f32], [height, width, channels]: [usize; 3], channel: usize) -> RgbImage {
    assert_eq!(values.len(), height * width * channels, "a whole cutout");
    let image = values[channel..].iter().step_by(channels);
    let values: Vec<f32> = image.copied().collect();
    grey(&values, width, zscale(&values))
}

/// `map` (h, w) in colours, a pixel each.
pub fn colors(map: &[f32], [height, width]: [usize; 2], scale: Scale) -> RgbImage {
    RgbImage::from_fn(width as u32, height as u32, |x, y| {
        Rgb(scale.color(map[y as usize * width + x as usize]))
    })
}

/// The 99.5th percentile of `map`, and 1 if that is 0: what is drawn brightest where a pixel or two
/// would leave all others dark.
pub fn brightest(map: &[f32]) -> f32 {
    match percentile(map, 0.995) {
        top if top > 0.0 => top as f32,
        _ => 1.0,
    }
}

/// `map` (h, w), from 0 to 1, over the stamp `over`, to whose size it is enlarged
/// as [`enlarged`] does.
pub fn heat(map: &[f32], shape: [usize; 2], over: &RgbImage) -> RgbImage {
    overlay(map, shape, over, Scale::Heat)
}

/// As [`heat`], in the colours of `scale`.
pub fn overlay(map: &[f32], shape: [usize; 2], over: &RgbImage, scale: Scale) -> RgbImage {
    let size = [over.height() as usize, over.width() as usize];
    let map = enlarged(map, shape, size);
    RgbImage::from_fn(over.width(), over.height(), |x, y| {
        let value = map[y as usize * size[1] + x as usize];
        let (color, cover) = scale.laid_over(value);
        let below = over.get_pixel(x, y).0;
        let mixed = |i: usize| {
            let part = f32::from(below[i]) * (1.0 - cover) + f32::from(color[i]) * cover;
            part.round() as u8
        };
        Rgb([0, 1, 2].map(mixed))
    })
}

/// `map` (h, w) at `to` (H, W) pixels: bilinear between the middles of its pixels and constant
/// beyond the outermost, as TensorFlow's `image.resize` and scikit-image's `resize` of order 1
/// with mode "edge" have it.
pub fn enlarged(map: &[f32], from: [usize; 2], to: [usize; 2]) -> Vec<f32> {
    // For each pixel: the two it lies between, and how far it is from the first.
    let places = |from: usize, to: usize| -> Vec<(usize, usize, f32)> {
        let last = from.saturating_sub(1);
        let place = |i: usize| {
            let at = (i as f64 + 0.5) * from as f64 / to as f64 - 0.5;
            let at = at.clamp(0.0, last as f64);
            let first = at as usize;
            (first, (first + 1).min(last), (at - first as f64) as f32)
        };
        (0..to).map(place).collect()
    };
    let (rows, columns) = (places(from[0], to[0]), places(from[1], to[1]));
    let at = |row: usize, column: usize| map[row * from[1] + column];
    let mut out = Vec::with_capacity(to[0] * to[1]);
    for (top, bottom, down) in rows {
        for (left, right, across) in &columns {
            let upper = at(top, *left) * (1.0 - across) + at(top, *right) * across;
            let lower = at(bottom, *left) * (1.0 - across) + at(bottom, *right) * across;
            out.push(upper * (1.0 - down) + lower * down);
        }
    }
    out
}

/// One picture of a strip.
#[derive(Clone, Debug)]
pub struct Panel {
    /// Above it; may be empty.
    pub heading: String,
    /// Enlarged to the size of the strip's first.
    pub image: RgbImage,
}

/// One candidate: pictures side by side.
#[derive(Clone, Debug)]
pub struct Strip {
    /// Above them.
    pub title: String,
    /// Below them.
    pub caption: String,
    /// The label, which colours the frame; grey where there is none.
    pub real: Option<bool>,
    /// From the left; at least one.
    pub panels: Vec<Panel>,
}

/// About how tall a panel is drawn, in PNG pixels, and how wide at most.
const PANEL: [usize; 2] = [144, 320];
const FRAME: f64 = 4.0;
const SEAM: f64 = 1.0;
const GAP: f64 = 16.0;
const MARGIN: f64 = 14.0;
const TEXT_LINE: f64 = 19.0;
const SMALL: (u32, f64) = (11, 16.0);
/// Width and height of the colour bar, in units.
const BAR: (f64, f64) = (160.0, 11.0);
/// About how wide a sheet is.
const SHEET: f64 = 960.0;

/// `strips`, which are alike, in as many columns as fit on a page, with the colours of `scale` below
/// and `meaning`, what a value of 1 is.
pub fn sheet(strips: &[Strip], scale: Scale, meaning: &str) -> Result<Drawing> {
    let Some(first) = strips.first().filter(|s| !s.panels.is_empty()) else {
        return Err(Error::config("sheet", "nothing", "at least one candidate"));
    };
    let (width, height) = strip_size(first);
    let columns = ((SHEET - 2.0 * MARGIN + GAP) / (width + GAP)) as usize;
    let columns = columns.clamp(1, strips.len());
    let rows = strips.len().div_ceil(columns);
    let across = |n: usize| n as f64 * (width + GAP);
    let cell = height + 2.0 * TEXT_LINE + SMALL.1;
    let key = BAR.1 + 20.0;
    let bar_text = format!("{}  {meaning}", scale.ends()[1]);
    let bar_width = 30.0 + BAR.0 + text_width(&bar_text, SMALL.0);
    let total = (across(columns) - GAP).max(bar_width) + 2.0 * MARGIN;
    let tall = 2.0 * MARGIN + rows as f64 * (cell + GAP) + key;
    let mut sheet = Drawing::new(total.ceil() as u32, tall.ceil() as u32);
    for (i, strip) in strips.iter().enumerate() {
        let left = MARGIN + across(i % columns);
        let top = MARGIN + (i / columns) as f64 * (cell + GAP);
        draw(&mut sheet, strip, left, top);
    }
    draw_key(&mut sheet, strips, scale, &bar_text, tall - MARGIN);
    Ok(sheet)
}

/// PNG pixels per pixel of the strip's first panel.
fn zoom(strip: &Strip) -> usize {
    let image = &strip.panels[0].image;
    let (height, width) = (image.height() as usize, image.width() as usize);
    let by_height = (PANEL[0] + height / 2) / height.max(1);
    by_height.min(PANEL[1] / width.max(1)).max(1)
}

/// Of a panel, in PNG pixels.
fn panel_size(strip: &Strip) -> (u32, u32) {
    let (image, zoom) = (&strip.panels[0].image, zoom(strip) as u32);
    (image.width() * zoom, image.height() * zoom)
}

/// Of all panels with their frame, in units.
fn strip_size(strip: &Strip) -> (f64, f64) {
    let (width, height) = panel_size(strip);
    let (panels, units) = (strip.panels.len() as f64, f64::from(PNG_SCALE));
    (
        panels * f64::from(width) / units + (panels - 1.0) * SEAM + 2.0 * FRAME,
        f64::from(height) / units + 2.0 * FRAME,
    )
}

fn frame_color(real: Option<bool>) -> &'static str {
    match real {
        Some(true) => palette::BLUE,
        Some(false) => palette::VERMILLION,
        None => "#999999",
    }
}

fn small(anchor: TextAnchor) -> Font<'static> {
    Font {
        size: SMALL.0,
        color: palette::GREY,
        anchor,
    }
}

fn draw(sheet: &mut Drawing, strip: &Strip, left: f64, top: f64) {
    let (width, height) = strip_size(strip);
    let (panel_width, panel_height) = panel_size(strip);
    let middle = left + width / 2.0;
    write_line(sheet, (middle, top + 14.0), &strip.title, width);
    let picture = top + TEXT_LINE + SMALL.1;
    sheet.rect(left, picture, width, height, frame_color(strip.real));
    let pixels = |units: f64| (units * f64::from(PNG_SCALE)).round() as u32;
    let wide = f64::from(panel_width) / f64::from(PNG_SCALE);
    for (i, panel) in strip.panels.iter().enumerate() {
        let x = left + FRAME + i as f64 * (wide + SEAM);
        let heading = (x + wide / 2.0, picture - 4.0);
        sheet.text(
            heading.0,
            heading.1,
            &panel.heading,
            small(TextAnchor::Middle),
        );
        let image = resize(&panel.image, panel_width, panel_height, FilterType::Nearest);
        sheet.image(pixels(x), pixels(picture + FRAME), 1, image);
    }
    let below = picture + height + 15.0;
    write_line(sheet, (middle, below), &strip.caption, width);
}

/// The colours, and what the frames mean.
fn draw_key(sheet: &mut Drawing, strips: &[Strip], scale: Scale, text: &str, y: f64) {
    let [low, _] = scale.ends();
    let top = y - BAR.1;
    let mut x = MARGIN + text_width(low, SMALL.0) + 4.0;
    sheet.text(MARGIN, y - 1.0, low, small(TextAnchor::Start));
    let pixels = |units: f64| (units * f64::from(PNG_SCALE)).round() as u32;
    let (width, height) = (pixels(BAR.0), pixels(BAR.1));
    let bar = RgbImage::from_fn(width, height, |x, _| {
        let part = (x as f32 + 0.5) / width as f32;
        Rgb(scale.color(match scale {
            Scale::Heat => part,
            Scale::Signed => 2.0 * part - 1.0,
        }))
    });
    sheet.image(pixels(x), pixels(top), 1, bar);
    x += BAR.0 + 5.0;
    sheet.text(x, y - 1.0, text, small(TextAnchor::Start));
    x += text_width(text, SMALL.0) + 24.0;
    let labels = [
        (Some(true), "labelled real"),
        (Some(false), "labelled bogus"),
        (None, "no label"),
    ];
    for (real, label) in labels {
        let room = x + 16.0 + text_width(label, SMALL.0) <= sheet.width() - MARGIN;
        if room && strips.iter().any(|s| s.real == real) {
            sheet.rect(x, top, 11.0, 11.0, frame_color(real));
            sheet.text(x + 16.0, y - 1.0, label, small(TextAnchor::Start));
            x += 34.0 + text_width(label, SMALL.0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn enlarged_as_tensorflow_and_scikit_image_do() {
        // tf.image.resize([[0, 1], [2, 3]], (4, 4)), the same as skimage's.
        let want = [
            0.0, 0.25, 0.75, 1.0, 0.5, 0.75, 1.25, 1.5, 1.5, 1.75, 2.25, 2.5, 2.0, 2.25, 2.75, 3.0,
        ];
        assert_eq!(enlarged(&[0.0, 1.0, 2.0, 3.0], [2, 2], [4, 4]), want);
        let same = [0.5, 1.0, 0.0];
        assert_eq!(enlarged(&same, [1, 3], [1, 3]), same);
        assert_eq!(enlarged(&[2.0], [1, 1], [2, 2]), [2.0; 4]);
    }

    #[test]
    fn a_stamp_is_seen_where_a_map_has_nothing() {
        let over = RgbImage::from_pixel(2, 1, Rgb([128; 3]));
        let drawn = overlay(&[0.0, -1.0], [1, 2], &over, Scale::Signed);
        assert_eq!(drawn.get_pixel(0, 0).0, [128; 3]);
        assert_ne!(drawn.get_pixel(1, 0).0, [128; 3]);
        let hot = heat(&[0.0, 1.0], [1, 2], &over);
        assert_ne!(hot.get_pixel(0, 0).0, hot.get_pixel(1, 0).0);
    }
}
