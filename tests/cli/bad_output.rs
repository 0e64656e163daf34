//! Outputs that cannot be written: said before the work where that can be known;
//! what stood there is untouched, and no temporary file stays.

use super::fixtures::fits;
use super::{Desk, Ran};

#[test]
fn a_folder_that_does_not_exist() {
    let desk = Desk::with_model();
    let parts = ["nowhere/x", "there is no folder nowhere"];
    let train = "train set.npz --network tiny.toml --device cpu -o";
    desk.refuses(&format!("{train} nowhere/x"), 1, &parts);
    desk.refuses(&format!("{train} m --validation-cube nowhere/x"), 1, &parts);
    desk.refuses(
        "score model.safetensors set.npz -o nowhere/x --format csv",
        1,
        &parts,
    );
    desk.refuses("simulate --count 10 -o nowhere/x.npz", 1, &parts);
}

#[test]
fn a_path_that_is_a_folder() {
    let desk = Desk::with_model();
    std::fs::create_dir(desk.path("folder")).unwrap();
    std::fs::create_dir(desk.path("folder.npz")).unwrap();
    let parts = ["could not write folder", "it is a folder"];
    let train = "train set.npz --network tiny.toml --device cpu -o";
    desk.refuses(&format!("{train} folder"), 1, &parts);
    desk.refuses(
        "score model.safetensors set.npz -o folder --format csv",
        1,
        &parts,
    );
    desk.refuses("simulate --count 10 -o folder.npz", 1, &parts);
}

/// A model by the name `rb.h5` was rbgpu's own format, without a word.
#[test]
fn a_model_by_the_name_of_another_format() {
    let desk = Desk::with_model();
    let parts = ["a name that ends in .safetensors", "rbgpu export"];
    let commands = [
        "train set.npz --network tiny.toml --device cpu -o rb.h5",
        "calibrate model.safetensors set.npz -o rb.keras",
        "forest train set.npz -o rb.csv",
    ];
    for command in commands {
        desk.refuses(command, 2, &parts);
    }
}

#[test]
fn a_parent_that_is_a_file_or_takes_none() {
    let desk = Desk::with_model();
    let train = "train set.npz --network tiny.toml --device cpu -o";
    desk.refuses(
        &format!("{train} set.npz/x"),
        1,
        &["set.npz/x", "set.npz is no folder"],
    );
    if cfg!(target_os = "linux") {
        desk.refuses(
            &format!("{train} /proc/x"),
            1,
            &["could not create /proc/x"],
        );
        desk.refuses("simulate --count 10 -o /proc/x.npz", 1, &["/proc/x.npz"]);
        desk.refuses("simulate --count 10 -o /proc/x", 1, &["/proc/x"]);
    }
}

#[test]
fn an_input_is_never_replaced() {
    let desk = Desk::with_model();
    let before = desk.read("set.npz");
    let parts = ["set.npz", "another file than the input"];
    let train = "train set.npz --network tiny.toml --device cpu";
    desk.refuses(&format!("{train} -o ./set.npz"), 2, &parts);
    desk.refuses(
        &format!("{train} -o m --validation-cube set.npz"),
        2,
        &parts,
    );
    let score = "score model.safetensors set.npz --format csv";
    desk.refuses(&format!("{score} -o set.npz"), 2, &parts);
    let line = &format!("{score} -o model.safetensors");
    desk.refuses(line, 2, &["another file than the input"]);
    assert!(before == desk.read("set.npz"));
}

#[test]
fn a_folder_that_holds_something() {
    let desk = Desk::new();
    desk.write("set/true/old.fits", fits(16, |p| p as f32, &[]));
    let parts = ["set: folder", "files in it", "an empty or new folder"];
    desk.refuses("simulate --count 10 --size 16 -o set", 1, &parts);
}

/// Runs `rbgpu` where no file may grow beyond `kib` KiB: what a full disk does.
#[cfg(unix)]
pub fn on_a_full_disk(desk: &Desk, kib: usize, arguments: &str) -> Ran {
    let program = assert_cmd::cargo::cargo_bin("rbgpu");
    let line = format!("trap '' XFSZ; ulimit -f {kib}; exec \"$0\" {arguments}");
    let output = std::process::Command::new("bash")
        .arg("-c")
        .arg(line)
        .arg(program)
        .current_dir(desk.folder.path())
        .output();
    let ran = Ran::of(output.unwrap());
    ran.without_panic();
    ran
}

#[cfg(unix)]
#[test]
fn a_full_disk() {
    let desk = Desk::with_model();
    desk.write("m.safetensors", "an older model");
    desk.write("s.csv", "older scores");
    desk.write("s.npz", "an older set");
    let before = desk.files();
    for (kib, line, name) in [
        // The checkpoint after the first epoch.
        (
            1,
            "train set.npz --network tiny.toml --device cpu -o m.safetensors --force",
            "m.checkpoint",
        ),
        (1, "score model.safetensors set.npz -o s.csv", "s.csv"),
        (
            20,
            "simulate --count 100 --size 16 -o s.npz --force",
            "s.npz",
        ),
    ] {
        let ran = on_a_full_disk(&desk, kib, line);
        assert_eq!(ran.code, 1, "{line}: {}", ran.err);
        ran.says(&["could not write", name, "too large"]);
        assert_eq!(desk.files(), before, "{line}");
    }
    assert_eq!(desk.text("m.safetensors"), "an older model");
    assert_eq!(desk.text("s.csv"), "older scores");
    assert_eq!(desk.text("s.npz"), "an older set");
}

/// The disk fills up when the run is over: nothing is lost.
#[cfg(unix)]
#[test]
fn a_full_disk_at_the_end_can_be_resumed() {
    let desk = Desk::with_set();
    // The picture is the largest file.
    let line = "train set.npz --network tiny.toml --device cpu -o m.safetensors";
    let ran = on_a_full_disk(&desk, 30, line);
    assert_eq!(ran.code, 1, "{}", ran.err);
    ran.says(&[
        "m.curve.png",
        "m.checkpoint.safetensors is there: --resume goes on",
    ]);
    assert!(!desk.path("m.safetensors").exists());
    desk.run(&format!("{line} --resume")).done();
    assert!(desk.path("m.safetensors").exists());
    assert!(!desk.path("m.checkpoint.safetensors").exists());
}

#[cfg(target_os = "linux")]
#[test]
fn a_device_or_a_link_stays_one() {
    use std::os::unix::fs::FileTypeExt;
    let desk = Desk::with_model();
    desk.run("score model.safetensors set.npz -o /dev/null")
        .done();
    let null = std::fs::metadata("/dev/null").unwrap();
    assert!(null.file_type().is_char_device());

    desk.write("elsewhere/scores.csv", "old");
    std::os::unix::fs::symlink("elsewhere/scores.csv", desk.path("link.csv")).unwrap();
    desk.run("score model.safetensors set.npz -o link.csv")
        .done();
    assert!(desk.path("link.csv").is_symlink());
    assert!(desk.text("elsewhere/scores.csv").starts_with("id,rb_score"));
}

/// The model would be written over it at the end.
#[test]
fn a_validation_cube_in_the_place_of_the_model() {
    let desk = Desk::with_set();
    let line = "train set.npz --network tiny.toml --epochs 1 --device cpu -o m.safetensors";
    desk.refuses(
        &format!("{line} --validation-cube m.safetensors"),
        2,
        &["m.safetensors", "another file"],
    );
    assert!(!desk.path("m.safetensors").exists());
}
