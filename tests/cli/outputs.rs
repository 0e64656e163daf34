//! What exists is not replaced without --force, and no two runs write the same output.

use std::fs;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use super::Desk;

const TRAIN: &str = "train set.npz --network tiny.toml --device cpu";

/// A run in the background; it ends with the value.
struct Running(Child);

impl Running {
    /// Starts `line` and waits until the file `until` is there.
    fn start(desk: &Desk, line: &str, until: &str) -> Running {
        let mut child = std::process::Command::new(assert_cmd::cargo::cargo_bin("rbgpu"))
            .current_dir(desk.folder.path())
            .args(line.split_whitespace())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let begun = Instant::now();
        while !desk.path(until).exists() {
            assert!(child.try_wait().unwrap().is_none(), "{line} has ended");
            assert!(begun.elapsed() < Duration::from_secs(60), "no {until}");
            std::thread::sleep(Duration::from_millis(1));
        }
        Running(child)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn hidden(desk: &Desk) -> Vec<String> {
    let files = desk.files().into_iter();
    files.filter(|name| name.starts_with('.')).collect()
}

#[test]
fn a_model_is_not_replaced_by_training_without_force() {
    let desk = Desk::with_model();
    let before = desk.read("model.safetensors");
    // Before anything is read: there is no such data.
    desk.refuses(
        "train nowhere.npz --network tiny.toml --device cpu -o model.safetensors",
        2,
        &["model.safetensors", "which exist", "--force to replace"],
    );
    let line = format!("{TRAIN} --seed 2 -o model.safetensors");
    desk.refuses(&line, 2, &["--force"]);
    // A run that is over is not gone on with.
    desk.refuses(&format!("{line} --resume"), 2, &["--force"]);
    assert!(before == desk.read("model.safetensors"));
    desk.run(&format!("{line} --force")).done();
    assert!(before != desk.read("model.safetensors"));
    assert_eq!(hidden(&desk), [""; 0]);
}

#[test]
fn a_single_file_beside_the_model_keeps_its_name_too() {
    let desk = Desk::with_set();
    desk.write("m.split.csv", "somebody's");
    desk.refuses(&format!("{TRAIN} -o m.safetensors"), 2, &["m.split.csv"]);
    desk.write("v.npz", "somebody's");
    let line = format!("{TRAIN} -o n.safetensors --validation-cube v.npz");
    desk.refuses(&line, 2, &["v.npz", "--force"]);
}

#[test]
fn without_a_name_a_model_takes_a_free_one() {
    let desk = Desk::with_set();
    desk.run(&format!("{TRAIN} --epochs 1")).done();
    let first = desk.read("tiny.safetensors");
    let second = desk.run(&format!("{TRAIN} --epochs 1 --seed 2")).done();
    second.says(&["tiny.safetensors", "the model will be tiny-2.safetensors"]);
    assert!(first == desk.read("tiny.safetensors"));
    assert!(desk.path("tiny-2.split.csv").exists());
    // One whose side file is taken is not free.
    desk.write("tiny-3.curve.png", "somebody's");
    desk.run(&format!("{TRAIN} --epochs 1")).done();
    assert!(desk.path("tiny-4.safetensors").exists() && !desk.path("tiny-3.safetensors").exists());
}

#[test]
fn without_a_name_resume_finds_the_run() {
    let desk = Desk::with_set();
    desk.run(&format!("{TRAIN} --epochs 1")).done();
    let line = format!("{TRAIN} --epochs 2000 --patience 0 --checkpoint-every 0");
    drop(Running::start(
        &desk,
        &line,
        "tiny-2.checkpoint.safetensors",
    ));
    // Another run does not take its name, nor its checkpoint.
    desk.run(&format!("{TRAIN} --epochs 1")).done();
    assert!(desk.path("tiny-3.safetensors").exists());
    let ran = desk.run(&format!("{TRAIN} --epochs 3 --resume"));
    assert_eq!(ran.code, 1, "{}", ran.err);
    ran.says(&["tiny-2.checkpoint.safetensors", "epochs 2000"]);
    desk.write("tiny-5.checkpoint.safetensors", "another");
    let both = ["tiny-2.safetensors", "tiny-5.safetensors", "--out"];
    desk.refuses(&format!("{TRAIN} --resume"), 2, &both);
}

#[test]
fn a_checkpoint_is_not_replaced_without_force() {
    let desk = Desk::with_set();
    let line = format!("{TRAIN} --epochs 2000 --patience 0 -o m.safetensors");
    drop(Running::start(&desk, &line, "m.checkpoint.safetensors"));
    let before = desk.read("m.checkpoint.safetensors");
    // Its lock files go, so that `refuses` would see a change.
    let ran = desk.run(&format!("{TRAIN} --epochs 1 -o m.safetensors"));
    assert_eq!(ran.code, 2, "{}", ran.err);
    ran.says(&[
        "m.checkpoint.safetensors",
        "--resume to continue",
        "--force",
    ]);
    assert!(before == desk.read("m.checkpoint.safetensors"));
    assert_eq!(hidden(&desk), [""; 0]);
}

#[test]
fn what_costs_work_is_not_replaced_without_force() {
    let desk = Desk::with_model();
    desk.run("simulate --count 40 --size 21 --channels triplet -o stamps.npz")
        .done();
    desk.write(
        "votes.csv",
        "id,who,answer\na,ana,real\na,ben,real\na,eva,real\n",
    );
    let named = "name = \"tiny\"";
    let sized = desk.text("tiny.toml");
    let sized = sized.replace(named, &format!("{named}\ninput = [16, 16, 1]"));
    desk.write("sized.toml", sized);
    for line in [
        "simulate --count 10 --size 16 --wrong-labels 0.2 -o s.npz",
        "pack set.npz -o p.npz",
        "pack set.npz -o t_x.npy",
        "export model.safetensors -o e.onnx",
        "features stamps.npz -o f.csv",
        "forest train f.csv --trees 2 -o f.safetensors",
        "calibrate model.safetensors set.npz --device cpu --all -o c.safetensors",
        "evaluate model.safetensors set.npz --device cpu --all --resamples 20 --gallery 0 -o report",
        "explain model.safetensors set.npz --device cpu --limit 1 -o why",
        "votes votes.csv -o labels.csv",
        "bench --network sized.toml --device cpu --batch-size 4 --mode score --seconds 0.01 -o b.json",
    ] {
        desk.run(line).done();
        desk.refuses(line, 2, &["which exist", "--force"]);
        desk.run(&format!("{line} --force")).done();
        assert_eq!(hidden(&desk), [""; 0], "{line}");
    }
    for folder in ["report", "why"] {
        let names = fs::read_dir(desk.path(folder)).unwrap().flatten();
        let mut names = names.map(|entry| entry.file_name());
        assert!(!names.any(|name| name.to_string_lossy().starts_with('.')));
    }
}

#[test]
fn a_table_of_scores_is_replaced_but_nothing_else_in_its_place() {
    let desk = Desk::with_model();
    let line = "score model.safetensors set.npz --device cpu -o";
    desk.run(&format!("{line} s.csv")).done();
    desk.run(&format!("{line} s.csv --threshold 0.1")).done();
    desk.write(
        "labels.csv",
        "id,label,was,decision,by,pixels\n0,1,0,flipped,ana,\n",
    );
    desk.run("simulate --count 10 --size 16 -o other.npz")
        .done();
    for (name, what) in [
        ("labels.csv", "a label file"),
        ("model.split.csv", "a split"),
        ("other.npz", "a cube"),
    ] {
        let before = desk.read(name);
        desk.refuses(&format!("{line} {name} --format csv"), 2, &[name, what]);
        assert!(before == desk.read(name));
    }
}

#[test]
fn a_journal_is_not_replaced_even_with_force() {
    let desk = Desk::with_set();
    let journal = r#"{"rbgpu":"journal","version":1,"data":"set.npz","suspects":null}"#;
    desk.write("m.safetensors", journal);
    desk.refuses(
        &format!("{TRAIN} -o m.safetensors --force"),
        2,
        &["people's decisions", "nothing replaces a journal"],
    );
    desk.refuses(
        "pack set.npz --format cube -o m.safetensors --force",
        2,
        &["journal"],
    );
}

#[test]
fn a_second_run_with_the_same_output_is_refused_while_the_first_lives() {
    let desk = Desk::with_set();
    let long = format!("{TRAIN} --epochs 100000 --patience 0 -o m.safetensors");
    let running = Running::start(&desk, &long, "m.checkpoint.safetensors");
    let process = format!("process {}", running.0.id());
    let parts = ["m.safetensors", &process, "is writing it", "wait"];
    for more in ["", "--force", "--resume"] {
        // Its files change under our eyes: `refuses` would see that.
        let ran = desk.run(&format!("{TRAIN} -o m.safetensors {more}"));
        assert_eq!(ran.code, 1, "{more}: {}", ran.err);
        ran.says(&parts);
    }
    // Any file of its family, by any command, and by another way.
    let ran = desk.run("pack set.npz --format cube -o ./m.split.csv");
    assert_eq!(ran.code, 1, "{}", ran.err);
    ran.says(&["m.split.csv", &process]);
    // Other outputs in the same folder are free, and leave alone what is being written.
    desk.run("simulate --count 10 --size 16 -o other.npz")
        .done();
    let long = "study size set.npz --network tiny.toml --epochs 100000 --patience 0 --sizes 20 \
                --device cpu -o study";
    let study = Running::start(&desk, long, "study/study.jsonl");
    let ran = desk.run("study size set.npz --network tiny.toml --device cpu -o study --fresh");
    assert_eq!(ran.code, 1, "{}", ran.err);
    ran.says(&["study", &format!("process {}", study.0.id())]);
    drop((running, study));
    // The locks have gone with their processes, and the next run removes their files.
    assert_ne!(hidden(&desk), [""; 0]);
    desk.run(&format!("{TRAIN} --epochs 1 -o m.safetensors --force"))
        .done();
    assert_eq!(hidden(&desk), [""; 0]);
}

#[test]
fn leftovers_of_another_run_in_the_folder_are_removed() {
    let desk = Desk::with_set();
    desk.write(".other.npz.0badcafe-a1b2c3.rbgpu-tmp", "of a killed run");
    desk.write(".rbgpu-a1b2c3.tmp/half.fits", "of a killed run");
    desk.write(".other.npz.0badcafe.rbgpu-lock", "process 1 on nowhere");
    desk.write(".profile", "somebody's");
    desk.write("report/.rbgpu-a1b2c3.tmp/report.html", "of a killed run");
    desk.run("simulate --count 10 --size 16 -o new.npz").done();
    assert_eq!(hidden(&desk), [".profile"]);
}

/// Killed while a report is put into its folder: the rest is no report, and is replaced.
#[test]
fn half_a_report_is_known_as_such() {
    let desk = Desk::with_model();
    let line = "evaluate model.safetensors set.npz --device cpu --all --resamples 20 --gallery 0 \
                -o report";
    desk.write("report/UNFINISHED", "");
    desk.write("report/evaluation.json", "{}");
    desk.write("report/.rbgpu-a1b2c3.tmp/report.html", "half");
    desk.run(line).done();
    let names = fs::read_dir(desk.path("report")).unwrap().flatten();
    let names: Vec<String> = names
        .map(|e| e.file_name().into_string().unwrap())
        .collect();
    assert!(
        !names
            .iter()
            .any(|n| n == "UNFINISHED" || n.starts_with('.')),
        "{names:?}"
    );
}

/// A kill between the names of the three arrays.
#[test]
fn labels_without_their_cutouts_are_refused() {
    let desk = Desk::with_set();
    desk.run("pack set.npz -o t_x.npy").done();
    fs::remove_file(desk.path("t_x.npy")).unwrap();
    desk.refuses(
        "train t --network tiny.toml --device cpu -o m.safetensors",
        1,
        &["t_x.npy", "no such file, though there is t_y.npy", "again"],
    );
    desk.run("pack set.npz -o t_x.npy --force").done();
}

/// Pixels without labels over an old set with labels: the old labels go with their pixels.
#[test]
fn a_triple_without_labels_keeps_none_of_the_old_ones() {
    let desk = Desk::with_set();
    desk.run("pack set.npz -o t_x.npy").done();
    desk.write("bare.npy", super::fixtures::cutouts(40, 1));
    desk.refuses("pack bare.npy -o t_x.npy", 2, &["t_y.npy", "--force"]);
    desk.run("pack bare.npy -o t_x.npy --force").done();
    assert!(!desk.path("t_y.npy").exists());
}

/// A full disk: nothing of the old set changes.
#[cfg(unix)]
#[test]
fn a_triple_is_replaced_as_a_whole_or_not_at_all() {
    let desk = Desk::with_set();
    desk.run("pack set.npz --cutout-size 12 -o t_x.npy").done();
    desk.run("simulate --count 60 --size 16 --seed 2 -o other.npz")
        .done();
    let old = ["t_x.npy", "t_y.npy", "t_idx.npy"].map(|name| desk.read(name));
    let before = desk.files();
    // Room for the labels and the ids, but not for all pixels.
    let ran = super::bad_output::on_a_full_disk(
        &desk,
        20,
        "pack other.npz --cutout-size 14 -o t_x.npy --force",
    );
    assert_eq!(ran.code, 1, "{}", ran.err);
    ran.says(&["could not write"]);
    assert!(old == ["t_x.npy", "t_y.npy", "t_idx.npy"].map(|name| desk.read(name)));
    assert_eq!(desk.files(), before);
}

/// The report of a paper, which takes hours, is kept; one that is not finished is gone on with.
#[test]
fn a_finished_report_of_a_paper_is_not_replaced_without_fresh() {
    let desk = Desk::new();
    desk.write("out/numbers.json", "{}");
    desk.write("out/report.html", "hours of work");
    let line = "reproduce otrain --quick --data x=none.npz -o out --device cpu";
    desk.refuses(line, 2, &["out, which exists", "--fresh"]);
    desk.refuses(&format!("{line} --fresh"), 1, &["none.npz"]);
    fs::create_dir(desk.path("out/runs")).unwrap();
    desk.refuses(line, 1, &["none.npz"]);
    assert_eq!(desk.text("out/report.html"), "hours of work");
}
