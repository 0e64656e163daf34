//! Folders of FITS files: `true/` and `false/` as O'TRAIN has them, or one
//! folder without labels; and a single file.

use std::path::{Path, PathBuf};

use rayon::prelude::*;

use super::fits::{FitsCutout, read_fits};
use super::options::{LabelPolarity, ReadOptions};
use super::{Dataset, InMemory, Skipped};
use crate::{Error, Result};

/// How a FITS file's name may end, in any case; .gz may follow.
const ENDINGS: [&str; 5] = ["fits", "fit", "fts", "fits.fz", "fit.fz"];

/// Reads the folder at `path`.
pub(super) fn read(path: &Path, options: &ReadOptions) -> Result<Dataset> {
    let (yes, no) = (path.join("true"), path.join("false"));
    let mut files = Vec::new();
    let mut notices = Vec::new();
    let labelled = yes.is_dir() || no.is_dir();
    if labelled {
        for (folder, label) in [(&yes, 1), (&no, 0)] {
            if folder.is_dir() {
                files.extend(
                    list(folder, &mut notices)?
                        .into_iter()
                        .map(|file| (file, label)),
                );
            }
        }
        if options.label_polarity == LabelPolarity::RealIsZero {
            notices
                .push("the folders' names say what is real; --label-polarity is not used".into());
        }
    } else {
        if options.labels_required {
            let found = "no folders true/ and false/";
            let expected = "them to say which FITS files are real and which bogus";
            return Err(Error::input(path, "folder", found, expected));
        }
        files.extend(list(path, &mut notices)?.into_iter().map(|file| (file, 0)));
    }
    if files.is_empty() {
        let place = if labelled {
            "true/ and false/"
        } else {
            "folder"
        };
        let expected = "files ending in .fits, .fit or .fts (or .gz, .fz behind it)";
        return Err(Error::input(path, place, "no FITS file", expected));
    }
    gather(path, files, labelled, notices, options)
}

/// Reads FITS files given one by one, which have no labels. A broken one among
/// several is left out, as in a folder; a broken one by itself is an error.
pub(super) fn read_files(paths: &[&Path], options: &ReadOptions) -> Result<Dataset> {
    let first = paths[0];
    if options.labels_required {
        let expected = "labels too: a folder with true/ and false/, or a cube";
        return Err(Error::input(first, "labels", "a FITS file", expected));
    }
    let options = ReadOptions {
        strict: options.strict || paths.len() == 1,
        ..options.clone()
    };
    let files = paths.iter().map(|path| (path.to_path_buf(), 0)).collect();
    gather(first, files, false, Vec::new(), &options)
}

/// Whether a file's name ends as a FITS file's does.
pub(super) fn has_fits_name(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let name = name.to_lowercase();
    let name = name.strip_suffix(".gz").unwrap_or(&name);
    ENDINGS
        .iter()
        .any(|end| name.strip_suffix(end).is_some_and(|n| n.ends_with('.')))
}

/// The FITS files in a folder, by name.
fn list(folder: &Path, notices: &mut Vec<String>) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    let mut others = 0;
    for entry in std::fs::read_dir(folder).map_err(Error::io("read", folder))? {
        let path = entry.map_err(Error::io("read", folder))?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if name.starts_with('.') {
            // Hidden files, such as macOS's "._a.fits", are nobody's data.
        } else if has_fits_name(&path) && path.is_file() {
            files.push(path);
        } else {
            others += 1;
        }
    }
    if others > 0 {
        let name = folder.display();
        notices.push(format!(
            "{others} entries of {name} are no FITS files and were not read"
        ));
    }
    files.sort();
    Ok(files)
}

fn gather(
    source: &Path,
    files: Vec<(PathBuf, u8)>,
    labelled: bool,
    mut notices: Vec<String>,
    options: &ReadOptions,
) -> Result<Dataset> {
    let read: Vec<Result<FitsCutout>> = files.par_iter().map(|(file, _)| read_fits(file)).collect();
    let total = files.len();
    let mut skipped = Vec::new();
    let mut first: Option<(PathBuf, super::CutoutShape)> = None;
    let (mut values, mut labels, mut candidates) = (Vec::new(), Vec::new(), Vec::new());
    for ((file, label), cutout) in files.into_iter().zip(read) {
        let mut leave = |why: String, unreadable: bool| {
            let what = file.display().to_string();
            skipped.push(Skipped {
                // An error begins with the file's name already.
                why: why
                    .strip_prefix(&format!("{what}: "))
                    .map_or(why.clone(), str::to_string),
                what,
                unreadable,
            });
        };
        let cutout = match cutout {
            Ok(cutout) => cutout,
            Err(error) if options.strict => return Err(error),
            Err(error) => {
                leave(error.to_string(), true);
                continue;
            }
        };
        if cutout.edge {
            let why = "EDGE is True: cut off by the edge of the image";
            leave(why.into(), false);
            continue;
        }
        if !cutout.values.iter().any(|v| v.is_finite()) {
            leave("no finite pixel".into(), false);
            continue;
        }
        let (name, shape) = first.get_or_insert_with(|| (file.clone(), cutout.shape));
        if cutout.shape != *shape {
            let found = format!("{} (H x W x images)", cutout.shape);
            let expected = format!("{shape}, as in {}", name.display());
            return Err(Error::input(&file, "size of the cutout", found, expected));
        }
        values.extend_from_slice(&cutout.values);
        labels.push(label);
        candidates.push(cutout.candidate);
    }
    let Some((_, shape)) = first else {
        let why = skipped
            .first()
            .map_or(String::new(), |s| format!("{}: {}", s.what, s.why));
        let found = format!("no usable cutout in {total} files; the first: {why}");
        return Err(Error::input(source, "FITS files", found, "at least one"));
    };
    let unknown = candidates.iter().filter(|c| c.mag.is_nan()).count();
    if unknown > 0 {
        let of = candidates.len();
        notices.push(format!(
            "{unknown} of {of} FITS files have no magnitude (MAG)"
        ));
    }
    Ok(Dataset {
        source: source.to_path_buf(),
        shape,
        pixels: Box::new(InMemory {
            values,
            stride: shape.len(),
        }),
        labels: labelled.then_some(labels),
        candidates,
        parts: None,
        skipped,
        notices,
    })
}
