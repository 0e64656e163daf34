//! Labels that are wrong on purpose.

use rbgpu::data::{LabelFile, ReadOptions, open, writer};
use rbgpu::simulate::{Kind, Mistake, Survey, SurveyConfig, gallery, survey, write_truth};

use super::{bits, config, cutout, triplets, with_threads};

fn planted(config: SurveyConfig, share: f64) -> SurveyConfig {
    SurveyConfig {
        wrong_labels: share,
        ..config
    }
}

fn of(survey: &Survey, mistake: Mistake) -> Vec<usize> {
    let wrong = survey.planted.iter().filter(|p| p.mistake == mistake);
    wrong.map(|p| p.row).collect()
}

#[test]
fn only_what_is_planted_is_another_candidate() {
    let plain = survey(&config(1000)).unwrap();
    let made = survey(&planted(config(1000), 0.03)).unwrap();
    assert_eq!(made.planted.len(), 30);
    assert_eq!(made.dataset.labels, plain.dataset.labels);
    assert_eq!(plain.truth, plain.dataset.labels.clone().unwrap());
    let given = made.dataset.labels.as_ref().unwrap();
    for (row, &label) in given.iter().enumerate() {
        let wrong = made.planted.iter().find(|p| p.row == row);
        let same = cutout(&made.dataset, row) == cutout(&plain.dataset, row);
        let id = [&made, &plain].map(|s| s.dataset.candidates[row].id.clone());
        assert_eq!(id[0], id[1]);
        assert_eq!(same, wrong.is_none(), "candidate {row}");
        assert_eq!(label != made.truth[row], wrong.is_some());
        assert_eq!(made.truth[row], u8::from(made.kinds[row].is_real()));
        if let Some(wrong) = wrong {
            assert_eq!(wrong.mistake.label(), label);
        }
    }
    let [among, injected] =
        [Mistake::RealAmongBogus, Mistake::InjectedOnArtefact].map(|m| of(&made, m));
    assert_eq!((among.len(), injected.len()), (15, 15));
    for kind in injected.iter().map(|&row| made.kinds[row]) {
        assert!(matches!(kind, Kind::Saturated | Kind::HotColumn), "{kind}");
    }
    // Everything was detected.
    let faintest = 1.0858 / config(1).threshold;
    for wrong in &made.planted {
        assert!(made.dataset.candidates[wrong.row].mag_err <= faintest);
    }
}

#[test]
fn the_same_for_any_number_of_threads() {
    let config = planted(triplets(200), 0.05);
    let (one, three) = (with_threads(1, &config), with_threads(3, &config));
    assert_eq!(one.planted, three.planted);
    assert!(bits(&one.dataset) == bits(&three.dataset));
    let other = SurveyConfig { seed: 9, ..config };
    assert_ne!(survey(&other).unwrap().planted, one.planted);
}

#[test]
fn shares_are_kept_and_checked() {
    let all = |wrong_bogus: f64, share: f64| {
        survey(&SurveyConfig {
            wrong_bogus,
            ..planted(config(250), share)
        })
    };
    let only = all(1.0, 0.008).unwrap();
    assert_eq!(of(&only, Mistake::RealAmongBogus).len(), 2);
    assert_eq!(all(0.0, 0.02).unwrap().planted.len(), 5);
    for (wrong_bogus, share, what) in [
        (0.5, 0.3, "wrong_labels: 0.3"),
        (0.5, f64::NAN, "wrong_labels"),
        (1.5, 0.1, "wrong_bogus: 1.5"),
    ] {
        let error = all(wrong_bogus, share).unwrap_err().to_string();
        assert!(error.contains(what), "{error}");
    }
    let few = SurveyConfig {
        real_fraction: 0.02,
        wrong_bogus: 0.0,
        ..planted(config(250), 0.2)
    };
    let error = survey(&few).unwrap_err().to_string();
    assert!(error.contains("no more than"), "{error}");
}

/// An injected source adds next to nothing to what the artefact leaves in the difference: the
/// brightest pixels near the middle are at full well, or of the bad columns.
#[test]
fn what_was_injected_cannot_be_seen() {
    let made = survey(&SurveyConfig {
        wrong_bogus: 0.0,
        ..planted(triplets(1000), 0.1)
    })
    .unwrap();
    let well = made.dataset.shape.width; // side in pixels
    let full = SurveyConfig::default().saturation as f32;
    let mut swamped = 0;
    let rows = of(&made, Mistake::InjectedOnArtefact);
    for &row in &rows {
        let pixels = cutout(&made.dataset, row);
        let search: Vec<f32> = pixels.into_iter().skip(1).step_by(3).collect();
        swamped += match made.kinds[row] {
            Kind::Saturated => usize::from(search.contains(&full)),
            // Columns read high from end to end.
            _ => {
                let column = |x: usize| (0..well).map(|y| f64::from(search[y * well + x])).sum();
                let columns: Vec<f64> = (0..well).map(column).collect();
                let level = super::median(columns.clone());
                usize::from(columns.iter().filter(|c| **c > 1.05 * level).count() >= 3)
            }
        };
    }
    assert_eq!(rows.len(), 100);
    assert!(swamped >= 98, "{swamped} of 100");
}

#[test]
fn the_truth_is_a_label_file() {
    let folder = tempfile::tempdir().unwrap();
    let [cube, truth] = ["set.npz", "set.truth.csv"].map(|name| folder.path().join(name));
    let made = survey(&planted(config(200), 0.05)).unwrap();
    writer::write_cube(&cube, &made.dataset).unwrap();
    write_truth(&truth, &made).unwrap();
    let options = ReadOptions {
        labels: Some(truth.clone()),
        labels_required: true,
        ..ReadOptions::default()
    };
    let read = open(&[&cube], &options).unwrap();
    assert_eq!(read.labels.as_ref(), Some(&made.truth));
    let was: Option<Vec<u8>> = read.relabelled.unwrap().was.into_iter().collect();
    assert_eq!(was, made.dataset.labels);
    assert_eq!(LabelFile::read(&truth).unwrap().len(), 200);
    let text = std::fs::read_to_string(&truth).unwrap();
    assert!(text.starts_with("id,label,was,decision,by,pixels,planted,kind\n"));
    assert_eq!(text.matches("flipped,simulation,,").count(), 10);
    assert_eq!(text.matches(",real_among_bogus,real\n").count(), 5);
}

/// Writes those with wrong labels to the system's temporary folder, to be looked at.
#[test]
#[ignore = "writes pictures for a person to look at"]
fn write_the_planted() {
    let made = survey(&planted(
        SurveyConfig {
            count: 480,
            ..SurveyConfig::triplets()
        },
        0.2,
    ))
    .unwrap();
    for mistake in [Mistake::RealAmongBogus, Mistake::InjectedOnArtefact] {
        let sheet = gallery::sheet_of(&made.dataset, &of(&made, mistake), 6, 2).unwrap();
        let name = format!("rbgpu_{}.png", mistake.name());
        sheet.save(std::env::temp_dir().join(name)).unwrap();
    }
}
