//! What the fuzz targets share: bytes as the file that a reader wants.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

use rbgpu::data::{ReadOptions, Rows, open, stream};

/// A panic that the library catches itself is no finding; one that gets out of it is, whatever
/// the hook does. Without this, every panic of a parser below ends the run.
pub fn quiet() {
    std::panic::set_hook(Box::new(|_| {}));
}

/// Gives `read` a file with `bytes`, whose name ends in `ending`.
pub fn as_file<T>(bytes: &[u8], ending: &str, read: impl FnOnce(&Path) -> T) -> T {
    let folder = place();
    let path = folder.path().join(format!("input{ending}"));
    File::create(&path)
        .and_then(|mut file| file.write_all(bytes))
        .expect("a disk to write to");
    read(&path)
}

/// A new folder, in memory where the system has that.
pub fn place() -> tempfile::TempDir {
    let memory = PathBuf::from("/dev/shm");
    let parent = if memory.is_dir() {
        memory
    } else {
        std::env::temp_dir()
    };
    tempfile::tempdir_in(parent).expect("a folder to write to")
}

/// Reads an input every way there is; whatever it is, it must be an error or an
/// answer that can be read to its end.
pub fn read_everything(input: &Path) {
    let scoring = ReadOptions::default();
    let training = ReadOptions {
        labels_required: true,
        lenient: true,
        ..ReadOptions::default()
    };
    for options in [&scoring, &training] {
        if let Ok(set) = open(&[input], options) {
            let mut values = vec![0.0; set.shape.len()];
            for row in 0..set.len().min(64) {
                set.pixels
                    .read(row, &mut values)
                    .expect("a row that is there");
            }
        }
    }
    let Ok(mut rows) = stream(&[input], &scoring) else {
        return;
    };
    for _ in 0..64 {
        match rows.next(64) {
            Ok(rows) if !rows.is_empty() => {}
            _ => return,
        }
    }
}
