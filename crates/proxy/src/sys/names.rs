//! What the system and the host are called.

use std::io;
use std::mem::MaybeUninit;

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
    use std::fs;

    use super::*;

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
