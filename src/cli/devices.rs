//! `rbgpu devices`: what this machine has, and which would be used.

use clap::Args;
use serde_json::json;

use super::Done;
use super::terminal::{Terminal, table};
use crate::Result;
use crate::backend::gpu::adapters;

/// Arguments of `rbgpu devices`.
#[derive(Debug, Args)]
pub struct Arguments {
    /// Print as JSON
    #[arg(long)]
    json: bool,
}

/// Lists the devices.
pub fn run(arguments: &Arguments) -> Result<Done> {
    let terminal = Terminal::new(false, false);
    let found = adapters();
    let used = found.iter().position(|adapter| !adapter.is_software());
    let threads = rayon::current_num_threads();
    if arguments.json {
        let mut all = vec![json!({
            "name": "cpu", "kind": "native", "threads": threads, "auto": used.is_none(),
        })];
        all.extend(found.iter().enumerate().map(|(i, a)| {
            json!({
                "name": a.name, "kind": a.kind.to_string(), "backend": a.backend,
                "driver": a.driver, "auto": used == Some(i),
            })
        }));
        terminal.result(&serde_json::to_string_pretty(&all).expect("plain data"))?;
        return Ok(Done::Whole);
    }
    let row = |cells: [&str; 4]| cells.map(String::from).to_vec();
    let mut rows = vec![row(["device", "kind", "through", "used by --device auto"])];
    let mark = |used| if used { "yes" } else { "" };
    let native = format!("native, {threads} threads");
    rows.push(row(["cpu", &native, "", mark(used.is_none())]));
    for (i, a) in found.iter().enumerate() {
        let through = format!("{} ({})", a.backend, a.driver);
        rows.push(row([
            &a.name,
            &a.kind.to_string(),
            &through,
            mark(used == Some(i)),
        ]));
    }
    terminal.result(&table(&rows))?;
    Ok(Done::Whole)
}
