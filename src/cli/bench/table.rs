//! What was measured, as text.

use super::child::{DeviceCeilings, Measured, Outcome};
use crate::bench::{Ceilings, Mode, Speed};
use crate::cli::terminal::table;

/// A device's table: one row for each network and batch, training and scoring beside
/// each other.
pub(super) fn device(name: &str, device: &DeviceCeilings, rows: &[Measured]) -> String {
    let Ceilings {
        gemm_gflops,
        copy_gb_per_s,
        ..
    } = device.ceilings;
    let what = match name {
        "cpu" => format!("cpu, {} threads", device.threads),
        _ => format!("{}, {}", device.device, device.precision),
    };
    let mut text = format!(
        "{what}: a matrix product reaches {gemm_gflops:.0} GFLOP/s, a copy {copy_gb_per_s:.1} GB/s\n\n"
    );
    let has = |mode| rows.iter().any(|row| row.mode == mode);
    let modes: Vec<Mode> = [Mode::Train, Mode::Score]
        .into_iter()
        .filter(|mode| has(*mode))
        .collect();
    let mut head = vec!["network".to_string(), "batch".to_string()];
    for mode in &modes {
        let name = match mode {
            Mode::Train => "training",
            Mode::Score => "scoring",
        };
        head.extend([name, "±", "of GEMM", "of copy", "peak MB"].map(String::from));
    }
    let mut lines = vec![head];
    let mut notes = Vec::new();
    for first in rows.iter().filter(|row| row.mode == modes[0]) {
        let mut line = vec![first.network.clone(), first.batch.to_string()];
        for mode in &modes {
            let same = |row: &&Measured| {
                (&row.network, row.batch, row.mode) == (&first.network, first.batch, *mode)
            };
            let Some(row) = rows.iter().find(same) else {
                continue;
            };
            let (cells, note) = cells(&row.outcome, &device.ceilings);
            line.extend(cells);
            notes.extend(note.map(|note| format!("{}, batch {}: {note}", row.network, row.batch)));
        }
        lines.push(line);
    }
    text += &table(&lines);
    text += "\n\nsamples per second, median ± half the distance of the quartiles; of GEMM: the layers'\n\
             arithmetic as it is defined, of which fast convolution does less, so 100% is no bound";
    for note in notes {
        text += &format!("\n{note}");
    }
    text
}

/// Five cells, and what to say below the table.
fn cells(outcome: &Outcome<Speed>, ceilings: &Ceilings) -> ([String; 5], Option<String>) {
    let none = |word: &str| [word, "", "", "", ""].map(String::from);
    match outcome {
        Outcome::Measured(speed) => (measured(speed, ceilings), None),
        Outcome::DoesNotFit(problem) => (none("does not fit"), Some(problem.clone())),
        Outcome::Failed(problem) => (none("failed"), Some(problem.clone())),
    }
}

fn measured(speed: &Speed, ceilings: &Ceilings) -> [String; 5] {
    let percent = |part: f64| format!("{:.0}%", 100.0 * part);
    [
        rate(speed.samples_per_s),
        speed.spread().map_or("-".into(), percent),
        percent(speed.gflops / ceilings.gemm_gflops),
        percent(speed.gb_per_s / ceilings.copy_gb_per_s),
        megabytes(speed),
    ]
}

/// Three digits at least.
pub(super) fn rate(samples_per_s: f64) -> String {
    match samples_per_s {
        r if r < 10.0 => format!("{r:.2}"),
        r if r < 100.0 => format!("{r:.1}"),
        r => format!("{r:.0}"),
    }
}

/// The process' peak, or what the device holds where the system does not say it.
pub(super) fn megabytes(speed: &Speed) -> String {
    let bytes = speed.peak_bytes.unwrap_or(0).max(speed.device_bytes);
    format!("{:.0}", bytes as f64 / 1048576.0)
}
