//! One client's life: what it sends, where its bytes are cut, and how each answer is judged.
//!
//! ```text
//!   asks, which both proxies serve            tail, which the original closes at
//!   | request | request | request | ... |     | odd | known | odd | known |
//! ```
//! A stream without a tail is valid to its end. One with a tail is sent in one of two ways: all at
//! once, and then the original may lose replies that it owes; or staged, the tail when all replies
//! to what is before it have come, and then it owes nothing.

use std::ops::Range;
use std::time::Duration;

use crate::random::Random;

/// A stream, made.
#[derive(Debug)]
pub(crate) struct Stream {
    /// Its number in the run.
    pub(crate) number: u64,
    /// Which pool it goes to.
    pub(crate) pool: usize,
    /// All that is sent.
    pub(crate) wire: Vec<u8>,
    /// The requests that both proxies serve.
    pub(crate) asks: Vec<Ask>,
    /// What comes behind them that the original does not serve.
    pub(crate) tail: Option<Tail>,
    /// Ends of stages: what follows is sent when all that was asked before is answered.
    pub(crate) stages: Vec<usize>,
    /// Places in `wire` that are filled in from replies.
    pub(crate) blanks: Vec<Blank>,
    /// Where the bytes are cut into writes; rising.
    pub(crate) cuts: Vec<usize>,
    /// How long to wait after each write.
    pub(crate) pause: Duration,
    /// The client reads when it can send no more, and not before.
    pub(crate) reads_late: bool,
    /// Who may be served beside it.
    pub(crate) company: Company,
    /// Bytes follow the request that ends it, which nobody reads.
    pub(crate) is_cut_short: bool,
}

impl Stream {
    /// Whether the client's close is the only thing that can end it, and no reply comes between
    /// the last bytes and that: the original then may not notice the close.
    pub(crate) fn ends_unanswered(&self) -> bool {
        let last = self.asks.last();
        let answered = last.filter(|ask| ask.is_answered()).map_or(0, |ask| ask.at.end);
        self.tail.is_none() && self.farewell().is_none() && answered < self.wire.len()
    }

    /// What ours says to a client that takes its leave, when it does.
    pub(crate) fn farewell(&self) -> Option<&'static [u8]> {
        self.asks.iter().find_map(|ask| match ask.judge {
            Judge::Farewell(goodbye) => Some(goodbye),
            _ => None,
        })
    }
}

/// A request that both proxies serve.
#[derive(Debug)]
pub(crate) struct Ask {
    /// Its bytes.
    pub(crate) at: Range<usize>,
    /// How its replies are judged.
    pub(crate) judge: Judge,
}

impl Ask {
    /// Whether there is a reply to it.
    pub(crate) fn is_answered(&self) -> bool {
        !matches!(self.judge, Judge::Silent | Judge::Farewell(_))
    }
}

/// How the replies of both proxies to one request are judged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Judge {
    /// There is none.
    Silent,
    /// The original says nothing to it, ours says this; and the connection closes.
    Farewell(&'static [u8]),
    /// They are the same, in this sense.
    Same(Mode),
    /// They are the same to the byte, or differ as a rule of this kind says.
    MayDiffer {
        /// The kind of the rule.
        kind: &'static str,
        /// What ours must be, then.
        ours: Oracle,
    },
}

/// What the right reply is known from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Oracle {
    /// The rule's own text.
    Rule,
    /// The sum of so many replies before it.
    SumOfLast(usize),
    /// The reply before it.
    Last,
}

/// In which sense two replies are the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// To the byte.
    Exact,
    /// An array of the same elements, in any order: what comes out of a hash table.
    Elements,
    /// An array of the same pairs, in any order.
    Pairs,
    /// A cursor that is at the end, and the same elements in any order.
    Scan,
    /// A cursor that is at the end, and the same pairs in any order.
    ScanPairs,
    /// Two numbers of which neither is negative, no further apart than this.
    Near(i64),
    /// The same type and, of arrays, the same number of elements: what is drawn at random.
    Shape,
    /// A serialized value: to the byte, unless it is a hash table; then of the same length.
    Dump,
    /// memcached's values; the numbers that `gets` shows rise, or stay, for the same keys.
    Values,
}

/// A place in the wire that a reply fills: 20 digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Blank {
    /// Where it is.
    pub(crate) at: usize,
    /// The request, counted among those that are answered, whose reply has the number.
    pub(crate) from: usize,
}

/// How many digits a [`Blank`] has: those of the largest number of 64 bits.
pub(crate) const BLANK_DIGITS: usize = 20;

/// What the original closes at, and what is behind it.
#[derive(Debug)]
pub(crate) struct Tail {
    /// Whether it waits for all replies due before it.
    pub(crate) is_staged: bool,
    /// What it is made of. The first part is odd.
    pub(crate) parts: Vec<Part>,
}

/// One part of a tail.
#[derive(Debug)]
pub(crate) enum Part {
    /// What the original does not serve. A rule of this kind says what is answered, with these
    /// fields filled in.
    Odd {
        /// The kind of the rule.
        kind: &'static str,
        /// Names and texts.
        fields: Vec<(&'static str, Vec<u8>)>,
    },
    /// A request whose reply is known.
    Known(Vec<u8>),
}

/// Who may be served beside a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Company {
    /// Anybody.
    Any,
    /// Nobody: it uses a key that others use as well.
    None,
    /// Nobody, and the original is started anew afterwards: its server connections are spoilt.
    Spoilt,
}

/// A stream in the making.
#[derive(Debug)]
pub(crate) struct Draft(Stream);

impl Draft {
    /// An empty one.
    pub(crate) fn new(number: u64, pool: usize) -> Self {
        Self(Stream {
            number,
            pool,
            wire: Vec::new(),
            asks: Vec::new(),
            tail: None,
            stages: Vec::new(),
            blanks: Vec::new(),
            cuts: Vec::new(),
            pause: Duration::ZERO,
            reads_late: false,
            company: Company::Any,
            is_cut_short: false,
        })
    }

    /// Who may be served beside it.
    pub(crate) fn company(&mut self, company: Company) {
        self.0.company = company;
    }

    /// Adds a request that both serve.
    pub(crate) fn ask(&mut self, bytes: &[u8], judge: Judge) {
        assert!(self.0.tail.is_none(), "what both serve comes before what one serves");
        let at = self.0.wire.len();
        self.0.wire.extend_from_slice(bytes);
        self.0.asks.push(Ask { at: at..self.0.wire.len(), judge });
    }

    /// How many bytes there are.
    pub(crate) fn len(&self) -> usize {
        self.0.wire.len()
    }

    /// How many requests there are that are answered.
    pub(crate) fn answered(&self) -> usize {
        self.0.asks.iter().filter(|ask| ask.is_answered()).count()
    }

    /// What follows is sent when all so far is answered.
    pub(crate) fn stage(&mut self) {
        let end = self.0.wire.len();
        if end > 0 && self.0.stages.last() != Some(&end) {
            self.0.stages.push(end);
        }
    }

    /// The last request has a blank `back` bytes before its end, filled from the reply to answered
    /// request `from`.
    pub(crate) fn blank(&mut self, back: usize, from: usize) {
        let at = self.0.wire.len() - back;
        self.0.blanks.push(Blank { at, from });
    }

    /// Adds bytes that nobody answers: those behind a request that ends the stream, or half of one.
    pub(crate) fn behind(&mut self, bytes: &[u8], is_cut_short: bool) {
        self.0.wire.extend_from_slice(bytes);
        self.0.is_cut_short = is_cut_short;
    }

    /// Begins the tail.
    pub(crate) fn begin_tail(&mut self, is_staged: bool) {
        if is_staged {
            self.stage();
        }
        self.0.tail = Some(Tail { is_staged, parts: Vec::new() });
    }

    /// Adds to the tail what the original does not serve.
    pub(crate) fn odd(
        &mut self,
        kind: &'static str,
        fields: Vec<(&'static str, Vec<u8>)>,
        bytes: &[u8],
    ) {
        self.part(Part::Odd { kind, fields }, bytes);
    }

    /// Adds to the tail a request whose reply is known.
    pub(crate) fn known(&mut self, bytes: &[u8], reply: &[u8]) {
        self.part(Part::Known(reply.to_vec()), bytes);
    }

    fn part(&mut self, part: Part, bytes: &[u8]) {
        self.0.wire.extend_from_slice(bytes);
        self.0.tail.as_mut().expect("the tail has begun").parts.push(part);
    }

    /// Cuts it into writes: that is all.
    pub(crate) fn finish(mut self, random: &mut Random) -> Stream {
        let length = self.0.wire.len();
        if length > 1 {
            self.0.cuts = cuts(&self.0, random);
        }
        if self.0.cuts.len() < 16 && random.chance(300) {
            self.0.pause = Duration::from_micros(random.between(50, 500) as u64);
        }
        self.0.reads_late = random.chance(80);
        self.0
    }
}

/// Where to cut: often nowhere, else anywhere, around the ends of requests, between CR and LF,
/// at every byte of a short one, and around the size of the original's buffers.
fn cuts(stream: &Stream, random: &mut Random) -> Vec<usize> {
    /// The original reads into chunks of this size less a header.
    const CHUNK: usize = 16384 - 48;
    let wire = &stream.wire;
    let anywhere = |random: &mut Random| random.between(1, wire.len() - 1);
    let mut cuts: Vec<usize> = match random.below(12) {
        0..4 => Vec::new(),
        4..7 => (0..random.between(1, 5)).map(|_| anywhere(random)).collect(),
        7 if wire.len() <= 300 => (1..wire.len()).collect(),
        7 | 8 => {
            let ends = stream.asks.iter().map(|ask| ask.at.end);
            ends.map(|end| (end + random.below(5)).saturating_sub(2)).collect()
        }
        9 => {
            let line_ends = wire.windows(2).enumerate().filter(|(_, pair)| *pair == b"\r\n");
            let line_ends: Vec<usize> = line_ends.map(|(at, _)| at + 1).take(200).collect();
            if line_ends.is_empty() {
                vec![anywhere(random)]
            } else {
                (0..random.between(1, 5)).map(|_| *random.pick(&line_ends)).collect()
            }
        }
        10 => {
            let chunks = wire.len() / CHUNK;
            (1..=chunks).map(|n| n * CHUNK + random.below(5) - 2).collect()
        }
        _ => (0..random.between(5, 40)).map(|_| anywhere(random)).collect(),
    };
    cuts.retain(|cut| (1..wire.len()).contains(cut));
    cuts.sort_unstable();
    cuts.dedup();
    cuts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_stream_is_cut_within_its_bytes_and_in_order() {
        for number in 0..500 {
            let mut random = Random::of_stream(1, number);
            let mut draft = Draft::new(number, 0);
            for _ in 0..random.below(20) {
                let bytes = vec![b'x'; random.below(9000)];
                draft.ask(&[&bytes[..], b"\r\n"].concat(), Judge::Same(Mode::Exact));
            }
            let stream = draft.finish(&mut random);
            assert!(stream.cuts.is_sorted(), "{:?}", stream.cuts);
            assert!(stream.cuts.iter().all(|cut| (1..stream.wire.len()).contains(cut)));
        }
    }
}
