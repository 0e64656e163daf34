//! A command that is at work while a test does something to it.

use std::fs::File;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use libc::c_int;

use super::Desk;

/// How a command ended, and what it said.
pub struct Ended {
    /// `None` where the signal itself ended it.
    pub code: Option<i32>,
    pub err: String,
}

/// A command at work, whose standard error goes to a file.
pub struct Work<'a> {
    desk: &'a Desk,
    pub child: Child,
}

impl Work<'_> {
    pub fn begin<'a>(desk: &'a Desk, line: &str) -> Work<'a> {
        let program = Command::new(assert_cmd::cargo::cargo_bin("rbgpu"));
        Work::of(desk, program, line.split_whitespace())
    }

    pub fn of<'a, 'b>(
        desk: &'a Desk,
        mut program: Command,
        arguments: impl Iterator<Item = &'b str>,
    ) -> Work<'a> {
        let err = File::create(desk.path("err")).unwrap();
        let child = program
            .current_dir(desk.folder.path())
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(err)
            .spawn()
            .unwrap();
        Work { desk, child }
    }

    /// Waits until it says `part`, or is over.
    pub fn says(&mut self, part: &str) {
        let started = Instant::now();
        while !self.desk.text("err").contains(part) && self.child.try_wait().unwrap().is_none() {
            let late = started.elapsed() > Duration::from_secs(60);
            assert!(!late, "no '{part}' in: {}", self.desk.text("err"));
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    pub fn signal(&self, signal: c_int) {
        // SAFETY: the child has not been waited for, so that the number is its own.
        unsafe { libc::kill(self.child.id() as libc::pid_t, signal) };
    }

    pub fn end(mut self) -> Ended {
        let started = Instant::now();
        let status = loop {
            match self.child.try_wait().unwrap() {
                Some(status) => break status,
                None if started.elapsed() > Duration::from_secs(60) => {
                    self.child.kill().unwrap();
                    panic!("it does not end: {}", self.desk.text("err"));
                }
                None => std::thread::sleep(Duration::from_millis(1)),
            }
        };
        let err = self.desk.text("err");
        assert!(!err.contains("panicked at"), "{err}");
        Ended {
            code: status.code(),
            err,
        }
    }
}
