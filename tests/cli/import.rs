//! `rbgpu import`: what is written and said, and what the model then scores.

use std::path::Path;

use super::fixtures::{noise, npy, npz};
use super::{Desk, devices};

/// A desk with the files of tests/fixtures/keras that are named, and eight cutouts of
/// their size, 9x9x2, in `set.npz`.
fn desk(names: &[&str]) -> Desk {
    let desk = Desk::new();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/keras");
    for name in names {
        desk.write(name, std::fs::read(folder.join(name)).unwrap());
    }
    let cutouts = npy("|u1", "(8, 9, 9, 2)", &noise(8 * 9 * 9 * 2));
    npz(&desk.path("set.npz"), &[("cube", cutouts)]);
    desk
}

/// The scores of a csv file.
fn scores(desk: &Desk, name: &str) -> Vec<f64> {
    let text = desk.text(name);
    let score = |row: &str| row.split(',').nth(1).unwrap().parse().unwrap();
    text.lines().skip(1).map(score).collect()
}

#[test]
fn a_network_is_imported_and_scores_on_every_device() {
    let desk = desk(&["keras2.h5"]);
    let ran = desk.run("import keras2.h5 --preprocess standard -o m.safetensors");
    let ran = ran.done();
    ran.says(&[
        "GUESSED P(real)",
        "7 layers, 215 parameters",
        "9x9x2 after standard",
    ]);
    assert_eq!(ran.out, "");
    desk.run("summary m.safetensors")
        .done()
        .prints(&["keras2", "215"]);
    let all = devices().into_iter().map(|device| {
        let line = format!("score m.safetensors set.npz --device {device} -o {device}.csv");
        desk.run(&line).done();
        scores(&desk, &format!("{device}.csv"))
    });
    let all: Vec<_> = all.collect();
    let first = &all[0];
    assert!(
        first.len() == 8 && first.iter().any(|s| (s - first[0]).abs() > 1e-3),
        "{first:?}"
    );
    for other in &all {
        let near = first.iter().zip(other).all(|(a, b)| (a - b).abs() <= 1e-5);
        assert!(near, "{first:?} {other:?}");
    }

    let inverted = "import keras2.h5 --preprocess standard --real-output inverted";
    let ran = desk.run(&format!("{inverted} -o i.safetensors")).done();
    assert!(!ran.err.contains("GUESSED"), "{}", ran.err);
    desk.run("score i.safetensors set.npz --device cpu -o i.csv")
        .done();
    let sums = first.iter().zip(scores(&desk, "i.csv")).map(|(a, b)| a + b);
    assert!(sums.into_iter().all(|sum| (sum - 1.0).abs() <= 1e-6));
}

#[test]
fn the_quiet_one_says_nothing() {
    let desk = desk(&["keras2.json", "keras2_weights.h5"]);
    let ran = desk.run("import keras2.json keras2_weights.h5 -q -o m.safetensors");
    assert_eq!(ran.done().err, "");
}

#[test]
fn what_cannot_be_imported_leaves_nothing() {
    let desk = desk(&["keras2.h5", "keras2_weights.h5", "torch.pth"]);
    desk.run("import keras2.h5 -q -o own.safetensors").done();
    for (line, code, parts) in [
        ("import nowhere.h5 -o m.safetensors", 1, &["nowhere.h5"][..]),
        ("import set.npz -o m.safetensors", 1, &["set.npz"]),
        (
            "import keras2_weights.h5 -o m.safetensors",
            1,
            &["no model_config"],
        ),
        (
            "import keras2.h5 -o keras2.h5",
            2,
            &["another file than the input"],
        ),
        (
            "import keras2.h5 --real-output 1 -o m.safetensors",
            2,
            &["--real-output"],
        ),
        (
            "import keras2.h5 --preprocess braai -o m.safetensors",
            2,
            &["'braai'", "9x9x2"],
        ),
        (
            "import keras2.h5 --threshold 2 -o m.safetensors",
            2,
            &["--threshold"],
        ),
        ("import torch.pth -o m.safetensors", 2, &["--network"]),
        (
            "import own.safetensors -o m.safetensors",
            1,
            &["rbgpu's own", "rbgpu score"],
        ),
    ] {
        desk.refuses(line, code, parts);
    }
}

/// What rbgpu writes for Keras it reads again, to the last bit of every score.
#[test]
fn what_was_exported_comes_back() {
    let desk = Desk::with_model();
    desk.run("score model.safetensors set.npz --device cpu -o before.csv")
        .done();
    for file in ["m.h5", "m.keras"] {
        desk.run(&format!("export model.safetensors --out {file}"))
            .done();
        let back = format!("import {file} --preprocess standard --real-output 1 -q");
        desk.run(&format!("{back} -o back.safetensors --force"))
            .done();
        desk.run("score back.safetensors set.npz --device cpu -o after.csv")
            .done();
        assert_eq!(
            scores(&desk, "before.csv"),
            scores(&desk, "after.csv"),
            "{file}"
        );
    }
}
