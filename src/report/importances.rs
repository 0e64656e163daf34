//! How much each feature does for a forest.

use kuva::render::render::TextAnchor;

use super::drawing::{Drawing, Font, text_width};
use super::palette;
use crate::{Error, Result};

const LINE: f64 = 22.0;
const BAR: f64 = 360.0;
const SIZE: u32 = 14;

/// A bar for each feature (name, importance from 0 to 1), in the order given, with its number.
pub fn importances(features: &[(&str, f64)], title: &str) -> Result<Drawing> {
    let most = features.iter().map(|f| f.1).fold(0.0, f64::max);
    let is_number = |f: &(&str, f64)| f.1.is_finite() && f.1 >= 0.0;
    if features.is_empty() || !features.iter().all(is_number) {
        let expected = "at least one feature, importances from 0 on";
        return Err(Error::config("figure of importances", "others", expected));
    }
    let names = features
        .iter()
        .map(|f| text_width(f.0, SIZE))
        .fold(0.0, f64::max);
    let left = names + 24.0;
    let width = (left + BAR + 80.0).max(text_width(title, 16) + 40.0);
    let top = 56.0;
    let height = top + LINE * features.len() as f64 + 44.0;
    let mut drawing = Drawing::new(width as u32, height as u32);
    drawing.rect(0.0, 0.0, drawing.width(), drawing.height(), "#FFFFFF");
    let font = |size, color, anchor| Font {
        size,
        color,
        anchor,
    };
    let black = "#000000";
    let middle = drawing.width() / 2.0;
    drawing.text(middle, 30.0, title, font(16, black, TextAnchor::Middle));
    for (i, (name, value)) in features.iter().enumerate() {
        let y = top + LINE * i as f64;
        let long = if most > 0.0 { BAR * value / most } else { 0.0 };
        drawing.text(
            left - 10.0,
            y + 14.0,
            name,
            font(SIZE, black, TextAnchor::End),
        );
        drawing.rect(left, y + 2.0, long.max(0.5), LINE - 6.0, palette::BLUE);
        let number = format!("{value:.3}");
        let at = left + long + 8.0;
        drawing.text(
            at,
            y + 14.0,
            &number,
            font(SIZE, palette::GREY, TextAnchor::Start),
        );
    }
    let y = top + LINE * features.len() as f64 + 24.0;
    let below = "mean decrease in impurity; all together 1";
    drawing.text(left, y, below, font(SIZE, palette::GREY, TextAnchor::Start));
    Ok(drawing)
}
