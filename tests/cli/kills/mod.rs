//! SIGKILL at any moment, to one run or to one of two that write the same output: what is found
//! afterwards is the old output, the new one, or none that a reader takes for whole; never a
//! mixture. The next run succeeds and leaves no hidden file.
//!
//! A small number of kills runs always. The campaign:
//!
//! ```text
//! RBGPU_KILLS=500 cargo test --release --test cli -- --ignored --nocapture kill_campaign
//! ```
//!
//! `RBGPU_KILLS_SEED` repeats one. `rbgpu reproduce` is not in it: a run takes minutes. It writes its
//! folder by the same function as `evaluate`.

mod cases;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rand::{RngExt, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;

use self::cases::{CASES, Case, inputs};

/// Files by their path; hidden ones are not looked at.
type Files = BTreeMap<PathBuf, Vec<u8>>;

fn files(folder: &Path) -> Files {
    let mut found = Files::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(at) = folders.pop() {
        for entry in fs::read_dir(&at).unwrap().flatten() {
            let path = entry.path();
            if entry.file_name().to_string_lossy().starts_with('.') {
                continue;
            }
            match entry.file_type().unwrap().is_dir() {
                true => folders.push(path),
                false => {
                    let bytes = fs::read(&path).unwrap_or_default();
                    found.insert(path.strip_prefix(folder).unwrap().into(), bytes);
                }
            }
        }
    }
    found
}

fn hidden(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(at) = folders.pop() {
        for entry in fs::read_dir(&at).unwrap().flatten() {
            if entry.file_name().to_string_lossy().starts_with('.') {
                found.push(entry.path());
            } else if entry.file_type().unwrap().is_dir() {
                folders.push(entry.path());
            }
        }
    }
    found
}

fn put(files: &Files, folder: &Path) {
    let _ = fs::remove_dir_all(folder);
    fs::create_dir_all(folder).unwrap();
    for (path, bytes) in files {
        let path = folder.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
}

/// A case with what its two commands leave, and how long the second takes.
struct Ready<'a> {
    case: &'a Case,
    lines: [String; 2],
    ends: [Files; 2],
    takes: Duration,
}

fn spawn(work: &Path, line: &str) -> Child {
    spawn_saying(work, line, &work.with_extension("log"))
}

/// As [`spawn`], with standard error in the file `log`.
fn spawn_saying(work: &Path, line: &str, log: &Path) -> Child {
    let log = fs::File::create(log).unwrap();
    Command::new(assert_cmd::cargo::cargo_bin("rbgpu"))
        .current_dir(work)
        .args(line.split_whitespace())
        .stdout(Stdio::null())
        .stderr(log)
        .spawn()
        .unwrap()
}

/// Runs to the end; whether all went well, and what was said.
fn run(work: &Path, line: &str) -> (bool, String) {
    let ended = spawn(work, line).wait().unwrap().success();
    let said = fs::read_to_string(work.with_extension("log")).unwrap();
    (ended, said)
}

fn ready<'a>(case: &'a Case, work: &Path) -> Ready<'a> {
    let lines = case.differ.map(|differ| case.line.replace("{}", differ));
    let mut takes = Duration::ZERO;
    let ends = [0, 1].map(|which| {
        put(&Files::new(), work);
        let begun = Instant::now();
        let (well, said) = run(work, &lines[which]);
        assert!(well, "{}: {said}", lines[which]);
        takes = begun.elapsed();
        assert_eq!(hidden(work), [] as [PathBuf; 0], "{}", lines[which]);
        files(work)
    });
    assert_ne!(ends[0], ends[1], "{}", case.line);
    Ready {
        case,
        lines,
        ends,
        takes,
    }
}

/// What a kill left.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Left {
    Nothing,
    /// A report that says of itself that it is not whole.
    Unfinished,
    Old,
    New,
    /// Something whose bytes are not the same from run to run.
    Any,
}

/// How often each was left; by runs that were still alive when they were killed, and others.
type Tally = BTreeMap<(bool, Left), usize>;

impl Ready<'_> {
    /// Whether what stands in `work` is no output, or one of the two whole.
    fn check(&self, work: &Path) -> Result<Left, String> {
        let mut found = files(work);
        // What says of itself that it is not whole.
        found.retain(|path, _| !path.to_string_lossy().ends_with(".checkpoint.safetensors"));
        let is_there = found.keys().any(|path| path.starts_with(self.case.key));
        let unfinished = Path::new(self.case.key).join("UNFINISHED");
        if !is_there {
            return Ok(Left::Nothing);
        }
        if !self.case.exact {
            return Ok(Left::Any);
        }
        if found.remove(&unfinished).is_some() {
            let part = |end: &Files| {
                found
                    .iter()
                    .all(|(path, bytes)| end.get(path) == Some(bytes))
            };
            return match self.ends.iter().any(part) {
                true => Ok(Left::Unfinished),
                false => Err(self.difference(&found)),
            };
        }
        // Scores and their copies are two outputs.
        if !self.case.replaces {
            found.retain(|path, _| path.starts_with(self.case.key));
        }
        let whole = |end: &Files| {
            let mut end = end.clone();
            if !self.case.replaces {
                end.retain(|path, _| path.starts_with(self.case.key));
            }
            end == found
        };
        match self.ends.iter().position(whole) {
            Some(0) => Ok(Left::Old),
            Some(_) => Ok(Left::New),
            None => Err(self.difference(&found)),
        }
    }

    fn difference(&self, found: &Files) -> String {
        let [old, new] = &self.ends;
        let all = found.keys().chain(old.keys()).chain(new.keys());
        let of = |path: &PathBuf| {
            let is = |end: &Files| end.get(path) == found.get(path);
            let what = match (is(old), is(new)) {
                (true, true) => "as in both",
                (true, false) => "old",
                (false, true) => "new",
                (false, false) => "neither",
            };
            format!("{}: {what}", path.display())
        };
        let all: std::collections::BTreeSet<String> = all.map(of).collect();
        all.into_iter().collect::<Vec<_>>().join("\n")
    }

    /// Kills a run of the new command, or one of two at once, and looks; then runs it again.
    fn kill(
        &self,
        work: &Path,
        rng: &mut Xoshiro256PlusPlus,
        tally: &mut Tally,
    ) -> Result<(), String> {
        let old_first = self.case.replaces && rng.random_bool(0.7);
        let nothing = Files::new();
        put(if old_first { &self.ends[0] } else { &nothing }, work);
        let two = rng.random_bool(0.2);
        let mut children = vec![spawn(work, &self.lines[1])];
        let log = work.with_extension("second.log");
        if two {
            children.push(spawn_saying(work, &self.lines[0], &log));
        }
        if rng.random_bool(0.5) {
            let part = rng.random_range(0.0..1.2);
            std::thread::sleep(self.takes.mul_f64(part));
        } else {
            // Some way behind a change of what is there: where files get their names.
            let changes = rng.random_range(1..24);
            changed(work, changes, &mut children[0]);
            std::thread::sleep(Duration::from_micros(rng.random_range(0..300)));
        }
        let alive = children[0].try_wait().unwrap().is_none();
        children[0].kill().unwrap();
        let codes: Vec<_> = children
            .iter_mut()
            .map(|c| c.wait().unwrap().code())
            .collect();
        let left = self.check(work)?;
        *tally.entry((alive, left)).or_default() += 1;
        // The second was refused since the first was writing (or was done, where nothing is
        // replaced), or it was alone.
        let said = fs::read_to_string(&log).unwrap_or_default();
        let refused = ["is writing it", "an empty or new folder"];
        if two && codes[1] != Some(0) && !refused.iter().any(|words| said.contains(words)) {
            return Err(format!("the second run: {:?}: {said}", codes[1]));
        }
        if !self.case.replaces && work.join(self.case.key).exists() {
            fs::remove_dir_all(work.join(self.case.key)).unwrap();
        }
        let (well, said) = run(work, &self.lines[1]);
        if !well {
            return Err(format!("the next run fails: {said}"));
        }
        if self.case.exact && files(work) != self.ends[1] {
            let found = files(work);
            return Err(format!("the next run:\n{}", self.difference(&found)));
        }
        match &hidden(work)[..] {
            [] => Ok(()),
            left => Err(format!("left: {left:?}")),
        }
    }
}

/// Waits until the names in `work` have changed so often, or the child ended.
fn changed(work: &Path, changes: usize, child: &mut Child) {
    let names = || {
        let mut names = Vec::new();
        let mut folders = vec![work.to_path_buf()];
        while let Some(at) = folders.pop() {
            for entry in fs::read_dir(at).into_iter().flatten().flatten() {
                let path = entry.path();
                let kind = entry.file_type();
                if kind.is_ok_and(|kind| kind.is_dir()) {
                    folders.push(path.clone());
                }
                names.push(path);
            }
        }
        names.sort();
        names
    };
    let mut before = names();
    let mut seen = 0;
    while seen < changes && child.try_wait().unwrap().is_none() {
        let now = names();
        if now != before {
            (before, seen) = (now, seen + 1);
        }
    }
}

fn campaign(kills: usize, seed: u64, cases: &[Case]) {
    let desk = inputs();
    let work = |worker: usize| desk.path(format!("work{worker}"));
    // Two at a time.
    let ended: [(Vec<String>, Tally); 2] = std::thread::scope(|scope| {
        let workers = [0, 1].map(|worker| {
            let work = work(worker);
            scope.spawn(move || {
                let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed + worker as u64);
                let own = cases.iter().skip(worker).step_by(2);
                let own: Vec<Ready> = own.map(|case| ready(case, &work)).collect();
                let (mut failed, mut tally) = (Vec::new(), Tally::new());
                for (round, ready) in (0..kills / 2).zip(own.iter().cycle()) {
                    if let Err(why) = ready.kill(&work, &mut rng, &mut tally) {
                        failed.push(format!("kill {round}: {}: {why}", ready.lines[1]));
                    }
                }
                (failed, tally)
            })
        });
        workers.map(|worker| worker.join().unwrap())
    });
    let (failed, tallies): (Vec<_>, Vec<_>) = ended.into_iter().unzip();
    let failed = failed.concat();
    let mut tally = Tally::new();
    for (what, count) in tallies.into_iter().flatten() {
        *tally.entry(what).or_default() += count;
    }
    for ((alive, left), count) in &tally {
        let when = if *alive {
            "while it ran"
        } else {
            "after its end"
        };
        println!("{count} killed {when}, which left: {left:?}");
    }
    // Else the kills would prove nothing.
    for left in [Left::Nothing, Left::Old] {
        assert!(tally.contains_key(&(true, left)), "no kill left {left:?}");
    }
    assert!(failed.is_empty(), "seed {seed}:\n{}", failed.join("\n"));
}

/// The bounded version: the commands that are quick.
#[test]
fn a_kill_never_leaves_a_mixture() {
    let quick = ["train", "pack", "simulate --count", "votes"];
    let quick = |case: &&Case| quick.iter().any(|start| case.line.starts_with(start));
    let cases: Vec<Case> = CASES.iter().filter(quick).copied().collect();
    campaign(28, 1, &cases);
}

#[test]
#[ignore = "minutes; RBGPU_KILLS kills"]
fn kill_campaign() {
    let number = |name: &str, usual: u64| {
        let given = std::env::var(name).ok();
        given.map_or(usual, |text| text.parse().expect("a number"))
    };
    let kills = number("RBGPU_KILLS", 100) as usize;
    let seed = number("RBGPU_KILLS_SEED", 1);
    println!("{kills} kills, seed {seed}");
    campaign(kills, seed, CASES);
}
