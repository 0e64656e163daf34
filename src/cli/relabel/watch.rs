//! What the terminal shows while the page is served.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;

use indicatif::ProgressBar;
use maud::{DOCTYPE, html};
use tempfile::NamedTempFile;

use super::super::terminal::Terminal;
use crate::data::lock::host;
use crate::relabel::server::remembered::Remembered;
use crate::relabel::view::Counts;
use crate::relabel::{Event, Mode, Watcher, Work};

/// A bar of what is decided, under the address.
pub struct Shown {
    terminal: Terminal,
    bar: ProgressBar,
    open: bool,
    vote: bool,
    keep: Option<(Remembered, PathBuf)>,
    /// What the browser was started with; removed once it has the page, or at the end.
    door: Mutex<Option<NamedTempFile>>,
}

impl Shown {
    pub fn new(terminal: &Terminal, open: bool, counts: &Counts, vote: bool) -> Shown {
        let bar = terminal.bar(counts.total, if vote { "voted" } else { "decided" });
        bar.set_position(counts.done as u64);
        Shown {
            terminal: *terminal,
            bar,
            open,
            vote,
            keep: None,
            door: Mutex::new(None),
        }
    }

    /// Keeps port and token for the next start with `journal`.
    pub fn keeping(mut self, remembered: Remembered, journal: &Path) -> Shown {
        self.keep = Some((remembered, journal.to_path_buf()));
        self
    }

    pub fn end(&self) {
        self.bar.finish_and_clear();
        self.put_door(None);
    }

    /// Removes the file that was the door before.
    fn put_door(&self, door: Option<NamedTempFile>) {
        // Whoever panicked with the lock held left it whole.
        *self.door.lock().unwrap_or_else(|p| p.into_inner()) = door;
    }

    /// Opens the page at `url` in the browser.
    fn open(&self, url: &str) {
        let opened = door(url).and_then(|door| {
            start_browser(door.path())?;
            Ok(door)
        });
        match opened {
            Ok(door) => {
                self.terminal.detail(&format!(
                    "the browser opens {}, which leads to the address and is removed then",
                    door.path().display()
                ));
                self.put_door(Some(door));
            }
            Err(error) => self.terminal.notice(&format!(
                "no browser could be started ({error}): open the address yourself"
            )),
        }
    }

    fn ready(&self, url: &str, address: std::net::SocketAddr) {
        if let Some((remembered, journal)) = &self.keep {
            let port = address.port();
            Remembered {
                port,
                ..remembered.clone()
            }
            .keep(journal);
        }
        let port = address.port();
        if address.ip().is_loopback() {
            if let Some(hint) = tunnel(port) {
                self.terminal.notice(&hint);
            }
        } else {
            let name = host().unwrap_or("this machine".into());
            self.terminal.notice(&format!(
                "whoever has this address can see the candidates and decide, from every machine \
                 that reaches {name}; nothing is encrypted. `ssh -L {port}:127.0.0.1:{port} \
                 {name}` without --listen is safer"
            ));
        }
        self.terminal
            .notice("Ctrl-C ends it; nothing that was decided is lost, however it ends");
        // Where nobody reads it, it is served all the same.
        let _ = self.terminal.result(url);
        if self.open {
            self.open(url);
        }
    }
}

impl Watcher for Shown {
    fn event(&self, event: Event) {
        self.bar.suspend(|| match &event {
            Event::Ready { url, address } => self.ready(url, *address),
            Event::OtherPort(port) => self.terminal.notice(&format!(
                "port {port}, which the page had last time, is taken: pages that are still open \
                 do not go on; open the new address"
            )),
            Event::Failed(why) => self.terminal.notice(&format!("not done: {why}")),
            Event::Opened => self.put_door(None),
            Event::Decided(_) => {}
        });
        if let Event::Decided(counts) = event {
            self.bar.set_position(counts.done as u64);
            self.bar.set_message(match self.vote {
                true => String::new(),
                false => format!("{} flipped, {} unsure", counts.flipped, counts.unsure),
            });
        }
    }
}

/// How to reach the page from another machine, where this one seems to be far away.
fn tunnel(port: u16) -> Option<String> {
    let there = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let name = host()?;
    let forward = format!("ssh -L {port}:127.0.0.1:{port}");
    let command = if there("SLURM_JOB_ID").is_some() {
        let login = there("SLURM_SUBMIT_HOST").unwrap_or("LOGIN".into());
        format!("{forward} -J {login} {name}")
    } else if there("SSH_CONNECTION").is_some() {
        format!("{forward} {name}")
    } else {
        return None;
    };
    Some(format!(
        "from your own machine: `{command}`, then open the address there"
    ))
}

/// A file that leads a browser to `url`. All users of this machine see what programs are started
/// with, so the token is in a file that only this user can read (mode 0600).
fn door(url: &str) -> std::io::Result<NamedTempFile> {
    let page = html! {
        (DOCTYPE)
        html {
            head {
                meta charset="utf-8";
                meta name="referrer" content="no-referrer";
                meta http-equiv="refresh" content={ "0; url=" (url) };
                title { "rbgpu relabel" }
            }
            body { a href=(url) { "Open the page of rbgpu relabel" } }
        }
    };
    let mut file = tempfile::Builder::new()
        .prefix("rbgpu-relabel-")
        .suffix(".html")
        .tempfile()?;
    file.write_all(page.into_string().as_bytes())?;
    file.flush()?;
    Ok(file)
}

/// Starts the browser with the file at `path`.
fn start_browser(path: &Path) -> std::io::Result<()> {
    let program = match std::env::consts::OS {
        "macos" => "open",
        "windows" => "explorer",
        _ => "xdg-open",
    };
    let mut command = Command::new(program);
    command.arg(path).stdin(Stdio::null());
    command.stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().map(|_| ())
}

/// What was done, when it is over.
pub fn farewell(work: &Work, journal: &Path) -> String {
    // Nobody's own: what all did.
    let counts = work.counts("");
    let journal = journal.display();
    let written = work.written();
    match work.options().mode {
        Mode::Vote => format!(
            "{written} decisions written to {journal}; {} of {} candidates have {} votes",
            counts.done,
            counts.total,
            work.options().votes
        ),
        Mode::Repair => format!(
            "{written} decisions written to {journal}; {} of {} candidates are decided: {} \
             flipped, {} kept, {} new, {} unsure",
            counts.done, counts.total, counts.flipped, counts.kept, counts.new, counts.unsure
        ),
    }
}
