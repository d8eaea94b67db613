//! What a process has used: CPU time, memory, turns of its threads; and how busy the machine is; from `/proc`.

use std::collections::BTreeMap;
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
    // Time on a core, time waiting for one, number of slices.
    sum_over_threads(pid, "schedstat", first_number).map(Duration::from_nanos)
}

/// The CPU time of a process from a moment on.
#[derive(Debug)]
pub(crate) struct CpuMeter {
    /// The process, and what it had used by that moment; none is measured as none.
    start: Option<(u32, Duration)>,
}

impl CpuMeter {
    /// Starts to measure `pid`, if there is one.
    ///
    /// # Errors
    /// The system's.
    pub(crate) fn start(pid: Option<u32>) -> Result<Self> {
        let start = pid.map(|pid| cpu_time(pid).map(|time| (pid, time))).transpose()?;
        Ok(Self { start })
    }

    /// The microseconds since then, for each of `count` things done.
    ///
    /// # Errors
    /// The system's, and a thread that took its account with it.
    pub(crate) fn micros_each(&self, count: u64) -> Result<Option<f64>> {
        let Some((pid, before)) = self.start else { return Ok(None) };
        let used = cpu_time(pid)?.checked_sub(before).ok_or_else(|| {
            Failure::Wrong("a busy thread of the proxy ended: its CPU time is lost".to_owned())
        })?;
        Ok(Some(used.as_secs_f64() * 1e6 / count as f64))
    }
}

/// How busy the machine's processors are from a moment on, whoever keeps them so.
#[derive(Debug)]
pub(crate) struct MachineMeter {
    start: [u64; 2],
}

impl MachineMeter {
    /// Starts to measure.
    ///
    /// # Errors
    /// The system's.
    pub(crate) fn start() -> Result<Self> {
        let text =
            fs::read_to_string("/proc/stat").map_err(Failure::system("reading /proc/stat"))?;
        Ok(Self { start: machine_ticks(&text)? })
    }

    /// The share of all processors' time since then that was used, from 0 to 1.
    ///
    /// # Errors
    /// The system's.
    pub(crate) fn busy(&self) -> Result<f64> {
        let [idle, all] = Self::start()?.start;
        let (idle, all) = (idle - self.start[0], all - self.start[1]);
        Ok(1.0 - idle as f64 / all.max(1) as f64)
    }
}

/// Of all processors, the ticks that they were idle, and all ticks: the first line of `/proc/stat`, whose
/// fields proc(5) lists. Guests are counted in `user` already.
fn machine_ticks(text: &str) -> Result<[u64; 2]> {
    const FIELDS: usize = 8;
    let line = text.lines().next().and_then(|line| line.strip_prefix("cpu "));
    let ticks: Vec<u64> = line
        .unwrap_or_default()
        .split_whitespace()
        .take(FIELDS)
        .filter_map(|field| field.parse().ok())
        .collect();
    // user, nice, system, idle, iowait, irq, softirq, steal
    let [_, _, _, idle, waiting, ..] = ticks[..] else {
        return Err(Failure::Wrong("/proc/stat tells no processor's time".to_owned()));
    };
    Ok([idle + waiting, ticks.iter().sum()])
}

/// How often the living threads of `pid` have slept of their own will: each of these sleeps ends
/// in a wake-up.
///
/// # Errors
/// The system's.
pub(crate) fn sleeps(pid: u32) -> Result<u64> {
    const LABEL: &str = "voluntary_ctxt_switches:";
    sum_over_threads(pid, "status", |text| {
        text.lines().find_map(|line| line.strip_prefix(LABEL)).and_then(first_number)
    })
}

/// How many sockets and other files each poller (epoll) of `pid` watches, by the poller's number.
///
/// # Errors
/// The system's.
pub(crate) fn watched(pid: u32) -> Result<BTreeMap<u32, usize>> {
    let folder = format!("/proc/{pid}/fdinfo");
    let reading = || Failure::system(format!("reading {folder}"));
    let mut pollers = BTreeMap::new();
    for entry in fs::read_dir(&folder).map_err(reading())? {
        let path = entry.map_err(reading())?.path();
        // What has been closed since the folder was listed is watched by nobody.
        let Ok(text) = fs::read_to_string(&path) else { continue };
        let count = text.lines().filter(|line| line.starts_with("tfd:")).count();
        let number = path.file_name().and_then(|name| name.to_str()?.parse().ok());
        if let (1.., Some(number)) = (count, number) {
            pollers.insert(number, count);
        }
    }
    Ok(pollers)
}

/// The sum of what `read` finds in `file` of each living thread of `pid`.
fn sum_over_threads(pid: u32, file: &str, read: fn(&str) -> Option<u64>) -> Result<u64> {
    let folder = format!("/proc/{pid}/task");
    let reading = || Failure::system(format!("reading {folder}"));
    let mut sum = 0;
    for thread in fs::read_dir(&folder).map_err(reading())? {
        let file = thread.map_err(reading())?.path().join(file);
        let text = fs::read_to_string(&file).map_err(reading())?;
        sum += read(&text).ok_or_else(|| unreadable(&file.to_string_lossy(), &text))?;
    }
    Ok(sum)
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
        let start = Instant::now();
        let mut child = Command::new("sh").args(["-c", "while :; do :; done"]).spawn().expect("sh");
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
    fn a_process_that_only_sleeps_has_slept_and_used_next_to_nothing() {
        let mut child = Command::new("sleep").arg("60").spawn().expect("sleep");
        let start = Instant::now();
        while sleeps(child.id()).expect("a figure") == 0
            && start.elapsed() < Duration::from_secs(10)
        {
            thread::sleep(Duration::from_millis(5));
        }
        let meter = CpuMeter::start(Some(child.id())).expect("a start");
        let (slept, used) = (sleeps(child.id()), meter.micros_each(1));
        child.kill().and_then(|()| child.wait()).expect("the end of sleep");
        assert!(slept.expect("a figure") > 0);
        // The rest of its start may be in it.
        assert!(
            used.expect("a figure").expect("an account") < 50_000.0,
            "of a process that sleeps"
        );
    }

    #[test]
    fn a_poller_shows_with_what_it_watches() {
        let poll = mio::Poll::new().expect("a poller");
        let before = watched(std::process::id()).expect("pollers");
        let mut listeners: Vec<_> = (0..3)
            .map(|_| mio::net::TcpListener::bind("127.0.0.1:0".parse().expect("an address")))
            .map(|listener| listener.expect("a listener"))
            .collect();
        for (token, listener) in listeners.iter_mut().enumerate() {
            let interest = mio::Interest::READABLE;
            poll.registry().register(listener, mio::Token(token), interest).expect("a place");
        }
        let number = {
            use std::os::fd::AsRawFd;
            poll.as_raw_fd() as u32
        };
        let after = watched(std::process::id()).expect("pollers");
        assert_eq!((before.get(&number), after.get(&number)), (None, Some(&3)));
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
