//! `--profile`: where the time went.

use super::terminal::{Terminal, table};
use crate::backend::Device;

/// Runs `work`; if `wanted`, then says what each op (cpu) or kernel (gpu) of it took.
pub fn profiled<T>(
    wanted: bool,
    device: &Device,
    terminal: &Terminal,
    work: impl FnOnce() -> T,
) -> T {
    let Some(profile) = device.profile().filter(|_| wanted) else {
        return work();
    };
    profile.start();
    let result = work();
    profile.stop();
    let spent = profile.take();
    let all: f64 = spent.iter().map(|(_, spent)| spent.seconds).sum();
    let head = ["", "runs", "seconds", "%", "GFLOP/s", "GB/s"];
    let mut rows = vec![head.map(String::from).to_vec()];
    rows.extend(spent.iter().map(|(name, spent)| {
        // Not every kernel says what it does.
        let rate = |count: u64| match count {
            0 => "-".into(),
            _ => format!("{:.1}", count as f64 / 1e9 / spent.seconds),
        };
        vec![
            name.clone(),
            spent.count.to_string(),
            format!("{:.3}", spent.seconds),
            format!("{:.1}", 100.0 * spent.seconds / all),
            rate(spent.flops),
            rate(spent.bytes),
        ]
    }));
    let name = device.name();
    terminal.notice(&format!("where the time went on {name}\n{}", table(&rows)));
    result
}
