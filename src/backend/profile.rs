//! Where time goes: per kernel on a gpu, per op on the cpu. Off until it is asked for,
//! and without cost while it is off.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

/// What was spent on one kernel or op.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Spent {
    /// How often it ran.
    pub count: u64,
    /// How long all runs took.
    pub seconds: f64,
    /// Floating-point operations of all runs, of those that said so.
    pub flops: u64,
    /// Bytes read and written by all runs, of those that said so.
    pub bytes: u64,
}

/// A device's profile, by the name of the kernel or op.
#[derive(Debug, Default)]
pub struct Profile {
    on: AtomicBool,
    spent: Mutex<BTreeMap<String, Spent>>,
    /// Operations and bytes of the kernel that is recorded next.
    cost: Mutex<(u64, u64)>,
}

impl Profile {
    /// Starts, or goes on, collecting. A gpu then waits for every kernel.
    pub fn start(&self) {
        self.on.store(true, Ordering::Relaxed);
    }

    /// Stops collecting.
    pub fn stop(&self) {
        self.on.store(false, Ordering::Relaxed);
    }

    /// Whether it collects.
    pub fn is_on(&self) -> bool {
        self.on.load(Ordering::Relaxed)
    }

    /// What was collected since the last call, the most expensive first.
    pub fn take(&self) -> Vec<(String, Spent)> {
        let spent = std::mem::take(&mut *self.spent.lock().unwrap_or_else(|p| p.into_inner()));
        let mut all: Vec<_> = spent.into_iter().collect();
        all.sort_by(|a, b| b.1.seconds.total_cmp(&a.1.seconds));
        all
    }

    /// Says what the next kernel will cost.
    pub fn expect(&self, flops: u64, bytes: u64) {
        if self.is_on() {
            *self.cost.lock().unwrap_or_else(|p| p.into_inner()) = (flops, bytes);
        }
    }

    /// What was said of this kernel.
    pub(super) fn expected(&self) -> (u64, u64) {
        std::mem::take(&mut *self.cost.lock().unwrap_or_else(|p| p.into_inner()))
    }

    /// Adds one run.
    pub fn add(&self, name: &str, seconds: f64, (flops, bytes): (u64, u64)) {
        let mut spent = self.spent.lock().unwrap_or_else(|p| p.into_inner());
        let entry = spent.entry(name.to_owned()).or_default();
        entry.count += 1;
        entry.seconds += seconds;
        entry.flops += flops;
        entry.bytes += bytes;
    }

    /// Runs `work` and adds the time that it took by the clock. `about` gives its name
    /// and floating-point operations, and is only asked while this is on.
    pub fn time<T>(&self, about: impl FnOnce() -> (String, u64), work: impl FnOnce() -> T) -> T {
        if !self.is_on() {
            return work();
        }
        let start = Instant::now();
        let result = work();
        let (name, flops) = about();
        self.add(&name, start.elapsed().as_secs_f64(), (flops, 0));
        result
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn collects_only_while_it_is_on() {
        let profile = Profile::default();
        let run = |name: &str| profile.time(|| (name.to_owned(), 10), || 7);
        assert_eq!(run("before"), 7);
        profile.start();
        run("during");
        run("during");
        profile.stop();
        run("after");
        let all = profile.take();
        assert_eq!(all.len(), 1);
        assert_eq!(
            (all[0].0.as_str(), all[0].1.count, all[0].1.flops),
            ("during", 2, 20)
        );
        assert!(all[0].1.seconds >= 0.0);
        assert!(profile.take().is_empty());
    }
}
