//! `rbgpu calibrate`: what is written and said, and what the model does from then on.

use super::Desk;

/// (score, decision) by row, of a csv file.
fn scores(desk: &Desk, name: &str) -> Vec<(f64, String)> {
    let text = desk.text(name);
    let mut lines = text.lines().map(|line| line.split(',').collect::<Vec<_>>());
    let names = lines.next().unwrap();
    let at = |name: &str| names.iter().position(|n| *n == name).unwrap();
    let (score, decision) = (at("rb_score"), at("decision"));
    lines
        .map(|row| (row[score].parse().unwrap(), row[decision].to_string()))
        .collect()
}

/// What the header of a model says, as text.
fn header(desk: &Desk, name: &str) -> String {
    let bytes = desk.read(name);
    let length = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    String::from_utf8(bytes[8..8 + length].to_vec())
        .unwrap()
        .replace('\\', "")
}

const CALIBRATE: &str = "calibrate model.safetensors set.npz --device cpu";

#[test]
fn scores_change_and_decisions_do_not() {
    let desk = Desk::with_model();
    desk.run("score model.safetensors set.npz --device cpu -o before.csv")
        .done();
    let ran = desk
        .run(&format!("{CALIBRATE} -o calibrated.safetensors"))
        .done();
    ran.prints(&[
        "12 candidates",
        "the validation part",
        "temperature ",
        "ECE",
        "Brier",
        "after, by 5-fold",
    ]);
    ran.prints(&["the same candidates are real"]);
    ran.says(&["calibrated.safetensors"]);
    // An older rbgpu passes over a calibration in format 1.
    assert!(header(&desk, "model.safetensors").contains(r#""format":1,"#));
    let calibrated = header(&desk, "calibrated.safetensors");
    for part in [
        r#""format":2,"#,
        r#""calibration":{"method":"temperature""#,
        r#""candidates":12"#,
    ] {
        assert!(calibrated.contains(part), "{part}: {calibrated}");
    }
    // The split is known of the new model too.
    assert_eq!(
        desk.read("model.split.csv"),
        desk.read("calibrated.split.csv")
    );
    desk.run("score calibrated.safetensors set.npz --device cpu -o after.csv")
        .done();
    let (before, after) = (scores(&desk, "before.csv"), scores(&desk, "after.csv"));
    assert_eq!(before.len(), 60);
    let mut order: Vec<usize> = (0..60).collect();
    order.sort_by(|&a, &b| before[a].0.total_cmp(&before[b].0));
    assert!(order.windows(2).all(|w| after[w[0]].0 <= after[w[1]].0));
    assert!(
        before
            .iter()
            .zip(&after)
            .any(|(b, a)| (b.0 - a.0).abs() > 1e-3)
    );
    for (b, a) in before.iter().zip(&after) {
        assert_eq!(b.1, a.1);
    }

    let summary = desk.run("summary calibrated.safetensors").done();
    summary.prints(&["calibration: temperature", "real from P(real) ="]);
    desk.run("summary model.safetensors")
        .done()
        .prints(&["calibration: none"]);
    let json = desk
        .run("summary calibrated.safetensors --json")
        .done()
        .json();
    assert_eq!(json["calibration"]["method"], "temperature");
    // A temperature goes into the weights of other formats.
    desk.run("export calibrated.safetensors -o m.onnx").done();
}

#[test]
fn isotonic_and_which_rows() {
    let desk = Desk::with_model();
    let ran = desk
        .run(&format!(
            "{CALIBRATE} --method isotonic --all -o i.safetensors"
        ))
        .done();
    ran.prints(&["60 candidates", "all rows", "isotonic, "]);
    ran.says(&["few for an isotonic map"]);
    assert!(header(&desk, "i.safetensors").contains(r#""method":"isotonic","x":["#));
    desk.run("score i.safetensors set.npz --device cpu -o i.csv")
        .done();
    assert!(
        scores(&desk, "i.csv")
            .iter()
            .all(|row| (0.0..=1.0).contains(&row.0))
    );
    desk.run(&format!("{CALIBRATE} --part test -o t.safetensors"))
        .done()
        .prints(&["12 candidates", "the test part"]);
    let parts = ["isotonic", "export the model that it was calibrated from"];
    desk.refuses("export i.safetensors -o i.onnx", 2, &parts);
    let parts = [
        "i.safetensors",
        "calibration",
        "the model that this one was made from",
    ];
    desk.refuses(
        "calibrate i.safetensors set.npz --device cpu -o again.safetensors",
        1,
        &parts,
    );
}

#[test]
fn what_cannot_be_done_is_refused() {
    let desk = Desk::with_model();
    let model = desk.read("model.safetensors");
    desk.refuses(
        &format!("{CALIBRATE} -o model.safetensors"),
        2,
        &["another file than the input"],
    );
    assert_eq!(desk.read("model.safetensors"), model);
    desk.refuses(
        &format!("{CALIBRATE} --method platt -o m.safetensors"),
        2,
        &["temperature or isotonic"],
    );
    desk.refuses(
        &format!("{CALIBRATE} --all --part test -o m.safetensors"),
        2,
        &["--part"],
    );
}
