//! A picture as part of a page: its colours are the page's, and its ids are its own.

use crate::Result;
use crate::report::{Drawing, palette};

/// Colours as they stand in the SVG and the name they have in style.css, where each has one
/// value for light and one for dark.
fn names() -> Vec<(String, String)> {
    let mut names: Vec<(String, String)> = [
        ("black", "ink"),
        ("#000000", "ink"),
        ("white", "paper"),
        ("#FFFFFF", "paper"),
        ("#DDDDDD", "grid"),
        (palette::GREY, "quiet"),
        (palette::BLUE, "blue"),
        (palette::VERMILLION, "vermillion"),
        (palette::GREEN, "green"),
        (palette::MAUVE, "mauve"),
        (palette::ORANGE, "orange"),
        (palette::SKY, "sky"),
    ]
    .map(|(color, name)| (color.to_ascii_lowercase(), name.to_string()))
    .to_vec();
    for (i, color) in palette::ORDERED.iter().enumerate() {
        names.push((color.to_ascii_lowercase(), format!("s{i}")));
    }
    names
}

/// The SVG element with `name` before its ids. `title` is what those hear who cannot see it.
pub(super) fn inline(drawing: &Drawing, name: &str, title: &str) -> Result<String> {
    let mut svg = drawing.svg()?;
    for (color, variable) in names() {
        for attribute in ["fill", "stroke"] {
            let plain = format!("{attribute}=\"{color}\"");
            let named = format!("{attribute}=\"var(--{variable},{color})\"");
            svg = svg.replace(&plain, &named);
        }
    }
    for (before, after) in [("id=\"", "\""), ("url(#", ")"), ("href=\"#", "\"")] {
        svg = prefixed(&svg, before, after, name);
    }
    let label = maud::html! { (title) }.into_string().replace('"', "&quot;");
    let head = format!("<svg role=\"img\" aria-label=\"{label}\" ");
    Ok(svg.replacen("<svg ", &head, 1))
}

/// Puts `name` and a dash before what stands between `before` and `after`.
fn prefixed(svg: &str, before: &str, after: &str, name: &str) -> String {
    let mut parts = svg.split(before);
    let mut made = parts.next().unwrap_or_default().to_string();
    for part in parts {
        made.push_str(before);
        // A colour's url or an id never holds a blank; a text that looks like one stays.
        let end = part.find(after).unwrap_or(0);
        if !part[..end].contains(char::is_whitespace) && end > 0 {
            made.push_str(name);
            made.push('-');
        }
        made.push_str(part);
    }
    made
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_and_what_points_at_them_stay_together() {
        let svg = "<clipPath id=\"a\"/><g clip-path=\"url(#a)\"/><use href=\"#a\"/>";
        let mut made = svg.to_string();
        for (before, after) in [("id=\"", "\""), ("url(#", ")"), ("href=\"#", "\"")] {
            made = prefixed(&made, before, after, "roc");
        }
        let expected =
            "<clipPath id=\"roc-a\"/><g clip-path=\"url(#roc-a)\"/><use href=\"#roc-a\"/>";
        assert_eq!(made, expected);
    }

    #[test]
    fn every_colour_has_two_values() {
        let css = include_str!("style.css");
        for (_, name) in names() {
            let times = css.matches(&format!("--{name}: #")).count();
            assert_eq!(times, 2, "--{name}");
        }
    }
}
