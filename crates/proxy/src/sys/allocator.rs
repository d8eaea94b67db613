//! The allocator: what it has given out, what it keeps, and where it takes large pieces from.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};

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

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

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
}
