//! Whether counts of this machine compare with the recorded ones.
//!
//! Three things decide how many instructions the same source takes: the compiler, the instruction
//! set, and what libraries choose by the processor at run time. The C library's choices are pinned
//! (`count.rs`); `memchr` takes AVX2 where it is there, which is nearly everywhere, and valgrind
//! hides what is newer.

use std::process::Command;

use crate::failure::{Failure, Result};

/// How much more than recorded a count may be, as a share of it. Counts repeat to two in a
/// thousand; the rest is room for what a change elsewhere makes the compiler lay out anew.
const TOLERANCE: f64 = 0.03;

/// The same where another compiler built what was recorded.
const TOLERANCE_OTHER_COMPILER: f64 = 0.10;

/// The compiler, as it names itself.
///
/// # Errors
/// When it cannot be asked.
pub(crate) fn compiler() -> Result<String> {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output = Command::new(rustc)
        .arg("--version")
        .output()
        .map_err(Failure::system("rustc --version"))?;
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// How much above the recorded counts will do. Says so where it is more than usual.
pub(crate) fn tolerance(recorded: &str, here: &str) -> f64 {
    if recorded == here {
        return TOLERANCE;
    }
    println!(
        "the recorded counts are of {recorded}, this is {here}: {:.0} % more will do",
        TOLERANCE_OTHER_COMPILER * 100.0
    );
    TOLERANCE_OTHER_COMPILER
}

/// Why counts of this processor cannot be compared with the recorded ones; `None` when they can.
pub(crate) fn differs() -> Option<&'static str> {
    #[cfg(target_arch = "x86_64")]
    return (!std::arch::is_x86_feature_detected!("avx2"))
        .then_some("they are of an x86-64 with AVX2, and this one has none");
    #[cfg(not(target_arch = "x86_64"))]
    return Some("they are of an x86-64");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_compiler_gets_more_room() {
        assert_eq!(tolerance("rustc 1.95.0", "rustc 1.95.0"), TOLERANCE);
        assert_eq!(tolerance("rustc 1.95.0", "rustc 1.96.0"), TOLERANCE_OTHER_COMPILER);
    }
}
