//! Text from files and users, made safe to show.
//!
//! Ids, names and paths may hold anything. On a terminal ESC recolours, moves the cursor and
//! retitles the window; a bidirectional override shows letters in another order than they have;
//! XML forbids most control characters. They are shown as `\u001b`, which JSON and JavaScript
//! read back as the same character.

use std::borrow::Cow;
use std::fmt::Write;
use std::path::Path;

/// Whether `c` changes what is shown around it, or may not stand in XML. Line feed and tab are
/// among them.
fn is_active(c: char) -> bool {
    // Controls are C0, DEL and C1.
    c.is_control()
        || matches!(c,
            // Marks, embeddings, overrides and isolates of bidirectional text.
            '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
            // Line and paragraph separators.
            | '\u{2028}' | '\u{2029}'
            // No characters; XML forbids the last two.
            | '\u{feff}' | '\u{fffe}' | '\u{ffff}')
}

fn replaced(text: &str, active: impl Fn(char) -> bool) -> Cow<'_, str> {
    if !text.contains(&active) {
        return Cow::Borrowed(text);
    }
    let mut made = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match active(c) {
            true => write!(made, "\\u{:04x}", c as u32).expect("a String takes all"),
            false => made.push(c),
        }
    }
    Cow::Owned(made)
}

/// A whole text, whose line feeds and tabs are meant.
pub fn escaped(text: &str) -> Cow<'_, str> {
    replaced(text, |c| is_active(c) && c != '\n' && c != '\t')
}

/// An id, a name, a cell of a table: line feeds and tabs are escaped too.
pub fn one_line(text: &str) -> Cow<'_, str> {
    replaced(text, is_active)
}

/// A path on one line.
pub fn shown(path: &Path) -> String {
    one_line(&path.to_string_lossy()).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_acts_on_a_terminal_or_is_no_xml_is_escaped() {
        for (text, safe) in [
            ("\u{1b}[31mred", "\\u001b[31mred"),
            ("\u{9b}2J", "\\u009b2J"),
            ("a\rb\u{7}\u{0}\u{7f}", "a\\u000db\\u0007\\u0000\\u007f"),
            ("\u{202e}gnp.\u{2066}", "\\u202egnp.\\u2066"),
            ("x\u{ffff}", "x\\uffff"),
        ] {
            assert_eq!(escaped(text), safe);
            assert_eq!(one_line(text), safe);
        }
        assert_eq!(escaped("a\n\tb"), "a\n\tb");
        assert_eq!(one_line("a\n\tb"), "a\\u000a\\u0009b");
        assert_eq!(shown(Path::new("a\nb.fits")), "a\\u000ab.fits");
    }

    #[test]
    fn letters_of_all_scripts_stay() {
        let plain = "ZTF18abc é 星 ناجي 👩‍🚀 \"<&>\"";
        assert!(matches!(escaped(plain), Cow::Borrowed(p) if p == plain));
    }

    #[test]
    fn escaped_json_is_the_same_json() {
        let value = serde_json::json!({ "id": "\u{202e}a\u{1b}\u{85}" });
        let text = value.to_string();
        let read: serde_json::Value = serde_json::from_str(&escaped(&text)).unwrap();
        assert_eq!(read, value);
    }
}
