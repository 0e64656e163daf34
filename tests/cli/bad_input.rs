//! Every bad input: exit code 1, a message that names the file and says what was
//! expected, and no file left behind.

use super::Desk;
use super::fixtures::{
    LFS_POINTER, alternating, cutouts, fits, fits_without_data, noise, npy, npz, strings,
};

const TRAIN: &str = "--network tiny.toml --device cpu -o m.safetensors";

/// A desk with an .npz of these members.
fn cube(members: &[(&str, Vec<u8>)]) -> Desk {
    let desk = Desk::new();
    npz(&desk.path("bad.npz"), members);
    desk
}

#[test]
fn nothing_there() {
    let desk = Desk::new();
    let parts = [
        "nowhere.npz",
        "no such file or folder",
        "a .npz cube, a folder",
    ];
    desk.refuses(&format!("train nowhere.npz {TRAIN}"), 1, &parts);
}

#[test]
fn an_empty_folder() {
    let desk = Desk::new();
    std::fs::create_dir(desk.path("empty")).unwrap();
    let line = format!("train empty {TRAIN}");
    desk.refuses(&line, 1, &["empty", "no folders true/ and false/"]);
    for folder in ["empty/true", "empty/false"] {
        std::fs::create_dir(desk.path(folder)).unwrap();
    }
    desk.refuses(
        &line,
        1,
        &["empty", "no FITS file", "files ending in .fits"],
    );
}

#[test]
fn one_class_only() {
    let desk = cube(&[
        ("cube", cutouts(20, 1)),
        ("labels", npy("|u1", "(20,)", &[1; 20])),
    ]);
    let parts = ["bad.npz: labels", "20 real and 0 bogus", "expected both"];
    desk.refuses(&format!("train bad.npz {TRAIN}"), 1, &parts);

    let desk = Desk::new();
    for i in 0..4 {
        desk.write(&format!("set/false/{i}.fits"), fits(16, |p| p as f32, &[]));
    }
    let parts = ["set: labels", "0 real and 4 bogus", "expected both"];
    desk.refuses(&format!("train set {TRAIN}"), 1, &parts);
}

#[test]
fn mixed_sizes() {
    let desk = Desk::new();
    desk.write("set/true/a.fits", fits(16, |p| p as f32, &[]));
    desk.write("set/true/b.fits", fits(17, |p| p as f32, &[]));
    desk.write("set/false/c.fits", fits(16, |p| p as f32, &[]));
    let parts = ["b.fits", "17x17x1", "16x16x1, as most of 3"];
    desk.refuses(&format!("train set {TRAIN}"), 1, &parts);

    let desk = Desk::with_set();
    desk.run("simulate --count 60 --size 20 --out larger.npz")
        .done();
    let parts = ["larger.npz", "20x20x1", "16x16x1, as in set.npz"];
    desk.refuses(&format!("train set.npz larger.npz {TRAIN}"), 1, &parts);
}

#[test]
fn a_truncated_cube() {
    let desk = Desk::with_set();
    let whole = desk.read("set.npz");
    for part in [1, 10, 50, 99] {
        desk.write("bad.npz", &whole[..whole.len() * part / 100]);
        desk.refuses(
            &format!("train bad.npz {TRAIN}"),
            1,
            &["bad.npz", "truncated"],
        );
    }
}

#[test]
fn wrong_keys() {
    let desk = cube(&[("stamps", cutouts(20, 1)), ("class", alternating(20))]);
    let line = format!("train bad.npz {TRAIN}");
    let parts = ["bad.npz: keys", "class, stamps", "--key cube=KEY"];
    desk.refuses(&line, 1, &parts);
    let parts = ["a key labels", "--key labels=KEY"];
    desk.refuses(&format!("{line} --key cube=stamps"), 1, &parts);
    let line = format!("{line} --key cube=stamps --key labels=class");
    desk.refuses(&format!("{line} --split-key part"), 1, &["a key part"]);
    let parts = ["--key", "image=", "cube, labels, mags"];
    desk.refuses(&format!("{line} --key image=stamps"), 2, &parts);
    desk.refuses(&format!("{line} --key stamps"), 2, &["--key", "NAME=KEY"]);
    desk.run(&line).done();
}

#[test]
fn labels_other_than_0_and_1() {
    let mut labels = [0, 1].repeat(10);
    labels[13] = 2;
    let desk = cube(&[
        ("cube", cutouts(20, 1)),
        ("labels", npy("|u1", "(20,)", &labels)),
    ]);
    let parts = [
        "bad.npz: labels, row 13",
        "label 2",
        "expected 1, true or real; 0, false or bogus",
    ];
    desk.refuses(&format!("train bad.npz {TRAIN}"), 1, &parts);
}

#[test]
fn a_fits_file_without_data() {
    let desk = Desk::new();
    for i in 0..6 {
        desk.write(
            &format!("set/true/{i}.fits"),
            fits(16, |p| (p * i) as f32, &[]),
        );
        desk.write(
            &format!("set/false/{i}.fits"),
            fits(16, |p| (p % 7 + i) as f32, &[]),
        );
    }
    desk.write("set/true/hollow.fits", fits_without_data());
    let parts = ["hollow.fits", "no image data"];
    desk.refuses(&format!("train set {TRAIN} --strict"), 1, &parts);
    let ran = desk.run(&format!("train set {TRAIN}"));
    assert_eq!(ran.code, 3, "done, but one was left out: {}", ran.err);
    ran.says(&[&["left out"][..], &parts, &["6 real and 6 bogus"]].concat());
    assert!(!desk.text("m.split.csv").contains("hollow"));
}

#[test]
fn cutouts_of_nan() {
    let nan: Vec<u8> = std::iter::repeat_n(f32::NAN.to_le_bytes(), 4 * 256)
        .flatten()
        .collect();
    let desk = cube(&[
        ("cube", npy("<f4", "(4, 16, 16, 1)", &nan)),
        ("labels", alternating(4)),
    ]);
    let parts = ["bad.npz", "no usable cutout among 4", "no finite pixel"];
    desk.refuses(&format!("train bad.npz {TRAIN}"), 1, &parts);
}

#[test]
fn some_cutouts_of_nan_are_left_out_by_rule() {
    let desk = Desk::new();
    for i in 0..6 {
        desk.write(
            &format!("set/true/{i}.fits"),
            fits(16, |p| (p * i) as f32, &[]),
        );
        desk.write(
            &format!("set/false/{i}.fits"),
            fits(16, |p| (p % 7 + i) as f32, &[]),
        );
    }
    desk.write("set/true/blank.fits", fits(16, |_| f32::NAN, &[]));
    let edge = "EDGE    = 'True    '";
    desk.write("set/true/edge.fits", fits(16, |p| p as f32, &[edge]));
    let ran = desk.run(&format!("train set {TRAIN}")).done();
    ran.says(&["blank.fits: no finite pixel", "edge.fits: EDGE is True"]);
}

#[test]
fn an_unknown_network() {
    let desk = Desk::with_set();
    let line = "train set.npz --network resnet --device cpu -o m.safetensors";
    let parts = ["resnet", "des1, des2, des3, des4, otrain, or a .toml file"];
    desk.refuses(line, 2, &parts);
    desk.refuses("summary resnet", 2, &parts);
    let line = line.replace("resnet", "nowhere.toml");
    desk.refuses(&line, 1, &["could not read nowhere.toml"]);
}

#[test]
fn networks_that_cannot_be() {
    let desk = Desk::with_set();
    for (from, to, parts) in [
        (
            "filters = 4",
            "filters = \"four\"",
            &["bad.toml: line 7", "four"][..],
        ),
        (
            "kind = \"max_pool\"",
            "kind = \"maxpool\"",
            &["line 13", "maxpool", "max_pool"],
        ),
        (
            "rate = 0.3",
            "rate = 1.5",
            &["layer 4", "rate 1.5", "below 1"],
        ),
        (
            "units = 2",
            "units = 3",
            &["layer 5", "2 units with softmax"],
        ),
        (
            "filters = 4",
            "filters = 0",
            &["layer 1", "at least one filter"],
        ),
        ("name = \"tiny\"", "name = ", &["bad.toml: line 2"]),
        ("window = 4", "window = 40", &["layer 2", "max_pool"]),
        ("window = 4", "window = 0", &["layer 2", "max_pool"]),
        ("kernel = 3", "kernel = 0", &["layer 1", "conv2d"]),
        ("epochs = 3", "epochs = 0", &["--epochs", "at least 1"]),
        (
            "kernel = 3",
            "kernel = 5000000000",
            &["layer 1", "more than 2147483648 elements"],
        ),
        (
            "units = 2",
            "units = 10000000000000",
            &["layer 5", "2 units with softmax"],
        ),
        (
            "kind = \"flatten\"",
            "kind = \"dropout\"\nrate = 0",
            &["layer 5", "flatten"],
        ),
    ] {
        assert!(super::TINY.contains(from));
        desk.write("bad.toml", super::TINY.replace(from, to));
        let line = "train set.npz --network bad.toml --device cpu -o m.safetensors";
        let ran = desk.run(line);
        assert!(
            ran.code == 1 || ran.code == 2,
            "{to}: {}: {}",
            ran.code,
            ran.err
        );
        ran.says(parts);
        assert!(!desk.path("m.safetensors").exists());
    }
}

#[test]
fn a_git_lfs_pointer() {
    let desk = Desk::with_model();
    let before = desk.read("model.safetensors");
    desk.write("pointer.npz", LFS_POINTER);
    let parts = ["pointer.npz", "a Git-LFS pointer", "git lfs pull"];
    desk.refuses(&format!("train pointer.npz {TRAIN}"), 1, &parts);
    desk.refuses("score model.safetensors pointer.npz -o s.csv", 1, &parts);
    desk.write("pointer.safetensors", LFS_POINTER);
    let parts = ["pointer.safetensors", "a Git-LFS pointer", "git lfs pull"];
    desk.refuses("score pointer.safetensors set.npz -o s.csv", 1, &parts);
    desk.refuses("summary pointer.safetensors", 1, &parts);
    assert!(before == desk.read("model.safetensors"));
}

#[test]
fn one_hot_labels_are_accepted() {
    let one_hot: Vec<u8> = [[1, 0], [0, 1]].concat().repeat(20);
    let desk = cube(&[
        ("cube", cutouts(40, 1)),
        ("labels", npy("|u1", "(40, 2)", &one_hot)),
    ]);
    let ran = desk.run(&format!("train bad.npz {TRAIN}")).done();
    ran.says(&["20 real and 20 bogus"]);
    for line in desk.text("m.split.csv").lines().skip(1) {
        let cells: Vec<&str> = line.split(',').collect();
        // Without candids a candidate's id is its row.
        let row: usize = cells[0].parse().unwrap();
        assert_eq!(cells[2], (row % 2).to_string(), "column 1 is real: {line}");
    }
}

#[test]
fn candids_longer_than_the_cube_are_accepted_with_a_notice() {
    let ids: Vec<String> = (0..50).map(|i| format!("c{i}")).collect();
    let desk = cube(&[
        ("cube", cutouts(40, 1)),
        ("labels", alternating(40)),
        ("candids", strings(&ids)),
    ]);
    let ran = desk.run(&format!("train bad.npz {TRAIN}")).done();
    ran.says(&["candids holds 50 ids for 40 cutouts", "numbered from 0"]);
}

#[test]
fn a_number_that_cannot_be() {
    let desk = Desk::with_set();
    for (option, parts) in [
        ("--epochs 0", &["--epochs", "at least 1"][..]),
        ("--epochs -3", &["--epochs", "-3"]),
        ("--batch-size 0", &["--batch-size", "at least 1"]),
        ("--learning-rate nan", &["--learning-rate", "above 0"]),
        ("--learning-rate -1", &["--learning-rate: -1", "above 0"]),
        ("--dropout 1", &["--dropout", "below 1"]),
        ("--beta1 1", &["--beta1", "below 1"]),
        ("--split 50/20", &["--split", "sum to 100"]),
        ("--split 100", &["--split"]),
        ("--normalise loud", &["loud", "standard"]),
        ("--augment d5", &["d5", "d4"]),
        (
            "--checkpoint-every -1",
            &["--checkpoint-every: -1", "0 or more"],
        ),
        ("--label-polarity up", &["up", "real-is-zero"]),
    ] {
        desk.refuses(&format!("train set.npz {TRAIN} {option}"), 2, parts);
    }
}

#[test]
fn a_learning_rate_that_diverges() {
    let desk = Desk::new();
    let mut data = Vec::new();
    for byte in noise(40 * 256) {
        data.extend((f32::from(byte) * 1e30).to_le_bytes());
    }
    npz(
        &desk.path("huge.npz"),
        &[
            ("cube", npy("<f4", "(40, 16, 16, 1)", &data)),
            ("labels", alternating(40)),
        ],
    );
    let line = format!("train huge.npz {TRAIN} --normalise none --learning-rate 1e30");
    desk.refuses(
        &line,
        1,
        &["training diverged in epoch 1", "--learning-rate"],
    );
}

#[test]
fn f16_needs_a_gpu() {
    let desk = Desk::with_set();
    let line = "train set.npz --network tiny.toml -o m.safetensors --precision f16";
    desk.refuses(
        &format!("{line} --device cpu"),
        2,
        &["--precision", "f16 needs a gpu"],
    );
    let line = line.replace("f16", "f8");
    desk.refuses(&line, 2, &["--precision", "f32 or f16"]);
}
