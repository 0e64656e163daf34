//! `rbgpu relabel`: people look at candidates again, on a page in the browser.

mod apply;
mod then;
mod watch;

use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::{Args, ValueEnum};

use super::Done;
use super::args::Reading;
use super::terminal::Terminal;
use super::typed::again;
use crate::data::lock::host;
use crate::data::table::is_table;
use crate::data::{self, Dataset};
use crate::relabel::decide::check_name;
use crate::relabel::server::remembered::Remembered;
use crate::relabel::server::{Port, Serving, serve};
use crate::relabel::subjects::{Subjects, labels_of};
use crate::relabel::{Mode, Options, Unsure, Work};
use crate::{Error, Result};
use watch::Shown;

/// Arguments of `rbgpu relabel`.
#[derive(Debug, Args)]
pub struct Arguments {
    /// A table of suspects (column id, as written by `rbgpu suspect`), and the data: a cube, a
    /// folder, alerts, a triple's prefix. Without a table, all candidates are shown
    #[arg(required = true, value_name = "SUSPECTS|DATA")]
    inputs: Vec<PathBuf>,
    /// Journal of decisions [default: SUSPECTS.journal.jsonl, or named after the data]
    #[arg(long, value_name = "FILE")]
    journal: Option<PathBuf>,
    /// Name of the person who decides [default: $USER]. Each browser tab can change it
    #[arg(long, value_name = "NAME")]
    who: Option<String>,
    /// Candidates per page
    #[arg(long, default_value_t = 20, value_name = "N")]
    block: usize,
    /// Show only the first N suspects
    #[arg(long, value_name = "N")]
    first: Option<usize>,
    /// Vote: show the images alone, no label, score, rank or other people's votes
    #[arg(long)]
    vote: bool,
    /// Votes wanted per candidate
    #[arg(long, default_value_t = 3, value_name = "N", requires = "vote")]
    votes: usize,
    /// Random seed for the order of candidates, which differs between voters
    #[arg(long, default_value_t = 1, requires = "vote")]
    seed: u64,
    /// Port [default: any free one, the same for the same journal]
    #[arg(long)]
    port: Option<u16>,
    /// Listen on this address for other machines; 0.0.0.0 for all [default: this machine only]
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<IpAddr>,
    /// A name that this machine is called by from outside; may be repeated
    #[arg(long, value_name = "NAME", requires = "listen")]
    host: Vec<String>,
    /// Open the page in the browser
    #[arg(long)]
    open: bool,
    /// Write a label file from the journal instead of serving the page
    #[arg(long, requires = "out", conflicts_with_all = ["vote", "open", "listen", "port"])]
    apply: bool,
    /// The new label file
    #[arg(long, short, value_name = "FILE", requires = "apply")]
    out: Option<PathBuf>,
    /// Labels of candidates marked unsure: keep the old one, or drop it (-1)
    #[arg(long, default_value = "keep", value_name = "WHAT", requires = "apply")]
    unsure: UnsureArgument,
    /// Replace a label file that exists; without it the command stops before any work
    #[arg(long, requires = "apply")]
    force: bool,
    #[command(flatten)]
    reading: Reading,
    /// Print errors and the page's address only
    #[arg(long, short)]
    quiet: bool,
    /// Print more
    #[arg(long, short)]
    verbose: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum UnsureArgument {
    Keep,
    Drop,
}

impl From<UnsureArgument> for Unsure {
    fn from(argument: UnsureArgument) -> Unsure {
        match argument {
            UnsureArgument::Keep => Unsure::Keep,
            UnsureArgument::Drop => Unsure::Drop,
        }
    }
}

/// The arguments, sorted.
struct Sorted {
    suspects: Option<PathBuf>,
    data: Vec<PathBuf>,
    journal: PathBuf,
}

/// Serves the page, or applies what was decided.
pub fn run(arguments: &Arguments) -> Result<Done> {
    let terminal = Terminal::new(arguments.quiet, arguments.verbose);
    let sorted = sort(arguments)?;
    if arguments.apply {
        return apply::run(arguments, &sorted, &terminal);
    }
    for (option, value) in [("--block", arguments.block), ("--votes", arguments.votes)] {
        if !(1..=200).contains(&value) {
            return Err(Error::config(option, value.to_string(), "1 to 200"));
        }
    }
    let who = match &arguments.who {
        Some(who) => who.clone(),
        None => user(),
    };
    check_name(&who)?;
    let subjects = read(arguments, &sorted, &terminal)?;
    let done = Done::reading(&subjects.data);
    let title = title(&sorted, &subjects, arguments.vote);
    let remembered = Remembered::of(&sorted.journal);
    let options = Options {
        mode: match arguments.vote {
            true => Mode::Vote,
            false => Mode::Repair,
        },
        block: arguments.block,
        votes: arguments.votes,
        seed: arguments.seed,
        secret: remembered.token.clone(),
    };
    let (work, notices) = Work::open(subjects, options, &sorted.journal)?;
    notices.iter().for_each(|notice| terminal.notice(notice));
    let before = work.counts(&who);
    let serving = Serving {
        listen: arguments.listen.unwrap_or(Ipv4Addr::LOCALHOST.into()),
        port: match (arguments.port, remembered.port) {
            (Some(0), _) | (None, 0) => Port::Any,
            (Some(port), _) => Port::Exactly(port),
            (None, port) => Port::Rather(port),
        },
        token: remembered.token.clone(),
        names: arguments.host.iter().cloned().chain(host()).collect(),
        who,
        title,
        then: then::then(arguments, &sorted),
    };
    let shown = Shown::new(&terminal, arguments.open, &before, arguments.vote);
    let shown = Arc::new(shown.keeping(remembered, &sorted.journal));
    let work = serve(work, serving, shown.clone())?;
    shown.end();
    terminal.notice(&watch::farewell(&work, &sorted.journal));
    if work.written() > 0 {
        terminal.notice(&format!(
            "to go on:\n    {}\nthen:\n    {}",
            again(),
            then::then(arguments, &sorted).join("\n    ")
        ));
    }
    Ok(done)
}

fn sort(arguments: &Arguments) -> Result<Sorted> {
    let mut data = arguments.inputs.clone();
    let suspects = (is_table(&data[0]) && !data[0].is_dir()).then(|| data.remove(0));
    if data.is_empty() {
        let found = arguments.inputs[0].display().to_string();
        let expected = "a table and the data, as in `rbgpu relabel suspects.csv cube.npz`";
        return Err(Error::config("DATA", format!("{found} alone"), expected));
    }
    let journal = match &arguments.journal {
        Some(journal) => journal.clone(),
        None => beside(suspects.as_ref().unwrap_or(&data[0]))?,
    };
    Ok(Sorted {
        suspects,
        data,
        journal,
    })
}

/// The journal of `path`, which may be a folder.
fn beside(path: &Path) -> Result<PathBuf> {
    // Of `.` and `..` too.
    let whole = match path.file_name() {
        Some(_) => path.to_path_buf(),
        None => std::fs::canonicalize(path).map_err(Error::io("open", path))?,
    };
    let name = match whole.is_dir() {
        true => whole.file_name(),
        false => whole.file_stem(),
    };
    let name = name.unwrap_or("data".as_ref()).to_string_lossy();
    Ok(whole.with_file_name(format!("{name}.journal.jsonl")))
}

/// The data with what is known of their labels.
fn read(arguments: &Arguments, sorted: &Sorted, terminal: &Terminal) -> Result<Subjects> {
    let data = arguments.reading.open(&sorted.data, false, terminal)?;
    let labels = match arguments.vote {
        true => vec![None; data.len()],
        false => labels(arguments, sorted, &data, terminal)?,
    };
    let subjects = match &sorted.suspects {
        Some(path) => Subjects::suspects(data, labels, path, arguments.first)?,
        None => Subjects::all(data, labels)?,
    };
    let notices = &subjects.notices;
    notices.iter().for_each(|notice| terminal.notice(notice));
    Ok(subjects)
}

/// The labels of the candidates that have one.
fn labels(
    arguments: &Arguments,
    sorted: &Sorted,
    data: &Dataset,
    terminal: &Terminal,
) -> Result<Vec<Option<u8>>> {
    let options = arguments.reading.options(true, None)?;
    let labels = labels_of(data, || data::open(&sorted.data, &options))?;
    if data.labels.is_none() {
        let known = labels.iter().flatten().count();
        terminal.notice(&format!(
            "{known} of {} candidates have a label to be looked at",
            labels.len()
        ));
    }
    Ok(labels)
}

/// What stands at the page's head; a voter is told nothing of suspects.
fn title(sorted: &Sorted, subjects: &Subjects, vote: bool) -> String {
    let name = |path: &Path| {
        let name = path.file_name().unwrap_or(path.as_os_str());
        name.to_string_lossy().into_owned()
    };
    match (&sorted.suspects, vote) {
        (Some(path), false) => name(path),
        (_, true) => format!("vote on {}", name(&subjects.data.source)),
        _ => name(&subjects.data.source),
    }
}

/// Who runs this, as the system calls them.
fn user() -> String {
    let named = ["USER", "LOGNAME", "USERNAME"].iter();
    let mut named = named.filter_map(|name| std::env::var(name).ok());
    let name = named.find(|name| check_name(name).is_ok());
    name.unwrap_or_else(|| "somebody".into())
}
