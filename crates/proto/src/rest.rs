//! What is left of a response that nobody wants.

use crate::progress::ParseError;
use crate::{memcache, resp};

/// What is left of a response that nobody wants: to be passed over as it comes, and not kept.
#[derive(Clone, Debug)]
pub enum Rest {
    /// Redis.
    Redis(resp::Rest),
    /// memcached text.
    Memcache(memcache::Rest),
}

/// How much of the bytes at hand belong to such a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Passed {
    /// So many of them are of no use any more. What is behind them is to be shown again, with more behind it.
    pub len: usize,
    /// The response ends there.
    pub is_end: bool,
}

impl Rest {
    /// Passes over what `buf`, which goes on where the last call left off, has of the response.
    ///
    /// # Errors
    /// [`ParseError`] when the server does not keep to the protocol.
    pub fn pass(&mut self, buf: &[u8]) -> Result<Passed, ParseError> {
        match self {
            Self::Redis(rest) => rest.pass(buf),
            Self::Memcache(rest) => rest.pass(buf),
        }
    }

    /// How many bytes are to come before it is worth another look.
    #[must_use]
    pub const fn skips(&self) -> usize {
        match self {
            Self::Redis(rest) => rest.skips(),
            Self::Memcache(rest) => rest.skips(),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::progress::Progress;
    use crate::{Protocol, ResponseParser};

    /// However a response is cut, and whenever it is given up, its end is where the parser finds it.
    #[test]
    fn what_is_given_up_ends_where_it_would_have_ended() {
        for (protocol, responses) in RESPONSES {
            for response in *responses {
                for step in [1, 2, 3, 5, 8, 100] {
                    (1..response.len()).for_each(|at| gives_up(*protocol, response, at, step));
                }
            }
        }
    }

    /// Gives `response` up when so many bytes of it are there, and passes over what comes in such steps.
    fn gives_up(protocol: Protocol, response: &[u8], at: usize, step: usize) {
        let stream = [response, b"NEXT"].concat();
        let mut parser = ResponseParser::new(protocol);
        let seen = parser.parse(&stream[..at]);
        assert!(matches!(seen, Ok(Progress::Incomplete { .. })), "{seen:?}");
        let Some((kind, mut rest)) = parser.give_up(&stream[..at]) else { return };
        assert!(parser.is_at_start());
        let whole = ResponseParser::new(protocol).parse(response);
        assert!(matches!(whole, Ok(Progress::Done(it)) if it.kind == kind), "{kind:?}");
        let (mut from, mut to) = (0, at);
        loop {
            let passed = rest.pass(&stream[from..to]).expect("it keeps to the protocol");
            from += passed.len;
            if passed.is_end {
                break;
            }
            assert!(to < stream.len(), "it has an end");
            to = stream.len().min(to + step);
        }
        assert_eq!(from, response.len(), "{}", response.escape_ascii());
    }

    const RESPONSES: &[(Protocol, &[&[u8]])] = &[
        (
            Protocol::Redis,
            &[
                b"$12\r\nabcdefg\r\nhij\r\n",
                b"*3\r\n$3\r\nabc\r\n:12\r\n*2\r\n+status\r\n$11\r\nabcdefghijk\r\n",
                b"%2\r\n+a\r\n~2\r\n#t\r\n_\r\n$-1\r\n,1.5\r\n",
                b"*2\r\n*0\r\n*-1\r\n",
                b"=15\r\ntxt:Some string\r\n",
                b"-ERR a line\r\n",
            ],
        ),
        (
            Protocol::Memcache,
            &[
                b"VALUE a 0 12\r\nabcdefg\r\nhij\r\nVALUE b 7 0 99\r\n\r\nEND\r\n",
                b"VALUE a 0 2\r\nab\r\nEND\r\n",
                b"VALUE a 0 5\r\nEND\r\n\r\nEND\r\n",
                b"VA 9 f1 kb\r\nEND\r\nab\r\n\r\n",
                b"STAT pid 1\r\nSTAT uptime 22\r\nEND\r\n",
            ],
        ),
    ];
}
