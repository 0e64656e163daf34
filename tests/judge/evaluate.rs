//! The whole of an evaluation.

use rand::{RngExt, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use rbgpu::judge::evaluation::{Agreement, Breakdown, Judged, Metric};
use rbgpu::judge::{
    Column, Confusion, Labelled, Options, Role, Subject, Values, evaluate, intervals,
};

pub fn silent(_: &str, _: f64) {}

/// Labels, scores that are probabilities, and magnitudes: fainter ones are harder.
pub fn survey(n: usize, seed: u64) -> (Vec<u8>, Vec<f64>, Vec<f64>) {
    let mut random = Xoshiro256PlusPlus::seed_from_u64(seed);
    let mut all = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..n {
        let magnitude = 15.0 + 7.0 * random.random::<f64>();
        let known = (23.0 - magnitude) / 8.0;
        let score = 0.5 + known * (random.random::<f64>() - 0.5);
        all.0.push(u8::from(random.random::<f64>() < score));
        all.1.push(score);
        all.2.push(magnitude);
    }
    all
}

pub fn subject<'a>(name: &str, scores: &'a [f64]) -> Subject<'a> {
    Subject {
        name: name.into(),
        scores,
        threshold: 0.5,
        threshold_from: "0.5 by default".into(),
        training: None,
    }
}

pub fn magnitudes(values: Vec<f64>) -> Column {
    Column {
        name: "magnitude".into(),
        unit: "mag".into(),
        role: Role::Magnitude,
        values: Values::Numbers(values),
    }
}

fn column(name: &str, values: Values) -> Column {
    Column {
        name: name.into(),
        unit: String::new(),
        role: Role::Other,
        values,
    }
}

fn options() -> Options {
    Options {
        resamples: 50,
        ..Options::default()
    }
}

/// One classifier on data without columns.
fn judged(labels: &[u8], scores: &[f64], options: &Options) -> Judged {
    let columns = Vec::new();
    let data = Labelled { labels, columns };
    let mut all = evaluate(&data, &[subject("a", scores)], options, &silent).unwrap();
    all.classifiers.remove(0)
}

fn metric<'a>(judged: &'a Judged, name: &str) -> &'a Metric {
    let found = judged.metrics.iter().find(|metric| metric.name == name);
    found.unwrap_or_else(|| panic!("no metric {name}"))
}

/// 0.9 R, 0.8 B, 0.8 R, 0.4 R, 0.4 B, 0.1 B, 0.95 B, 0.05 R.
const LABELS: [u8; 8] = [1, 0, 1, 1, 0, 0, 0, 1];
const SCORES: [f64; 8] = [0.9, 0.8, 0.8, 0.4, 0.4, 0.1, 0.95, 0.05];

#[test]
fn a_small_set_counted_by_hand() {
    let wanted = Options {
        wanted_fpr: vec![0.0, 0.25, 0.6],
        wanted_mdr: vec![0.0, 0.3],
        bogus_per_real: vec![10.0, 1.0],
        ..options()
    };
    let other = [0.2, 0.95, 0.6, 0.05, 0.4, 0.1, 0.3, 0.3];
    let data = Labelled {
        labels: &LABELS,
        columns: Vec::new(),
    };
    let subjects = [subject("a", &SCORES), subject("b", &other)];
    let all = evaluate(&data, &subjects, &wanted, &silent).unwrap();
    assert_eq!((all.candidates, all.real, all.bogus), (8, 4, 4));
    assert_eq!(all.bogus_per_real, [1.0, 10.0]);
    let a = &all.classifiers[0];
    let confusion = Confusion {
        tn: 2,
        fp: 2,
        fn_: 2,
        tp: 2,
    };
    assert_eq!(a.confusion, confusion);
    assert_eq!(a.categories, [1, 1, 2, 2, 1, 1]);
    let names: Vec<&str> = a.metrics.iter().map(|m| m.name).collect();
    assert_eq!(names, intervals::NAMES);
    let chosen = |rule: &str| {
        let found = a.thresholds.iter().find(|c| c.rule == rule);
        found.map(|c| (c.threshold, c.value)).unwrap()
    };
    // Nothing may be called real: the highest score is bogus.
    assert_eq!(chosen("FPR 0"), (f64::INFINITY, 0.0));
    assert_eq!(chosen("FPR 0.25"), (0.9, 0.25));
    assert_eq!(chosen("FPR 0.6"), (0.8, 0.5));
    assert_eq!(chosen("MDR 0"), (0.05, 0.0));
    assert_eq!(chosen("MDR 0.3"), (0.4, 0.25));
    assert_eq!(a.scan.len(), 101);
    assert_eq!(a.scan[50].confusion, confusion);
    assert_eq!(a.curve.len(), 7);
    assert_eq!(a.histogram.edges.len(), 51);
    assert_eq!(a.histogram.bogus[47], 1);
    // What a puts into category 1 (its 0.95) is in category 3 of b, and so on.
    let agreement = |of: &str, category: u8| {
        let wanted = |a: &&Agreement| a.of == of && a.category == category;
        let found = all.agreements.iter().find(wanted).unwrap();
        (found.candidates, found.others.clone())
    };
    assert_eq!(agreement("a", 1), (1, vec![("b".into(), [0, 0, 1])]));
    assert_eq!(agreement("a", 6), (1, vec![("b".into(), [0, 1, 0])]));
    assert_eq!(agreement("b", 1), (1, vec![("a".into(), [0, 1, 0])]));
    assert_eq!(agreement("b", 6), (1, vec![("a".into(), [0, 1, 0])]));
}

#[test]
fn parts_of_the_data() {
    let n = 1000;
    let labels: Vec<u8> = (0..n).map(|i| u8::from(i % 2 == 0)).collect();
    // Every real one brighter than 20 is found.
    let mut mags: Vec<f64> = (0..n).map(|i| 15.0 + 0.01 * i as f64).collect();
    let scores: Vec<f64> = labels
        .iter()
        .zip(&mags)
        .map(|(&label, &mag)| if label == 1 && mag < 20.0 { 0.9 } else { 0.2 })
        .collect();
    for (i, none) in [99.0, -99.0, f64::NAN, f64::INFINITY]
        .into_iter()
        .enumerate()
    {
        mags[i] = none;
    }
    let errors: Vec<f64> = (0..n).map(|i| 0.001 * i as f64).collect();
    let telescope = (0..n).map(|i| format!("T{:02}", i % 15));
    let chip: Vec<f64> = (0..n).map(|i| (i / 2 % 3) as f64).collect();
    let fwhm: Vec<f64> = (0..n).map(|i| ((i * 37) % n) as f64).collect();
    let mut error = magnitudes(errors);
    (error.name, error.role) = ("magnitude error".into(), Role::MagnitudeError);
    let data = Labelled {
        labels: &labels,
        columns: vec![
            column("FWHM", Values::Numbers(fwhm)),
            column("telescope", Values::Words(telescope.collect())),
            column("chip", Values::Numbers(chip)),
            column("nothing", Values::Numbers(vec![f64::NAN; n])),
            error,
            magnitudes(mags),
        ],
    };
    let wanted = Options {
        by: ["telescope", "chip", "FWHM", "nothing"]
            .map(String::from)
            .to_vec(),
        ..options()
    };
    let all = evaluate(&data, &[subject("a", &scores)], &wanted, &silent).unwrap();
    let a = &all.classifiers[0];
    let columns: Vec<&str> = a.breakdowns.iter().map(|b| b.column.as_str()).collect();
    assert_eq!(
        columns,
        ["magnitude", "magnitude error", "telescope", "chip", "FWHM"]
    );
    let counted = |b: &Breakdown| b.bins.iter().map(|bin| bin.real + bin.bogus).sum::<u64>();
    for breakdown in &a.breakdowns {
        assert_eq!(
            counted(breakdown) + breakdown.unknown,
            n as u64,
            "{}",
            breakdown.column
        );
    }
    let by_magnitude = &a.breakdowns[0];
    assert_eq!((by_magnitude.bins.len(), by_magnitude.unknown), (5, 4));
    assert_eq!(by_magnitude.bins[0].label, "15.0–17.0");
    assert_eq!(by_magnitude.bins[0].auc.value, 1.0);
    assert_eq!(by_magnitude.bins[4].auc.value, 0.5);
    // O'TRAIN's bins end at 0.4 mag, where at least half lie below; here half do not.
    assert_eq!(a.breakdowns[1].bins[4].high, 0.999);
    let words = &a.breakdowns[2].bins;
    assert_eq!(words.len(), 13);
    assert_eq!(words[12].label, "3 others");
    let labels: Vec<&str> = a.breakdowns[3]
        .bins
        .iter()
        .map(|b| b.label.as_str())
        .collect();
    assert_eq!(labels, ["0", "1", "2"]);
    let sizes: Vec<u64> = a.breakdowns[4]
        .bins
        .iter()
        .map(|b| b.real + b.bogus)
        .collect();
    assert_eq!(sizes, [200; 5]);

    let completeness = a.completeness.as_ref().unwrap();
    assert_eq!(completeness.bins.len(), 20);
    let at = |i: usize| (completeness.bins[i].low, completeness.bins[i].value);
    assert_eq!((at(9), at(10)), ((19.5, 1.0), (20.0, 0.0)));
    assert!(
        (completeness.half - 20.0).abs() < 1e-9,
        "{}",
        completeness.half
    );
    let spread: Vec<&str> = all
        .distributions
        .iter()
        .map(|d| d.column.as_str())
        .collect();
    assert_eq!(spread, ["magnitude", "magnitude error", "FWHM", "chip"]);
    assert_eq!(all.distributions[0].unknown, 4);
}

#[test]
fn the_same_numbers_on_any_number_of_threads_and_in_any_order() {
    let (labels, scores, magnitude) = survey(700, 2);
    let rounded: Vec<f64> = scores.iter().map(|s| (20.0 * s).round() / 20.0).collect();
    let json = |labels: &[u8], scores: &[f64], magnitude: Vec<f64>| {
        let columns = vec![magnitudes(magnitude)];
        let data = Labelled { labels, columns };
        let all = evaluate(&data, &[subject("a", scores)], &options(), &silent).unwrap();
        serde_json::to_string(&all).unwrap()
    };
    let threads = |n| {
        rayon::ThreadPoolBuilder::new()
            .num_threads(n)
            .build()
            .unwrap()
    };
    let one = threads(1).install(|| json(&labels, &rounded, magnitude.clone()));
    let three = threads(3).install(|| json(&labels, &rounded, magnitude.clone()));
    assert_eq!(one, three);
    let order: Vec<usize> = (0..700).map(|i| (i * 11 + 5) % 700).collect();
    let turned = json(
        &order.iter().map(|&i| labels[i]).collect::<Vec<_>>(),
        &order.iter().map(|&i| rounded[i]).collect::<Vec<_>>(),
        order.iter().map(|&i| magnitude[i]).collect(),
    );
    assert_eq!(one, turned);
}

#[test]
fn bootstrap_and_formulae_agree() {
    let (labels, scores, _) = survey(8000, 3);
    let by = |bootstrap_up_to| {
        let options = Options {
            bootstrap_up_to,
            ..Options::default()
        };
        judged(&labels, &scores, &options)
    };
    let (drawn, formal) = (by(8000), by(0));
    for (d, f) in drawn.metrics.iter().zip(&formal.metrics) {
        assert_eq!(d.value, f.value);
        assert!(d.method.starts_with("bootstrap, 1000 resamples"), "{d:?}");
        assert!(!f.method.contains("bootstrap"), "{f:?}");
        let ratio = (d.high - d.low) / (f.high - f.low);
        // Wilson's holds a threshold that the bootstrap moves; an ECE near 0 is not normal.
        let fits = match d.name {
            "fpr_at_mdr" => ratio > 0.9 && ratio < 2.5,
            "ece" => ratio > 0.4 && ratio < 2.5,
            "average_precision" => ratio > 0.7 && ratio < 1.3,
            _ => ratio > 0.9 && ratio < 1.1,
        };
        assert!(fits, "{}: {ratio}", d.name);
        let apart = 0.2 * (f.high - f.low);
        let loose = ["ece", "fpr_at_mdr"].contains(&d.name);
        assert!(
            loose || (d.low - f.low).abs() < apart && (d.high - f.high).abs() < apart,
            "{d:?} {f:?}"
        );
    }
}

#[test]
fn a_class_that_is_not_there() {
    for label in [0, 1] {
        let a = judged(&[label; 4], &[0.2, 0.6, 0.9, 1.0], &options());
        let exists = |name: &str| !metric(&a, name).value.is_nan();
        for name in ["accuracy", "precision", "loss", "brier", "ece"] {
            assert!(exists(name), "{name}");
        }
        for name in ["auc", "mcc", "fpr_at_mdr"] {
            assert!(!exists(name), "{name}");
        }
        for name in ["recall", "tpr", "mdr", "f1", "average_precision"] {
            assert_eq!(exists(name), label == 1, "{name}");
        }
        assert_eq!(exists("fpr"), label == 0);
        // A number that does not exist is null.
        let json = serde_json::to_value(&a).unwrap();
        assert!(json["metrics"][10]["value"].is_null() && json["metrics"][10]["name"] == "auc");
    }
    // One candidate, none called real, and a perfect classifier.
    let one = judged(&[1], &[0.3], &options());
    assert_eq!(metric(&one, "recall").value, 0.0);
    let formal = Options {
        bootstrap_up_to: 0,
        ..options()
    };
    let perfect = judged(&[1, 1, 0, 0], &[0.8, 0.9, 0.1, 0.0], &formal);
    let auc = metric(&perfect, "auc");
    assert!(
        auc.value == 1.0 && auc.low < 0.5 && auc.high == 1.0,
        "{auc:?}"
    );
}

#[test]
fn what_cannot_be_used_is_named() {
    let data = |labels, columns| Labelled { labels, columns };
    let said = |data: &Labelled, subjects: &[Subject], options: &Options| {
        evaluate(data, subjects, options, &silent)
            .unwrap_err()
            .to_string()
    };
    let ok = options();
    let scores = |scores| said(&data(&[1, 0], vec![]), &[subject("rf", scores)], &ok);
    assert!(scores(&[0.5, f64::NAN]).contains("score of candidate 2 by rf: NaN"));
    assert!(scores(&[f64::INFINITY, 0.1]).contains("score of candidate 1 by rf: inf"));
    assert!(scores(&[0.5, 12.5]).contains("P(real), from 0 to 1"));
    assert!(scores(&[0.5]).contains("scores of rf: 1 scores"));
    let both = [subject("a", &[0.5, 0.5]), subject("a", &[0.5, 0.5])];
    assert!(said(&data(&[1, 0], vec![]), &both, &ok).contains("name of a classifier"));
    let one = &both[..1];
    assert!(said(&data(&[1, 3], vec![]), one, &ok).contains("label of candidate 2: 3"));
    assert!(said(&data(&[], vec![]), one, &ok).contains("candidates: none"));
    let short = vec![magnitudes(vec![17.0])];
    assert!(said(&data(&[1, 0], short), one, &ok).contains("column magnitude: 1 values"));
    let bad = |change: fn(&mut Options)| {
        let mut options = options();
        change(&mut options);
        said(&data(&[1, 0], vec![]), one, &options)
    };
    assert!(bad(|o| o.level = 1.0).contains("level: 1"));
    assert!(bad(|o| o.at_mdr = f64::NAN).contains("MDR: NaN"));
    assert!(bad(|o| o.resamples = 1).contains("resamples: 1"));
    assert!(bad(|o| o.wanted_fpr = vec![2.0]).contains("wanted FPR: 2"));
    assert!(bad(|o| o.bogus_per_real = vec![0.0]).contains("bogus per real: 0"));
    assert!(bad(|o| o.by = vec!["seeing".into()]).contains("seeing"));
}

#[test]
fn a_thinned_curve_leaves_no_gap() {
    let (labels, scores, _) = survey(60_000, 4);
    // Well apart, as a network's are: most of the curve is in its corners.
    let scores: Vec<f64> = scores
        .iter()
        .map(|s| 1.0 / (1.0 + (-40.0 * (s - 0.5)).exp()))
        .collect();
    let curve = judged(&labels, &scores, &options()).curve;
    assert!(curve.len() <= 2000 && curve.len() > 500, "{}", curve.len());
    let (first, last) = (&curve[0], &curve[curve.len() - 1]);
    assert!(first.threshold.is_infinite() && first.confusion.tp + first.confusion.fp == 0);
    assert_eq!(last.confusion.tn + last.confusion.fn_, 0);
    for pair in curve.windows(2) {
        let (a, b) = (&pair[0].confusion, &pair[1].confusion);
        assert!(pair[0].threshold > pair[1].threshold);
        let step = (b.tp + b.fp) - (a.tp + a.fp);
        let decades = |a: u64, b: u64| (a.max(1) as f64 / b.max(1) as f64).log10().abs();
        let gap = (b.tpr() - a.tpr())
            .max(b.fpr() - a.fpr())
            .max(decades(a.fp, b.fp) / 5.0)
            .max(decades(a.fn_, b.fn_) / 5.0);
        assert!(step == 1 || gap < 0.01, "{a:?} {b:?}");
    }
}

#[test]
fn progress_goes_from_0_to_1() {
    let heard = std::sync::Mutex::new(Vec::new());
    let data = Labelled {
        labels: &LABELS,
        columns: Vec::new(),
    };
    let hear = |what: &str, part: f64| heard.lock().unwrap().push((what.to_string(), part));
    let subjects = [subject("a", &SCORES), subject("b", &SCORES)];
    evaluate(&data, &subjects, &Options::default(), &hear).unwrap();
    let heard = heard.into_inner().unwrap();
    assert!(heard.len() > 60 && heard[0].1 == 0.0 && heard[heard.len() - 1].1 == 1.0);
    assert!(heard.windows(2).all(|w| w[0].1 <= w[1].1));
    assert!(heard.iter().any(|(what, _)| what == "b: intervals"));
}
