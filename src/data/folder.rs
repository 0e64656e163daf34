//! Folders of FITS files or alert packets, with labels (`true/` and `false/`, as O'TRAIN has
//! them) or without; and a single FITS file.

use std::path::{Path, PathBuf};

use super::fits::checksums::damage;
use super::fits::{read_fits, read_fits_bytes};
use super::folder_list::Listing;
use super::options::{LabelPolarity, ReadOptions};
use super::rows::{Blob, Cutout, OfBlobs, Row, Rows, Stream};
use super::{Channel, Remark, alerts};
use crate::{Error, Result};

/// How a FITS file's name may end, in any case; .gz may follow.
const ENDINGS: [&str; 5] = ["fits", "fit", "fts", "fits.fz", "fit.fz"];

/// The candidates of the folder at `path`.
pub(super) fn rows(path: &Path, options: &ReadOptions) -> Result<Box<dyn Rows>> {
    let all = Listing::of(path)?;
    if !all.is_labelled && options.input_must_have_labels() {
        let found = all.without_labels(path);
        let expected = "true/ and false/, or real/ and bogus/, to say which files are real and \
                        which bogus; or a table of labels with --labels";
        return Err(Error::input(path, "folder", found, expected));
    }
    let (files, packets, mut notices) = (all.fits, all.packets, all.notices);
    if all.is_labelled && options.label_polarity == LabelPolarity::RealIsZero {
        notices.push("the folders' names say what is real; --label-polarity is not used".into());
    }
    if files.is_empty() && packets.is_empty() {
        let place = if all.is_labelled {
            "folders of the classes"
        } else {
            "folder"
        };
        let expected = "files ending in .fits, .fit or .fts (or .gz, .fz behind it), or alert \
                        packets (.avro, .tar.gz)";
        return Err(Error::input(path, place, "no FITS file", expected));
    }
    let fits = Box::new(of_files(files, notices, options));
    if packets.is_empty() {
        return Ok(fits);
    }
    let both = vec![fits as Box<dyn Rows>, alerts::rows(packets, options)?];
    let both = Stream::new(both, false);
    Ok(Box::new(both.refusing_damage(options.strict)))
}

/// The candidates of FITS files given one by one, which have no labels.
pub(super) fn rows_of_files(paths: &[&Path], options: &ReadOptions) -> Result<OfBlobs> {
    if options.input_must_have_labels() {
        let expected = "labels too: a folder with true/ and false/, or a cube";
        return Err(Error::input(paths[0], "labels", "a FITS file", expected));
    }
    let files = paths
        .iter()
        .map(|path| (path.to_path_buf(), None))
        .collect();
    Ok(of_files(files, Vec::new(), options))
}

fn of_files(
    files: Vec<(PathBuf, Option<u8>)>,
    notices: Vec<String>,
    options: &ReadOptions,
) -> OfBlobs {
    let expected = Some(files.len());
    let blobs = files.into_iter().map(|(path, label)| {
        Ok(Blob {
            path,
            bytes: None,
            label,
        })
    });
    let wanted = options.images().map(<[_]>::to_vec);
    let demanding = options.labels_required && !options.lenient;
    let decode = move |blob: Blob| vec![cutout(blob, wanted.as_deref(), demanding)];
    OfBlobs::new(Box::new(blobs), Box::new(decode), expected, notices)
}

/// The candidate of a FITS file; `demanding` as O'TRAIN is for training.
pub(super) fn cutout(blob: Blob, wanted: Option<&[Channel]>, demanding: bool) -> Row {
    let read = match &blob.bytes {
        Some(bytes) => read_fits_bytes(bytes, &blob.path, wanted),
        None => read_fits(&blob.path, wanted),
    };
    let file = match read {
        Ok(file) => file,
        Err(error) => return Row::broken_file(&blob.path, &error),
    };
    if demanding && !file.missing.is_empty() {
        let missing = file.missing.join(" and ");
        let why = format!(
            "no keyword {missing}, which O'TRAIN's training cutouts have (--lenient takes it)"
        );
        return Row::left_out(file.candidate, why);
    }
    if file.candidate.edge == Some(true) {
        return Row::at_edge(file.candidate);
    }
    let mut remarks: Vec<Remark> = file.remarks.into_iter().map(Remark::Of).collect();
    remarks.extend(damage(&file.wrong_sums));
    Row::of(Cutout {
        candidate: file.candidate,
        label: blob.label,
        channels: file.channels.map(Into::into),
        shape: file.shape,
        values: file.values,
        remarks,
    })
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
