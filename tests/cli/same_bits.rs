//! Same seed, same device: the same bytes. No clock, no thread, no map order
//! gets into a file.

use super::{Desk, devices};

/// What a training run of `name` writes, the picture apart.
pub const FILES: [&str; 3] = ["safetensors", "history.jsonl", "split.csv"];

/// Trains in a desk that holds `set.npz`, turning cutouts, with dropout.
fn train(desk: &Desk, device: &str, seed: u64) -> Vec<Vec<u8>> {
    let line = format!(
        "train set.npz --network tiny.toml --augment d4 --device {device} --seed {seed} \
         -o m.safetensors --force"
    );
    desk.run(&line).done();
    FILES
        .map(|end| desk.read(&format!("m.{end}")))
        .into_iter()
        .chain([desk.read("m.curve.png")])
        .collect()
}

#[test]
fn two_runs_write_the_same_bytes() {
    for device in devices() {
        let (one, two) = (Desk::with_set(), Desk::with_set());
        assert_eq!(one.read("set.npz"), two.read("set.npz"), "simulated sets");
        let first = train(&one, device, 7);
        assert!(first == train(&two, device, 7), "another folder, {device}");
        assert!(first == train(&one, device, 7), "written over, {device}");
    }
}

#[test]
fn another_seed_changes_everything() {
    for device in devices() {
        let desk = Desk::with_set();
        let (one, two) = (train(&desk, device, 7), train(&desk, device, 8));
        for (file, (a, b)) in FILES.iter().zip(one.iter().zip(&two)) {
            assert!(a != b, "{file} does not depend on the seed, {device}");
        }
    }
}

#[test]
fn threads_do_not_change_the_bits() {
    let desk = Desk::with_set();
    let train = |threads: &str| {
        let line = "train set.npz --network tiny.toml --device cpu -o m.safetensors --force";
        let mut command = desk.command();
        command.env("RAYON_NUM_THREADS", threads);
        command.args(line.split(' ')).assert().success();
        desk.read("m.safetensors")
    };
    assert!(train("1") == train("3"));
}

#[test]
fn a_simulated_survey_is_trained_on_without_input() {
    let desk = Desk::new();
    let line = "train --network tiny.toml --simulated 60 --epochs 1 --device cpu";
    desk.run(line).done().says(&["simulating a survey of 60"]);
    let first = desk.read("tiny.safetensors");
    desk.run(line).done();
    assert!(first == desk.read("tiny.safetensors"));
}
