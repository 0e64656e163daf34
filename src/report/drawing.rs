//! A picture that can be saved as SVG or PNG.

use std::io::{Cursor, Write};
use std::path::Path;

use image::{ImageFormat, RgbImage, imageops};
use kuva::backend::raster::RasterBackend;
use kuva::backend::svg::SvgBackend;
use kuva::render::color::Color;
use kuva::render::render::{PathData, Primitive, Scene, TextAnchor};

use crate::data::atomic::atomic_write;
use crate::error::escape::{escaped, one_line};
use crate::{Error, Result};

/// PNG pixels per unit of the drawing.
pub(super) const PNG_SCALE: u32 = 2;

/// Lines, text and images, in units of about one screen pixel.
#[derive(Debug)]
pub struct Drawing {
    scene: Scene,
    images: Vec<Placed>,
}

/// In PNG pixels.
#[derive(Debug)]
struct Placed {
    x: u32,
    y: u32,
    zoom: u32,
    image: RgbImage,
}

/// The look of a piece of text.
pub(super) struct Font<'a> {
    pub size: u32,
    pub color: &'a str,
    pub anchor: TextAnchor,
}

impl Drawing {
    pub(super) fn new(width: u32, height: u32) -> Drawing {
        Drawing::from_scene(Scene::new(width.into(), height.into()))
    }

    pub(super) fn from_scene(mut scene: Scene) -> Drawing {
        scene.font_family = Some("DejaVu Sans, Verdana, Arial, sans-serif".into());
        Drawing {
            scene,
            images: Vec::new(),
        }
    }

    /// Adds room below; returns where it begins.
    pub(super) fn grow(&mut self, height: f64) -> f64 {
        self.scene.height += height;
        self.scene.height - height
    }

    /// Width in units.
    pub fn width(&self) -> f64 {
        self.scene.width
    }

    /// Height in units.
    pub fn height(&self) -> f64 {
        self.scene.height
    }

    pub(super) fn text(&mut self, x: f64, y: f64, content: &str, font: Font) {
        // kuva takes $...$ for mathematics.
        self.scene.add(Primitive::Text {
            x,
            y,
            content: one_line(content).replace('$', "\\$"),
            size: font.size,
            anchor: font.anchor,
            rotate: None,
            bold: false,
            color: Some(font.color.into()),
        });
    }

    /// A filled rectangle.
    pub(super) fn rect(&mut self, x: f64, y: f64, width: f64, height: f64, fill: &str) {
        self.scene.add(Primitive::Rect {
            x,
            y,
            width,
            height,
            fill: fill.into(),
            stroke: None,
            stroke_width: None,
            opacity: None,
        });
    }

    /// A rectangle through which one sees, from 0 to 1.
    pub(super) fn tint(&mut self, [x, y, width, height]: [f64; 4], fill: &str, tint: f64) {
        self.scene.add(Primitive::Rect {
            x,
            y,
            width,
            height,
            fill: fill.into(),
            stroke: None,
            stroke_width: None,
            opacity: Some(tint),
        });
    }

    /// A horizontal or slanted line, dashed as in SVG ("6 4").
    pub(super) fn line(
        &mut self,
        from: (f64, f64),
        to: (f64, f64),
        color: &str,
        dash: Option<&str>,
    ) {
        self.scene.add(Primitive::Line {
            x1: from.0,
            y1: from.1,
            x2: to.0,
            y2: to.1,
            stroke: color.into(),
            stroke_width: 2.5,
            stroke_dasharray: dash.map(String::from),
        });
    }

    /// A disc, or a square of the same width.
    pub(super) fn marker(&mut self, x: f64, y: f64, r: f64, color: &str, square: bool) {
        if square {
            return self.rect(x - r, y - r, 2.0 * r, 2.0 * r, color);
        }
        self.scene.add(Primitive::Circle {
            cx: x,
            cy: y,
            r,
            fill: Color::from(color),
            fill_opacity: None,
            stroke: None,
            stroke_width: None,
        });
    }

    /// A filled shape with these corners.
    pub(super) fn polygon(&mut self, corners: &[(f64, f64)], color: &str) {
        let mut d = String::new();
        for (i, (x, y)) in corners.iter().enumerate() {
            let step = if i == 0 { "M" } else { " L" };
            d.push_str(&format!("{step} {x:.2} {y:.2}"));
        }
        self.scene.add(Primitive::Path(Box::new(PathData {
            d: d + " Z",
            fill: Some(color.into()),
            stroke: color.into(),
            stroke_width: 0.5,
            opacity: None,
            stroke_dasharray: None,
        })));
    }

    /// An image on top of everything drawn, each of its pixels a square of
    /// `zoom` PNG pixels; so are `x` and `y`, and stamps stay sharp.
    pub(super) fn image(&mut self, x: u32, y: u32, zoom: u32, image: RgbImage) {
        self.images.push(Placed { x, y, zoom, image });
    }

    /// As SVG. Images are embedded.
    pub fn svg(&self) -> Result<String> {
        let mut svg = numbered(&SvgBackend::new().render_scene(&self.scene));
        // kuva leaves it out, and a picture without it is cut rather than scaled.
        let (width, height) = (self.width(), self.height());
        let view = format!(r#"<svg viewBox="0 0 {width} {height}" "#);
        svg = svg.replacen("<svg ", &view, 1);
        let end = svg.rfind("</svg>").unwrap_or(svg.len());
        svg.truncate(end);
        for Placed { x, y, zoom, image } in &self.images {
            let [x, y, width, height] = [*x, *y, image.width() * zoom, image.height() * zoom]
                .map(|pixels| f64::from(pixels) / f64::from(PNG_SCALE));
            let data = base64(&encode_png(image)?);
            svg.push_str(&format!(
                r#"<image x="{x}" y="{y}" width="{width}" height="{height}" style="image-rendering:pixelated" href="data:image/png;base64,{data}"/>"#
            ));
        }
        svg.push_str("</svg>\n");
        // kuva escapes what XML gives a meaning, and leaves what XML has no characters for.
        Ok(escaped(&svg).into_owned())
    }

    /// As PNG, two pixels per unit.
    pub fn png(&self) -> Result<Vec<u8>> {
        let scene = RasterBackend::new()
            .with_scale(PNG_SCALE as f32)
            .render_scene(&self.scene);
        let png = scene.map_err(|problem| cannot_draw(&problem))?;
        if self.images.is_empty() {
            return Ok(png);
        }
        let canvas = image::load_from_memory_with_format(&png, ImageFormat::Png);
        let mut canvas = canvas.map_err(|e| cannot_draw(&e.to_string()))?.into_rgb8();
        for Placed { x, y, zoom, image } in &self.images {
            let (width, height) = (image.width() * zoom, image.height() * zoom);
            let large = imageops::resize(image, width, height, imageops::FilterType::Nearest);
            imageops::replace(&mut canvas, &large, i64::from(*x), i64::from(*y));
        }
        encode_png(&canvas)
    }

    /// Writes SVG or PNG, as the name ends. The file is there whole or not at
    /// all: it is written beside its place and renamed.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        let path = path.as_ref();
        let ending = path
            .extension()
            .and_then(|e| e.to_str())
            .unwrap_or_default();
        let bytes = match ending.to_ascii_lowercase().as_str() {
            "svg" => self.svg()?.into_bytes(),
            "png" => self.png()?,
            _ => {
                let found = path.display().to_string();
                return Err(Error::config(
                    "picture file",
                    found,
                    "a name ending in .svg or .png",
                ));
            }
        };
        atomic_write(path, |file| file.write_all(&bytes))
    }
}

/// About how wide DejaVu Sans sets a text, rather more than less. (kuva knows
/// exactly and keeps it to itself.)
pub(super) fn text_width(text: &str, size: u32) -> f64 {
    let em = |c: char| match c {
        'i' | 'j' | 'l' | 'I' | '.' | ',' | ':' | ';' | '\'' | '|' | '!' | ' ' => 0.33,
        'f' | 'r' | 't' | '(' | ')' | '[' | ']' | '-' | '/' => 0.41,
        'm' | 'w' | 'M' | 'W' | '@' | '%' | '…' => 1.0,
        c if c.is_ascii_uppercase() => 0.73,
        c if c.is_ascii() => 0.63,
        _ => 1.0,
    };
    f64::from(size) * text.chars().map(em).sum::<f64>()
}

/// kuva counts its clip paths over the life of the program: the same drawing would not be the
/// same file twice. Here they count from 1.
fn numbered(svg: &str) -> String {
    const MARK: &str = "kuva-clip-";
    let mut seen: Vec<&str> = Vec::new();
    let mut parts = svg.split(MARK);
    let mut made = parts.next().unwrap_or_default().to_string();
    for part in parts {
        let end = part.find(|c: char| !c.is_ascii_digit());
        let (number, rest) = part.split_at(end.unwrap_or(part.len()));
        let at = seen.iter().position(|n| *n == number).unwrap_or(seen.len());
        if at == seen.len() {
            seen.push(number);
        }
        made.push_str(&format!("clip-{}{rest}", at + 1));
    }
    made
}

fn encode_png(image: &RgbImage) -> Result<Vec<u8>> {
    let mut png = Cursor::new(Vec::new());
    image
        .write_to(&mut png, ImageFormat::Png)
        .map_err(|e| cannot_draw(&e.to_string()))?;
    Ok(png.into_inner())
}

fn cannot_draw(problem: &str) -> Error {
    Error::config(
        "picture",
        problem,
        "something that can be drawn; are there too many tiles?",
    )
}

/// RFC 4648, with padding.
fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let at = |i: usize| u32::from(chunk.get(i).copied().unwrap_or(0));
        let bits = at(0) << 16 | at(1) << 8 | at(2);
        for digit in 0..4 {
            let value = bits >> (18 - 6 * digit) & 63;
            out.push(if digit > chunk.len() {
                '='
            } else {
                DIGITS[value as usize] as char
            });
        }
    }
    out
}

#[cfg(test)]
mod tests {
    #[test]
    fn base64_of_the_standard_s_own_examples() {
        let examples = [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
        ];
        for (plain, coded) in examples {
            assert_eq!(super::base64(plain.as_bytes()), coded);
        }
    }
}
