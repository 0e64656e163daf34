//! A damaged model is an error with the file's name, never a panic and never a
//! wrong score.

use super::Desk;

#[test]
fn a_model_cut_short() {
    let desk = Desk::with_model();
    let whole = desk.read("model.safetensors");
    for keep in [
        0,
        1,
        7,
        8,
        9,
        100,
        whole.len() / 2,
        whole.len() - 4,
        whole.len() - 1,
    ] {
        desk.write("bad.safetensors", &whole[..keep]);
        desk.refuses(
            "score bad.safetensors set.npz -o s.csv",
            1,
            &["bad.safetensors"],
        );
    }
    desk.refuses("summary bad.safetensors", 1, &["bad.safetensors"]);
}

#[test]
fn a_model_with_a_byte_flipped() {
    let desk = Desk::with_model();
    let whole = desk.read("model.safetensors");
    // The length, the header, the metadata, the weights.
    let places = (0..8).chain((8..whole.len()).step_by(whole.len() / 40));
    for (i, place) in places.enumerate() {
        let mut bytes = whole.clone();
        bytes[place] ^= 1 << (i % 8);
        desk.write("bad.safetensors", bytes);
        desk.refuses(
            "score bad.safetensors set.npz -o s.csv",
            1,
            &["bad.safetensors"],
        );
    }
}

#[test]
fn another_file_is_no_model() {
    let desk = Desk::with_model();
    let parts = ["set.npz", "a model that `rbgpu train`"];
    desk.refuses("score set.npz set.npz", 1, &parts);
    desk.refuses("summary set.npz", 1, &parts);
    desk.refuses(
        "score nowhere.safetensors set.npz",
        1,
        &["nowhere.safetensors: model: found no such file"],
    );
}
