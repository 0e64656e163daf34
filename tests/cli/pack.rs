//! `rbgpu pack` from the outside.

use std::path::Path;

use super::Desk;

/// Puts a copy of the ten fixture triplets into `desk` as `stamps`.
fn stamps(desk: &Desk) {
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/autoscan");
    for inner in ["", "stamps_0", "stamps_1"] {
        for entry in std::fs::read_dir(from.join(inner)).unwrap() {
            let path = entry.unwrap().path();
            if path.is_file() {
                let name = path.file_name().unwrap().to_str().unwrap();
                desk.write(
                    &format!("stamps/{inner}/{name}"),
                    std::fs::read(&path).unwrap(),
                );
            }
        }
    }
}

#[test]
fn folders_to_a_cube_that_trains() {
    let desk = Desk::new();
    desk.run("simulate --count 60 --size 18 --out set").done();
    let ran = desk.run("pack set --out cube.npz --cutout-size 16").done();
    ran.says(&["cutouts of 16x16x1", "f32: cube.npz"]);
    assert_eq!(ran.out, "");
    desk.run("train cube.npz --network tiny.toml --epochs 1 --device cpu -o m.safetensors")
        .done();
    let ran = desk
        .run("pack cube.npz -o half.npz --frac-true 0.5 --seed 3")
        .done();
    ran.says(&["were chosen for the balance: 0.5000 of them are real"]);
    assert_eq!(desk.run("pack cube.npz -o q.npz --quiet").done().err, "");
}

#[test]
fn stamps_to_a_triple() {
    let desk = Desk::new();
    stamps(&desk);
    let ran = desk.run("pack stamps --out des_x.npy").done();
    ran.says(&[
        "7 real and 3 bogus cutouts of 11x9x3 (template, search, difference), bytes: des_x.npy",
    ]);
    let mut files = desk.files();
    files.retain(|name| name.starts_with("des"));
    assert_eq!(files, ["des_idx.npy", "des_x.npy", "des_y.npy"]);
    desk.run("pack des --format triple -o again").done();
    for end in ["x", "y", "idx"] {
        let (a, b) = (format!("des_{end}.npy"), format!("again_{end}.npy"));
        assert_eq!(desk.read(&a), desk.read(&b), "{end}");
    }
    let ran = desk
        .run("pack stamps -o diff.npz --channels difference")
        .done();
    ran.says(&["11x9x1 (difference), f32"]);

    std::fs::remove_file(desk.path("stamps/stamps_1/srch11803.gif")).unwrap();
    let ran = desk.run("pack stamps --out less_x.npy");
    assert_eq!(ran.code, 3, "{}", ran.err);
    ran.says(&[
        "left out 11803: no srch11803.gif in",
        "1 left out: less_x.npy",
    ]);
    desk.refuses(
        "pack stamps --out no_x.npy --strict",
        1,
        &["11803: no srch11803.gif"],
    );
    desk.write("mine.csv", "ID,OBJECT_TYPE\n11800,1\n11801,0\n");
    let ran = desk.run("pack stamps/stamps_0 stamps/stamps_1 -o m.npz --labels mine.csv");
    assert_eq!(ran.code, 3);
    ran.says(&["1 real, 1 bogus and 7 undecided"]);
}

#[test]
fn what_cannot_be_asked_for() {
    let desk = Desk::with_set();
    stamps(&desk);
    for (line, parts) in [
        (
            "pack set.npz -o out.txt",
            &["--out", "NAME.npz, PREFIX_x.npy"][..],
        ),
        ("pack set.npz -o set.npz", &["another file than the input"]),
        (
            "pack set.npz -o o.npz --frac-true 2",
            &["--frac-true", "from 0 to 1"],
        ),
        ("pack set.npz -o o.npz --cutout-size 0", &["--cutout-size"]),
        ("pack set.npz -o o.npz --key xyz=a", &["--key"]),
        ("pack set.npz -o o.npz --channels blue", &["--channels"]),
    ] {
        desk.refuses(line, 2, parts);
    }
    desk.run("pack stamps --out des_x.npy").done();
    desk.refuses("pack des -o des_x.npy", 2, &["another file than the input"]);
    desk.refuses("pack set.npz -o o.npz --labels mine.csv", 1, &["mine.csv"]);
    desk.refuses("pack nothing -o o.npz", 1, &["nothing", "no such file"]);
    desk.refuses("pack set.npz -o no/o.npz", 1, &["no folder no"]);
    desk.refuses("pack set.npz -o o.npz --dtype u8", 1, &["--dtype u8"]);
    desk.refuses(
        "pack set.npz -o o.npz --channels difference,template",
        1,
        &["only difference"],
    );
}
