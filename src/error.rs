//! One error type for the whole crate.
//!
//! Every message reads as a sentence: what was being done, to which file or
//! op, what was found, what was expected.

pub mod escape;

use std::io;
use std::path::{Path, PathBuf};

use escape::{one_line, shown};

/// The crate's result.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Whatever can go wrong in rbgpu.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// An op was given tensors that do not fit it or each other.
    #[error("{op}: {problem} (input shapes {shapes})")]
    Shape {
        /// The op.
        op: &'static str,
        /// What does not fit.
        problem: String,
        /// Every input's shape, as printed.
        shapes: String,
    },

    /// A file holds something else than what was expected of it.
    #[error(
        "{}: {}: found {found}, expected {expected}",
        shown(path),
        one_line(place)
    )]
    Input {
        /// The file or folder.
        path: PathBuf,
        /// The place in it: a key, a line, an HDU, a row.
        place: String,
        /// What stands there.
        found: String,
        /// What should stand there, and where it helps, what to do.
        expected: String,
    },

    /// A candidate cannot be used.
    #[error("{}: {why}", one_line(candidate))]
    Candidate {
        /// Its file or id.
        candidate: String,
        /// Why: what was found and what was expected.
        why: String,
    },

    /// The operating system refused a file operation.
    #[error("could not {doing} {}: {source}", shown(path))]
    Io {
        /// The attempt, as a verb: "read", "write", "create".
        doing: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The system's own words.
        source: io::Error,
    },

    /// An option, or a setting in a file, that cannot be used.
    #[error("{what}: {found} cannot be used; expected {expected}")]
    Config {
        /// The option or setting.
        what: String,
        /// Its value.
        found: String,
        /// What it may be.
        expected: String,
    },

    /// No device answers to what was asked for.
    #[error("no device for '{wanted}': {problem}")]
    NoDevice {
        /// The selector that was given.
        wanted: String,
        /// Why, and what was found instead.
        problem: String,
    },

    /// A device failed, was lost, or refused a kernel.
    #[error("device {device} failed while {doing}: {problem}")]
    Device {
        /// The adapter's name.
        device: String,
        /// What it was doing: an op's kernel, an upload, a read-back.
        doing: String,
        /// The driver's or the validator's own words.
        problem: String,
    },

    /// A tensor or dispatch that is beyond a limit of the device.
    #[error(
        "{what} needs {needed} {unit}, and {device} allows {limit}; {}",
        less(device)
    )]
    TooLarge {
        /// The op or buffer.
        what: String,
        /// The adapter's name.
        device: String,
        /// How much is needed.
        needed: u64,
        /// How much the device allows.
        limit: u64,
        /// Bytes, workgroups, ...
        unit: &'static str,
    },

    /// Training went wrong: the loss is not a number.
    #[error(
        "training diverged in epoch {epoch}, step {step}: the loss is {loss}; try a lower --learning-rate or another --normalise"
    )]
    Diverged {
        /// Epoch, from 1.
        epoch: usize,
        /// Step in the epoch, from 1.
        step: usize,
        /// The loss as it was read.
        loss: f64,
    },

    /// Whoever watches the work asked it to end early, as after a signal.
    #[error("stopped {at}{}", saved(checkpoint))]
    Interrupted {
        /// Where: "in epoch 3, step 12 of 40".
        at: String,
        /// The checkpoint that holds this state, if there is one.
        checkpoint: Option<PathBuf>,
    },
}

fn saved(checkpoint: &Option<PathBuf>) -> String {
    match checkpoint {
        Some(path) => format!("; checkpoint: {}", path.display()),
        None => String::new(),
    }
}

/// What to do when `device` has no room: not to go to the cpu where that is where it
/// happened.
fn less(device: &str) -> &'static str {
    match device {
        "cpu" | "cpu-f64" | "the system" => "use a smaller batch, or let it have more memory",
        _ => "use a smaller batch or --device cpu",
    }
}

impl Error {
    /// Whether less work at a time may help: a tensor that is too large, or memory
    /// that is not there.
    pub fn is_too_large(&self) -> bool {
        matches!(self, Error::TooLarge { .. })
    }

    /// An [`Error::Io`] for `path`; `doing` is a verb.
    pub fn io(doing: &'static str, path: impl AsRef<Path>) -> impl FnOnce(io::Error) -> Error {
        let path = path.as_ref().to_path_buf();
        move |source| Error::Io {
            doing,
            path,
            source,
        }
    }

    /// An [`Error::Interrupted`] where nothing had to be saved.
    pub fn interrupted(at: impl Into<String>) -> Error {
        Error::Interrupted {
            at: at.into(),
            checkpoint: None,
        }
    }

    /// An [`Error::Input`] for `path`.
    pub fn input(
        path: impl AsRef<Path>,
        place: impl Into<String>,
        found: impl Into<String>,
        expected: impl Into<String>,
    ) -> Error {
        Error::Input {
            path: path.as_ref().to_path_buf(),
            place: place.into(),
            found: found.into(),
            expected: expected.into(),
        }
    }

    /// An [`Error::Config`].
    pub fn config(
        what: impl Into<String>,
        found: impl Into<String>,
        expected: impl Into<String>,
    ) -> Error {
        Error::Config {
            what: what.into(),
            found: found.into(),
            expected: expected.into(),
        }
    }

    /// An [`Error::Shape`] for `op` with the shapes it was given.
    pub fn shape(op: &'static str, problem: impl Into<String>, shapes: &[&[usize]]) -> Error {
        let shapes = shapes
            .iter()
            .map(|s| format!("{s:?}"))
            .collect::<Vec<_>>()
            .join(", ");
        Error::Shape {
            op,
            problem: problem.into(),
            shapes,
        }
    }
}
