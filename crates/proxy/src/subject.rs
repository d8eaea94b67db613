//! What an event is about: who has which of a poller's tokens.

use mio::Token;
use nutcracker_engine::{ConnId, Side};

/// The greatest tokens are no conn's, so many of them: a conn's would need as many places beside it.
const RESERVED: usize = 1 << 16;

/// What a token stands for.
///
/// ```text
///  0 ..                            ConnId::to_bits
///  MAX - 1, MAX - 2 ..             the listeners, in the worker's order
///  MAX                             the waker
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// Another thread has left a message.
    Waker,
    /// The worker's listener at that place, from 0.
    Listener(usize),
    /// A socket of either side.
    Conn(ConnId),
}

impl Subject {
    /// Which subject has the token.
    #[must_use]
    pub const fn of(token: Token) -> Self {
        match usize::MAX - token.0 {
            0 => Self::Waker,
            below @ 1..RESERVED => Self::Listener(below - 1),
            _ => Self::Conn(ConnId::from_bits(token.0 as u64)),
        }
    }

    /// The subject's token.
    ///
    /// # Panics
    /// At a listener's place that no machine has so many ports for.
    #[must_use]
    pub const fn token(self) -> Token {
        match self {
            Self::Waker => Token(usize::MAX),
            Self::Listener(at) => {
                assert!(at < RESERVED - 1, "one of too many listeners");
                Token(usize::MAX - 1 - at)
            }
            Self::Conn(conn) => Token(conn.to_bits() as usize),
        }
    }

    /// Whether it is a conn to a server.
    #[must_use]
    pub const fn is_server(self) -> bool {
        matches!(self, Self::Conn(conn) if matches!(conn.side(), Side::Server))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_subject_has_a_token_of_its_own() {
        let conns = [0, 1, 1 << 32, u64::from(u32::MAX), u64::MAX << 32, u64::MAX - (1 << 20)];
        let conns = conns.map(|bits| Subject::Conn(ConnId::from_bits(bits)));
        let listeners = [0, 1, 1000, RESERVED - 2].map(Subject::Listener);
        for subject in conns.into_iter().chain(listeners).chain([Subject::Waker]) {
            assert_eq!(Subject::of(subject.token()), subject);
        }
    }

    #[test]
    fn a_server_is_told_from_all_else() {
        let conn = |bits| Subject::Conn(ConnId::from_bits(bits));
        assert!(conn(1).is_server() && conn((7 << 32) + 3).is_server());
        for other in [conn(0), conn(7 << 32), Subject::Waker, Subject::Listener(0)] {
            assert!(!other.is_server(), "{other:?}");
        }
        assert!(!Subject::Listener(1).is_server());
    }
}
