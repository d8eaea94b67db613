//! One direction of a conn: bytes on their way, late, cut anywhere, and never more than fit.

use std::collections::VecDeque;

use super::random::Random;

/// How a stream ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// In good order, behind all that was written.
    Eof,
    /// At once: what has not been read is lost.
    Reset,
}

/// The reader is gone: nothing can be written any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Broken;

/// How a network is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Weather {
    /// How long bytes take at most, microseconds.
    pub(crate) latency_max: u64,
    /// Bytes that fit into a pipe.
    pub(crate) capacity: usize,
    /// How often of a hundred times what was written together comes apart.
    pub(crate) cut_percent: u64,
    /// How often of a hundred times a write takes less than there is room for.
    pub(crate) short_percent: u64,
}

/// Bytes from a writer to a reader.
#[derive(Debug)]
pub(crate) struct Pipe {
    weather: Weather,
    on_the_way: VecDeque<(u64, Vec<u8>)>,
    arrived: Vec<u8>,
    /// Bytes of `arrived` that have been read.
    taken: usize,
    used: usize,
    last_arrival: u64,
    end: Option<(u64, End)>,
    ended: bool,
    broken: bool,
}

impl Pipe {
    pub(crate) fn new(weather: Weather) -> Self {
        Self {
            weather,
            on_the_way: VecDeque::new(),
            arrived: Vec::new(),
            taken: 0,
            used: 0,
            last_arrival: 0,
            end: None,
            ended: false,
            broken: false,
        }
    }

    /// Bytes that can be written now; none when nobody reads them any more.
    pub(crate) fn room(&self) -> usize {
        if self.broken { 0 } else { self.weather.capacity - self.used }
    }

    /// Whether a write would say something, be it that the reader is gone.
    pub(crate) fn is_writable(&self) -> bool {
        self.broken || self.room() > 0
    }

    /// Writes as much of `bytes` as fits and says how much that is.
    pub(crate) fn write(
        &mut self,
        bytes: &[u8],
        now: u64,
        random: &mut Random,
    ) -> Result<usize, Broken> {
        if self.broken {
            return Err(Broken);
        }
        debug_assert!(self.end.is_none() || bytes.is_empty(), "nobody writes behind the end");
        let mut taken = bytes.len().min(self.room());
        if random.chance(self.weather.short_percent) {
            taken = random.below(taken as u64 + 1) as usize;
        }
        let mut rest = &bytes[..taken];
        while !rest.is_empty() {
            let cut = random.chance(self.weather.cut_percent);
            let len = if cut { random.between(1, rest.len() as u64) as usize } else { rest.len() };
            let arrival = self.arrival(now, random);
            self.on_the_way.push_back((arrival, rest[..len].to_vec()));
            rest = &rest[len..];
        }
        self.used += taken;
        Ok(taken)
    }

    /// The writer ends the stream.
    pub(crate) fn end(&mut self, end: End, now: u64, random: &mut Random) {
        let arrival = match end {
            End::Eof => self.arrival(now, random),
            End::Reset => now + random.below(self.weather.latency_max + 1),
        };
        self.end = Some((arrival, end));
    }

    /// The reader goes away.
    pub(crate) fn break_off(&mut self) {
        self.broken = true;
    }

    fn arrival(&mut self, now: u64, random: &mut Random) -> u64 {
        let arrival = now + random.below(self.weather.latency_max + 1);
        self.last_arrival = self.last_arrival.max(arrival);
        self.last_arrival
    }

    /// When the next thing arrives.
    pub(crate) fn next_arrival(&self) -> Option<u64> {
        if self.ended {
            return None;
        }
        let bytes = self.on_the_way.front().map(|(at, _)| *at);
        let end = self.end.map(|(at, _)| at);
        bytes.into_iter().chain(end).min()
    }

    /// Lets arrive what should have; says whether the reader is told of something new.
    pub(crate) fn settle(&mut self, now: u64) -> bool {
        if self.ended {
            return false;
        }
        let mut news = false;
        while let Some((at, bytes)) = self.on_the_way.front()
            && *at <= now
        {
            self.arrived.extend_from_slice(bytes);
            self.on_the_way.pop_front();
            news = true;
        }
        if let Some((at, end)) = self.end
            && at <= now
            && (end == End::Reset || self.on_the_way.is_empty())
        {
            self.ended = true;
            if end == End::Reset {
                self.on_the_way.clear();
                self.take(self.readable());
                self.used = 0;
            }
            news = true;
        }
        news
    }

    /// Bytes that can be read now.
    pub(crate) fn readable(&self) -> usize {
        self.arrived.len() - self.taken
    }

    /// Reads into all of `space`, for which there must be bytes enough.
    pub(crate) fn read(&mut self, space: &mut [u8]) {
        space.copy_from_slice(&self.arrived[self.taken..][..space.len()]);
        self.take(space.len());
    }

    /// Reads all there is, but no more than `bytes_max`.
    pub(crate) fn read_all(&mut self, into: &mut Vec<u8>, bytes_max: usize) {
        let len = self.readable().min(bytes_max);
        into.extend_from_slice(&self.arrived[self.taken..][..len]);
        self.take(len);
    }

    fn take(&mut self, len: usize) {
        self.taken += len;
        self.used -= len;
        if self.readable() == 0 {
            self.arrived.clear();
            self.taken = 0;
        }
    }

    /// Whether the end of the stream has arrived, be there something to read before it or not.
    pub(crate) const fn has_ended(&self) -> bool {
        self.ended
    }

    /// How the stream has ended, once all of it was read.
    pub(crate) fn ended(&self) -> Option<End> {
        let (_, end) = self.end?;
        (self.ended && self.readable() == 0).then_some(end)
    }
}
