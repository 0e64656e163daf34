//! What is kept together in a split, and what is said of it.

use proptest::prelude::*;
use rbgpu::data::labels::pixels_mark;
use rbgpu::data::writer::write_cube;
use rbgpu::data::{Dataset, Fractions, Grouping, Groups, InMemory, Part, ReadOptions, Split, open};

use super::{made, says};

/// [`made`] of `count` 1x1 cutouts with these objects, ids and pixels; odd rows are real.
fn of_names(objects: &[u8], ids: &[u8], pixels: &[u8]) -> Dataset {
    let mut set = made(objects.len(), 1, 1, 1);
    for (row, candidate) in set.candidates.iter_mut().enumerate() {
        // Of 255 there is no object, and an id like no other.
        if objects[row] < 255 {
            candidate.object = format!("object {}", objects[row]);
        }
        if ids[row] < 255 {
            candidate.id = format!("id {}", ids[row]);
        }
    }
    let value = |(row, &key): (usize, &u8)| match key {
        255 => 1000.0 + row as f32,
        key => f32::from(key),
    };
    set.pixels = Box::new(InMemory {
        values: pixels.iter().enumerate().map(value).collect(),
        stride: 1,
    });
    set
}

/// The part of each row.
fn part_of(split: &Split, count: usize) -> Vec<Part> {
    let mut of = vec![None; count];
    for part in [Part::Train, Part::Validation, Part::Test] {
        for &row in split.part(part) {
            assert_eq!(of[row].replace(part), None, "row {row} is in two parts");
        }
    }
    let of = of.into_iter().enumerate();
    of.map(|(row, part)| part.unwrap_or_else(|| panic!("row {row} is in no part")))
        .collect()
}

/// Names of a few, most of which are 255.
fn names(count: usize) -> impl Strategy<Value = Vec<u8>> {
    let one = prop_oneof![3 => Just(255u8), 1 => 0..40u8];
    proptest::collection::vec(one, count)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever has a name in common is in one part, however it hangs together.
    #[test]
    fn no_group_is_in_two_parts(
        (objects, ids, pixels) in (60..160usize).prop_flat_map(|n| (names(n), names(n), names(n))),
        seed: u64,
    ) {
        let set = of_names(&objects, &ids, &pixels);
        let known = objects.iter().any(|&object| object < 255);
        let grouping = if known { Grouping::Object } else { Grouping::Id };
        let Ok(made) = Split::grouped(&set, Fractions::default(), seed, grouping) else {
            // One chain of names may hold most rows.
            return Ok(());
        };
        let of = part_of(&made.split, set.len());
        for names in [&objects, &ids, &pixels] {
            for (a, b) in (0..set.len()).flat_map(|a| (0..a).map(move |b| (a, b))) {
                if names[a] < 255 && names[a] == names[b] {
                    prop_assert_eq!(of[a], of[b], "rows {} and {}", a, b);
                }
            }
        }
        for part in [&made.split.train, &made.split.validation] {
            prop_assert!(part.is_sorted());
            prop_assert!(part.iter().any(|i| i % 2 == 1) && part.iter().any(|i| i % 2 == 0));
        }
    }

    /// Where nothing is repeated the split has the bits that it had before there were groups.
    #[test]
    fn singletons_are_split_as_ever(count in 8..300usize, seed: u64) {
        let mut set = made(count, 1, 1, 1);
        for (row, candidate) in set.candidates.iter_mut().enumerate() {
            candidate.object = format!("object {row}");
        }
        let of = |grouping| {
            let made = Split::grouped(&set, Fractions::default(), seed, grouping).unwrap();
            assert_eq!(made.notices, [""; 0]);
            made.split
        };
        let ever = of(Grouping::None);
        for grouping in [Grouping::Auto, Grouping::Object, Grouping::Id] {
            prop_assert_eq!(&of(grouping), &ever);
        }
    }
}

#[test]
fn the_bits_of_a_split_without_groups_are_pinned() {
    let split = Split::make(&made(20, 1, 1, 1), Fractions::default(), 42).unwrap();
    // As rbgpu 0.1.0 split them before there were groups.
    assert_eq!(split.validation, [12, 15]);
    assert_eq!(split.test, [5, 10, 17, 18]);
}

#[test]
fn groups_fill_the_parts_as_their_shares_say() {
    // 300 objects of one to five detections.
    let objects: Vec<usize> = (0..300).flat_map(|o| vec![o; 1 + o % 5]).collect();
    let mut set = made(objects.len(), 1, 1, 1);
    let label = |&object: &usize| u8::from(object % 3 == 0);
    set.labels = Some(objects.iter().map(label).collect());
    for (candidate, object) in set.candidates.iter_mut().zip(&objects) {
        candidate.object = format!("ZTF{object}");
    }
    let labels = set.labels.clone().unwrap();
    let mut large = [0; 3];
    for seed in 0..50 {
        let made = Split::grouped(&set, Fractions::default(), seed, Grouping::Auto).unwrap();
        says(
            &made.notices[0],
            &["840 rows of 240 objects are kept together"],
        );
        for (at, (part, share)) in [
            (&made.split.train, 0.7),
            (&made.split.validation, 0.1),
            (&made.split.test, 0.2),
        ]
        .into_iter()
        .enumerate()
        {
            for class in [0, 1] {
                let all = labels.iter().filter(|&&label| label == class).count() as f64;
                let own = part.iter().filter(|&&row| labels[row] == class).count() as f64;
                assert!((own - share * all).abs() <= 2.0, "{own} of {all}, {share}");
            }
            large[at] += part.iter().filter(|&&row| objects[row] % 5 == 4).count();
        }
    }
    // 300 rows are of large objects: these are as likely in every part as others.
    for (large, expected) in large.into_iter().zip([210.0, 30.0, 60.0]) {
        let mean = large as f64 / 50.0;
        assert!(
            (mean - expected).abs() < 0.2 * expected,
            "{mean}, {expected}"
        );
    }
}

#[test]
fn the_same_pixels_under_two_ids_stay_together_and_contradicting_labels_are_counted() {
    let mut pixels = vec![255; 40];
    (pixels[3], pixels[30], pixels[4], pixels[6]) = (7, 7, 9, 9);
    let mut set = of_names(&[255; 40], &[255; 40], &pixels);
    for seed in 0..30 {
        let made = Split::grouped(&set, Fractions::default(), seed, Grouping::Id).unwrap();
        let of = part_of(&made.split, 40);
        assert_eq!((of[3], of[4]), (of[30], of[6]));
        // Row 3 is real, row 30 is bogus.
        let said = made.notices.join("\n");
        says(
            &said,
            &[
                "4 rows of 2 repeated cutouts are kept together",
                "--group none",
            ],
        );
        says(
            &said,
            &["1 repeated cutout (2 rows) have contradicting labels"],
        );
    }
    // NaN is one value, whatever its bits; what has other pixels is another cutout.
    let mut values: Vec<f32> = (0..40).map(|row| row as f32).collect();
    (values[3], values[30]) = (f32::NAN, f32::from_bits(0x7fc0_0001));
    (values[0], values[6]) = (0.0, -0.0);
    set.pixels = Box::new(InMemory { values, stride: 1 });
    let groups = Groups::of(&set, Grouping::Id).unwrap();
    assert_eq!((groups.lead(30), groups.lead(6)), (3, 6));
}

/// The pixel that gives a cutout that begins with `pixel` the CRC-32 `mark`: a CRC is linear over
/// bits, so that those of the last word are found one equation each.
fn with_mark(pixel: f32, mark: u32) -> f32 {
    let of = |bits: u32| pixels_mark(&[pixel, f32::from_bits(bits)]);
    let base = of(0);
    let mut rows: Vec<(u32, u32)> = (0..32).map(|k| (of(1 << k) ^ base, 1 << k)).collect();
    let (mut left, mut bits) = (mark ^ base, 0);
    for bit in (0..32).rev() {
        let at = rows.iter().position(|(value, _)| value >> bit & 1 == 1);
        let (value, word) = rows.swap_remove(at.expect("a CRC-32 of 32 bits is one to one"));
        for row in &mut rows {
            if row.0 >> bit & 1 == 1 {
                *row = (row.0 ^ value, row.1 ^ word);
            }
        }
        if left >> bit & 1 == 1 {
            (left, bits) = (left ^ value, bits ^ word);
        }
    }
    f32::from_bits(bits)
}

#[test]
fn cutouts_with_the_same_crc_and_other_pixels_are_not_one() {
    let first = [1.0f32, 2.0];
    let second = [3.0, with_mark(3.0, pixels_mark(&first))];
    let mut set = made(40, 1, 2, 1);
    let mut values: Vec<f32> = (0..80).map(|i| 100.0 + i as f32).collect();
    values[..2].copy_from_slice(&first);
    values[2..4].copy_from_slice(&second);
    assert_eq!(pixels_mark(&first), pixels_mark(&second));
    set.pixels = Box::new(InMemory { values, stride: 2 });
    assert!(Groups::of(&set, Grouping::Id).unwrap().is_single());
}

#[test]
fn row_numbers_of_two_inputs_are_not_the_same_id() {
    let place = tempfile::tempdir().unwrap();
    let path = |name: &str| place.path().join(name);
    for (name, from) in [("a.npz", 0), ("b.npz", 20)] {
        let mut one = made(40, 1, 1, 1).into_subset((from..from + 20).collect());
        for (row, candidate) in one.candidates.iter_mut().enumerate() {
            // As an input without ids has them, also when it was written again.
            candidate.id = row.to_string();
        }
        write_cube(path(name), &one).unwrap();
    }
    let set = open(&[path("a.npz"), path("b.npz")], &ReadOptions::default()).unwrap();
    assert_eq!(set.candidates[0].id, set.candidates[20].id);
    assert!(Groups::of(&set, Grouping::Auto).unwrap().is_single());
    // Ids that an input gives are the same in all.
    let twice = open(&[path("a.npz"), path("a.npz")], &ReadOptions::default()).unwrap();
    let groups = Groups::of(&twice, Grouping::Auto).unwrap();
    assert!(
        (0..20).all(|row| groups.lead(row + 20) == row),
        "by their pixels"
    );
}

#[test]
fn a_placeholder_is_no_object_and_said_so() {
    let mut set = made(40, 1, 1, 1);
    for candidate in &mut set.candidates {
        candidate.object = "M31".into();
    }
    let made_by = |set: &Dataset, grouping| Split::grouped(set, Fractions::default(), 1, grouping);
    let ever = made_by(&set, Grouping::None).unwrap();
    let auto = made_by(&set, Grouping::Auto).unwrap();
    assert_eq!(auto.split, ever.split);
    says(
        &auto.notices[0],
        &[
            "'M31' is the object of 40 of 40 candidates",
            "--group object",
        ],
    );
    let error = made_by(&set, Grouping::Object).unwrap_err().to_string();
    says(&error, &["stay together", "--group none"]);
    for (candidate, none) in set
        .candidates
        .iter_mut()
        .zip(["", "None", "0", "nan"].iter().cycle())
    {
        candidate.object = (*none).into();
    }
    assert_eq!(made_by(&set, Grouping::Auto).unwrap().notices, [""; 0]);
    let error = made_by(&set, Grouping::Object).unwrap_err().to_string();
    says(
        &error,
        &["objects", "found none", "--key objects=KEY", "--group id"],
    );
    assert!("objects".parse::<Grouping>().is_err());
}

#[test]
fn a_file_s_own_split_that_shares_objects_is_used_and_said() {
    use Part::{Test, Train, Validation};
    let parts = [
        Train, Train, Train, Train, Validation, Validation, Validation, Validation, Test, Test,
    ];
    let mut set = of_names(
        &[0, 1, 2, 3, 0, 4, 5, 6, 2, 7],
        &[255; 10],
        &[255, 1, 255, 255, 255, 255, 255, 1, 255, 255],
    );
    set.parts = Some(parts.to_vec());
    let made = Split::grouped(&set, Fractions::default(), 1, Grouping::Auto).unwrap();
    assert_eq!(part_of(&made.split, 10), parts);
    says(
        &made.notices[0],
        &[
            "divides 4 rows of 2 objects and 2 rows of 1 repeated cutout between its parts",
            "--split-key",
        ],
    );
    let made = Split::grouped(&set, Fractions::default(), 1, Grouping::None).unwrap();
    assert_eq!(made.notices, [""; 0]);
}
