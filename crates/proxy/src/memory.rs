//! How much memory the process may hold, and whether it holds that much.
//!
//! What is compared is the heap, as the allocator counts it (`sys/allocator.rs`): every buffer of every worker
//! is there, whoever holds it. At the limit the workers stop reading clients; they go on when an
//! eighth is free again, so that the two states do not take turns.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use nutcracker_engine::MemoryState;

use crate::config::MemoryMax;
use crate::sys;

/// The limit, and how near it was when last looked at.
#[derive(Clone, Debug)]
pub struct Memory {
    max: usize,
    state: MemoryState,
    /// The most that was held since memory was last given back, and since a burst seemed to be over.
    peak: usize,
    lately: usize,
    /// When memory is given back if the burst is over by then.
    give_back_at: Option<Instant>,
}

/// How much less than at the peak is held when a burst is over. The C library keeps what it gave out for
/// small pieces when they come back, where a piece that is still in use lies above them.
const GIVE_BACK_BYTES_MIN: usize = 4 * 1024 * 1024;

/// How long so little has to be held.
const GIVE_BACK_AFTER: Duration = Duration::from_secs(1);

impl Memory {
    /// A limit that is not reached.
    #[must_use]
    pub const fn new(max: usize) -> Self {
        Self { max, state: MemoryState::Enough, peak: 0, lately: 0, give_back_at: None }
    }

    /// How much the process holds of what it may. Once that is all of it, there is enough again below
    /// seven eighths; a quarter above it, it is in danger. One load. To be asked once a turn, at
    /// `now`, and once more where much was read in it.
    #[inline]
    pub fn state(&mut self, now: Instant) -> MemoryState {
        let held = sys::heap_bytes();
        self.note(held, now);
        self.judge(held)
    }

    /// Another worker has found that the process holds all of it. Where that is a little less by now, there is not
    /// enough yet.
    pub const fn hear_of_shortage(&mut self) {
        if matches!(self.state, MemoryState::Enough) {
            self.state = MemoryState::Short;
        }
    }

    /// When to call [`give_back`](Self::give_back).
    #[must_use]
    pub const fn poll_timeout(&self) -> Option<Instant> {
        self.give_back_at
    }

    /// Gives back to the system what a burst needed, when it is `now` long enough over.
    pub fn give_back(&mut self, now: Instant) {
        if self.give_back_at.is_some_and(|at| at <= now) && self.is_over(sys::heap_bytes(), now) {
            sys::give_back_memory();
        }
    }

    #[inline]
    fn note(&mut self, held: usize, now: Instant) {
        self.peak = self.peak.max(held);
        self.lately = self.lately.max(held);
        if self.give_back_at.is_none() && held + GIVE_BACK_BYTES_MIN < self.peak {
            self.lately = held;
            self.give_back_at = Some(now + GIVE_BACK_AFTER);
        }
    }

    /// Whether little was held since that seemed so. What was held lately is the peak from then on. It may have
    /// come to an end as well by now, and where nobody is served any more nobody would look again.
    fn is_over(&mut self, held: usize, now: Instant) -> bool {
        self.give_back_at = None;
        let over = self.lately + GIVE_BACK_BYTES_MIN < self.peak;
        self.peak = self.lately;
        self.note(held, now);
        over
    }

    #[inline]
    fn judge(&mut self, held: usize) -> MemoryState {
        let enough = match self.state {
            MemoryState::Enough => self.max,
            MemoryState::Short | MemoryState::Exhausted => self.max / 8 * 7,
        };
        self.state = if held < enough {
            MemoryState::Enough
        } else if held < self.max.saturating_add(self.max / 4) {
            MemoryState::Short
        } else {
            MemoryState::Exhausted
        };
        self.state
    }
}

/// The limit in bytes that the configuration asks for; `usize::MAX` is none.
#[must_use]
pub fn limit(asked: MemoryMax) -> usize {
    let bytes = match asked {
        MemoryMax::Unlimited => return usize::MAX,
        MemoryMax::Bytes(bytes) => bytes,
        MemoryMax::Auto => match available(Path::new("/")) {
            Some(bytes) => bytes / 2,
            None => return usize::MAX,
        },
    };
    usize::try_from(bytes).unwrap_or(usize::MAX)
}

/// What the machine has, or the control group if that is less; `None` where neither is told. `root`
/// is where the system's files are.
fn available(root: &Path) -> Option<u64> {
    let machine = machine_bytes(&fs::read_to_string(root.join("proc/meminfo")).ok()?);
    group_bytes(root).into_iter().chain(machine).min()
}

/// `MemTotal` of `/proc/meminfo`.
fn machine_bytes(meminfo: &str) -> Option<u64> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim_end().parse().ok()?;
    kibibytes.checked_mul(1024)
}

/// The least limit of the process's control group and of those it is in, of either version.
fn group_bytes(root: &Path) -> Option<u64> {
    let groups = fs::read_to_string(root.join("proc/self/cgroup")).ok()?;
    let limits = groups.lines().flat_map(|line| {
        let mut fields = line.splitn(3, ':').skip(1);
        let (controllers, group) = (fields.next().unwrap_or(""), fields.next().unwrap_or(""));
        let (mount, file) = match controllers {
            "" => ("sys/fs/cgroup", "memory.max"),
            "memory" => ("sys/fs/cgroup/memory", "memory.limit_in_bytes"),
            _ => return Vec::new(),
        };
        // In a container the group's path is often that of the host: the mount is the group then.
        let inner = Path::new(group.trim_start_matches('/'));
        inner
            .ancestors()
            .filter_map(|group| fs::read_to_string(root.join(mount).join(group).join(file)).ok())
            .filter_map(|text| text.trim().parse().ok())
            .collect::<Vec<u64>>()
    });
    limits.min()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_short_from_the_limit_on_and_until_an_eighth_is_free() {
        let mut memory = Memory::new(8_000);
        use MemoryState::{Enough, Exhausted, Short};
        for (held, state) in [
            (7_999, Enough),
            (8_000, Short),
            (7_000, Short),
            (6_999, Enough),
            (7_500, Enough),
            (9_999, Short),
            (10_000, Exhausted),
            (9_000, Short),
            (0, Enough),
        ] {
            assert_eq!(memory.judge(held), state, "{held} bytes");
        }
    }

    #[test]
    fn who_hears_of_a_shortage_goes_by_its_end() {
        use MemoryState::{Enough, Exhausted, Short};
        for (held, state) in [(6_999, Enough), (7_000, Short), (8_000, Short), (10_000, Exhausted)]
        {
            let mut memory = Memory::new(8_000);
            memory.hear_of_shortage();
            assert_eq!(memory.judge(held), state, "{held} bytes");
        }
    }

    /// A burst, and what is said of it.
    struct Burst {
        memory: Memory,
        begin: Instant,
    }

    impl Burst {
        const BYTES: usize = 10 * GIVE_BACK_BYTES_MIN;

        fn new() -> Self {
            Self { memory: Memory::new(usize::MAX), begin: Instant::now() }
        }

        fn at(&self, seconds: f32) -> Instant {
            self.begin + Duration::from_secs_f32(seconds)
        }

        /// So much is held then; says when to look whether it is over.
        fn note(&mut self, held: usize, seconds: f32) -> Option<f32> {
            self.memory.note(held, self.at(seconds));
            self.looks_at()
        }

        fn is_over(&mut self, held: usize, seconds: f32) -> bool {
            self.memory.is_over(held, self.at(seconds))
        }

        fn looks_at(&self) -> Option<f32> {
            self.memory.poll_timeout().map(|at| (at - self.begin).as_secs_f32())
        }
    }

    #[test]
    fn memory_is_given_back_when_little_was_held_for_a_while() {
        let mut burst = Burst::new();
        assert_eq!(burst.note(Burst::BYTES, 0.0), None);
        assert_eq!(burst.note(Burst::BYTES - GIVE_BACK_BYTES_MIN, 0.1), None, "not little enough");
        assert_eq!(burst.note(1000, 0.5), Some(1.5));
        assert_eq!(burst.note(Burst::BYTES, 1.0), Some(1.5), "it goes on");
        assert!(!burst.is_over(Burst::BYTES, 1.5));
        assert_eq!(burst.note(1000, 2.0), Some(3.0));
        assert_eq!(burst.note(2000, 2.5), Some(3.0));
        assert!(burst.is_over(1000, 3.0));
        assert_eq!(burst.note(1000, 3.1), None, "once is enough");
    }

    #[test]
    fn a_burst_that_ends_just_before_it_is_looked_at_is_looked_at_again() {
        let mut burst = Burst::new();
        burst.note(Burst::BYTES, 0.0);
        assert_eq!(burst.note(1000, 0.5), Some(1.5));
        burst.note(Burst::BYTES, 1.4);
        assert!(!burst.is_over(1000, 1.5));
        assert_eq!(burst.looks_at(), Some(2.5), "nobody else asks");
        assert!(burst.is_over(1000, 2.5));
        assert_eq!(burst.looks_at(), None);
    }

    #[test]
    fn no_limit_is_never_reached() {
        assert_eq!(
            Memory::new(limit(MemoryMax::Unlimited)).state(Instant::now()),
            MemoryState::Enough
        );
    }

    #[test]
    fn the_least_limit_of_machine_and_groups_counts() {
        let root = std::env::temp_dir().join(format!("nutcracker-memory-{}", std::process::id()));
        let write = |path: &str, text: &str| {
            let path = root.join(path);
            fs::create_dir_all(path.parent().expect("a file in a folder")).expect("a folder");
            fs::write(path, text).expect("a file");
        };
        assert_eq!(available(&root), None);
        write("proc/meminfo", "MemTotal:       24000 kB\nMemFree:  100 kB\n");
        assert_eq!(available(&root), Some(24_000 * 1024));
        write("proc/self/cgroup", "0::/system.slice/nutcracker.service\n");
        write("sys/fs/cgroup/system.slice/nutcracker.service/memory.max", "max\n");
        assert_eq!(available(&root), Some(24_000 * 1024));
        write("sys/fs/cgroup/system.slice/memory.max", "8000000\n");
        assert_eq!(available(&root), Some(8_000_000));
        write("proc/self/cgroup", "5:cpu:/a\n4:memory:/b\n");
        write("sys/fs/cgroup/memory/b/memory.limit_in_bytes", "7000000\n");
        assert_eq!(available(&root), Some(7_000_000));
        fs::remove_dir_all(&root).expect("the test's own folder");
    }

    #[test]
    fn the_default_is_half_of_what_there_is() {
        let there_is = available(Path::new("/")).expect("Linux tells");
        assert_eq!(limit(MemoryMax::Auto) as u64, there_is / 2);
        assert_eq!(limit(MemoryMax::Bytes(1 << 30)), 1 << 30);
    }
}
