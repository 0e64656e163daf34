//! Tables of scores: the first byte says which format.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rbgpu::evaluate::score_file::{Reading, ScoreFile};

const ENDINGS: [&str; 5] = [".csv", ".dat", ".jsonl", ".parquet", ".npy"];

fuzz_target!(
    init: rbgpu_fuzz::quiet(),
    |data: &[u8]| {
        let Some((&first, rest)) = data.split_first() else {
            return;
        };
        let reading = Reading {
            by: vec!["filter".into()],
            ..Reading::default()
        };
        let ending = ENDINGS[usize::from(first) % ENDINGS.len()];
        let _ = rbgpu_fuzz::as_file(rest, ending, |path| ScoreFile::read(path, &reading));
    }
);
