//! Plays a stream's client: sends its pieces, each in a write of its own, reads all the while, shuts
//! down its sending side and reads on to the end.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::reply::{self, Protocol};
use super::stream::{BLANK_DIGITS, Company, Stream};
use crate::failure::{Failure, Result};
use crate::{interrupt, servers};

/// What was heard on one connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Heard {
    /// All bytes.
    pub(crate) output: Vec<u8>,
    /// How it ended.
    pub(crate) end: End,
}

/// How a connection ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// By the proxy's FIN.
    Closed,
    /// By its RST.
    Reset,
    /// Not at all: nothing came for so long.
    Silent,
}

/// How long to wait for the next byte.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Patience {
    /// While a reply is due for certain.
    pub(crate) due: Duration,
    /// When everything has been sent, and what is due has come or may never come.
    pub(crate) last: Duration,
}

/// Plays `stream` against the pool that listens on `port`.
///
/// # Errors
/// The system's, when it cannot connect; [`Failure::Interrupted`].
pub(crate) fn play(
    port: u16,
    protocol: Protocol,
    stream: &Stream,
    patience: Patience,
) -> Result<Heard> {
    let connecting = || Failure::system(format!("connecting to port {port}"));
    let socket = servers::connect(port).map_err(connecting())?;
    socket.set_nonblocking(true).map_err(connecting())?;
    Dialogue {
        socket,
        protocol,
        stream,
        wire: stream.wire.clone(),
        sent: 0,
        stage: 0,
        cut: 0,
        hold_until: None,
        is_sending: true,
        is_stuck: false,
        output: Vec::new(),
        counted: (0, 0),
        due: stream.asks.iter().filter(|ask| ask.is_answered()).count(),
    }
    .hold(patience)
}

/// For how long a client that reads late finds no room to send in before it reads.
const STUCK: Duration = Duration::from_millis(20);

/// A dialogue under way.
struct Dialogue<'a> {
    socket: TcpStream,
    protocol: Protocol,
    stream: &'a Stream,
    wire: Vec<u8>,
    sent: usize,
    /// How many stages have been begun, less one.
    stage: usize,
    /// The next cut.
    cut: usize,
    hold_until: Option<Instant>,
    is_sending: bool,
    /// The proxy has not taken anything for a while.
    is_stuck: bool,
    output: Vec<u8>,
    /// So many whole replies are in so many bytes of the output.
    counted: (usize, usize),
    /// So many replies are due.
    due: usize,
}

impl Dialogue<'_> {
    fn hold(mut self, patience: Patience) -> Result<Heard> {
        let mut last_news = Instant::now();
        loop {
            let may_send = self.is_sending && self.may_send();
            let now = Instant::now();
            let is_held = self.hold_until.is_some_and(|until| now < until);
            let limit = if self.is_due() { patience.due } else { patience.last };
            let mut wake = last_news + limit;
            if let Some(until) = self.hold_until.filter(|_| is_held) {
                wake = wake.min(until);
            }
            let mut flags = PollFlags::IN;
            if may_send && !is_held {
                flags |= PollFlags::OUT;
                if self.stream.reads_late && !self.is_stuck {
                    flags = PollFlags::OUT;
                    wake = now + STUCK;
                }
            }
            let found = self.wait(flags, wake.saturating_duration_since(now))?;
            self.is_stuck |= found.is_empty() && !flags.contains(PollFlags::IN);
            if found.is_empty() && Instant::now() >= last_news + limit {
                return Ok(self.end(End::Silent));
            }
            if found.contains(PollFlags::OUT) && self.send() {
                last_news = Instant::now();
            }
            if found.intersects(PollFlags::IN | PollFlags::HUP | PollFlags::ERR) {
                last_news = Instant::now();
                if let Some(end) = self.read()? {
                    return Ok(self.end(end));
                }
            }
        }
    }

    fn end(self, end: End) -> Heard {
        Heard { output: self.output, end }
    }

    fn wait(&self, flags: PollFlags, time: Duration) -> Result<PollFlags> {
        /// So that Ctrl-C is seen.
        const STEP: Duration = Duration::from_millis(200);
        interrupt::check()?;
        let time = Timespec::try_from(time.min(STEP)).expect("a fifth of a second");
        let mut fds = [PollFd::new(&self.socket, flags)];
        match poll(&mut fds, Some(&time)) {
            Ok(_) | Err(rustix::io::Errno::INTR) => Ok(fds[0].revents()),
            Err(error) => Err(Failure::system("waiting for a socket")(error.into())),
        }
    }

    /// Whether more must come.
    fn is_due(&mut self) -> bool {
        let is_spoilt = self.stream.company == Company::Spoilt;
        self.is_sending || (!is_spoilt && self.count_replies() < self.due)
    }

    /// Whether the next piece may go: it is not the first of a stage whose turn has not come.
    fn may_send(&mut self) -> bool {
        while self.stream.stages.get(self.stage) == Some(&self.sent) {
            let asks = self.stream.asks.iter().filter(|ask| ask.at.end <= self.sent);
            let due = asks.filter(|ask| ask.is_answered()).count();
            if self.count_replies() < due {
                return false;
            }
            self.stage += 1;
            self.fill_blanks();
        }
        true
    }

    fn count_replies(&mut self) -> usize {
        let (mut count, mut at) = self.counted;
        while let Ok(Some(length)) = self.protocol.reply_length(&self.output[at..]) {
            count += 1;
            at += length;
        }
        self.counted = (count, at);
        count
    }

    /// Fills in the blanks of the stage that begins.
    fn fill_blanks(&mut self) {
        let end = self.stream.stages.get(self.stage).copied().unwrap_or(self.wire.len());
        for blank in &self.stream.blanks {
            if (self.sent..end).contains(&blank.at) {
                let (replies, _) = self.protocol.replies(&self.output);
                let values = replies.get(blank.from).and_then(|reply| reply::values(reply));
                let unique = values.and_then(|(values, _)| values.first()?.unique);
                let digits = format!("{:0width$}", unique.unwrap_or(0), width = BLANK_DIGITS);
                self.wire[blank.at..][..BLANK_DIGITS].copy_from_slice(digits.as_bytes());
            }
        }
    }

    /// Sends one piece, and shuts down behind the last. Says whether anything was sent.
    fn send(&mut self) -> bool {
        let stage_end = self.stream.stages.get(self.stage).copied().unwrap_or(self.wire.len());
        while self.stream.cuts.get(self.cut).is_some_and(|cut| *cut <= self.sent) {
            self.cut += 1;
        }
        let cut = self.stream.cuts.get(self.cut).copied().unwrap_or(stage_end);
        let end = cut.min(stage_end);
        match self.socket.write(&self.wire[self.sent..end]) {
            Ok(count) => self.sent += count,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return false,
            // The proxy has closed: what it said before is still to be read.
            Err(_) => self.is_sending = false,
        }
        if self.sent == end && !self.stream.pause.is_zero() {
            self.hold_until = Some(Instant::now() + self.stream.pause);
        }
        if self.is_sending && self.sent == self.wire.len() {
            self.is_sending = false;
            // It fails when the proxy has closed, which reading tells.
            let _ = self.socket.shutdown(Shutdown::Write);
        }
        true
    }

    /// Reads what is there; the end, if that is there.
    fn read(&mut self) -> Result<Option<End>> {
        let mut space = [0; 64 * 1024];
        loop {
            match self.socket.read(&mut space) {
                Ok(0) => return Ok(Some(End::Closed)),
                Ok(count) => self.output.extend_from_slice(&space[..count]),
                Err(error) => match error.kind() {
                    ErrorKind::WouldBlock => return Ok(None),
                    ErrorKind::ConnectionReset | ErrorKind::BrokenPipe => {
                        return Ok(Some(End::Reset));
                    }
                    ErrorKind::Interrupted => {}
                    _ => return Err(Failure::system("reading a reply")(error)),
                },
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::thread;

    use super::*;
    use crate::random::Random;
    use crate::soak::stream::{Blank, Draft, Judge, Mode};

    const PATIENCE: Patience =
        Patience { due: Duration::from_secs(20), last: Duration::from_secs(20) };

    /// A peer that answers each line, hears all to the end and then closes; what it heard when.
    fn peer(answers: &'static [&'static [u8]]) -> (u16, thread::JoinHandle<Vec<Vec<u8>>>) {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a listener");
        let port = listener.local_addr().expect("its address").port();
        let heard = thread::spawn(move || {
            let (mut socket, _) = listener.accept().expect("a client");
            let mut heard = vec![Vec::new()];
            let mut answers = answers.iter();
            let mut space = [0; 1000];
            loop {
                let count = socket.read(&mut space).expect("bytes");
                if count == 0 {
                    return heard;
                }
                heard.last_mut().expect("one").extend_from_slice(&space[..count]);
                if space[..count].ends_with(b"\n")
                    && let Some(answer) = answers.next()
                {
                    socket.write_all(answer).expect("it is read");
                    heard.push(Vec::new());
                }
            }
        });
        (port, heard)
    }

    #[test]
    fn a_stage_waits_for_all_replies_and_its_blanks_are_filled_from_them() {
        let mut draft = Draft::new(0, 0);
        draft.ask(b"gets a b\r\n", Judge::Same(Mode::Values));
        draft.stage();
        draft.ask(b"cas 00000000000000000000\r\n", Judge::Same(Mode::Exact));
        draft.blank(BLANK_DIGITS + 2, 0);
        let stream = draft.finish(&mut Random::of_stream(1, 1));
        assert_eq!(stream.blanks, [Blank { at: 14, from: 0 }]);
        let answers: &[&[u8]] = &[b"VALUE a 0 1 35\r\nv\r\nEND\r\n", b"STORED\r\n"];
        let (port, peer) = peer(answers);
        let heard = play(port, Protocol::Memcached, &stream, PATIENCE).expect("a dialogue");
        assert_eq!(heard, Heard { output: answers.concat(), end: End::Closed });
        let said = peer.join().expect("the peer does not panic");
        let last: &[u8] = b"";
        assert_eq!(said, [&b"gets a b\r\n"[..], b"cas 00000000000000000035\r\n", last]);
    }

    #[test]
    fn all_bytes_arrive_however_they_are_cut_and_however_late_the_client_reads() {
        for number in 0..20 {
            let mut random = Random::of_stream(1, number);
            let mut draft = Draft::new(number, 0);
            draft.ask(&[&vec![b'x'; random.below(3000)][..], b"\n"].concat(), Judge::Silent);
            let stream = draft.finish(&mut random);
            let (port, peer) = peer(&[b"+OK\r\n"]);
            let heard = play(port, Protocol::Redis, &stream, PATIENCE).expect("a dialogue");
            assert_eq!(heard.output, b"+OK\r\n");
            assert_eq!(peer.join().expect("the peer does not panic")[0], stream.wire);
        }
    }

    #[test]
    fn a_peer_that_says_nothing_more_is_given_up() {
        let mut draft = Draft::new(0, 0);
        draft.ask(b"hello\n", Judge::Silent);
        let stream = draft.finish(&mut Random::of_stream(1, 1));
        let listener = TcpListener::bind("127.0.0.1:0").expect("a listener");
        let port = listener.local_addr().expect("its address").port();
        let patience = Patience { last: Duration::from_millis(30), ..PATIENCE };
        let heard = play(port, Protocol::Redis, &stream, patience).expect("a dialogue");
        assert_eq!(heard, Heard { output: Vec::new(), end: End::Silent });
    }
}
