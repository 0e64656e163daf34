//! Reading Rust source well enough to see what it imports: comments and
//! strings put aside, groups of `use` taken apart. Not a parser.

use std::collections::BTreeMap;
use std::path::Path;

use super::root;

/// Every .rs file under a folder, by name; none where the folder is missing.
pub fn rust_files(folder: &str) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = std::fs::read_dir(&folder) else {
            continue;
        };
        for path in entries.map(|e| e.expect("a folder that can be read").path()) {
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "rs") {
                let text = std::fs::read_to_string(&path).expect("a source file that can be read");
                found.insert(name_of(&path), text);
            }
        }
    }
    found
}

/// The path from the repository's root, with forward slashes.
fn name_of(path: &Path) -> String {
    let parts = path
        .strip_prefix(root())
        .expect("a path under the root")
        .components();
    let parts: Vec<_> = parts.map(|c| c.as_os_str().to_string_lossy()).collect();
    parts.join("/")
}

/// The source with every comment, string and character blanked, and every line
/// where it was.
pub fn code_only(source: &str) -> String {
    let mut out = String::with_capacity(source.len());
    let mut rest = source;
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '/' if rest.starts_with("//") => rest.find('\n').unwrap_or(rest.len()),
            '/' if rest.starts_with("/*") => block_comment(rest),
            'r' if !ends_in_word(&out) && raw_string(rest).is_some() => raw_string(rest).unwrap(),
            '"' => string(rest),
            '\'' => character(rest),
            _ => 0,
        };
        if length == 0 {
            out.push(first);
            rest = &rest[first.len_utf8()..];
        } else {
            out.extend(
                rest[..length]
                    .chars()
                    .map(|c| if c == '\n' { '\n' } else { ' ' }),
            );
            rest = &rest[length..];
        }
    }
    out
}

/// Block comments nest.
fn block_comment(s: &str) -> usize {
    let (mut depth, mut at) = (0, 0);
    while at < s.len() {
        let here = &s.as_bytes()[at..];
        match (here.starts_with(b"/*"), here.starts_with(b"*/")) {
            (true, _) => (depth, at) = (depth + 1, at + 2),
            (_, true) => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            return at;
        }
    }
    s.len()
}

fn raw_string(s: &str) -> Option<usize> {
    let hashes = s[1..].bytes().take_while(|&b| b == b'#').count();
    let inside = s[1 + hashes..].strip_prefix('"')?;
    let end = format!("\"{}", "#".repeat(hashes));
    let length = inside.find(&end).map_or(inside.len(), |at| at + end.len());
    Some(2 + hashes + length)
}

fn string(s: &str) -> usize {
    let mut escaped = false;
    for (at, c) in s.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return at + 1,
            _ => {}
        }
    }
    s.len()
}

/// A character's length, 0 for a lifetime.
fn character(s: &str) -> usize {
    let mut chars = s[1..].char_indices();
    match chars.next() {
        Some((_, '\\')) => {
            chars.next();
            chars.find(|c| c.1 == '\'').map_or(0, |(at, _)| at + 2)
        }
        Some(_) => chars
            .next()
            .filter(|c| c.1 == '\'')
            .map_or(0, |(at, _)| at + 2),
        None => 0,
    }
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

pub fn ends_in_word(s: &str) -> bool {
    s.ends_with(is_word)
}

pub fn line_of(code: &str, at: usize) -> usize {
    1 + code[..at].matches('\n').count()
}

/// The first names of what follows a path's `::`: one, or those of a group.
fn first_names(after: &str) -> Vec<(usize, &str)> {
    let word = |at: usize| {
        let rest = &after[at..];
        let at = at + rest.len() - rest.trim_start().len();
        let length = after[at..]
            .find(|c| !is_word(c))
            .unwrap_or(after.len() - at);
        (at, &after[at..at + length])
    };
    let Some(open) = after.find('{').filter(|&at| after[..at].trim().is_empty()) else {
        return vec![word(0)];
    };
    let mut names = vec![word(open + 1)];
    let mut depth = 0;
    for (at, c) in after.char_indices().skip_while(|p| p.0 < open) {
        match c {
            '{' => depth += 1,
            '}' if depth == 1 => break,
            '}' => depth -= 1,
            ',' if depth == 1 => names.push(word(at + 1)),
            _ => {}
        }
    }
    names.retain(|n| !n.1.is_empty());
    names
}

/// Every name taken from the crate's root, with its line: `crate::x`,
/// `rbgpu::x`, groups of them, and `super::x` that climbs to the root.
pub fn imports<'a>(
    code: &'a str,
    depth: usize,
    is_layer: &dyn Fn(&str) -> bool,
) -> Vec<(usize, &'a str)> {
    let climbing = "super::".repeat(depth);
    let mut found = Vec::new();
    for (prefix, names_layers_only) in [("crate::", false), ("rbgpu::", false), (&climbing, true)] {
        for (at, _) in code.match_indices(prefix) {
            if ends_in_word(&code[..at]) || code[..at].ends_with("super::") {
                continue;
            }
            let after = &code[at + prefix.len()..];
            // An inline module (tests) climbs one step more to the same place.
            let deeper = if names_layers_only {
                after.strip_prefix("super::")
            } else {
                None
            };
            for (offset, name) in first_names(deeper.unwrap_or(after)) {
                // `super::x` may also be the file's own neighbour of that name.
                if !names_layers_only || is_layer(name) {
                    found.push((line_of(code, at + prefix.len() + offset), name));
                }
            }
        }
    }
    found
}
