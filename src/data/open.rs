//! Recognises an input by what it holds, reads it, and joins several to one set.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::channels::described;
use super::columns::Use;
use super::gather::gather;
use super::kind::FileKind;
use super::labels::{self, Given, OfSets, OfStream};
use super::options::{KEY_NAMES, ReadOptions, first_bytes, refuse_lfs_pointer};
use super::rows::{OfDataset, Rows, Stream};
use super::{Concatenated, Dataset, alerts, autoscan, folder, incoming, npy, npz, triple};
use crate::{Error, Result};

/// What an input turned out to be.
pub(super) enum Kind {
    /// "-".
    StandardInput,
    Npz,
    Npy,
    FitsFile,
    /// Packets, or an archive of them.
    Alerts,
    Folder,
    /// A folder of DES stamps.
    Stamps,
    /// With its prefix.
    Triple(PathBuf),
}

/// Reads one input or several to one set.
///
/// An input is a .npz with O'TRAIN's keys or those named in `options`, a folder
/// with `true/` and `false/` of FITS files, a folder of FITS files or a single
/// one (no labels), a folder of DES stamps (`temp123.gif`, `srch123.gif`,
/// `diff123.gif`) with `autoscan_features*.csv`, alert packets of ZTF or Rubin (.avro, or
/// a .tar.gz of them; no labels but in such folders), the prefix of a DES triple
/// (`PREFIX_x.npy`, `PREFIX_y.npy`,
/// `PREFIX_idx.npy`; the path of `PREFIX_x.npy` will do), or a .npy with cutouts
/// alone (no labels). Several are joined in the order given; their cutouts must
/// be of one size. Labels (and splits) are kept if every input has them. A label file
/// ([`labels`]) is looked up after that, by the ids of all.
pub fn open<P: AsRef<Path>>(inputs: &[P], options: &ReadOptions) -> Result<Dataset> {
    let inputs: Vec<&Path> = inputs.iter().map(AsRef::as_ref).collect();
    let mut sets = Vec::with_capacity(inputs.len());
    let parts = parts(&inputs, options)?;
    let options = &with_label_file(options, &parts)?;
    check_keys(&parts, options)?;
    let mut labels = options.relabelled.clone().map(OfSets::new);
    for part in parts {
        if let Kind::StandardInput = part.kind {
            let expected = "a file or a folder; only scoring reads standard input";
            return Err(Error::config("INPUT", "-", expected));
        }
        let mut set = match part.kind {
            Kind::Npz | Kind::Npy | Kind::Triple(_) => part.set(options, Use::Set)?,
            _ => {
                let rows = Stream::new(vec![part.rows(options)?], part.strict(options));
                let rows = rows.refusing_damage(options.strict);
                gather(part.inputs[0], rows, options)?
            }
        };
        if let Some(labels) = &mut labels {
            let arrays = matches!(part.kind, Kind::Npz | Kind::Npy | Kind::Triple(_));
            labels.find(&mut set, arrays || options.images().is_none())?;
        }
        sets.push(set.with_asked(&options.asked())?);
    }
    let set = match sets.len() {
        1 => sets.remove(0),
        _ => join(sets)?,
    };
    match labels {
        Some(labels) => labels.put(set, options.labels_required),
        None => Ok(set),
    }
}

/// As [`open`], one candidate after the other: what is on disk is read when it is
/// asked for, and a broken candidate is a row of its own instead of an error
/// (unless `options.strict`). An array's metadata are read at once. The input "-"
/// is standard input: alerts (Avro, .tar, .tar.gz), a .npz, .npy or FITS file.
pub fn stream<P: AsRef<Path>>(inputs: &[P], options: &ReadOptions) -> Result<Stream> {
    let inputs: Vec<&Path> = inputs.iter().map(AsRef::as_ref).collect();
    let parts = parts(&inputs, options)?;
    let options = &with_label_file(options, &parts)?;
    check_keys(&parts, options)?;
    let sources = parts.iter().map(|part| part.rows(options));
    let sources = sources.collect::<Result<Vec<_>>>()?;
    let stream = Stream::new(sources, options.strict).with_images(options.asked());
    let stream = stream.refusing_damage(options.strict);
    match options.relabelled.clone() {
        Some(file) => {
            let whole = options.images().is_none();
            Ok(stream.labelled(OfStream::new(file, options.labels_required, whole)?))
        }
        None => Ok(stream),
    }
}

/// Inputs that are read together.
struct Inputs<'a> {
    kind: Kind,
    /// One, or FITS files (or alerts) in a row, as `score MODEL folder/*.fits` gives them.
    inputs: Vec<&'a Path>,
}

impl Inputs<'_> {
    /// A broken file by itself is an error, one among several a row that failed.
    fn strict(&self, options: &ReadOptions) -> bool {
        options.strict || (matches!(self.kind, Kind::FitsFile) && self.inputs.len() == 1)
    }

    fn set(&self, options: &ReadOptions, each: Use) -> Result<Dataset> {
        let input = self.inputs[0];
        match &self.kind {
            Kind::Npz => npz::read(input, options, each),
            Kind::Npy => triple::read_bare(input, options, each),
            Kind::Triple(prefix) => triple::read(prefix, options, each),
            Kind::FitsFile | Kind::Alerts | Kind::Folder | Kind::Stamps | Kind::StandardInput => {
                unreachable!("read row by row")
            }
        }
    }

    fn rows(&self, options: &ReadOptions) -> Result<Box<dyn Rows>> {
        Ok(match &self.kind {
            Kind::FitsFile => Box::new(folder::rows_of_files(&self.inputs, options)?),
            Kind::Alerts => {
                let files = self.inputs.iter().map(|path| (path.to_path_buf(), None));
                alerts::rows(files.collect(), options)?
            }
            Kind::Folder => folder::rows(self.inputs[0], options)?,
            Kind::Stamps => Box::new(autoscan::rows(self.inputs[0], options)?),
            Kind::StandardInput => incoming::rows(std::io::stdin(), options)?,
            _ => {
                let set = self.set(options, Use::Rows)?;
                set.check_asked(&options.asked())?;
                Box::new(OfDataset::new(set))
            }
        })
    }
}

/// What the inputs are; at least one.
fn parts<'a>(inputs: &[&'a Path], options: &ReadOptions) -> Result<Vec<Inputs<'a>>> {
    let mut parts: Vec<Inputs> = Vec::new();
    for &input in inputs {
        let kind = match recognise(input) {
            // A packet without a schema has no beginning that it could be known by.
            Err(_) if options.schema.is_some() && input.is_file() => Kind::Alerts,
            kind => kind?,
        };
        match parts.last_mut() {
            Some(last)
                if matches!(
                    (&last.kind, &kind),
                    (Kind::FitsFile, Kind::FitsFile) | (Kind::Alerts, Kind::Alerts)
                ) =>
            {
                last.inputs.push(input);
            }
            _ => parts.push(Inputs {
                kind,
                inputs: vec![input],
            }),
        }
    }
    if parts.is_empty() {
        let expected = "a cube, a folder, a FITS file, alerts or a prefix";
        return Err(Error::config("INPUT", "nothing", expected));
    }
    Ok(parts)
}

/// The options with the label file that they name, read; what else `labels` may name stays.
fn with_label_file(options: &ReadOptions, parts: &[Inputs]) -> Result<ReadOptions> {
    let mut options = options.clone();
    if let (Some(path), None) = (&options.labels, &options.relabelled) {
        let stamps = parts.iter().any(|part| matches!(part.kind, Kind::Stamps));
        if let Given::Labels(file) = labels::read_given(path, stamps)? {
            options.relabelled = Some(Arc::new(file));
            options.labels = None;
        }
    }
    Ok(options)
}

/// Keys may only be named where there are any, and only those that are read.
fn check_keys(parts: &[Inputs], options: &ReadOptions) -> Result<()> {
    for name in options.keys.keys() {
        if !KEY_NAMES.contains(&name.as_str()) {
            let expected = format!("one of the names {}", KEY_NAMES.join(", "));
            return Err(Error::config("--key", format!("{name}=…"), expected));
        }
    }
    if let Some(table) = &options.labels
        && !parts.iter().any(|part| matches!(part.kind, Kind::Stamps))
    {
        let expected = "a folder of DES stamps (temp123.gif, srch123.gif, diff123.gif) as INPUT, \
                        or a table with columns id and label";
        return Err(Error::config(
            "--labels",
            table.display().to_string(),
            expected,
        ));
    }
    let has_keys = |part: &Inputs| matches!(part.kind, Kind::Npz | Kind::StandardInput);
    if parts.iter().any(has_keys) {
        return Ok(());
    }
    let mut named = options.keys.iter();
    let named = named
        .next()
        .map(|(name, key)| ("--key", format!("{name}={key}")));
    let split = options.split_key.as_ref();
    match named.or(split.map(|key| ("--split-key", key.clone()))) {
        Some((option, value)) => {
            let expected = "an .npz input; nothing else has keys";
            Err(Error::config(option, value, expected))
        }
        None => Ok(()),
    }
}

/// What `input` is, by its first bytes.
fn recognise(input: &Path) -> Result<Kind> {
    if input == Path::new("-") {
        return Ok(Kind::StandardInput);
    }
    let Ok(meta) = std::fs::metadata(input) else {
        let x = triple::member(input, "_x.npy");
        if x.is_file() {
            return Ok(Kind::Triple(input.to_path_buf()));
        }
        for end in ["_y.npy", "_idx.npy"] {
            let other = triple::member(input, end);
            if other.is_file() {
                let found = format!("no such file, though there is {}", other.display());
                let expected = "the cutouts; what wrote them may have been stopped: write the \
                                three files again";
                return Err(Error::input(x, "cutouts", found, expected));
            }
        }
        let expected = format!(
            "a .npz cube, a folder of FITS files or alerts, a FITS file, alert packets (.avro, \
             .tar.gz), or the prefix of {}",
            x.display()
        );
        return Err(Error::input(
            input,
            "input",
            "no such file or folder",
            expected,
        ));
    };
    if meta.is_dir() {
        return Ok(match autoscan::has_stamps(input) {
            true => Kind::Stamps,
            false => Kind::Folder,
        });
    }
    if folder::has_fits_name(input) {
        // Whatever it holds: a broken one may be left out.
        return Ok(Kind::FitsFile);
    }
    if alerts::is_alerts(input) {
        return Ok(Kind::Alerts);
    }
    refuse_lfs_pointer(input)?;
    let kind = by_content(&first_bytes(input)?, input)?;
    if matches!(kind, Kind::Npz) {
        // Keras and PyTorch write zips too.
        let inside = FileKind::of(input);
        if inside.is_foreign_network() {
            return Err(inside.not_cutouts(input));
        }
    }
    Ok(match (kind, input.to_str()) {
        (Kind::Npy, Some(name)) if name.ends_with("_x.npy") && name.len() > "_x.npy".len() => {
            Kind::Triple(PathBuf::from(&name[..name.len() - "_x.npy".len()]))
        }
        (kind, _) => kind,
    })
}

/// What a file that begins with `start` is.
pub(super) fn by_content(start: &[u8], input: &Path) -> Result<Kind> {
    let refused = |found: String| {
        let expected = "a .npz, .npy or FITS file, or alerts (.avro, .tar.gz)";
        Err(Error::input(input, "start of the file", found, expected))
    };
    match start {
        [b'P', b'K', 3 | 5, 4 | 6, ..] => Ok(Kind::Npz),
        [0x93, b'N', b'U', b'M', b'P', b'Y', ..] => Ok(Kind::Npy),
        [0x1f, 0x8b, ..] => Ok(Kind::FitsFile),
        start if start.starts_with(b"SIMPLE") => Ok(Kind::FitsFile),
        [] => refused("an empty file".into()),
        start => Err(match FileKind::of(input) {
            // Standard input has no name.
            FileKind::Missing | FileKind::Unknown => return refused(npy::printable(start)),
            kind => kind.not_cutouts(input),
        }),
    }
}

/// Several sets as one.
fn join(sets: Vec<Dataset>) -> Result<Dataset> {
    let (first, shape) = (sets[0].source.clone(), sets[0].shape);
    let channels = sets[0].channels.clone();
    let labelled = sets.iter().filter(|s| s.labels.is_some()).count();
    let split = sets.iter().filter(|s| s.parts.is_some()).count();
    let total = sets.len();
    let mut notices = Vec::new();
    for (what, have) in [("labels", labelled), ("a split", split)] {
        if have != 0 && have != total {
            notices.push(format!(
                "{have} of {total} inputs have {what}; it is used for none"
            ));
        }
    }
    let mut pixels = Concatenated::default();
    let mut labels = (labelled == total).then(Vec::new);
    let mut parts = (split == total).then(Vec::new);
    let (mut candidates, mut skipped) = (Vec::new(), Vec::new());
    for set in sets {
        if set.shape != shape {
            let found = format!("cutouts of {} (H x W x images)", set.shape);
            let expected = format!("{shape}, as in {}", first.display());
            return Err(Error::input(&set.source, "cutouts", found, expected));
        }
        if set.channels != channels {
            let found = described(set.channels.as_deref(), shape.channels);
            let expected = format!(
                "{}, as in {} (--planes declares the images, --channels chooses)",
                described(channels.as_deref(), shape.channels),
                first.display()
            );
            return Err(Error::input(&set.source, "images", found, expected));
        }
        pixels.push(set.pixels, set.candidates.len());
        if let (Some(all), Some(more)) = (&mut labels, set.labels) {
            all.extend(more);
        }
        if let (Some(all), Some(more)) = (&mut parts, set.parts) {
            all.extend(more);
        }
        candidates.extend(set.candidates);
        skipped.extend(set.skipped);
        let name = set.source.display();
        notices.extend(
            set.notices
                .into_iter()
                .map(|notice| format!("{name}: {notice}")),
        );
    }
    let pixels = Box::new(pixels);
    Ok(Dataset {
        source: first,
        shape,
        channels,
        pixels,
        labels,
        candidates,
        parts,
        relabelled: None,
        skipped,
        notices,
    })
}
