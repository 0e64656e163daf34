//! `rbgpu reproduce otrain`.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use clap::Args;
use serde_json::json;

use super::super::Done;
use super::super::args::Reading;
use super::super::outputs::Outputs;
use super::super::signals;
use super::super::terminal::table;
use super::super::typed::again;
use super::Shared;
use super::watch::Watch;
use crate::data::Channel;
use crate::data::channels::Takes;
use crate::reproduce::{folder, otrain};
use crate::{Error, Result};

/// Arguments of `rbgpu reproduce otrain`.
#[derive(Debug, Args)]
pub struct Arguments {
    /// A cube of your own, with labels, in place of the simulated ones: JAST-gmadet, JAST-STDPipe,
    /// TACA-gmadet, FRAM-CTA-N-gmadet, TCA-gmadet, or any other name; may be repeated
    #[arg(long = "data", value_name = "NAME=CUBE")]
    data: Vec<String>,
    #[command(flatten)]
    shared: Shared,
    #[command(flatten)]
    reading: Reading,
}

/// Trains, judges, draws and writes.
pub fn run(arguments: &Arguments) -> Result<Done> {
    let begun = Instant::now();
    let shared = &arguments.shared;
    let terminal = shared.common.terminal();
    signals::catch(terminal)?;
    let named: Vec<(String, PathBuf)> = arguments
        .data
        .iter()
        .map(|pair| match pair.split_once('=') {
            Some((name, path)) if !name.is_empty() && !path.is_empty() => {
                Ok((name.to_string(), PathBuf::from(path)))
            }
            _ => {
                let expected = "NAME=CUBE, such as JAST-gmadet=cube.npz";
                Err(Error::config("--data", pair, expected))
            }
        })
        .collect::<Result<_>>()?;
    let out = shared.out.clone();
    let out = out.unwrap_or_else(|| PathBuf::from("reproduce-otrain"));
    let inputs: Vec<PathBuf> = named.iter().map(|(_, path)| path.clone()).collect();
    let mut outputs = Outputs::going_on(shared.fresh, &inputs, &terminal);
    outputs.folder(&out, &folder::FOLDER)?;
    let device = shared.common.open(&terminal)?;
    let mut done = Done::Whole;
    let mut given = Vec::new();
    for (name, path) in named {
        let difference = Takes {
            names: Some(vec![Channel::Difference]),
            count: 1,
            guessed: false,
        };
        let (reading, images) = (&arguments.reading, difference.names.clone());
        let data = reading.open_with(std::slice::from_ref(&path), true, images, &terminal)?;
        let data = data.for_model(&difference)?;
        if Done::reading(&data) == Done::Partly {
            done = Done::Partly;
        }
        given.push((name, Arc::new(data)));
    }
    let request = otrain::Request {
        given,
        scale: match shared.quick {
            true => otrain::Scale::quick(),
            false => otrain::Scale::full(),
        },
        seed: shared.seed,
        precision: shared.common.precision_on(&device),
        device,
        out,
        fresh: shared.fresh,
        command: again(),
    };
    let mut watch = Watch::new(terminal, "otrain");
    let summary = otrain::run(&request, &mut watch)?;
    drop(watch);

    let page = request.out.join(folder::PAGE);
    if shared.json {
        let claims = summary.claims.iter();
        let claims: Vec<_> = claims
            .map(|(said, holds)| json!({ "claim": said, "holds": holds }))
            .collect();
        let cubes = summary
            .cubes
            .iter()
            .map(|(name, mcc)| (name.clone(), json!(mcc)));
        let all = json!({
            "report": page,
            "mcc": cubes.collect::<serde_json::Map<_, _>>(),
            "claims": claims,
        });
        let text = serde_json::to_string_pretty(&all).expect("plain data");
        terminal.result(&text)?;
        return Ok(done);
    }
    if !shared.common.quiet {
        let mut rows = vec![vec!["".to_string(), "holds here".to_string()]];
        let claims = summary.claims.iter();
        rows.extend(claims.map(|(said, holds)| vec![said.clone(), holds.word().to_string()]));
        let seconds = begun.elapsed().as_secs();
        let written = format!("report {}, after {seconds} s", page.display());
        terminal.result(&format!("{}\n\n{written}", table(&rows)))?;
    }
    Ok(done)
}
