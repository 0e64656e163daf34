//! Every figure is there, whole, legible and small, whatever the data were.

use std::collections::HashSet;
use std::time::Instant;

use rayon::prelude::*;
use rbgpu::judge::{Confusion, Evaluation};
use rbgpu::report::{Figure, figures};

use crate::{folder, made};

const THREE: [&str; 3] = ["otrain-32", "DES model 1", "random forest"];

/// Those that every evaluation has.
const ALWAYS: [&str; 11] = [
    "confusion",
    "roc",
    "fpr-mdr",
    "precision-recall",
    "mcc-f1-threshold",
    "mcc-f1",
    "mdr-fpr-threshold",
    "cleanliness",
    "scores",
    "reliability",
    "categories",
];

/// Draws and saves all, in both formats.
fn draw(evaluation: &Evaluation, name: &str) -> Vec<Figure> {
    let begin = Instant::now();
    let all = figures(evaluation).unwrap();
    let made = begin.elapsed();
    let folder = folder(name);
    all.par_iter().for_each(|figure| {
        for ending in ["svg", "png"] {
            let path = folder.join(format!("{}.{ending}", figure.name));
            figure.drawing.save(path).unwrap();
        }
    });
    println!(
        "{name}: {} figures, {made:.1?} to make and {:.1?} to write",
        all.len(),
        begin.elapsed() - made
    );
    let names: HashSet<&str> = all.iter().map(|figure| figure.name.as_str()).collect();
    assert_eq!(names.len(), all.len(), "names are unique");
    for expected in ALWAYS {
        assert!(names.contains(expected), "{name}: there is no {expected}");
    }
    for figure in &all {
        let size = figure.drawing.svg().unwrap().len();
        assert!(size < 150_000, "{name}/{}: {size} bytes", figure.name);
        assert!(
            !figure.title.is_empty() && figure.caption.ends_with('.'),
            "{figure:?}"
        );
    }
    all
}

#[test]
fn every_figure_is_there_for_one_classifier() {
    let all = draw(&made::usual(&["otrain-32"]), "one");
    let names: Vec<&str> = all.iter().map(|figure| figure.name.as_str()).collect();
    for column in ["magnitude", "magnitude-error", "filter"] {
        for stem in ["roc-by", "precision-recall-by", "rates-by"] {
            let name = format!("{stem}-{column}");
            assert!(names.contains(&name.as_str()), "there is no {name}");
        }
    }
    for name in ["completeness", "distribution-magnitude", "learning-curve"] {
        assert!(names.contains(&name), "there is no {name}");
    }
}

#[test]
fn every_figure_is_there_for_three_classifiers() {
    let all = draw(&made::usual(&THREE), "three");
    let roc = all.iter().find(|figure| figure.name == "roc").unwrap();
    let svg = roc.drawing.svg().unwrap();
    for name in THREE {
        assert!(svg.contains(name), "{name} is not in the key");
    }
    assert!(all.iter().any(|f| f.name == "learning-curve-des-model-1"));
}

#[test]
fn eight_classifiers_with_long_names_are_drawn() {
    let long = "runs/2026-11-22/otrain-with-a-very-long-name-that-does-not-end-soon-";
    let names: Vec<String> = (0..8).map(|i| format!("{long}{i}.rbgpu")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    draw(&made::usual(&names), "eight");
}

#[test]
fn axes_say_what_they_show_in_which_unit() {
    let all = figures(&made::usual(&["a"])).unwrap();
    let svg = |name: &str| {
        let found = all.iter().find(|figure| figure.name == name);
        found.unwrap().drawing.svg().unwrap()
    };
    for (name, labels) in [
        ("roc", ["false positive rate", "true positive rate"]),
        ("fpr-mdr", ["missed detection rate", "false positive rate"]),
        ("precision-recall", ["recall", "precision"]),
        ("mcc-f1", ["F1", "MCC"]),
        ("scores", ["P(real)", "candidates per bin"]),
        ("completeness", ["magnitude (mag)", "completeness"]),
        (
            "distribution-magnitude",
            ["magnitude (mag)", "candidates per bin"],
        ),
        ("rates-by-magnitude-error", ["magnitude error (mag)", "AUC"]),
        (
            "cleanliness",
            ["missed detection rate", "stream cleanliness"],
        ),
    ] {
        for label in labels {
            assert!(svg(name).contains(label), "{name}: no axis says {label}");
        }
    }
}

/// What is odd must be drawn, without a panic and without NaN in the file.
fn odd(evaluation: &Evaluation, name: &str) {
    for figure in draw(evaluation, name) {
        let svg = figure.drawing.svg().unwrap();
        for wrong in ["NaN", "inf\"", "=\"inf"] {
            assert!(!svg.contains(wrong), "{name}/{}: {wrong}", figure.name);
        }
    }
}

#[test]
fn one_class_is_drawn() {
    let mut real = made::candidates(300, 2, 3);
    real.retain(|c| c.real);
    odd(&made::evaluation(&real, &["a", "b"]), "real_only");
    let mut bogus = made::candidates(300, 1, 3);
    bogus.retain(|c| !c.real);
    odd(&made::evaluation(&bogus, &["a"]), "bogus_only");
}

#[test]
fn one_candidate_or_none_is_drawn() {
    odd(
        &made::evaluation(&made::candidates(1, 1, 3), &["a"]),
        "one_candidate",
    );
    odd(&made::evaluation(&[], &["a"]), "no_candidate");
}

#[test]
fn equal_scores_are_drawn() {
    let mut same = made::candidates(400, 1, 3);
    for candidate in &mut same {
        candidate.scores = vec![0.5];
    }
    odd(&made::evaluation(&same, &["a"]), "equal_scores");
}

#[test]
fn metrics_that_do_not_exist_and_empty_bins_are_drawn() {
    let mut evaluation = made::usual(&["a", "b"]);
    for judged in &mut evaluation.classifiers {
        for metric in &mut judged.metrics {
            (metric.value, metric.low, metric.high) = (f64::NAN, f64::NAN, f64::NAN);
        }
        judged.thresholds.clear();
        judged.completeness = None;
        judged.training = None;
        for bin in judged.breakdowns.iter_mut().flat_map(|b| &mut b.bins) {
            bin.curve.clear();
            bin.auc.value = f64::NAN;
            (bin.real, bin.bogus, bin.confusion) = (0, 0, Confusion::default());
        }
    }
    evaluation.distributions.clear();
    odd(&evaluation, "nothing_known");
    evaluation.classifiers.clear();
    assert!(figures(&evaluation).is_err());
}
