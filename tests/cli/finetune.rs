//! `rbgpu train --from MODEL`.

use super::Desk;

/// Ids of a part in a split.csv, sorted.
fn part(desk: &Desk, name: &str, part: &str) -> Vec<String> {
    let text = desk.text(name);
    let rows = text.lines().map(|line| line.split(',').collect::<Vec<_>>());
    let mut ids: Vec<String> = rows
        .filter(|row| row[1] == part)
        .map(|row| row[0].to_string())
        .collect();
    ids.sort();
    ids
}

const GO_ON: &str =
    "train set.npz --from model.safetensors --device cpu -o tuned.safetensors --force";

#[test]
fn it_goes_on_with_the_split_of_the_model() {
    let desk = Desk::with_model();
    let ran = desk
        .run(&format!(
            "{GO_ON} --epochs 2 --freeze conv2d --learning-rate 1e-3"
        ))
        .done();
    ran.says(&[
        "split as that of model.safetensors",
        "going on from model.safetensors, preprocessing 'standard'; frozen: conv2d",
        "before training: validation loss",
    ]);
    assert_eq!(desk.read("tuned.split.csv"), desk.read("model.split.csv"));
    // Known to evaluate, and to whoever goes on from it.
    desk.run("evaluate tuned.safetensors set.npz --device cpu --out report")
        .done()
        .says(&["held out: the test part"]);
    // A network may be named if it is the model's; dropout is free.
    desk.run(&format!(
        "{GO_ON} --epochs 1 --network tiny.toml --dropout 0.1"
    ))
    .done();
}

#[test]
fn what_it_was_fitted_to_does_not_test_it() {
    let desk = Desk::with_model();
    let ran = desk
        .run(&format!("{GO_ON} --epochs 1 --split 40/20/40 --seed 8"))
        .done();
    ran.says(&[
        "candidates of the test part",
        "they are in the training part",
    ]);
    let before = part(&desk, "model.split.csv", "test");
    let test = part(&desk, "tuned.split.csv", "test");
    assert!(
        !test.is_empty() && test.iter().all(|id| before.contains(id)),
        "{test:?}"
    );
    let all: usize = ["train", "validation", "test"]
        .iter()
        .map(|name| part(&desk, "tuned.split.csv", name).len())
        .sum();
    assert_eq!(all, 60);
    // Other data are split anew; of more data what is known stays where it was.
    desk.run("simulate --count 40 --size 16 --seed 2 --out other.npz")
        .done();
    desk.run("train other.npz --from model.safetensors --epochs 1 --device cpu -o new.safetensors")
        .done()
        .says(&["none of other.npz is in model.split.csv"]);
    let ran = desk
        .run("train set.npz other.npz --from model.safetensors --epochs 1 --device cpu -o more.safetensors")
        .done();
    ran.says(&["40 of 100 candidates are new to model.safetensors"]);
    let test = part(&desk, "more.split.csv", "test");
    assert!(before.iter().all(|id| test.contains(id)));
    assert!(test.len() > before.len(), "and some of the new ones");
    // Where nobody can tell, it is said.
    std::fs::remove_file(desk.path("model.split.csv")).unwrap();
    desk.run("pack set.npz --frac-true 0.3 -o some.npz").done();
    desk.run("train some.npz --from model.safetensors --epochs 1 --device cpu -o some.safetensors")
        .done()
        .says(&["the test part may hold some of them"]);
}

#[test]
fn a_start_that_nothing_beats_is_kept_and_said() {
    let desk = Desk::with_model();
    desk.run("calibrate model.safetensors set.npz --device cpu -o parent.safetensors")
        .done();
    let run = "train set.npz --from parent.safetensors --device cpu --epochs 2 --learning-rate 50 -o tuned.safetensors";
    let ran = desk.run(run).done();
    ran.says(&["the calibration of parent.safetensors", "is left out"]);
    ran.prints(&["no epoch was better on the validation part than parent.safetensors"]);
    desk.run("score tuned.safetensors set.npz --device cpu -o tuned.csv")
        .done();
    desk.run("score model.safetensors set.npz --device cpu -o model.csv")
        .done();
    let scores = |name: &str| -> Vec<String> {
        let text = desk.text(name);
        text.lines()
            .map(|l| l.split(',').nth(1).unwrap().to_string())
            .collect()
    };
    assert_eq!(scores("tuned.csv"), scores("model.csv"));
    let json = desk
        .run(&format!("{run} --json --quiet --force"))
        .done()
        .json();
    assert_eq!(
        (&json["improved"], &json["best_epoch"]),
        (&false.into(), &0.into())
    );
    desk.run("evaluate tuned.safetensors set.npz --device cpu --out report")
        .done();
}

#[test]
fn what_contradicts_the_model_is_refused() {
    let desk = Desk::with_model();
    for (more, code, parts) in [
        (
            "--network des1",
            2,
            &["--network", "tiny, the model's own network"][..],
        ),
        (
            "--normalise mad",
            2,
            &["--normalise", "standard, as the model has it"],
        ),
        (
            "--freeze convolution",
            2,
            &["--freeze", "'convolution'", "conv2d, dense"],
        ),
        ("--freeze *", 2, &["at least one layer less than all"]),
    ] {
        desk.refuses(&format!("{GO_ON} {more}"), code, parts);
    }
    desk.refuses("train set.npz --freeze conv2d", 2, &["--from"]);
    desk.refuses(
        "train set.npz --from model.safetensors -o model.safetensors --device cpu",
        2,
        &["another file than the input"],
    );
    desk.refuses(
        "train set.npz --from none.safetensors -o x.safetensors",
        1,
        &["none.safetensors"],
    );
    desk.run("simulate --count 40 --size 20 --out larger.npz")
        .done();
    desk.refuses(
        "train larger.npz --from model.safetensors --device cpu -o x.safetensors",
        1,
        &["20x20x1", "16x16x1", "rbgpu pack --cutout-size"],
    );
}

#[test]
fn what_its_start_was_fitted_to_is_known_of_it() {
    let desk = Desk::with_model();
    desk.run("simulate --count 60 --size 16 --seed 2 --out night.npz")
        .done();
    desk.run("train night.npz --from model.safetensors --epochs 1 --device cpu -o b.safetensors")
        .done();
    // Its own split knows nothing of the set that its start was fitted to.
    desk.run("evaluate b.safetensors set.npz --device cpu --out report")
        .done()
        .says(&["held out: the test part"]);
    let rows = desk.text("report/scores.csv");
    let mut looked_at: Vec<String> = rows
        .lines()
        .skip(1)
        .map(|row| row.split(',').next().unwrap().into())
        .collect();
    looked_at.sort();
    assert_eq!(looked_at, part(&desk, "model.split.csv", "test"));
    let on = "train set.npz --from b.safetensors --epochs 1 --device cpu -o c.safetensors";
    desk.run(on)
        .done()
        .says(&["split as that of b.safetensors"]);
    assert_eq!(desk.read("c.split.csv"), desk.read("model.split.csv"));
    let fitted = part(&desk, "model.split.csv", "train").len();
    desk.run("suspect set.npz --model b.safetensors --device cpu --gallery 0 -o suspects.csv")
        .done()
        .says(&[&format!("fitted to {fitted} of the 60 candidates")]);
    // Without its start nobody can tell; of its own night its own split does.
    std::fs::remove_file(desk.path("model.safetensors")).unwrap();
    desk.refuses(
        "evaluate b.safetensors set.npz --device cpu --out again",
        1,
        &[
            "model.safetensors, which is not there",
            "--split FILE, or --all",
        ],
    );
    desk.run(&format!("{on} --force"))
        .done()
        .says(&["the test part may hold some of them"]);
    desk.run("evaluate b.safetensors night.npz --device cpu --out night")
        .done()
        .says(&["held out: the test part"]);
}

#[test]
fn a_start_whose_first_epoch_breaks_down_is_kept_and_written() {
    let desk = Desk::with_model();
    desk.write("tuned.curve.png", "of a run before");
    let run = format!("{GO_ON} --epochs 2 --learning-rate 1e30");
    let ran = desk.run(&run).done();
    ran.says(&["the weights that it began with are kept"]);
    ran.prints(&["no complete epoch; the initial weights are kept"]);
    assert_eq!(desk.text("tuned.history.jsonl"), "");
    assert_eq!(desk.read("tuned.split.csv"), desk.read("model.split.csv"));
    assert!(!desk.path("tuned.curve.png").exists());
    let json = desk.run(&format!("{run} --json --quiet")).done().json();
    assert_eq!((&json["curve"], &json["epochs"]), (&().into(), &0.into()));
    desk.run("evaluate tuned.safetensors set.npz --device cpu --out report")
        .done();
}
