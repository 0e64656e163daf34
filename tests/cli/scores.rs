//! `rbgpu score`: a row per candidate, the scores that training saw, and broken
//! files among good ones.

use std::collections::HashMap;
use std::io::{BufRead, BufReader};
use std::process::Stdio;

use super::Desk;
use super::fixtures::{fits, fits_without_data, npy, npz};

/// (decision, label) by id.
fn decisions(csv: &str) -> HashMap<String, (String, String)> {
    let row = |line: &str| {
        let cells: Vec<&str> = line.split(',').collect();
        (cells[0].into(), (cells[2].into(), cells[7].into()))
    };
    csv.lines().skip(1).map(row).collect()
}

#[test]
fn one_row_per_candidate() {
    let desk = Desk::with_model();
    let to_stdout = desk
        .run("score model.safetensors set.npz --device cpu")
        .done();
    let lines: Vec<&str> = to_stdout.out.lines().collect();
    assert_eq!(
        lines[0],
        "id,rb_score,decision,mag,mag_err,filter,fwhm,label"
    );
    assert_eq!(lines.len(), 61);
    for line in &lines[1..] {
        let score: f64 = line.split(',').nth(1).unwrap().parse().unwrap();
        assert!((0.0..=1.0).contains(&score), "{line}");
    }
    let ran = desk
        .run("score model.safetensors set.npz --device cpu -o s.csv")
        .done();
    ran.says(&["60 candidates", "s.csv"]);
    assert_eq!(ran.out, "");
    assert_eq!(desk.text("s.csv"), to_stdout.out);
    let quiet = desk
        .run("score model.safetensors set.npz --device cpu -q --out -")
        .done();
    assert_eq!((quiet.out, quiet.err.as_str()), (to_stdout.out, ""));
}

#[test]
fn options_of_score() {
    let desk = Desk::with_model();
    let line = "score model.safetensors set.npz --device cpu";
    let ran = desk.run(&format!(
        "{line} --score-name p --threshold 0 --batch-size 7"
    ));
    let ran = ran.done();
    assert!(ran.out.starts_with("id,p,decision,"));
    assert!(!ran.out.contains("bogus"), "every score is at least 0");
    let whole = desk.run(line).done();
    let scores = |text: &str| -> Vec<String> {
        let second = |line: &str| line.split(',').nth(1).unwrap().to_string();
        text.lines().skip(1).map(second).collect()
    };
    assert_eq!(
        scores(&ran.out),
        scores(&whole.out),
        "whatever the batch size"
    );
    desk.refuses(
        &format!("{line} --threshold 1.5"),
        2,
        &["--threshold", "from 0 to 1"],
    );
    desk.refuses(&format!("{line} --batch-size 0"), 2, &["--batch-size"]);
}

#[test]
fn the_scores_that_training_measured() {
    for device in super::devices() {
        let desk = Desk::with_set();
        let line = format!("train set.npz --network tiny.toml --device {device} --json");
        let report = desk.run(&line).done().json();
        let line = format!("score tiny.safetensors set.npz --device {device}");
        let decisions = decisions(&desk.run(&line).done().out);
        for part in ["validation", "test"] {
            let split = desk.text("tiny.split.csv");
            let ids = split
                .lines()
                .map(|line| line.split(',').collect::<Vec<_>>())
                .filter(|cells| cells[1] == part)
                .map(|cells| cells[0].to_string());
            let (mut right, mut all) = (0, 0);
            for id in ids {
                let (decision, label) = &decisions[&id];
                right += usize::from((decision == "real") == (label == "1"));
                all += 1;
            }
            let metrics = &report["metrics"][part];
            assert_eq!(metrics["candidates"], all);
            assert_eq!(
                metrics["accuracy"],
                right as f64 / f64::from(all),
                "{part}, {device}"
            );
        }
    }
}

#[test]
fn a_closed_pipe_is_no_failure() {
    let desk = Desk::with_model();
    // More than a pipe holds.
    let mut arguments = vec!["score", "model.safetensors", "--device", "cpu", "-q"];
    arguments.extend(["set.npz"; 60]);
    let mut child = std::process::Command::new(assert_cmd::cargo::cargo_bin("rbgpu"))
        .current_dir(desk.folder.path())
        .args(arguments)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    let mut pipe = BufReader::with_capacity(64, child.stdout.take().unwrap());
    pipe.read_line(&mut line).unwrap();
    drop(pipe);
    assert!(line.starts_with("id,rb_score"));
    let output = child.wait_with_output().unwrap();
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "");
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn cutouts_of_another_size() {
    let desk = Desk::with_model();
    desk.run("simulate --count 10 --size 20 --out larger.npz")
        .done();
    let parts = [
        "larger.npz",
        "20x20x1",
        "16x16x1, which model.safetensors was trained on",
    ];
    desk.refuses("score model.safetensors larger.npz -o s.csv", 1, &parts);
}

#[test]
fn a_broken_file_among_good_ones() {
    let desk = Desk::with_model();
    for i in 0..4 {
        desk.write(&format!("new/{i}.fits"), fits(16, |p| (p * i) as f32, &[]));
    }
    let edge = "EDGE    = 'True    '";
    desk.write("new/edge.fits", fits(16, |p| p as f32, &[edge]));
    let line = "score model.safetensors new --device cpu";
    let ran = desk.run(line).done();
    ran.says(&["edge.fits: EDGE is True"]);
    assert_eq!(ran.out.lines().count(), 5, "EDGE is left out by rule");

    desk.write("new/broken.fits", fits_without_data());
    desk.write("new/short.fits", &fits(16, |p| p as f32, &[])[..3000]);
    desk.write("new/empty.fits", "");
    let ran = desk.run(line);
    assert_eq!(ran.code, 3, "{}", ran.err);
    ran.says(&[
        "broken.fits",
        "no image data",
        "short.fits",
        "truncated",
        "empty.fits",
    ]);
    assert_eq!(ran.out.lines().count(), 5, "{}", ran.out);
    desk.refuses(&format!("{line} --strict"), 1, &["broken.fits"]);

    // The same, file by file.
    let files = ["0", "1", "broken", "2", "edge", "3", "empty"];
    let files: Vec<String> = files.iter().map(|f| format!("new/{f}.fits")).collect();
    let line = format!("score model.safetensors --device cpu {}", files.join(" "));
    let one_by_one = desk.run(&line);
    assert_eq!(one_by_one.code, 3, "{}", one_by_one.err);
    assert_eq!(one_by_one.out, ran.out);
    desk.refuses(
        "score model.safetensors new/broken.fits",
        1,
        &["broken.fits"],
    );
}

#[test]
fn many_broken_files_are_counted() {
    let desk = Desk::with_model();
    desk.write("new/good.fits", fits(16, |p| p as f32, &[]));
    for i in 0..9 {
        desk.write(&format!("new/broken{i}.fits"), fits_without_data());
    }
    let line = "score model.safetensors new --device cpu";
    let ran = desk.run(line);
    assert_eq!(ran.code, 3);
    ran.says(&[
        "broken0.fits",
        "left out 4 more that cannot be read (-v lists them)",
    ]);
    assert!(!ran.err.contains("broken8.fits"));
    desk.run(&format!("{line} -v")).says(&["broken8.fits"]);
}

/// A number that is none is never taken for a decision.
#[test]
fn pixels_beyond_f32_have_no_score() {
    let desk = Desk::with_set();
    let line = "train set.npz --network tiny.toml --epochs 1 --normalise none --device cpu";
    desk.run(&format!("{line} -o none.safetensors")).done();
    let pixels: Vec<u8> = (0..2 * 256)
        .map(|i| if i < 256 { 1.0_f32 } else { 3e38 })
        .flat_map(f32::to_le_bytes)
        .collect();
    let cube = npy("<f4", "(2, 16, 16, 1)", &pixels);
    npz(&desk.path("two.npz"), &[("cube", cube)]);
    let ran = desk.run("score none.safetensors two.npz --device cpu -o scores.csv");
    assert_eq!(ran.code, 3, "{}", ran.err);
    ran.says(&["1 have no score", "beyond what f32 can hold"]);
    let text = desk.text("scores.csv");
    let rows: Vec<&str> = text.lines().skip(1).collect();
    assert!(rows[1].starts_with("1,,unscored"), "{}", rows[1]);
    assert!(!rows[0].contains("unscored"), "{}", rows[0]);
}
