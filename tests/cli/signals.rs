//! SIGTERM, SIGINT, SIGUSR1, SIGHUP end a long command soon, with what goes on from where it was.

use std::io::Read;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use libc::{SIGHUP, SIGINT, SIGTERM, SIGUSR1, c_int};
use rand::{RngExt, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;

use super::Desk;
use super::same_bits::FILES;
use super::work::{Ended, Work};

/// 180 steps an epoch.
const TRAIN: &str = "train set.npz --network tiny.toml --augment d4 --epochs 20 --patience 0 \
                     --batch-size 2 --device cpu";
const ALL: [c_int; 4] = [SIGTERM, SIGINT, SIGUSR1, SIGHUP];

/// A desk with 600 simulated cutouts of 16x16 in `set.npz`.
fn desk() -> Desk {
    let desk = Desk::new();
    desk.run("simulate --count 600 --size 16 --out set.npz")
        .done();
    desk
}

/// What stands between `before` and the end of the line.
fn after<'a>(text: &'a str, before: &str) -> Option<&'a str> {
    text.split(before).nth(1)?.lines().next()
}

fn name(signal: c_int) -> &'static str {
    match signal {
        SIGTERM => "SIGTERM",
        SIGINT => "SIGINT",
        SIGUSR1 => "SIGUSR1",
        _ => "SIGHUP",
    }
}

/// Runs `line` again and again until it is over, ending it by the next signal some time after it
/// said `at_work`, `most` times at most: what it said each time.
fn chain(desk: &Desk, line: &str, at_work: &str, delays: &[u64], most: usize) -> Vec<Ended> {
    let mut all: Vec<Ended> = Vec::new();
    while all.len() < most {
        let i = all.len();
        let mut work = Work::begin(desk, line);
        let signal = ALL[i % ALL.len()];
        work.says(at_work);
        // Longer and longer, for a machine with other things to do.
        let delay = delays[i % delays.len()] * (4 + i as u64) / 4;
        std::thread::sleep(Duration::from_millis(delay));
        work.signal(signal);
        let ended = work.end();
        match ended.code {
            Some(0) => return all,
            code => assert_eq!(code, Some(128 + signal), "{line}: {}", ended.err),
        }
        let (name, err) = (name(signal), &ended.err);
        assert!(err.contains(&format!("rbgpu: {name}: stopped ")), "{err}");
        all.push(ended);
    }
    desk.run(line).done();
    all
}

/// No temporary files in the folder `name` of the desk.
fn tidy(desk: &Desk, name: &str) {
    let entries = std::fs::read_dir(desk.path(name)).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let hidden: Vec<String> = names.filter(|name| name.starts_with('.')).collect();
    assert_eq!(hidden, Vec::<String>::new());
}

/// Every signal, in the middle of an epoch: the checkpoint is there, the command that goes on is
/// said, and the end has the bits of a run that was never stopped.
#[test]
fn train_ends_with_a_checkpoint_and_goes_on_with_the_same_bits() {
    let desk = desk();
    desk.run(&format!("{TRAIN} -o whole.safetensors")).done();
    let line = format!("{TRAIN} -o stopped.safetensors --resume");
    let all = chain(&desk, &line, "for training,", &[25, 45, 30, 60], usize::MAX);
    // Others came before training, or after it.
    let all: Vec<Ended> = all
        .into_iter()
        .filter(|ended| ended.err.contains("stopped in epoch"))
        .collect();
    for signal in ALL {
        let sent = |ended: &Ended| ended.code == Some(128 + signal);
        assert!(all.iter().any(sent), "{} did not end it", name(signal));
    }
    let mut within = 0;
    for pair in all.windows(2) {
        let err = &pair[0].err;
        let (at, saved) = after(err, "stopped in ").unwrap().split_once("; ").unwrap();
        assert_eq!(saved, "checkpoint: stopped.checkpoint.safetensors");
        assert_eq!(after(err, "to go on: "), Some(&*format!("rbgpu {line}")));
        let resumed = format!("resumed from stopped.checkpoint.safetensors: {at}");
        assert!(pair[1].err.contains(&resumed), "{resumed}: {}", pair[1].err);
        within += usize::from(!at.contains("step 0 of") && !at.contains("step 180 of"));
    }
    assert!(within > 0, "never within an epoch");
    same(&desk);
    assert!(!desk.path("stopped.checkpoint.safetensors").exists());
    tidy(&desk, ".");
}

#[track_caller]
fn same(desk: &Desk) {
    for end in FILES {
        let read = |name: &str| desk.read(&format!("{name}.{end}"));
        assert!(read("whole") == read("stopped"), "{end} differs");
    }
}

#[test]
fn study_goes_on_after_every_signal() {
    let desk = desk();
    let line = "study size set.npz --network tiny.toml --sizes 100,200,360 --epochs 8 \
                --patience 0 --batch-size 2 --device cpu";
    desk.run(&format!("{line} --out whole")).done();
    // A folder that is not there yet is not worse for --fresh, and what goes on has none.
    let mut work = Work::begin(&desk, &format!("{line} --out stopped --fresh"));
    work.says("for training,");
    std::thread::sleep(Duration::from_millis(60));
    work.signal(SIGTERM);
    let ended = work.end();
    assert_eq!(ended.code, Some(143), "{}", ended.err);
    let line = format!("{line} --out stopped");
    assert_eq!(
        after(&ended.err, "to go on: "),
        Some(&*format!("rbgpu {}", words(&line)))
    );
    let all = chain(&desk, &line, "for training,", &[30, 45, 60], usize::MAX);
    assert!(all.len() >= 4, "{} signals", all.len());
    let resumed = |ended: &Ended| ended.err.contains("checkpoint.safetensors: epoch ");
    assert!(all.iter().any(resumed), "{}", all[1].err);
    let table = |name: &str| {
        let text = desk.text(&format!("{name}/study.csv"));
        let row = |line: &str| line.rsplit_once(',').unwrap().0.to_string();
        text.lines().map(row).collect::<Vec<_>>()
    };
    assert_eq!(table("whole"), table("stopped"));
    for size in [100, 200, 360] {
        let model = format!("runs/n{size}-r1/model.safetensors");
        assert!(desk.read(&format!("whole/{model}")) == desk.read(&format!("stopped/{model}")));
    }
    tidy(&desk, "stopped");
}

fn words(line: &str) -> String {
    line.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn suspect_goes_on_after_every_signal() {
    let desk = desk();
    let line = "suspect set.npz --network tiny.toml --folds 3 --epochs 5 --patience 0 \
                --batch-size 2 --device cpu";
    desk.run(&format!("{line} --out whole.csv")).done();
    let line = format!("{line} --out stopped.csv");
    let all = chain(&desk, &line, "fold 1 of 3", &[30, 45, 60], usize::MAX);
    assert!(all.len() >= 4, "{} signals", all.len());
    let resumed = |ended: &Ended| ended.err.contains("checkpoint.safetensors: epoch ");
    assert!(all.iter().any(resumed), "{}", all[1].err);
    assert!(desk.read("whole.csv") == desk.read("stopped.csv"));
    tidy(&desk, ".");
}

#[test]
fn reproduce_goes_on_after_every_signal() {
    let desk = Desk::new();
    let line = "reproduce des --quick --candidates 400 --narrow 16 --epochs 2 --folds 2 \
                --device cpu";
    desk.run(&format!("{line} --out whole")).done();
    let line = format!("{line} --out stopped");
    let all = chain(&desk, &line, "0%  training CNN 1", &[300, 500, 700], 4);
    assert!(all.len() >= 4, "{} signals", all.len());
    let numbers = |name: &str| {
        let text = desk.text(&format!("{name}/numbers.json"));
        let mut all: serde_json::Value = serde_json::from_str(&text).unwrap();
        // Of what a clock measured.
        all.as_object_mut().unwrap().remove("tables");
        all
    };
    assert_eq!(numbers("whole"), numbers("stopped"));
    assert!(!desk.path("stopped/runs").exists());
}

/// Where the first signal cannot be answered: the checkpoint is a pipe that nobody reads.
#[test]
fn a_second_signal_ends_at_once() {
    let desk = desk();
    let pipe = desk.path("m.checkpoint.safetensors");
    let name = std::ffi::CString::new(pipe.to_str().unwrap()).unwrap();
    let blocked = || {
        let mut work = Work::begin(&desk, &format!("{TRAIN} -o m.safetensors"));
        work.says("for training,");
        // SAFETY: a path that ends with a zero byte.
        if unsafe { libc::mkfifo(name.as_ptr(), 0o600) } == 0 {
            // Said before the first checkpoint is written.
            work.says("epoch   1/20");
            return Some(work);
        }
        // The first epoch was over before.
        work.child.kill().unwrap();
        work.child.wait().unwrap();
        std::fs::remove_file(&pipe).unwrap();
        None
    };
    let mut work = (0..20).find_map(|_| blocked()).expect("a pipe in time");
    work.signal(SIGUSR1);
    work.says("SIGUSR1: saving, then ending; another signal ends at once");
    assert!(work.child.try_wait().unwrap().is_none());
    let sent = Instant::now();
    work.signal(SIGINT);
    assert_eq!(work.end().code, Some(130));
    assert!(sent.elapsed() < Duration::from_secs(5));
    assert!(!desk.path("m.safetensors").exists());
}

/// timeout(1) sends its signal to the process and to its group.
#[test]
fn a_signal_that_comes_twice_at_once_is_one() {
    let desk = desk();
    let mut work = Work::begin(&desk, &format!("{TRAIN} -o m.safetensors"));
    work.says("for training,");
    std::thread::sleep(Duration::from_millis(50));
    (0..5).for_each(|_| work.signal(SIGTERM));
    let ended = work.end();
    assert_eq!(ended.code, Some(143), "{}", ended.err);
    assert!(desk.path("m.checkpoint.safetensors").exists());
}

#[test]
fn before_training_there_is_nothing_to_save() {
    let desk = Desk::new();
    for signal in ALL {
        let line = "train --simulated 400000 --device cpu -o m.safetensors";
        let mut work = Work::begin(&desk, line);
        work.says("simulating a survey");
        assert!(
            desk.files().len() > 2,
            "outputs are claimed: {:?}",
            desk.files()
        );
        work.signal(signal);
        let ended = work.end();
        assert_eq!(ended.code, Some(128 + signal), "{}", ended.err);
        let said = format!(
            "rbgpu: {}: stopped before there was anything to save\n",
            name(signal)
        );
        assert!(ended.err.ends_with(&said), "{}", ended.err);
        assert_eq!(desk.files(), ["err", "tiny.toml"]);
    }
}

/// nohup ignores SIGHUP, a script's shell SIGINT for what it runs in the background.
#[test]
fn what_was_ignored_at_the_start_stays_ignored() {
    let desk = desk();
    desk.run(&format!("{TRAIN} -o whole.safetensors")).done();
    let program = assert_cmd::cargo::cargo_bin("rbgpu");
    let script = format!(
        "trap '' HUP INT; exec {} {TRAIN} -o stopped.safetensors",
        program.display()
    );
    let mut work = Work::of(&desk, Command::new("sh"), ["-c", &script].into_iter());
    work.says("for training,");
    for signal in [SIGHUP, SIGINT] {
        std::thread::sleep(Duration::from_millis(40));
        work.signal(signal);
    }
    let ended = work.end();
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    assert!(!ended.err.contains("SIG"), "{}", ended.err);
    same(&desk);
    // The others are answered all the same.
    let script = script.replace("stopped.", "other.");
    let mut work = Work::of(&desk, Command::new("sh"), ["-c", &script].into_iter());
    work.says("for training,");
    std::thread::sleep(Duration::from_millis(40));
    work.signal(SIGTERM);
    assert_eq!(work.end().code, Some(143));
    assert!(desk.path("other.checkpoint.safetensors").exists());
}

/// SIGHUP comes when the terminal is gone: what cannot be said any more is no reason to fail.
#[test]
fn a_terminal_that_is_gone_does_not_cost_the_checkpoint() {
    let desk = desk();
    let mut child = Command::new(assert_cmd::cargo::cargo_bin("rbgpu"))
        .current_dir(desk.folder.path())
        .args(format!("{TRAIN} -o m.safetensors").split_whitespace())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut err = child.stderr.take().unwrap();
    let mut said = String::new();
    while !said.contains("for training,") {
        let mut byte = [0];
        err.read_exact(&mut byte).unwrap();
        said.push(char::from(byte[0]));
    }
    drop(err);
    std::thread::sleep(Duration::from_millis(100));
    // SAFETY: the child has not been waited for.
    unsafe { libc::kill(child.id() as libc::pid_t, SIGHUP) };
    assert_eq!(child.wait().unwrap().code(), Some(129));
    assert!(desk.path("m.checkpoint.safetensors").exists());
}

#[test]
fn without_a_terminal_every_epoch_is_a_line() {
    let desk = desk();
    let line = "train set.npz --network tiny.toml --epochs 3 --device cpu -o m.safetensors";
    let ran = desk.run(line).done();
    let lines: Vec<&str> = ran
        .err
        .lines()
        .filter(|l| l.starts_with("epoch "))
        .collect();
    assert_eq!(lines.len(), 3, "{}", ran.err);
    for part in [
        "epoch   1/3  loss ",
        "  accuracy ",
        "  validation loss ",
        " samples/s  ",
        " left",
    ] {
        assert!(lines[0].contains(part), "no '{part}' in {}", lines[0]);
    }
    assert!(!lines[2].contains(" left"), "{}", lines[2]);
    let quiet = format!("{line} --quiet --force");
    assert_eq!(desk.run(&quiet).done().err, "");
}

/// A hundred SIGTERMs at random times of a training, from its first instruction to the last file:
/// the bits are those of a run that was never stopped. Run it by name:
/// `cargo test --release --test cli -- --ignored a_hundred_signals`.
#[test]
#[ignore = "a campaign of some minutes"]
fn a_hundred_signals_change_no_bit() {
    let desk = desk();
    desk.run(&format!("{TRAIN} -o whole.safetensors")).done();
    let line = format!("{TRAIN} -o stopped.safetensors --resume");
    let mut random = Xoshiro256PlusPlus::seed_from_u64(13);
    let (mut sent, mut saved, mut early, mut whole) = (0, 0, 0, 0);
    while sent < 100 {
        let work = Work::begin(&desk, &line);
        std::thread::sleep(Duration::from_secs_f64(random.random_range(0.0..0.5)));
        work.signal(SIGTERM);
        let ended = work.end();
        match ended.code {
            Some(143) if ended.err.contains("; checkpoint: stopped.") => saved += 1,
            // While it was read; or, without a code, before the program could answer at all.
            Some(143) | None => early += 1,
            Some(0) => {
                whole += 1;
                same(&desk);
                for end in FILES.iter().chain(&["curve.png"]) {
                    std::fs::remove_file(desk.path(format!("stopped.{end}"))).unwrap();
                }
            }
            code => panic!("{code:?}: {}", ended.err),
        }
        sent += 1;
        tidy(&desk, ".");
    }
    desk.run(&line).done();
    same(&desk);
    eprintln!("{sent} signals: {saved} saved, {early} before training, {whole} when it was over");
    assert!(saved >= 30, "{saved} of {sent} came while it trained");
}
