//! Contact sheets, and a set for training with another program.

use rbgpu::simulate::{Kind, SurveyConfig, gallery, matched_filter, survey};

use super::{bits, config, triplets};

#[test]
fn a_sheet_has_a_row_for_each_kind() {
    let sheet = gallery::sheet(&triplets(1), &[Kind::Real, Kind::Ghost], 2, 1).unwrap();
    assert_eq!(sheet.dimensions(), (2 * 3 * 34 + 2, 2 * 34 + 2));
}

/// Writes contact sheets to the system's temporary folder, to be looked at.
#[test]
#[ignore = "writes pictures for a person to look at"]
fn write_galleries() {
    let folder = std::env::temp_dir();
    gallery::every_kind(3, 14)
        .unwrap()
        .save(folder.join("rbgpu_kinds.png"))
        .unwrap();
    let sheet = gallery::sheet(&SurveyConfig::triplets(), &Kind::ALL, 5, 2).unwrap();
    sheet.save(folder.join("rbgpu_triplets.png")).unwrap();
}

/// Writes 10,000 default cutouts as plain little-endian floats, and their labels
/// and kinds, so that another program can be trained on them; prints the time
/// and the baseline.
#[test]
#[ignore = "writes 41 MB for calibration in another framework"]
fn write_calibration_set() {
    let start = std::time::Instant::now();
    let made = survey(&config(10_000)).unwrap();
    let seconds = start.elapsed().as_secs_f64();
    let data = &made.dataset;
    let labels = data.labels.as_ref().unwrap();
    let scores = matched_filter::scores(data).unwrap();
    let cut = matched_filter::best_cut(&scores, labels).unwrap();
    println!("{seconds:.2} s for 10,000 on all cores; baseline {cut:?}");
    let start = std::time::Instant::now();
    let count = 2000;
    survey(&SurveyConfig {
        count,
        ..SurveyConfig::triplets()
    })
    .unwrap();
    println!(
        "{:.2} s for {count} triplets of 51 x 51",
        start.elapsed().as_secs_f64()
    );
    println!("limiting magnitude {:.2}", config(1).limiting_magnitude());
    for kind in Kind::ALL {
        let of = |q: usize| {
            let mut found: Vec<f64> = scores
                .iter()
                .zip(&made.kinds)
                .filter(|(_, k)| **k == kind)
                .map(|(score, _)| *score)
                .collect();
            found.sort_by(f64::total_cmp);
            (
                found.len(),
                found
                    .get(found.len() * q / 100)
                    .copied()
                    .unwrap_or(f64::NAN),
            )
        };
        let [low, mid, high] = [10, 50, 90].map(|q| of(q).1);
        println!(
            "{kind:16} {:5}  S/N {low:8.1} {mid:8.1} {high:8.1}",
            of(0).0
        );
    }
    let folder = std::env::temp_dir();
    let pixels: Vec<u8> = bits(data).into_iter().flat_map(u32::to_le_bytes).collect();
    std::fs::write(folder.join("rbgpu_pixels.f32"), pixels).unwrap();
    let kinds: Vec<u8> = made.kinds.iter().map(|kind| *kind as u8).collect();
    std::fs::write(folder.join("rbgpu_kinds.u8"), kinds).unwrap();
    std::fs::write(folder.join("rbgpu_labels.u8"), labels).unwrap();
    let mags: Vec<u8> = data
        .candidates
        .iter()
        .flat_map(|c| c.mag.to_le_bytes())
        .collect();
    std::fs::write(folder.join("rbgpu_mags.f64"), mags).unwrap();
}
