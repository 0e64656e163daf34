//! Signals that end a long command: SIGTERM and SIGUSR1 as batch systems send them, SIGINT (Ctrl-C),
//! SIGHUP (the terminal is gone). On Windows Ctrl-C.
//!
//! Until somebody asks [`asked`], there is nothing to save, and a signal ends the program at once.
//! Whoever asks answers from then on: `Observer::interrupted` leads here, the library saves and
//! returns `Error::Interrupted`, and [`ended`] makes the exit code of it. Files that are being
//! written at the end of a command are finished, since nobody asks there any more. A second signal
//! always ends the program at once.

use std::io::{IsTerminal, Write};
use std::os::raw::c_int;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use signal_hook::consts::*;
use signal_hook::{flag, low_level};

use super::terminal::Terminal;
use super::typed;
use crate::data::lock;
use crate::judge::EpochRecord;
use crate::train::{Observer, Progress};
use crate::{Error, Result};

#[cfg(unix)]
const CAUGHT: [c_int; 4] = [SIGTERM, SIGINT, SIGUSR1, SIGHUP];
#[cfg(not(unix))]
const CAUGHT: [c_int; 1] = [SIGINT];

/// How often a signal that came is looked for.
const LOOK: Duration = Duration::from_millis(20);
/// Signals within this time are one request: timeout(1) and srun send theirs to the process and
/// again to its group.
const ONE: Duration = Duration::from_millis(200);
/// A step that takes longer than this after a signal is worth a word.
const SOON: Duration = Duration::from_secs(2);

struct State {
    caught: bool,
    /// The signal that came.
    asked: Option<c_int>,
    /// Whether somebody asks for it.
    answered: bool,
}

static STATE: Mutex<State> = Mutex::new(State {
    caught: false,
    asked: None,
    answered: false,
});

fn state() -> MutexGuard<'static, State> {
    STATE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// From now on signals are answered as this module says. One that is ignored, as SIGHUP under
/// nohup or SIGINT in a shell script's background, stays ignored.
pub fn catch(terminal: Terminal) -> Result<()> {
    if std::mem::replace(&mut state().caught, true) {
        return Ok(());
    }
    let failed = Error::io("catch signals in", "this process");
    install(terminal).map_err(failed)
}

fn install(terminal: Terminal) -> std::io::Result<()> {
    let (came, at_once) = (
        Arc::new(AtomicUsize::new(0)),
        Arc::new(AtomicBool::new(false)),
    );
    for signal in CAUGHT.into_iter().filter(|signal| !ignored(*signal)) {
        // In the handler itself, so that it works whatever the program is doing.
        flag::register_conditional_shutdown(signal, 128 + signal, at_once.clone())?;
        flag::register_usize(signal, came.clone(), signal as usize)?;
    }
    let wait = move || {
        while came.load(Ordering::Relaxed) == 0 {
            thread::sleep(LOOK);
        }
        let signal = came.load(Ordering::Relaxed) as c_int;
        {
            let mut state = state();
            state.asked = Some(signal);
            if !state.answered {
                at_once.store(true, Ordering::Relaxed);
                if std::io::stderr().is_terminal() {
                    // Behind a bar, or the ^C of the terminal itself.
                    let _ = writeln!(std::io::stderr());
                }
                print(&format!(
                    "{}: stopped before there was anything to save",
                    name(signal)
                ));
                lock::abandon();
                low_level::exit(128 + signal);
            }
        }
        thread::sleep(ONE);
        at_once.store(true, Ordering::Relaxed);
        thread::sleep(SOON);
        terminal.notice(&format!(
            "{}: saving, then ending; another signal ends at once",
            name(signal)
        ));
    };
    thread::Builder::new().name("signals".into()).spawn(wait)?;
    Ok(())
}

/// Whether the process was started with `signal` ignored.
#[cfg(unix)]
fn ignored(signal: c_int) -> bool {
    // SAFETY: without a new action, sigaction only writes the present one to `now`, for which all
    // zeros is a valid value.
    unsafe {
        let mut now: libc::sigaction = std::mem::zeroed();
        libc::sigaction(signal, std::ptr::null(), &mut now) == 0
            && now.sa_sigaction == libc::SIG_IGN
    }
}

#[cfg(not(unix))]
fn ignored(_: c_int) -> bool {
    false
}

/// Whether a signal asked to end. Who asks this saves what there is, and returns
/// [`Error::Interrupted`] if so.
pub fn asked() -> bool {
    let mut state = state();
    state.answered = true;
    state.asked.is_some()
}

/// From now on files are written, which is finished whatever signal comes.
pub fn finishing() {
    state().answered = true;
}

/// An observer that only asks.
pub struct Asked;

impl Observer for Asked {
    fn step(&mut self, _: &Progress) -> Result<()> {
        Ok(())
    }
    fn epoch(&mut self, _: &EpochRecord, _: bool) {}
    fn interrupted(&mut self) -> bool {
        asked()
    }
}

/// Says what became of an interrupted command, with the command that goes on: the one typed,
/// with `flag` if that is what it takes. The exit code is 128 + the signal's number.
pub fn ended(error: &Error, flag: Option<&str>) -> ExitCode {
    let signal = state().asked;
    let by = signal.map_or(String::new(), |signal| format!("{}: ", name(signal)));
    print(&format!("{by}{error}"));
    print(&format!("to go on: {}", typed::going_on(flag)));
    ExitCode::from(signal.map_or(1, |signal| 128 + signal as u8))
}

/// Errors are printed under --quiet too.
fn print(text: &str) {
    Terminal::new(false, false).notice(text);
}

fn name(signal: c_int) -> &'static str {
    low_level::signal_name(signal).unwrap_or("a signal")
}
