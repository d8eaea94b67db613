//! Clients that are no friends: too many, too slow, greedy, deaf, gone.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use mio::{Events, Interest, Poll, Token};

use super::speech;
use crate::interrupt;
use crate::servers;
use crate::soak::reply::Protocol;

/// What they do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Hostile {
    /// Come all at once, ask once each and stay.
    Flood,
    /// Send a byte of a request a second.
    Drip,
    /// Announce 512 MB, and send none of it.
    Announce,
    /// Ask for much, and read nothing.
    Deaf,
    /// Leave in the middle of a request, and come again.
    Vanish,
    /// Leave in the middle of a reply, and come again.
    VanishReading,
}

impl Hostile {
    /// As the end of "clients that ...".
    pub(super) fn words(self) -> &'static str {
        match self {
            Self::Flood => "come at once",
            Self::Drip => "send a byte a second",
            Self::Announce => "announce 512 MB",
            Self::Deaf => "never read",
            Self::Vanish => "vanish in mid-request",
            Self::VanishReading => "vanish in mid-reply",
        }
    }
}

/// How many threads bring a crowd.
const THREADS: usize = 4;

/// The key they ask for: nobody else's, so that no answer of theirs disturbs a known value.
const KEY: &str = "hostile";

/// How long the value is that deaf clients ask for.
const VALUE: usize = 8_000;

/// Clients that are there until dropped.
#[derive(Debug)]
pub(super) struct Crowd {
    is_over: Arc<AtomicBool>,
    threads: Vec<JoinHandle<usize>>,
}

impl Crowd {
    /// Has `count` of them come.
    pub(super) fn come(hostile: Hostile, count: usize, protocol: Protocol, port: u16) -> Self {
        let is_over = Arc::new(AtomicBool::new(false));
        let threads = (0..THREADS)
            .map(|nth| {
                let is_over = Arc::clone(&is_over);
                let share = count * (nth + 1) / THREADS - count * nth / THREADS;
                thread::spawn(move || play(hostile, share, protocol, port, &is_over))
            })
            .collect();
        Self { is_over, threads }
    }

    /// Has them leave, and tells how many had come.
    pub(super) fn leave(mut self) -> usize {
        self.end()
    }

    fn end(&mut self) -> usize {
        self.is_over.store(true, Ordering::SeqCst);
        self.threads.drain(..).filter_map(|thread| thread.join().ok()).sum()
    }
}

impl Drop for Crowd {
    fn drop(&mut self) {
        self.end();
    }
}

/// Brings `share` of them and returns how many came, of a flood how many were answered, when it is
/// over.
fn play(
    hostile: Hostile,
    share: usize,
    protocol: Protocol,
    port: u16,
    is_over: &AtomicBool,
) -> usize {
    let goes_on = || !is_over.load(Ordering::SeqCst) && interrupt::check().is_ok();
    let request = request(hostile, protocol);
    if hostile == Hostile::Flood {
        return flood(share, port, &request, goes_on).unwrap_or(0);
    }
    let mut there = Vec::new();
    let mut came = 0;
    while goes_on() && (there.len() < share || is_fleeting(hostile)) {
        let Ok(mut stream) = servers::connect(port) else {
            thread::sleep(Duration::from_millis(5));
            continue;
        };
        came += 1;
        // Whatever becomes of these bytes is what is looked at.
        match hostile {
            Hostile::Vanish => {
                let cut = 1 + came % (request.len() - 1);
                let _ = stream.write_all(&request[..cut]);
            }
            Hostile::VanishReading => {
                let _ = stream.write_all(&request.repeat(20));
                let _ = stream.read(&mut [0; 100]);
            }
            Hostile::Drip => there.push(stream),
            // The flood has a way of its own, above.
            Hostile::Flood | Hostile::Announce => {
                let _ = stream.write_all(&request);
                there.push(stream);
            }
            Hostile::Deaf => {
                let _ = stream.set_nonblocking(true);
                let _ = stream.write_all(&request.repeat(400));
                there.push(stream);
            }
        }
    }
    let mut at = 0;
    while goes_on() {
        if hostile == Hostile::Drip {
            drip(&mut there, request[at % request.len()]);
            at += 1;
        }
        // A second, in steps that end soon enough.
        for _ in 0..20 {
            if goes_on() {
                thread::sleep(Duration::from_millis(50));
            }
        }
    }
    came
}

/// Begins all connections before it looks at any, and returns how many got an answer.
fn flood(share: usize, port: u16, request: &[u8], goes_on: impl Fn() -> bool) -> io::Result<usize> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let mut poll = Poll::new()?;
    let mut streams = Vec::new();
    while streams.len() < share && goes_on() {
        // Ports of this machine may be short for a moment.
        let Ok(mut stream) = mio::net::TcpStream::connect(address) else {
            thread::sleep(Duration::from_millis(5));
            continue;
        };
        let token = streams.len();
        let both = Interest::READABLE | Interest::WRITABLE;
        poll.registry().register(&mut stream, Token(token), both)?;
        streams.push((stream, Progress::Coming));
    }
    let mut answered = 0;
    let mut events = Events::with_capacity(1024);
    while goes_on() {
        match poll.poll(&mut events, Some(Duration::from_millis(50))) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            other => other?,
        }
        for event in &events {
            let (stream, progress) = &mut streams[event.token().0];
            // A connection that fails is one without an answer, and stays that.
            if *progress == Progress::Coming && event.is_writable() && stream.write(request).is_ok()
            {
                *progress = Progress::Asked;
            }
            if *progress == Progress::Asked && stream.read(&mut [0; 256]).is_ok_and(|len| len > 0) {
                *progress = Progress::Answered;
                answered += 1;
            }
        }
    }
    Ok(answered)
}

/// How far one of a flood is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Progress {
    Coming,
    Asked,
    Answered,
}

fn drip(there: &mut [TcpStream], byte: u8) {
    for stream in there {
        let _ = stream.write_all(&[byte]);
    }
}

/// Whether they leave by themselves, again and again.
fn is_fleeting(hostile: Hostile) -> bool {
    matches!(hostile, Hostile::Vanish | Hostile::VanishReading)
}

/// What one of them sends, in whole or in part.
fn request(hostile: Hostile, protocol: Protocol) -> Vec<u8> {
    let mut bytes = Vec::new();
    match hostile {
        Hostile::Announce => match protocol {
            Protocol::Redis => {
                bytes.extend_from_slice(b"*3\r\n$3\r\nSET\r\n$7\r\nhostile\r\n$536870912\r\n");
            }
            Protocol::Memcached => bytes.extend_from_slice(b"set hostile 0 0 536870912\r\n"),
        },
        Hostile::Vanish => speech::put_set(protocol, &mut bytes, KEY, &[b'v'; 600]),
        _ => speech::put_get(protocol, &mut bytes, &[KEY]),
    }
    bytes
}

/// Stores what deaf clients ask for.
pub(super) fn prepare(protocol: Protocol, port: u16) {
    let mut bytes = Vec::new();
    speech::put_set(protocol, &mut bytes, KEY, &[b'h'; VALUE]);
    // Without it they ask in vain, which is no harm.
    if let Ok(mut stream) = servers::connect(port) {
        let _ = stream.write_all(&bytes);
        let _ = stream.read(&mut [0; 64]);
    }
}
