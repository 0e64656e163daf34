//! `rbgpu completions` and `rbgpu man`: what a shell and `man` know of rbgpu.

use std::path::PathBuf;

use clap::{Args, Command};
use clap_complete::Shell;

use super::Done;
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
    let folder = &arguments.out;
    std::fs::create_dir_all(folder).map_err(Error::io("create", folder))?;
    let mut written = 0;
    pages(command, "rbgpu".into(), &mut |name, command| {
        let path = folder.join(format!("{name}.1"));
        written += 1;
        atomic_write(&path, |out| clap_mangen::Man::new(command).render(out))
    })?;
    let terminal = Terminal::new(arguments.quiet, false);
    terminal.notice(&format!("{written} man pages: {}", folder.display()));
    Ok(Done::Whole)
}

/// `page` for `command`, then for everything below it: rbgpu-study-size and so on.
fn pages(
    command: Command,
    name: String,
    page: &mut impl FnMut(&str, Command) -> Result<()>,
) -> Result<()> {
    let below: Vec<Command> = command.get_subcommands().cloned().collect();
    // clap wants names that live for ever; there are some thirty.
    let kept: &'static str = name.clone().leak();
    page(&name, command.name(kept))?;
    for sub in below.into_iter().filter(|sub| sub.get_name() != "help") {
        let name = format!("{name}-{}", sub.get_name());
        pages(sub, name, page)?;
    }
    Ok(())
}
