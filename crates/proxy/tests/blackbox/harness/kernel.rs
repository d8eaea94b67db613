//! What the kernel tells of TCP sockets, without anybody connecting.

use std::fs;

/// A socket over IPv4.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Tcp {
    pub(crate) local: u16,
    /// 0 of a listener.
    pub(crate) remote: u16,
    state: u8,
    timer: u8,
}

/// States and timers as `/proc/net/tcp` numbers them.
const ESTABLISHED: u8 = 1;
const LISTEN: u8 = 10;
const KEEPALIVE: u8 = 2;

impl Tcp {
    /// Whether the two sides have found each other.
    pub(crate) fn is_established(&self) -> bool {
        self.state == ESTABLISHED
    }

    /// Whether the kernel will ask a silent peer whether it still lives. Seen only while nothing is
    /// on its way.
    pub(crate) fn is_kept_alive(&self) -> bool {
        self.timer == KEEPALIVE
    }
}

/// All of them.
pub(crate) fn tcp() -> Vec<Tcp> {
    let table = fs::read_to_string("/proc/net/tcp").expect("Linux");
    table.lines().skip(1).map(entry).collect()
}

/// `sl local remote st tx:rx tr:when ...`, addresses as `host:port`, all in hexadecimal.
fn entry(line: &str) -> Tcp {
    let words: Vec<&str> = line.split_whitespace().collect();
    let port = |word: &str| -> u16 {
        let (_, port) = word.split_once(':').expect("an address");
        u16::from_str_radix(port, 16).expect("a port")
    };
    let byte = |word: &str| u8::from_str_radix(word, 16).expect("a number");
    let (timer, _) = words[5].split_once(':').expect("a timer and a time");
    Tcp { local: port(words[1]), remote: port(words[2]), state: byte(words[3]), timer: byte(timer) }
}

/// Whether somebody listens on `port`.
pub(crate) fn listens(port: u16) -> bool {
    tcp().iter().any(|socket| socket.local == port && socket.state == LISTEN)
}
