//! Commands as they were typed, and as they can be typed again.

/// What was typed, to be typed again.
pub fn again() -> String {
    command(typed())
}

/// What goes on with the work of what was typed: with `flag`, where it takes one, and without
/// --fresh, which would begin anew.
pub fn going_on(flag: Option<&str>) -> String {
    command(adapted(typed(), flag))
}

fn typed() -> Vec<String> {
    let words = std::env::args_os().skip(1);
    words
        .map(|word| word.to_string_lossy().into_owned())
        .collect()
}

fn command(words: Vec<String>) -> String {
    let words: Vec<String> = words.iter().map(|word| quoted(word)).collect();
    format!("rbgpu {}", words.join(" "))
}

fn adapted(words: Vec<String>, flag: Option<&str>) -> Vec<String> {
    // Behind a lone -- there are no options.
    let end = words.iter().position(|word| word == "--");
    let (options, rest) = words.split_at(end.unwrap_or(words.len()));
    let mut all: Vec<String> = options.to_vec();
    all.retain(|word| word != "--fresh");
    match flag {
        Some(flag) if !all.iter().any(|word| word == flag) => all.push(flag.into()),
        _ => {}
    }
    all.extend_from_slice(rest);
    all
}

/// A word as a shell takes it.
pub fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "-_./=,:+@%".contains(c);
    match !word.is_empty() && word.chars().all(plain) {
        true => word.into(),
        false => format!("'{}'", word.replace('\'', r"'\''")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn on(line: &str, flag: Option<&str>) -> String {
        let words = line.split('|').map(String::from).collect();
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
