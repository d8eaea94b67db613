//! How a worker waits for its next turn, and what that is about.
//!
//! ```text
//!  turns   .. all | early answers | answers | answers | all else ..
//!                 ^ a poll finds few events: a pause     ^ its end
//! ```
//! In a pause for clients alone ([`Pause::takes_answers`](super::pacer::Pause)) a turn of answers is made of what servers
//! have sent, as often as they do, and nothing else is looked at. In any other pause the worker sleeps.

use std::io;
use std::thread;
use std::time::{Duration, Instant};

use mio::Events;
use mio::event::Event;
use nutcracker_engine::limits::EVENTS_A_TURN;

use super::pacer::{Done, EVENTS_ENOUGH, Pacer};
use crate::polling::{Pollers, poll_now, wait};
use crate::subject::Subject;

/// The waits of one worker.
#[derive(Debug)]
pub(super) struct Waiting {
    pacer: Pacer,
    /// How long to look for events before it sleeps.
    busy_poll: Duration,
    events: Events,
    /// What was there already when a pause was to begin.
    early: Events,
    /// When the pause ends in which servers' answers are taken.
    pause_ends: Option<Instant>,
    about: About,
}

/// What a turn is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum About {
    /// All there is.
    All,
    /// All but the answers among the early events, which have been taken.
    AllElse,
    /// The answers among the early events.
    EarlyAnswers,
    /// The answers that came in a pause.
    Answers,
}

impl About {
    /// Whether such a turn tells of an event that was there before the pause.
    fn tells_early(self, event: &Event) -> bool {
        let is_server = Subject::of(event.token()).is_server();
        match self {
            Self::All => true,
            Self::AllElse => !is_server,
            Self::EarlyAnswers => is_server,
            Self::Answers => false,
        }
    }
}

/// How a wait was.
#[derive(Clone, Copy, Debug)]
pub(super) struct Waited {
    /// How long it was to be at most; `None` for as long as it takes.
    pub(super) asked: Option<Duration>,
    /// The next turn follows this one closely, whatever comes.
    pub(super) turns_follow: bool,
}

impl Waiting {
    /// A worker that has not begun. It looks for events for `busy_poll` before it sleeps, and pauses for `turn_pause`
    /// when it is busy.
    #[must_use]
    pub(super) fn new(busy_poll: Duration, turn_pause: Duration) -> Self {
        Self {
            pacer: Pacer::new(turn_pause),
            busy_poll,
            events: Events::with_capacity(EVENTS_A_TURN),
            early: Events::with_capacity(EVENTS_ENOUGH),
            pause_ends: None,
            about: About::All,
        }
    }

    /// Waits for the next turn, for `timeout` at most and a pause, after one that did what is `done` and was over at
    /// `now`.
    ///
    /// # Errors
    /// When a poller fails.
    pub(super) fn wait(
        &mut self,
        pollers: &mut Pollers,
        timeout: Option<Duration>,
        done: &Done,
        now: Instant,
    ) -> io::Result<Waited> {
        self.pacer.record_turn(done);
        match self.pause_ends {
            // Something is left of this turn.
            None if done.is_cut_short => {
                self.early.clear();
                self.wait_for_all(pollers, About::All, timeout, Duration::ZERO)
            }
            None => self.wait_or_pause(pollers, timeout, now),
            Some(ends) => {
                let left = match done.is_cut_short {
                    true => Duration::ZERO,
                    false => ends.saturating_duration_since(now),
                };
                self.wait_in_pause(pollers, timeout, ends, left)
            }
        }
    }

    /// Waits for all there is, after a pause if that is worth it.
    fn wait_or_pause(
        &mut self,
        pollers: &mut Pollers,
        timeout: Option<Duration>,
        now: Instant,
    ) -> io::Result<Waited> {
        self.early.clear();
        let Some(pause) = self.pacer.pause() else {
            let waited = self.wait_for_all(pollers, About::All, timeout, Duration::ZERO)?;
            return Ok(Waited { turns_follow: false, ..waited });
        };
        poll_now(&mut pollers.all, &mut self.early)?;
        if self.early.iter().count() >= pause.enough {
            return self.wait_for_all(pollers, About::All, timeout, Duration::ZERO);
        }
        if !pause.takes_answers {
            thread::sleep(pause.length);
            return self.wait_for_all(pollers, About::All, timeout, pause.length);
        }
        let ends = now + pause.length;
        if self.early.iter().any(|event| Subject::of(event.token()).is_server()) {
            self.events.clear();
            (self.about, self.pause_ends) = (About::EarlyAnswers, Some(ends));
            return Ok(Waited { asked: Some(Duration::ZERO), turns_follow: true });
        }
        self.wait_in_pause(pollers, timeout, ends, pause.length)
    }

    /// Waits for answers as long as is `left` of a pause, and for all else at its end.
    fn wait_in_pause(
        &mut self,
        pollers: &mut Pollers,
        timeout: Option<Duration>,
        ends: Instant,
        left: Duration,
    ) -> io::Result<Waited> {
        if !left.is_zero() {
            pollers.wait_for_answers(&mut self.events, left)?;
            if !self.events.is_empty() {
                (self.about, self.pause_ends) = (About::Answers, Some(ends));
                return Ok(Waited { asked: Some(left), turns_follow: true });
            }
        }
        self.pause_ends = None;
        self.wait_for_all(pollers, About::AllElse, timeout, left)
    }

    /// Waits until there is something, when the worker has `slept` already; not at all where something was there
    /// before its pause.
    fn wait_for_all(
        &mut self,
        pollers: &mut Pollers,
        about: About,
        timeout: Option<Duration>,
        slept: Duration,
    ) -> io::Result<Waited> {
        self.about = about;
        let timeout = if self.early.is_empty() { timeout } else { Some(Duration::ZERO) };
        wait(&mut pollers.all, &mut self.events, timeout, self.busy_poll)?;
        Ok(Waited { asked: timeout.map(|timeout| timeout + slept), turns_follow: true })
    }

    /// The wait took so long.
    pub(super) fn record_wait(&mut self, time: Duration) {
        self.pacer.record_wait(time);
    }

    /// Whether the turn is about servers' answers alone.
    #[must_use]
    pub(super) fn is_of_answers(&self) -> bool {
        matches!(self.about, About::EarlyAnswers | About::Answers)
    }

    /// Whether there may be more events than the turn is about.
    #[must_use]
    pub(super) fn is_full(&self) -> bool {
        self.events.iter().count() == EVENTS_A_TURN
    }

    /// The events that the turn is about.
    pub(super) fn events(&self) -> impl Iterator<Item = &Event> {
        let early = self.early.iter().filter(|event| self.about.tells_early(event));
        early.chain(&self.events)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::os::unix::net::UnixStream as Peer;

    use mio::net::UnixStream;
    use mio::{Token, Waker};
    use nutcracker_engine::ResponseTimes;

    use super::*;
    use crate::net::Socket;

    /// Long enough that a test is not held up for as long between two lines.
    const PAUSE: Duration = Duration::from_secs(1);

    /// The tokens of a client's conn and a server's.
    const CLIENT: Token = Token(0);
    const SERVER: Token = Token(1);

    /// A worker's pollers, which watch one conn of each side.
    struct World {
        pollers: Pollers,
        waiting: Waiting,
        server: Socket,
        _client: Socket,
        /// The other ends.
        servers: Peer,
        clients: Peer,
    }

    fn conn(pollers: &Pollers, token: Token) -> (Socket, Peer) {
        let (own, peer) = UnixStream::pair().expect("a pair of sockets");
        let mut socket = Socket::Unix(own);
        socket.register(pollers.all.registry(), token).expect("a poller");
        (socket, Peer::from(std::os::fd::OwnedFd::from(peer)))
    }

    impl World {
        fn new() -> Self {
            let pollers = Pollers::new().expect("pollers");
            let (client, clients) = conn(&pollers, CLIENT);
            let (server, servers) = conn(&pollers, SERVER);
            server.register_answers(pollers.answers.registry(), SERVER).expect("a poller");
            let mut waiting = Waiting::new(Duration::ZERO, PAUSE);
            waiting.pacer = Pacer::pausing(PAUSE);
            let mut world = Self { pollers, waiting, server, _client: client, servers, clients };
            world.wait(&Done::default());
            world
        }

        /// Waits for a turn, and says which conns have something to read then, and for how long it waited.
        fn wait(&mut self, done: &Done) -> (Vec<Token>, Duration) {
            let now = Instant::now();
            let timeout = Some(Duration::ZERO);
            self.waiting.wait(&mut self.pollers, timeout, done, now).expect("a poller");
            let waited = now.elapsed();
            self.waiting.record_wait(Duration::ZERO);
            let readable = self.waiting.events().filter(|event| event.is_readable());
            (readable.map(Event::token).collect(), waited)
        }

        fn read_answer(&mut self) {
            let mut space = [0; 8];
            assert_eq!(self.server.read(&mut space).expect("an answer"), 1);
        }
    }

    /// A turn of a busy worker, in which each response had a write of its own, or shared it with others.
    fn busy(writes: usize) -> Done {
        let responses = ResponseTimes { count: 12, time: PAUSE * 4 * 12 };
        let work = Duration::from_millis(1);
        Done { work, events: 12, responses, writes, outstanding: 12, ..Done::default() }
    }

    #[test]
    fn answers_are_taken_in_a_pause_and_clients_wait_for_its_end() {
        let mut world = World::new();
        world.clients.write_all(b"1").expect("a request");
        world.servers.write_all(b"1").expect("an answer");
        let (early, _) = world.wait(&busy(12));
        assert_eq!(early, [SERVER]);
        assert!(world.waiting.is_of_answers());
        world.read_answer();

        world.servers.write_all(b"2").expect("an answer");
        let (late, waited) = world.wait(&busy(12));
        assert_eq!(late, [SERVER]);
        assert!(world.waiting.is_of_answers());
        assert!(waited < PAUSE, "{waited:?}");
        world.read_answer();

        let (rest, _) = world.wait(&busy(12));
        assert_eq!(rest, [CLIENT], "the server's answers are not told of twice");
        assert!(!world.waiting.is_of_answers());
    }

    #[test]
    fn nothing_is_lost_that_comes_in_a_pause() {
        let mut world = World::new();
        let mut servers = world.servers.try_clone().expect("a descriptor");
        let mut clients = world.clients.try_clone().expect("a descriptor");
        let later = thread::spawn(move || {
            thread::sleep(PAUSE / 4);
            clients.write_all(b"1").expect("a request");
            servers.write_all(b"1").expect("an answer");
        });
        let (first, waited) = world.wait(&busy(12));
        assert_eq!(first, [SERVER]);
        assert!(waited < PAUSE, "{waited:?}");
        later.join().expect("it has written");
        // The answer is left unread, as one that is larger than what a turn reads.
        let (second, waited) = world.wait(&busy(12));
        assert_eq!(second.len(), 2, "{second:?}");
        assert!(waited >= PAUSE / 2, "{waited:?}");
        let mut space = [0; 8];
        assert_eq!(world.server.read(&mut space).expect("an answer"), 1);
    }

    #[test]
    fn what_other_threads_say_waits_for_the_end_of_a_pause() {
        let mut world = World::new();
        let [wake, listener] = [Subject::Waker, Subject::Listener(1)].map(Subject::token);
        let waker = Waker::new(world.pollers.all.registry(), wake).expect("a waker");
        waker.wake().expect("it wakes");
        let (_listening, mut comes) = conn(&world.pollers, listener);
        comes.write_all(b"1").expect("a client");
        world.servers.write_all(b"1").expect("an answer");
        assert_eq!(world.wait(&busy(12)).0, [SERVER]);
        world.read_answer();
        let (rest, _) = world.wait(&busy(12));
        assert_eq!(rest, [wake, listener]);
        assert!(!world.waiting.is_of_answers());
    }

    #[test]
    fn a_pause_ends_when_a_server_has_sent_more_than_was_read() {
        let mut world = World::new();
        world.servers.write_all(b"1").expect("an answer");
        assert_eq!(world.wait(&busy(12)).0, [SERVER]);
        let (_, waited) = world.wait(&Done { is_cut_short: true, ..busy(12) });
        assert!(!world.waiting.is_of_answers());
        assert!(waited < PAUSE, "{waited:?}");
    }

    #[test]
    fn no_pause_begins_when_a_server_has_sent_more_than_was_read() {
        for writes in [1, 12] {
            let mut world = World::new();
            let (readable, waited) = world.wait(&Done { is_cut_short: true, ..busy(writes) });
            assert!(readable.is_empty() && !world.waiting.is_of_answers());
            assert!(waited < PAUSE, "{waited:?}");
            let (_, waited) = world.wait(&busy(writes));
            assert!(waited >= PAUSE, "{waited:?}: once it is read the worker pauses as before");
        }
    }

    #[test]
    fn a_pause_in_which_responses_wait_as_well_is_slept() {
        let mut world = World::new();
        world.servers.write_all(b"1").expect("an answer");
        let (readable, waited) = world.wait(&busy(1));
        assert_eq!(readable, [SERVER]);
        assert!(!world.waiting.is_of_answers());
        assert!(waited >= PAUSE, "{waited:?}");
    }

    #[test]
    fn who_is_not_busy_does_not_pause() {
        let mut world = World::new();
        world.clients.write_all(b"1").expect("a request");
        let (readable, waited) = world.wait(&Done::default());
        assert_eq!(readable, [CLIENT]);
        assert!(waited < PAUSE, "{waited:?}");
    }
}
