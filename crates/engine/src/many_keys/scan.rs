//! `SCAN` over the servers of a pool, one after the other, behind one cursor.
//!
//! All state is in the cursor, so that any client may go on, on any worker:
//!
//! ```text
//!   63 bits:  | the server's own cursor | mark (8 bits) | server's number (as many as it takes) |
//! ```
//! The mark stands for the list of servers. A cursor that was given out for another list, or never,
//! is refused, but for one in 256. The number stands in the low bits and the server's cursor, which is
//! smaller than its table of keys, above it: so the whole stays small, below 2 to the power of 53 for
//! all but giant tables, and clients that keep numbers as doubles lose nothing.
//!
//! 0 begins at the first server; the end of the last server's keys is 0. An ejected server in the
//! middle is an error: its keys would be missing, and nobody would know.

use nutcracker_proto::{Routed, resp};

use crate::action::CloseReason;
use crate::bytes::frame::Frame;
use crate::engine::Engine;
use crate::errand::Errand;
use crate::ids::{ConnId, PoolId, ServerId};
use crate::pool::PoolConfig;
use crate::request::{Request, Role};

/// What Redis says of a cursor that is no number.
const INVALID_CURSOR: &[u8] = b"-ERR invalid cursor\r\n";

/// How cursors of a pool are made and read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cursors {
    /// Servers there are.
    servers: u32,
    /// Stands for the list of servers.
    mark: u8,
}

impl Cursors {
    pub(crate) fn new(config: &PoolConfig) -> Self {
        let names = config.servers.iter().map(|server| server.name.as_bytes());
        // FNV-1a over the names and an end each: any digest does that is always the same.
        let mark = names
            .flat_map(|name| name.iter().chain(b"\n"))
            .fold(0x811C_9DC5, |mark, byte| (mark ^ u32::from(*byte)).wrapping_mul(0x0100_0193));
        Self { servers: config.servers.len() as u32, mark: (mark >> 24) as u8 }
    }

    /// Bits of the server's number.
    const fn number_bits(self) -> u32 {
        u32::BITS - (self.servers - 1).leading_zeros()
    }

    /// The cursor of the pool for the `cursor` that `server` gave; `None` where it has no room.
    fn give(self, server: ServerId, cursor: u64) -> Option<u64> {
        let (server, cursor) = match cursor {
            0 if server.0 + 1 == self.servers => return Some(0),
            0 => (server.0 + 1, 0),
            _ => (server.0, cursor),
        };
        let bits = self.number_bits() + u8::BITS;
        let low = u64::from(self.mark) << self.number_bits() | u64::from(server);
        // Clients may read it as a signed number.
        (cursor >> (63 - bits) == 0).then(|| cursor << bits | low)
    }

    /// The server that `cursor` goes on at, and that server's cursor; `None` where this pool did not
    /// give it out.
    fn take(self, cursor: u64) -> Option<(ServerId, u64)> {
        if cursor == 0 {
            return Some((ServerId(0), 0));
        }
        let number_bits = self.number_bits();
        let server = (cursor & ((1 << number_bits) - 1)) as u32;
        let mark = (cursor >> number_bits) as u8;
        let good = server < self.servers && mark == self.mark && cursor >> 63 == 0;
        good.then_some((ServerId(server), cursor >> (number_bits + u8::BITS)))
    }
}

impl Engine {
    /// Queues a `SCAN` for the server that its cursor names.
    pub(crate) fn scan(&mut self, conn: ConnId, pool: PoolId, frame: Frame<'_>, routed: &Routed) {
        let cursors = self.pools[pool.0 as usize].shared.cursors;
        if cursors.servers == 1 {
            return self.forward(conn, pool, frame, routed);
        }
        let Some(cursor) = resp::request_cursor(frame.bytes) else {
            return self.answer(conn, INVALID_CURSOR);
        };
        let Some((server, own)) = cursors.take(cursor.value) else {
            return self.answer(conn, INVALID_CURSOR);
        };
        self.welcome_back(pool);
        if !self.pools[pool.0 as usize].shared.health.live()[server.0 as usize] {
            let reason = self.ejected(pool, server, routed);
            return self.fail_request(Some(conn), pool, reason);
        }
        let server_conn = match self.open_conn(pool, server, conn) {
            Ok(server_conn) => server_conn,
            Err(reason) => return self.fail_request(Some(conn), pool, reason),
        };
        let opened = self.servers.get_mut(server_conn.key()).expect("it is open");
        let before = opened.outbox.len();
        cursor.replace(frame.bytes, own, opened.tail(frame.bytes.len(), &mut self.spares));
        let bytes = opened.outbox.len() - before;
        let errand = self.errands.insert(Errand::Scan { server });
        let mut request = Request::new(Some(conn), Role::Errand { errand }, routed.command.kinds);
        request.quiet = routed.meta.quiet;
        let request = self.requests.insert(request);
        self.put_in_line(conn, request);
        self.enqueue(server_conn, request, bytes);
    }

    /// What the client is told when `server` answered its `SCAN` with `frame`.
    pub(crate) fn scan_answer(&self, conn: ConnId, server: ServerId, frame: Frame<'_>) -> Vec<u8> {
        let Some(cursor) = resp::response_cursor(frame.bytes) else {
            // An error, most likely.
            return frame.bytes.to_vec();
        };
        let pool = self.clients.get(conn.key()).expect("it waits in its line").pool;
        let shared = &self.pools[pool.0 as usize].shared;
        let mut answer = Vec::with_capacity(frame.bytes.len() + 20);
        match shared.cursors.give(server, cursor.value) {
            Some(value) => cursor.replace(frame.bytes, value, &mut answer),
            None => {
                let name = &shared.config.servers[server.0 as usize].name;
                let text = format!("server '{name}' gave a cursor too large for a pool of servers");
                let reason = CloseReason::Other(text.into());
                shared.config.protocol.error(reason.text(), &mut answer);
            }
        }
        answer
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn cursors(servers: u32) -> Cursors {
        Cursors { servers, mark: 0xA5 }
    }

    #[test]
    fn a_cursor_that_was_given_is_taken_for_what_it_is() {
        for servers in [2, 3, 4, 5, 255, 256, 257, 32_768] {
            let cursors = cursors(servers);
            let room = 63 - 8 - cursors.number_bits();
            for server in [0, 1, servers - 1] {
                for own in [1, 2, 12_345, 1 << 27, (1 << room) - 1] {
                    let given = cursors.give(ServerId(server), own).expect("it has room");
                    assert!(given > 0 && given <= i64::MAX as u64, "{given}");
                    assert_eq!(cursors.take(given), Some((ServerId(server), own)), "{servers}");
                }
                assert_eq!(cursors.give(ServerId(server), 1 << room), None, "no room");
                assert_eq!(cursors.give(ServerId(server), u64::MAX), None, "no room");
            }
        }
    }

    #[test]
    fn the_end_of_a_server_is_the_beginning_of_the_next_and_of_the_last_the_end() {
        let cursors = cursors(3);
        assert_eq!(cursors.take(0), Some((ServerId(0), 0)));
        for server in 0..2 {
            let given = cursors.give(ServerId(server), 0).expect("it has room");
            assert_ne!(given, 0);
            assert_eq!(cursors.take(given), Some((ServerId(server + 1), 0)));
        }
        assert_eq!(cursors.give(ServerId(2), 0), Some(0));
    }

    #[test]
    fn a_table_of_a_hundred_million_keys_on_a_thousand_servers_fits_a_double() {
        let given = cursors(1_000).give(ServerId(999), (1 << 28) - 1);
        assert!(given.is_some_and(|given| given < 1 << 53), "{given:?}");
    }

    #[test]
    fn what_was_never_given_out_or_for_other_servers_is_not_taken() {
        let three = cursors(3);
        let given = three.give(ServerId(1), 77).expect("it has room");
        assert_eq!(Cursors { mark: 0xA4, ..three }.take(given), None, "another list of servers");
        assert_eq!(three.take(given | 3), None, "there is no server 3");
        assert_eq!(three.take(given | 1 << 63), None);
        let taken = (1..10_000).filter(|&cursor| three.take(cursor).is_some()).count();
        assert!(taken < 60, "{taken} of 10,000 small numbers");
    }
}
