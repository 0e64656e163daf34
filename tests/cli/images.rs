//! Which image of a cutout is which: `--planes`, `--channels`, and what a model knows.

use super::Desk;
use super::fixtures::{alternating, cutouts, npz};

/// A desk with 60 cutouts of three images without names in `plain.npz`, and the same with names,
/// stored in another order, in `named.npz`.
fn desk() -> Desk {
    let desk = Desk::new();
    let members = [("cube", cutouts(60, 3)), ("labels", alternating(60))];
    npz(&desk.path("plain.npz"), &members);
    desk.run("pack plain.npz -o named.npz --planes science,template,difference --channels template,search,difference")
        .done()
        .says(&["(template, search, difference)"]);
    desk
}

fn train(desk: &Desk, data: &str, out: &str) {
    let line = format!("train {data} --network tiny.toml --device cpu -o {out}");
    desk.run(&line).done();
}

fn scores(desk: &Desk, line: &str) -> String {
    let ran = desk.run(&format!("score {line} --device cpu")).done();
    let rows = ran.out.lines().map(|row| row.split(',').take(2));
    rows.map(|cells| cells.collect::<Vec<_>>().join(",") + "\n")
        .collect()
}

#[test]
fn names_are_declared_once_and_not_contradicted() {
    let desk = desk();
    let out = "-o out.npz";
    for (line, code, parts) in [
        (
            format!("pack plain.npz {out} --channels template"),
            1,
            &["3 images without names", "--planes"][..],
        ),
        (
            format!("pack plain.npz {out} --planes template,search"),
            1,
            &["3 images without names", "2: --planes"],
        ),
        (
            format!("pack plain.npz {out} --planes blue"),
            2,
            &["blue", "--planes"],
        ),
        (
            format!("pack plain.npz {out} --planes template,search,template"),
            2,
            &["template twice"],
        ),
        (
            format!("pack named.npz {out} --planes search,template,difference"),
            1,
            &[
                "named.npz",
                "template, search, difference",
                "leave out --planes",
            ],
        ),
        (
            "pack plain.npz -o p_x.npy".into(),
            2,
            &["--planes", "template, search, difference in a DES triple"],
        ),
    ] {
        desk.refuses(&line, code, parts);
    }
    desk.run("pack named.npz -o same.npz --planes template,search,difference")
        .done();
}

/// A model that was trained on images without names scored named ones in whatever order they came.
#[test]
fn a_model_and_data_of_which_one_has_no_names_do_not_meet() {
    let desk = desk();
    train(&desk, "named.npz", "knows.safetensors");
    train(&desk, "plain.npz", "plain.safetensors");
    let right = scores(&desk, "knows.safetensors named.npz");

    let declare = "--planes search,template,difference";
    for command in [
        "score knows.safetensors plain.npz",
        "evaluate knows.safetensors plain.npz --out report",
        "explain knows.safetensors plain.npz --out maps",
    ] {
        let ran = desk.run(&format!("{command} --device cpu"));
        assert_eq!(ran.code, 1, "{command}: {}", ran.err);
        ran.says(&[
            "3 images without names",
            "template, search, difference",
            "--planes",
        ]);
    }
    let line = format!("knows.safetensors plain.npz {declare}");
    assert_eq!(scores(&desk, &line), right);

    let order = "--channels search,template,difference";
    desk.refuses(
        "score plain.safetensors named.npz --device cpu -o s.csv",
        1,
        &[
            "template, search, difference",
            "3 images without names",
            "--channels",
        ],
    );
    let plain = scores(&desk, "plain.safetensors plain.npz");
    assert_eq!(
        scores(&desk, &format!("plain.safetensors named.npz {order}")),
        plain
    );
    desk.refuses(
        "score plain.safetensors named.npz --device cpu -o s.csv --channels search",
        2,
        &["--channels", "3 images"],
    );

    // Going on from either is no different.
    let from =
        "train plain.npz --from knows.safetensors --device cpu --epochs 1 -o more.safetensors";
    desk.refuses(
        from,
        1,
        &["plain.npz", "3 images without names", "--planes"],
    );
    desk.run(&format!("{from} {declare}")).done();
    let from =
        "train named.npz --from plain.safetensors --device cpu --epochs 1 -o other.safetensors";
    desk.refuses(from, 1, &["named.npz", "--channels"]);
    desk.run(&format!("{from} {order}")).done();
}

/// A single image has no order: a model of the difference takes what O'TRAIN's files hold.
#[test]
fn one_image_without_a_name_is_taken() {
    let desk = Desk::with_model();
    npz(&desk.path("one.npz"), &[("cube", cutouts(8, 1))]);
    desk.run("score model.safetensors one.npz --device cpu")
        .done();
    npz(&desk.path("three.npz"), &[("cube", cutouts(8, 3))]);
    desk.refuses(
        "score model.safetensors three.npz --device cpu -o s.csv",
        1,
        &[
            "3 images without names",
            "the model takes difference",
            "--planes",
            "all of the first 8",
        ],
    );
    let line = "score model.safetensors three.npz --device cpu --planes search,template,difference";
    desk.run(line).done();
}
