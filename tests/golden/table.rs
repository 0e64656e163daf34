//! What was measured against what is allowed, printed with `--nocapture`.

use std::time::Instant;

struct Row {
    what: String,
    device: String,
    quantity: String,
    measured: f64,
    allowed: f64,
}

/// The rows of one test.
pub struct Table {
    rows: Vec<Row>,
    started: Instant,
}

impl Table {
    pub fn new() -> Table {
        Table {
            rows: Vec::new(),
            started: Instant::now(),
        }
    }

    pub fn row(&mut self, what: &str, device: &str, quantity: &str, measured: f64, allowed: f64) {
        self.rows.push(Row {
            what: what.into(),
            device: device.into(),
            quantity: quantity.into(),
            measured,
            allowed,
        });
    }

    /// Prints every row, and fails if one is beyond what is allowed. NaN is.
    pub fn finish(self) {
        const HEAD: &str = "                        quantity                                      measured   allowed";
        let mut text = format!("{HEAD}\n");
        let mut failures = String::new();
        for row in &self.rows {
            let fits = row.measured <= row.allowed;
            let line = format!(
                "{:<13} {:<9} {:<45} {:>9.2e} {:>9.1e}\n",
                row.what, row.device, row.quantity, row.measured, row.allowed
            );
            text += &line;
            if !fits {
                failures += &line;
            }
        }
        let seconds = self.started.elapsed().as_secs_f64();
        println!("{text}{seconds:.1} s");
        assert!(
            failures.is_empty(),
            "beyond what is allowed:\n{HEAD}\n{failures}"
        );
        assert!(!self.rows.is_empty(), "nothing was compared");
    }
}

/// A device's name, short enough for the table.
pub fn short(device: &rbgpu::backend::Device) -> String {
    match device {
        rbgpu::backend::Device::Gpu(_) => "gpu".into(),
        other => other.name(),
    }
}
