//! `rbgpu export`: which file is written, what is said, what is refused.

use super::Desk;

#[test]
fn the_ending_says_the_format() {
    let desk = Desk::with_model();
    let starts: [(&str, &[u8]); 5] = [
        ("m.onnx", b"\x08\x08"),
        ("m.h5", b"\x89HDF\r\n"),
        ("m.weights.h5", b"\x89HDF\r\n"),
        ("m.keras", b"PK\x03\x04"),
        ("plain.safetensors", b""),
    ];
    for (out, start) in starts {
        let ran = desk
            .run(&format!("export model.safetensors --out {out}"))
            .done();
        ran.says(&[out, "cutouts of 16x16x1", "normalised by 'standard'"]);
        assert_eq!(ran.out, "", "{out}");
        assert!(desk.read(out).starts_with(start), "{out}");
    }
    // --format is stronger than the ending.
    desk.run("export model.safetensors --out other.bin --format onnx -q")
        .done();
    assert_eq!(desk.read("other.bin"), desk.read("m.onnx"));
    // Full model and weights alone differ though both end in .h5.
    assert_ne!(desk.read("m.h5"), desk.read("m.weights.h5"));
}

#[test]
fn a_hint_says_that_the_graph_could_normalise() {
    let desk = Desk::with_model();
    desk.run("export model.safetensors --out m.onnx")
        .done()
        .says(&["--with-normalisation"]);
    let ran = desk
        .run("export model.safetensors --out n.onnx --with-normalisation")
        .done();
    ran.says(&["the graph normalises them"]);
    assert_ne!(desk.read("m.onnx"), desk.read("n.onnx"));
    let ran = desk.run("export model.safetensors --out m.keras").done();
    assert!(!ran.err.contains("--with-normalisation"), "{}", ran.err);
}

#[test]
fn what_cannot_be_done_is_refused() {
    let desk = Desk::with_model();
    let model = desk.read("model.safetensors");
    desk.refuses(
        "export model.safetensors --out model.safetensors",
        2,
        &["another file than the input"],
    );
    assert_eq!(desk.read("model.safetensors"), model);
    desk.refuses(
        "export model.safetensors --out m.tflite",
        2,
        &["m.tflite", ".onnx", ".weights.h5", "--format"],
    );
    desk.refuses(
        "export model.safetensors --out m.h5 --format tflite",
        2,
        &["'tflite'", "onnx"],
    );
    desk.refuses(
        "export model.safetensors --out m.h5 --with-normalisation",
        2,
        &["--with-normalisation", "format h5"],
    );
    desk.refuses(
        "export model.safetensors --out nowhere/m.onnx",
        1,
        &["nowhere"],
    );
    desk.refuses("export set.npz --out m.onnx", 1, &["set.npz"]);
    desk.refuses("export absent.safetensors --out m.onnx", 1, &["absent"]);
}

#[test]
fn a_plain_file_is_not_taken_for_a_model() {
    let desk = Desk::with_model();
    desk.run("export model.safetensors --out plain.safetensors -q")
        .done();
    desk.refuses(
        "score plain.safetensors set.npz --out s.csv",
        1,
        &["plain.safetensors", "rbgpu import plain.safetensors"],
    );
}

#[test]
fn a_normalisation_by_medians_is_refused_for_the_graph() {
    let desk = Desk::with_set();
    desk.run("train set.npz --network tiny.toml --device cpu --normalise mad -o mad.safetensors")
        .done();
    desk.refuses(
        "export mad.safetensors --out m.onnx --with-normalisation",
        2,
        &["'mad'", "median"],
    );
    let ran = desk.run("export mad.safetensors --out m.onnx").done();
    ran.says(&["normalised by 'mad'"]);
    assert!(!ran.err.contains("--with-normalisation"), "{}", ran.err);
}
