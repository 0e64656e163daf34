//! A forest on disk: the same when it is read again, and an error whatever else is there.

use rbgpu::forest::{Forest, Settings};

use super::{quietly, table};

fn forest() -> Forest {
    let table = table();
    let (rows, labels) = table.labelled().expect("labels");
    let settings = Settings {
        trees: 3,
        ..Settings::default()
    };
    Forest::train(&table, &rows, &labels, &settings, &quietly).expect("a forest")
}

#[test]
fn a_forest_is_read_as_it_was_written() {
    let dir = tempfile::tempdir().expect("a folder");
    let [one, two] = ["one.safetensors", "two.forest"].map(|name| dir.path().join(name));
    let forest = forest();
    forest.write(&one).expect("written");
    let again = Forest::read(&one).expect("a forest");
    assert!(again == forest, "another forest");
    again.write(&two).expect("written");
    let bytes = [&one, &two].map(|path| std::fs::read(path).expect("read"));
    assert!(bytes[0] == bytes[1], "the same forest is other bytes");
}

#[test]
fn a_file_that_was_cut_or_changed_is_refused() {
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("forest.safetensors");
    let forest = forest();
    forest.write(&path).expect("written");
    let whole = std::fs::read(&path).expect("read");
    let read = |bytes: &[u8]| {
        std::fs::write(&path, bytes).expect("written");
        Forest::read(&path)
    };
    for cut in (0..whole.len()).step_by(97) {
        let error = read(&whole[..cut]).expect_err("cut").to_string();
        assert!(error.contains("forest.safetensors"), "{error}");
    }
    // A changed bit either is in the numbers, and the checksum tells, or in the text.
    for at in (0..whole.len()).step_by(13) {
        let mut bytes = whole.clone();
        bytes[at] ^= 0x10;
        if let Ok(other) = read(&bytes) {
            let same = other.size() == forest.size() && other.names().len() == forest.names().len();
            assert!(same, "a changed byte at {at} gives another forest");
        }
    }
    for other in [
        "",
        "{}",
        "id,label\n",
        "not a forest at all, whatever its name says",
    ] {
        assert!(read(other.as_bytes()).is_err(), "{other:?}");
    }
}
