//! Parts of a training set, each within the next.

use rbgpu::data::Split;
use rbgpu::study::size::{Nested, ladder, runs};

use super::{Desk, said};

/// 300 candidates, every fourth real.
fn labels() -> Vec<u8> {
    (0..300).map(|i| u8::from(i % 4 == 0)).collect()
}

#[test]
fn every_smaller_set_is_part_of_every_larger_one() {
    let labels = labels();
    let rows: Vec<usize> = (0..300).filter(|i| i % 3 != 1).collect();
    let nested = Nested::new(&labels, &rows, 7);
    assert_eq!(nested.len(), rows.len());
    let mut before = nested.first(0);
    assert!(before.is_empty());
    for count in 1..=rows.len() {
        let now = nested.first(count);
        assert_eq!(now.len(), count);
        assert!(now.is_sorted(), "{now:?}");
        assert!(before.iter().all(|row| now.contains(row)), "{count}");
        before = now;
    }
    assert_eq!(before, rows, "the largest is the whole");
}

#[test]
fn both_classes_come_in_proportion() {
    let labels = labels();
    let rows: Vec<usize> = (0..300).collect();
    let nested = Nested::new(&labels, &rows, 7);
    for count in 2..=300 {
        let first = nested.first(count);
        let real = first.iter().filter(|row| labels[**row] == 1).count();
        let wanted = count as f64 / 4.0;
        assert!(
            (real as f64 - wanted).abs() <= 0.5 || real == 1,
            "{real} of {count}"
        );
        assert!(real >= 1 && real < count, "{real} of {count}");
    }
}

#[test]
fn the_order_is_the_seed_s() {
    let labels = labels();
    let rows: Vec<usize> = (0..300).collect();
    let first = |seed| Nested::new(&labels, &rows, seed).first(40);
    assert_eq!(first(1), first(1));
    assert_ne!(first(1), first(2));
}

#[test]
fn sizes_by_default_are_halves() {
    assert_eq!(ladder(4800), [75, 150, 300, 600, 1200, 2400, 4800]);
    assert_eq!(ladder(560), [70, 140, 280, 560]);
    assert_eq!(ladder(20), [20]);
}

#[test]
fn only_the_training_part_changes() {
    let desk = Desk::new();
    let runs = desk.sizes();
    assert_eq!(runs.len(), 6);
    let names: Vec<&str> = runs.iter().map(|run| run.name.as_str()).collect();
    assert_eq!(
        names,
        ["n12-r1", "n12-r2", "n24-r1", "n24-r2", "n48-r1", "n48-r2"]
    );
    for run in &runs {
        assert_eq!(run.split.validation, desk.split.validation);
        assert_eq!(run.split.test, desk.split.test);
    }
    assert_ne!(runs[0].split.train, runs[1].split.train, "repeats differ");
    assert_ne!(runs[0].config.seed, runs[1].config.seed);
    assert_eq!(runs[4].split.train, desk.split.train, "the largest is all");
}

#[test]
fn sizes_that_cannot_be_are_refused() {
    let desk = Desk::new();
    let make = |sizes: &[usize]| runs(&desk.config, desk.labels(), &desk.split, sizes, 1);
    assert!(said(make(&[1])).contains("from 2 to 48"));
    assert!(said(make(&[49])).contains("from 2 to 48"));
    assert!(said(make(&[12, 24, 12])).contains("12 twice"));
    let none = Split::default();
    assert!(runs(&desk.config, desk.labels(), &none, &[2], 1).is_err());
}
