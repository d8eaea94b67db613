//! Configuration files. No name server is asked: this program's `getaddrinfo`, which the linker
//! takes before the C library's, knows no name. Addresses in the form of text need none.
#![no_main]

use std::ffi::{c_int, c_void};

use libfuzzer_sys::fuzz_target;

#[path = "../../crates/proxy/tests/fuzz/check.rs"]
mod check;

fuzz_target!(|data: &[u8]| check::fuzz_config(data));

/// The C library's name for it; touches none of its arguments.
// SAFETY: nothing else of this program has the name, and callers of the C library's function get what
// that may answer.
#[unsafe(no_mangle)]
extern "C" fn getaddrinfo(
    _host: *const c_void,
    _service: *const c_void,
    _hints: *const c_void,
    _found: *mut c_void,
) -> c_int {
    EAI_NONAME
}

/// The name is not known, as glibc and musl number it.
const EAI_NONAME: c_int = -2;
