//! `--labels FILE`: labels that were repaired, and the rows that a model was not fitted to.

use super::{Desk, Ran};

/// Rows of `split.csv` in the test part: (id, label).
fn test_part(desk: &Desk, name: &str) -> Vec<(String, u8)> {
    let text = desk.text(name);
    let rows = text.lines().map(|line| line.split(',').collect::<Vec<_>>());
    rows.filter(|row| row[1] == "test")
        .map(|row| (row[0].to_string(), row[2].parse().unwrap()))
        .collect()
}

/// Ids of the candidates that an evaluation looked at.
fn looked_at(desk: &Desk, folder: &str) -> Vec<String> {
    let text = desk.text(&format!("{folder}/scores.csv"));
    let mut ids: Vec<String> = text
        .lines()
        .skip(1)
        .map(|l| l.split(',').next().unwrap().into())
        .collect();
    ids.sort();
    ids
}

fn evaluated(desk: &Desk, more: &str, out: &str) -> Ran {
    let run = format!("evaluate model.safetensors set.npz {more} --device cpu --json --out {out}");
    desk.run(&run).done()
}

fn accuracy(ran: &Ran) -> f64 {
    ran.json()["classifiers"][0]["metrics"]["accuracy"]["value"]
        .as_f64()
        .unwrap()
}

/// The three first test rows, with the other label.
fn repair(desk: &Desk) -> Vec<(String, u8)> {
    let test = test_part(desk, "model.split.csv");
    let turned = test[..3]
        .iter()
        .map(|(id, label)| format!("{id},{}\n", 1 - label));
    desk.write(
        "repaired.csv",
        format!("id,label\n{}", turned.collect::<String>()),
    );
    test
}

#[test]
fn a_model_from_before_the_repair_finds_its_held_out_rows() {
    let desk = Desk::with_model();
    let test = repair(&desk);
    for keep in ["model.split.csv", "moved.csv"] {
        // With the split beside it, and made anew without.
        if keep == "moved.csv" {
            std::fs::rename(desk.path("model.split.csv"), desk.path(keep)).unwrap();
        }
        let before = evaluated(&desk, "", &format!("before-{keep}"));
        let after = evaluated(&desk, "--labels repaired.csv", &format!("after-{keep}"));
        after.says(&[
            "held out: the test part",
            "repaired.csv has labels of 3 of 60",
        ]);
        let mut ids: Vec<String> = test.iter().map(|(id, _)| id.clone()).collect();
        ids.sort();
        assert_eq!(looked_at(&desk, &format!("before-{keep}")), ids);
        assert_eq!(looked_at(&desk, &format!("after-{keep}")), ids);
        let moved = (accuracy(&before) - accuracy(&after)) * test.len() as f64;
        assert!(
            (moved.round() - moved).abs() < 1e-6 && moved.round() as i64 % 2 != 0,
            "{moved}"
        );
    }
}

#[test]
fn row_numbers_are_believed_with_the_labels_that_were_repaired() {
    let desk = Desk::with_set();
    // The same cube, its candidates numbered.
    let mut set = rbgpu::data::open(&[desk.path("set.npz")], &Default::default()).unwrap();
    for (row, candidate) in set.candidates.iter_mut().enumerate() {
        candidate.id = row.to_string();
    }
    rbgpu::data::writer::write_cube(desk.path("numbered.npz"), &set).unwrap();
    std::fs::rename(desk.path("numbered.npz"), desk.path("set.npz")).unwrap();
    let train = "train set.npz --network tiny.toml --device cpu -o model.safetensors";
    desk.run(train).done();
    let test = repair(&desk);
    let after = evaluated(&desk, "--labels repaired.csv", "after");
    after.says(&[
        "3 of 60 candidates have another label",
        "held out: the test part",
    ]);
    assert_eq!(after.json()["candidates"], test.len());
    // Those that nobody can decide any more are left out.
    desk.write("repaired.csv", format!("id,label\n{},-1\n", test[0].0));
    let less = evaluated(&desk, "--labels repaired.csv", "less");
    assert_eq!(less.json()["candidates"], test.len() - 1);
    // A model trained on the repaired labels finds its rows with them, not without.
    repair(&desk);
    desk.run(&format!("{train} --labels repaired.csv --force"))
        .done();
    evaluated(&desk, "--labels repaired.csv", "again");
    desk.refuses(
        "evaluate model.safetensors set.npz --device cpu --out without",
        1,
        &["row numbers with other labels", "--split FILE"],
    );
}

#[test]
fn a_repaired_cube_is_packed() {
    let desk = Desk::with_model();
    repair(&desk);
    desk.run("pack set.npz --labels repaired.csv -o repaired.npz")
        .done();
    let read = |name: &str, labels: Option<&str>| {
        let options = rbgpu::data::ReadOptions {
            labels_required: true,
            labels: labels.map(|name| desk.path(name)),
            ..Default::default()
        };
        rbgpu::data::open(&[desk.path(name)], &options)
            .unwrap()
            .labels
            .unwrap()
    };
    assert_eq!(
        read("repaired.npz", None),
        read("set.npz", Some("repaired.csv"))
    );
    assert_ne!(read("repaired.npz", None), read("set.npz", None));
    // Labels are known in scores, too.
    desk.run("score model.safetensors set.npz --device cpu --labels repaired.csv -o scores.csv")
        .done();
    desk.write("none.csv", "id,label\nnobody,1\n");
    desk.refuses(
        "train set.npz --network tiny.toml --device cpu -o other.safetensors --labels none.csv",
        1,
        &[
            "none.csv",
            "none of the candidates",
            "ids such as 'sim1-000000'",
        ],
    );
}

#[test]
fn wrong_labels_are_planted_and_told() {
    let desk = Desk::new();
    let ran = desk
        .run("simulate --count 100 --size 16 --wrong-labels 0.1 --out set.npz")
        .done();
    ran.says(&["10 of the labels are wrong", "set.truth.csv"]);
    let truth = desk.text("set.truth.csv");
    assert_eq!(truth.matches(",flipped,").count(), 10);
    desk.run("simulate --count 100 --size 16 --wrong-labels 0.1 --out fits")
        .done();
    assert_eq!(desk.text("fits.truth.csv"), truth);
    let run =
        "train fits --labels fits.truth.csv --network tiny.toml --device cpu -o rb.safetensors";
    desk.run(run)
        .done()
        .says(&["labels of 100 of 100 candidates: 10 are others"]);
    desk.refuses(
        "simulate --count 100 --wrong-labels 0.5 --out other.npz",
        2,
        &["wrong_labels", "0.5"],
    );
}
