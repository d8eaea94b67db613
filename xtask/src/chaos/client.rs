//! A known-value client: one thread, one connection at a time, keys of its own.
//!
//! It sends a window of requests, waits for all of their answers, judges each, and at its time sends
//! the next.
//! When the scenario is over it asks for every key once more, so that a loss nobody noticed shows,
//! and listens a little longer, so that an answer too many does.

use std::collections::BTreeSet;
use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

use rustix::net::{RecvFlags, recv};

use super::conversation::{Asked, Conversation, Verdict};
use super::known::Known;
use super::sixths::SIXTHS;
use super::speech;
use super::tally::{Owner, Tally};
use super::world::World;
use crate::random::Random;
use crate::soak::reply::Protocol;
use crate::{interrupt, servers};

/// How long a read waits before the clock is looked at.
const READ_STEP: Duration = Duration::from_millis(50);

/// How long a client rests before it tries again to reach a proxy.
const RECONNECT: Duration = Duration::from_millis(20);

/// How a client behaves.
#[derive(Debug, Clone, Copy)]
pub(super) struct Habits {
    pub(super) protocol: Protocol,
    /// Where the proxy listens, on 127.0.0.1.
    pub(super) port: u16,
    /// Requests that are sent before the first answer is waited for.
    pub(super) window: usize,
    /// Whether it also gets several keys at once.
    pub(super) gets_several: bool,
    /// How long from the begin of one window to that of the next, if its answers allow.
    pub(super) pace: Duration,
    /// How long an answer may take before the request counts as hung.
    pub(super) patience: Duration,
    /// How long a sixth of the run is, if the times of requests are kept by sixths.
    pub(super) sixth: Option<Duration>,
    /// What its choices follow from.
    pub(super) seed: u64,
}

/// A client and its keys.
#[derive(Debug)]
pub(super) struct Client<'a> {
    habits: Habits,
    world: &'a World,
    keys: &'a mut [Known],
    random: Random,
    tally: Tally,
}

/// A request to be made. Numbers are keys'.
#[derive(Debug)]
enum Ask {
    Set(usize),
    Get(Vec<usize>),
}

/// A connection and what was said on it.
#[derive(Debug)]
struct Line {
    stream: TcpStream,
    conversation: Conversation,
}

/// Why a connection is used no more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Over {
    /// The proxy ended it.
    Closed,
    /// An answer did not come.
    Hung,
    /// The chore was interrupted.
    Interrupted,
}

impl<'a> Client<'a> {
    /// One that has not said anything yet.
    pub(super) fn new(habits: Habits, keys: &'a mut [Known], world: &'a World) -> Self {
        let random = Random::of_stream(habits.seed, 0);
        Self { habits, world, keys, random, tally: Tally::default() }
    }

    /// Plays until the world ends, looks after all keys, and tells what it saw.
    pub(super) fn play(mut self) -> Tally {
        let mut line = None;
        let mut due = Instant::now();
        while !self.world.is_over() && interrupt::check().is_ok() {
            let window = self.draw_window();
            self.turn(&mut line, &window);
            // What was missed is not made up for: that would be a burst.
            due = (due + self.habits.pace).max(Instant::now());
            thread::sleep(due.saturating_duration_since(Instant::now()));
        }
        for at in 0..self.keys.len() {
            if interrupt::check().is_err() {
                break;
            }
            self.turn(&mut line, &[Ask::Get(vec![at])]);
        }
        if let Some(line) = line {
            self.listen(line);
        }
        self.tally
    }

    /// Sets every key once, before anything has gone wrong.
    pub(super) fn prepare(mut self) -> Tally {
        let mut line = None;
        for at in 0..self.keys.len() {
            self.turn(&mut line, &[Ask::Set(at)]);
        }
        self.tally
    }

    /// Requests about different keys.
    fn draw_window(&mut self) -> Vec<Ask> {
        let mut left: Vec<usize> = (0..self.keys.len()).collect();
        // Half of the windows are about keys of one server: what they suffer is that server's doing.
        if self.random.chance(500) && self.habits.window > 1 {
            let home = self.keys[self.random.below(left.len())].home;
            left.retain(|at| self.keys[*at].home == home);
        }
        let mut window = Vec::new();
        while window.len() < self.habits.window && !left.is_empty() {
            let at = left.swap_remove(self.random.below(left.len()));
            window.push(match self.random.below(100) {
                0..33 => Ask::Set(at),
                // Mostly on several servers: the proxy splits it, and gathers what comes.
                33..43 if self.habits.gets_several => {
                    let more = self.random.between(1, 5).min(left.len());
                    let mut draw = |_| left.swap_remove(self.random.below(left.len()));
                    Ask::Get([at].into_iter().chain((0..more).map(&mut draw)).collect())
                }
                _ => Ask::Get(vec![at]),
            });
        }
        window
    }

    /// Sends a window and sees to its answers, on a new connection if there is none.
    fn turn(&mut self, line: &mut Option<Line>, window: &[Ask]) {
        if line.is_none() {
            *line = self.connect();
        }
        let Some(open) = line else {
            thread::sleep(RECONNECT);
            return;
        };
        let was_leaving = self.world.is_proxy_leaving();
        self.hear_unasked(open);
        let over = self.say(open, window).and_then(|()| self.hear(open)).err();
        if let Some(over) = over
            && let Some(line) = line.take()
        {
            self.part(line, over, was_leaving);
        }
    }

    fn connect(&mut self) -> Option<Line> {
        let stream = servers::connect(self.habits.port).and_then(|stream| {
            stream.set_read_timeout(Some(READ_STEP))?;
            stream.set_write_timeout(Some(self.habits.patience))?;
            Ok(stream)
        });
        match stream {
            Ok(stream) => {
                self.tally.connections += 1;
                let conversation = Conversation::new(self.habits.protocol);
                Some(Line { stream, conversation })
            }
            Err(error) => {
                if !self.world.is_proxy_leaving() {
                    self.tally.unreached += 1;
                    self.tally.find(format!("the proxy could not be reached: {error}"));
                }
                None
            }
        }
    }

    fn say(&mut self, line: &mut Line, window: &[Ask]) -> Result<(), Over> {
        let mut bytes = Vec::new();
        for ask in window {
            let len = self.draw_length();
            let sent = Instant::now();
            let asked = match ask {
                Ask::Set(at) => {
                    let known = &mut self.keys[*at];
                    let epoch = self.world.epoch(known.home);
                    let sequence = known.next_set();
                    let value = known.value(sequence, len);
                    speech::put_set(self.habits.protocol, &mut bytes, &known.key, &value);
                    Asked { at: vec![*at], set: Some(sequence), epoch, sent }
                }
                Ask::Get(at) => {
                    let names: Vec<&str> = at.iter().map(|at| &*self.keys[*at].key).collect();
                    speech::put_get(self.habits.protocol, &mut bytes, &names);
                    Asked { at: at.clone(), set: None, epoch: 0, sent }
                }
            };
            self.tally.requests += 1;
            let parts = self.parts(&asked);
            self.tally.parts_sent += parts;
            if parts > 1 {
                self.tally.fragments += parts;
            }
            line.conversation.asked(asked);
        }
        line.stream.write_all(&bytes).map_err(|error| match error.kind() {
            ErrorKind::WouldBlock | ErrorKind::TimedOut => Over::Hung,
            _ => Over::Closed,
        })
    }

    /// Takes what has come since the last answer: nothing should have.
    fn hear_unasked(&mut self, line: &mut Line) {
        let mut chunk = [0; 4096];
        // An end of the connection is noticed by who uses it next.
        while let Ok((len, _)) = recv(&line.stream, &mut chunk, RecvFlags::DONTWAIT)
            && len > 0
        {
            self.judge(line, &chunk[..len]);
        }
    }

    /// Mostly small, sometimes so large that the proxy shares instead of copying.
    fn draw_length(&mut self) -> usize {
        match self.random.below(100) {
            0..90 => self.random.between(1, 300),
            90..98 => self.random.between(1_000, 6_000),
            _ => self.random.between(16_000, 60_000),
        }
    }

    /// Reads until every request has its answer.
    fn hear(&mut self, line: &mut Line) -> Result<(), Over> {
        let deadline = Instant::now() + self.habits.patience;
        let mut chunk = [0; 16 * 1024];
        while line.conversation.outstanding() > 0 {
            if interrupt::check().is_err() {
                return Err(Over::Interrupted);
            }
            match line.stream.read(&mut chunk) {
                Ok(0) => return Err(Over::Closed),
                Ok(len) => self.judge(line, &chunk[..len]),
                Err(error) if is_slow(&error) => {
                    if Instant::now() > deadline {
                        return Err(Over::Hung);
                    }
                }
                Err(_) => return Err(Over::Closed),
            }
        }
        Ok(())
    }

    fn judge(&mut self, line: &mut Line, bytes: &[u8]) {
        let verdicts = line.conversation.received(bytes, self.keys, self.world);
        let at = self.world.begun.elapsed();
        let is_pure = verdicts.iter().all(|(asked, _)| {
            asked.as_ref().is_none_or(|asked| self.owner(asked) == Owner::Healthy)
        });
        for (asked, verdict) in verdicts {
            if let Some(asked) = &asked {
                let took = asked.sent.elapsed();
                // Behind a window lies whatever stands before it in line.
                if is_pure && self.habits.window == 1 {
                    self.tally.stall = self.tally.stall.max(took);
                }
                if let Some(sixth) = self.habits.sixth {
                    let nth = (at.as_secs_f64() / sixth.as_secs_f64()) as usize;
                    self.tally.took(nth.min(SIXTHS - 1), took);
                }
            }
            match (asked, verdict) {
                (_, Verdict::Right) => {}
                (asked, Verdict::Error(text)) => {
                    self.tally.parts_failed += asked.as_ref().map_or(0, |asked| self.parts(asked));
                    let owner = asked.map_or(Owner::Healthy, |asked| self.owner(&asked));
                    self.tally.error(&text, owner, at);
                }
                (_, Verdict::Wrong(why)) => {
                    self.tally.wrong += 1;
                    self.tally.find(format!("at {:.2} s: wrong: {why}", at.as_secs_f64()));
                }
                (_, Verdict::Unasked(reply)) => {
                    self.tally.duplicated += 1;
                    self.tally.find(format!(
                        "at {:.2} s: nobody asked for this: {reply}",
                        at.as_secs_f64()
                    ));
                }
            }
        }
    }

    /// How many servers a request has keys on.
    fn parts(&self, asked: &Asked) -> u64 {
        match asked.at[..] {
            [_] => 1,
            _ => {
                let homes = asked.at.iter().map(|at| self.keys[*at].home);
                homes.collect::<BTreeSet<_>>().len() as u64
            }
        }
    }

    /// A request about several keys is a faulty server's if one of the keys is.
    fn owner(&self, asked: &Asked) -> Owner {
        let is_faulty = asked.at.iter().any(|at| self.world.is_faulty(self.keys[*at].home));
        if is_faulty { Owner::Faulty } else { Owner::Healthy }
    }

    /// Counts what a connection leaves behind.
    fn part(&mut self, line: Line, over: Over, was_leaving: bool) {
        let at = self.world.begun.elapsed().as_secs_f64();
        let may_end = was_leaving || self.world.is_proxy_leaving();
        let is_torn = line.conversation.is_torn();
        let left = line.conversation.end(self.keys);
        let keys: Vec<&str> = left.iter().take(4).map(|one| &*self.keys[one.at[0]].key).collect();
        let count = left.len() as u64;
        match over {
            Over::Interrupted => {}
            Over::Hung => {
                self.tally.hung += count.max(1);
                self.tally.find(format!("at {at:.2} s: no answer about {keys:?}"));
            }
            Over::Closed if may_end && !is_torn => self.tally.unread += count,
            Over::Closed => {
                self.tally.lost += count;
                let how = if is_torn { " in the middle of an answer" } else { "" };
                self.tally.find(format!("at {at:.2} s: closed{how}, {count} unanswered: {keys:?}"));
            }
        }
    }

    /// Listens for what nobody asked for.
    fn listen(&mut self, mut line: Line) {
        const QUIET: Duration = Duration::from_millis(100);
        let end = Instant::now() + QUIET;
        let mut chunk = [0; 4096];
        while Instant::now() < end {
            match line.stream.read(&mut chunk) {
                Ok(0) => return,
                Ok(len) => self.judge(&mut line, &chunk[..len]),
                Err(error) if is_slow(&error) => {}
                Err(_) => return,
            }
        }
        if line.conversation.is_torn() {
            self.tally.duplicated += 1;
            self.tally.find("part of an answer came that nobody asked for".to_owned());
        }
    }
}

fn is_slow(error: &std::io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted)
}

#[cfg(test)]
mod tests;
