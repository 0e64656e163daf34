//! `rbgpu score`: a row per candidate, the scores that training saw, and broken
//! files among good ones.

use std::collections::HashMap;
use std::io::{BufRead, BufReader};
use std::process::Stdio;

use super::Desk;
use super::fixtures::{fits, fits_without_data, noise, npy, npz};

/// The columns of a table of scores, whatever is known.
pub const COLUMNS: &str = "id,rb_score,decision,object,mag,mag_err,filter,fwhm,fwhm_psf,ra,dec,\
                           mjd,x,y,parent,telescope,edge,survey_score,file,label,error";

/// The rows of a table of scores, each with its cells by column.
pub fn rows(csv: &str) -> Vec<HashMap<String, String>> {
    let mut reader = csv::Reader::from_reader(csv.as_bytes());
    reader.deserialize().map(Result::unwrap).collect()
}

/// (decision, label) by id.
fn decisions(csv: &str) -> HashMap<String, (String, String)> {
    let row = |mut row: HashMap<String, String>| {
        let mut cell = |name| row.remove(name).unwrap();
        (cell("id"), (cell("decision"), cell("label")))
    };
    rows(csv).into_iter().map(row).collect()
}

#[test]
fn one_row_per_candidate() {
    let desk = Desk::with_model();
    let to_stdout = desk
        .run("score model.safetensors set.npz --device cpu")
        .done();
    let lines: Vec<&str> = to_stdout.out.lines().collect();
    assert_eq!(lines[0], COLUMNS);
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
    let line = "score model.safetensors larger.npz --device cpu";
    // Nothing fits: one error, at once, in place of a row each.
    let why = "a cutout of 20x20x1, where the model takes 16x16x1 (--cutout-size 16 crops)";
    desk.refuses(
        &format!("{line} -o s.csv"),
        1,
        &[why, "so are all of the first 10 cutouts"],
    );
    // Among others a row each.
    let ran = desk.run("score model.safetensors set.npz larger.npz --device cpu");
    assert_eq!(ran.code, 3, "{}", ran.err);
    ran.says(&["no score for 5 more"]);
    let all = rows(&ran.out);
    assert_eq!(all.len(), 70);
    for row in &all[60..] {
        assert_eq!((&*row["decision"], &*row["rb_score"]), ("unscored", ""));
        assert_eq!(row["error"], why);
    }
    desk.refuses(&format!("{line} --strict -o s.csv"), 1, &["20x20x1"]);

    // The middle of what is larger has the scores that it would have by itself.
    let pixels = noise(3 * 400);
    let middle = |i: &usize| (2..18).contains(&(i / 20 % 20)) && (2..18).contains(&(i % 20));
    let cropped: Vec<u8> = (0..1200).filter(middle).map(|i| pixels[i]).collect();
    desk.write("whole.npy", npy("|u1", "(3, 20, 20, 1)", &pixels));
    desk.write("middle.npy", npy("|u1", "(3, 16, 16, 1)", &cropped));
    let score = |input: &str| {
        let line = format!("score model.safetensors {input} --device cpu");
        desk.run(&line).done().out
    };
    assert_eq!(score("whole.npy --cutout-size 16"), score("middle.npy"));
    desk.refuses(&format!("{line} --cutout-size 0"), 2, &["--cutout-size"]);

    // What is smaller is padded, and one notice says how many.
    desk.run("simulate --count 10 --size 12 --out smaller.npz")
        .done();
    let ran = desk.run("score model.safetensors smaller.npz --device cpu");
    let ran = ran.done();
    ran.says(&["10 of 10 cutouts are smaller than 16x16 and were padded"]);
    assert!(rows(&ran.out).iter().all(|row| row["error"].is_empty()));
}

#[test]
fn a_broken_file_among_good_ones() {
    let desk = Desk::with_model();
    for i in 0..4 {
        desk.write(&format!("new/{i}.fits"), fits(16, |p| (p * i) as f32, &[]));
    }
    let edge = "EDGE    = 'True    '";
    desk.write("new/edge.fits", fits(16, |p| p as f32, &[edge]));
    desk.write("new/blank.fits", fits(16, |_| f32::NAN, &[]));
    let line = "score model.safetensors new --device cpu";
    let ran = desk.run(line).done();
    ran.says(&["edge.fits: EDGE is True", "blank.fits: no finite pixel"]);
    let scored = |out: &str| -> Vec<(String, bool)> {
        let name = |file: &str| file.trim_start_matches("new/").to_string();
        let row = |row: HashMap<String, String>| {
            let unscored = row["decision"] == "unscored";
            assert_eq!(row["rb_score"].is_empty(), unscored, "{row:?}");
            assert_eq!(row["error"].is_empty(), !unscored, "{row:?}");
            (name(&row["file"]), !unscored)
        };
        rows(out).into_iter().map(row).collect()
    };
    let row = |name: &str, has_score| (format!("{name}.fits"), has_score);
    let mut expected: Vec<_> = ["0", "1", "2", "3"].map(|n| row(n, true)).into();
    expected.extend(["blank", "edge"].map(|n| row(n, false)));
    assert_eq!(
        scored(&ran.out),
        expected,
        "a row each, by rule without a score"
    );

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
    expected.extend(["broken", "empty", "short"].map(|n| row(n, false)));
    expected.sort();
    assert_eq!(
        scored(&ran.out),
        expected,
        "broken ones cost their own rows"
    );
    desk.refuses(&format!("{line} --strict"), 1, &["broken.fits"]);
    desk.refuses(&format!("{line} --strict -o s.csv"), 1, &["broken.fits"]);

    // The same, file by file, in the order given.
    let files = ["0", "1", "broken", "2", "edge", "3", "empty"];
    let files: Vec<String> = files.iter().map(|f| format!("new/{f}.fits")).collect();
    let line = format!("score model.safetensors --device cpu {}", files.join(" "));
    let one_by_one = desk.run(&line);
    assert_eq!(one_by_one.code, 3, "{}", one_by_one.err);
    let names: Vec<String> = scored(&one_by_one.out).into_iter().map(|r| r.0).collect();
    let given = files.iter().map(|f| f.trim_start_matches("new/"));
    assert!(names.iter().eq(given), "{names:?}");
    let by_file = |out: &str| -> HashMap<String, String> {
        let line = |line: &str| (line.split(',').nth(18).unwrap().into(), line.into());
        out.lines().map(line).collect()
    };
    let all = by_file(&ran.out);
    for (file, line) in by_file(&one_by_one.out) {
        assert_eq!(all[&file], line);
    }
    // One file alone is treated like one of many.
    let alone = desk.run("score model.safetensors new/broken.fits --device cpu");
    assert_eq!(alone.code, 3, "{}", alone.err);
    for (file, line) in by_file(&alone.out) {
        assert_eq!(all[&file], line);
    }
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
        "no score for 4 more that cannot be read or scored (-v lists them)",
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
    ran.says(&[
        "no score for 1",
        "beyond what the network's numbers can hold",
    ]);
    let text = desk.text("scores.csv");
    let rows: Vec<&str> = text.lines().skip(1).collect();
    assert!(rows[1].starts_with("1,,unscored"), "{}", rows[1]);
    assert!(!rows[0].contains("unscored"), "{}", rows[0]);
}
