//! Packing takes no more memory for more candidates: the pixels of 20,000 are
//! nearly a gigabyte, and are never held. In a program of its own, because the most
//! memory that a process ever had counts whatever its other tests do.
#![cfg(target_os = "linux")]

use rbgpu::bench::process::peak_memory;
use rbgpu::data::pack::{PackOptions, pack};
use rbgpu::data::{Candidate, Channel, Cutout, CutoutShape, ReadOptions, Row, Rows, open};

const COUNT: usize = 20_000;
const SHAPE: CutoutShape = CutoutShape {
    height: 63,
    width: 63,
    channels: 3,
};
/// The pixels are 953 MB; the program, its threads and 256 candidates at a time less than this.
const BOUND: u64 = 200 << 20;

/// Candidates that are made when they are asked for.
struct Made(usize);

fn pixel(row: usize, place: usize) -> f32 {
    (row * 7 + place) as f32 + 0.25
}

impl Rows for Made {
    fn next(&mut self, most: usize) -> rbgpu::Result<Vec<Row>> {
        let from = self.0;
        self.0 = COUNT.min(from + most);
        let row = |row: usize| {
            let candidate = Candidate {
                id: format!("ZTF{row:016}"),
                mag: 18.5,
                filter: "g".into(),
                ..Candidate::default()
            };
            Row::Cutout(Box::new(Cutout {
                candidate,
                label: Some((row % 2) as u8),
                channels: Some(Channel::ALL.to_vec().into()),
                shape: SHAPE,
                values: (0..SHAPE.len()).map(|place| pixel(row, place)).collect(),
                remarks: Vec::new(),
            }))
        };
        Ok((from..self.0).map(row).collect())
    }
}

#[test]
fn packing_many_takes_the_memory_of_few() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("cube.npz");
    let packed = pack(&mut Made(0), &out, &PackOptions::default(), None, |_| {}).unwrap();
    let peak = peak_memory().unwrap();
    assert_eq!(
        (packed.count, packed.labels),
        (COUNT, Some([COUNT / 2, COUNT / 2, 0]))
    );
    println!("{} MiB at most", peak >> 20);
    assert!(
        peak <= BOUND,
        "{} MiB at most, {} allowed",
        peak >> 20,
        BOUND >> 20
    );

    let set = open(&[&out], &ReadOptions::default()).unwrap();
    let mut values = vec![0.0; SHAPE.len()];
    set.pixels.read(COUNT - 1, &mut values).unwrap();
    assert!((0..SHAPE.len()).all(|place| values[place] == pixel(COUNT - 1, place)));
}
