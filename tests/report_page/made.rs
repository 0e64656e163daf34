//! Evaluations to draw.
//!
//! The numbers are worked out plainly here; how `judge` works them out is tested elsewhere.

use rbgpu::judge::evaluation::*;
use rbgpu::judge::{Confusion, EpochRecord, Evaluation};

pub use crate::candidates::{Candidate, candidates};

type Scored = (bool, f64);

fn confusion(all: &[Scored], threshold: f64) -> Confusion {
    let mut c = Confusion::default();
    for &(real, score) in all {
        match (real, score >= threshold) {
            (false, false) => c.tn += 1,
            (false, true) => c.fp += 1,
            (true, false) => c.fn_ += 1,
            (true, true) => c.tp += 1,
        }
    }
    c
}

fn curve(all: &[Scored], most: usize) -> Vec<Point> {
    let (real, bogus) = classes(all);
    if real == 0 || bogus == 0 {
        return Vec::new();
    }
    let mut sorted = all.to_vec();
    sorted.sort_by(|a, b| b.1.total_cmp(&a.1));
    let mut now = confusion(all, f64::INFINITY);
    let mut points = vec![Point {
        threshold: f64::INFINITY,
        confusion: now,
    }];
    let step = (all.len() / most).max(1);
    for (i, &(real, score)) in sorted.iter().enumerate() {
        match real {
            true => (now.tp, now.fn_) = (now.tp + 1, now.fn_ - 1),
            false => (now.fp, now.tn) = (now.fp + 1, now.tn - 1),
        }
        let tied = sorted.get(i + 1).is_some_and(|next| next.1 == score);
        if !tied && (i % step == 0 || i + 1 == sorted.len()) {
            points.push(Point {
                threshold: score,
                confusion: now,
            });
        }
    }
    points
}

fn classes(all: &[Scored]) -> (u64, u64) {
    let real = all.iter().filter(|one| one.0).count() as u64;
    (real, all.len() as u64 - real)
}

fn histogram(
    values: impl Iterator<Item = (bool, f64)>,
    low: f64,
    high: f64,
    bins: usize,
) -> Histogram {
    let edges = (0..=bins).map(|i| low + (high - low) * i as f64 / bins as f64);
    let mut made = Histogram {
        edges: edges.collect(),
        real: vec![0; bins],
        bogus: vec![0; bins],
    };
    for (real, value) in values {
        let bin = ((value - low) / (high - low) * bins as f64) as usize;
        let counts = if real {
            &mut made.real
        } else {
            &mut made.bogus
        };
        counts[bin.min(bins - 1)] += 1;
    }
    made
}

fn metric(name: &'static str, value: f64, half: f64) -> Metric {
    Metric {
        name,
        value,
        low: (value - half).max(0.0),
        high: (value + half).min(1.0),
        method: "bootstrap, 1000 resamples".into(),
    }
}

/// By trapezes; NaN without a curve.
fn auc(curve: &[Point]) -> f64 {
    if curve.is_empty() {
        return f64::NAN;
    }
    let piece = |w: &[Point]| {
        let (a, b) = (&w[0].confusion, &w[1].confusion);
        (b.fpr() - a.fpr()) * (a.tpr() + b.tpr()) / 2.0
    };
    curve.windows(2).map(piece).sum()
}

fn bin(label: String, low: f64, high: f64, all: &[Scored]) -> Bin {
    let (real, bogus) = classes(all);
    let curve = curve(all, 400);
    let auc = auc(&curve);
    let half = 1.0 / (all.len().max(4) as f64).sqrt();
    Bin {
        label,
        low,
        high,
        real,
        bogus,
        confusion: confusion(all, 0.5),
        auc: metric("auc", auc, 0.2 * half),
        average_precision: metric("average_precision", auc, 0.2 * half),
        curve,
    }
}

fn wilson(k: u64, n: u64) -> (f64, f64) {
    if n == 0 {
        return (f64::NAN, f64::NAN);
    }
    let (n, p) = (n as f64, k as f64 / n as f64);
    let half = 1.96 * (p * (1.0 - p) / n + 0.96 / (n * n)).sqrt();
    ((p - half).max(0.0), (p + half).min(1.0))
}

fn chosen(rule: &str, all: &[Scored], curve: &[Point], score: fn(&Confusion) -> f64) -> Chosen {
    let best = curve
        .iter()
        .max_by(|a, b| score(&a.confusion).total_cmp(&score(&b.confusion)));
    let threshold = best.map_or(f64::INFINITY, |p| p.threshold);
    let confusion = confusion(all, threshold);
    Chosen {
        rule: rule.into(),
        threshold,
        value: score(&confusion),
        confusion,
    }
}

/// The record of a training that went well.
pub fn history(epochs: usize) -> Vec<EpochRecord> {
    let record = |epoch: usize| {
        let t = epoch as f64;
        EpochRecord {
            epoch,
            learning_rate: 1e-3,
            loss: 0.05 + 0.5 * (-t / 5.0).exp(),
            accuracy: 0.985 - 0.25 * (-t / 4.0).exp(),
            val_loss: 0.09 + 0.4 * (-t / 4.0).exp() + 0.002 * t,
            val_accuracy: 0.97 - 0.2 * (-t / 4.0).exp(),
            samples: 10_000,
        }
    };
    (1..=epochs).map(record).collect()
}

fn judged(name: &str, k: usize, candidates: &[Candidate]) -> Judged {
    let all: Vec<Scored> = candidates.iter().map(|c| (c.real, c.scores[k])).collect();
    let part = |keep: &dyn Fn(&Candidate) -> bool| -> Vec<Scored> {
        let kept = candidates.iter().filter(|c| keep(c));
        kept.map(|c| (c.real, c.scores[k])).collect()
    };
    let (real, bogus) = classes(&all);
    let curve = curve(&all, 2000);
    let at = confusion(&all, 0.5);
    let area = auc(&curve);
    let enough = curve.iter().find(|p| p.confusion.mdr() <= 0.05);
    let at_mdr = enough.map_or(f64::NAN, |p| p.confusion.fpr());
    let names: [(&'static str, f64); 14] = [
        ("accuracy", at.accuracy()),
        ("precision", at.precision()),
        ("recall", at.tpr()),
        ("f1", at.f1()),
        ("mcc", at.mcc()),
        ("tpr", at.tpr()),
        ("fpr", at.fpr()),
        ("mdr", at.mdr()),
        ("loss", 0.0732),
        ("average_precision", area),
        ("auc", area),
        ("fpr_at_mdr", at_mdr),
        ("brier", 0.021),
        ("ece", 0.013),
    ];
    let magnitudes = (0..7).map(|i| {
        let (low, high) = (15.0 + f64::from(i), 16.0 + f64::from(i));
        let inside = part(&|c| (low..high).contains(&c.magnitude));
        bin(format!("{low:.1}–{high:.1}"), low, high, &inside)
    });
    let errors =
        [(0.0, 0.05), (0.05, 0.1), (0.1, 0.2), (0.2, 0.5), (0.5, 1.0)].map(|(low, high)| {
            let inside = part(&|c| (low..high).contains(&c.error));
            bin(format!("{low}–{high}"), low, high, &inside)
        });
    let mut filters: Vec<Bin> = ["g", "i", "r"]
        .into_iter()
        .map(|name| {
            bin(
                name.into(),
                f64::NAN,
                f64::NAN,
                &part(&|c| c.filter == name),
            )
        })
        .collect();
    filters.push(bin(
        "z".into(),
        f64::NAN,
        f64::NAN,
        &part(&|c| c.real && c.error < 0.02),
    ));
    let breakdown = |column: &str, unit: &str, bins: Vec<Bin>| Breakdown {
        column: column.into(),
        unit: unit.into(),
        bins,
        unknown: 3,
    };
    let completeness = (0..14).map(|i| {
        let low = 15.0 + 0.5 * f64::from(i);
        let inside = part(&|c| c.real && (low..low + 0.5).contains(&c.magnitude));
        let found = inside.iter().filter(|one| one.1 >= 0.5).count() as u64;
        let n = inside.len() as u64;
        let (value_low, value_high) = wilson(found, n);
        CompletenessBin {
            low,
            high: low + 0.5,
            real: n,
            found,
            value: found as f64 / n as f64,
            value_low,
            value_high,
        }
    });
    let reliability = (0..10).map(|i| {
        let (low, high) = (f64::from(i) / 10.0, f64::from(i + 1) / 10.0);
        let inside: Vec<Scored> = all
            .iter()
            .filter(|s| (low..high).contains(&s.1))
            .copied()
            .collect();
        let (real, n) = (classes(&inside).0, inside.len() as u64);
        let (share_low, share_high) = wilson(real, n);
        ReliabilityBin {
            low,
            high,
            candidates: n,
            real,
            mean_score: inside.iter().map(|s| s.1).sum::<f64>() / n as f64,
            share: real as f64 / n as f64,
            share_low,
            share_high,
        }
    });
    let within = |real: bool, low: f64, high: f64| {
        let held = all
            .iter()
            .filter(|s| s.0 == real && (low..high).contains(&s.1));
        held.count() as u64
    };
    let scan = (0..=100).map(|i| {
        let threshold = f64::from(i) / 100.0;
        Point {
            threshold,
            confusion: confusion(&all, threshold),
        }
    });
    Judged {
        name: name.into(),
        threshold: 0.5,
        threshold_from: "0.5 by default".into(),
        confusion: at,
        metrics: names
            .map(|(name, value)| metric(name, value, 0.004))
            .to_vec(),
        thresholds: vec![
            chosen("g-mean", &all, &curve, |c| {
                (c.tpr() * (1.0 - c.fpr())).sqrt()
            }),
            chosen("F1", &all, &curve, Confusion::f1),
            chosen("F1 + MCC", &all, &curve, |c| c.f1() + c.mcc()),
        ],
        histogram: histogram(all.iter().copied(), 0.0, 1.0, 50),
        scan: scan.collect(),
        breakdowns: if real + bogus == 0 {
            Vec::new()
        } else {
            vec![
                breakdown("magnitude", "mag", magnitudes.collect()),
                breakdown("magnitude error", "mag", errors.to_vec()),
                breakdown("filter", "", filters),
            ]
        },
        completeness: Some(Completeness {
            bins: completeness.collect(),
            half: 21.37,
        }),
        reliability: Reliability {
            bins: reliability.collect(),
            ece: 0.0131,
        },
        categories: [
            within(false, 0.9, 1.1),
            within(false, 0.5, 0.9),
            within(false, 0.0, 0.5),
            within(true, 0.5, 1.1),
            within(true, 0.1, 0.5),
            within(true, 0.0, 0.1),
        ],
        training: Some(Training {
            history: history(25),
            best_epoch: Some(17),
            delta_accuracy: 0.0142,
        }),
        curve,
    }
}

/// All of it, on these candidates.
pub fn evaluation(candidates: &[Candidate], names: &[&str]) -> Evaluation {
    let real = candidates.iter().filter(|c| c.real).count() as u64;
    let bogus = candidates.len() as u64 - real;
    let column = |of: fn(&Candidate) -> f64| candidates.iter().map(move |c| (c.real, of(c)));
    let agreement = |of: &&str, category: u8| Agreement {
        of: of.to_string(),
        category,
        candidates: 31,
        others: names
            .iter()
            .filter(|other| *other != of)
            .map(|other| (other.to_string(), [12, 9, 10]))
            .collect(),
    };
    Evaluation {
        candidates: candidates.len() as u64,
        real,
        bogus,
        bogus_per_real: vec![bogus as f64 / real as f64, 7.0, 100.0, 1000.0],
        at_mdr: 0.05,
        level: 0.95,
        distributions: vec![
            Distribution {
                column: "magnitude".into(),
                unit: "mag".into(),
                histogram: histogram(column(|c| c.magnitude), 15.0, 22.0, 28),
                unknown: 0,
            },
            Distribution {
                column: "magnitude error".into(),
                unit: "mag".into(),
                histogram: histogram(column(|c| c.error), 0.0, 1.0, 40),
                unknown: 17,
            },
        ],
        classifiers: names
            .iter()
            .enumerate()
            .map(|(k, name)| judged(name, k, candidates))
            .collect(),
        agreements: match names.len() {
            1 => Vec::new(),
            _ => names
                .iter()
                .flat_map(|of| [agreement(of, 1), agreement(of, 6)])
                .collect(),
        },
    }
}

/// 5,000 candidates.
pub fn usual(names: &[&str]) -> Evaluation {
    evaluation(&candidates(5000, names.len(), 7), names)
}
