//! The same candidates seen otherwise: their middle, some of their images.

use std::sync::Arc;

use rbgpu::data::{Channel, CutoutShape, Dataset, InMemory};
use rbgpu::study::channels::{Images, all, runs, with_names};
use rbgpu::study::cutout;

use super::{Desk, said};

/// Two candidates of 4x4 pixels and `channels` images; a pixel is 1000 candidate + 100 row + 10
/// column + image.
fn data(channels: usize) -> Dataset {
    let mut values = Vec::new();
    for i in 0..2 * 16 * channels {
        let (image, pixel) = (i % channels, i / channels);
        let (candidate, row, column) = (pixel / 16, pixel / 4 % 4, pixel % 4);
        values.push((1000 * candidate + 100 * row + 10 * column + image) as f32);
    }
    let stride = 16 * channels;
    Dataset {
        source: "set".into(),
        shape: CutoutShape {
            height: 4,
            width: 4,
            channels,
        },
        channels: None,
        pixels: Box::new(InMemory { values, stride }),
        labels: Some(vec![1, 0]),
        candidates: vec![Default::default(); 2],
        parts: None,
        relabelled: None,
        skipped: Vec::new(),
        notices: Vec::new(),
    }
}

fn read(data: &Dataset, row: usize) -> Vec<f32> {
    let mut out = vec![0.0; data.shape.len()];
    data.pixels.read(row, &mut out).unwrap();
    out
}

#[test]
fn the_middle_of_a_cutout() {
    let data = Arc::new(data(1));
    let small = data.cropped(2).unwrap();
    assert_eq!(small.shape.to_string(), "2x2x1");
    assert_eq!(read(&small, 1), [1110.0, 1120.0, 1210.0, 1220.0]);
    assert_eq!(small.labels, data.labels);
    assert_eq!(read(&data.cropped(4).unwrap(), 0), read(&data, 0));
    for side in [0, 5] {
        assert!(said(data.cropped(side)).contains("cutouts of 4x4x1"));
    }
}

fn named() -> Dataset {
    data(3).with_planes(&Channel::ALL).unwrap()
}

#[test]
fn images_by_name() {
    let data = with_names(named()).unwrap();
    let sets: Vec<String> = all(&data).iter().map(Images::to_string).collect();
    let expected = [
        "template+search+difference",
        "search+template",
        "difference",
    ];
    assert_eq!(sets, expected);
    let data = Arc::new(data);
    let two = data
        .with_images(&[Channel::Search, Channel::Template])
        .unwrap();
    assert_eq!(read(&two, 0)[..4], [1.0, 0.0, 11.0, 10.0]);
    assert_eq!(
        two.channels.as_deref(),
        Some(&[Channel::Search, Channel::Template][..])
    );
    let one = data.with_images(&[Channel::Difference]).unwrap();
    assert_eq!(read(&one, 1)[..2], [1002.0, 1012.0]);
}

#[test]
fn sets_that_cannot_be_are_refused() {
    let desk = Desk::new();
    let split = Arc::new(desk.split.clone());
    let three = with_names(named()).unwrap();
    let set = |text: &str| text.parse::<Images>().unwrap();
    let make = |data: &Dataset, sets: &[Images]| runs(&desk.config, data, &split, sets, 1);
    assert_eq!(
        make(&three, &[set("diff"), set("ref+new")]).unwrap().len(),
        2
    );
    assert!(said(make(&three, &[set("sci"), set("search")])).contains("search twice"));
    let one = data(1).with_planes(&[Channel::Difference]).unwrap();
    assert!(said(make(&one, &[set("search")])).contains("only difference"));
    assert!(said(with_names(data(3))).contains("3 images without names"));
    assert!(said("search+search".parse::<Images>()).contains("search twice"));
    assert!(said("search+sky".parse::<Images>()).contains("'search+sky'"));
}

#[test]
fn cutout_sizes_go_as_far_as_the_data() {
    let shape = |side| CutoutShape {
        height: side,
        width: side,
        channels: 1,
    };
    assert_eq!(
        cutout::ladder(shape(63)),
        [15, 21, 27, 33, 39, 45, 51, 57, 63]
    );
    assert_eq!(cutout::ladder(shape(32)), [15, 21, 27, 32]);
    assert_eq!(cutout::ladder(shape(101)).last(), Some(&63));
    assert_eq!(cutout::ladder(shape(10)), [10]);
    let desk = Desk::new();
    let split = Arc::new(desk.split.clone());
    let make = |sizes: &[usize]| cutout::runs(&desk.config, desk.data.shape, &split, sizes, 1);
    assert!(said(make(&[17])).contains("from 1 to 16 pixels"));
    assert!(said(make(&[0])).contains("from 1 to 16 pixels"));
    assert!(said(make(&[8, 8])).contains("8 twice"));
}
