//! How long an evaluation takes.

use rbgpu::judge::{Labelled, Options, evaluate};

use super::evaluate::{magnitudes, silent, subject, survey};

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
