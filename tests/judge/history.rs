//! The history of a training: same bytes out and in, and errors that name the line.

use std::path::Path;

use rbgpu::judge::{EpochRecord, history};

fn record(epoch: usize) -> EpochRecord {
    EpochRecord {
        epoch,
        learning_rate: 2e-5,
        loss: 0.1 + 0.2,
        accuracy: 0.875,
        val_loss: 1.0 / 3.0,
        val_accuracy: f64::NAN,
        samples: 1000,
    }
}

#[test]
fn history_goes_out_and_comes_back() {
    let path = Path::new("history.jsonl");
    let mut file = Vec::new();
    history::write(&[record(1), record(2)], &mut file, path).unwrap();
    let text = String::from_utf8(file.clone()).unwrap();
    let first = r#"{"epoch":1,"learning_rate":0.00002,"loss":0.30000000000000004,"accuracy":0.875,"val_loss":0.3333333333333333,"val_accuracy":null,"samples":1000}"#;
    assert_eq!(text.lines().next(), Some(first));
    let back = history::read(&file[..], path).unwrap();
    let mut again = Vec::new();
    history::write(&back, &mut again, path).unwrap();
    assert_eq!(file, again);
    assert!(back[0].val_accuracy.is_nan());
}

#[test]
fn a_broken_history_names_the_line() {
    let path = Path::new("history.jsonl");
    let mut file = Vec::new();
    history::write(&[record(1), record(2)], &mut file, path).unwrap();
    let cut = history::read(&file[..file.len() - 9], path)
        .unwrap_err()
        .to_string();
    assert!(cut.starts_with("history.jsonl: line 2: "), "{cut}");
    let twice = [file.clone(), file].concat();
    let twice = history::read(&twice[..], path).unwrap_err().to_string();
    assert_eq!(
        twice,
        "history.jsonl: line 3: found epoch 1, expected epoch 3"
    );
}
