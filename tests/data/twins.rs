//! Tables in which a column stands twice.

use rbgpu::data::{ReadOptions, open};

use super::{made, says};
use rbgpu::data::writer::write_cube;

#[test]
fn a_column_that_stands_twice_is_refused() {
    let place = tempfile::tempdir().unwrap();
    let cube = place.path().join("cube.npz");
    write_cube(&cube, &made(3, 2, 2, 1)).unwrap();
    let error = |name: &str, text: &str| {
        let labels = place.path().join(name);
        std::fs::write(&labels, text).unwrap();
        let options = ReadOptions {
            labels: Some(labels),
            ..ReadOptions::default()
        };
        open(&[&cube], &options).unwrap_err().to_string()
    };
    for (text, parts) in [
        (
            "id,label,label\n1,1,0\n",
            ["'label' and 'label'", "columns 2 and 3"],
        ),
        (
            "id,label,Label\n1,1,0\n",
            ["'label' and 'Label'", "columns 2 and 3"],
        ),
        ("id,ID,label\n1,2,0\n", ["'id' and 'ID'", "columns 1 and 2"]),
    ] {
        let said = error("labels.csv", text);
        says(
            &said,
            &["labels.csv", parts[0], parts[1], "remove or rename"],
        );
    }
}
