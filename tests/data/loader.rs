//! Batches: complete, in order, the same whatever the threads do.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use rbgpu::data::{Augment, Batch, Dataset, Loader, LoaderOptions, Normalisation, Pixels};
use rbgpu::{Error, Result};

use super::{made, pixels, says};

fn plain() -> LoaderOptions {
    LoaderOptions {
        batch_size: 4,
        preprocess: Normalisation::None.into(),
        ..LoaderOptions::default()
    }
}

fn batches(loader: &Loader, epoch: u64) -> Vec<Batch> {
    loader.epoch(epoch).collect::<Result<_>>().unwrap()
}

#[test]
fn in_order_with_a_smaller_last_batch() {
    let set = Arc::new(made(12, 3, 2, 2));
    let loader = Loader::new(set.clone(), vec![5, 0, 1, 2, 3, 4, 7, 6, 11], plain()).unwrap();
    assert_eq!(
        (loader.len(), loader.batches(), loader.shape()),
        (9, 3, set.shape)
    );
    for epoch in 0..2 {
        let found = batches(&loader, epoch);
        let rows: Vec<&[usize]> = found.iter().map(|b| &b.indices[..]).collect();
        assert_eq!(rows, [&[5, 0, 1, 2][..], &[3, 4, 7, 6], &[11]]);
        assert_eq!(found[0].labels, [1, 0, 1, 0]);
        assert_eq!((found[2].len(), found[2].values.len()), (1, 12));
        assert_eq!(found[2].values, pixels(&set, 11));
        assert_eq!(found[1].values[12..24], pixels(&set, 4));
    }
}

#[test]
fn shuffled_by_seed_and_epoch_with_every_candidate_once() {
    let set = Arc::new(made(50, 3, 3, 1));
    let options = LoaderOptions {
        shuffle: true,
        seed: 3,
        augment: Augment::D4,
        ..plain()
    };
    let make = |options| Loader::new(set.clone(), (10..40).collect(), options).unwrap();
    let order =
        |found: &[Batch]| -> Vec<usize> { found.iter().flat_map(|b| b.indices.clone()).collect() };
    let (one, two) = (batches(&make(options), 1), batches(&make(options), 2));
    assert_eq!(one, batches(&make(options), 1));
    assert_ne!(order(&one), order(&two));
    assert_ne!(
        order(&one),
        order(&batches(&make(LoaderOptions { seed: 4, ..options }), 1))
    );
    let mut sorted = order(&two);
    sorted.sort_unstable();
    assert_eq!(sorted, (10..40).collect::<Vec<_>>());
    // With and without the cache, and after an epoch that filled it.
    let uncached = make(LoaderOptions {
        cache_bytes: 0,
        ..options
    });
    let cached = make(options);
    batches(&cached, 0);
    assert_eq!(batches(&uncached, 2), two);
    assert_eq!(batches(&cached, 2), two);
    // A candidate is turned the same in whatever batch it comes.
    let single = make(LoaderOptions {
        batch_size: 1,
        shuffle: false,
        ..options
    });
    let alone: Vec<Batch> = batches(&single, 2);
    for batch in &two {
        for (i, index) in batch.indices.iter().enumerate() {
            assert_eq!(alone[index - 10].values, batch.values[9 * i..9 * (i + 1)]);
        }
    }
}

#[test]
fn normalised_and_shared_among_threads() {
    let set = Arc::new(made(64, 32, 32, 1));
    let options = LoaderOptions {
        batch_size: 64,
        ..LoaderOptions::default()
    };
    let loader = Loader::new(set.clone(), (0..64).collect(), options).unwrap();
    let found = batches(&loader, 0);
    for row in found[0].values.chunks(1024) {
        let mean = row.iter().sum::<f32>() / 1024.0;
        let square = row.iter().map(|v| v * v).sum::<f32>() / 1024.0;
        assert!(
            mean.abs() < 1e-5 && (square - 1.0).abs() < 1e-4,
            "{mean} {square}"
        );
    }
}

/// Counts reads and fails at one row.
#[derive(Debug)]
struct Failing {
    reads: Arc<AtomicUsize>,
    at: usize,
    panics: bool,
}

impl Pixels for Failing {
    fn read(&self, index: usize, out: &mut [f32]) -> Result<()> {
        self.reads.fetch_add(1, Ordering::Relaxed);
        out.fill(1.0);
        if index == self.at {
            assert!(!self.panics, "a reader with a bug");
            return Err(Error::input("disk", "row", "nothing", "pixels"));
        }
        Ok(())
    }
}

fn failing(count: usize, at: usize, panics: bool) -> (Arc<Dataset>, Arc<AtomicUsize>) {
    let reads = Arc::new(AtomicUsize::new(0));
    let pixels = Failing {
        reads: reads.clone(),
        at,
        panics,
    };
    (
        Arc::new(Dataset {
            pixels: Box::new(pixels),
            ..made(count, 2, 2, 1)
        }),
        reads,
    )
}

#[test]
fn the_cache_reads_each_candidate_once() {
    let (set, reads) = failing(20, usize::MAX, false);
    let loader = Loader::new(set.clone(), (0..20).collect(), plain()).unwrap();
    (0..3).for_each(|epoch| drop(batches(&loader, epoch)));
    assert_eq!(reads.load(Ordering::Relaxed), 20);
    let options = LoaderOptions {
        cache_bytes: 319,
        ..plain()
    };
    let loader = Loader::new(set, (0..20).collect(), options).unwrap();
    (0..3).for_each(|epoch| drop(batches(&loader, epoch)));
    assert_eq!(reads.load(Ordering::Relaxed), 80);
}

#[test]
fn an_error_or_a_panic_ends_the_epoch_with_an_error() {
    for panics in [false, true] {
        let (set, _) = failing(20, 9, panics);
        let loader = Loader::new(set, (0..20).collect(), plain()).unwrap();
        let found: Vec<Result<Batch>> = loader.epoch(0).collect();
        assert_eq!(found.len(), 3);
        assert!(found[0].is_ok() && found[1].is_ok() && found[2].is_err());
    }
}

#[test]
fn an_epoch_may_be_dropped_early() {
    let (set, reads) = failing(4000, usize::MAX, false);
    let loader = Loader::new(set, (0..4000).collect(), plain()).unwrap();
    let mut epoch = loader.epoch(0);
    assert!(epoch.next().is_some());
    drop(epoch);
    assert!(
        reads.load(Ordering::Relaxed) < 200,
        "only what was ahead was read"
    );
}

#[test]
fn labels_and_wrong_options() {
    let set = Arc::new(Dataset {
        labels: None,
        ..made(4, 2, 2, 1)
    });
    let loader = Loader::new(set.clone(), vec![0, 1], plain()).unwrap();
    assert!(batches(&loader, 0)[0].labels.is_empty());
    let loader = Loader::with_labels(set.clone(), vec![3, 1], vec![0, 1, 0, 1], plain()).unwrap();
    assert_eq!(batches(&loader, 0)[0].labels, [1, 1]);
    let error = Loader::with_labels(set.clone(), vec![], vec![1], plain()).unwrap_err();
    says(&error.to_string(), &["1 labels", "4"]);
    let error = Loader::new(set.clone(), vec![4], plain()).unwrap_err();
    says(&error.to_string(), &["row 4", "below 4"]);
    let error = Loader::new(
        set.clone(),
        vec![],
        LoaderOptions {
            batch_size: 0,
            ..plain()
        },
    );
    says(&error.unwrap_err().to_string(), &["--batch-size"]);
    let loader = Loader::new(set, vec![], plain()).unwrap();
    assert!(loader.is_empty() && batches(&loader, 0).is_empty());
}

/// A disk that takes 10 ms for a candidate.
#[derive(Debug)]
struct Slow;

impl Pixels for Slow {
    fn read(&self, _: usize, out: &mut [f32]) -> Result<()> {
        std::thread::sleep(std::time::Duration::from_millis(10));
        out.fill(1.0);
        Ok(())
    }
}

#[test]
fn the_time_that_a_reader_keeps_one_waiting_is_known() {
    let mut set = made(8, 3, 2, 2);
    set.pixels = Box::new(Slow);
    let loader = Loader::new(Arc::new(set), (0..8).collect(), plain()).unwrap();
    let mut epoch = loader.epoch(0);
    assert!(epoch.waited().is_zero());
    let started = std::time::Instant::now();
    assert_eq!(epoch.by_ref().count(), 2);
    // Two batches of four candidates, one after the other.
    assert!(epoch.waited() >= std::time::Duration::from_millis(70));
    assert!(epoch.waited() <= started.elapsed());
    let waited = epoch.waited();
    assert!(epoch.next().is_none());
    assert_eq!(epoch.waited(), waited);
}
