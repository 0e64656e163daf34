//! Repeats something that takes time, and says how long it took.

use std::time::{Duration, Instant};

use super::process;
use crate::Result;

/// How long is measured, and how.
#[derive(Clone, Copy, Debug)]
pub struct Protocol {
    /// Repetitions begin until this has passed.
    pub budget: Duration,
    /// About how long one repetition is: as many steps as fit, at least one.
    pub repetition: Duration,
    /// Steps after the first that are not counted.
    pub warm: usize,
    /// Repetitions at least, up to four times the budget.
    pub least: usize,
}

impl Protocol {
    /// That of the peers' programs, so that their numbers and ours are the same thing.
    pub fn peers(budget: Duration) -> Protocol {
        Protocol {
            budget,
            repetition: Duration::from_millis(300),
            warm: 2,
            least: 3,
        }
    }

    /// For a look at many configurations: no step of a slow one is only for warming up.
    pub fn brief(budget: Duration) -> Protocol {
        Protocol {
            budget,
            repetition: budget.mul_f64(0.06),
            warm: 1,
            least: 1,
        }
    }
}

/// No more repetitions than this.
const MOST: usize = 60;

/// What was measured. At least one repetition.
#[derive(Clone, Debug, PartialEq)]
pub struct Timing {
    /// Seconds of the very first step, which compiles kernels and makes memory.
    pub first: f64,
    /// Steps of each repetition.
    pub steps: usize,
    /// Seconds per step, one for each repetition, in ascending order.
    pub seconds: Vec<f64>,
    /// The least processor seconds per step, over all threads.
    pub cpu_seconds: f64,
}

impl Timing {
    /// Times `step`; `wait` returns when the device has done what steps gave it.
    pub fn measure(
        protocol: Protocol,
        mut step: impl FnMut() -> Result<()>,
        wait: impl Fn() -> Result<()>,
    ) -> Result<Timing> {
        let mut run = |steps: usize| -> Result<f64> {
            let start = Instant::now();
            (0..steps).try_for_each(|_| step())?;
            wait()?;
            Ok(start.elapsed().as_secs_f64())
        };
        let first = run(1)?;
        let budget = protocol.budget.as_secs_f64();
        let one = match protocol.warm {
            _ if protocol.least < 2 && first > budget / 2.0 => first,
            0 => first,
            warm => run(warm)? / warm as f64,
        };
        let steps = (protocol.repetition.as_secs_f64() / one.max(1e-6)).ceil();
        let steps = (steps as usize).max(1);
        let start = Instant::now();
        let (mut seconds, mut cpu_seconds) = (Vec::new(), f64::INFINITY);
        loop {
            let cpu = process::cpu_time();
            seconds.push(run(steps)? / steps as f64);
            let cpu = process::cpu_time().saturating_sub(cpu);
            cpu_seconds = cpu_seconds.min(cpu.as_secs_f64() / steps as f64);
            let elapsed = start.elapsed().as_secs_f64();
            let enough = seconds.len() >= protocol.least && elapsed >= budget;
            if enough || seconds.len() >= MOST || elapsed > 4.0 * budget {
                break;
            }
        }
        seconds.sort_by(f64::total_cmp);
        Ok(Timing {
            first,
            steps,
            seconds,
            cpu_seconds,
        })
    }

    /// The time that the part `q` of the repetitions did not exceed: 0 the shortest,
    /// 0.5 the median, 1 the longest, with straight lines between repetitions.
    pub fn quantile(&self, q: f64) -> f64 {
        let at = q.clamp(0.0, 1.0) * (self.seconds.len() - 1) as f64;
        let (low, high) = (at.floor() as usize, at.ceil() as usize);
        let part = at - low as f64;
        self.seconds[low] * (1.0 - part) + self.seconds[high] * part
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_lie_on_lines_between_repetitions() {
        let timing = Timing {
            first: 0.0,
            steps: 1,
            seconds: vec![1.0, 2.0, 4.0, 5.0],
            cpu_seconds: 0.0,
        };
        assert_eq!([0.0, 0.5, 1.0].map(|q| timing.quantile(q)), [1.0, 3.0, 5.0]);
        assert_eq!(timing.quantile(0.25), 1.75);
    }

    #[test]
    fn a_slow_step_is_timed_once_and_a_fast_one_often() {
        let count = std::cell::Cell::new(0);
        let measure = |budget, sleep| {
            count.set(0);
            let step = || {
                count.set(count.get() + 1);
                std::thread::sleep(Duration::from_millis(sleep));
                Ok(())
            };
            let protocol = Protocol::brief(Duration::from_millis(budget));
            Timing::measure(protocol, step, || Ok(())).unwrap()
        };
        let slow = measure(1, 20);
        assert_eq!((count.get(), slow.seconds.len()), (2, 1));
        assert!(slow.quantile(0.5) >= 0.02 && slow.first >= 0.02);
        let fast = measure(100, 1);
        assert!(fast.seconds.len() > 3 && fast.steps >= 1);
        assert!(fast.quantile(0.0) >= 0.001);
    }
}
