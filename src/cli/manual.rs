//! `rbgpu completions` and `rbgpu man`: what a shell and `man` know of rbgpu.

use std::path::PathBuf;

use clap::{Args, Command};
use clap_complete::Shell;

use super::Done;
use super::outputs::Outputs;
use super::terminal::Terminal;
use crate::data::atomic::atomic_write;
use crate::{Error, Result};

/// Arguments of `rbgpu completions`.
#[derive(Debug, Args)]
pub struct Completions {
    /// The shell
    shell: Shell,
}

/// Arguments of `rbgpu man`.
#[derive(Debug, Args)]
pub struct Man {
    /// The folder for rbgpu.1, rbgpu-train.1, …; created if needed. Pages of an earlier version
    /// are replaced
    #[arg(long, short, value_name = "DIR", default_value = "man")]
    out: PathBuf,
    /// Print errors only
    #[arg(long, short)]
    quiet: bool,
}

/// Prints the script that completes the arguments of `command`.
pub fn completions(arguments: &Completions, mut command: Command) -> Result<Done> {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut command, "rbgpu", &mut script);
    let script = String::from_utf8_lossy(&script);
    Terminal::new(false, false).result(script.trim_end())?;
    Ok(Done::Whole)
}

/// Writes a page for `command` and for each of its subcommands.
pub fn man(arguments: &Man, command: Command) -> Result<Done> {
    let terminal = Terminal::new(arguments.quiet, false);
    let folder = &arguments.out;
    std::fs::create_dir_all(folder).map_err(Error::io("create", folder))?;
    let mut pages = Vec::new();
    collect(command, "rbgpu".into(), &mut |name, command| {
        pages.push((folder.join(format!("{name}.1")), command));
    });
    let paths: Vec<&PathBuf> = pages.iter().map(|(path, _)| path).collect();
    let mut outputs = Outputs::replacing(&[], &terminal);
    outputs.replace(&paths)?;
    for (path, command) in &pages {
        let page = clap_mangen::Man::new(command.clone());
        atomic_write(path, |out| page.render(out))?;
    }
    let (count, folder) = (pages.len(), folder.display());
    terminal.notice(&format!("{count} man pages: {folder}"));
    Ok(Done::Whole)
}

/// `page` for `command`, then for everything below it: rbgpu-study-size and so on.
fn collect(command: Command, name: String, page: &mut impl FnMut(&str, Command)) {
    let below: Vec<Command> = command.get_subcommands().cloned().collect();
    page(&name, command.name(name.clone()));
    for sub in below.into_iter().filter(|sub| sub.get_name() != "help") {
        let name = format!("{name}-{}", sub.get_name());
        collect(sub, name, page);
    }
}
