//! Memory that the system refuses is an error or a smaller part, and never the end of the process.

use super::{Desk, Ran};

/// A network whose first layer takes 660 KB for each cutout of 51x51, and each way once more.
const WIDE: &str = r#"
name = "wide"
input = [51, 51, 1]
[training]
batch_size = 512
epochs = 1
split = "98/1/1"
[[layers]]
kind = "conv2d"
filters = 64
kernel = 3
activation = "relu"
[[layers]]
kind = "batch_norm"
[[layers]]
kind = "max_pool"
window = 8
[[layers]]
kind = "flatten"
[[layers]]
kind = "dense"
units = 1
activation = "sigmoid"
"#;

/// Runs `rbgpu` with an address space of `mib` MiB.
fn limited(desk: &Desk, mib: usize, arguments: &str) -> Ran {
    let program = assert_cmd::cargo::cargo_bin("rbgpu");
    // Each thread has a stack and a heap of its own, which count.
    let line = format!(
        "ulimit -v {}; export RAYON_NUM_THREADS=2; exec \"$0\" {arguments}",
        mib << 10
    );
    let output = std::process::Command::new("bash")
        .arg("-c")
        .arg(line)
        .arg(program)
        .current_dir(desk.folder.path())
        .output();
    let output = output.unwrap();
    assert!(
        output.status.code().is_some(),
        "ended by a signal: {output:?}"
    );
    let ran = Ran::of(output);
    ran.without_panic();
    assert!(!ran.err.contains("memory allocation of"), "{}", ran.err);
    ran
}

fn desk() -> Desk {
    let desk = Desk::new();
    desk.write("wide.toml", WIDE);
    desk.run("simulate --count 530 --size 51 --seed 3 --out set.npz")
        .done();
    desk
}

#[test]
fn a_batch_beyond_the_limit_is_trained_in_parts() {
    let desk = desk();
    let train = "train set.npz --network wide.toml --batch-size 512 --device cpu";
    let ran = limited(&desk, 600, &format!("{train} -o a.safetensors")).done();
    ran.says(&["the device has no room for 512", "at a time"]);
    let ran = limited(
        &desk,
        600,
        "score a.safetensors set.npz --batch-size 512 --device cpu",
    );
    assert_eq!(ran.code, 0, "{}", ran.err);
}

#[test]
fn at_every_limit_there_is_an_end_in_words() {
    let desk = desk();
    for mib in [150, 200, 250, 300, 400, 600] {
        let train = "train set.npz --network wide.toml --batch-size 512 --device cpu --epochs 1";
        let ran = limited(&desk, mib, &format!("{train} -o {mib}.safetensors"));
        println!("{mib} MiB: {} {}", ran.code, ran.err);
        if ran.code != 0 {
            ran.says(&["memory"]);
        }
        // All of the model or nothing.
        let there = desk.path(format!("{mib}.safetensors")).exists();
        assert_eq!(there, ran.code == 0);
    }
}
