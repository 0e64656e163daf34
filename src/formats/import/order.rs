//! The order in which PyTorch's files keep tensors: that of the state dict.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use safetensors::tensor::Metadata;
use zip::ZipArchive;

/// Bytes that are searched for names: a pickle has kilobytes, and stands before the weights.
const MOST: u64 = 16 << 20;

/// Pickle's opcodes for a text: its length as u32 or u8, then UTF-8.
const BINUNICODE: u8 = b'X';
const SHORT_BINUNICODE: u8 = 0x8c;

/// The tensors `names` in the order in which the pickle at `path` first mentions them. A dict is
/// pickled in its own order, which the reader's map loses. `None` if one of them is not found.
pub fn by_pickle<'a>(path: &Path, names: impl Iterator<Item = &'a str>) -> Option<Vec<String>> {
    let bytes = pickle(path)?;
    let mentioned = mentioned(&bytes);
    // The reader puts the keys of outer dicts before a name, with dots between.
    let place = |name: &str| {
        let dots = name.match_indices('.').map(|(at, _)| at + 1);
        let mut ends = std::iter::once(0).chain(dots).map(|from| &name[from..]);
        ends.find_map(|end| mentioned.get(end).copied())
    };
    let mut places: Vec<(usize, String)> = names
        .map(|name| Some((place(name)?, name.to_string())))
        .collect::<Option<_>>()?;
    places.sort();
    Some(places.into_iter().map(|(_, name)| name).collect())
}

/// The tensors of a safetensors file in the order of their bytes. The usual writer sorts those of
/// one type by name, which says nothing of layers: `None`.
pub fn by_offsets(header: &Metadata) -> Option<Vec<String>> {
    let names = header.offset_keys();
    let dtype = |name: &String| header.info(name).map(|info| info.dtype);
    let sorted = names.is_sorted_by(|a, b| dtype(a) != dtype(b) || a <= b);
    (!sorted).then_some(names)
}

/// `modules` in the order in which their first `tensors` stand, and whether there is one; else by
/// their names.
pub fn ordered<'a>(
    modules: impl Iterator<Item = &'a String>,
    tensors: Option<&[String]>,
) -> (Vec<&'a String>, bool) {
    let mut modules: Vec<&String> = modules.collect();
    modules.sort_by(|a, b| natural(a, b));
    // Tensors are called as in the file, with the name of a nest before the module's own.
    let place = |module: &String| {
        let own = |tensor: &String| {
            let of = tensor.rsplit_once('.').map_or("", |(of, _)| of);
            let nest = of.strip_suffix(module.as_str());
            nest.is_some_and(|nest| nest.is_empty() || nest.ends_with('.'))
        };
        tensors?.iter().position(own)
    };
    let places: Option<Vec<usize>> = modules.iter().map(|module| place(module)).collect();
    let Some(places) = places else {
        return (modules, false);
    };
    let mut both: Vec<(usize, &String)> = places.into_iter().zip(modules).collect();
    both.sort_by_key(|(place, _)| *place);
    (both.into_iter().map(|(_, module)| module).collect(), true)
}

/// Letters by their order, digits by the number they make.
fn natural(a: &str, b: &str) -> Ordering {
    let parts = |text: &str| -> Vec<(String, usize)> {
        let cut = |part: &str| {
            let digits = part.len() - part.trim_end_matches(|c: char| c.is_ascii_digit()).len();
            let (word, number) = part.split_at(part.len() - digits);
            (word.to_string(), number.parse().unwrap_or(0))
        };
        text.split(['.', '_']).map(cut).collect()
    };
    parts(a).cmp(&parts(b)).then_with(|| a.cmp(b))
}

/// The pickle of a .pth: a member of a zip, or the beginning of an older file.
fn pickle(path: &Path) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut file = File::open(path).ok()?;
    match ZipArchive::new(File::open(path).ok()?) {
        Ok(mut archive) => {
            let mut names = archive.file_names().flatten().map(String::from);
            let name = names.find(|name| name.ends_with("data.pkl"))?;
            drop(names);
            let member = archive.by_name(&name).ok()?;
            member.take(MOST).read_to_end(&mut bytes).ok()?;
        }
        Err(_) => {
            file.by_ref().take(MOST).read_to_end(&mut bytes).ok()?;
        }
    }
    Some(bytes)
}

/// Texts of a pickle and where each first stands.
fn mentioned(bytes: &[u8]) -> HashMap<&str, usize> {
    let mut found = HashMap::new();
    for at in 0..bytes.len() {
        let rest = &bytes[at + 1..];
        let (length, text) = match (bytes[at], rest) {
            (BINUNICODE, [a, b, c, d, text @ ..]) => {
                (u32::from_le_bytes([*a, *b, *c, *d]) as usize, text)
            }
            (SHORT_BINUNICODE, [length, text @ ..]) => (usize::from(*length), text),
            _ => continue,
        };
        let text = text.get(..length).filter(|_| (1..=512).contains(&length));
        if let Some(text) = text.and_then(|text| std::str::from_utf8(text).ok()) {
            found.entry(text).or_insert(at);
        }
    }
    found
}
