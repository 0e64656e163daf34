//! Cubes in .npz files: O'TRAIN's keys, or any others that are named.

mod cutouts;

use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use zip::ZipArchive;
use zip::read::ZipFile;
use zip::result::ZipError;

use super::array::Array;
use super::axes::{Axes, TRANSPOSE, axes};
use super::columns::{Column, Columns, EXTRA, Meaning, Use};
use super::npy::Header;
use super::options::ReadOptions;
use super::{CutoutShape, Dataset};
use crate::{Error, Result};

/// An open .npz.
struct Npz<'a> {
    path: &'a Path,
    archive: ZipArchive<BufReader<File>>,
    /// The same file, to be mapped.
    file: File,
    keys: Vec<String>,
    /// Bytes of the whole file.
    size: u64,
}

/// Reads the .npz at `path`.
pub(in crate::data) fn read(path: &Path, options: &ReadOptions, each: Use) -> Result<Dataset> {
    let mut npz = Npz::open(path)?;
    // A survey's own name of what has another one here, unless the file or the user says ours.
    let alias = |name: &str, own: &[&'static str]| {
        let given = npz.has(name) || options.keys.contains_key(name);
        own.iter().copied().find(|key| !given && npz.has(key))
    };
    // A split must know of the objects without being told.
    let objects = alias("objects", &["objectId", "objectid", "object_id"]);
    let candid = alias("candids", &["candid"]);
    let key = |name: &str| {
        let own = match name {
            "objects" => objects.unwrap_or(name),
            "candids" => candid.unwrap_or(name),
            _ => name,
        };
        options
            .keys
            .get(name)
            .map_or(own, String::as_str)
            .to_string()
    };

    let cube = key("cube");
    if !npz.has(&cube) {
        return Err(npz.missing(&cube, "cube"));
    }
    let labels = key("labels");
    if options.input_must_have_labels() && !npz.has(&labels) {
        return Err(npz.missing(&labels, "labels"));
    }
    let mut column = |name: &str| -> Result<Option<Column>> {
        let place = key(name);
        if npz.has(&place) {
            Ok(Some(Column {
                array: npz.array(&place)?,
                place,
            }))
        } else if options.keys.contains_key(name) {
            Err(npz.missing(&place, name))
        } else {
            Ok(None)
        }
    };
    let mut columns = Columns {
        labels: column("labels")?,
        mags: column("mags")?,
        mag_errs: column("errmags")?,
        filters: column("filters")?,
        fwhms: column("fwhms")?,
        ids: column("candids")?,
        parts: None,
        extra: Vec::new(),
    };
    for &name in EXTRA {
        let found = column(name);
        // An array of another program that cannot be read is none of ours.
        match found {
            Ok(found) => columns.extra.extend(found.map(|found| (name, found))),
            Err(error) if name == "channels" || options.keys.contains_key(name) => {
                return Err(error);
            }
            Err(_) => {}
        }
    }
    if let Some(place) = &options.split_key {
        if !npz.has(place) {
            return Err(npz.missing(place, "the split"));
        }
        columns.parts = Some(Column {
            array: npz.array(place)?,
            place: place.clone(),
        });
    }
    let named = columns.channels_named().or(options.plane_count());
    let cutouts = npz.cutouts(&cube, each, named)?;
    // O'TRAIN's own keys say what 1 means; a key of another name does not.
    let meaning = Meaning {
        real_is_one: true,
        guessed: labels != "labels",
    };
    let mut set = columns.join(path, cutouts, meaning, options, each)?;
    if candid.is_some() {
        let notice = "candid was taken as the ids of candidates (--key candids=KEY names another)";
        set.notices.push(notice.into());
    }
    if labels == "labels" && npz.has("label") {
        let taken = match npz.has("labels") {
            true => "labels are taken from labels, not from label",
            false => "there is no array of labels, and label is not taken for one",
        };
        set.notices
            .push(format!("{taken} (--key labels=label takes it)"));
    }
    let known = set.candidates.iter().any(|c| !c.object.is_empty());
    if let (Some(key), true) = (objects, known) {
        set.notices.push(format!(
            "{key} was taken as the objects that candidates are detections of (--key objects=KEY \
             names another)"
        ));
    }
    Ok(set)
}

impl<'a> Npz<'a> {
    fn open(path: &'a Path) -> Result<Npz<'a>> {
        let file = File::open(path).map_err(Error::io("open", path))?;
        let size = file.metadata().map_err(Error::io("read", path))?.len();
        let same = file.try_clone().map_err(Error::io("open", path))?;
        let archive = ZipArchive::new(BufReader::new(file)).map_err(|e| match e {
            ZipError::Io(e) => Error::io("read", path)(e),
            e => Error::input(
                path,
                "the list of arrays at its end",
                e.to_string(),
                "a whole .npz (zip) file; it may be truncated",
            ),
        })?;
        let names = archive.file_names().filter_map(Result::ok);
        let mut keys: Vec<String> = names
            .filter_map(|name| name.strip_suffix(".npy").map(str::to_string))
            .collect();
        keys.sort();
        Ok(Npz {
            path,
            archive,
            file: same,
            keys,
            size,
        })
    }

    fn has(&self, key: &str) -> bool {
        self.keys.iter().any(|k| k == key)
    }

    fn missing(&self, key: &str, name: &str) -> Error {
        let found = match &self.keys[..] {
            [] => "no arrays at all".to_string(),
            keys => format!("the keys {}", keys.join(", ")),
        };
        let expected = match name {
            "the split" => format!("a key {key} for the split"),
            name => format!("a key {key}; --key {name}=KEY names another"),
        };
        Error::input(self.path, "keys", found, expected)
    }

    /// Opens a member for reading from its start.
    fn with_member<T>(
        &mut self,
        key: &str,
        read: impl FnOnce(ZipFile<'_, BufReader<File>>) -> Result<T>,
    ) -> Result<T> {
        let member = self.archive.by_name(&format!("{key}.npy")).map_err(|e| {
            Error::input(
                self.path,
                key,
                e.to_string(),
                "an array, stored or deflated",
            )
        })?;
        read(member)
    }

    fn array(&mut self, key: &str) -> Result<Array> {
        let path = self.path;
        self.with_member(key, |mut member| {
            let size = member.size();
            Array::read(&mut member, Some(size), path, key)
        })
    }
}

/// (N, H, W, C), or (N, H, W) for one image per candidate; with what to say where it may be
/// otherwise. `named` is how many images the file names, where it does.
pub(in crate::data) fn cube_shape(
    header: &Header,
    path: &Path,
    place: &str,
    named: Option<usize>,
) -> Result<(usize, CutoutShape, Option<String>)> {
    let wrong = |found: String| {
        let expected =
            "cutouts as (N, H, W, C) or (N, H, W) numbers, with N, H, W and C at least 1";
        Error::input(path, place, found, expected)
    };
    if !header.is_number() {
        return Err(wrong(format!("strings ({})", header.descr)));
    }
    let mut notice = None;
    let (count, height, width, channels) = match header.shape[..] {
        [n, h, w, c] => {
            match axes([h, w, c], named) {
                Axes::ChannelsLast => {}
                Axes::Unclear(text) => notice = Some(text),
                Axes::ChannelsFirst(found) => {
                    return Err(Error::input(path, place, found, TRANSPOSE));
                }
            }
            (n, h, w, c)
        }
        [n, h, w] => (n, h, w, 1),
        _ => return Err(wrong(format!("shape {:?}", header.shape))),
    };
    let shape = CutoutShape {
        height,
        width,
        channels,
    };
    // A product of lengths with a 0 among them may still overflow in part.
    let whole = [count, height, width, channels]
        .iter()
        .try_fold(1_usize, |p, &n| p.checked_mul(n));
    match whole {
        None => Err(wrong(format!(
            "shape {:?}, beyond this machine",
            header.shape
        ))),
        Some(0) => Err(wrong(format!("shape {:?}", header.shape))),
        Some(_) => Ok((count, shape, notice)),
    }
}
