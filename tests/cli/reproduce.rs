//! `rbgpu reproduce`: what is refused before any work. The experiments are in tests/reproduce.

use super::Desk;

#[test]
fn a_cube_without_a_name_is_wrong_usage() {
    let desk = Desk::new();
    for data in ["cube.npz", "=cube.npz", "JAST-gmadet="] {
        let command = format!("reproduce otrain --quick --data {data} -o out");
        desk.refuses(&command, 2, &["NAME=CUBE", data]);
    }
}

#[test]
fn a_folder_with_other_things_is_left_alone() {
    let desk = Desk::new();
    desk.write("mine/notes.txt", "dear diary");
    desk.refuses("reproduce otrain --quick -o mine", 2, &["other things"]);
    assert_eq!(std::fs::read_dir(desk.path("mine")).unwrap().count(), 1);
}

#[test]
fn a_cube_that_is_not_there_is_named() {
    let desk = Desk::new();
    let command = "reproduce otrain --quick --data JAST-gmadet=none.npz -o out --device cpu";
    desk.refuses(command, 1, &["none.npz"]);
}
