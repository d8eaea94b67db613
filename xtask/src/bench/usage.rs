//! What a process has used: CPU time and memory, from `/proc`.

use std::fs;
use std::time::Duration;

use crate::failure::{Failure, Result};

/// The CPU time, user and system, that the living threads of `pid` have had.
///
/// From the scheduler's own account, in nanoseconds; the ticks of `/proc/PID/stat` are 10 ms each.
/// Threads that have ended are not in it: the workers of a proxy live as long as it does.
///
/// # Errors
/// The system's, or a kernel that keeps no such account.
pub(crate) fn cpu_time(pid: u32) -> Result<Duration> {
    let folder = format!("/proc/{pid}/task");
    let reading = || Failure::system(format!("reading {folder}"));
    let mut nanos = 0;
    for thread in fs::read_dir(&folder).map_err(reading())? {
        let file = thread.map_err(reading())?.path().join("schedstat");
        let text = fs::read_to_string(&file).map_err(reading())?;
        // Time on a core, time waiting for one, number of slices.
        nanos += first_number(&text).ok_or_else(|| unreadable(&file.to_string_lossy(), &text))?;
    }
    Ok(Duration::from_nanos(nanos))
}

/// The bytes of memory that `pid` has resident now, counted page by page: the running figure of
/// `/proc/PID/status` may be off by some hundred KiB.
///
/// # Errors
/// The system's.
pub(crate) fn resident(pid: u32) -> Result<u64> {
    kib_line(&format!("/proc/{pid}/smaps_rollup"), "Rss:")
}

/// The most bytes that `pid` has had resident at a time.
///
/// # Errors
/// The system's.
pub(crate) fn resident_peak(pid: u32) -> Result<u64> {
    kib_line(&format!("/proc/{pid}/status"), "VmHWM:")
}

/// The bytes of memory this machine could give to a process now.
///
/// # Errors
/// The system's.
pub(crate) fn memory_available() -> Result<u64> {
    kib_line("/proc/meminfo", "MemAvailable:")
}

/// The bytes in the line of `file` that starts with `label` and counts KiB.
fn kib_line(file: &str, label: &str) -> Result<u64> {
    let text = fs::read_to_string(file).map_err(Failure::system(format!("reading {file}")))?;
    let number = text.lines().find_map(|line| line.strip_prefix(label)).and_then(first_number);
    number.map(|kib| kib * 1024).ok_or_else(|| unreadable(file, &text))
}

fn first_number(text: &str) -> Option<u64> {
    text.split_whitespace().next()?.parse().ok()
}

fn unreadable(file: &str, text: &str) -> Failure {
    Failure::Wrong(format!("{file} does not read as it should: {text}"))
}

#[cfg(test)]
mod tests {
    use std::hint::black_box;
    use std::process::Command;
    use std::thread;
    use std::time::Instant;

    use super::*;

    #[test]
    fn work_shows_as_cpu_time() {
        // A process of its own: threads of other tests come and go in this one.
        let mut child = Command::new("sh").args(["-c", "while :; do :; done"]).spawn().expect("sh");
        let start = Instant::now();
        let mut used = Duration::ZERO;
        // Long enough for a busy machine; an idle one is done in a moment.
        while used < Duration::from_millis(20) && start.elapsed() < Duration::from_secs(10) {
            thread::sleep(Duration::from_millis(5));
            used = cpu_time(child.id()).expect("an account");
        }
        let elapsed = start.elapsed();
        child.kill().and_then(|()| child.wait()).expect("the end of sh");
        assert!(used >= Duration::from_millis(20), "a busy process shows as {used:?}");
        assert!(used <= elapsed, "{used:?} of work in {elapsed:?}");
    }

    #[test]
    fn touched_memory_shows_as_resident() {
        const BYTES: u64 = 32 << 20;
        let pid = std::process::id();
        let before = resident(pid).expect("a figure");
        let held = black_box(vec![1_u8; BYTES as usize]);
        let grown = resident(pid).expect("a figure").saturating_sub(before);
        assert!(grown > BYTES / 2, "{BYTES} bytes show as {grown}");
        assert!(resident_peak(pid).expect("a figure") >= before);
        drop(held);
    }
}
