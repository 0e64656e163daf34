//! Every command that writes, but for `reproduce`, and what they read.

use std::fs;

use rbgpu::data::ReadOptions;
use rbgpu::data::labels::{mark_text, pixels_mark};

use crate::Desk;

/// One way to write something.
#[derive(Clone, Copy)]
pub struct Case {
    /// The command; `{}` stands for what differs between the old output and the new.
    pub line: &'static str,
    /// What stands for `{}` in the old run and the new.
    pub differ: [&'static str; 2],
    /// Without this file or folder there is no output.
    pub key: &'static str,
    /// Whether an output of an earlier run may be there.
    pub replaces: bool,
    /// Whether the same command gives the same bytes, which an output can then be compared with.
    pub exact: bool,
}

const fn case(line: &'static str, differ: [&'static str; 2], key: &'static str) -> Case {
    Case {
        line,
        differ,
        key,
        replaces: true,
        exact: true,
    }
}

const fn new_only(line: &'static str, differ: [&'static str; 2], key: &'static str) -> Case {
    Case {
        replaces: false,
        ..case(line, differ, key)
    }
}

pub const CASES: &[Case] = &[
    case(
        "train ../in/set.npz --network ../in/tiny.toml --device cpu --checkpoint-every 0 --seed {} \
         --validation-cube v.npz -o m.safetensors --force",
        ["1", "2"],
        "m.safetensors",
    ),
    case(
        "score ../in/model.safetensors ../in/set.npz --device cpu --threshold {} -o s.csv",
        ["0.3", "0.7"],
        "s.csv",
    ),
    case(
        "score ../in/model.safetensors ../in/set.npz --device cpu --threshold {} -o s.parquet",
        ["0.3", "0.7"],
        "s.parquet",
    ),
    new_only(
        "score ../in/model.safetensors ../in/fits --device cpu --threshold {} -o s.csv \
         --fits-copies copies",
        ["0.3", "0.7"],
        "copies",
    ),
    case(
        "simulate --count 40 --size 16 --wrong-labels 0.1 --seed {} -o s.npz --force",
        ["1", "2"],
        "s.npz",
    ),
    new_only(
        "simulate --count 40 --size 16 --seed {} -o fits",
        ["1", "2"],
        "fits",
    ),
    new_only(
        "simulate --into ../in/night/a.fits ../in/night/b.fits --number 5 --magnitudes 15..20 \
         --zero-point 25 --fwhm 2.5 --seed {} -o night",
        ["1", "2"],
        "night",
    ),
    case(
        "pack ../in/set.npz --cutout-size {} -o p.npz --force",
        ["12", "10"],
        "p.npz",
    ),
    case(
        "pack ../in/{} -o p_x.npy --force",
        ["set.npz", "other.npz"],
        "p_x.npy",
    ),
    // Without labels now.
    case(
        "pack ../in/{} --format triple -o q --force",
        ["set.npz", "bare_x.npy"],
        "q_x.npy",
    ),
    case(
        "import ../in/keras2.h5 --preprocess standard --threshold {} -o i.safetensors --force",
        ["0.4", "0.6"],
        "i.safetensors",
    ),
    case(
        "export ../in/{} -o e.onnx --force",
        ["model.safetensors", "model2.safetensors"],
        "e.onnx",
    ),
    case(
        "features ../in/{} -o f.csv --force",
        ["stamps.npz", "stamps2.npz"],
        "f.csv",
    ),
    case(
        "forest train ../in/features.csv --trees 5 --seed {} -o f.safetensors --force",
        ["1", "2"],
        "f.safetensors",
    ),
    case(
        "forest score ../in/forest.safetensors ../in/features.csv --threshold {} -o s.csv",
        ["0.3", "0.7"],
        "s.csv",
    ),
    case(
        "calibrate ../in/model.safetensors ../in/set.npz --device cpu --all --method {} -o \
         c.safetensors --force",
        ["temperature", "isotonic"],
        "c.safetensors",
    ),
    case(
        "evaluate ../in/model.safetensors ../in/set.npz --device cpu --all --resamples 20 \
         --gallery {} -o report --force",
        ["0", "2"],
        "report",
    ),
    case(
        "explain ../in/model.safetensors ../in/set.npz --device cpu --limit {} --each -o why --force",
        ["1", "2"],
        "why",
    ),
    case(
        "votes ../in/votes.csv --at-least {} -o labels.csv --force",
        ["1", "3"],
        "labels.csv",
    ),
    case(
        "relabel ../in/set.npz --journal ../in/j.journal.jsonl --apply --unsure {} -o labels.csv \
         --force",
        ["keep", "drop"],
        "labels.csv",
    ),
    case(
        "suspect ../in/set.npz --model ../in/model.safetensors --device cpu --top {} --gallery 2 -o \
         suspects.csv",
        ["3", "4"],
        "suspects.csv",
    ),
    Case {
        exact: false,
        ..case(
            "suspect ../in/set.npz --network ../in/tiny.toml --epochs 2 --folds 2 --device cpu --top {} \
             --gallery 0 -o suspects.csv",
            ["3", "4"],
            "suspects.csv",
        )
    },
    Case {
        exact: false,
        ..case(
            "study size ../in/set.npz --network ../in/tiny.toml --epochs 2 --sizes 20 --device cpu \
             --seed {} -o study --fresh",
            ["1", "2"],
            "study",
        )
    },
];

/// Everything that the cases read.
pub fn inputs() -> Desk {
    let desk = Desk::new();
    fs::create_dir(desk.path("in")).unwrap();
    let tiny = desk.text("tiny.toml");
    desk.write("in/tiny.toml", tiny);
    for line in [
        "simulate --count 60 --size 16 -o in/set.npz",
        "simulate --count 60 --size 16 --seed 2 -o in/other.npz",
        "simulate --count 6 --size 16 --seed 3 -o in/fits",
        "simulate --count 60 --size 21 --channels triplet -o in/stamps.npz",
        "simulate --count 50 --size 21 --channels triplet --seed 2 -o in/stamps2.npz",
        "train in/set.npz --network in/tiny.toml --device cpu -o in/model.safetensors",
        "train in/set.npz --network in/tiny.toml --device cpu --seed 2 -o in/model2.safetensors",
        "features in/stamps.npz -o in/features.csv",
        "forest train in/features.csv --trees 5 -o in/forest.safetensors",
    ] {
        desk.run(line).done();
    }
    desk.write("in/bare_x.npy", crate::fixtures::cutouts(40, 1));
    let image = crate::inject::image();
    desk.write("in/night/a.fits", &image);
    desk.write("in/night/b.fits", &image);
    let keras = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/fixtures/keras/keras2.h5"
    );
    fs::copy(keras, desk.path("in/keras2.h5")).unwrap();
    let votes = "id,who,answer\na,ana,real\na,ben,real\na,eva,real\nb,ana,bogus\nb,ben,real\n\
                 c,ana,bogus\n";
    desk.write("in/votes.csv", votes);
    let set = rbgpu::data::open(&[desk.path("in/set.npz")], &ReadOptions::default()).unwrap();
    let mut pixels = vec![0.0; set.shape.len()];
    let mut decided = |row: usize, answer: &str| {
        set.pixels.read(row, &mut pixels).unwrap();
        let (id, mark) = (&set.candidates[row].id, mark_text(pixels_mark(&pixels)));
        let number = row + 1;
        format!(
            r#"{{"at":"2026-11-22T14:03:05.123Z","who":"ana","id":"{id}","pixels":"{mark}","answer":"{answer}","was":null,"mode":"repair","tab":"t","number":{number}}}"#
        )
    };
    let header = r#"{"rbgpu":"journal","version":1,"data":"set.npz","suspects":""}"#;
    let lines = [header.to_string(), decided(0, "unsure"), decided(1, "real")];
    desk.write("in/j.journal.jsonl", lines.join("\n") + "\n");
    desk
}
