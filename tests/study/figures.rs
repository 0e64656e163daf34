//! The figures: they hold what they should. They are left in target/tmp to be looked at.

use std::path::{Path, PathBuf};

use rbgpu::report::{
    Drawing, Found, Group, Trained, study_architecture, study_channels, study_cutout, study_size,
};

fn at(name: &str) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join(name)
}

fn holds(drawing: &Drawing, name: &str, texts: &[&str]) {
    drawing.save(at(&format!("{name}.png"))).unwrap();
    let svg = drawing.svg().unwrap();
    for text in texts {
        assert!(svg.contains(text), "{text} is not in {name}");
    }
    assert!(!svg.contains("NaN") && !svg.contains("inf"), "{name}");
}

/// As in the paper: better with more, with noise.
fn trained(x: f64, i: usize) -> Trained {
    let noise = ((i * 7919) % 13) as f64 / 13.0 - 0.5;
    let lack = 0.3 * (100.0 / x).powf(0.6);
    Trained {
        x,
        delta_accuracy: lack * 0.4 + 0.05 * noise * lack,
        accuracy: 0.985 - lack * (1.0 + 0.2 * noise),
        f1: 0.984 - lack * (1.02 + 0.2 * noise),
        mcc: 0.97 - 1.6 * lack * (1.0 + 0.2 * noise),
    }
}

#[test]
fn size_and_cutout() {
    let sizes = [250.0, 500.0, 1000.0, 2000.0, 5000.0, 10_000.0, 20_000.0];
    let all: Vec<Trained> = (0..21).map(|i| trained(sizes[i / 3], i)).collect();
    let texts = [
        "ΔAcc",
        "accuracy",
        "MCC",
        "on the test part",
        "10k",
        "candidates in",
    ];
    holds(
        &study_size(&all, "test", "otrain on $a$").unwrap(),
        "study_size",
        &texts,
    );
    holds(
        &study_size(&all[..1], "test", "").unwrap(),
        "study_size_1",
        &["ΔAcc"],
    );

    let mut all: Vec<Trained> = (0..9).map(|i| trained(15.0 + 6.0 * i as f64, i)).collect();
    // One that did not fit.
    all[0].accuracy = f64::NAN;
    all[0].f1 = f64::NAN;
    all[0].mcc = f64::NAN;
    let texts = ["cutout size (pixels)", "on the validation part", "F1"];
    holds(
        &study_cutout(&all, "validation", "t").unwrap(),
        "study_cutout",
        &texts,
    );
}

#[test]
fn channels() {
    let group = |name: &str, low: f64| Group {
        name: name.into(),
        trained: (0..3)
            .map(|i| [0.99, 0.95, 0.9].map(|v| v - low - 0.01 * f64::from(i)))
            .collect(),
    };
    let mut groups = vec![
        group("template + search + difference", 0.0),
        group("search + template", 0.02),
        group("difference", 0.01),
    ];
    groups[1].trained[0] = [f64::NAN; 3];
    let texts = ["template + search + difference", "AUC", "on the test part"];
    holds(
        &study_channels(&groups, "test", "des1").unwrap(),
        "study_channels",
        &texts,
    );
    groups.iter_mut().for_each(|group| group.trained.clear());
    assert!(study_channels(&groups, "test", "").is_err());
}

#[test]
fn architecture() {
    let mut found: Vec<Found> = (0..80)
        .map(|i| {
            let parameters = 5000 + (i * 7919 * 31) % 1_900_000;
            let worse = ((i * 104_729) % 97) as f64 / 97.0;
            Found {
                name: format!("t{i:03}"),
                parameters,
                fpr: 0.02 + 0.2 * worse,
                published: false,
                to_the_end: i % 9 == 0,
            }
        })
        .collect();
    for (name, parameters, fpr) in [
        ("des1", 265_792, 0.04),
        ("des2", 414_700, 0.037),
        ("des3", 852_667, 0.045),
        ("des4", 954_247, 0.05),
    ] {
        found.push(Found {
            name: name.into(),
            parameters,
            fpr,
            published: true,
            to_the_end: true,
        });
    }
    found[3].fpr = f64::NAN;
    let texts = [
        "t000",
        "des4",
        "best on validation",
        "given up early",
        "parameters",
        "FPR at MDR",
    ];
    let drawn = study_architecture(&found, Some(0), "FPR at MDR 0.05", "search").unwrap();
    holds(&drawn, "study_architecture", &texts);
    let svg = drawn.svg().unwrap();
    assert!(
        !svg.contains("t001"),
        "only the best and published ones are named"
    );
    found.iter_mut().for_each(|found| found.fpr = f64::NAN);
    assert!(study_architecture(&found, None, "FPR", "").is_err());
}
