//! The load client: many connections on one thread, each response compared to the right one.
//!
//! Each client sends a batch of as many requests as the pipeline is deep, waits for all of its
//! responses and sends the next, as `redis-benchmark` does. It serves where that program does not:
//! for memcached, wherever answers must be proved right, and where batches are to be sent at moments of
//! their own and not as soon as a response is there (`paced.rs`).

use std::io::{self, Read, Write};
use std::net;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use mio::event::Event;
use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};

use super::script::Script;
use super::workload::{Random, Workload};
use crate::failure::{Failure, Result};
use crate::{interrupt, servers};

/// Clients connected to one port, ready to run one workload.
#[derive(Debug)]
pub(crate) struct Load {
    poll: Poll,
    pub(super) clients: Vec<Client>,
    pub(super) script: Script,
    pub(super) pipeline: usize,
}

/// When clients stop sending new batches.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Until {
    /// When this much time has passed.
    Time(Duration),
    /// When each has sent this many.
    Batches(u64),
}

/// What a run of a load came to.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// Requests whose right response came.
    pub(crate) requests: u64,
    /// From the first request to the last response.
    pub(crate) elapsed: Duration,
    /// Microseconds from sending a batch to the last of its responses, once for each request.
    pub(crate) latency: Histogram<u64>,
}

/// How long nothing at all may arrive while responses are due.
pub(super) const SILENCE_MAX: Duration = Duration::from_secs(10);

/// Room for what one read can bring. Large, so that a large value costs few system calls.
pub(super) const READ_BYTES: usize = 256 * 1024;

/// The longest latency that the histogram tells apart from longer ones, in microseconds.
const LATENCY_MAX: u64 = 60_000_000;

/// A histogram of microseconds.
pub(super) fn histogram() -> Result<Histogram<u64>> {
    // Three digits are plenty beside the spread between rounds.
    Histogram::new_with_bounds(1, LATENCY_MAX, 3)
        .map_err(|error| Failure::Wrong(format!("making a histogram: {error}")))
}

impl Load {
    /// Connects `clients` clients to `port`.
    ///
    /// # Errors
    /// The system's, when a client cannot connect.
    pub(crate) fn connect(
        port: u16,
        workload: Workload,
        clients: usize,
        pipeline: usize,
    ) -> Result<Self> {
        Self::connect_greeting(port, workload, clients, pipeline, |_| Ok(()))
    }

    /// Connects `clients` Redis clients to `port`, which ask for RESP3 as today's libraries do.
    ///
    /// # Errors
    /// As [`Self::connect`], and when a client is not answered.
    pub(crate) fn connect_resp3(
        port: u16,
        workload: Workload,
        clients: usize,
        pipeline: usize,
    ) -> Result<Self> {
        Self::connect_greeting(port, workload, clients, pipeline, ask_for_resp3)
    }

    fn connect_greeting(
        port: u16,
        workload: Workload,
        clients: usize,
        pipeline: usize,
        greet: fn(&mut net::TcpStream) -> io::Result<()>,
    ) -> Result<Self> {
        let poll = Poll::new().map_err(Failure::system("making a poller"))?;
        let clients = (0..clients)
            .map(|index| {
                interrupt::check()?;
                Client::connect(port, index, &poll, greet)
                    .map_err(Failure::system(format!("connecting client {index} to port {port}")))
            })
            .collect::<Result<Vec<_>>>()?;
        Ok(Self { poll, clients, script: Script::new(&workload), pipeline })
    }

    /// Runs the load, and waits for every response that is due at its end.
    ///
    /// # Errors
    /// [`Failure::Wrong`] for a response that is not the right one, a connection that closes, or
    /// silence while responses are due.
    pub(crate) fn run(&mut self, until: Until) -> Result<Outcome> {
        let mut latency = histogram()?;
        let start = Instant::now();
        let mut busy = 0;
        for client in &mut self.clients {
            client.batches = 0;
            client.begin_batch(&self.script, self.pipeline);
            client.send()?;
            busy += 1;
        }
        let mut batches = 0_u64;
        let mut events = Events::with_capacity(1024);
        let mut buffer = vec![0; READ_BYTES];
        let mut last_heard = start;
        while busy > 0 {
            interrupt::check()?;
            match self.poll.poll(&mut events, Some(Duration::from_millis(100))) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                result => result.map_err(Failure::system("polling"))?,
            }
            if !events.is_empty() {
                last_heard = Instant::now();
            } else if last_heard.elapsed() > SILENCE_MAX {
                return Err(self.silence());
            }
            for event in &events {
                let client = &mut self.clients[event.token().0];
                if !client.handle(event, &mut buffer, &self.script)? {
                    continue;
                }
                batches += 1;
                let micros = client.begun.elapsed().as_micros() as u64;
                latency.saturating_record_n(micros, self.pipeline as u64);
                let done = match until {
                    Until::Time(time) => start.elapsed() >= time,
                    Until::Batches(count) => client.batches >= count,
                };
                if done {
                    busy -= 1;
                } else {
                    client.begin_batch(&self.script, self.pipeline);
                    client.send()?;
                }
            }
        }
        let requests = batches * self.pipeline as u64;
        Ok(Outcome { requests, elapsed: start.elapsed(), latency })
    }

    /// Says which client has waited for what.
    pub(super) fn silence(&self) -> Failure {
        let waiting = self.clients.iter().filter(|client| client.is_waiting());
        let example = waiting.clone().next().map_or_else(String::new, |client| {
            let (got, due) = (client.received.len() + client.matched, client.response.len());
            format!("; one has {got} of {due} bytes: {}", excerpt(&client.received))
        });
        Failure::Wrong(format!(
            "{} clients have waited {} seconds for responses{example}",
            waiting.count(),
            SILENCE_MAX.as_secs()
        ))
    }
}

/// One connection and its batch.
#[derive(Debug)]
pub(super) struct Client {
    pub(super) stream: TcpStream,
    random: Random,
    /// The batch's requests, and how much of them is sent.
    request: Vec<u8>,
    sent: usize,
    /// The batch's right responses, and how much of them has come and been compared.
    response: Vec<u8>,
    matched: usize,
    /// What has come of responses whose order is free; they are compared when all is there.
    received: Vec<u8>,
    /// From when on its latency is counted.
    pub(super) begun: Instant,
    batches: u64,
}

impl Client {
    fn connect(
        port: u16,
        index: usize,
        poll: &Poll,
        greet: fn(&mut net::TcpStream) -> io::Result<()>,
    ) -> io::Result<Self> {
        let mut stream = servers::connect(port)?;
        greet(&mut stream)?;
        stream.set_nonblocking(true)?;
        let mut stream = TcpStream::from_std(stream);
        let interest = Interest::READABLE | Interest::WRITABLE;
        poll.registry().register(&mut stream, Token(index), interest)?;
        Ok(Self {
            stream,
            random: Random::new(index),
            request: Vec::new(),
            sent: 0,
            response: Vec::new(),
            matched: 0,
            received: Vec::new(),
            begun: Instant::now(),
            batches: 0,
        })
    }

    /// Writes the next batch into memory.
    pub(super) fn begin_batch(&mut self, script: &Script, pipeline: usize) {
        self.request.clear();
        self.response.clear();
        self.received.clear();
        self.sent = 0;
        self.matched = 0;
        for _ in 0..pipeline {
            script.write(&mut self.random, &mut self.request, &mut self.response);
        }
        self.begun = Instant::now();
    }

    /// Sends as much of the batch as the kernel takes.
    pub(super) fn send(&mut self) -> Result<()> {
        while self.sent < self.request.len() {
            match self.stream.write(&self.request[self.sent..]) {
                Ok(count) => self.sent += count,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) => return Err(self.broken("sending requests", error)),
            }
        }
        Ok(())
    }

    /// A connection that is of no use any more: closed, however the system words it, or worse.
    fn broken(&self, doing: &str, error: io::Error) -> Failure {
        use io::ErrorKind::{BrokenPipe, ConnectionReset, UnexpectedEof};
        if !matches!(error.kind(), BrokenPipe | ConnectionReset | UnexpectedEof) {
            return Failure::system(doing)(error);
        }
        Failure::Wrong(format!(
            "the connection closed while {} bytes of responses were due",
            self.response.len() - self.matched
        ))
    }

    fn is_waiting(&self) -> bool {
        self.matched < self.response.len()
    }

    /// Does what an event allows. Returns whether the batch's last response has come.
    fn handle(&mut self, event: &Event, buffer: &mut [u8], script: &Script) -> Result<bool> {
        if event.is_writable() {
            self.send()?;
        }
        if event.is_readable() { self.receive(buffer, script) } else { Ok(false) }
    }

    /// Takes what has come. Returns whether the batch's last response has.
    pub(super) fn receive(&mut self, buffer: &mut [u8], script: &Script) -> Result<bool> {
        if !self.is_waiting() {
            return Ok(false);
        }
        loop {
            match self.stream.read(buffer) {
                Ok(0) => {
                    let end = io::ErrorKind::UnexpectedEof.into();
                    return Err(self.broken("receiving responses", end));
                }
                Ok(count) => {
                    self.take(&buffer[..count], script)?;
                    if !self.is_waiting() {
                        self.batches += 1;
                        return Ok(true);
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
                Err(error) => return Err(self.broken("receiving responses", error)),
            }
        }
    }

    /// Compares what came with what is right.
    fn take(&mut self, bytes: &[u8], script: &Script) -> Result<()> {
        if script.is_unordered() {
            self.received.extend_from_slice(bytes);
            if self.received.len() < self.response.len() {
                return Ok(());
            }
            self.matched = self.response.len();
            let is_right = script.has_all(&self.received, &self.response);
            return if is_right { Ok(()) } else { Err(self.wrong(&self.received, &self.response)) };
        }
        let due = &self.response[self.matched..];
        if !due.starts_with(bytes) {
            return Err(self.wrong(bytes, due));
        }
        self.matched += bytes.len();
        Ok(())
    }

    fn wrong(&self, found: &[u8], due: &[u8]) -> Failure {
        let request = excerpt(&self.request);
        let (found, due) = (excerpt(found), excerpt(due));
        Failure::Wrong(format!(
            "a wrong answer: {found}\nwhere this was due: {due}\nin a batch that begins: {request}"
        ))
    }
}

/// Changes the connection to RESP3. What `HELLO` answers is the server's own; what comes after it,
/// the answer to a `PING`, shows its end.
fn ask_for_resp3(stream: &mut net::TcpStream) -> io::Result<()> {
    stream.write_all(b"*2\r\n$5\r\nHELLO\r\n$1\r\n3\r\n*1\r\n$4\r\nPING\r\n")?;
    let (mut answer, mut piece) = (Vec::new(), [0; 512]);
    while !answer.ends_with(b"+PONG\r\n") {
        let count = stream.read(&mut piece)?;
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        answer.extend_from_slice(&piece[..count]);
    }
    if answer.starts_with(b"%") {
        return Ok(());
    }
    Err(io::Error::other(format!("HELLO 3 was answered with {}", answer.escape_ascii())))
}

/// The first bytes, readable.
fn excerpt(bytes: &[u8]) -> String {
    const BYTES: usize = 120;
    let (head, more) = if bytes.len() > BYTES { (&bytes[..BYTES], " ...") } else { (bytes, "") };
    format!("\"{}\"{more}", head.escape_ascii())
}

#[cfg(test)]
pub(super) mod tests {
    use std::net::TcpListener;
    use std::thread;

    use super::*;
    use crate::bench::workload::{Operation, Protocol};

    pub(crate) const GET: Workload =
        Workload { protocol: Protocol::Redis, operation: Operation::Get, value_bytes: 8, keys: 1 };

    /// A server of one connection that answers every read with `answer`, then closes when
    /// `answers` are given.
    pub(crate) fn server(answer: &'static [u8], answers: usize) -> u16 {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        thread::spawn(move || {
            let (mut stream, _) = listener.accept().expect("a client");
            let mut buffer = [0; 4096];
            for _ in 0..answers {
                if stream.read(&mut buffer).expect("a request") == 0 {
                    return;
                }
                stream.write_all(answer).expect("a response");
            }
        });
        port
    }

    fn run(workload: Workload, answer: &'static [u8], batches: u64) -> Result<Outcome> {
        Load::connect(server(answer, 3), workload, 1, 1)?.run(Until::Batches(batches))
    }

    #[test]
    fn right_answers_are_counted() {
        let outcome = run(GET, b"$8\r\n0000000;\r\n", 3).expect("right answers");
        assert_eq!((outcome.requests, outcome.latency.len()), (3, 3));
    }

    #[test]
    fn wrong_answers_fail_and_are_quoted() {
        for answer in [&b"$-1\r\n"[..], b"$8\r\n0000001;\r\n", b"$8\r\n0000000;\r\n+more\r\n"] {
            let failure = run(GET, answer, 3).expect_err("a wrong answer").to_string();
            let quoted = answer.escape_ascii().to_string();
            assert!(failure.contains(&quoted), "{failure} does not quote {quoted}");
        }
    }

    #[test]
    fn a_closed_connection_fails() {
        let failure = run(GET, b"$8\r\n0000000;\r\n", 4).expect_err("a close").to_string();
        assert!(failure.contains("closed"), "{failure}");
    }

    #[test]
    fn values_of_many_keys_may_come_in_any_order_but_must_be_right() {
        let multi = Workload {
            protocol: Protocol::Memcached,
            operation: Operation::MultiGet(2),
            keys: 2,
            ..GET
        };
        // What the load's first client will ask for: the same stream of random numbers.
        let (mut request, mut response) = (Vec::new(), Vec::new());
        let mut random = Random::new(0);
        Script::new(&multi).write(&mut random, &mut request, &mut response);
        let (first, rest) = response.split_at((response.len() - b"END\r\n".len()) / 2);
        let (second, end) = rest.split_at(first.len());
        let reversed: Vec<u8> = [second, first, end].concat();
        let wrong = response.to_ascii_lowercase();
        let cases = [(response.clone(), true), (reversed, true), (wrong, false)];
        for (answer, right) in cases {
            let text = answer.escape_ascii().to_string();
            let outcome = run(multi, answer.leak(), 1);
            assert_eq!(outcome.is_ok(), right, "{text}");
        }
    }
}
