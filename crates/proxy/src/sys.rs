//! The system calls that neither the standard library nor a dependency offers safely, each behind
//! a safe function. The only unsafe code of the project; what the calls are for is the callers'.

use std::alloc::{GlobalAlloc, Layout, System};
use std::fs::{self, File};
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, BorrowedFd, RawFd};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// Which of the two processes a [`fork`] returned in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Forked {
    /// The process that called.
    Parent,
    /// The new one.
    Child,
}

/// Splits the process in two.
///
/// # Errors
/// The system's, and [`io::ErrorKind::Unsupported`] where the process has more than one thread:
/// the child would have only the calling one, and any lock that another held would stay locked.
/// Threads are counted in `/proc`; on a system without it the caller's care has to do.
pub fn fork() -> io::Result<Forked> {
    if thread_count().is_some_and(|threads| threads > 1) {
        let why = "a process with several threads cannot fork";
        return Err(io::Error::new(io::ErrorKind::Unsupported, why));
    }
    // SAFETY: this is the only thread (checked above), so the child is a whole copy of the process
    // and may go on to do anything that the parent may.
    match unsafe { libc::fork() } {
        -1 => Err(io::Error::last_os_error()),
        0 => Ok(Forked::Child),
        _ => Ok(Forked::Parent),
    }
}

/// How many threads the process has, where the system tells.
fn thread_count() -> Option<usize> {
    Some(fs::read_dir("/proc/self/task").ok()?.count())
}

/// Puts the process into a session of its own, without a terminal.
///
/// # Errors
/// The system's: the process leads a process group already.
pub fn new_session() -> io::Result<()> {
    // SAFETY: takes no argument and touches no memory of ours.
    match unsafe { libc::setsid() } {
        -1 => Err(io::Error::last_os_error()),
        _ => Ok(()),
    }
}

/// From here on SIGHUP does nothing to the process, until it is handled.
///
/// # Errors
/// None that the system documents for this signal.
pub fn ignore_hangup() -> io::Result<()> {
    // SAFETY: SIG_IGN is no function of ours, so nothing can run at a bad moment.
    match unsafe { libc::signal(libc::SIGHUP, libc::SIG_IGN) } {
        libc::SIG_ERR => Err(io::Error::last_os_error()),
        _ => Ok(()),
    }
}

/// Sets which permissions new files are denied; returns what was denied before.
pub fn set_umask(denied: libc::mode_t) -> libc::mode_t {
    // SAFETY: always succeeds and touches no memory of ours.
    unsafe { libc::umask(denied) }
}

/// Makes standard input, output and error mean `file`, which may be closed afterwards.
///
/// # Errors
/// The system's; the streams before the failing one have changed by then.
pub fn redirect_standard_streams(file: &File) -> io::Result<()> {
    for stream in [libc::STDIN_FILENO, libc::STDOUT_FILENO, libc::STDERR_FILENO] {
        // SAFETY: `file` is open for the length of the call, and no value of Rust owns the
        // descriptors 0 to 2, so none is closed under its owner.
        if unsafe { libc::dup2(file.as_raw_fd(), stream) } == -1 {
            return Err(io::Error::last_os_error());
        }
    }
    Ok(())
}

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

/// How many files the process may have open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpenFilesLimit {
    /// How many now.
    pub soft: libc::rlim_t,
    /// How many it may allow itself.
    pub hard: libc::rlim_t,
}

/// Reads `RLIMIT_NOFILE`.
///
/// # Errors
/// None that the system documents for this limit.
pub fn open_files_limit() -> io::Result<OpenFilesLimit> {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: the pointer is to a value that lives through the call, of the type it fills in.
    match unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit) } {
        0 => Ok(OpenFilesLimit { soft: limit.rlim_cur, hard: limit.rlim_max }),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Allows the process as many open files as it may allow itself; returns how many those are.
///
/// Every client and server connection is an open file, and the usual soft limit of 1024 is for
/// programs that use `select`.
///
/// # Errors
/// The system's; the limit is then what it was.
pub fn raise_open_files_limit() -> io::Result<libc::rlim_t> {
    let OpenFilesLimit { soft, hard } = open_files_limit()?;
    if soft == hard {
        return Ok(soft);
    }
    let limit = libc::rlimit { rlim_cur: hard, rlim_max: hard };
    // SAFETY: the pointer is to a value that lives through the call, which only reads it.
    match unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit) } {
        0 => Ok(hard),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Has the allocator give memory back that a burst needed.
///
/// The C library of GNU raises its own thresholds with the largest piece that was ever freed: after
/// one message of 8 MiB it would keep up to 16 MiB for ever. Set by hand, they stay.
pub fn bound_allocator() {
    #[cfg(target_env = "gnu")]
    for (option, value) in [
        (libc::M_MMAP_THRESHOLD, ALLOCATOR_OWN_MAPPING_BYTES),
        (libc::M_TRIM_THRESHOLD, ALLOCATOR_KEPT_BYTES),
    ] {
        // SAFETY: the call takes two numbers and changes settings of the allocator, behind its lock.
        // It answers whether it knows the option; one that it does not know changes nothing.
        unsafe { libc::mallopt(option, value) };
    }
}

/// Has the allocator give back the pages that are wholly free, wherever they lie. Walks all of its free
/// pieces: milliseconds after a large burst, under its locks.
pub fn give_back_memory() {
    #[cfg(target_env = "gnu")]
    // SAFETY: takes a number, and works on the allocator's own state behind its locks.
    unsafe {
        libc::malloc_trim(0);
    }
}

/// Pieces of so many bytes or more are mapped each for itself and unmapped when they are freed.
#[cfg(target_env = "gnu")]
const ALLOCATOR_OWN_MAPPING_BYTES: libc::c_int = 64 * 1024;

/// Free bytes that the allocator keeps at the end of each of its arenas.
#[cfg(target_env = "gnu")]
const ALLOCATOR_KEPT_BYTES: libc::c_int = 512 * 1024;

/// Bytes that the process holds on its heap, in pieces of [`COUNTED_BYTES_MIN`] or more.
#[must_use]
pub fn heap_bytes() -> usize {
    HEAP_BYTES.load(Ordering::Relaxed)
}

/// Smaller pieces are not counted: they add little, and the count would cost more than they.
pub const COUNTED_BYTES_MIN: usize = 512;

static HEAP_BYTES: AtomicUsize = AtomicUsize::new(0);

/// Pieces of so many bytes or more are asked to be made of large pages.
const LARGE_PAGES_BYTES_MIN: usize = 16 * 1024 * 1024;

/// Has the kernel make a large piece of large pages where it has them: its first use costs a fault every
/// 2 MiB in place of every 4 KiB. One system call; where the kernel knows no large pages, nothing changes.
///
/// All pages that the piece touches are named, which for one that is mapped by itself is all of its mapping:
/// a mapping of which only a part was advised becomes two, and could not be grown in place any more.
#[cold]
fn use_large_pages(piece: *mut u8, bytes: usize) {
    // SAFETY: the call takes a number and tells one.
    let Ok(page) = usize::try_from(unsafe { libc::sysconf(libc::_SC_PAGESIZE) }) else { return };
    let before = piece.addr() % page;
    let bytes = (before + bytes).next_multiple_of(page);
    // SAFETY: this advice changes nothing of what is in the pages, be they the piece's or a neighbour's.
    // A system that does not take it says so, and needs no answer.
    unsafe { libc::madvise(piece.wrapping_sub(before).cast(), bytes, libc::MADV_HUGEPAGE) };
}

/// The system's allocator, with a count of what it has given out.
struct Counting;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

impl Counting {
    fn gave(piece: *mut u8, bytes: usize) {
        if bytes >= COUNTED_BYTES_MIN {
            HEAP_BYTES.fetch_add(bytes, Ordering::Relaxed);
            if bytes >= LARGE_PAGES_BYTES_MIN {
                use_large_pages(piece, bytes);
            }
        }
    }

    fn took(bytes: usize) {
        if bytes >= COUNTED_BYTES_MIN {
            HEAP_BYTES.fetch_sub(bytes, Ordering::Relaxed);
        }
    }
}

// SAFETY: every call is the system allocator's, handed on with the same arguments, so it keeps what
// that promises; counting touches one atomic and allocates nothing.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller keeps the promises of this method, which are those of that one.
        let piece = unsafe { System.alloc(layout) };
        if !piece.is_null() {
            Self::gave(piece, layout.size());
        }
        piece
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: as in `alloc`.
        let piece = unsafe { System.alloc_zeroed(layout) };
        if !piece.is_null() {
            Self::gave(piece, layout.size());
        }
        piece
    }

    unsafe fn dealloc(&self, piece: *mut u8, layout: Layout) {
        // SAFETY: as in `alloc`; `piece` came from the system's allocator, as all pieces here do.
        unsafe { System.dealloc(piece, layout) };
        Self::took(layout.size());
    }

    unsafe fn realloc(&self, piece: *mut u8, layout: Layout, bytes: usize) -> *mut u8 {
        // SAFETY: as in `dealloc`.
        let grown = unsafe { System.realloc(piece, layout, bytes) };
        if !grown.is_null() {
            Self::took(layout.size());
            Self::gave(grown, bytes);
        }
        grown
    }
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

/// Waits until a descriptor has something to read, for as long as `patience` says at most; whether it has. One that is
/// not open has an error to read at once.
///
/// # Errors
/// As `ppoll(2)`; [`io::ErrorKind::Interrupted`] when a signal came.
pub fn wait_readable(descriptor: RawFd, patience: Duration) -> io::Result<bool> {
    let mut asked = libc::pollfd { fd: descriptor, events: libc::POLLIN, revents: 0 };
    let patience = libc::timespec {
        tv_sec: libc::time_t::try_from(patience.as_secs()).unwrap_or(libc::time_t::MAX),
        tv_nsec: patience.subsec_nanos().into(),
    };
    // SAFETY: the call writes to the one entry behind the first pointer and reads what is behind the second; both
    // are ours. A null mask changes no signal's.
    match unsafe { libc::ppoll(&raw mut asked, 1, &raw const patience, std::ptr::null()) } {
        -1 => Err(io::Error::last_os_error()),
        ready => Ok(ready > 0),
    }
}

/// Bytes written to a stream socket that its peer has not acknowledged; 0 where the system does not
/// tell.
pub fn unsent_bytes(socket: BorrowedFd<'_>) -> usize {
    let mut bytes: libc::c_int = 0;
    // SAFETY: the call writes one int behind the pointer, which is one of ours; the descriptor is
    // open as long as it is borrowed.
    match unsafe { libc::ioctl(socket.as_raw_fd(), libc::TIOCOUTQ, &raw mut bytes) } {
        0 => usize::try_from(bytes).unwrap_or(0),
        _ => 0,
    }
}

/// What the system calls itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SystemNames {
    /// The kernel: `Linux`.
    pub kernel: String,
    /// The kernel's release.
    pub release: String,
    /// The processor's kind: `x86_64`.
    pub machine: String,
}

/// Asks the kernel for its names, by `uname`.
///
/// # Errors
/// None that the system documents.
pub fn system_names() -> io::Result<SystemNames> {
    let mut names = MaybeUninit::<libc::utsname>::uninit();
    // SAFETY: the pointer is to memory of the right size that lives through the call.
    if unsafe { libc::uname(names.as_mut_ptr()) } == -1 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the call succeeded, so it filled every field in.
    let names = unsafe { names.assume_init() };
    Ok(SystemNames {
        kernel: text(names.sysname.map(libc::c_char::cast_unsigned)),
        release: text(names.release.map(libc::c_char::cast_unsigned)),
        machine: text(names.machine.map(libc::c_char::cast_unsigned)),
    })
}

/// The name of the host, as `gethostname` tells it.
///
/// # Errors
/// The system's.
pub fn host_name() -> io::Result<String> {
    let mut name = [0_u8; HOST_NAME_BYTES_MAX];
    // SAFETY: the pointer and the length are those of one array that lives through the call.
    match unsafe { libc::gethostname(name.as_mut_ptr().cast(), name.len()) } {
        0 => Ok(text(name)),
        _ => Err(io::Error::last_os_error()),
    }
}

/// POSIX's longest host name is 255 bytes; one more is for the zero behind it.
const HOST_NAME_BYTES_MAX: usize = 256;

/// The bytes before the first zero, or all of them.
fn text<const N: usize>(bytes: [u8; N]) -> String {
    let end = bytes.iter().position(|&byte| byte == 0).unwrap_or(N);
    String::from_utf8_lossy(&bytes[..end]).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_with_threads_is_not_forked() {
        // The test harness runs each test on a thread of its own.
        let refused = fork().expect_err("there are several threads");
        assert_eq!(refused.kind(), io::ErrorKind::Unsupported);
    }

    #[test]
    fn the_heap_is_counted_as_it_grows_and_shrinks() {
        const BYTES: usize = 1 << 30;
        // Other tests run beside this one; none of them needs as much. No page of it is touched.
        let mut large: Vec<u8> = Vec::with_capacity(BYTES);
        assert!(heap_bytes() >= BYTES);
        large.shrink_to(BYTES / 2);
        assert!((BYTES / 2..BYTES).contains(&heap_bytes()));
        drop(large);
        assert!(heap_bytes() < BYTES / 2);
    }

    #[test]
    fn a_large_piece_is_one_mapping_of_large_pages_and_grows_as_one() {
        if !std::path::Path::new("/sys/kernel/mm/transparent_hugepage").exists() {
            return;
        }
        /// The end of the mapping that holds `address`, and its flags.
        fn mapping(address: usize) -> (usize, String) {
            let maps = fs::read_to_string("/proc/self/smaps").expect("Linux");
            let mut end = None;
            for line in maps.lines() {
                if let Some(flags) = line.strip_prefix("VmFlags:") {
                    if let Some(end) = end.take() {
                        return (end, flags.to_owned());
                    }
                } else if let Some((range, _)) = line.split_once(' ')
                    && let Some((from, to)) = range.split_once('-')
                    && let (Ok(from), Ok(to)) =
                        (usize::from_str_radix(from, 16), usize::from_str_radix(to, 16))
                    && (from..to).contains(&address)
                {
                    end = Some(to);
                }
            }
            panic!("no mapping holds {address:x}");
        }
        let mut large: Vec<u8> = Vec::new();
        for bytes in [LARGE_PAGES_BYTES_MIN, 3 * LARGE_PAGES_BYTES_MIN] {
            large.reserve_exact(bytes);
            large.resize(bytes, 1);
            let first = large.as_ptr().addr();
            for address in [first, first + bytes - 1] {
                let (end, flags) = mapping(address);
                assert!(flags.contains(" hg"), "{address:x} of {bytes} from {first:x}: {flags}");
                assert!(end >= first + bytes, "the piece ends within one mapping");
            }
        }
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
    fn the_open_files_limit_rises_to_the_hard_one() {
        let raised = raise_open_files_limit().expect("raising up to the hard limit is allowed");
        let limit = open_files_limit().expect("the limit can be read");
        assert_eq!((limit.soft, limit.hard), (raised, raised));
    }

    #[test]
    fn the_systems_names_are_those_of_proc() {
        let read = |name: &str| {
            let text = fs::read_to_string(format!("/proc/sys/kernel/{name}")).expect("Linux");
            text.trim_end().to_owned()
        };
        let names = system_names().expect("uname succeeds");
        assert_eq!(names.kernel, read("ostype"));
        assert_eq!(names.release, read("osrelease"));
        assert_eq!(names.machine, std::env::consts::ARCH);
        assert_eq!(host_name().expect("gethostname succeeds"), read("hostname"));
    }
}
