//! A TCP relay between the proxy and a server that does to answers what networks and broken servers
//! do: delays, cuts, resets, lies.
//!
//! It reads whole answers and passes them on one by one, so that a fault is done to an answer and
//! not to whatever the kernel happened to hand over. Two threads a connection; all of them end with
//! the relay.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use serde::Serialize;

use super::speech;
use crate::failure::{Failure, Result};
use crate::ports;
use crate::soak::reply::Protocol;

/// What the relay does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Mode {
    /// Nothing: answers pass.
    Pass,
    /// What comes together comes so many milliseconds late.
    Delay(u64),
    /// Answers come a byte at a time.
    Trickle,
    /// Half of an answer, and the connection ends. Now and then.
    Cut,
    /// Half of an answer, and the connection is reset. Now and then.
    Reset,
    /// Bytes of no protocol in an answer's place. Now and then.
    Garbage,
    /// An answer more than was asked for. Now and then.
    Unasked,
    /// Half of an answer, the rest so many milliseconds later. Now and then.
    Truncated(u64),
    /// An answer of a kind that was not asked for. Now and then.
    WrongKind,
    /// Two answers in each other's place, whenever two come together.
    Swap,
    /// Requests are taken and never passed on.
    Silent,
}

/// "Now and then" is every so many answers.
const EVERY: u64 = 25;

/// How long a thread waits before it looks whether it should end.
const STEP: Duration = Duration::from_millis(20);

/// A running relay. It ends when dropped.
#[derive(Debug)]
pub(super) struct Relay {
    port: u16,
    shared: Arc<Shared>,
    acceptor: Option<JoinHandle<()>>,
}

/// What the relay's threads share.
#[derive(Debug)]
struct Shared {
    protocol: Protocol,
    upstream: u16,
    mode: Mutex<Mode>,
    answers: AtomicU64,
    /// Answers, or requests, that something was done to.
    spoilt: AtomicU64,
    is_over: AtomicBool,
}

impl Relay {
    /// Starts one in front of the server at `upstream`.
    ///
    /// # Errors
    /// When no port is free.
    pub(super) fn start(protocol: Protocol, upstream: u16) -> Result<Self> {
        let port = ports::free()?;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))
            .and_then(|listener| listener.set_nonblocking(true).map(|()| listener))
            .map_err(Failure::system("starting a relay"))?;
        let shared = Arc::new(Shared {
            protocol,
            upstream,
            mode: Mutex::new(Mode::Pass),
            answers: AtomicU64::new(0),
            spoilt: AtomicU64::new(0),
            is_over: AtomicBool::new(false),
        });
        let of_acceptor = Arc::clone(&shared);
        let acceptor = Some(thread::spawn(move || accept(&listener, &of_acceptor)));
        Ok(Self { port, shared, acceptor })
    }

    /// Where it listens, on 127.0.0.1.
    pub(super) fn port(&self) -> u16 {
        self.port
    }

    /// How often it has done something.
    pub(super) fn spoilt(&self) -> u64 {
        self.shared.spoilt.load(Ordering::SeqCst)
    }

    /// From the next answer on.
    pub(super) fn set(&self, mode: Mode) {
        *self.shared.mode.lock().unwrap_or_else(PoisonError::into_inner) = mode;
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.shared.is_over.store(true, Ordering::SeqCst);
        if let Some(acceptor) = self.acceptor.take() {
            // A thread that panicked has said so already.
            let _ = acceptor.join();
        }
    }
}

impl Shared {
    fn mode(&self) -> Mode {
        *self.mode.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_over(&self) -> bool {
        self.is_over.load(Ordering::SeqCst)
    }

    /// Something is done to an answer.
    fn spoil(&self) {
        self.spoilt.fetch_add(1, Ordering::SeqCst);
    }

    /// Whether this answer is one of those that something is done to.
    fn is_due(&self) -> bool {
        self.answers.fetch_add(1, Ordering::SeqCst) % EVERY == EVERY - 1
    }
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    let mut threads = Vec::new();
    while !shared.is_over() {
        match listener.accept() {
            Ok((proxy, _)) => {
                // A server that is gone is a connection that ends at once.
                if let Ok(connection) = join(proxy, shared) {
                    threads.extend(connection);
                }
                threads.retain(|thread: &JoinHandle<()>| !thread.is_finished());
            }
            Err(_) => thread::sleep(Duration::from_millis(2)),
        }
    }
    for thread in threads {
        let _ = thread.join();
    }
}

/// Starts the two directions of a connection.
fn join(proxy: TcpStream, shared: &Arc<Shared>) -> io::Result<[JoinHandle<()>; 2]> {
    let server = TcpStream::connect((Ipv4Addr::LOCALHOST, shared.upstream))?;
    for stream in [&proxy, &server] {
        stream.set_nonblocking(false)?;
        stream.set_read_timeout(Some(STEP))?;
        stream.set_write_timeout(Some(Duration::from_secs(2)))?;
        stream.set_nodelay(true)?;
    }
    let (to_server, from_proxy) = (server.try_clone()?, proxy.try_clone()?);
    let (of_requests, of_answers) = (Arc::clone(shared), Arc::clone(shared));
    let is_over = Arc::new(AtomicBool::new(false));
    let of_requests_over = Arc::clone(&is_over);
    let requests = thread::spawn(move || {
        pass_requests(from_proxy, to_server, &of_requests, &of_requests_over);
    });
    let answers = thread::spawn(move || {
        // However it ends, so does the connection.
        let end = pass_answers(&server, &proxy, &of_answers, &is_over);
        let _ = server.shutdown(Shutdown::Both);
        // A reset is what the kernel makes of the last close, so nothing may be said before it.
        if !end.is_err_and(|error| error.kind() == ErrorKind::ConnectionReset) {
            let _ = proxy.shutdown(Shutdown::Both);
        }
        is_over.store(true, Ordering::SeqCst);
    });
    Ok([requests, answers])
}

fn pass_requests(mut from: TcpStream, mut to: TcpStream, shared: &Shared, is_over: &AtomicBool) {
    let mut chunk = [0; 16 * 1024];
    while let Ok(len) = read(&mut from, &mut chunk, shared, is_over) {
        let is_silent = shared.mode() == Mode::Silent;
        if is_silent {
            shared.spoil();
        }
        let is_passed = is_silent || to.write_all(&chunk[..len]).is_ok();
        if len == 0 || !is_passed {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Both);
}

/// Waits for bytes; an error when the relay or the connection is to end.
fn read(
    from: &mut impl Read,
    chunk: &mut [u8],
    shared: &Shared,
    is_over: &AtomicBool,
) -> io::Result<usize> {
    loop {
        match from.read(chunk) {
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                if shared.is_over() || is_over.load(Ordering::SeqCst) {
                    return Err(ErrorKind::Interrupted.into());
                }
            }
            other => return other,
        }
    }
}

fn pass_answers(
    mut from: &TcpStream,
    to: &TcpStream,
    shared: &Shared,
    is_over: &AtomicBool,
) -> io::Result<()> {
    let mut bytes = Vec::new();
    let mut chunk = [0; 16 * 1024];
    loop {
        let len = read(&mut from, &mut chunk, shared, is_over)?;
        if len == 0 {
            return Ok(());
        }
        bytes.extend_from_slice(&chunk[..len]);
        let mut answers = Vec::new();
        let mut at = 0;
        while let Some((_, len)) = speech::read_reply(shared.protocol, &bytes[at..]) {
            answers.push(bytes[at..at + len].to_vec());
            at += len;
        }
        bytes.drain(..at);
        if let Mode::Delay(milliseconds) = shared.mode() {
            shared.spoil();
            rest(milliseconds, shared)?;
        }
        if shared.mode() == Mode::Swap {
            for pair in answers.chunks_exact_mut(2) {
                shared.spoil();
                pair.swap(0, 1);
            }
        }
        // Passed together as they came together, except for those that something is done to.
        let mut together = Vec::new();
        for answer in answers {
            let mode = shared.mode();
            if matches!(mode, Mode::Pass | Mode::Delay(_) | Mode::Swap | Mode::Silent) {
                together.extend_from_slice(&answer);
                continue;
            }
            write(to, &std::mem::take(&mut together))?;
            spoil(to, &answer, mode, shared)?;
        }
        write(to, &together)?;
    }
}

/// Passes an answer on, with something done to it.
fn spoil(to: &TcpStream, answer: &[u8], mode: Mode, shared: &Shared) -> io::Result<()> {
    match mode {
        Mode::Trickle => {
            // Long values would take minutes: their rest comes at once.
            shared.spoil();
            let slow = answer.len().min(40);
            for byte in &answer[..slow] {
                write(to, &[*byte])?;
                thread::sleep(Duration::from_micros(200));
            }
            return write(to, &answer[slow..]);
        }
        _ if !shared.is_due() => return write(to, answer),
        _ => {}
    }
    shared.spoil();
    let half = answer.len() / 2;
    match mode {
        Mode::Cut => {
            write(to, &answer[..half])?;
            Err(ErrorKind::ConnectionAborted.into())
        }
        Mode::Reset => {
            write(to, &answer[..half])?;
            // With no time to linger, closing is a reset.
            rustix::net::sockopt::set_socket_linger(to, Some(Duration::ZERO))?;
            Err(ErrorKind::ConnectionReset.into())
        }
        Mode::Garbage => write(to, b"\x16\x03\x01\x02\x00garbage\xff\xfe\r\n\r\n"),
        Mode::Unasked => write(to, &[answer, answer].concat()),
        Mode::Truncated(milliseconds) => {
            write(to, &answer[..half])?;
            rest(milliseconds, shared)?;
            write(to, &answer[half..])
        }
        Mode::WrongKind => match shared.protocol {
            Protocol::Redis => write(to, b":7\r\n"),
            Protocol::Memcached => write(to, b"TOUCHED\r\n"),
        },
        // The others were seen to above.
        _ => write(to, answer),
    }
}

fn write(mut to: &TcpStream, bytes: &[u8]) -> io::Result<()> {
    if bytes.is_empty() { Ok(()) } else { to.write_all(bytes) }
}

fn rest(milliseconds: u64, shared: &Shared) -> io::Result<()> {
    let mut left = Duration::from_millis(milliseconds);
    while !left.is_zero() {
        if shared.is_over() {
            return Err(ErrorKind::Interrupted.into());
        }
        let step = left.min(STEP);
        thread::sleep(step);
        left -= step;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
