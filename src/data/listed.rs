//! Inputs that a list names, one a line: more of them than a command line holds.

use std::io::BufRead;
use std::path::{Path, PathBuf};

use super::rows::{Row, Rows, Stream};
use super::{Candidate, ReadOptions, folder, open};
use crate::{Error, Result};

/// As [`stream`](super::stream), of the paths that stand in `list`, one a line,
/// blank lines aside. The list is read as its inputs are; one that cannot be read
/// is a row that failed. `name` is the list's own, for errors.
pub fn stream_listed(
    list: impl BufRead + Send + 'static,
    name: &Path,
    options: &ReadOptions,
) -> Stream {
    let rows = Listed {
        list: Box::new(list),
        name: name.to_path_buf(),
        options: options.clone(),
        current: None,
        waiting: None,
        notices: Vec::new(),
    };
    let stream = Stream::new(vec![Box::new(rows)], options.strict).with_images(options.asked());
    stream.refusing_damage(options.strict)
}

struct Listed {
    list: Box<dyn BufRead + Send>,
    name: PathBuf,
    options: ReadOptions,
    /// An input of many candidates that was begun.
    current: Option<Stream>,
    /// One that comes after FITS files that were read together.
    waiting: Option<PathBuf>,
    /// Of those that are done.
    notices: Vec<String>,
}

impl Listed {
    fn path(&mut self) -> Result<Option<PathBuf>> {
        let mut line = Vec::new();
        loop {
            line.clear();
            let read = self.list.read_until(b'\n', &mut line);
            if read.map_err(Error::io("read", &self.name))? == 0 {
                return Ok(None);
            }
            if line.trim_ascii().is_empty() {
                continue;
            }
            while line
                .last()
                .is_some_and(|byte| matches!(byte, b'\n' | b'\r'))
            {
                line.pop();
            }
            return Ok(Some(path_of(line)));
        }
    }

    /// FITS files that follow one another, `most` at most; what stops them waits.
    fn files(&mut self, most: usize) -> Result<Vec<PathBuf>> {
        let mut files = Vec::new();
        while files.len() < most.max(1) {
            match self.path()? {
                Some(path) if folder::has_fits_name(&path) && !path.is_dir() => files.push(path),
                other => {
                    self.waiting = other;
                    break;
                }
            }
        }
        Ok(files)
    }
}

/// A path as its bytes stand in a list: names need not be UTF-8.
#[cfg(unix)]
fn path_of(line: Vec<u8>) -> PathBuf {
    use std::os::unix::ffi::OsStringExt;
    std::ffi::OsString::from_vec(line).into()
}

/// A path; where paths are text, one that is none is not found and costs its own row.
#[cfg(not(unix))]
fn path_of(line: Vec<u8>) -> PathBuf {
    String::from_utf8_lossy(&line).into_owned().into()
}

impl Rows for Listed {
    fn next(&mut self, most: usize) -> Result<Vec<Row>> {
        loop {
            if let Some(current) = &mut self.current {
                let rows = current.next(most)?;
                if !rows.is_empty() {
                    return Ok(rows);
                }
                self.notices.extend(current.notices());
                self.current = None;
            }
            if let Some(path) = self.waiting.take() {
                match open::stream(&[&path], &self.options) {
                    Ok(stream) => self.current = Some(stream),
                    Err(error) => {
                        let candidate = Candidate {
                            id: path.display().to_string(),
                            id_is_place: true,
                            file: path.display().to_string(),
                            ..Candidate::default()
                        };
                        return Ok(vec![Row::unreadable(candidate, &error)]);
                    }
                }
                continue;
            }
            let files = self.files(most)?;
            if files.is_empty() && self.waiting.is_none() {
                return Ok(Vec::new());
            }
            if !files.is_empty() {
                let files: Vec<&Path> = files.iter().map(PathBuf::as_path).collect();
                return folder::rows_of_files(&files, &self.options)?.next(most);
            }
        }
    }

    fn notices(&mut self) -> Vec<String> {
        let mut notices = std::mem::take(&mut self.notices);
        notices.extend(self.current.as_mut().map_or(Vec::new(), Rows::notices));
        notices
    }
}
