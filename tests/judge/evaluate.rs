//! The whole of an evaluation.

use rand::{RngExt, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use rbgpu::judge::{Column, Labelled, Options, Role, Subject, Values, evaluate};

fn silent(_: &str, _: f64) {}

/// Labels, scores that are probabilities, and magnitudes: fainter ones are harder.
fn survey(n: usize, seed: u64) -> (Vec<u8>, Vec<f64>, Vec<f64>) {
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

fn subject<'a>(name: &str, scores: &'a [f64]) -> Subject<'a> {
    Subject {
        name: name.into(),
        scores,
        threshold: 0.5,
        threshold_from: "0.5 by default".into(),
        training: None,
    }
}

fn magnitudes(values: Vec<f64>) -> Column {
    Column {
        name: "magnitude".into(),
        unit: "mag".into(),
        role: Role::Magnitude,
        values: Values::Numbers(values),
    }
}

/// How long it takes: `cargo test --release --test judge speed -- --ignored --nocapture`.
#[test]
#[ignore = "a measurement"]
fn speed() {
    for (n, what) in [(100_000, "bootstrap"), (1_000_000, "formulae")] {
        let (labels, scores, magnitude) = survey(n, 1);
        let data = Labelled {
            labels: &labels,
            columns: vec![magnitudes(magnitude)],
        };
        let begun = std::time::Instant::now();
        let cpu = cpu_time::ProcessTime::now();
        let judged = evaluate(
            &data,
            &[subject("a", &scores)],
            &Options::default(),
            &silent,
        )
        .unwrap();
        let json = serde_json::to_string(&judged).unwrap();
        let points = judged.classifiers[0].curve.len();
        eprintln!(
            "{n} scores, {what}: {:.2} s, {:.2} s of cpu; {points} points, {} kB of JSON",
            begun.elapsed().as_secs_f64(),
            cpu.elapsed().as_secs_f64(),
            json.len() / 1000
        );
        for metric in &judged.classifiers[0].metrics {
            eprintln!("{metric:?}");
        }
        eprintln!("{:?}", judged.classifiers[0].thresholds);
    }
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    eprintln!(
        "{:?}",
        status.lines().find(|line| line.starts_with("VmHWM"))
    );
}
