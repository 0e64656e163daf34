//! Every kind of input trains: cube, FITS folders, DES triple, .npz of other
//! keys. What a label means is turned at the door: 1 is real in every split.csv.

use std::collections::HashSet;

use super::Desk;
use super::fixtures::{alternating, cutouts, npy, npz};

const TRAIN: &str = "--network tiny.toml --epochs 1 --device cpu -o m.safetensors --force";

/// (id, part, label) of every line of m.split.csv.
fn split(desk: &Desk) -> Vec<(String, String, u8)> {
    let text = desk.text("m.split.csv");
    let mut lines = text.lines();
    assert_eq!(lines.next(), Some("id,part,label,object,pixels"));
    let one = |line: &str| {
        let cells: Vec<&str> = line.split(',').collect();
        (cells[0].into(), cells[1].into(), cells[2].parse().unwrap())
    };
    lines.map(one).collect()
}

#[test]
fn a_cube() {
    let desk = Desk::with_set();
    let ran = desk.run(&format!("train set.npz {TRAIN}")).done();
    ran.says(&["cutouts of 16x16x1", "for training"]);
    ran.prints(&[
        "accuracy",
        "MCC",
        "validation",
        "test",
        "m.safetensors",
        "m.curve.png",
    ]);
    let split = split(&desk);
    assert_eq!(split.len(), 60);
    let part = |name: &str| split.iter().filter(|line| line.1 == name).count();
    assert_eq!(
        [part("train"), part("validation"), part("test")],
        [36, 12, 12]
    );
    let ids: HashSet<&str> = split.iter().map(|line| line.0.as_str()).collect();
    assert_eq!(ids.len(), 60, "every candidate is in one part");
    assert!(desk.read("m.curve.png").starts_with(b"\x89PNG"));
    assert_eq!(desk.text("m.history.jsonl").lines().count(), 1);
}

#[test]
fn folders_of_fits_files() {
    let desk = Desk::new();
    desk.run("simulate --count 40 --size 16 --out set").done();
    desk.run(&format!("train set {TRAIN}")).done();
    let files = |class: &str| {
        std::fs::read_dir(desk.path("set").join(class))
            .unwrap()
            .count()
    };
    let real = split(&desk).iter().filter(|line| line.2 == 1).count();
    assert_eq!((real, 40 - real), (files("true"), files("false")));
}

#[test]
fn a_des_triple_says_1_for_an_artifact() {
    let desk = Desk::new();
    let ids: Vec<u8> = (0..40_u64).flat_map(|i| (7000 + i).to_le_bytes()).collect();
    desk.write("des_x.npy", cutouts(40, 3));
    desk.write("des_y.npy", alternating(40));
    desk.write("des_idx.npy", npy("<i8", "(40,)", &ids));
    let ran = desk.run(&format!("train des {TRAIN}")).done();
    ran.says(&[
        "20 real and 20 bogus cutouts of 16x16x3",
        "1 in des_y.npy was taken as an artifact",
    ]);
    let row = |id: &str| id.parse::<usize>().unwrap() - 7000;
    for (id, _, label) in split(&desk) {
        assert_eq!(
            label,
            1 - (row(&id) % 2) as u8,
            "artifact 1 is bogus 0 here"
        );
    }
    let ran = desk.run(&format!("train des {TRAIN} --label-polarity real-is-one"));
    assert!(!ran.done().err.contains("taken as"));
    for (id, _, label) in split(&desk) {
        assert_eq!(label, (row(&id) % 2) as u8);
    }
}

#[test]
fn keys_of_another_name_with_a_split_and_undecided_labels() {
    let desk = Desk::new();
    let mut labels = [0, 1].repeat(20);
    labels[5] = 255; // -1 as a byte
    let parts: Vec<u8> = (0..40).map(|i| [0, 0, 1, 2][i / 2 % 4]).collect();
    npz(
        &desk.path("named.npz"),
        &[
            ("stamps", cutouts(40, 1)),
            ("class", npy("|i1", "(40,)", &labels)),
            ("fold", npy("|u1", "(40,)", &parts)),
        ],
    );
    let line = format!("train named.npz {TRAIN} --key cube=stamps --key labels=class");
    let ran = desk.run(&format!("{line} --split-key fold")).done();
    ran.says(&[
        "label 1 in class was taken as real",
        "label undecided (-1, NaN or empty)",
    ]);
    let split = split(&desk);
    assert_eq!(split.len(), 39);
    for (id, part, label) in split {
        let row: usize = id.parse().unwrap();
        let expected = ["train", "train", "validation", "test"][row / 2 % 4];
        assert_eq!((part.as_str(), label), (expected, (row % 2) as u8));
    }
}

#[test]
fn the_validation_part_as_a_cube() {
    let desk = Desk::with_set();
    let line = format!("train set.npz {TRAIN} --validation-cube cube_validation.npz");
    desk.run(&line).done().prints(&["cube_validation.npz"]);
    let file = std::fs::File::open(desk.path("cube_validation.npz")).unwrap();
    let mut zip = zip::ZipArchive::new(file).unwrap();
    let mut labels = Vec::new();
    let member = zip.by_name("labels.npy").unwrap();
    let array = npyz::NpyFile::new(member).unwrap();
    assert_eq!(array.shape(), [12, 2]);
    labels.extend(array.into_vec::<f64>().unwrap());
    let expected: Vec<f64> = split(&desk)
        .iter()
        .filter(|line| line.1 == "validation")
        .flat_map(|line| if line.2 == 1 { [0.0, 1.0] } else { [1.0, 0.0] })
        .collect();
    assert_eq!(labels, expected, "one-hot, column 1 real");
}

#[test]
fn a_network_that_begins_without_parameters() {
    // The dense layer's gradient needs its input, which itself needs none.
    let network = r#"
        name = "linear"
        [[layers]]
        kind = "max_pool"
        window = 4
        [[layers]]
        kind = "flatten"
        [[layers]]
        kind = "dense"
        units = 1
        activation = "sigmoid"
    "#;
    let desk = Desk::with_set();
    desk.write("linear.toml", network);
    for device in super::devices() {
        let line = format!("train set.npz --network linear.toml --epochs 2 --device {device}");
        desk.run(&line).done();
    }
}

#[test]
fn several_inputs_are_joined() {
    let desk = Desk::with_set();
    desk.run("simulate --count 20 --size 16 --seed 5 --out more.npz")
        .done();
    desk.run(&format!("train set.npz more.npz {TRAIN}")).done();
    assert_eq!(split(&desk).len(), 80);
}

/// The weights are fitted to one part; the best epoch and the threshold need another.
#[test]
fn a_split_of_the_file_without_a_validation_part() {
    let desk = Desk::new();
    let parts: Vec<u8> = (0..40).map(|i| [0, 2][i / 2 % 2]).collect();
    npz(
        &desk.path("named.npz"),
        &[
            ("cube", cutouts(40, 1)),
            ("labels", alternating(40)),
            ("fold", npy("|u1", "(40,)", &parts)),
        ],
    );
    desk.refuses(
        &format!("train named.npz {TRAIN} --split-key fold"),
        1,
        &["named.npz", "labels of the validation part", "both"],
    );
    assert!(!desk.path("m.safetensors").exists());
}

#[test]
fn sizes_beyond_every_memory_are_errors() {
    let desk = Desk::new();
    desk.refuses(
        "summary otrain --input 9999999999,9999999999,1",
        1,
        &["more than 2147483648 elements"],
    );
}
