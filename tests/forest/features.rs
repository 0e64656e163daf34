//! Features of stamps whose answer is known.

use rbgpu::data::{Candidate, Channel, CutoutShape, Dataset, InMemory};
use rbgpu::forest::FeatureTable;
use rbgpu::forest::features::measure;

const N: usize = 51;

/// Noise that is the same every time: about normal, of standard deviation 1.
fn noise(seed: u64, at: usize) -> f64 {
    let mut state =
        seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ (at as u64).wrapping_mul(0xd1b5_4a32_d192_ed03);
    let mut sum = 0.0;
    for _ in 0..12 {
        state ^= state >> 33;
        state = state.wrapping_mul(0xff51_afd7_ed55_8ccd).wrapping_add(1);
        sum += (state >> 11) as f64 / (1u64 << 53) as f64;
    }
    sum - 6.0
}

/// A point source of `flux` and width 2 in the middle, and `noise` times normal noise.
fn star(seed: u64, flux: f64, level: f64) -> Vec<f64> {
    let pixel = |at: usize| {
        let (dy, dx) = ((at / N) as f64 - 25.0, (at % N) as f64 - 25.0);
        let g = (-(dy * dy + dx * dx) / 8.0).exp() / (8.0 * std::f64::consts::PI);
        flux * g + level * noise(seed, at)
    };
    (0..N * N).map(pixel).collect()
}

/// Cutouts (N, N, C) of which `images` are the images.
fn dataset(cutouts: &[Vec<Vec<f64>>], labels: Option<Vec<u8>>) -> Dataset {
    let channels = cutouts[0].len();
    let shape = CutoutShape {
        height: N,
        width: N,
        channels,
    };
    let mut values = Vec::new();
    for images in cutouts {
        for at in 0..N * N {
            values.extend(images.iter().map(|image| image[at] as f32));
        }
    }
    let candidate = |i: usize| Candidate {
        id: format!("c{i}"),
        ..Candidate::default()
    };
    Dataset {
        source: "made".into(),
        shape,
        channels: (channels == 3).then(|| Channel::ALL.into()),
        pixels: Box::new(InMemory {
            values,
            stride: shape.len(),
        }),
        candidates: (0..cutouts.len()).map(candidate).collect(),
        labels,
        parts: None,
        skipped: Vec::new(),
        notices: Vec::new(),
        relabelled: None,
    }
}

fn measured(data: &Dataset) -> FeatureTable {
    let rows: Vec<usize> = (0..data.len()).collect();
    measure(data, &rows, &|_| {}).expect("features")
}

fn get(table: &FeatureTable, row: usize, name: &str) -> f64 {
    let at = table.names.iter().position(|own| own == name);
    f64::from(table.row(row)[at.unwrap_or_else(|| panic!("no {name}"))])
}

fn near(table: &FeatureTable, name: &str, expected: f64, tolerance: f64) {
    let found = get(table, 0, name);
    assert!(
        (found - expected).abs() <= tolerance,
        "{name} is {found}, not {expected}"
    );
}

#[test]
fn a_bright_point_without_a_host() {
    let (template, difference) = (star(1, 0.0, 1.0), star(2, 20_000.0, 1.0));
    let search: Vec<f64> = template
        .iter()
        .zip(&difference)
        .map(|(t, d)| t + d)
        .collect();
    let table = measured(&dataset(
        &[vec![template, search, difference]],
        Some(vec![1]),
    ));
    assert_eq!(table.names.len(), 29);
    assert_eq!(table.labels, Some(vec![Some(1)]));
    assert!(table.is_whole(0));
    near(&table, "SCALE", 2.0, 0.02);
    near(&table, "AMP", 1.0, 0.02);
    near(&table, "GAUSS", 0.0, 1e-3);
    near(&table, "ELLIPTICITY", 0.0, 0.03);
    near(&table, "A_IMAGE", 2.0, 0.1);
    // All the light but the Gaussian's wings beyond 2.5 of its widths, over the error of 78.5
    // pixels; the star itself adds a little to what is taken for noise.
    let inside = 20_000.0 * (1.0 - (-25.0f64 / 8.0).exp());
    near(
        &table,
        "SNR",
        inside / 78.5f64.sqrt(),
        0.15 * inside / 78.5f64.sqrt(),
    );
    near(&table, "GFLUX", 1.0, 0.02);
    near(&table, "MAGLIM", 1.0, 0.0);
    near(&table, "NN_DIST_RENORM", 19.0, 0.0);
    near(&table, "MASKFRAC", 0.0, 0.0);
    // 25 cells of 4 pixels in noise of 1/2; the source fills them, and none is negative.
    near(&table, "N2SIG3", 0.0, 0.0);
    near(&table, "NUMNEGRN", 0.0, 3.0);
    assert!(get(&table, 0, "N3SIG3SHIFT") > 15.0);
    let sum = get(&table, 0, "DIFFSUMRN");
    assert!(
        (sum - 0.95 * 20_000.0 / 4.0 / 0.5).abs() < 0.25 * 10_000.0,
        "DIFFSUMRN is {sum}"
    );
}

#[test]
fn a_subtraction_that_left_a_dipole_is_negative_beside() {
    let mut dipole = star(3, 0.0, 1.0);
    for (at, pixel) in dipole.iter_mut().enumerate() {
        let (dy, dx) = ((at / N) as f64 - 25.0, (at % N) as f64 - 25.0);
        let g = |dx: f64| 300.0 * (-(dy * dy + dx * dx) / 4.0).exp();
        *pixel += g(dx - 1.5) - g(dx + 1.5);
    }
    let star = star(4, 300.0 * 12.6, 1.0);
    let table = measured(&dataset(&[vec![dipole], vec![star]], None));
    assert_eq!(
        table.names.len(),
        17,
        "of the difference alone: {:?}",
        table.names
    );
    assert!(table.labels.is_none());
    for name in ["N2SIG3", "N3SIG3", "N2SIG5", "N3SIG5"] {
        let [dipole, star] = [0, 1].map(|row| get(&table, row, name));
        assert!(dipole >= 6.0 && star <= 1.0, "{name}: {dipole} and {star}");
    }
}

#[test]
fn a_host_is_found_with_its_axes_and_distance() {
    let mut host = star(5, 0.0, 1.0);
    for (at, pixel) in host.iter_mut().enumerate() {
        let (dy, dx) = ((at / N) as f64 - 25.0, (at % N) as f64 - 31.0);
        *pixel += 500.0 * (-dy * dy / 4.5 - dx * dx / 18.0).exp() + 1000.0;
    }
    let difference = star(6, 4000.0, 1.0);
    let search: Vec<f64> = host.iter().zip(&difference).map(|(h, d)| h + d).collect();
    let table = measured(&dataset(&[vec![host, search, difference]], None));
    near(&table, "MAGLIM", 0.0, 0.0);
    near(&table, "NN_DIST_RENORM", 6.0, 0.2);
    near(&table, "A_REF", 3.0, 0.2);
    near(&table, "B_REF", 1.5, 0.15);
    // 2.5 log10 of 95.6% of 4000 over the host's 500 * 2 pi * 3 * 1.5.
    near(
        &table,
        "MAGDIFF",
        2.5 * (0.956 * 4000.0 / 14_137.0f64).log10(),
        0.1,
    );
    assert!(
        get(&table, 0, "GFLUX") > 1.5,
        "the host is in the aperture too"
    );
}

#[test]
fn masked_pixels_and_images_without_contrast_never_give_nonsense() {
    let blank = vec![7.0; N * N];
    let none = vec![f64::NAN; N * N];
    let mut holed = star(8, 5000.0, 1.0);
    holed
        .iter_mut()
        .step_by(4)
        .for_each(|pixel| *pixel = f64::NAN);
    let mut cut = star(9, 5000.0, 1.0);
    cut[30 * N..].fill(f64::INFINITY);
    let good = star(10, 5000.0, 1.0);
    let triple = |a: &Vec<f64>, d: &Vec<f64>| vec![a.clone(), good.clone(), d.clone()];
    let cases = [
        triple(&blank, &blank),
        triple(&good, &holed),
        triple(&holed, &cut),
        triple(&none, &good),
        triple(&good, &none),
    ];
    let table = measured(&dataset(&cases, None));
    for row in 0..3 {
        assert!(table.is_whole(row), "row {row}: {:?}", table.row(row));
    }
    assert_eq!(get(&table, 0, "SNR"), 0.0, "nothing is no signal");
    let part = get(&table, 1, "MASKFRAC");
    assert!((part - 0.25).abs() < 1e-3, "MASKFRAC is {part}");
    assert!((get(&table, 1, "SCALE") - 2.0).abs() < 0.1);
    assert!(get(&table, 3, "A_REF").is_nan() && get(&table, 3, "AMP").is_finite());
    assert!(get(&table, 4, "AMP").is_nan() && get(&table, 4, "SNR").is_nan());
    assert_eq!(get(&table, 4, "MASKFRAC"), 1.0);
}

#[test]
fn any_size_of_stamp_is_measured() {
    for n in [2, 7, 20, 21, 63] {
        let shape = CutoutShape {
            height: n,
            width: n + 1,
            channels: 1,
        };
        let values = (0..shape.len()).map(|at| noise(11, at) as f32).collect();
        let data = Dataset {
            shape,
            pixels: Box::new(InMemory {
                values,
                stride: shape.len(),
            }),
            ..dataset(&[vec![vec![0.0; N * N]]], None)
        };
        assert!(measured(&data).is_whole(0), "{n} pixels");
    }
}

#[test]
fn two_images_without_names_are_refused() {
    let data = dataset(&[vec![star(1, 0.0, 1.0), star(2, 0.0, 1.0)]], None);
    let error = measure(&data, &[0], &|_| {})
        .expect_err("refused")
        .to_string();
    assert!(error.contains("--planes"), "{error}");
}
