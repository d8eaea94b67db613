//! Bytes that are no ordinary request: inline ones, empty ones, and what breaks the protocol.
//!
//! Left out is a number of arguments above 1,048,576: servers from Redis 7 on wait for them all, and
//! the proxy says no at once.

/// What is sent, and how many replies come to it.
#[rustfmt::skip]
pub(crate) const BROKEN: &[(&[u8], usize)] = &[
    // Not broken: other ways to ask.
    (b"PING\r\n", 1),
    (b"ping\n", 1),
    (b"  SET {inline}k 'a b'\r\nGET {inline}k\r\n", 2),
    (b"SET {inline}k \"\\x41\\n\\\"\"\r\nGET {inline}k\r\n", 2),
    (b"\r\n\r\n", 0),
    (b"*0\r\n", 0),
    (b"*-1\r\n", 0),
    (b"*-10\r\n", 0),
    (b"NEVER a b\r\n", 1),
    (b"*1\r\n$0\r\n\r\n", 1),
    (b"*1\r\n$8\r\nNE\r\nVER!\r\n", 1),
    (b"*2\r\n$5\r\nNEVER\r\n$4\r\na\r\nb\r\n", 1),
    // Broken: an error, and then the connection closes.
    (b"*x\r\n", 1),
    (b"*\r\n", 1),
    (b"* 1\r\n", 1),
    (b"*+1\r\n", 1),
    (b"*01\r\n", 1),
    (b"*2147483648\r\n", 1),
    (b"*99999999999999999999\r\n", 1),
    (b"*1\r\n4\r\n", 1),
    (b"*1\r\n:4\r\n", 1),
    (b"*1\r\n$x\r\n", 1),
    (b"*1\r\n$\r\n", 1),
    (b"*1\r\n$-1\r\n", 1),
    (b"*1\r\n$04\r\n", 1),
    (b"*1\r\n$600000000\r\n", 1),
    (b"*2\r\n$3\r\nGET\r\nk\r\n", 1),
    (b"GET \"k\r\n", 1),
    (b"GET 'k\r\n", 1),
    (b"GET \"k\"x\r\n", 1),
];
