//! Clocks: of the wall, of the processor, and how late a thread may be woken.

use std::io;
use std::mem::MaybeUninit;
use std::time::Duration;

/// A moment in the time zone of the process, to the second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LocalTime {
    /// Year of the common era.
    pub year: i64,
    /// 1 to 12.
    pub month: i32,
    /// Day of the month, from 1.
    pub day: i32,
    /// 0 to 23.
    pub hour: i32,
    /// 0 to 59.
    pub minute: i32,
    /// 0 to 60.
    pub second: i32,
}

/// What clocks on the wall show `seconds` after the Unix epoch; `None` where the year has no
/// number. The zone is the one that `TZ` or the system names.
#[must_use]
pub fn local_time(seconds: i64) -> Option<LocalTime> {
    let seconds: libc::time_t = seconds;
    let mut parts = MaybeUninit::<libc::tm>::uninit();
    // SAFETY: both pointers are to values that live through the call; `localtime_r` writes to
    // nothing but the second, and the program never changes its environment, which it reads.
    if unsafe { libc::localtime_r(&raw const seconds, parts.as_mut_ptr()) }.is_null() {
        return None;
    }
    // SAFETY: a result other than null says that all of it was written.
    let parts = unsafe { parts.assume_init() };
    Some(LocalTime {
        year: i64::from(parts.tm_year) + 1900,
        month: parts.tm_mon + 1,
        day: parts.tm_mday,
        hour: parts.tm_hour,
        minute: parts.tm_min,
        second: parts.tm_sec,
    })
}

/// Lets the kernel wake this thread at most `slack` later than it asks for, instead of the 50
/// microseconds it is given by default.
///
/// # Errors
/// None that the system documents for this call.
pub fn set_timer_slack(slack: Duration) -> io::Result<()> {
    let nanoseconds = libc::c_ulong::try_from(slack.as_nanos()).unwrap_or(libc::c_ulong::MAX);
    // SAFETY: this option takes a number and touches no memory of ours.
    match unsafe { libc::prctl(libc::PR_SET_TIMERSLACK, nanoseconds) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// The processor time that this thread has taken so far, the kernel's work for it included; zero where the system does
/// not tell. A system call.
#[must_use]
pub fn thread_cpu_time() -> Duration {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the pointer is to a timespec that outlives the call.
    match unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &raw mut time) } {
        0 => Duration::new(time.tv_sec as u64, time.tv_nsec as u32),
        _ => Duration::ZERO,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn local_time_is_what_date_says() {
        for seconds in [0, 951_782_399, 951_782_400, 1_700_000_000, 4_102_444_799] {
            let date = std::process::Command::new("date")
                .args(["-d", &format!("@{seconds}"), "+%Y-%-m-%-d %-H:%-M:%-S"])
                .output()
                .expect("date runs");
            let found = local_time(seconds).expect("an everyday moment");
            let LocalTime { year, month, day, hour, minute, second } = found;
            let found = format!("{year}-{month}-{day} {hour}:{minute}:{second}\n");
            assert_eq!(found.as_bytes(), date.stdout, "{seconds} seconds after the epoch");
        }
    }

    #[test]
    fn a_moment_beyond_all_years_has_no_local_time() {
        assert_eq!(local_time(i64::MAX), None);
    }

    #[test]
    fn processor_time_is_this_threads_and_stands_still_while_it_sleeps() {
        let before = thread_cpu_time();
        while thread_cpu_time() == before {}
        let before = thread_cpu_time();
        std::thread::sleep(Duration::from_millis(50));
        let slept = thread_cpu_time() - before;
        assert!(slept < Duration::from_millis(25), "{slept:?}");
    }
}
