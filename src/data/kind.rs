//! What a file is, in words, for the error of whoever expected another one.

use std::fs::File;
use std::io::{BufReader, ErrorKind, Read};
use std::path::Path;

use super::caught::caught;
use super::options::{LFS, lfs_error};
use crate::Error;

/// The metadata key of a model's header in its safetensors file.
pub const MODEL: &str = "rbgpu";
/// The same of a checkpoint.
pub const CHECKPOINT: &str = "rbgpu-checkpoint";
/// The same of a random forest.
pub const FOREST: &str = "rbgpu-forest";

/// What a file is, by its content; by its name where the content does not say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileKind {
    /// Nothing is there.
    Missing,
    /// No file that can be opened: no permission, or a pipe, which would wait.
    Unreadable,
    /// A folder of cutouts, or any other.
    Folder,
    /// TensorFlow's folder with saved_model.pb.
    SavedModel,
    /// No bytes.
    Empty,
    /// What Git LFS leaves in place of a file.
    LfsPointer,
    /// safetensors: rbgpu's or anybody's.
    Safetensors,
    /// HDF5: Keras' networks and weights.
    Hdf5,
    /// A .keras zip.
    Keras,
    /// PyTorch's zip, pickle or tar.
    PyTorch,
    /// PyTorch's zip with code.
    TorchScript,
    /// ONNX.
    Onnx,
    /// A zip of numpy arrays.
    Npz,
    /// Another zip.
    Zip,
    /// A numpy array.
    Npy,
    /// FITS.
    Fits,
    /// Avro containers.
    Avro,
    /// Anything in gzip.
    Gzip,
    /// Parquet.
    Parquet,
    /// JSON or JSON lines.
    Json,
    /// A network described in TOML.
    Toml,
    /// Any other text, such as CSV.
    Text,
    /// None of these.
    Unknown,
}

impl FileKind {
    /// What `path` is.
    pub fn of(path: &Path) -> FileKind {
        let there = match std::fs::metadata(path) {
            Ok(there) => there,
            Err(error) if error.kind() == ErrorKind::NotFound => return FileKind::Missing,
            Err(_) => return FileKind::Unreadable,
        };
        if there.is_dir() {
            return match path.join("saved_model.pb").is_file() {
                true => FileKind::SavedModel,
                false => FileKind::Folder,
            };
        }
        let mut start = Vec::new();
        let read = |file: File| file.take(1024).read_to_end(&mut start);
        if !there.is_file() || File::open(path).and_then(read).is_err() {
            return FileKind::Unreadable;
        }
        let ends_in = |end: &str| {
            path.extension()
                .is_some_and(|e| e.eq_ignore_ascii_case(end))
        };
        match &start[..] {
            [] => FileKind::Empty,
            s if s.starts_with(LFS) => FileKind::LfsPointer,
            [0x89, b'H', b'D', b'F', ..] => FileKind::Hdf5,
            [b'P', b'K', 3 | 5, 4 | 6, ..] => of_zip(path),
            [0x93, b'N', b'U', b'M', b'P', b'Y', ..] => FileKind::Npy,
            [b'P', b'A', b'R', b'1', ..] => FileKind::Parquet,
            [b'O', b'b', b'j', 1, ..] => FileKind::Avro,
            [0x1f, 0x8b, ..] => FileKind::Gzip,
            // Eight bytes of length, then JSON.
            [_, _, _, _, _, _, 0, 0, b'{', ..] => FileKind::Safetensors,
            // A pickle of protocol 2 or later, or the tar of the first PyTorch.
            [0x80, 2..=5, ..] => FileKind::PyTorch,
            s if s.get(257..262) == Some(b"ustar") => FileKind::PyTorch,
            s if s.starts_with(b"SIMPLE") => FileKind::Fits,
            _ if ends_in("onnx") => FileKind::Onnx,
            // ModelProto: the version, then the producer, its version or the graph.
            [0x08, 1..=32, 0x12 | 0x1a | 0x3a, ..] => FileKind::Onnx,
            s => of_text(s, ends_in("toml")),
        }
    }

    /// The kind in words.
    pub fn words(self) -> &'static str {
        match self {
            FileKind::Missing => "no such file",
            FileKind::Unreadable => "no file that can be opened",
            FileKind::Folder => "a folder",
            FileKind::SavedModel => "a TensorFlow SavedModel",
            FileKind::Empty => "an empty file",
            FileKind::LfsPointer => "a Git-LFS pointer",
            FileKind::Safetensors => "a safetensors file",
            FileKind::Hdf5 => "an HDF5 file",
            FileKind::Keras => "a Keras model",
            FileKind::PyTorch => "a PyTorch file",
            FileKind::TorchScript => "a TorchScript model",
            FileKind::Onnx => "an ONNX model",
            FileKind::Npz => "a .npz cube",
            FileKind::Zip => "a zip file",
            FileKind::Npy => "a .npy array",
            FileKind::Fits => "a FITS file",
            FileKind::Avro => "alert packets",
            FileKind::Gzip => "a gzip file",
            FileKind::Parquet => "a Parquet table",
            FileKind::Json => "JSON",
            FileKind::Toml => "a network's description (TOML)",
            FileKind::Text => "a text file",
            FileKind::Unknown => "an unknown kind of file",
        }
    }

    /// Whether it is a network, or its weights, of another program.
    pub fn is_foreign_network(self) -> bool {
        use FileKind::{Hdf5, Keras, Onnx, PyTorch, SavedModel, TorchScript};
        matches!(
            self,
            SavedModel | Hdf5 | Keras | PyTorch | TorchScript | Onnx
        )
    }

    /// The error where a trained model is expected and `path` is of this kind.
    pub fn not_a_model(self, path: &Path) -> Error {
        let stem = path.file_stem().unwrap_or_default().to_string_lossy();
        let expected = match self {
            FileKind::LfsPointer => return lfs_error(path),
            FileKind::Missing => format!(
                "a trained model; train one first: `rbgpu train INPUT --out {}`",
                path.with_extension("safetensors").display()
            ),
            FileKind::Hdf5 | FileKind::Keras => format!(
                "a model of rbgpu; import it first: `rbgpu import {} --out {stem}.safetensors`",
                path.display()
            ),
            FileKind::PyTorch | FileKind::Safetensors => format!(
                "a model of rbgpu; import the weights first: `rbgpu import {} --network NETWORK \
                 --out {stem}.rbgpu.safetensors`",
                path.display()
            ),
            FileKind::SavedModel => SAVED_MODEL.into(),
            FileKind::TorchScript => TORCH_SCRIPT.into(),
            FileKind::Onnx => ONNX.into(),
            FileKind::Toml => "a trained model; `rbgpu train INPUT --network FILE` trains this \
                               network"
                .into(),
            _ => "a model that `rbgpu train` or `rbgpu import` wrote; the model comes first, the \
                  cutouts after it"
                .into(),
        };
        Error::input(path, "model", self.words(), expected)
    }

    /// The error where cutouts are expected and `path` is of this kind.
    pub fn not_cutouts(self, path: &Path) -> Error {
        let cutouts = "a .npz, .npy or FITS file, alerts (.avro, .tar.gz), or a folder of these";
        let expected = match self {
            FileKind::LfsPointer => return lfs_error(path),
            FileKind::Safetensors => format!(
                "{cutouts}; a model comes before the cutouts (`rbgpu score MODEL INPUT`), and \
                 `rbgpu train INPUT --from MODEL` fine-tunes one"
            ),
            kind if kind.is_foreign_network() => {
                format!("{cutouts}; `rbgpu import` reads networks of Keras and PyTorch")
            }
            FileKind::Toml => format!("{cutouts}; a network is given with --network"),
            FileKind::Parquet | FileKind::Json | FileKind::Text => format!(
                "{cutouts}; a table of labels is given with --labels, and `rbgpu evaluate` takes \
                 tables of scores"
            ),
            _ => cutouts.into(),
        };
        Error::input(path, "input", self.words(), expected)
    }
}

/// What to do with what cannot be imported as it is.
pub const SAVED_MODEL: &str = "a Keras file: load the folder with TensorFlow, save it as .keras, \
                               then run `rbgpu import`";
/// See [`SAVED_MODEL`].
pub const TORCH_SCRIPT: &str = "the weights alone: save them with torch.save(model.state_dict(), \
                                \"weights.pth\"), then `rbgpu import weights.pth --network NETWORK`";
/// See [`SAVED_MODEL`].
pub const ONNX: &str = "the Keras or PyTorch file that the ONNX file was made from; rbgpu writes \
                        ONNX and does not read it";

fn of_zip(path: &Path) -> FileKind {
    let archive = caught(|| {
        let file = File::open(path).ok()?;
        zip::ZipArchive::new(BufReader::new(file)).ok()
    });
    let Some(Some(archive)) = archive else {
        return FileKind::Zip;
    };
    let has = |is: &dyn Fn(&str) -> bool| archive.file_names().flatten().any(|name| is(&name));
    if has(&|name| name == "config.json") {
        FileKind::Keras
    } else if has(&|name| name.ends_with("data.pkl")) {
        match has(&|name| name.contains("/code/")) {
            true => FileKind::TorchScript,
            false => FileKind::PyTorch,
        }
    } else if has(&|name| name.ends_with(".npy")) {
        FileKind::Npz
    } else {
        FileKind::Zip
    }
}

fn of_text(start: &[u8], is_toml: bool) -> FileKind {
    let is_text = start.iter().all(|byte| !matches!(byte, 0..=8 | 14..=26));
    match start.trim_ascii_start() {
        _ if !is_text => FileKind::Unknown,
        [b'{' | b'[', ..] if !is_toml => FileKind::Json,
        _ if is_toml => FileKind::Toml,
        _ => FileKind::Text,
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn zip(path: &Path, names: &[&str]) {
        let mut zip = zip::ZipWriter::new(File::create(path).unwrap());
        for name in names {
            let options = zip::write::SimpleFileOptions::default();
            zip.start_file(*name, options).unwrap();
            zip.write_all(b"x").unwrap();
        }
        zip.finish().unwrap();
    }

    #[test]
    fn kinds_are_told_by_content() {
        let place = tempfile::tempdir().unwrap();
        let path = |name: &str| place.path().join(name);
        for (name, content, kind) in [
            ("a.h5", &b"\x89HDF\r\n\x1a\n"[..], FileKind::Hdf5),
            ("a", b"\x80\x02}q\x00.", FileKind::PyTorch),
            ("a.bin", b"\x08\x08\x12\x05torch", FileKind::Onnx),
            ("b.onnx", b"\x0a\x01x", FileKind::Onnx),
            ("c", b"\x10\0\0\0\0\0\0\0{}", FileKind::Safetensors),
            ("n.toml", b"[[layers]]\n", FileKind::Toml),
            ("t.csv", b"id,label\n", FileKind::Text),
            ("t.jsonl", b"{\"id\":1}\n", FileKind::Json),
            ("e", b"", FileKind::Empty),
            ("u", b"\x01\x02\0\0", FileKind::Unknown),
            ("x.fits", b"SIMPLE  =", FileKind::Fits),
        ] {
            std::fs::write(path(name), content).unwrap();
            assert_eq!(FileKind::of(&path(name)), kind, "{name}");
        }
        for (name, members, kind) in [
            (
                "a.keras",
                &["config.json", "model.weights.h5"][..],
                FileKind::Keras,
            ),
            ("a.pth", &["a/data.pkl", "a/data/0"], FileKind::PyTorch),
            (
                "a.pt",
                &["a/data.pkl", "a/code/x.py"],
                FileKind::TorchScript,
            ),
            ("a.npz", &["cube.npy"], FileKind::Npz),
            ("a.zip", &["readme"], FileKind::Zip),
        ] {
            zip(&path(name), members);
            assert_eq!(FileKind::of(&path(name)), kind, "{name}");
        }
        std::fs::create_dir(path("saved")).unwrap();
        assert_eq!(FileKind::of(&path("saved")), FileKind::Folder);
        std::fs::write(path("saved/saved_model.pb"), "x").unwrap();
        assert_eq!(FileKind::of(&path("saved")), FileKind::SavedModel);
        assert_eq!(FileKind::of(&path("gone")), FileKind::Missing);
        #[cfg(unix)]
        assert_eq!(FileKind::of(&path("a.npz/x")), FileKind::Unreadable);
    }
}
