//! What the process has used.

use std::time::Duration;

use cpu_time::ProcessTime;

pub use crate::memory::available_memory;
use crate::memory::kilobytes;

/// Processor time of all threads since the process began; zero where the system does
/// not say.
pub fn cpu_time() -> Duration {
    ProcessTime::try_now().map_or(Duration::ZERO, |now| now.as_duration())
}

/// The most memory that the process ever had, in bytes; known on Linux only.
pub fn peak_memory() -> Option<u64> {
    kilobytes("/proc/self/status", "VmHWM:")
}

/// Runnable tasks of the last minute, from which a reader sees whether others worked
/// on the machine; known on Linux only.
pub fn load() -> Option<f64> {
    let text = std::fs::read_to_string("/proc/loadavg").ok()?;
    text.split_whitespace().next()?.parse().ok()
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn what_is_used_counts_up() {
        let before = (peak_memory().unwrap(), cpu_time());
        let mut used = vec![1_u8; 64 << 20];
        (0..used.len()).for_each(|i| used[i] = used[i].wrapping_add(i as u8));
        assert!(used.iter().any(|v| *v != 0));
        assert!(peak_memory().unwrap() >= before.0.max(64 << 20));
        assert!(cpu_time() > before.1);
        assert!(available_memory().unwrap() > 0);
        assert!(load().unwrap() >= 0.0);
    }
}
