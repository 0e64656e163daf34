//! A forest's file, or a table of features: the first byte says which.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rbgpu::forest::{FeatureTable, Forest, TableOptions};
use rbgpu_fuzz::as_file;

fuzz_target!(
    init: rbgpu_fuzz::quiet(),
    |data: &[u8]| {
        let Some((&first, rest)) = data.split_first() else {
            return;
        };
        if first % 2 == 0 {
            let _ = as_file(rest, ".csv", |path| {
                FeatureTable::read(path, &TableOptions::default())
            });
            return;
        }
        let Ok(forest) = as_file(rest, ".safetensors", Forest::read) else {
            return;
        };
        // Whatever was read can be used: every walk through a tree ends.
        let row = vec![f32::NAN; forest.names().len()];
        let table = FeatureTable::new("row", forest.names().to_vec(), vec!["a".into()], row);
        if let Ok(table) = table {
            forest.score(&table).expect("its own features");
        }
    }
);
