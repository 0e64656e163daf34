//! A study that was stopped goes on where it was, in its own folder only.

use std::fs::{self, OpenOptions};
use std::io::Write;

use super::{Desk, Stop, csv, said};

#[test]
fn a_study_that_was_stopped_ends_as_one_that_was_not() {
    let desk = Desk::new();
    let runs = desk.sizes();
    let folder = tempfile::tempdir().unwrap();
    let whole = desk
        .conduct(&folder.path().join("whole"), &runs, &mut ())
        .unwrap();
    let whole = csv(&whole);
    assert_eq!(whole.lines().count(), 7);

    let path = folder.path().join("stopped");
    // 6, 6, 9, 9, 18, 18 steps in all.
    for steps in [0, 4, 7, 9, 13, 5, 9] {
        let mut stop = Stop::after(steps);
        let error = said(desk.conduct(&path, &runs, &mut stop));
        assert!(error.contains("enough steps"), "{error}");
    }
    let mut end = Stop::after(usize::MAX);
    let records = desk.conduct(&path, &runs, &mut end).unwrap();
    assert!(end.again > 0 && end.finished == 6, "{}", end.again);
    assert_eq!(csv(&records), whole);
    // Once more: nothing is trained.
    let mut again = Stop::after(0);
    let records = desk.conduct(&path, &runs, &mut again).unwrap();
    assert_eq!((again.again, csv(&records)), (6, whole));
}

#[test]
fn a_torn_last_line_is_a_run_that_is_not_over() {
    let desk = Desk::new();
    let runs = desk.sizes();
    let folder = tempfile::tempdir().unwrap();
    let whole = csv(&desk.conduct(folder.path(), &runs, &mut ()).unwrap());
    let path = folder.path().join("study.jsonl");
    let journal = fs::read_to_string(&path).unwrap();
    let lines: Vec<&str> = journal.lines().collect();
    let torn = [
        format!("{}\n{}", lines[0], &lines[1][..40]),
        format!("{}\n{}", lines[0], lines[1]),
        format!("{}\n\0\0\0\0\0", lines[0]),
        lines[0][..10].to_string(),
    ];
    for (i, torn) in torn.iter().enumerate() {
        fs::write(&path, torn).unwrap();
        let mut watcher = Stop::after(usize::MAX);
        let records = desk.conduct(folder.path(), &runs, &mut watcher).unwrap();
        assert_eq!(csv(&records), whole);
        assert_eq!(watcher.again, usize::from(i < 3), "{torn}");
        assert_eq!(fs::read_to_string(&path).unwrap().lines().count(), 6);
    }
    // In the middle it is no kill.
    fs::write(&path, format!("{}\n{}\n", &lines[0][..10], lines[1])).unwrap();
    let error = said(desk.conduct(folder.path(), &runs, &mut ()));
    assert!(error.contains("study.jsonl: line 1"), "{error}");
}

#[test]
fn other_settings_are_refused_by_name() {
    let mut desk = Desk::new();
    let folder = tempfile::tempdir().unwrap();
    drop(desk.folder(folder.path(), "").unwrap());
    drop(desk.folder(folder.path(), "").unwrap());
    let error = said(desk.folder(folder.path(), "more"));
    assert!(
        error.contains("varied") && error.contains("--fresh"),
        "{error}"
    );
    desk.config.batch_size = 9;
    desk.config.architecture.layers.pop();
    let error = said(desk.folder(folder.path(), ""));
    for part in [
        "found",
        "training.batch_size 8",
        "training.batch_size 9",
        "layers",
    ] {
        assert!(error.contains(part), "no {part} in {error}");
    }
    // Other candidates in the parts, which is other data.
    let mut desk = Desk::new();
    desk.split.test.pop();
    let error = said(desk.folder(folder.path(), ""));
    assert!(error.contains("data 80 cutouts of 16x16x1"), "{error}");
}

#[test]
fn a_folder_has_one_study_at_a_time_and_no_other_s() {
    let desk = Desk::new();
    let folder = tempfile::tempdir().unwrap();
    let held = desk.folder(folder.path(), "").unwrap();
    let error = said(desk.folder(folder.path(), ""));
    assert!(error.contains("a study that is running"), "{error}");
    drop(held);
    drop(desk.folder(folder.path(), "").unwrap());

    let settings = folder.path().join("settings.json");
    for foreign in [
        "{}",
        "[1, 2]",
        "not json",
        "{\"format\": \"rbgpu study 99\"}",
    ] {
        fs::write(&settings, foreign).unwrap();
        let error = said(desk.folder(folder.path(), ""));
        assert!(error.contains("settings.json"), "{foreign}: {error}");
        assert_eq!(fs::read_to_string(&settings).unwrap(), foreign);
    }
    fs::remove_file(&settings).unwrap();
    let journal = folder.path().join("study.jsonl");
    let mut file = OpenOptions::new().append(true).open(&journal).unwrap();
    file.write_all(b"{}\n").unwrap();
    let error = said(desk.folder(folder.path(), ""));
    assert!(error.contains("a journal alone"), "{error}");
}

/// A network that does not fit, and one whose loss is no number, are rows and no end.
#[test]
fn what_fails_is_a_row_with_its_reason() {
    let desk = Desk::new();
    let folder = tempfile::tempdir().unwrap();
    let split = std::sync::Arc::new(desk.split.clone());
    let mut runs =
        rbgpu::study::cutout::runs(&desk.config, desk.data.shape, &split, &[3, 8], 1).unwrap();
    // Too large a step for any network.
    let mut wild = runs[1].clone();
    wild.name = "wild".into();
    wild.folder = "wild".into();
    wild.config.learning_rate = 1e30;
    wild.config.rate_is_default = false;
    runs.push(wild);
    let records = desk.conduct(folder.path(), &runs, &mut ()).unwrap();
    let note = |i: usize| records[i].note.clone().unwrap_or_default();
    assert!(
        note(0).contains("3 pixels are too small for tiny"),
        "{}",
        note(0)
    );
    assert!(records[0].reported().is_none() && records[0].parameters.is_none());
    assert!(records[1].reported().is_some() && records[1].note.is_none());
    assert!(note(2).contains("loss"), "{}", note(2));
    let again = desk
        .conduct(folder.path(), &runs, &mut Stop::after(0))
        .unwrap();
    assert_eq!(again, records);
}
