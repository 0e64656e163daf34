//! A file that is something else than what was expected, and arguments in the wrong order: the
//! error says what the file is and what to do.

use super::Desk;

#[test]
fn networks_of_other_programs_are_to_be_imported() {
    let desk = Desk::with_model();
    desk.run("export model.safetensors --out net.h5").done();
    desk.run("export model.safetensors --out net.keras").done();
    desk.run("export model.safetensors --out net.onnx").done();
    desk.write("weights.pt", b"\x80\x02}q\0.");
    for command in ["score", "evaluate", "explain", "calibrate"] {
        let out = match command {
            "calibrate" => "out.safetensors",
            _ => "out.csv",
        };
        let line = |model: &str| format!("{command} {model} set.npz --out {out}");
        for (model, parts) in [
            (
                "net.h5",
                &["an HDF5 file", "rbgpu import net.h5 --out net.safetensors"][..],
            ),
            ("net.keras", &["a Keras model", "rbgpu import net.keras"]),
            ("net.onnx", &["an ONNX model", "does not read it"]),
            (
                "weights.pt",
                &[
                    "a PyTorch file",
                    "rbgpu import weights.pt --network NETWORK",
                ],
            ),
        ] {
            desk.refuses(&line(model), 1, parts);
        }
    }
    for file in ["net.keras", "net.h5", "net.onnx"] {
        desk.refuses(&format!("train {file}"), 1, &[file, "rbgpu import"]);
    }
    desk.refuses("import net.onnx --out x.safetensors", 1, &["an ONNX model"]);
    desk.refuses(
        "import set.npz --out x.safetensors",
        1,
        &["a .npz cube", "a Keras model"],
    );
}

#[test]
fn arguments_in_the_wrong_order() {
    let desk = Desk::with_model();
    let parts = ["set.npz", "a .npz cube", "the model comes first"];
    desk.refuses("score set.npz model.safetensors", 1, &parts);
    desk.refuses("explain set.npz model.safetensors --out o", 1, &parts);
    let parts = ["model.safetensors", "comes before the cutouts"];
    desk.refuses("train model.safetensors", 1, &parts);
    desk.refuses("suspect model.safetensors --out s.csv", 1, &parts);
}

#[test]
fn score_before_train() {
    let desk = Desk::with_model();
    let parts = [
        "rb.safetensors: model: found no such file",
        "`rbgpu train INPUT --out rb.safetensors`",
    ];
    desk.refuses("score rb.safetensors set.npz", 1, &parts);
    desk.refuses("evaluate rb.safetensors set.npz --out o", 1, &parts);
    desk.write("net.toml", "name = \"net\"\n");
    desk.refuses(
        "score net.toml set.npz",
        1,
        &["a network's description", "rbgpu train"],
    );
    desk.refuses(
        "train net.toml",
        1,
        &["a network's description", "--network"],
    );
    desk.refuses("train labels.csv set.npz", 1, &["no such file"]);
    desk.write("labels.csv", "id,label\n1,1\n");
    desk.refuses("train labels.csv set.npz", 1, &["a text file", "--labels"]);
}
