//! The symmetries of the square.

use std::collections::HashSet;

use rbgpu::data::augment::transform;
use rbgpu::data::{Augment, CutoutShape};

fn all(height: usize, width: usize, channels: usize) -> HashSet<Vec<u32>> {
    let shape = CutoutShape {
        height,
        width,
        channels,
    };
    let input: Vec<f32> = (0..shape.len()).map(|i| i as f32).collect();
    let turned = |element| {
        let mut out = vec![0.0; input.len()];
        transform(element, shape, &input, &mut out);
        out.iter().map(|v| *v as u32).collect()
    };
    (0..8).map(turned).collect()
}

#[test]
fn eight_for_squares_four_otherwise() {
    let square = all(3, 3, 1);
    assert_eq!(square.len(), 8);
    assert!(square.contains(&vec![0, 1, 2, 3, 4, 5, 6, 7, 8]));
    assert!(
        square.contains(&vec![6, 3, 0, 7, 4, 1, 8, 5, 2]),
        "a quarter turn"
    );
    assert!(
        square.contains(&vec![8, 7, 6, 5, 4, 3, 2, 1, 0]),
        "half a turn"
    );
    assert!(
        square.contains(&vec![0, 3, 6, 1, 4, 7, 2, 5, 8]),
        "transposed"
    );
    assert!(square.iter().all(|s| s[4] == 4), "the centre stays");
    let wide = all(2, 3, 1);
    assert_eq!(wide.len(), 4);
    assert!(wide.contains(&vec![5, 4, 3, 2, 1, 0]));
}

#[test]
fn images_of_a_candidate_are_turned_alike() {
    for turned in all(4, 4, 2) {
        assert!(
            turned
                .as_chunks::<2>()
                .0
                .iter()
                .all(|p| p[1] == p[0] + 1 && p[0] % 2 == 0)
        );
    }
}

#[test]
fn elements_depend_on_seed_epoch_and_candidate_only() {
    let of = |seed, epoch| -> Vec<u8> {
        (0..4000)
            .map(|i| Augment::D4.element(seed, epoch, i))
            .collect()
    };
    assert_eq!(of(1, 1), of(1, 1));
    assert_ne!(of(1, 1), of(1, 2));
    assert_ne!(of(1, 1), of(2, 1));
    for element in 0..8 {
        let share = of(7, 3).iter().filter(|&&e| e == element).count();
        assert!(
            (400..600).contains(&share),
            "element {element}: {share} of 4000"
        );
    }
    assert!((0..99).all(|i| Augment::None.element(1, 2, i) == 0));
    assert_eq!("d4".parse::<Augment>().unwrap().to_string(), "d4");
    assert!("D8".parse::<Augment>().is_err());
}
