//! The binary protocol, as far as it takes to say in its own framing that it is not served.

/// The first byte of every request. No command of the text protocol begins with it.
pub(super) const MAGIC: u8 = 0x80;

/// Bytes of a header, a request's and a response's.
pub(super) const HEADER_BYTES: usize = 24;

/// The rule that a request breaks, and what its client is told.
pub(super) const NO_BINARY: &str = "the binary protocol is not served; use the text protocol";

/// The first byte of every response.
const RESPONSE_MAGIC: u8 = 0x81;

/// "Unknown command": libraries tell it from a server that is broken or wants a password.
const UNKNOWN_COMMAND: u16 = 0x0081;

/// Answers the request with this `header`: its opcode and its opaque number, which its client looks
/// for, an error, and the reason as the body.
///
/// ```text
/// 0x81 opcode | key length 0 | extras 0, type 0 | status | body length | opaque | cas 0 | text
/// ```
pub(super) fn refuse(header: &[u8; HEADER_BYTES], out: &mut Vec<u8>) {
    out.extend_from_slice(&[RESPONSE_MAGIC, header[1], 0, 0, 0, 0]);
    out.extend_from_slice(&UNKNOWN_COMMAND.to_be_bytes());
    out.extend_from_slice(&(NO_BINARY.len() as u32).to_be_bytes());
    out.extend_from_slice(&header[12..16]);
    out.extend_from_slice(&[0; 8]);
    out.extend_from_slice(NO_BINARY.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_bears_the_opcode_and_the_opaque_number_of_its_request() {
        let mut header = [0x80; HEADER_BYTES];
        header[1] = 0x0b;
        header[12..16].copy_from_slice(b"abcd");
        let mut out = Vec::new();
        refuse(&header, &mut out);
        let (front, text) = out.split_at(HEADER_BYTES);
        assert_eq!(front, b"\x81\x0b\0\0\0\0\0\x81\0\0\0\x38abcd\0\0\0\0\0\0\0\0");
        assert_eq!((text, text.len()), (NO_BINARY.as_bytes(), 0x38));
    }
}
