//! The program as a user meets it: every test starts `rbgpu` in a folder of its
//! own and looks at the exit code, what is printed and what files there are.

mod bad_input;
mod bad_output;
mod bench;
mod calibrate;
mod damaged;
mod evaluate;
mod explain;
mod export;
mod finetune;
mod first_run;
mod fits_copies;
mod fixtures;
mod forest;
mod images;
mod import;
mod inject;
mod inputs;
mod kills;
mod labels;
mod leaks;
#[cfg(target_os = "linux")]
mod memory;
mod outputs;
mod pack;
mod printed;
mod reproduce;
mod resume;
mod same_bits;
mod score_formats;
mod score_streams;
mod scores;
#[cfg(unix)]
mod signals;
mod startup;
mod study;
mod suspect;
mod votes;
#[cfg(unix)]
mod work;
mod written;
mod wrong_file;

use std::path::{Path, PathBuf};
use std::process::Output;

use assert_cmd::Command;

/// A network that trains in no time, with everything in it that is random.
const TINY: &str = r#"
name = "tiny"
[training]
batch_size = 8
epochs = 3
split = "60/20/20"
[[layers]]
kind = "conv2d"
filters = 4
kernel = 3
activation = "relu"
[[layers]]
kind = "max_pool"
window = 4
[[layers]]
kind = "flatten"
[[layers]]
kind = "dropout"
rate = 0.3
[[layers]]
kind = "dense"
units = 2
activation = "softmax"
"#;

/// A folder for one test, with `tiny.toml` in it; it goes away in the end.
struct Desk {
    folder: tempfile::TempDir,
}

/// What a run of the program left.
#[derive(Debug)]
struct Ran {
    code: i32,
    out: String,
    err: String,
}

impl Desk {
    fn new() -> Desk {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("tiny.toml"), TINY).unwrap();
        Desk { folder }
    }

    /// One with 60 simulated cutouts of 16x16 in `set.npz`.
    fn with_set() -> Desk {
        let desk = Desk::new();
        desk.run("simulate --count 60 --size 16 --out set.npz")
            .done();
        desk
    }

    /// One with a trained `model.safetensors` too.
    fn with_model() -> Desk {
        let desk = Desk::with_set();
        desk.run("train set.npz --network tiny.toml --device cpu -o model.safetensors")
            .done();
        desk
    }

    fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.folder.path().join(name)
    }

    fn read(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.path(name)).unwrap_or_else(|e| panic!("{name}: {e}"))
    }

    fn text(&self, name: &str) -> String {
        String::from_utf8(self.read(name)).unwrap()
    }

    fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }

    /// Every file and folder here, by name.
    fn files(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.folder.path()).unwrap();
        let name = |entry: std::io::Result<std::fs::DirEntry>| {
            entry.unwrap().file_name().into_string().unwrap()
        };
        let mut names: Vec<String> = entries.map(name).collect();
        names.sort();
        names
    }

    /// The program, in this folder.
    fn command(&self) -> Command {
        let mut command = Command::cargo_bin("rbgpu").unwrap();
        command.current_dir(self.folder.path());
        command
    }

    /// Runs `rbgpu` with arguments that are separated by spaces.
    #[track_caller]
    fn run(&self, arguments: &str) -> Ran {
        let ran = Ran::of(
            self.command()
                .args(arguments.split_whitespace())
                .output()
                .unwrap(),
        );
        ran.without_panic();
        ran
    }

    /// Runs `rbgpu` and asserts that it fails with `code`, says all of `parts` on
    /// standard error, nothing on standard output, and leaves no file behind.
    #[track_caller]
    fn refuses(&self, arguments: &str, code: i32, parts: &[&str]) {
        let before = self.files();
        let ran = self.run(arguments);
        assert_eq!(ran.code, code, "{arguments}: {}", ran.err);
        ran.says(parts);
        assert_eq!(ran.out, "", "{arguments}");
        assert_eq!(self.files(), before, "{arguments} left files");
    }
}

impl Ran {
    fn of(output: Output) -> Ran {
        Ran {
            code: output.status.code().expect("not killed"),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }

    #[track_caller]
    fn without_panic(&self) {
        for word in ["panicked at", "RUST_BACKTRACE"] {
            assert!(!self.err.contains(word), "{}", self.err);
        }
    }

    /// Asserts that all went well.
    #[track_caller]
    fn done(self) -> Ran {
        assert_eq!(self.code, 0, "{}", self.err);
        self
    }

    /// Asserts that standard error says all of `parts`.
    #[track_caller]
    fn says(&self, parts: &[&str]) {
        for part in parts {
            assert!(self.err.contains(part), "no '{part}' in: {}", self.err);
        }
    }

    /// Asserts that standard output holds all of `parts`.
    #[track_caller]
    fn prints(&self, parts: &[&str]) {
        for part in parts {
            assert!(self.out.contains(part), "no '{part}' in: {}", self.out);
        }
    }

    /// Standard output as JSON.
    #[track_caller]
    fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.out).unwrap_or_else(|e| panic!("{e}: {}", self.out))
    }
}

/// The devices to test: cpu, and any adapter, which must be there unless
/// RBGPU_SKIP_GPU_TESTS is 1.
fn devices() -> Vec<&'static str> {
    if std::env::var_os("RBGPU_SKIP_GPU_TESTS").is_some_and(|value| value == "1") {
        println!("SKIPPED: a gpu test, because RBGPU_SKIP_GPU_TESTS is 1");
        return vec!["cpu"];
    }
    vec!["cpu", "gpu"]
}
