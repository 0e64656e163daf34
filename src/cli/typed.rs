//! Commands as they were typed, and as they can be typed again.

use std::ffi::{OsStr, OsString};
use std::fmt::Write;

use crate::error::escape::one_line;

/// What was typed, to be typed again.
pub fn again() -> String {
    command(typed())
}

/// What goes on with the work of what was typed: with `flag`, where it takes one, and without
/// --fresh, which would begin anew.
pub fn going_on(flag: Option<&str>) -> String {
    command(adapted(typed(), flag))
}

fn typed() -> Vec<OsString> {
    std::env::args_os().skip(1).collect()
}

fn command(words: Vec<OsString>) -> String {
    let words: Vec<String> = words.iter().map(quoted).collect();
    format!("rbgpu {}", words.join(" "))
}

fn adapted(words: Vec<OsString>, flag: Option<&str>) -> Vec<OsString> {
    // Behind a lone -- there are no options.
    let end = words.iter().position(|word| word == "--");
    let (options, rest) = words.split_at(end.unwrap_or(words.len()));
    let mut all: Vec<OsString> = options.to_vec();
    all.retain(|word| word != "--fresh");
    match flag {
        Some(flag) if !all.iter().any(|word| word == flag) => all.push(flag.into()),
        _ => {}
    }
    all.extend_from_slice(rest);
    all
}

/// A word as a shell takes it. What would act on the terminal, or is no text, is written as
/// `$'\x1b'`, which bash, ksh and zsh read.
pub fn quoted(word: impl AsRef<OsStr>) -> String {
    let word = word.as_ref();
    // A `=` or `~` in front means a command or a home to some shells.
    let plain = |c: char| c.is_alphanumeric() || "-_./=,:+@%".contains(c);
    match word.to_str() {
        Some(text) if one_line(text) != text => bytes(text.as_bytes()),
        Some(text) if !text.is_empty() && !text.starts_with('=') && text.chars().all(plain) => {
            text.into()
        }
        Some(text) => format!("'{}'", text.replace('\'', r"'\''")),
        None => bytes(word.as_encoded_bytes()),
    }
}

/// Bytes in the quotes of C.
fn bytes(word: &[u8]) -> String {
    let mut made = String::from("$'");
    for &byte in word {
        match byte {
            b'\'' | b'\\' => made.extend(['\\', byte.into()]),
            b' '..=b'~' => made.push(byte.into()),
            _ => write!(made, "\\x{byte:02x}").expect("a String takes all"),
        }
    }
    made + "'"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_one_word_and_shows_nothing_else() {
        for (word, typed) in [
            ("a/b-c.npz", "a/b-c.npz"),
            ("--crop=32", "--crop=32"),
            ("", "''"),
            ("=ls", "'=ls'"),
            ("my cube.npz", "'my cube.npz'"),
            ("it's", r"'it'\''s'"),
            ("$(rm).npz", "'$(rm).npz'"),
            ("a\nb", r"$'a\x0ab'"),
            ("\u{1b}]0;it's\\", r"$'\x1b]0;it\'s\\'"),
            ("\u{202e}x", r"$'\xe2\x80\xaex'"),
        ] {
            assert_eq!(quoted(word), typed);
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_shell_reads_the_same_bytes() {
        use std::os::unix::ffi::OsStrExt;
        let word = b"a b'\\\n\x1b[1m\xff\xfe\xe2\x80\xae0";
        let script = format!("printf %s {}", quoted(OsStr::from_bytes(word)));
        // Not every machine's sh knows $''.
        let Ok(read) = std::process::Command::new("bash")
            .args(["-c", &script])
            .output()
        else {
            println!("SKIPPED: there is no bash");
            return;
        };
        assert_eq!(read.stdout, word);
    }

    fn on(line: &str, flag: Option<&str>) -> String {
        let words = line.split('|').map(OsString::from).collect();
        command(adapted(words, flag))
    }

    #[test]
    fn a_command_that_goes_on_resumes_and_does_not_begin_anew() {
        let resume = Some("--resume");
        assert_eq!(
            on("train|my cube.npz|-o|it's.safetensors", resume),
            r"rbgpu train 'my cube.npz' -o 'it'\''s.safetensors' --resume"
        );
        assert_eq!(on("train|--resume|a", resume), "rbgpu train --resume a");
        assert_eq!(
            on("train|--|--resume", resume),
            "rbgpu train --resume -- --resume"
        );
        assert_eq!(
            on("study|size|--fresh|--out|d", None),
            "rbgpu study size --out d"
        );
    }
}
