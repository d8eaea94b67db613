//! The system calls that neither the standard library nor a dependency offers safely, each behind
//! a safe function. The only unsafe code of the project; what the calls are for is the callers'.
//!
//! | file | what it owns |
//! |---|---|
//! | `allocator.rs` | the heap: its count, its thresholds, large pages |
//! | `clock.rs` | local time, processor time, timer slack |
//! | `descriptor.rs` | waiting for one descriptor, and what of it is not acknowledged |
//! | `files.rs` | how many files may be open |
//! | `names.rs` | what the system and the host are called |
//! | `process.rs` | how the process becomes a daemon |

mod allocator;
mod clock;
mod descriptor;
mod files;
mod names;
mod process;

pub use allocator::{COUNTED_BYTES_MIN, bound_allocator, give_back_memory, heap_bytes};
pub use clock::{LocalTime, local_time, set_timer_slack, thread_cpu_time};
pub use descriptor::{unsent_bytes, wait_readable};
pub use files::{OpenFilesLimit, open_files_limit, raise_open_files_limit};
pub use names::{SystemNames, host_name, system_names};
pub use process::{Forked, fork, ignore_hangup, new_session, redirect_standard_streams, set_umask};
