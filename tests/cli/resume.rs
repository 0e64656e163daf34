//! Killed at any moment, `--resume` goes on and ends with the very bits of the
//! run that was not killed.

use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use rbgpu::data::atomic::{atomic_write, sweep};

use super::same_bits::FILES;
use super::{Desk, devices};

const TRAIN: &str = "train set.npz --network tiny.toml --augment d4 --epochs 6 --batch-size 6";

fn spawn(desk: &Desk, line: &str) -> Child {
    std::process::Command::new(assert_cmd::cargo::cargo_bin("rbgpu"))
        .current_dir(desk.folder.path())
        .args(line.split_whitespace())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// Starts a run and kills it some time after it wrote a checkpoint of its own;
/// whether it was killed before it ended.
fn kill(desk: &Desk, line: &str, after: Duration) -> bool {
    let checkpoint = desk.path("killed.checkpoint.safetensors");
    let written = || {
        std::fs::metadata(&checkpoint)
            .and_then(|m| m.modified())
            .ok()
    };
    let before = written();
    let mut child = spawn(desk, line);
    let started = Instant::now();
    while written() == before && child.try_wait().unwrap().is_none() {
        assert!(started.elapsed() < Duration::from_secs(60), "no checkpoint");
        std::thread::sleep(Duration::from_micros(200));
    }
    std::thread::sleep(after);
    // SIGKILL: nothing in the program can notice.
    child.kill().unwrap();
    !child.wait().unwrap().success()
}

#[test]
fn killed_and_resumed_is_as_never_killed() {
    for device in devices() {
        killed_and_resumed(&format!("{TRAIN} --device {device}"), &[]);
    }
}

/// In f16, with overflows to begin with: dlogits of up to 1/6 of the scale are more
/// than f16 can hold, until it is 2¹⁸.
#[test]
fn killed_and_resumed_in_f16_is_as_never_killed() {
    if devices().contains(&"gpu") {
        let f16 = "--device gpu --precision f16 --loss-scale 1e7";
        let desk = killed_and_resumed(&format!("{TRAIN} {f16}"), &[]);
        let losses: Vec<f64> = val_losses(&desk.text("whole.history.jsonl"));
        assert!(losses[0] != losses[5], "weights moved: {losses:?}");
    }
}

/// In parts: 36 candidates of 784 x 64 f32 and more do not fit in 1 MiB at once.
#[test]
fn killed_and_resumed_in_parts_is_as_never_killed() {
    let line = TRAIN
        .replace("tiny.toml", "wide.toml")
        .replace("--batch-size 6", "--batch-size 36");
    for device in devices() {
        let line = format!("{line} --device {device} --memory-limit 1");
        killed_and_resumed(&line, &["no room for 36 candidates at once"]);
    }
}

fn val_losses(history: &str) -> Vec<f64> {
    let record = |line: &str| serde_json::from_str::<serde_json::Value>(line).unwrap();
    let loss = |line| record(line)["val_loss"].as_f64().unwrap();
    history.lines().map(loss).collect()
}

/// The desk where `line` was killed five times, after a whole run that said `parts`.
fn killed_and_resumed(line: &str, parts: &[&str]) -> Desk {
    let desk = Desk::with_set();
    // The tiny network with 64 filters, and batch norm, which sees one part at a time.
    let norm = "[[layers]]\nkind = \"batch_norm\"\nepsilon = 1e-3\nmomentum = 0.9\n";
    let pool = "[[layers]]\nkind = \"max_pool\"";
    let wide = desk
        .text("tiny.toml")
        .replace("filters = 4", "filters = 64")
        .replace(pool, &format!("{norm}{pool}"));
    desk.write("wide.toml", wide);
    desk.run(&format!("{line} -o whole.safetensors"))
        .done()
        .says(parts);

    // Forced, since a run that was over before it was killed begins anew.
    let line = format!("{line} --checkpoint-every 0 -o killed.safetensors --force");
    let mut kills = 0;
    for _ in 0..100 {
        // From within the first checkpoint to some epochs later.
        let after = Duration::from_micros(700 * kills * kills);
        match kill(&desk, &format!("{line} --resume"), after) {
            true => kills += 1,
            // It was over already, on a machine with other things to do.
            false => kills = 0,
        }
        if kills == 5 {
            break;
        }
    }
    assert_eq!(kills, 5, "killed that often in one run of {line}");
    desk.run(&format!("{line} --resume")).done();
    for end in FILES {
        assert!(
            desk.read(&format!("whole.{end}")) == desk.read(&format!("killed.{end}")),
            "{end} differs after {line}"
        );
    }
    let left = desk.files();
    assert!(
        !left
            .iter()
            .any(|f| f.contains("checkpoint") || f.starts_with('.')),
        "{left:?}"
    );
    desk
}

/// A desk where a run was killed.
fn killed() -> Desk {
    let desk = Desk::with_set();
    let line = format!("{TRAIN} --device cpu --epochs 500 --checkpoint-every 0");
    let line = line.replace("--epochs 6 ", "");
    assert!(kill(
        &desk,
        &format!("{line} -o killed.safetensors"),
        Duration::ZERO
    ));
    // It may have been killed while it wrote the next one.
    sweep(&desk.folder);
    desk
}

#[test]
fn other_settings_or_data_are_refused() {
    let desk = killed();
    let base = "train set.npz --network tiny.toml --augment d4 --epochs 500 --batch-size 6 \
                --device cpu --resume -o killed.safetensors";
    let name = "killed.checkpoint.safetensors";
    let resume = |from: &str, to: &str, parts: &[&str]| {
        let line = base.replace(from, to);
        assert_ne!(line, base);
        let checkpoint = desk.read(name);
        let ran = desk.run(&line);
        assert_eq!(ran.code, 1, "{line}: {}", ran.err);
        ran.says(&[&[name, "start over with --force"], parts].concat());
        assert!(checkpoint == desk.read(name), "the checkpoint is untouched");
        assert!(!desk.path("killed.safetensors").exists());
    };
    resume(
        "--batch-size 6",
        "--batch-size 7",
        &["settings: found batch_size 6, expected batch_size 7"],
    );
    resume(
        "--epochs 500",
        "--epochs 9 --seed 2",
        &["epochs 500", "seed 1", "expected epochs 9, seed 2"],
    );
    resume("tiny.toml", "otrain", &["another architecture"]);
    resume(
        "--augment d4",
        "--normalise l2",
        &["augment", "normalisation"],
    );
    if devices().contains(&"gpu") {
        resume("--device cpu", "--device gpu", &["device: found cpu"]);
    }

    desk.run("simulate --count 60 --size 16 --seed 2 --out other.npz")
        .done();
    resume(
        "set.npz",
        "other.npz",
        &["data: found 60 cutouts of 16x16x1"],
    );
    // The same ids and labels, other pixels.
    let (ids, labels) = (super::fixtures::noise(60), super::fixtures::alternating(60));
    let ids = super::fixtures::npy("|u1", "(60,)", &ids);
    let mut pixels = super::fixtures::cutouts(60, 1);
    let set = |pixels: &[u8]| {
        let members = [
            ("cube", pixels.to_vec()),
            ("labels", labels.clone()),
            ("candids", ids.clone()),
        ];
        super::fixtures::npz(&desk.path("pixels.npz"), &members);
    };
    set(&pixels);
    let line = base.replace("set.npz", "pixels.npz");
    let fresh = line.replace("--resume", "--checkpoint-every 0 --force");
    assert!(kill(&desk, &fresh, Duration::ZERO));
    *pixels.last_mut().unwrap() ^= 255;
    set(&pixels);
    resume("set.npz", "pixels.npz", &["data: found 60 cutouts"]);
}

#[test]
fn without_a_checkpoint_it_starts_and_says_so() {
    let desk = Desk::with_set();
    let line = "train set.npz --network tiny.toml --epochs 1 --device cpu -o m.safetensors";
    desk.run(&format!("{line} --resume"))
        .done()
        .says(&["no m.checkpoint.safetensors: starting from the beginning"]);
    assert!(desk.path("m.safetensors").exists());
}

#[test]
fn with_force_a_checkpoint_is_replaced_and_temporary_files_are_removed() {
    let desk = killed();
    // What a write that is killed half-way leaves has this name.
    let mut left = String::new();
    atomic_write(desk.path("killed.safetensors"), |_| {
        let hidden = desk.files().into_iter().find(|f| f.starts_with(".killed"));
        left = hidden.expect("the file is being written");
        Ok(())
    })
    .unwrap();
    desk.write(&left, "half a model");
    desk.write(".other.safetensors.a1b2c3.rbgpu-tmp", "of another run");
    let line = "train set.npz --network tiny.toml --epochs 1 --device cpu -o killed.safetensors \
                --force";
    desk.run(line)
        .done()
        .says(&["unfinished run is replaced", "--resume"]);
    let hidden: Vec<String> = desk
        .files()
        .into_iter()
        .filter(|f| f.starts_with('.'))
        .collect();
    assert_eq!(hidden, [""; 0]);
    assert!(!desk.path("killed.checkpoint.safetensors").exists());
}

#[test]
fn a_damaged_checkpoint_is_an_error() {
    let desk = killed();
    let line = "train set.npz --network tiny.toml --augment d4 --epochs 500 --batch-size 6 \
                --device cpu --resume -o killed.safetensors";
    let name = "killed.checkpoint.safetensors";
    let whole = desk.read(name);
    desk.write(name, &whole[..whole.len() - 5]);
    desk.refuses(line, 1, &[name]);
    let mut flipped = whole.clone();
    *flipped.last_mut().unwrap() ^= 64;
    desk.write(name, flipped);
    desk.refuses(line, 1, &[name, "damaged"]);
}

/// Starting one run must not take away what another is writing.
#[test]
fn a_temporary_file_that_is_being_written_stays() {
    let desk = Desk::new();
    atomic_write(desk.path("one"), |_| {
        sweep(&desk.folder);
        Ok(())
    })
    .unwrap();
    assert!(desk.path("one").exists());
}
