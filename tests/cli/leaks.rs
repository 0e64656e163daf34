//! What a model was fitted to does not test it: objects, ids and pixels that are repeated, and
//! splits that are not the model's own.

use std::collections::HashMap;

use super::Desk;
use super::fixtures::{alternating, noise, npy, npz, strings};

const TRAIN: &str = "train objects.npz --network tiny.toml --epochs 1 --device cpu";

/// 60 cutouts of 20 objects, three each one after the other; those of `copies` have the pixels
/// of the row beside it.
fn objects(desk: &Desk, name: &str, prefix: &str, copies: &[(usize, usize)]) {
    let mut pixels = noise(60 * 256);
    for &(to, from) in copies {
        pixels.copy_within(from * 256..(from + 1) * 256, to * 256);
    }
    let names = |text: &dyn Fn(usize) -> String| strings(&(0..60).map(text).collect::<Vec<_>>());
    npz(
        &desk.path(name),
        &[
            ("cube", npy("|u1", "(60, 16, 16, 1)", &pixels)),
            ("labels", alternating(60)),
            ("candids", names(&|row| format!("{prefix}{row}"))),
            ("objects", names(&|row| format!("o{}", row / 3))),
        ],
    );
}

/// The rows of a split.csv by their columns' names.
fn rows(desk: &Desk, name: &str) -> Vec<HashMap<String, String>> {
    super::scores::rows(&desk.text(name))
}

/// How many objects are in several parts.
fn torn(desk: &Desk, name: &str) -> usize {
    let mut parts: HashMap<String, Vec<String>> = HashMap::new();
    for row in rows(desk, name) {
        parts
            .entry(row["object"].clone())
            .or_default()
            .push(row["part"].clone());
    }
    parts
        .values()
        .filter(|of| of.iter().any(|part| *part != of[0]))
        .count()
}

#[test]
fn detections_of_one_object_are_not_shared_out_between_parts() {
    let desk = Desk::new();
    objects(&desk, "objects.npz", "c", &[]);
    let ran = desk.run(&format!("{TRAIN} -o rb.safetensors")).done();
    ran.says(&["60 rows of 20 objects are kept together", "--group none"]);
    assert_eq!(torn(&desk, "rb.split.csv"), 0);
    let all = rows(&desk, "rb.split.csv");
    let held = |part: &str| all.iter().filter(|row| row["part"] == part).count();
    assert_eq!(
        [held("train"), held("validation"), held("test")],
        [36, 12, 12]
    );
    assert!(all.iter().all(|row| row["pixels"].len() == 8), "{all:?}");
    // What shares nothing is not said to share.
    let ran = desk
        .run("evaluate rb.safetensors objects.npz --device cpu -o whole")
        .done();
    assert!(!ran.err.contains("share"), "{}", ran.err);

    let ran = desk
        .run(&format!("{TRAIN} --group none -o torn.safetensors"))
        .done();
    assert!(!ran.err.contains("kept together"), "{}", ran.err);
    assert!(torn(&desk, "torn.split.csv") > 5);
    let ran = desk
        .run("evaluate torn.safetensors objects.npz --device cpu -o torn")
        .done();
    ran.says(&["of 12 candidates share an object or pixels with the training part of torn"]);
    let json: serde_json::Value = serde_json::from_str(&desk.text("torn/evaluation.json")).unwrap();
    assert!(
        json["notices"].to_string().contains("share an object"),
        "{json}"
    );
    assert!(desk.text("torn/report.html").contains("share an object"));
    desk.run("calibrate torn.safetensors objects.npz --group none --device cpu -o c.safetensors")
        .done()
        .says(&["share an object or pixels with the training part"]);
    // By id alone; nobody else knows of the objects then.
    desk.run(&format!("{TRAIN} --group id -o id.safetensors"))
        .done();
    assert!(torn(&desk, "id.split.csv") > 5);
    desk.refuses(
        &format!("{TRAIN} --group star -o s.safetensors"),
        2,
        &["--group", "object"],
    );
    desk.run("simulate --count 40 --size 16 --out set.npz")
        .done();
    let line = "train set.npz --network tiny.toml --group object --device cpu -o s.safetensors";
    desk.refuses(line, 1, &["objects", "none", "--group id"]);
}

#[test]
fn repeated_cutouts_are_found_in_other_data_by_their_pixels() {
    let desk = Desk::new();
    objects(&desk, "objects.npz", "c", &[(1, 0)]);
    let ran = desk.run(&format!("{TRAIN} -o rb.safetensors")).done();
    ran.says(&[
        "1 repeated cutout (2 rows) have contradicting labels",
        "--labels FILE",
    ]);
    // The same cutouts under other ids, without objects.
    let names: Vec<String> = (0..60).map(|row| format!("new{row}")).collect();
    npz(
        &desk.path("renamed.npz"),
        &[
            ("cube", npy("|u1", "(60, 16, 16, 1)", &noise(60 * 256))),
            ("labels", alternating(60)),
            ("candids", strings(&names)),
        ],
    );
    let trained = rows(&desk, "rb.split.csv");
    let trained = trained.iter().filter(|row| row["part"] == "train").count();
    let ran = desk
        .run("evaluate rb.safetensors renamed.npz --device cpu -o report")
        .done();
    // Row 1 has the pixels of row 0 in training only.
    let both = [trained, trained - 1].map(|n| format!("{n} of 60 candidates share"));
    assert!(
        both.iter().any(|text| ran.err.contains(text)),
        "{}",
        ran.err
    );
    let ran = desk
        .run("suspect renamed.npz --model rb.safetensors --device cpu")
        .done();
    ran.says(&["share an object or pixels with the training part of rb"]);
    desk.write("other.csv", "id,part\nnew0,train\nnew1,test\n");
    let ran = desk
        .run("evaluate rb.safetensors renamed.npz --split other.csv --device cpu -o named")
        .done();
    ran.says(&["other.csv is not the split that rb.safetensors was trained with"]);
}

#[test]
fn a_split_that_is_not_the_model_s_own_is_refused() {
    let desk = Desk::with_set();
    for (seed, name) in [(1, "one"), (2, "two")] {
        desk.run(&format!(
            "train set.npz --network tiny.toml --epochs 1 --seed {seed} --device cpu -o {name}.safetensors"
        ))
        .done();
    }
    let own = desk.text("one.split.csv");
    desk.write("kept.csv", &own);
    let lines = [
        "evaluate one.safetensors set.npz --device cpu -o report",
        "calibrate one.safetensors set.npz --device cpu -o c.safetensors",
        "suspect set.npz --model one.safetensors --device cpu",
    ];
    let refused = |text: &str| {
        desk.write("one.split.csv", text);
        for line in lines {
            let parts = [
                "one.split.csv",
                "not the split that one.safetensors was trained with",
                "put back the file",
            ];
            desk.refuses(line, 1, &parts);
        }
    };
    // Of another model; a part edited; a row gone.
    refused(&desk.text("two.split.csv"));
    refused(&own.replacen(",train,", ",test,", 1));
    refused(&own.lines().take(60).collect::<Vec<_>>().join("\n"));
    // One that is named is taken, with a word.
    let named = "evaluate one.safetensors set.npz --device cpu --split";
    desk.run(&format!("{named} two.split.csv -o named"))
        .done()
        .says(&["two.split.csv is not the split that one.safetensors was trained with"]);
    let ran = desk.run(&format!("{named} kept.csv -o kept")).done();
    assert!(!ran.err.contains("is not the split"), "{}", ran.err);
    // Rows in another order say the same.
    let mut sorted: Vec<&str> = own.lines().skip(1).collect();
    sorted.sort();
    let head = own.lines().next().unwrap();
    desk.write("one.split.csv", format!("{head}\n{}\n", sorted.join("\n")));
    desk.run(lines[0]).done().says(&["held out: the test part"]);
    // A calibrated model has the split of the one that it was made from.
    desk.run(lines[1]).done();
    desk.run("evaluate c.safetensors set.npz --device cpu -o calibrated")
        .done();
}

#[test]
fn folds_and_studies_keep_objects_together() {
    let desk = Desk::new();
    objects(&desk, "objects.npz", "c", &[]);
    let line = "suspect objects.npz --network tiny.toml --folds 3 --epochs 1 --device cpu";
    desk.run(line)
        .done()
        .says(&["60 rows of 20 objects are kept together"]);
    for fold in 1..=3 {
        let name = format!("suspects.folds/tiny-{fold}-of-3/model.split.csv");
        assert_eq!(torn(&desk, &name), 0, "{name}");
    }
    let ran = desk
        .run("study size objects.npz --network tiny.toml --sizes 20 --epochs 1 --device cpu -o s")
        .done();
    ran.says(&["60 rows of 20 objects are kept together"]);
}

#[test]
fn what_goes_on_from_a_model_keeps_objects_where_they_were() {
    let desk = Desk::new();
    objects(&desk, "objects.npz", "c", &[]);
    desk.run(&format!("{TRAIN} -o rb.safetensors")).done();
    // Other detections of the same objects, and these.
    objects(&desk, "more.npz", "d", &[(0, 1)]);
    let line = "train objects.npz more.npz --from rb.safetensors --epochs 1 --device cpu -o";
    let ran = desk.run(&format!("{line} again.safetensors")).done();
    ran.says(&[
        "60 of 120 candidates are new to rb.safetensors",
        "120 rows of 20 objects",
        "are kept together",
    ]);
    assert_eq!(torn(&desk, "again.split.csv"), 0);
    let ran = desk
        .run(&format!(
            "{line} other.safetensors --split 50/20/30 --seed 7"
        ))
        .done();
    ran.says(&["or belong to such", "they are in the training part"]);
    assert_eq!(torn(&desk, "other.split.csv"), 0);
}
