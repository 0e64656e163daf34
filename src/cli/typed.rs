//! Commands as they were typed, and as they can be typed again.

/// What was typed, to be typed again.
pub fn again() -> String {
    let words = std::env::args_os().skip(1);
    let rest = words.map(|word| quoted(&word.to_string_lossy()));
    format!("rbgpu {}", rest.collect::<Vec<_>>().join(" "))
}

/// A word as a shell takes it.
pub fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "-_./=,:+@%".contains(c);
    match !word.is_empty() && word.chars().all(plain) {
        true => word.into(),
        false => format!("'{}'", word.replace('\'', r"'\''")),
    }
}
