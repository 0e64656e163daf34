//! What a training says before and after it, so that nothing about it is silent: its batch, classes
//! that are imbalanced, that nothing was learned, that a threshold is none.

use super::Desk;
use super::fixtures::{alternating, cutouts, noise, npy, npz};

/// `bogus` bogus cutouts behind `real` real ones.
fn labels(real: usize, bogus: usize) -> Vec<u8> {
    let data: Vec<u8> = (0..real + bogus).map(|i| u8::from(i < real)).collect();
    npy("|u1", &format!("({},)", real + bogus), &data)
}

#[test]
fn a_training_says_its_batch_steps_rate_epochs_patience_classes_and_device() {
    let desk = Desk::with_set();
    let train = "train set.npz --network tiny.toml --device cpu -o m.safetensors --force";
    let ran = desk.run(train).done();
    ran.says(&[
        "training tiny on cpu: batch 8 (5 steps per epoch), learning rate 0.001, up to 3 epochs, \
         patience 5; 19 real and 17 bogus",
    ]);
    ran.prints(&["best epoch: ", "decision threshold: P(real) \u{2265} 0."]);
    assert!(
        !ran.err.contains("--batch-size"),
        "the default is no choice of the user"
    );
    let chosen = desk.run(&format!("{train} --batch-size 36 --json")).done();
    chosen.says(&["batch 36 (1 step per epoch; published batch: 8)"]);
    chosen.says(&["warning: --batch-size 36 leaves 1 step per epoch"]);
    let json = chosen.json();
    assert_eq!(
        (&json["batch_size"], &json["steps_per_epoch"]),
        (&36.into(), &1.into())
    );
    let said = json["warnings"][0].as_str().unwrap();
    assert!(said.starts_with("--batch-size 36 leaves"), "{json:#}");
    let wide = desk
        .run("train set.npz --network otrain --epochs 1 --device cpu -o o.safetensors")
        .done();
    wide.says(&[
        "batch 16 (4 steps per epoch; published batch: 1024)",
        "up to 1 epochs, patience 15, augmented by d4 (fewer than 2000 candidates",
    ]);
    let as_published = desk
        .run("train set.npz --network otrain --epochs 1 --augment none --device cpu -o q.safetensors")
        .done();
    as_published.says(&["up to 1 epochs, patience 5; 26 real"]);
    // A run from it has the same rule.
    desk.run("train set.npz --from o.safetensors --epochs 1 --device cpu -o p.safetensors")
        .done()
        .says(&["batch 16 (4 steps per epoch; published batch: 1024)"]);
    desk.run("study size set.npz --sizes 10,20 --epochs 1 --batch-size 20 --device cpu -o s")
        .done()
        .says(&["batch 20 (3 steps per epoch", "leaves 3 steps per epoch"]);
}

#[test]
fn imbalanced_classes_are_said_and_can_be_weighted_or_oversampled() {
    let desk = Desk::new();
    let members = [("cube", cutouts(80, 1)), ("labels", labels(10, 70))];
    npz(&desk.path("set.npz"), &members);
    let train = "train set.npz --network tiny.toml --device cpu -o m.safetensors --force";
    desk.run(train).done().says(&[
        "the classes are imbalanced: 12.5 % of the training part is real",
        "--class-weight balanced",
    ]);
    for (more, said) in [
        (
            "--class-weight balanced",
            "class weights: real 4.000, bogus 0.571",
        ),
        ("--class-weight 3", "class weights: real 3.000, bogus 1.000"),
        ("--balance", "smaller class oversampled to 42"),
    ] {
        let ran = desk.run(&format!("{train} {more}")).done();
        ran.says(&[said]);
        assert!(!ran.err.contains("imbalanced"), "{}", ran.err);
    }
    for wrong in ["0", "-1", "nan", "half"] {
        let line = format!("{train} --class-weight {wrong}");
        desk.refuses(&line, 2, &["--class-weight"]);
    }
    desk.refuses(
        &format!("{train} --balance --class-weight 2"),
        2,
        &["one of the two"],
    );
}

#[test]
fn a_network_that_learned_nothing_keeps_one_half_and_says_why() {
    let desk = Desk::new();
    let train = "train set.npz --network tiny.toml --device cpu -o m.safetensors --json --force";
    let check = |members: &[(&str, Vec<u8>)], parts: &[&str]| {
        npz(&desk.path("set.npz"), members);
        let ran = desk.run(train).done();
        ran.says(parts);
        ran.says(&[
            "warning: nothing was learned: ",
            "the decision threshold is 0.5",
        ]);
        let json = ran.json();
        assert_eq!(
            (&json["threshold"], &json["learned"]),
            (&0.5.into(), &false.into())
        );
        assert!(json["warnings"].as_array().unwrap().len() >= 2, "{json:#}");
    };
    let constant = npy("|u1", "(60, 16, 16, 1)", &[9; 60 * 256]);
    let set = [("cube", constant), ("labels", alternating(60))];
    check(
        &set,
        &["have the score", "are equal after preprocessing 'standard'"],
    );
    let large = noise(60 * 256).into_iter();
    let large = large.flat_map(|byte| (f64::from(byte) * 1e300).to_le_bytes());
    let large = npy("<f8", "(60, 16, 16, 1)", &large.collect::<Vec<u8>>());
    let set = [("cube", large), ("labels", alternating(60))];
    check(&set, &["infinite in f32, which ends at 3.4e38"]);
}

#[test]
fn a_set_threshold_says_what_it_reaches_and_when_the_rows_are_too_few() {
    let desk = Desk::with_model();
    let set = "evaluate model.safetensors set.npz --all --out r --force --set-threshold";
    let ran = desk.run(&format!("{set} fpr=0.5")).done();
    ran.prints(&[
        "is stored in the model (before: ",
        "chosen by FPR 0.5 on all rows",
        "of 31 real and 29 bogus candidates there: FPR 0.",
        "(95% interval 0.",
        ", MDR 0.",
    ]);
    assert!(!ran.err.contains("too few"), "{}", ran.err);
    let ran = desk.run(&format!("{set} fpr=0.01 --json")).done();
    ran.says(&["warning: 29 bogus candidates are too few for FPR 0.01: it takes at least 300"]);
    let reached = &ran.json()["set_threshold"];
    assert_eq!(
        (&reached["real"], &reached["bogus"]),
        (&31.into(), &29.into())
    );
    assert!(
        reached["fpr"]["high"].as_f64().unwrap() >= 0.11,
        "{reached:#}"
    );
    desk.run(&format!("{set} mdr=0.02"))
        .done()
        .says(&["31 real candidates are too few for MDR 0.02: it takes at least 150"]);
}

/// 1 is every candidate; whoever writes it may mean 1%.
#[test]
fn a_rate_of_every_candidate_is_refused() {
    let desk = Desk::with_model();
    let before = std::fs::read(desk.path("model.safetensors")).unwrap();
    for rule in ["fpr=1", "mdr=1"] {
        let line =
            format!("evaluate model.safetensors set.npz --all --out r --set-threshold {rule}");
        desk.refuses(&line, 2, &[rule, "fpr=0.01 for 1%"]);
    }
    assert_eq!(
        std::fs::read(desk.path("model.safetensors")).unwrap(),
        before
    );
}
